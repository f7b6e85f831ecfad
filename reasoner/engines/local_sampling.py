"""A batch of prompts → tokens, with a transformers model: our own loop, and `generate` for what the loop cannot do.

    drawn = sample(model, rows, Settings(temperature=0.7, …))     drawn[i].tokens is the completion of rows[i]

The loop differs from `generate` in four points: rows with the same prompt share its prefill; keys and values are
written in place, into room that grows by 64 tokens at a time; finished rows leave the batch; and every row has
random numbers of its own, made from (prompt, seed) alone, so that a row's text does not depend on its neighbours
(up to rounding: padding changes the order of sums). tests/bench/bench_sampling.py measures both.

Both choose tokens by the same `_Chooser`, and a test holds that they write the same.

Not covered by the loop, so done by `generate`: sliding windows, recurrent layers, models without position_ids.
"""

import hashlib
import inspect
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

from reasoner.engines.local_cache import growing_cache

if TYPE_CHECKING:
    from torch import Tensor

KEEP = 0.8  # share of rows still going below which the finished ones are dropped. Ours: dropping copies the cache


@dataclass(frozen=True)
class Row:
    """One completion to draw."""

    prompt: tuple[int, ...]  # token ids, at least one
    key: str  # what its random numbers are made from
    limit: int  # tokens at most, the end of sequence included; at least 1


@dataclass(frozen=True)
class Settings:
    """How tokens are chosen, and where a row ends."""

    temperature: float  # 0 is greedy
    top_p: float  # 0-1
    ends: frozenset[int]  # ids that end a sequence
    has_ended: Callable[[list[int]], bool]  # is there a stop string in these tokens?
    pad: int = 0  # id that fills the left of shorter prompts

    def is_end(self, tokens: list[int]) -> bool:
        """Does what is written so far end here?"""
        return tokens[-1] in self.ends or self.has_ended(tokens)


@dataclass
class Drawn:
    """The tokens of one row so far."""

    limit: int
    tokens: list[int] = field(default_factory=list)
    is_finished: bool = False  # at an end of sequence or a stop string; False: cut at the limit

    def add(self, token: int, settings: Settings) -> bool:
        """Write `token` unless the row is over; does the row go on?"""
        if self.is_finished or len(self.tokens) >= self.limit:
            return False
        self.tokens.append(token)
        self.is_finished = settings.is_end(self.tokens)
        return not self.is_finished and len(self.tokens) < self.limit


def sample(model: Any, rows: Sequence[Row], settings: Settings, by_generate: bool = False) -> list[Drawn]:
    """Draw one completion a row, all in one batch, padded: for decoders that cannot share (local_shared.py)."""
    import torch

    if not rows:
        return []
    draw = _draw_by_generate if by_generate or not can_loop(model) else _draw_in_loop
    with torch.inference_mode():
        return draw(model, rows, settings)


def can_loop(model: Any) -> bool:
    """Does every layer of this decoder attend to all that came before, and does it take positions?"""
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer

    if "position_ids" not in arguments(model):
        return False
    layers = DynamicCache(config=model.config).layers
    return len(layers) > 0 and all(type(layer) is DynamicLayer for layer in layers)


def _draw_in_loop(model: Any, rows: Sequence[Row], settings: Settings) -> list[Drawn]:
    drawn = [Drawn(row.limit) for row in rows]
    going = list(drawn)
    chooser = _Chooser(rows, settings, model.device)
    batch = _Batch(model, rows, settings.pad)
    logits = batch.prefill()
    for step in range(max(row.limit for row in rows)):
        tokens = chooser.choose(logits, step)
        places = [place for place, token in enumerate(tokens.tolist()) if going[place].add(token, settings)]
        if not places:
            break
        if len(places) < KEEP * len(going):
            going = [going[place] for place in places]
            kept = tokens.new_tensor(places)
            tokens = tokens[kept]
            chooser.keep(kept)
            batch.keep(kept)
        logits = batch.step(tokens)
    return drawn


class _Batch:
    """The rows' cache, mask and positions, from prefill to the last token."""

    def __init__(self, model: Any, rows: Sequence[Row], pad: int) -> None:
        import torch

        self.model = model
        groups = [(prompt, len(list(same))) for prompt, same in groupby(rows, key=lambda row: row.prompt)]
        self.copies = torch.tensor([count for _, count in groups], device=model.device)
        self.ids, self.mask = left_padded([prompt for prompt, _ in groups], pad, model.device)
        self.has_padding = bool((self.mask == 0).any())
        self.cache = growing_cache(model.config)
        self.lengths = self.mask.sum(1, keepdim=True)  # (rows, 1) tokens that are not padding

    def prefill(self) -> "Tensor":
        """Read each distinct prompt once, then copy its cache to its rows. Logits of the next token (rows, words)."""
        import torch

        positions = (self.mask.cumsum(1) - 1).clamp(min=0)
        logits = self._forward(self.ids, positions)
        if int(self.copies.max()) == 1:
            return logits
        places = torch.arange(len(self.copies), device=logits.device).repeat_interleave(self.copies)
        self.keep(places)
        return logits[places]

    def step(self, tokens: "Tensor") -> "Tensor":
        """Read one more token a row, (rows,). Logits of the next: (rows, words)."""
        import torch

        if self.has_padding:
            self.mask = torch.cat([self.mask, self.mask.new_ones((len(self.mask), 1))], 1)
        logits = self._forward(tokens[:, None], self.lengths)
        self.lengths = self.lengths + 1
        return logits

    def keep(self, places: "Tensor") -> None:
        """Let only the rows at `places` stay, in that order."""
        self.mask, self.lengths = self.mask[places], self.lengths[places]
        self.cache.batch_select_indices(places)

    def _forward(self, ids: "Tensor", positions: "Tensor") -> "Tensor":
        last_only = {"logits_to_keep": 1} if "logits_to_keep" in arguments(self.model) else {}
        output = self.model(
            input_ids=ids,
            attention_mask=self.mask if self.has_padding else None,
            position_ids=positions,
            past_key_values=self.cache,
            use_cache=True,
            **last_only,
        )
        logits: Tensor = output.logits[:, -1]
        return logits


