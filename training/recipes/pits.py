"""Where a wrong solution first goes wrong: by exploring, by the oracle, or at a random step. All kept in the same way.

    explore_into_folder(folder, engine, rows, how)          part-00000.parquet, a row a solution (reasoner/scale)
    explored_in(folder)                                     trace id → problem, trace and pit

linear    Self-Explore's rule, arXiv 2404.10346 §3.2: k completions of each prefix in turn, the first from which none
          recovers is the pit; 20 prefixes at most
adaptive  ours: one completion at a time where it tells most (reasoner/exploring), until a way round the pit is seen
oracle    the first step that is untrue of the DAG a generated problem was made from
random    the control: a uniformly random step; where nothing right goes on from before it, another one is drawn

oracle and random sample k completions of the prefix before their pit, as the pair is made of one of them. A kill at any
moment neither repeats nor loses a solution that was explored.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reasoner.engines import Engine
from reasoner.errors import RunError
from reasoner.formats.prefixes import format_of, prefix_text, stops
from reasoner.probing import prefix_prompt, probe_of
from reasoner.records import Pit, Probe, Problem, Trace, content_id
from reasoner.rounds import complete
from reasoner.scale.bulk import explore_into
from reasoner.scale.counts import Counts
from reasoner.scale.keeping import Output, locked
from reasoner.scale.rows import Explored, iter_rows, shards
from reasoner.scale.settings import Settings as ExploreSettings
from training.candidates import rejected_text
from training.oracle import first_wrong_step
from training.recipes.granular import begins_with

PITS = ("linear", "adaptive", "oracle", "random", "person")
TOGETHER = 256  # solutions probed at a time. Ours: the engine's batches are full

Row = tuple[Trace, Problem]


@dataclass(frozen=True, slots=True)
class How:
    """How pits are looked for."""

    pits: str  # one of PITS but "person"
    k: int
    temperature: float
    seed: int
    model: str  # the explorer's, for the folder's own settings
    adapter: str = ""
    differs: bool = False  # what goes on from before the pit must begin with another step


def explore_into_folder(
    folder: Path,
    engine: Engine,
    rows: Sequence[Row],
    how: How,
    follow: Callable[[int, int], None],
    whole: Mapping[str, str],
) -> Counts:
    """Explore what `folder` does not hold yet. Raises RunError when the engine failed at some: a rerun goes on.

    whole: trace id → the right solution that it is paired with, which is chosen where the pit is its first step.
    """
    counts = Counts()
    is_explored = how.pits in ("linear", "adaptive")
    found = (
        _by_exploring(folder, engine, rows, how, counts)
        if is_explored
        else _by_choosing(folder, engine, rows, how, counts, whole)
    )
    for _ in found:
        follow(counts.explored, len(rows))
    if counts.failed:
        reasons = ", ".join(f"{num} {reason}" for reason, num in counts.failed.most_common(3))
        raise RunError(
            f"{counts.failed.total()} solutions could not be explored: {reasons} Run the same command again: it goes "
            "on where it stopped."
        )
    return counts


def explored_in(folder: Path) -> dict[str, Explored]:
    """Trace id → what was found, of all solutions in the folder."""
    return {row.trace.id: row for row in iter_rows(folder)} if shards(folder) else {}


def _by_exploring(folder: Path, engine: Engine, rows: Sequence[Row], how: How, counts: Counts) -> Iterator[Explored]:
    settings = ExploreSettings(
        model=how.model,
        adapter=how.adapter,
        method=how.pits,
        k=how.k,
        temperature=how.temperature,
        seed=how.seed,
        shows=how.pits == "adaptive",
    )
    return explore_into(folder, engine, rows, settings, counts)


def _by_choosing(
    folder: Path, engine: Engine, rows: Sequence[Row], how: How, counts: Counts, whole: Mapping[str, str]
) -> Iterator[Explored]:
    """Pits at steps that are chosen, with the completions of the prefix before them."""
    choose = _Random(how.seed) if how.pits == "random" else _Oracle()
    with locked(folder), Output(folder, counts) as output:
        left = [row for row in rows if row[0].id not in output.kept]
        for start in range(0, len(left), TOGETHER):
            for explored in _chosen(engine, left[start : start + TOGETHER], how, choose, whole):
                output.keep(explored)
                yield explored


class _Oracle:
    """One choice: the first untrue step."""

    def steps(self, trace: Trace, problem: Problem) -> list[int]:
        step = first_wrong_step(problem, [step.text for step in trace.steps]) if problem.spec else None
        return [] if step is None else [step]


class _Random:
    """All steps that leave something to reject, in a random order of the solution's own."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def steps(self, trace: Trace, problem: Problem) -> list[int]:
        usable = [step for step in stops(trace) if rejected_text(trace, step).strip()]
        return random.Random(f"{self.seed}/{trace.id}").sample(usable, len(usable))


