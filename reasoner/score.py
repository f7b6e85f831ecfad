"""How well does a detector find first wrong steps? Compared with the labels in the store.

    score(store, "arithmetic")      {"detector": "arithmetic", "gold_used": False, "right": 62, …, "f1": 0.955}
    print(table(…))                 the same for a person, with intervals

Keys: `right` and `wrong` count labelled traces that the detector judged; `unjudged` those that it could not,
`disagreed` those on which annotators name different steps: both are left out of every rate. `accuracy_right` (no step
flagged where none is wrong), `accuracy_wrong` (the very step flagged) and their harmonic mean `processbench_f1` are
ProcessBench's (arXiv 2412.06559 §3); `precision` (flags on the very step / flags), `recall` (the same as
accuracy_wrong) and their harmonic mean `f1` count exact steps. A rate of nothing is None. `intervals` holds Wilson's
95 % interval of every plain rate.

A detector is a function (trace, problem, with_answer) → 0-based first wrong step | None | Unjudged. `gold_used` says
whether it looked at the gold answer: numbers with and without it are not comparable.

The detector `python` needs no labels for its own keys: `agree` of the `outputs` recorded in solutions with code come
out again when the code is run, and `disagree` lists the others: trace, step and reason.

Beside them stand `agreement` (with the other formats; score_columns.py) and `error_classes` (proposed for the steps
that people flagged), where there is anything to say.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reasoner.checks import check_trace
from reasoner.checks.answers import judge
from reasoner.checks.information import check_information
from reasoner.errors import BadInput
from reasoner.executed import first_failure, has_code, outputs_again
from reasoner.intervals import wilson
from reasoner.records import Label, Problem, Trace
from reasoner.score_columns import agreement_column, classes_column, column_lines
from reasoner.store import Store


@dataclass(frozen=True, slots=True)
class Unjudged:
    """A detector's word that it cannot tell."""

    reason: str


Detection = int | Unjudged | None
Detector = Callable[[Trace, Problem, bool], Detection]


def arithmetic(trace: Trace, problem: Problem, with_answer: bool) -> Detection:
    """The first step with an equation that does not hold."""
    wrong = (found.step for found in check_trace(trace) if found.check == "arithmetic" and found.status == "wrong")
    return min(wrong, default=None)


def grammar(trace: Trace, problem: Problem, with_answer: bool) -> Detection:
    """The first step whose action may not stand there."""
    wrong = (found.step for found in check_trace(trace) if found.check == "grammar" and found.status == "wrong")
    return min(wrong, default=None)


def information(trace: Trace, problem: Problem, with_answer: bool) -> Detection:
    """The first step with a number that comes from nowhere: a sign of misunderstanding, not a proof."""
    found = check_information(problem.question, trace.steps)
    return min((finding.step for finding in found), default=None)


def python(trace: Trace, problem: Problem, with_answer: bool) -> Detection:
    """The first step of code that fails when it is run again, or whose recorded output is another."""
    if not has_code(trace):
        return Unjudged("there is no code in it")
    failure = first_failure(trace)
    return failure.step if failure else None


def middle(trace: Trace, problem: Problem, with_answer: bool) -> Detection:
    """The middle step of every trace, which a detector must beat. With the answer: only where the answer is wrong."""
    return answer(trace, problem, True) if with_answer else (len(trace.steps) - 1) // 2


def answer(trace: Trace, problem: Problem, with_answer: bool) -> Detection:
    """The middle step where the final answer is wrong, none where it is right."""
    if not with_answer:
        raise BadInput('the detector "answer" looks at the gold answer: say so with --with-answer')
    verdict = judge(problem.answer, trace.answer)
    if verdict.status == "unjudged":
        return Unjudged(verdict.reason)
    return (len(trace.steps) - 1) // 2 if verdict.status == "wrong" else None


def arithmetic_and_answer(trace: Trace, problem: Problem, with_answer: bool) -> Detection:
    """The first step whose arithmetic is wrong, else what the answer says."""
    found = arithmetic(trace, problem, with_answer)
    by_answer = answer(trace, problem, with_answer)
    return found if found is not None else by_answer


__all__ = ["DETECTORS", "Detection", "Detector", "Unjudged", "harmonic_mean", "rates", "score", "table", "wilson"]

DETECTORS: dict[str, Detector] = {
    "arithmetic": arithmetic,
    "grammar": grammar,
    "information": information,
    "python": python,
    "answer": answer,
    "arithmetic+answer": arithmetic_and_answer,
    "baseline-middle": middle,
}
MEASURES: dict[str, Callable[[Store], dict[str, Any]]] = {"python": outputs_again}
"""What else a detector can say of all solutions in the store, labelled or not."""
_LOOKS_AT_ANSWER = ("answer", "arithmetic+answer", "baseline-middle")


def score(store: Store, detector: str, with_answer: bool = False) -> dict[str, Any]:
    """Compare `detector` with the labelled traces. BadInput without such a detector, or without labels that tell."""
    if detector not in DETECTORS:
        raise BadInput(f'there is no detector "{detector}": choose one of {", ".join(DETECTORS)}')
    labels: dict[str, list[Label]] = {}
    for label in store.labels():
        if label.kind in ("first_wrong", "all_right"):
            labels.setdefault(label.trace_id, []).append(label)
    measured = MEASURES[detector](store) if detector in MEASURES else {}
    if not labels and not any(measured.values()):
        raise BadInput("no trace has a label that says which step is wrong: flag some first, or import labelled traces")
    pairs: list[tuple[int | None, Detection]] = []
    is_flagged: dict[str, bool] = {}
    told: list[tuple[Trace, Problem, Label]] = []
    for trace_id, own in labels.items():
        trace = store.trace(trace_id)
        problem = store.problem(trace.problem_id) if trace else None
        if trace is None or problem is None:
            continue
        told += [(trace, problem, label) for label in own]
        steps = {_step(label) for label in own}
        if len(steps) == 1:
            found = DETECTORS[detector](trace, problem, with_answer)
            pairs.append((steps.pop(), found))
            is_flagged |= {} if isinstance(found, Unjudged) else {trace_id: found is not None}
    counts = {"disagreed": sum(len({_step(label) for label in own}) > 1 for own in labels.values())}
    columns = {"agreement": agreement_column(store, is_flagged), "error_classes": classes_column(told)}
    return {
        "detector": detector,
        "gold_used": with_answer and detector in _LOOKS_AT_ANSWER,
        **rates(pairs),
        **counts,
        **{name: column for name, column in columns.items() if column},
        **measured,
    }


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
    if result.get("outputs"):
        lines.append(f"outputs that come out again when the code is run: {result['agree']} of {result['outputs']}")
        lines += [f"  trace {row['trace']}, step {row['step']}: {row['reason']}" for row in result["disagree"]]
    return "\n".join(lines)
