"""Continuous batching with shared prompts: when a row ends, the next one that waits takes its place.

    loop = Loop(model, rows, settings, width=128, store=PrefixStore(2**28))
    while not loop.is_over:
        loop.run(seconds=1.0)
    loop.drawn[i].tokens is the completion of rows[i]

What a row reads of its prompt is all but the last token, computed once for all rows and calls (local_prefixes.py); the
last token is the first that a row reads in the common steps. So a row may begin at any step, and no step is padded.

Not covered: decoders for which `can_share` says no; `local_sampling.sample` has other loops for those.
"""

import time
from collections import Counter, deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from reasoner.engines.local_attention import attending
from reasoner.engines.local_decoding import Decoding
from reasoner.engines.local_prefixes import PrefixStore, forward
from reasoner.engines.local_rows import Going, PrefixPool, Rows
from reasoner.engines.local_sampling import Drawn, Row, Settings, can_loop, pick, uniforms_of
from reasoner.errors import EngineError

if TYPE_CHECKING:
    from torch import Tensor

FEW = 16  # rows below which a prefix is read together with others, from the pool. Ours
TRIAL = 9  # tokens on which sharing is compared with the model's own attention. Ours
_CAN_SHARE: "WeakKeyDictionary[Any, bool]" = WeakKeyDictionary()


class Loop:
    """All rows of one call, some on their way, some waiting, some done."""

    def __init__(self, model: Any, rows: Sequence[Row], settings: Settings, width: int, store: PrefixStore) -> None:
        """width: rows that may be on their way at once."""
        self.model, self.rows, self.settings, self.width, self.store = model, rows, settings, width, store
        self.drawn = [Drawn(row.limit) for row in rows]
        self._copies = Counter(row.prompt for row in rows)
        self._dtype = next(model.parameters()).dtype
        self._begin(range(len(rows)))

    def _begin(self, places: Sequence[int]) -> None:
        self._waiting = deque(places)
        self._going = Rows(max((row.limit for row in self.rows), default=1))
        self._pool = PrefixPool(max((len(row.prompt) for row in self.rows), default=1))

    @property
    def is_over(self) -> bool:
        return not self._waiting and not len(self._going)

    def run(self, seconds: float = float("inf")) -> None:
        """Go on for about so long. Raises EngineError when not even one row fits into memory."""
        import torch

        end = time.monotonic() + seconds
        with torch.inference_mode(), attending(self.model):
            while not self.is_over and time.monotonic() < end:
                try:
                    self._step()
                except torch.OutOfMemoryError as error:
                    self._halve(error)

    def _step(self) -> None:
        import torch

        self._admit()
        rows, device = list(self._going), self.model.device
        plan = Decoding(self._going, self._pool, self._dtype, device)
        ids = torch.tensor([[row.token] for row in rows], device=device)
        positions = torch.tensor([[row.num_shared + row.written] for row in rows], device=device)
        logits = forward(self.model, ids, positions, plan)
        uniform = None
        if self.settings.temperature > 0:
            uniform = torch.tensor([[row.uniforms[row.written]] for row in rows], device=device)
        goes_on = []
        for row, token in zip(rows, pick(logits, uniform, self.settings).tolist(), strict=True):
            row.token = token
            row.written += 1
            goes_on.append(self.drawn[row.place].add(token, self.settings))
        self._going.keep(goes_on)

    def _admit(self) -> None:
        """Let waiting rows begin, as far as there is room."""
        num = min(self.width - len(self._going), len(self._waiting))
        if num <= 0:
            return
        places = [self._waiting.popleft() for _ in range(num)]
        begun = [self.rows[place].prompt for place in places]
        prefixes = self.store.read(self.model, [prompt[: max(1, len(prompt) - 1)] for prompt in begun])
        pairs = zip(begun, prefixes, strict=True)
        self._pool.add([prefix for prompt, prefix in pairs if self._copies[prompt] < FEW])
        is_greedy = self.settings.temperature <= 0
        self._going.add(
            [
                Going(place, prefix, len(prompt) - 1, prompt[-1], [] if is_greedy else uniforms_of(self.rows[place]))
                for place, prefix, prompt in zip(places, prefixes, begun, strict=True)
            ]
        )

    def _halve(self, error: Exception) -> None:
        """Too little memory: begin again with half as many at once; those that are done stay."""
        import torch

        if self.width == 1:
            raise EngineError(
                "The GPU has too little free memory for this model and text: end what else uses it."
            ) from error
        self.width = max(1, self.width // 2)
        unfinished = sorted([*(row.place for row in self._going), *self._waiting])
        for place in unfinished:
            self.drawn[place] = Drawn(self.rows[place].limit)
        self._begin(unfinished)
        self.store.clear()
        torch.cuda.empty_cache()


def can_share(model: Any) -> bool:
    """Does this decoder give the same logits when prompts are shared? Tried out once a model."""
    if model not in _CAN_SHARE:
        _CAN_SHARE[model] = can_loop(model) and bool(getattr(model, "_supports_attention_backend", False))
        _CAN_SHARE[model] = _CAN_SHARE[model] and _has_same_logits(model)
    return _CAN_SHARE[model]


def _has_same_logits(model: Any) -> bool:
    """Some tokens read at once by the model's own attention, and in three parts by ours."""
    import torch

    words = model.config.get_text_config().vocab_size
    ids = tuple((7 * place + 3) % words for place in range(TRIAL))
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([ids], device=model.device)).logits[0, -1].float()
        try:
            with attending(model):
                ours = _read_in_parts(model, ids)
        except (RuntimeError, TypeError, ValueError, LookupError, AttributeError):
            return False  # it does not take our plan: it is sampled as if there were none
    spread = 1e-3 if next(model.parameters()).dtype == torch.float32 else 5e-2
    return bool((ours - logits).abs().max() <= spread * (1 + logits.abs().max()))


def _read_in_parts(model: Any, ids: tuple[int, ...]) -> "Tensor":
    """A third of the ids as a prefix, a third as its continuation, the rest one by one: the last one's logits."""
    import torch

    store, third = PrefixStore(2**30), len(ids) // 3
    store.read(model, [ids[:third]])
    [prefix] = store.read(model, [ids[: 2 * third]])
    rows, pool = Rows(len(ids)), PrefixPool(len(ids))
    row = Going(0, prefix, 2 * third - 1, 0)  # one token of the prefix is hidden from it
    rows.add([row])
    for place in range(row.num_shared, len(ids)):
        plan = Decoding(rows, pool, next(model.parameters()).dtype, model.device)
        token, position = (torch.tensor([[one]], device=model.device) for one in (ids[place], place))
        logits = forward(model, token, position, plan)
        row.written += 1
    return logits[0].float()
