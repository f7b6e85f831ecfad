"""The first pit of a trace, by sampling: Self-Explore, arXiv 2404.10346 §3.2, and searches that need less.

    pit = explore(engine, trace, problem)
    pit.step            2: from steps 0..2 none of four completions reached the gold answer, from steps 0..1 some did
    pit.probes[2]       that prefix, the four completions, and which recovered

Prefix i is the question and the steps 0..i *inclusive*, the line of the final answer among them. At most `max_steps`
prefixes are tried. Code and its output are one: no prefix ends between them, and it is the code that is the pit.

linear      the prefixes in order, k completions each; the first from which none recovers is the pit, and the search
            stops there
binary      k completions in the middle of the prefixes that are left (OmegaPRM, arXiv 2406.06592)
adaptive    one completion at a time where it tells most about the pit; k sets how sure is sure enough

What each asks for next is decided in reasoner/exploring. All traces' next completions are sampled together.

"Not recovered in k tries" is not "wrong": a prefix that recovers with probability p is taken for a pit with
probability (1 - p)^k. Every probe is kept, so that this can be seen; `posterior` says where else the pit may be.
"""

from collections.abc import Iterator, Sequence

from reasoner.engines import Engine
from reasoner.errors import BadInput
from reasoner.exploration import Exploration, Settings, explored, outcomes_of, task_of
from reasoner.exploring import SEARCHES, Belief
from reasoner.formats.prefixes import format_of, prefix_text, stops
from reasoner.probing import (
    TEMPERATURE,
    continue_prefix,
    prefix_prompt,
    probe_of,
    question_part,
    why_not_explorable,
)
from reasoner.records import Pit, Problem, Trace

__all__ = [
    "continue_prefix",
    "explore",
    "explore_many",
    "format_of",
    "posterior",
    "prefix_prompt",
    "probe_of",
    "question_part",
    "why_not_explorable",
]

NUM_COMPLETIONS = 4  # k, Self-Explore §4
MAX_STEPS = 20  # Self-Explore's code, as papers that follow it
METHODS = tuple(SEARCHES)


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

    What all traces ask for next is sampled together, which is what makes it fast.
    Raises BadInput before anything is sampled when a row cannot be explored.
    """
    if method not in METHODS or k < 1 or max_steps < 1:
        raise BadInput(f"Explore needs a method of {METHODS}, at least one completion and one step.")
    for trace, problem in rows:
        reason = why_not_explorable(engine, trace, problem)
        if reason:
            raise BadInput(f"Trace {trace.id} cannot be explored: {reason}.")
    settings = Settings(method, k, temperature, max_steps, seed)
    return explored(engine, [Exploration(engine, trace, problem, settings) for trace, problem in rows])


def posterior(trace: Trace, problem: Problem, pit: Pit) -> tuple[float, ...]:
    """Probability of each step of `trace` to be the pit and, last, that there is none, by the probes that `pit` keeps.

    The same for every method: it depends on what was sampled, and not on who asked for it. Sums to 1.
    """
    ends = stops(trace)
    belief = Belief(task_of(trace, problem, ends))
    seen: set[str] = set()  # a probe that cost nothing and says nothing new: earlier completions, cut at this prefix
    for probe in pit.probes:
        wholes = [prefix_text(trace, probe.step) + text for text in probe.completions]
        if probe.step in ends and (probe.num_tokens or not seen.issuperset(wholes)):
            for outcome in outcomes_of(trace, ends, probe):
                belief.add(ends.index(probe.step), outcome)
        seen.update(wholes)
    by_step = dict(zip([0, *(end + 1 for end in ends)], belief.posterior, strict=True))
    return tuple(by_step.get(step, 0.0) for step in range(len(trace.steps) + 1))
