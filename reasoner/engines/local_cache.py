"""A cache of keys and values that is written in place.

    cache = growing_cache(model.config)
    model(input_ids=ids, past_key_values=cache, use_cache=True)

transformers' DynamicCache copies all it holds for every new token; at 192 rows that takes longer than the model's own
work. This one has room for more, and copies only when that is used up or when rows leave.

Not covered: layers that see a window only, recurrent layers (`local_sampling.can_loop` keeps them away).
"""

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

ROOM = 64  # tokens by which it grows. Ours


def growing_cache(config: Any) -> Any:
    """A DynamicCache whose layers write in place. Both come from transformers, hence the class made in a function."""
    from transformers import DynamicCache

    growing = DynamicCache(config=config)
    growing.layers = [_growing_layer()() for _ in growing.layers]
    return growing


@cache
def _growing_layer() -> Any:
    """The class of a cache layer that writes in place; made here, so that importing this file does not import torch."""
    from transformers.cache_utils import DynamicLayer

    class GrowingLayer(DynamicLayer):
        """keys, values: views (rows, heads, tokens so far, width) of room that is longer than that."""

        def update(self, key_states: "Tensor", value_states: "Tensor", *_: Any, **__: Any) -> "tuple[Tensor, Tensor]":
            before = self.get_seq_length()
            now = before + key_states.shape[-2]
            if not self.is_initialized:
                self.lazy_initialization(key_states, value_states)
                self.room: Any = (key_states[:, :, :0], value_states[:, :, :0])
            if now > self.room[0].shape[-2]:
                self.room = tuple(_longer(room[:, :, :before], now) for room in self.room)
            for room, states in zip(self.room, (key_states, value_states), strict=True):
                room[:, :, before:now] = states
            self.keys, self.values = (room[:, :, :now] for room in self.room)
            return self.keys, self.values

        def batch_select_indices(self, indices: "Tensor") -> None:
            now = self.get_seq_length()
            self.room = tuple(room[indices] for room in self.room)
            self.keys, self.values = (room[:, :, :now] for room in self.room)

    return GrowingLayer


def _longer(filled: "Tensor", length: int) -> "Tensor":
    """Room for `length` tokens and some more, that begins with `filled` (rows, heads, tokens, width)."""
    room = filled.new_empty((*filled.shape[:2], length + ROOM, filled.shape[3]))
    room[:, :, : filled.shape[2]] = filled
    return room
