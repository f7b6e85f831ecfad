"""Keys and values of prompts, computed once: prompts that begin alike share them, within a call and between calls.

    store = PrefixStore(num_bytes)
    prefixes = store.read(model, [ids, …])       prefixes[i] holds the keys and values of ids[i], and maybe of more

An exploration asks for nested prefixes of one trace again and again: of each trace the longest one is kept, and a
longer one is continued from where it ends. The least recently used go first when there is no room.
"""

import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reasoner.engines.local_attention import attend, joined, mask_of

if TYPE_CHECKING:
    from torch import Tensor

Ids = tuple[int, ...]
START = 3  # tokens by which prefixes are looked up; what has less in common is not worth sharing. Ours
TOKENS = 4096  # of a forward pass at most, padding included. Ours
PADDING = 0.1  # share of a forward pass that may be padding, 0-1. Ours


@dataclass(frozen=True, eq=False)
class Prefix:
    """Some tokens as the model has read them."""

    ids: Ids
    keys: "Tensor"  # (layers, heads, tokens, width)
    values: "Tensor"  # (layers, heads, tokens, width)
    logits: "Tensor | None" = None  # (tokens, words): of what comes after each; None where that takes too much room

    @property
    def num_bytes(self) -> int:
        return int(self.keys.nbytes + self.values.nbytes) + (0 if self.logits is None else int(self.logits.nbytes))


class PrefixStore:
    """The prefixes read so far, as far as there is room."""

    def __init__(self, num_bytes: int) -> None:
        self.num_bytes = num_bytes  # that may be kept
        self.num_read = 0  # tokens that were computed …
        self.num_padding = 0  # … and of padding beside them
        self._kept: OrderedDict[Ids, Prefix] = OrderedDict()
        self._by_start: dict[Ids, list[Prefix]] = {}
        self.size = 0  # bytes of what is kept

    def __len__(self) -> int:
        return len(self._kept)

    def clear(self) -> None:
        self._kept.clear()
        self._by_start.clear()
        self.size = 0

    def read(self, model: Any, wanted: Sequence[Ids]) -> list[Prefix]:
        """A prefix that begins with each of the wanted ids (at least one token each)."""
        found: dict[Ids, Prefix] = {}
        missing: list[tuple[Ids, Prefix | None, int]] = []  # ids, what it goes on from, tokens in common
        for ids in _longest(wanted):
            prefix, common = self._nearest(ids)
            if prefix is not None and common == len(ids):
                found[ids] = prefix
                self._kept.move_to_end(prefix.ids)
            else:
                missing.append((ids, prefix, common))
        for batch in _batches(missing):
            for prefix in self._computed(model, batch):
                found[prefix.ids] = prefix
                self._keep(prefix)
        holders = sorted(found.items())
        return [_holder(holders, ids) for ids in wanted]

    def _nearest(self, ids: Ids) -> tuple[Prefix | None, int]:
        """The prefix that has most tokens in common with `ids`, and how many."""
        best, most = None, 0
        for prefix in self._by_start.get(ids[:START], ()):
            common = _common(prefix.ids, ids)
            if common > most:
                best, most = prefix, common
        return best, most

    def _computed(self, model: Any, batch: "list[tuple[Ids, Prefix | None, int]]") -> Iterator[Prefix]:
        import torch

        longest = max(len(ids) - common for ids, _, common in batch)
        plan = _Reading(batch)
        rows = [[*ids[common:], *[0] * (longest - len(ids) + common)] for ids, _, common in batch]
        positions = torch.tensor([[common] for _, _, common in batch]) + torch.arange(longest)
        self.num_read += sum(len(ids) - common for ids, _, common in batch)
        self.num_padding += len(batch) * longest - sum(len(ids) - common for ids, _, common in batch)
        ids_read = torch.tensor(rows, device=model.device)
        logits = forward(model, ids_read, positions.to(model.device), plan, keeps_logits(model))
        for row, (ids, earlier, common) in enumerate(batch):
            parts = []
            for part, layers in (("keys", plan.keys), ("values", plan.values)):
                new = torch.stack([layers[layer][row, :, : len(ids) - common] for layer in sorted(layers)])
                parts.append(new if earlier is None else torch.cat([getattr(earlier, part)[:, :, :common], new], 2))
            if not keeps_logits(model):
                yield Prefix(ids, parts[0], parts[1])
                continue
            after = logits[row, : len(ids) - common]
            before = None if earlier is None else earlier.logits
            after = after.clone() if before is None else torch.cat([before[:common], after])
            yield Prefix(ids, parts[0], parts[1], after)

    def _keep(self, prefix: Prefix) -> None:
        alike = self._by_start.get(prefix.ids[:START], ())
        for shorter in [one for one in alike if one.ids == prefix.ids[: len(one.ids)]]:
            self._drop(shorter)
        if prefix.num_bytes > self.num_bytes:
            return
        self._kept[prefix.ids] = prefix
        self._by_start.setdefault(prefix.ids[:START], []).append(prefix)
        self.size += prefix.num_bytes
        while self.size > self.num_bytes:
            self._drop(next(iter(self._kept.values())))

    def _drop(self, prefix: Prefix) -> None:
        del self._kept[prefix.ids]
        same_start = self._by_start[prefix.ids[:START]]
        same_start.remove(prefix)
        if not same_start:
            del self._by_start[prefix.ids[:START]]
        self.size -= prefix.num_bytes


