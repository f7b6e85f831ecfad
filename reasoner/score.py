"""How well does a detector find first wrong steps? Compared with the labels in the store.

    score(store, "arithmetic")      {"detector": "arithmetic", "gold_used": False, "right": 62, …, "f1": 0.955}
    print(table(…))                 the same for a person, with intervals

Keys: `right` and `wrong` count labelled traces that the detector judged; `unjudged` those that it could not,
`disagreed` those on which annotators name different steps: both are left out of every rate. `accuracy_right` (no step
flagged where none is wrong), `accuracy_wrong` (the very step flagged) and their harmonic mean `processbench_f1` are
ProcessBench's (arXiv 2412.06559 §3); `precision` (flags on the very step / flags), `recall` (the same as
accuracy_wrong) and their harmonic mean `f1` count exact steps. A rate of nothing is None. `intervals` holds Wilson's
95 % interval of every plain rate.

A detector is a function (score_detectors.py), or `explore`, which samples (score_explore.py): its key `explored` says
with what, and what it took. `gold_used` says whether the gold answer was looked at: numbers with and without it are not
comparable.

The detector `python` needs no labels for its own keys: `agree` of the `outputs` recorded in solutions with code come
out again when the code is run, and `disagree` lists the others: trace, step and reason.

Beside them stand `agreement` (with the other formats; score_columns.py) and `error_classes` (proposed for the steps
that people flagged), where there is anything to say.
"""

from collections.abc import Iterator
from typing import Any

from reasoner.errors import BadInput
from reasoner.intervals import wilson
from reasoner.records import Label, Problem, Trace
from reasoner.score_columns import agreement_column, classes_column, column_lines
from reasoner.score_detectors import DETECTORS, LOOKS_AT_ANSWER, MEASURES, Detection, Unjudged
from reasoner.score_explore import Exploring, detections, explored_lines
from reasoner.store import Store

__all__ = [
    "DETECTORS",
    "EXPLORE",
    "Detection",
    "Exploring",
    "Unjudged",
    "harmonic_mean",
    "rates",
    "score",
    "table",
    "wilson",
]

EXPLORE = "explore"
"""The detector that samples (score_explore.py)."""


def score(store: Store, detector: str, with_answer: bool = False, exploring: Exploring | None = None) -> dict[str, Any]:
    """Compare `detector` with the labelled traces; `exploring` says what explores, for the detector of that name.

    Raises BadInput without such a detector, or without labels that tell; as exploring does where it samples.
    """
    if (detector not in DETECTORS and detector != EXPLORE) or (detector == EXPLORE and exploring is None):
        raise BadInput(f'there is no detector "{detector}": choose one of {", ".join([*DETECTORS, EXPLORE])}')
    measured = MEASURES[detector](store) if detector in MEASURES else {}
    labels = _labels(store)
    if not labels and not any(measured.values()):
        raise BadInput("no trace has a label that says which step is wrong: flag some first, or import labelled traces")
    told = [(trace, problem, own) for trace, problem, own in _told(store, labels) if _is_wanted(problem, exploring)]
    clear = [(trace, problem) for trace, problem, own in told if len({_step(label) for label in own}) == 1]
    about: dict[str, Any] = {}
    if exploring is not None and detector == EXPLORE:
        found, about = detections(store, clear[: exploring.limit or None], exploring)
    else:
        found = {trace.id: DETECTORS[detector](trace, problem, with_answer) for trace, problem in clear}
    is_flagged = {name: one is not None for name, one in found.items() if not isinstance(one, Unjudged)}
    steps = {trace.id: _step(own[0]) for trace, _, own in told}
    columns = {
        "agreement": agreement_column(store, is_flagged),
        "error_classes": classes_column((trace, problem, label) for trace, problem, own in told for label in own),
        "explored": about,
    }
    by_gold = exploring is not None and exploring.judged_by == "gold"
    return {
        "detector": detector,
        "gold_used": by_gold if detector == EXPLORE else with_answer and detector in LOOKS_AT_ANSWER,
        **rates([(steps[trace_id], one) for trace_id, one in found.items()]),
        "disagreed": len(told) - len(clear),
        **{name: column for name, column in columns.items() if column},
        **measured,
    }


