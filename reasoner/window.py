"""Many traces on their way to their pits, a window of them at a time: what their searches ask for is sampled together.

    for pit in Window(engine, explorations, together=256).pits(): …

Each round takes one request of every search in the window, and samples them in one call of the engine a format. A trace
that is done leaves, and the next one comes in: so memory does not grow with the number of traces.

Adaptive searches of solutions that share a state share its completions: what one asks for all are told, those that come
into the window later too, and it costs its tokens once. The fixed rules do not: each trace is explored as if alone, as
in the papers.
"""

import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reasoner.budget import FAILED, NO_LIMIT, REFUSED, SPENT, STOPPED, Budget, ShouldStop, Watch
from reasoner.engines import Engine, Request
from reasoner.engines.stopping import Stopped, stoppable
from reasoner.errors import BadInput, EngineError, WorkbenchError
from reasoner.exploration import QUESTION, Exploration, Wanted
from reasoner.formats.prefixes import format_of
from reasoner.records import Completion, Pit
from reasoner.rounds import complete

TOGETHER = 256  # traces at once. Ours: full batches on a GPU, a few megabytes

Waiting = tuple[Exploration, Wanted]


class Interrupted(EngineError):
    """The engine failed midway. `partial`: what had been found in the traces that were not done."""

    def __init__(self, message: str, partial: Sequence[Pit]) -> None:
        super().__init__(message)
        self.partial = list(partial)


class Window:
    """A rolling window over explorations, which are pulled as others end."""

    def __init__(
        self,
        engine: Engine,
        explorations: Iterator[Exploration],
        together: int = TOGETHER,
        budget: Budget = NO_LIMIT,
        watch: Watch | None = None,
        should_stop: ShouldStop | None = None,
    ) -> None:
        self._engine, self._coming, self._together = engine, explorations, together
        self._budget, self._watch, self._should_stop = budget, watch, should_stop
        self._going: list[Exploration] = []
        self._states = States(together)
        self._started = time.monotonic()

    def pits(self) -> Iterator[Pit]:
        """Each trace's pit once it is found. Raises Interrupted when the engine fails."""
        while self._fill():
            reason = self._why_stop()
            if reason:
                yield from (self._done(one, reason) for one in self._going)
                return
            waiting: list[Waiting] = []
            for one in self._going:
                spent = self._budget.tokens is not None and one.num_tokens >= self._budget.tokens
                wanted = None if spent else one.wanted()
                if wanted:
                    waiting.append((one, wanted))
                else:
                    yield self._done(one, f"{SPENT}: {self._budget.tokens:,} tokens" if spent else "")
            self._going = [one for one, _ in waiting]
            try:
                self._round(waiting)
            except Stopped:
                continue  # the reason is asked for again; what had arrived is the engine's to give again
            except EngineError as error:
                ended = f"{FAILED}: {error}"
                raise Interrupted(str(error), [one.pit(ended) for one in self._going]) from error

    def _fill(self) -> bool:
        """Bring in traces until the window is full; False when none is left."""
        while len(self._going) < self._together:
            one = next(self._coming, None)
            if one is None:
                break
            self._states.enter(one)
            self._going.append(one)
        return bool(self._going)

    def _why_stop(self) -> str:
        if self._should_stop is not None and self._should_stop():
            return STOPPED
        seconds = self._budget.seconds
        is_late = seconds is not None and time.monotonic() - self._started >= seconds
        return f"{SPENT}: {seconds:g} seconds" if is_late else ""

    def _done(self, one: Exploration, ended: str) -> Pit:
        self._states.leave(one)
        self._tell(one, is_over=True)
        return one.pit(ended)

    def _tell(self, one: Exploration, is_over: bool = False) -> None:
        if self._watch is not None:
            self._watch(one.progress(time.monotonic() - self._started, is_over))

    def _round(self, waiting: list[Waiting]) -> None:
        """Sample what is asked for, once a shared state, and tell everybody whom it concerns."""
        started, told = time.perf_counter(), set()
        waiting = self._states.once_each(waiting)
        for name in sorted({format_of(one.trace).name for one, _ in waiting}):
            group = [pair for pair in waiting if format_of(pair[0].trace).name == name]
            for (one, wanted), completions in self._sampled(group):
                told |= {one, *self._states.tell_others(one, wanted.step, completions)}
                one.take(wanted.step, completions)
        for one in self._going:
            one.seconds += (time.perf_counter() - started) / len(self._going)
        for one in self._going:
            if one in told:
                self._tell(one)

    def _sampled(self, group: list[Waiting]) -> list[tuple[Waiting, list[Completion]]]:
        """What the engine writes; a trace whose prompt it refuses has failed, and the others go on."""
        try:
            with stoppable(lambda: bool(self._why_stop())):
                return list(zip(group, sample(self._engine, group), strict=True))
        except (BadInput, EngineError) as error:
            failed = [pair for pair in group if _is_about(error, pair)] or (group if len(group) == 1 else [])
            if isinstance(error, EngineError) and not error.prompts:
                raise
            if not failed:
                return [pair for one in group for pair in self._sampled([one])]
            for one, _ in failed:
                one.failure = f"{REFUSED}: {error}"
            others = [pair for pair in group if not pair[0].failure]
            return self._sampled(others) if others else []


