"""The first pit of a trace, by sampling: Self-Explore, arXiv 2404.10346 §3.2, and searches that need less.

    pit = explore(engine, trace, problem)
    pit.step            2: that the pit is there is sure enough, or no further completion is worth its price
    pit.posterior       (0.0, 0.02, 0.93, …, 0.01): 0-1 of each step to be the pit, and last of none
    pit.probes[1]       a prefix, its completions, and which recovered
    pit.ended           "the step named is sure enough (93%)"

Prefix i is the question and the steps 0..i *inclusive*, the line of the final answer among them. Code and its output
are one: no prefix ends between them, and it is the code that is the pit.

adaptive    one completion at a time where it tells most about the pit; k sets how sure is sure enough
linear      Self-Explore to the letter: the prefixes in order, k completions each; the first from which none recovers
            is the pit, and the search stops there; 20 prefixes at most
binary      k completions in the middle of the prefixes that are left (OmegaPRM, arXiv 2406.06592)

What each asks for next is decided in reasoner/exploring. All traces' next completions are sampled together.

"Not recovered in k tries" is not "wrong": a prefix that recovers with probability p is taken for a pit with
probability (1 - p)^k. Every probe is kept, so that this can be seen; `posterior` says where else the pit may be.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from reasoner.budget import NO_LIMIT, NUM_COMPLETIONS, Budget, Progress, Settings, ShouldStop, Watch, is_unfinished
from reasoner.engines import Engine
from reasoner.errors import BadInput
from reasoner.exploration import Exploration
from reasoner.exploring import SEARCHES, Belief
from reasoner.foreknowledge import by_step, task_of
from reasoner.formats.prefixes import format_of, prefix_text, stops
from reasoner.probing import (
    TEMPERATURE,
    continue_prefix,
    outcomes_of,
    prefix_prompt,
    probe_of,
    question_part,
    tells,
    why_not_explorable,
)
from reasoner.records import JudgedBy, Pit, Probe, Problem, Trace
from reasoner.store import Store
from reasoner.window import TOGETHER, Interrupted, Window

__all__ = [
    "METHODS",
    "NO_LIMIT",
    "NUM_COMPLETIONS",
    "Budget",
    "Interrupted",
    "Progress",
    "continue_prefix",
    "explore",
    "explore_many",
    "format_of",
    "is_unfinished",
    "pits_of",
    "posterior",
    "prefix_prompt",
    "probe_of",
    "question_part",
    "why_not_explorable",
]

METHODS = tuple(SEARCHES)
DEFAULT_METHOD = "adaptive"

Earlier = Callable[[Problem], Iterable[Pit]]
"""Problem → pits found in its traces before: `pits_of(store)`."""
Refused = Callable[[Trace, str], None]
"""Told of a row that cannot be explored, and why, instead of an error."""


def explore(
    engine: Engine,
    trace: Trace,
    problem: Problem,
    k: int = NUM_COMPLETIONS,
    temperature: float = TEMPERATURE,
    max_steps: int | None = None,
    seed: int = 0,
    method: str = DEFAULT_METHOD,
    budget: Budget = NO_LIMIT,
    watch: Watch | None = None,
    should_stop: ShouldStop | None = None,
    judged_by: JudgedBy = "gold",
    earlier: Earlier | None = None,
) -> Pit:
    """The first pit of one trace; `explore_many` says what the settings mean, and what is raised."""
    settings = (k, temperature, max_steps, seed, method, budget, watch, should_stop, judged_by, 1, earlier)
    return next(explore_many(engine, [(trace, problem)], *settings))


def explore_many(
    engine: Engine,
    rows: Iterable[tuple[Trace, Problem]],
    k: int = NUM_COMPLETIONS,
    temperature: float = TEMPERATURE,
    max_steps: int | None = None,
    seed: int = 0,
    method: str = DEFAULT_METHOD,
    budget: Budget = NO_LIMIT,
    watch: Watch | None = None,
    should_stop: ShouldStop | None = None,
    judged_by: JudgedBy = "gold",
    together: int = TOGETHER,
    earlier: Earlier | None = None,
    refused: Refused | None = None,
    shows: bool = False,
) -> Iterator[Pit]:
    """The first pits of many traces, each yielded once found: those with early pits first.

    Rows are pulled as others end: `together` of them are on their way at a time, and what they ask for next is sampled
    together, which is what makes it fast.

    max_steps: prefixes that may be tried; None is the method's own number (20, the adaptive search any).
    budget, should_stop: looked at between rounds. When the call's seconds are over or it is told to stop, the traces on
        their way are yielded as far as they are, and no more rows are pulled.
    watch: told of every trace's progress after each round that brought it something.
    judged_by: "agreement" takes the common answer of samples where the gold answer is not known, else it is refused.
    earlier: what was sampled before by the same model, seed and temperature is taken up and costs nothing, so that a
        search that was stopped goes on. The fixed rules take up their own trace's only.
    refused: told of rows that cannot be explored. Without it they raise BadInput: before anything is sampled where
        `rows` is a sequence, else when they are pulled.
    shows: let the adaptive search go on until a completion recovers from right before the pit, as a pair needs one.

    Raises Interrupted (an EngineError with `partial` pits) when the engine fails; all pits found are out by then.
    """
    if method not in METHODS or k < 1 or together < 1 or (max_steps is not None and max_steps < 1):
        raise BadInput(f"Explore needs a method of {METHODS}, at least one completion and one step.")
    if judged_by not in ("gold", "agreement"):
        raise BadInput("Explore judges completions by “gold”, the right answer, or by “agreement” of samples.")
    settings = Settings(method, k, temperature, max_steps, seed, judged_by, budget, shows)
    if isinstance(rows, Sequence) and refused is None:
        for trace, problem in rows:
            _check(engine, trace, problem, settings)
    explorations = _explorations(engine, rows, settings, earlier, refused)
    return Window(engine, explorations, together, budget, watch, should_stop).pits()


def pits_of(store: Store) -> Earlier:
    """The store's pits, to be taken up by `explore(…, earlier=pits_of(store))`."""
    return lambda problem: store.pits(problem_id=problem.id)