def _chosen(
    engine: Engine, rows: Sequence[Row], how: How, choose: _Oracle | _Random, whole: Mapping[str, str]
) -> Iterator[Explored]:
    """Each solution with its pit: the first of its steps before which something right goes on another way."""
    began = time.monotonic()
    waiting = [(row, choose.steps(*row)) for row in rows]
    while waiting:
        asked = [(row, steps[0]) for row, steps in waiting if steps and steps[0] > 0]
        probes = dict(zip([row[0].id for row, _ in asked], probe_many(engine, asked, how), strict=True))
        again = []
        for (trace, problem), steps in waiting:
            probe = probes.get(trace.id)
            right = right_texts(probe) if probe else [whole.get(trace.id, "")]
            if len(steps) > 1 and not _goes_on(trace, steps[0], right, how.differs):
                again.append(((trace, problem), steps[1:]))
                continue
            seconds = (time.monotonic() - began) / len(rows)
            yield Explored(problem, trace, _pit(engine, trace, steps[0] if steps else None, probe, how, seconds))
        waiting = again


def _goes_on(trace: Trace, step: int, right: Sequence[str], differs: bool) -> bool:
    """Is there a right way on from before the step, by another step than this one where that matters?"""
    return any(not (differs and begins_with(text, rejected_text(trace, step))) for text in right)


def right_texts(probe: Probe) -> list[str]:
    """The completions that reached the answer."""
    return [text for text, ok in zip(probe.completions, probe.recovered, strict=True) if ok]


def probe_many(engine: Engine, asked: Sequence[tuple[Row, int]], how: How) -> list[Probe]:
    """k completions of the prefix before each named step, all drawn together."""
    if not asked:
        return []
    writing = format_of(asked[0][0][0])
    prompts = [prefix_prompt(trace, step - 1) for (trace, _), step in asked]
    begun = [prefix_text(trace, step - 1) for (trace, _), step in asked]
    sampling = writing.sampling(how.k, how.temperature, seed=how.seed)
    fits = [engine.count_tokens(prompt) < engine.context for prompt in prompts]
    drawn = iter(
        complete(
            engine,
            writing,
            [prompt for prompt, ok in zip(prompts, fits, strict=True) if ok],
            sampling,
            [text for text, ok in zip(begun, fits, strict=True) if ok],
        )
    )
    return [
        probe_of(trace, problem, step - 1, prompt, next(drawn) if ok else [])
        for ((trace, problem), step), prompt, ok in zip(asked, prompts, fits, strict=True)
    ]


def _pit(engine: Engine, trace: Trace, step: int | None, probe: Probe | None, how: How, seconds: float) -> Pit:
    texts = probe.completions if probe else ()
    return Pit(
        id=content_id("pit", trace.id, how.pits, str(step), str(how.k), str(how.seed), *texts),
        trace_id=trace.id,
        problem_id=trace.problem_id,
        step=step,
        method=how.pits,
        k=how.k,
        probes=(probe,) if probe else (),
        maker=replace(engine.maker, seed=how.seed, temperature=how.temperature),
        created=time.time(),
        seconds=seconds,
        ended=f"the {how.pits} step",
    )
