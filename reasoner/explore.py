"""The first pit of a trace, by sampling: Self-Explore, arXiv 2404.10346 §3.2.

    pit = explore(engine, trace, problem)
    pit.step            2: from steps 0..2 none of four completions reached the gold answer, from steps 0..1 some did
    pit.probes[2]       that prefix, the four completions, and which recovered

Prefix i is the question and the steps 0..i *inclusive*, the line of the final answer among them. The prefixes are
tried in order, k completions each; the first from which none recovers is the pit, and the search stops there. At most
`max_steps` prefixes are tried. Code and its output are one: no prefix ends between them, and it is the code that is
the pit.

"Not recovered in k tries" is not "wrong": a prefix that recovers with probability p is taken for a pit with
probability (1 - p)^k. Every probe is kept, so that this can be seen. A completion whose answer cannot be read is no
answer at all: it counts as not recovered, and its text is there to look at.

Not covered: any cheaper search than the linear one.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from reasoner.checks.answers import equal_answers
from reasoner.engines import Engine
from reasoner.errors import BadInput
from reasoner.formats import FORMATS, Format
from reasoner.formats.prefixes import format_of, prefix_text, stops
from reasoner.records import Completion, Pit, Probe, Problem, Sampling, Trace, content_id
from reasoner.rounds import complete

__all__ = [
    "continue_prefix",
    "explore",
    "explore_many",
    "format_of",
    "prefix_prompt",
    "probe_of",
    "question_part",
    "why_not_explorable",
]

NUM_COMPLETIONS = 4  # k, Self-Explore §4
TEMPERATURE = 0.7  # Self-Explore §4
MAX_STEPS = 20  # Self-Explore's code, as papers that follow it
METHODS = ("linear",)


def explore(
    engine: Engine,
    trace: Trace,
    problem: Problem,
    k: int = NUM_COMPLETIONS,
    temperature: float = TEMPERATURE,
    max_steps: int = MAX_STEPS,
    seed: int = 0,
    method: str = "linear",
) -> Pit:
    """The first pit of one trace. Raises BadInput when it cannot be explored (`why_not_explorable` says why)."""
    return next(explore_many(engine, [(trace, problem)], k, temperature, max_steps, seed, method))


def explore_many(
    engine: Engine,
    rows: Sequence[tuple[Trace, Problem]],
    k: int = NUM_COMPLETIONS,
    temperature: float = TEMPERATURE,
    max_steps: int = MAX_STEPS,
    seed: int = 0,
    method: str = "linear",
) -> Iterator[Pit]:
    """The first pits of many traces, each yielded once found: those with early pits first.

    The probes of all traces at one depth are sampled together, which is what makes it fast.
    Raises BadInput before anything is sampled when a row cannot be explored.
    """
    if method not in METHODS or k < 1 or max_steps < 1:
        raise BadInput(f"Explore needs a method of {METHODS}, at least one completion and one step.")
    for trace, problem in rows:
        reason = why_not_explorable(engine, trace, problem)
        if reason:
            raise BadInput(f"Trace {trace.id} cannot be explored: {reason}.")
    return _linear(engine, [_Search(trace, problem) for trace, problem in rows], k, temperature, max_steps, seed)


def why_not_explorable(engine: Engine, trace: Trace, problem: Problem) -> str:
    """Why this trace cannot be explored, for a person or a count of drops; empty when it can."""
    if problem.id != trace.problem_id:
        return "it is a solution of another problem"
    if problem.answer is None or not problem.answer.strip():
        return "the problem's right answer is not known, so no completion can be judged; add the answer first"
    if not trace.steps:
        return "it has no steps"
    longest = prefix_prompt(trace, len(trace.steps) - 1, question_part(engine, trace, problem))
    if engine.count_tokens(longest) >= engine.context:
        return f"it is longer than the {engine.context:,} tokens that the model reads"
    return ""


def continue_prefix(
    engine: Engine,
    trace: Trace,
    problem: Problem,
    step: int,
    num: int,
    temperature: float = TEMPERATURE,
    seed: int = 0,
) -> Probe:
    """`num` completions from the prefix that ends with `step` (0-based; -1 is the bare question), each judged.

    Completion i is the one that seed + i gives: going on with seed + num adds new ones to those there already.
    Raises BadInput when the trace cannot be explored or has no such step.
    """
    reason = why_not_explorable(engine, trace, problem)
    if reason:
        raise BadInput(f"Trace {trace.id} cannot be explored: {reason}.")
    if not -1 <= step < len(trace.steps):
        raise BadInput(f"The trace has steps 0 to {len(trace.steps) - 1}; there is no step {step}.")
    prompt = prefix_prompt(trace, step, question_part(engine, trace, problem))
    writing, begun = format_of(trace), prefix_text(trace, step)
    [completions] = complete(engine, writing, [prompt], writing.sampling(num, temperature, seed), [begun])
    return probe_of(trace, problem, step, prompt, completions)


def question_part(engine: Engine, trace: Trace, problem: Problem) -> str:
    """What stands before the steps: the trace's own prompt where this model wrote it, else this model's rendering."""
    is_own = (trace.maker.engine, trace.maker.model) == (engine.maker.engine, engine.maker.model)
    if trace.prompt and is_own:
        return trace.prompt
    return engine.render(problem.question, format_of(trace).instruction, format_of(trace).tag)


def prefix_prompt(trace: Trace, step: int, question_part: str | None = None) -> str:
    """The text to continue: question part (the trace's own prompt if None), then steps 0..step."""
    return (trace.prompt if question_part is None else question_part) + prefix_text(trace, step)


def probe_of(trace: Trace, problem: Problem, step: int, prompt: str, completions: Sequence[Completion]) -> Probe:
    """The probe that these completions of `prompt` make, each compared with the gold answer."""
    writing = format_of(trace)
    texts = tuple(writing.solution(completion.text) for completion in completions)
    return Probe(
        step=step,
        completions=texts,
        recovered=tuple(_has_recovered(trace, problem, step, text, writing) for text in texts),
        num_tokens=sum(completion.num_tokens for completion in completions),
        prompt=prompt,
    )


def _has_recovered(trace: Trace, problem: Problem, step: int, text: str, writing: Format) -> bool:
    """Did prefix + completion reach the gold answer? A completion that adds nothing leaves the last step's answer."""
    last_word = text if text.strip() or step < 0 else trace.steps[step].text
    if writing.runs:
        last_word = prefix_text(trace, step) + text
    answer = writing.answer(last_word)
    return answer is not None and problem.answer is not None and equal_answers(problem.answer, answer) is True


@dataclass
class _Search:
    """One trace on its way to its pit."""

    trace: Trace
    problem: Problem
    probes: list[Probe] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def stops(self) -> list[int]:
        """The steps with which its prefixes end."""
        return stops(self.trace)

    def pit(self, engine: Engine, k: int, settings: Sampling) -> Pit:
        found = bool(self.probes) and not any(self.probes[-1].recovered)
        step = self.stops[len(self.probes) - 2] + 1 if found and len(self.probes) > 1 else (0 if found else None)
        maker = replace(engine.maker, seed=settings.seed, temperature=settings.temperature, top_p=settings.top_p)
        return Pit(
            id=content_id("pit", self.trace.id, "linear", str(k), repr(maker)),
            trace_id=self.trace.id,
            problem_id=self.problem.id,
            step=step,
            method="linear",
            k=k,
            probes=tuple(self.probes),
            maker=maker,
            created=time.time(),
            seconds=self.seconds,
        )


def _linear(
    engine: Engine, searches: list[_Search], k: int, temperature: float, max_steps: int, seed: int
) -> Iterator[Pit]:
    settings = Sampling(k, temperature, seed=seed)
    going, depth = searches, 0
    while going:
        started = time.perf_counter()
        _probe(engine, going, depth, settings)
        share = (time.perf_counter() - started) / len(going)
        for search in going:
            search.seconds += share
        depth += 1
        still_going = []
        for search in going:
            is_at_end = depth >= min(len(search.stops), max_steps)
            if is_at_end or not any(search.probes[-1].recovered):
                yield search.pit(engine, k, settings)
            else:
                still_going.append(search)
        going = still_going


def _probe(engine: Engine, searches: list[_Search], depth: int, settings: Sampling) -> None:
    """Sample prefix number `depth` of every search; one call of the engine a format."""
    for name in sorted({format_of(search.trace).name for search in searches}):
        group = [search for search in searches if format_of(search.trace).name == name]
        steps = [search.stops[depth] for search in group]
        begun = [prefix_text(search.trace, step) for search, step in zip(group, steps, strict=True)]
        prompts = [question_part(engine, search.trace, search.problem) for search in group]
        prompts = [prompt + text for prompt, text in zip(prompts, begun, strict=True)]
        sampling = FORMATS[name].sampling(settings.num, settings.temperature, settings.seed)
        drawn = complete(engine, FORMATS[name], prompts, sampling, begun)
        for search, step, prompt, completions in zip(group, steps, prompts, drawn, strict=True):
            search.probes.append(probe_of(search.trace, search.problem, step, prompt, completions))
