"""Attention of rows that share what they read: the common part is held once, and read once for all its rows.

    with attending(model):
        model(input_ids=tokens, position_ids=positions, plan=plan, use_cache=False)

Each layer of a transformers decoder hands its queries, keys and values to the function registered here (the attention
interface of transformers), which hands them to `plan`. A plan attends to the shared keys, in one product for all rows
of a prefix, and to each row's own, and joins the two by their log-sum-exps: exact, up to rounding. The idea is
Hydragen's (arXiv 2402.05099).

Not covered: decoders that do not use the interface, or ask it for more than plain attention (soft caps, sinks, biases
of position). `local_shared.can_share` finds that out by comparing logits, and they are sampled by the padded loop.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import Tensor

NAME = "first_pit"
MORE = ("softcap", "s_aux", "position_bias", "sliding_window")  # what decoders may ask for beyond plain attention


class Plan(Protocol):
    """Who attends to what in one forward pass."""

    def attend(self, layer: int, query: "Tensor", key: "Tensor", value: "Tensor", scale: float) -> "Tensor":
        """query (rows, heads, tokens, width), key and value (rows, key heads, tokens, width): those of this pass.

        Returns (rows, tokens, heads, width of a value).
        """


@contextmanager
def attending(model: Any) -> Iterator[None]:
    """Within it, the model's layers ask the `plan` that a forward pass is given."""
    _register()
    before = model.config._attn_implementation
    model.set_attn_implementation(NAME)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


@cache
def _register() -> None:
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, _attention)


def _attention(
    module: Any,
    query: "Tensor",
    key: "Tensor",
    value: "Tensor",
    attention_mask: "Tensor | None",
    scaling: float | None = None,
    plan: Plan | None = None,
    **rest: Any,
) -> "tuple[Tensor, None]":
    if plan is None or any(rest.get(name) is not None for name in MORE):
        raise ValueError("This decoder asks for more than plain attention.")
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    return plan.attend(module.layer_idx, query, key, value, scale), None


def attend(
    query: "Tensor", key: "Tensor", value: "Tensor", mask: "Tensor | None", scale: float
) -> "tuple[Tensor, Tensor]":
    """query (blocks, heads, queries, width), key and value (blocks, heads, tokens, width), mask to be added to the
    scores (blocks or 1, 1, queries or 1, tokens) → what is read (blocks, heads, queries, width), and the log-sum-exp
    of the scores (blocks, heads, queries)."""
    import torch

    if query.device.type == "cpu" and key.shape[-1] == value.shape[-1]:
        read, sums = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            query, key, value, 0.0, False, attn_mask=mask, scale=scale
        )
        return read, sums
    return in_products(query, key, value, mask, scale)


def in_products(
    query: "Tensor", key: "Tensor", value: "Tensor", mask: "Tensor | None", scale: float
) -> "tuple[Tensor, Tensor]":
    """The same as `attend`, by two products of matrices: for every device."""
    import torch

    scores = torch.matmul(query, key.transpose(-1, -2)).float() * scale
    if mask is not None:
        scores = scores + mask
    sums = scores.logsumexp(-1)
    return torch.matmul((scores - sums[..., None]).exp().to(value.dtype), value), sums


def joined(first: "tuple[Tensor, Tensor]", second: "tuple[Tensor, Tensor]") -> "Tensor":
    """Attention over two sets of keys, from that over each (read, log-sum-exp)."""
    import torch

    weight = torch.sigmoid(second[1] - first[1])[..., None]
    return torch.lerp(first[0], second[0], weight.to(first[0].dtype))


def mask_of(lengths: "Tensor", longest: int, dtype: Any) -> "Tensor":
    """lengths (…) → (…, longest): 0 for tokens before the length, the most negative number after.

    Finite, so that a row that may read nothing yields numbers, which `joined` then gives no weight.
    """
    import torch

    places = torch.arange(longest, device=lengths.device)
    hidden = places >= lengths[..., None]
    return torch.zeros(hidden.shape, dtype=dtype, device=lengths.device).masked_fill_(hidden, torch.finfo(dtype).min)
