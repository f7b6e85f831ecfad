"""Many traces on their way to their pits: what their searches ask for is gathered, sampled together and judged.

    for pit in explored(engine, [Exploration(engine, trace, problem, settings), …]): …

Each round takes one request of every search that goes on, and samples them in one call of the engine a format. A
search counts prefixes: number i is the prefix that ends with step `ends[i]`.

Adaptive searches of solutions that share a state share its completions: what one asks for all are told, and it costs
its tokens once. The fixed rules do not: each trace is explored as if alone, as in the papers.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from reasoner.checks.arithmetic import check_arithmetic
from reasoner.checks.information import check_information
from reasoner.engines import Engine
from reasoner.engines import Request as EachRequest
from reasoner.exploring import SEARCHES, Outcome, Request, Search, Task, gathered, prior_of
from reasoner.formats.prefixes import format_of, prefix_text, stops
from reasoner.probing import joined, probe_of, question_part
from reasoner.records import Completion, Pit, Probe, Problem, Trace, content_id
from reasoner.rounds import complete


@dataclass(frozen=True, slots=True)
class Settings:
    """How pits are looked for; the same for all traces of a call."""

    method: str  # a key of SEARCHES
    k: int  # completions a prefix; for the adaptive search, the effort that stands for it
    temperature: float
    max_steps: int  # prefixes that may be tried
    seed: int


class Exploration:
    """One trace on its way to its pit."""

    def __init__(self, engine: Engine, trace: Trace, problem: Problem, settings: Settings) -> None:
        self.trace, self.problem, self.settings = trace, problem, settings
        self.ends = stops(trace)[: settings.max_steps]
        question = question_part(engine, trace, problem)
        self.begun = [prefix_text(trace, end) for end in self.ends]  # of each prefix the steps alone …
        self.prompts = [question + begun for begun in self.begun]  # … and with the question: the text to continue
        self.probes: dict[int, Probe] = {}
        self.seconds = 0.0
        task = task_of(trace, problem, self.ends, lengths_of(engine, trace, self.ends))
        self.search: Search = SEARCHES[settings.method](task, settings.k)
        if settings.method == "adaptive" and trace.verdict.status == "right":
            self.search.tell(len(self.ends) - 1, [Outcome(True)])  # the trace itself: all its prefixes recover

    def first(self, number: int) -> int:
        """How many completions of this prefix there are: the next ones go on with their seeds."""
        return len(self.probes[number].completions) if number in self.probes else 0

    def take(self, number: int, completions: Sequence[Completion], is_own: bool = True) -> None:
        """Judge what was sampled, keep it, and tell the search. Another trace's completions cost this one no tokens."""
        if not is_own:
            completions = [replace(completion, num_tokens=0) for completion in completions]
        probe = probe_of(self.trace, self.problem, self.ends[number], self.prompts[number], completions)
        self.probes[number] = joined(self.probes.get(number), probe)
        outcomes = outcomes_of(self.trace, self.ends, probe)
        tokens = [completion.num_tokens for completion in completions]
        self.search.tell(number, [replace(one, tokens=num) for one, num in zip(outcomes, tokens, strict=True)])

    def pit(self, engine: Engine) -> Pit:
        """What has been found so far, with all probes."""
        found, settings = self.search.pit, self.settings
        probes = [self.probes[number] for number in sorted(self.probes)]
        if found and not any(self.probes[found - 1].recovered if found - 1 in self.probes else ()):
            probes += self._passing(found - 1)
        maker = replace(engine.maker, seed=settings.seed, temperature=settings.temperature, top_p=1.0)
        return Pit(
            id=content_id("pit", self.trace.id, settings.method, str(settings.k), repr(maker)),
            trace_id=self.trace.id,
            problem_id=self.problem.id,
            step=self.ends[found - 1] + 1 if found else found,
            method=settings.method,
            k=settings.k,
            probes=tuple(sorted(probes, key=lambda probe: probe.step)),
            maker=maker,
            created=time.time(),
            seconds=self.seconds,
        )

    def _passing(self, number: int) -> list[Probe]:
        """The completions of earlier prefixes that pass through this one, cut there; a probe that cost no tokens."""
        begun, texts, recovered = self.begun[number], [], []
        for earlier in range(number):
            probe = self.probes.get(earlier)
            for text, is_right in zip(probe.completions, probe.recovered, strict=True) if probe else ():
                whole = self.begun[earlier] + text
                if whole.startswith(begun):
                    texts.append(whole.removeprefix(begun))
                    recovered.append(is_right)
        return [Probe(self.ends[number], tuple(texts), tuple(recovered), 0, self.prompts[number])] if texts else []


