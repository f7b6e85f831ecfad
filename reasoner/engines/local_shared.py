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
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from reasoner.engines.local_attention import attending
from reasoner.engines.local_decoding import Decoding
from reasoner.engines.local_prefixes import PrefixStore, forward, keeps_logits
from reasoner.engines.local_rows import Member, PrefixPool, State, States
from reasoner.engines.local_sampling import Drawn, Row, Settings, can_loop, pick, uniforms_of
from reasoner.engines.local_walking import Start
from reasoner.errors import EngineError

if TYPE_CHECKING:
    from torch import Tensor

AT_ONCE = 256  # states on their way, by the going rate of rows a state. Ours: more at once gain nothing on a CPU
TRIAL = 9  # tokens on which sharing is compared with the model's own attention. Ours
_CAN_SHARE: "WeakKeyDictionary[Any, bool]" = WeakKeyDictionary()


class Loop:
    """All rows of one call, some on their way, some waiting, some done."""

    def __init__(self, model: Any, rows: Sequence[Row], settings: Settings, width: int, store: PrefixStore) -> None:
        """width: states that may be on their way at once."""
        self.model, self.rows, self.settings, self.width, self.store = model, rows, settings, width, store
        self.drawn = [Drawn(row.limit) for row in rows]
        self.num_computed = 0  # states, in steps of the model
        self._dtype = next(model.parameters()).dtype
        self._begin(range(len(rows)))

    def _begin(self, places: Sequence[int]) -> None:
        self._waiting: dict[tuple[int, ...], list[int]] = {}  # prompt → rows
        for place in places:
            self._waiting.setdefault(self.rows[place].prompt, []).append(place)
        self._num_going = 0  # rows
        self._num_drawn = 0  # tokens, in steps of the model
        self._states = States(max((row.limit for row in self.rows), default=1))
        self._pool = PrefixPool()

    @property
    def is_over(self) -> bool:
        return not self._waiting and not self._num_going

    @property
    def num_going(self) -> int:
        """States on their way."""
        return len(self._states)

    def run(self, seconds: float = float("inf")) -> None:
        """Go on for about so long, at least a step. Raises EngineError when not even one row fits into memory."""
        import torch

        end = time.monotonic() + seconds
        with torch.inference_mode(), attending(self.model):
            while not self.is_over:
                try:
                    self._step()
                except torch.OutOfMemoryError as error:
                    self._halve(error)
                if time.monotonic() >= end:
                    break

    def _step(self) -> None:
        import torch

        self._admit()
        states, device = list(self._states), self.model.device
        if not states:
            return
        plan = Decoding(self._states, self._pool, self._dtype, device)
        ids = torch.tensor([[state.token] for state in states], device=device)
        positions = torch.tensor([[state.num_shared + state.written] for state in states], device=device)
        logits = forward(self.model, ids, positions, plan)
        most = max(len(state.members) for state in states)
        uniforms = torch.tensor([state.uniforms(most) for state in states], device=device)
        tokens = pick(logits, uniforms, self.settings).tolist()
        self._num_drawn += self._num_going
        self.num_computed += len(states)
        self._states.go_on([self._following(*one) for one in zip(states, tokens, strict=True)])
        self._put_back()

    def _following(self, state: State, tokens: list[int]) -> list[State]:
        """What becomes of a state whose members have drawn these tokens: one state a token, less those that ended."""
        drawn: dict[int, list[Member]] = {}
        for member, token in zip(state.members, tokens[: len(state.members)], strict=True):
            drawn.setdefault(token, []).append(member)
        following = []
        for token, members in drawn.items():
            written, going = [*state.tokens, token], []
            ended: dict[int, bool] = {}  # by how much a member wrote before this state
            for member in members:
                begun = len(member.begun)
                if begun not in ended:
                    ended[begun] = self.settings.is_end(member.begun + written)
                if ended[begun] or begun + len(written) >= member.limit:
                    self._over(member, member.begun + written, ended[begun])
                else:
                    going.append(member)
            if going:
                following.append(State(state.prefix, state.num_shared, token, going, written, state.written + 1))
        return following

    def _over(self, member: Member, tokens: list[int], is_finished: bool) -> None:
        self.drawn[member.place].tokens, self.drawn[member.place].is_finished = tokens, is_finished
        self._num_going -= 1

    def _admit(self) -> None:
        """Let waiting rows begin, as far as there is room: those of one prompt together."""
        begun: list[tuple[tuple[int, ...], list[int]]] = []
        rows_a_state = self._num_drawn / self.num_computed if self.num_computed else 1.0
        at_once = self.width if self.model.device.type == "cuda" else min(self.width, AT_ONCE)
        room = int(at_once * rows_a_state) - self._num_going
        while self._waiting and room > 0:
            prompt, places = next(iter(self._waiting.items()))
            del self._waiting[prompt]
            if len(places) > room:
                self._waiting = {prompt: places[room:], **self._waiting}
            begun.append((prompt, places[:room]))
            room -= len(places)
        if not begun:
            return
        needed = [prompt if keeps_logits(self.model) else prompt[: max(1, len(prompt) - 1)] for prompt, _ in begun]
        start = Start(self.settings, self._over)
        for (prompt, places), prefix in zip(begun, self.store.read(self.model, needed), strict=True):
            self._num_going += len(places)
            start.add(prefix, prompt, [self._member(place) for place in places])
        self._pool.add([state.prefix for state in start.states])
        self._states.add(start.states)

    def _member(self, place: int) -> Member:
        row = self.rows[place]
        return Member(place, row.limit, [] if self.settings.temperature <= 0 else uniforms_of(row))

    def _put_back(self) -> None:
        """More states than there is room for: the rows of the newest wait again, and will begin anew."""
        excess = len(self._states) - self.width
        if excess <= 0:
            return
        newest = sorted(self._states, key=lambda state: state.written)[:excess]
        gone = {id(state) for state in newest}
        self._states.go_on([[] if id(state) in gone else [state] for state in self._states])
        again: dict[tuple[int, ...], list[int]] = {}
        for member in (member for state in newest for member in state.members):
            again.setdefault(self.rows[member.place].prompt, []).append(member.place)
            self._num_going -= 1
        for prompt, places in again.items():
            self._waiting[prompt] = sorted([*self._waiting.get(prompt, []), *places])

    def _halve(self, error: Exception) -> None:
        """Too little memory: begin again with half as many at once; those that are done stay."""
        import torch

        if self.width == 1:
            raise EngineError(
                "The GPU has too little free memory for this model and text: end what else uses it."
            ) from error
        self.width = max(1, self.width // 2)
        going = (member.place for state in self._states for member in state.members)
        unfinished = sorted([*going, *(place for places in self._waiting.values() for place in places)])
        for place in unfinished:
            self.drawn[place] = Drawn(self.rows[place].limit)
        self.num_computed = 0
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
    states, pool = States(len(ids)), PrefixPool()
    state = State(prefix, 2 * third - 1, 0, [])  # one token of the prefix is hidden from it
    states.add([state])
    for place in range(state.num_shared, len(ids)):
        plan = Decoding(states, pool, next(model.parameters()).dtype, model.device)
        token, position = (torch.tensor([[one]], device=model.device) for one in (ids[place], place))
        logits = forward(model, token, position, plan)
        state.written += 1
    return logits[0].float()