def _explorations(
    engine: Engine,
    rows: Iterable[tuple[Trace, Problem]],
    settings: Settings,
    earlier: Earlier | None,
    refused: Refused | None,
) -> Iterator[Exploration]:
    is_checked = isinstance(rows, Sequence) and refused is None
    for trace, problem in rows:
        if refused is not None:
            reason = why_not_explorable(engine, trace, problem, settings.judged_by)
            if reason:
                refused(trace, reason)
                continue
        elif not is_checked:
            _check(engine, trace, problem, settings)
        known = _known(engine, trace, settings, earlier(problem)) if earlier is not None else None
        yield Exploration(engine, trace, problem, settings, known)


def _check(engine: Engine, trace: Trace, problem: Problem, settings: Settings) -> None:
    reason = why_not_explorable(engine, trace, problem, settings.judged_by)
    if reason:
        raise BadInput(f"Trace {trace.id} cannot be explored: {reason}.")


def _known(engine: Engine, trace: Trace, settings: Settings, pits: Iterable[Pit]) -> dict[str, Probe]:
    """Prompt → the longest run of completions that this model drew there with these settings.

    Completion i of a prompt is the one of seed + i, whoever asked for it: so a longer run has a shorter one in it.
    """
    maker, known = settings.maker(engine), dict[str, Probe]()
    for pit in pits:
        if pit.maker == maker and (settings.is_adaptive or pit.trace_id == trace.id):
            for probe in pit.probes:
                longest = known.get(probe.prompt)
                is_longer = longest is None or len(probe.completions) > len(longest.completions)
                if is_longer and not probe.is_passing and len(probe.is_cut) == len(probe.completions):
                    known[probe.prompt] = probe
    return known


def posterior(trace: Trace, problem: Problem, pit: Pit) -> tuple[float, ...]:
    """Probability of each step of `trace` to be the pit and, last, that there is none, by the probes that `pit` keeps.

    The same for every method: it depends on what was sampled, and not on who asked for it. Sums to 1.
    """
    ends = stops(trace)
    belief = Belief(task_of(trace, problem, ends))
    seen: set[str] = set()  # pits of earlier versions do not say which probes are passing ones
    for probe in pit.probes:
        wholes = [prefix_text(trace, probe.step) + text for text in probe.completions]
        is_passing = probe.is_passing or (not probe.num_tokens and seen.issuperset(wholes))
        if probe.step in ends and not is_passing:
            for outcome, is_telling in zip(outcomes_of(trace, ends, probe), tells(trace, probe), strict=True):
                if is_telling:
                    belief.add(ends.index(probe.step), outcome)
        seen.update(wholes)
    return by_step(trace, ends, belief.posterior)
