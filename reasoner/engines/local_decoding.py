"""One step of decoding: every state reads one token, its prompt from where it is shared, the rest from its own slot.

    plan = Decoding(states, pool, dtype, device)
    logits = forward(model, ids, positions, plan)

A prefix of many rows is a block of its own: one product for all its rows. Prefixes of few rows lie side by side in the
pool and make one block together, padded to the longest and to the most rows.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from reasoner.engines.local_attention import attend, joined, mask_of
from reasoner.engines.local_rows import PrefixPool, Slots, State, States

if TYPE_CHECKING:
    from torch import Tensor

FEW = 16  # states of a prefix up to which it is read from the pool, with others. Ours


class Decoding:
    """The plan of a step: who attends to what."""

    def __init__(self, states: States, pool: PrefixPool, dtype: Any, device: Any) -> None:
        self._own = []
        start = 0
        for slots in states.sizes:
            if len(slots):
                self._own.append(_Own(slots, start, dtype, device))
                start += len(slots)
        self._blocks, self._order = _blocks(list(states), pool, dtype, device)

    def attend(self, layer: int, query: "Tensor", key: "Tensor", value: "Tensor", scale: float) -> "Tensor":
        rows, heads, _, width = query.shape
        query = query.reshape(rows, key.shape[1], heads // key.shape[1], width)  # heads that read the same keys
        own = _together([one.attend(layer, query, key, value, scale) for one in self._own])
        shared = _together([block.attend(layer, query, scale) for block in self._blocks])
        if self._order is not None:
            shared = (shared[0].index_select(0, self._order), shared[1].index_select(0, self._order))
        return joined(shared, own).reshape(rows, 1, heads, -1)


class _Own:
    """What rows with slots of one size have written themselves."""

    def __init__(self, slots: Slots, start: int, dtype: Any, device: Any) -> None:
        import torch

        written = [state.written for state in slots.holders]
        self.keys, self.values = slots.keys, slots.values
        self.rows = slice(start, start + len(written))
        self.num, self.longest = len(written), max(written) + 1
        self.places = torch.arange(self.num, device=device)
        self.written = torch.tensor(written, device=device)
        self.mask: Tensor | None = None
        if min(written) + 1 < self.longest:
            self.mask = mask_of(self.written + 1, self.longest, dtype)[:, None, None]

    def attend(
        self, layer: int, query: "Tensor", key: "Tensor", value: "Tensor", scale: float
    ) -> "tuple[Tensor, Tensor]":
        """Write the new token into the slots, then read them."""
        keys, values = self.keys[layer], self.values[layer]
        keys[self.places, :, self.written] = key[self.rows, :, 0]
        values[self.places, :, self.written] = value[self.rows, :, 0]
        keys, values = keys[: self.num, :, : self.longest], values[: self.num, :, : self.longest]
        return attend(query[self.rows], keys, values, self.mask, scale)


class _Block:
    """Prefixes that are read at once, each by its rows: keys and values (layers, prefixes, heads, tokens, width)."""

    def __init__(
        self, keys: "Tensor", values: "Tensor", groups: Sequence[Sequence[int]], rows: Sequence[State], dtype: Any
    ) -> None:
        """groups: of each prefix its rows' places."""
        import torch

        self.keys, self.values, self.dtype = keys, values, dtype
        self.most = max(len(group) for group in groups)
        padded = [[*group, *[0] * (self.most - len(group))] for group in groups]
        self.is_all = len(groups) == 1 and self.most == len(rows)
        self.places = torch.tensor([place for group in padded for place in group], device=keys.device)
        lengths = [[*(rows[place].num_shared for place in group), *[0] * (self.most - len(group))] for group in groups]
        self.longest = max(1, max(max(group) for group in lengths))
        self._lengths = torch.tensor(lengths, device=keys.device)  # (prefixes, rows)
        self._is_masked = min(min(group) for group in lengths) < self.longest
        self._mask: Tensor | None = None

    def attend(self, layer: int, query: "Tensor", scale: float) -> "tuple[Tensor, Tensor]":
        """query (all rows, heads, repeats, width) → read and sums of this block's rows, those of padding among them."""
        _, heads, repeats, width = query.shape
        prefixes, most = len(self._lengths), self.most
        if not self.is_all:
            query = query.index_select(0, self.places)
        query = query.view(prefixes, most, heads, repeats, width).transpose(1, 2)
        if self._is_masked and self._mask is None:
            lengths = self._lengths.repeat_interleave(repeats, 1)
            self._mask = mask_of(lengths, self.longest, self.dtype)[:, None]
        keys, values = (part[layer, :prefixes, :, : self.longest] for part in (self.keys, self.values))
        query = query.reshape(prefixes, heads, most * repeats, width)
        read, sums = attend(query, keys, values, self._mask, scale)
        read = read.view(prefixes, heads, most, repeats, -1).transpose(1, 2).reshape(-1, heads, repeats, read.shape[-1])
        return read, sums.view(prefixes, heads, most, repeats).transpose(1, 2).reshape(-1, heads, repeats)


def _blocks(rows: Sequence[State], pool: PrefixPool, dtype: Any, device: Any) -> "tuple[list[_Block], Tensor | None]":
    """The blocks of all rows, and where each row is in what they give together; None where that is its own place."""
    import torch

    pooled = pool.places(rows)
    groups: dict[int, list[int]] = {}
    for place, row in enumerate(rows):
        groups.setdefault(id(row.prefix), []).append(place)
    alone = {name: group for name, group in groups.items() if name not in pooled or len(group) > FEW < len(rows)}
    by_slot: list[list[int]] = [[] for _ in (pool.slots.holders if pool.slots else ())]
    for name in groups.keys() - alone.keys():
        by_slot[pooled[name]] = groups[name]
    blocks, at = [], [0] * len(rows)
    given = 0
    if len(alone) < len(groups) and pool.slots is not None:
        blocks.append(_Block(pool.slots.keys, pool.slots.values, by_slot, rows, dtype))
        for slot, group in enumerate(by_slot):
            for number, place in enumerate(group):
                at[place] = slot * blocks[0].most + number
        given = len(by_slot) * blocks[0].most
    for group in alone.values():
        prefix = rows[group[0]].prefix
        blocks.append(_Block(prefix.keys[:, None], prefix.values[:, None], [group], rows, dtype))
        for number, place in enumerate(group):
            at[place] = given + number
        given += len(group)
    is_in_order = at == list(range(len(rows))) and given == len(rows)
    return blocks, None if is_in_order else torch.tensor(at, device=device)


def _together(parts: "list[tuple[Tensor, Tensor]]") -> "tuple[Tensor, Tensor]":
    import torch

    if len(parts) == 1:
        return parts[0]
    return torch.cat([read for read, _ in parts]), torch.cat([sums for _, sums in parts])