def _labels(store: Store) -> dict[str, list[Label]]:
    """Trace id → its labels that name a step, or say that none is wrong."""
    labels: dict[str, list[Label]] = {}
    for label in store.labels():
        if label.kind in ("first_wrong", "all_right"):
            labels.setdefault(label.trace_id, []).append(label)
    return labels


def _told(store: Store, labels: dict[str, list[Label]]) -> Iterator[tuple[Trace, Problem, list[Label]]]:
    """The labelled traces that are in the store, with their labels."""
    for trace_id, own in labels.items():
        trace = store.trace(trace_id)
        problem = store.problem(trace.problem_id) if trace else None
        if trace is not None and problem is not None:
            yield trace, problem, own


def _is_wanted(problem: Problem, exploring: Exploring | None) -> bool:
    return exploring is None or exploring.source in ("", problem.source)


def _step(label: Label) -> int | None:
    return label.step if label.kind == "first_wrong" else None


def rates(pairs: list[tuple[int | None, Detection]]) -> dict[str, Any]:
    """The counts and rates from (labelled step, detected step) pairs; None is "no wrong step"."""
    judged = [(label, found) for label, found in pairs if not isinstance(found, Unjudged)]
    right = [found for label, found in judged if label is None]
    wrong = [(label, found) for label, found in judged if label is not None]
    exact = sum(label == found for label, found in wrong)
    flagged = sum(found is not None for _, found in judged)
    plain = {
        "accuracy_right": wilson(sum(found is None for found in right), len(right)),
        "accuracy_wrong": wilson(exact, len(wrong)),
        "precision": wilson(exact, flagged),
        "recall": wilson(exact, len(wrong)),
    }
    known = {name: interval.rate if interval.total else None for name, interval in plain.items()}
    return {
        "right": len(right),
        "wrong": len(wrong),
        "unjudged": len(pairs) - len(judged),
        "flagged": flagged,
        "exact": exact,
        **known,
        "processbench_f1": harmonic_mean(known["accuracy_right"], known["accuracy_wrong"]),
        "f1": harmonic_mean(known["precision"], known["recall"]),
        "intervals": {name: [interval.low, interval.high] for name, interval in plain.items() if interval.total},
    }


def harmonic_mean(one: float | None, other: float | None) -> float | None:
    """Their harmonic mean, 0 where either is 0, None where either is unknown."""
    if one is None or other is None:
        return None
    return 2 * one * other / (one + other) if one and other else 0.0


_TITLES = {
    "accuracy_right": "right solutions passed",
    "accuracy_wrong": "wrong solutions, exact step",
    "processbench_f1": "harmonic mean (ProcessBench F1)",
    "precision": "flags on the exact step",
    "recall": "wrong steps found",
    "f1": "harmonic mean (exact-step F1)",
}


def table(result: dict[str, Any]) -> str:
    """A score for a person to read."""
    gold = "gold answer known" if result["gold_used"] else "gold answer not used"
    lines = [
        f"{result['detector']} ({gold})",
        f"{result['right']} right and {result['wrong']} wrong solutions by label; {result['flagged']} flagged, "
        f"{result['exact']} on the exact step; {result['unjudged']} not judged, {result['disagreed']} disputed",
    ]
    for name, title in _TITLES.items():
        rate, interval = result[name], result["intervals"].get(name)
        shown = "—" if rate is None else f"{100 * rate:5.1f} %"
        lines.append(
            f"  {title:34}{shown}" + (f"   [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]" if interval else "")
        )
    lines += column_lines(result)
    lines += explored_lines(result["explored"]) if "explored" in result else []
    if result.get("outputs"):
        lines.append(f"outputs that come out again when the code is run: {result['agree']} of {result['outputs']}")
        lines += [f"  trace {row['trace']}, step {row['step']}: {row['reason']}" for row in result["disagree"]]
    return "\n".join(lines)
