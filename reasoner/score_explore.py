"""The detector that samples: a trace's first pit as its first wrong step, by any engine.

    found, about = detections(store, rows, Exploring(engine))
    found[trace.id]        2, None (no pit), or Unjudged("…")
    about                  {"method": "adaptive", "k": 4, …, "tokens": 81_220, "sampled_now": 40_110}

Pits are kept in the store as they are found, with their completions: a second run, or one after a kill, takes them up
and samples only what is missing.

judged_by "gold" compares completions with the gold answer, "agreement" never looks at it: the samples' common answer
takes its place (exploration.py). ProcessBench gives no gold answers; where one of a problem's solutions is known to be
right, its answer is the gold one.

Not covered: an error in a solution whose answer is right. It recovered, so no sampling of completions calls it wrong.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reasoner.budget import Settings
from reasoner.engines import Engine
from reasoner.explore import NUM_COMPLETIONS, Interrupted, explore_many, is_unfinished, pits_of
from reasoner.probing import TEMPERATURE, has_gold
from reasoner.records import JudgedBy, Pit, Problem, Trace, Verdict
from reasoner.recovery import num_completions
from reasoner.score_detectors import Detection, Unjudged
from reasoner.store import Store


@dataclass(frozen=True, slots=True)
class Exploring:
    """What explores, and how."""

    engine: Engine
    method: str = "adaptive"
    k: int = NUM_COMPLETIONS
    temperature: float = TEMPERATURE
    seed: int = 0
    judged_by: JudgedBy = "gold"
    limit: int = 0  # labelled traces; 0: all
    source: str = ""  # problems of this source only; empty: all

    def has_found(self, pit: Pit) -> bool:
        """Is this what such a search finds, from an earlier run?"""
        settings = Settings(self.method, self.k, self.temperature, seed=self.seed)
        wanted = (self.method, self.k, self.judged_by, settings.maker(self.engine))
        return (pit.method, pit.k, pit.judged_by, pit.maker) == wanted and not is_unfinished(pit)


def detections(
    store: Store, rows: Sequence[tuple[Trace, Problem]], exploring: Exploring
) -> tuple[dict[str, Detection], dict[str, Any]]:
    """Trace id → what the search says, and what it took. Raises as explore_many does; what was found is kept."""
    pits: dict[str, Pit] = {}
    for trace, _ in rows:
        earlier = [pit for pit in store.pits(trace_id=trace.id) if exploring.has_found(pit)]
        if earlier:
            pits[trace.id] = earlier[-1]
    refused: dict[str, str] = {}
    num_known, sampled_now = len(pits), 0
    missing = (_asked(store, row, exploring.judged_by) for row in rows if row[0].id not in pits)
    settings = (exploring.k, exploring.temperature, None, exploring.seed, exploring.method)
    found = explore_many(
        exploring.engine,
        missing,
        *settings,
        judged_by=exploring.judged_by,
        earlier=pits_of(store),
        refused=lambda trace, reason: refused.update({trace.id: reason}),
    )
    try:
        for pit in found:
            store.add_pit(pit)
            pits[pit.trace_id] = pit
            sampled_now += pit.num_tokens
    except Interrupted as error:
        for pit in error.partial:  # unfinished, and said so; the next run goes on with them
            if pit.probes:
                store.add_pit(pit)
        raise
    said = {trace.id: _said(pits.get(trace.id), refused.get(trace.id, "")) for trace, _ in rows}
    return said, _about(exploring, pits, said) | {"sampled_now": sampled_now, "found_before": num_known}


def _asked(store: Store, row: tuple[Trace, Problem], judged_by: JudgedBy) -> tuple[Trace, Problem]:
    """The row with the gold answer that may be used, if any."""
    trace, problem = row
    if judged_by == "agreement":
        return replace(trace, verdict=Verdict("unjudged", trace.answer)), replace(problem, answer=None)
    if has_gold(problem):
        return row
    right = (one.answer for one in store.traces(problem.id) if one.verdict.status == "right" and one.answer)
    return trace, replace(problem, answer=next(right, None))


def _said(pit: Pit | None, reason: str) -> Detection:
    if pit is None:
        return Unjudged(reason or "it was not explored")
    return Unjudged(pit.ended) if is_unfinished(pit) else pit.step


def _about(exploring: Exploring, pits: Mapping[str, Pit], said: Mapping[str, Detection]) -> dict[str, Any]:
    """What explored, and what it took in all runs together."""
    maker = exploring.engine.maker
    reasons = Counter(one.reason.split(":")[0] for one in said.values() if isinstance(one, Unjudged))
    return {
        "method": exploring.method,
        "k": exploring.k,
        "temperature": exploring.temperature,
        "seed": exploring.seed,
        "judged_by": exploring.judged_by,
        "engine": maker.engine,
        "model": maker.model,
        "adapter": maker.adapter,
        "completions": sum(num_completions(pit) for pit in pits.values()),
        "tokens": sum(pit.num_tokens for pit in pits.values()),
        "seconds": sum(pit.seconds for pit in pits.values()),
        "not_judged": dict(reasons),
    }


def explored_lines(about: Mapping[str, Any]) -> list[str]:
    """What it took, for a person to read."""
    model = " with ".join(filter(None, [about["model"] or about["engine"], about["adapter"]]))
    by = "the gold answer" if about["judged_by"] == "gold" else "agreement of samples"
    lines = [
        f"explored by {model}: {about['method']}, k = {about['k']}, temperature {about['temperature']:g}, seed "
        f"{about['seed']}, judged by {by}",
        f"  {about['tokens']:,} tokens in {about['completions']:,} completions; {about['sampled_now']:,} of them now, "
        f"{about['found_before']:,} traces were found before",
    ]
    return lines + [f"  {number} not judged: {reason}" for reason, number in about["not_judged"].items()]