class _Reading:
    """The plan of a pass that reads prompts: each attends to what it goes on from, and to itself before each token."""

    def __init__(self, batch: "list[tuple[Ids, Prefix | None, int]]") -> None:
        self.earlier = [prefix if common else None for _, prefix, common in batch]
        self.common = [common for _, _, common in batch]
        self.keys: dict[int, Tensor] = {}  # by layer, (rows, heads, tokens, width)
        self.values: dict[int, Tensor] = {}
        self._masks: tuple[Tensor, Tensor] | None = None

    def attend(self, layer: int, query: "Tensor", key: "Tensor", value: "Tensor", scale: float) -> "Tensor":
        from torch.nn.functional import scaled_dot_product_attention

        self.keys[layer], self.values[layer] = key, value
        rows, heads, tokens, width = query.shape
        if not any(self.common):
            grouped = heads != key.shape[1]
            read = scaled_dot_product_attention(query, key, value, is_causal=True, scale=scale, enable_gqa=grouped)
            return read.transpose(1, 2)
        repeats = heads // key.shape[1]
        query = query.reshape(rows, key.shape[1], repeats * tokens, width)
        causal, before = self._masks or self._made_masks(query, tokens, repeats)
        earlier_keys, earlier_values = (self._stacked(part, layer, key) for part in ("keys", "values"))
        own = attend(query, key, value, causal, scale)
        read = joined(attend(query, earlier_keys, earlier_values, before, scale), own)
        return read.view(rows, heads, tokens, -1).transpose(1, 2)

    def _made_masks(self, query: "Tensor", tokens: int, repeats: int) -> "tuple[Tensor, Tensor]":
        import torch

        lengths = torch.arange(1, tokens + 1, device=query.device).repeat(repeats)
        causal = mask_of(lengths, tokens, query.dtype)[None, None]
        before = mask_of(torch.tensor(self.common, device=query.device), max(self.common), query.dtype)
        self._masks = (causal, before[:, None, None, :].expand(-1, 1, len(lengths), -1))
        return self._masks

    def _stacked(self, part: str, layer: int, like: "Tensor") -> "Tensor":
        width = (self.keys if part == "keys" else self.values)[layer].shape[-1]
        stacked = like.new_zeros((len(self.common), like.shape[1], max(self.common), width))
        for row, (prefix, common) in enumerate(zip(self.earlier, self.common, strict=True)):
            if prefix is not None:
                stacked[row, :, :common] = getattr(prefix, part)[layer, :, :common]
        return stacked


def forward(model: Any, ids: "Tensor", positions: "Tensor", plan: Any, all_logits: bool = False) -> "Tensor":
    """One pass of the model by `plan`: ids and positions (rows, tokens) → logits after the last token (rows, words),
    or after each (rows, tokens, words)."""
    from reasoner.engines.local_sampling import arguments

    last_only = {"logits_to_keep": 1} if "logits_to_keep" in arguments(model) and not all_logits else {}
    output = model(input_ids=ids, position_ids=positions, use_cache=False, plan=plan, **last_only)
    logits: Tensor = output.logits
    return logits if all_logits else logits[:, -1]


def keeps_logits(model: Any) -> bool:
    """Are a token's logits smaller than its keys and values, so that a prefix may keep them too?"""
    return int(4 * model.config.get_text_config().vocab_size) <= token_bytes(model)


def token_bytes(model: Any) -> int:
    """Of the keys and values of one token."""
    config = model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return int(2 * config.num_hidden_layers * heads * width * next(model.parameters()).element_size())


def _longest(wanted: Sequence[Ids]) -> list[Ids]:
    """Those that no other one begins with."""
    ordered = sorted(set(wanted))
    following = [*ordered[1:], ()]
    return [ids for ids, after in zip(ordered, following, strict=True) if after[: len(ids)] != ids]


def _holder(holders: list[tuple[Ids, Prefix]], ids: Ids) -> Prefix:
    """The prefix that begins with `ids`; holders are sorted, so it is the first that is not less."""
    from bisect import bisect_left

    return holders[bisect_left(holders, ids, key=lambda pair: pair[0])][1]


def _batches(missing: "list[tuple[Ids, Prefix | None, int]]") -> Iterator["list[tuple[Ids, Prefix | None, int]]"]:
    """Of about the same number of new tokens, so that little is padding."""
    batch: list[tuple[Ids, Prefix | None, int]] = []
    tokens = 0
    for one in sorted(missing, key=lambda one: len(one[0]) - one[2]):
        longest, size = len(one[0]) - one[2], len(batch) + 1
        padded = size * longest
        if batch and (padded > TOKENS or padded - tokens - longest > PADDING * padded):
            yield batch
            batch, tokens = [], 0
        batch.append(one)
        tokens += longest
    if batch:
        yield batch


def _common(first: Ids, second: Ids) -> int:
    """How many tokens two sequences begin with in common."""
    low, high = 0, min(len(first), len(second))
    while low < high:
        middle = math.ceil((low + high) / 2)
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