def _is_about(error: WorkbenchError, pair: Waiting) -> bool:
    """Does the engine say that it is this prefix that it cannot continue, with what its code has put out after it?"""
    own, has_code = pair[0].prompt(pair[1].step), bool(format_of(pair[0].trace).code_ends)
    return own in error.prompts or (has_code and any(prompt.startswith(own) for prompt in error.prompts))


class States:
    """What was sampled at which state, for the adaptive searches: a state is the exact text that is continued.

    Completion i of a state is that of seed + i, for all traces: who has others than those is left alone.
    """

    def __init__(self, num_problems: int) -> None:
        self._num_problems = num_problems
        self._drawn: OrderedDict[str, dict[str, _Run]] = OrderedDict()  # problem → prompt → completions
        self._inside: dict[str, list[Exploration]] = {}  # problem → its explorations in the window

    def enter(self, one: Exploration) -> None:
        """A trace comes into the window, and is told what is there."""
        if not one.settings.is_adaptive:
            return
        self._inside.setdefault(one.problem.id, []).append(one)
        drawn = self._drawn.get(one.problem.id, {})
        for step in [QUESTION, *one.ends] if drawn else ():
            run = drawn.get(one.prompt(step))
            there = run.after(one.first(step)) if run and (step >= 0 or one.needs_vote) else ()
            if there:
                one.take(step, there, is_own=False)

    def leave(self, one: Exploration) -> None:
        inside = self._inside.get(one.problem.id, [])
        if one in inside:
            inside.remove(one)
        if not inside:
            self._inside.pop(one.problem.id, None)

    def once_each(self, waiting: list[Waiting]) -> list[Waiting]:
        """The first request of each shared state; the other traces are told what it gave."""
        kept: dict[object, Waiting] = {}
        for one, wanted in waiting:
            is_alone = len(self._inside.get(one.problem.id, ())) < 2
            key = one if is_alone else (one.prompt(wanted.step), one.first(wanted.step))
            kept.setdefault(key, (one, wanted))
        return list(kept.values())

    def tell_others(self, one: Exploration, step: int, completions: list[Completion]) -> list[Exploration]:
        """Keep what was sampled for `one`, and tell the other traces in the window that pass here: whom, returned."""
        if not one.settings.is_adaptive:
            return []
        prompt, first = one.prompt(step), one.first(step)
        self._keep(one.problem.id, prompt, first, completions)
        others = [
            other for other in self._inside[one.problem.id] if other is not one and step in (QUESTION, *other.ends)
        ]
        meeting = [other for other in others if other.first(step) == first and other.prompt(step) == prompt]
        for other in meeting:
            other.take(step, completions, is_own=False)
        return meeting

    def _keep(self, problem_id: str, prompt: str, first: int, completions: list[Completion]) -> None:
        drawn = self._drawn.setdefault(problem_id, {})
        self._drawn.move_to_end(problem_id)
        while len(self._drawn) > self._num_problems:
            self._drawn.popitem(last=False)
        run = drawn.setdefault(prompt, _Run(first, []))
        if first == run.first + len(run.completions):
            run.completions.extend(completions)


@dataclass(frozen=True, slots=True)
class _Run:
    """Completions of one state, one after the other."""

    first: int  # number of the first of them
    completions: list[Completion]

    def after(self, number: int) -> list[Completion]:
        """Those from number `number` on; none where some before them are missing."""
        return self.completions[number - self.first :] if number >= self.first else []


def sample(engine: Engine, waiting: Sequence[Waiting]) -> list[list[Completion]]:
    """The completions of one round, all of one format."""
    writing, settings = format_of(waiting[0][0].trace), waiting[0][0].settings
    kinds = [(wanted.num, one.first(wanted.step)) for one, wanted in waiting]
    if len(set(kinds)) > 1 and not writing.code_ends:  # each its own number and seeds, in one call
        sampling = writing.sampling(1, settings.temperature)
        each = [
            Request(one.prompt(wanted.step), settings.seed + first + i, sampling.max_new_tokens)
            for (one, wanted), (num, first) in zip(waiting, kinds, strict=True)
            for i in range(num)
        ]
        drawn = iter(engine.complete_each(each, sampling))
        return [[next(drawn) for _ in range(num)] for num, _ in kinds]
    completions: dict[int, list[Completion]] = {}
    for num, first in sorted(set(kinds)):
        places = [place for place, kind in enumerate(kinds) if kind == (num, first)]
        prompts = [waiting[place][0].prompt(waiting[place][1].step) for place in places]
        begun = [waiting[place][0].begun(waiting[place][1].step) for place in places]
        sampling = writing.sampling(num, settings.temperature, settings.seed + first)
        completions |= dict(zip(places, complete(engine, writing, prompts, sampling, begun), strict=True))
    return [completions[place] for place in range(len(waiting))]