class _Chooser:
    """Logits → tokens, each row by its own random numbers."""

    def __init__(self, rows: Sequence[Row], settings: Settings, device: Any) -> None:
        import torch

        self.settings = settings
        self.uniforms = torch.zeros((len(rows), max(row.limit for row in rows)))  # (rows, tokens), 0-1
        if settings.temperature > 0:
            for place, row in enumerate(rows):
                source = torch.Generator().manual_seed(_seed(row.key))
                self.uniforms[place, : row.limit] = torch.rand(row.limit, generator=source)
        self.uniforms = self.uniforms.to(device)

    def keep(self, places: "Tensor") -> None:
        self.uniforms = self.uniforms[places]

    def choose(self, logits: "Tensor", step: int) -> "Tensor":
        """logits (rows, words) → token ids (rows,), each row by the random number of this step."""
        return pick(logits, self.uniforms[:, step : step + 1], self.settings)[:, 0]


def uniforms_of(row: Row) -> "array[float]":
    """A row's random numbers, 0-1, one a token it may write."""
    import torch

    drawn = torch.rand(row.limit, generator=torch.Generator().manual_seed(_seed(row.key)))
    return array("f", drawn.numpy().tobytes())


def pick(logits: "Tensor", uniforms: "Tensor", settings: Settings) -> "Tensor":
    """logits (states, words), uniforms (states, draws) in [0, 1) → token ids (states, draws).

    By inverting the cumulative distribution at each number; greedy ones all take the likeliest.
    """
    import torch

    if settings.temperature <= 0:
        return logits.argmax(-1, keepdim=True).expand(uniforms.shape)
    probabilities = torch.softmax(logits.float() / settings.temperature, -1)
    if settings.top_p >= 1:
        return _invert(probabilities, uniforms)
    ordered, ids = probabilities.sort(dim=-1, descending=True, stable=True)
    before = ordered.cumsum(-1) - ordered
    ordered = ordered.masked_fill(before >= max(settings.top_p, 1e-6), 0)  # the likeliest always stays
    return ids.gather(-1, _invert(ordered, uniforms))


def _invert(weights: "Tensor", uniforms: "Tensor") -> "Tensor":
    """weights (states, words) ≥ 0, uniforms (states, draws) → the words in whose shares of the sum they fall."""
    import torch

    sums = weights.cumsum(-1)
    places = torch.searchsorted(sums, uniforms * sums[:, -1:], right=True)  # right: a share of 0 is never met
    return places.clamp(max=weights.shape[-1] - 1)


def _draw_by_generate(model: Any, rows: Sequence[Row], settings: Settings) -> list[Drawn]:
    """The same by transformers' `generate`: it brings its own cache; tokens and ends stay ours."""
    import torch
    from transformers import GenerationConfig

    drawn = [Drawn(row.limit) for row in rows]
    chooser = _Chooser(rows, settings, model.device)
    ids, mask = left_padded([row.prompt for row in rows], settings.pad, model.device)
    start = ids.shape[1]

    def choose(input_ids: "Tensor", scores: "Tensor") -> "Tensor":
        chosen = chooser.choose(scores, input_ids.shape[1] - start)
        return torch.full_like(scores, -torch.inf).scatter(1, chosen[:, None], 0.0)

    def is_over(input_ids: "Tensor", scores: Any, **_: Any) -> "Tensor":
        over = [not one.add(token, settings) for one, token in zip(drawn, input_ids[:, -1].tolist(), strict=True)]
        return torch.tensor(over, device=input_ids.device)

    longest = max(row.limit for row in rows)
    plain = GenerationConfig(
        do_sample=False, num_beams=1, repetition_penalty=1.0, max_new_tokens=longest, pad_token_id=settings.pad
    )
    model.generate(
        ids,
        attention_mask=mask,
        generation_config=plain,
        logits_processor=[choose],
        stopping_criteria=[is_over],
    )
    return drawn


def left_padded(prompts: Sequence[Sequence[int]], pad: int, device: Any) -> "tuple[Tensor, Tensor]":
    """ids and mask (prompts, longest), the shorter ones filled up on the left; the mask is 0 there."""
    import torch

    longest = max(len(prompt) for prompt in prompts)
    ids = torch.tensor([[pad] * (longest - len(prompt)) + list(prompt) for prompt in prompts], device=device)
    mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=device)
    return ids, mask


def _seed(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode("utf-8", "replace")).digest()[:8], "big") >> 1


def arguments(model: Any) -> frozenset[str]:
    return _arguments_of(type(model).forward)


@cache
def _arguments_of(forward: Callable[..., Any]) -> frozenset[str]:
    return frozenset(inspect.signature(forward).parameters)