def explored(engine: Engine, explorations: Sequence[Exploration]) -> Iterator[Pit]:
    """Each trace's pit once it is found. Raises as the engine does; the pits that were found are out by then."""
    going, states = list(explorations), _States(explorations)
    while going:
        asked = [(one, one.search.next_request()) for one in going]
        yield from (one.pit(engine) for one, request in asked if request is None)
        going = [one for one, request in asked if request is not None]
        waiting = states.once_each([(one, request) for one, request in asked if request is not None])
        started, active = time.perf_counter(), set(going)
        for name in sorted({format_of(one.trace).name for one, _ in waiting}):
            group = [pair for pair in waiting if format_of(pair[0].trace).name == name]
            for (one, request), completions in zip(group, _sample(engine, group), strict=True):
                one.take(request.step, completions)
                for other, number in states.others(one, request.step):
                    if other in active:
                        other.take(number, completions, is_own=False)
        for one in going:
            one.seconds += (time.perf_counter() - started) / len(going)


class _States:
    """Which adaptive explorations meet in which states: a state is the exact text that is continued."""

    def __init__(self, explorations: Sequence[Exploration]) -> None:
        self._met: dict[str, list[tuple[Exploration, int]]] = {}
        several = Counter(one.problem.id for one in explorations if one.settings.method == "adaptive")
        for one in explorations:
            for number, prompt in enumerate(one.prompts if several[one.problem.id] > 1 else ()):
                self._met.setdefault(prompt, []).append((one, number))

    def others(self, one: Exploration, number: int) -> list[tuple[Exploration, int]]:
        met = self._met.get(one.prompts[number], []) if self._met else []
        return [pair for pair in met if pair[0] is not one]

    def once_each(self, waiting: list[tuple[Exploration, Request]]) -> list[tuple[Exploration, Request]]:
        """The first request of each shared state; the other traces are told what it gave."""
        if not self._met:
            return waiting
        kept: dict[object, tuple[Exploration, Request]] = {}
        for one, request in waiting:
            prompt = one.prompts[request.step]
            kept.setdefault(prompt if prompt in self._met else one, (one, request))
        return list(kept.values())


def _sample(engine: Engine, waiting: Sequence[tuple[Exploration, Request]]) -> list[list[Completion]]:
    """The completions of one round, all of one format."""
    writing, settings = format_of(waiting[0][0].trace), waiting[0][0].settings
    kinds = [(request.num, one.first(request.step)) for one, request in waiting]
    if len(set(kinds)) > 1 and not writing.code_ends:  # each its own number and seeds, in one call
        sampling = writing.sampling(1, settings.temperature)
        each = [
            EachRequest(one.prompts[request.step], settings.seed + first + i, sampling.max_new_tokens)
            for (one, request), (num, first) in zip(waiting, kinds, strict=True)
            for i in range(num)
        ]
        drawn = iter(engine.complete_each(each, sampling))
        return [[next(drawn) for _ in range(num)] for num, _ in kinds]
    completions: dict[int, list[Completion]] = {}
    for num, first in sorted(set(kinds)):
        places = [place for place, kind in enumerate(kinds) if kind == (num, first)]
        prompts = [waiting[place][0].prompts[waiting[place][1].step] for place in places]
        begun = [waiting[place][0].begun[waiting[place][1].step] for place in places]
        sampling = writing.sampling(num, settings.temperature, settings.seed + first)
        completions |= dict(zip(places, complete(engine, writing, prompts, sampling, begun), strict=True))
    return [completions[place] for place in range(len(waiting))]


def task_of(trace: Trace, problem: Problem, ends: Sequence[int], lengths: Sequence[float] = ()) -> Task:
    """What a search may know of a trace beforehand."""
    findings = check_arithmetic([step.text for step in trace.steps])
    findings += check_information(problem.question, trace.steps)
    ends_wrong = trace.verdict.status == "wrong"
    prior = gathered(prior_of(trace.steps, findings, ends_wrong), ends)
    return Task(len(ends), prior, tuple(lengths), ends_wrong and ends[-1] == len(trace.steps) - 1)


def outcomes_of(trace: Trace, ends: Sequence[int], probe: Probe) -> list[Outcome]:
    """What each completion of a probe came to, and how many of the trace's next prefixes it passes through."""
    begun = prefix_text(trace, probe.step)
    later = [prefix_text(trace, end) for end in ends if end > probe.step]
    wholes = [begun + text + "\n" for text in probe.completions]
    passed = [sum(whole.startswith(prefix) for prefix in later) for whole in wholes]
    return [Outcome(ok, repeated=num) for ok, num in zip(probe.recovered, passed, strict=True)]


def lengths_of(engine: Engine, trace: Trace, ends: Sequence[int]) -> list[float]:
    """The tokens that the trace itself has after each prefix."""
    whole = prefix_text(trace, len(trace.steps) - 1)
    return [1.0 + engine.count_tokens(whole.removeprefix(prefix_text(trace, end))) for end in ends]
