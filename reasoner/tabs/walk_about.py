"""What the Walk screen tells about a problem besides its traces: key points, agreement, values, where code is run.

about(workbench, problem, traces)       {"keypoints": {…}, "agreement": {…}, "values": {trace id: […]}, …}
findings_of(store, problem, traces)     trace id → what the checks say of its steps, numbers from nowhere included
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from reasoner import keypoints
from reasoner.checks import check_solution
from reasoner.checks.python import describe_sandbox
from reasoner.figure import names_of, question_html
from reasoner.formats import FORMATS
from reasoner.records import Finding, KeyPoints, Maker, Problem, Step, Trace, Verdict
from reasoner.review.agreement import agreement_panel
from reasoner.store import Store
from reasoner.store.keypoints import latest

MAX_HISTORY = 30  # versions of the key points that the page offers (ours: more than anybody reads)


def about(store: Store, problem: Problem, traces: Sequence[Trace]) -> dict[str, Any]:
    """Everything that stands beside the graph, JSON-ready. Texts of people and models are typeset or plain."""
    values: dict[str, list[dict[str, Any]]] = {}
    for valuation in reversed(store.valuations(problem_id=problem.id)):
        said = {"by": valuation.by, "scores": [round(score, 3) for score in valuation.scores]}
        values.setdefault(valuation.trace_id, []).append(said)
    return {
        **keypoints_about(store, problem, traces),
        "agreement": agreement_panel(problem, traces),
        "values": values,
        "sandbox": [list(row) for row in describe_sandbox()],
        "running": [name for name, writing in FORMATS.items() if writing.runs],
    }


def keypoints_about(store: Store, problem: Problem, traces: Sequence[Trace]) -> dict[str, Any]:
    """The key points in force with their history, and the question in which their places are marked."""
    history = store.key_points(problem.id)
    current = latest(history)
    panel = keypoints.panel(problem, current, ()) | {"unused": _unused(problem, current, traces)}
    rows = [_version(one, one is current) for one in reversed(history[-MAX_HISTORY:])]
    return {
        "keypoints": panel | {"history": rows},
        "question_html": question_html(problem.question, names_of(traces), places_of(panel)),
    }


def places_of(panel: dict[str, Any]) -> list[tuple[int, int, str]]:
    """(start, end, name) of every key point that the question says; the core question's name is "core"."""
    named = [(panel["core"], "core"), *((point, str(index)) for index, point in enumerate(panel["points"]))]
    return [
        (point["start"], point["end"], name)
        for point, name in named
        if point is not None and point["start"] is not None
    ]


def findings_of(store: Store, problem: Problem, traces: Sequence[Trace]) -> dict[str, list[Finding]]:
    """Trace id → all that the checks find in it, in the order of its steps. What a person's key points say is told."""
    current = latest(store.key_points(problem.id))
    return {trace.id: check_solution(trace, problem, current) for trace in traces}


def _unused(problem: Problem, key_points: KeyPoints | None, traces: Sequence[Trace]) -> dict[str, list[int]]:
    """Trace id → the key points that no step of it uses; the panel's own, remembered from one look to the next."""
    if key_points is None:
        return {}
    plain = replace(key_points, created=0.0)
    return {trace.id: list(_unused_in(problem, plain, trace.steps)) for trace in traces}


@lru_cache(maxsize=16_384)
def _unused_in(problem: Problem, key_points: KeyPoints, steps: tuple[Step, ...]) -> tuple[int, ...]:
    found = keypoints.panel(problem, key_points, [_bare(problem, steps)])["unused"]
    return tuple(index for indices in found.values() for index in indices)


def _bare(problem: Problem, steps: tuple[Step, ...]) -> Trace:
    """A trace of these steps and nothing else."""
    return Trace("", problem.id, steps, "", "", "", None, Verdict("unjudged"), Maker("import"))


def _version(one: KeyPoints, is_current: bool) -> dict[str, Any]:
    said = {"by": one.by, "origin": one.origin, "created": one.created, "core": one.core_question}
    return said | {"points": list(one.points), "is_current": is_current}
