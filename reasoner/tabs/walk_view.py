"""What the Walk screen shows: a problem with everything about it, the page of the list, the place to begin.

screen_json(workbench, problem.id, "ada", trace_id=trace.id, step=2)      the component's whole value
first_problem(store, "ada")                                               a finished problem with one wrong trace
"""

import time
from typing import Any

from reasoner.errors import BadInput
from reasoner.figure import as_json, figure_json, marks_json
from reasoner.formats import FORMATS
from reasoner.graph import build_graph
from reasoner.records import Label, Problem, Trace
from reasoner.store import Store
from reasoner.tabs.walk_about import about, findings_of
from reasoner.workbench import Workbench

PAGE_SIZE = 30  # problems a page of the list; walk_list.js counts with the same number
LIST_TEXT = 160  # characters of a question in the list
LOOKED_AT = 60  # unlabelled problems with a wrong answer, among which the first one to show is chosen


def screen_json(
    workbench: Workbench,
    problem_id: str | None,
    annotator: str,
    trace_id: str | None = None,
    step: int | None = None,
    is_update: bool = False,
) -> str:
    """The screen's value. `is_update`: the page keeps its cursor, and ignores it if it shows another problem by now."""
    store = workbench.store
    head = {
        "token": time.time_ns() // 1_000,
        "is_update": is_update,
        "annotator": annotator,
        "progress": store.progress(annotator),
        "last": last_label(store, annotator),
        "formats": [[name, FORMATS[name].title] for name in workbench.formats()],
        "titles": {name: writing.title for name, writing in FORMATS.items()},
        "focus": {"trace": trace_id, "step": step},
    }
    problem = store.problem(problem_id) if problem_id else None
    if problem is None:
        return as_json({"problem": None, "traces": [], "views": {}} | head)
    traces = store.traces(problem.id)
    labels, pits = store.labels(problem_id=problem.id), store.pits(problem_id=problem.id)
    findings = findings_of(store, problem, traces)
    plain = build_graph(problem, traces, labels, pits, findings)
    merged = build_graph(problem, traces, labels, pits, findings, merge=True)
    exploring = workbench.searches.of_problem(problem.id)
    return figure_json(plain, merged, **head, exploring=exploring, **about(store, problem, traces))


def marks(store: Store, problem: Problem) -> dict[str, Any]:
    """What labels and pits say about `problem` by now, for a screen that shows it already."""
    traces = store.traces(problem.id)
    return marks_json(problem, traces, store.labels(problem_id=problem.id), store.pits(problem_id=problem.id))


def last_label(store: Store, annotator: str) -> dict[str, str] | None:
    """The label that Undo would take back."""
    labels = store.labels(annotator=annotator)
    return label_key(max(labels, key=lambda label: label.created)) if labels else None


def label_key(label: Label) -> dict[str, str]:
    return {"id": label.id, "trace_id": label.trace_id, "problem_id": label.problem_id}


def first_problem(store: Store, annotator: str) -> tuple[str | None, str | None]:
    """Where to begin, as (problem, trace): nobody has labelled it, and ideally one trace is wrong among right ones."""
    rows = store.find_problems(verdict="wrong", labelled=False, limit=LOOKED_AT)
    if rows:
        best = min(rows, key=lambda row: (row.num_wrong != 1, row.num_right == 0, -row.num_right))
        wrong = [trace for trace in store.traces(best.problem.id) if trace.verdict.status == "wrong"]
        return best.problem.id, wrong[0].id
    trace = store.next_unlabelled(annotator)
    if trace:
        return trace.problem_id, trace.id
    rows = store.find_problems(limit=1)
    return (rows[0].problem.id, None) if rows else (None, None)


def linked(store: Store, annotator: str, query: dict[str, str]) -> tuple[str | None, str | None, int | None, str]:
    """Where a deep link leads: problem, trace, step, and what to tell where it leads nowhere."""
    problem = store.problem(query.get("problem", ""))
    if problem is None:
        message = "The link's problem is not in this store; here is another one." if query.get("problem") else ""
        return (*first_problem(store, annotator), None, message)
    trace = store.trace(query.get("trace", ""))
    if trace is None or trace.problem_id != problem.id:
        message = "The link's trace is not in this store; here are the others." if query.get("trace") else ""
        return problem.id, first_to_judge(store, problem.id, annotator), None, message
    number = query.get("step", "")
    step = int(number) if number.isascii() and number.isdigit() and len(number) < 6 else None
    if step is not None and step >= len(trace.steps):
        return problem.id, trace.id, len(trace.steps) - 1, "The link's step does not exist; here is the last one."
    return problem.id, trace.id, step, ""


def first_to_judge(store: Store, problem_id: str, annotator: str) -> str | None:
    """The first trace of a problem that this person has not judged; else the first."""
    traces = store.traces(problem_id)
    done = {label.trace_id for label in store.labels(problem_id=problem_id, annotator=annotator)}
    wanted: list[Trace] = [trace for trace in traces if trace.id not in done] or traces
    return wanted[0].id if wanted else None


def list_page(
    store: Store, search: str, source: str, verdict: str, labelled: bool | None, offset: int, agreement: str = ""
) -> dict[str, Any]:
    """One page of the list of problems."""
    if offset < 0:
        raise BadInput("The list begins at its first problem.")
    rows = store.find_problems(search, source, verdict, labelled, PAGE_SIZE, offset, agreement)
    return {
        "total": store.count_problems(search, source, verdict, labelled, agreement),
        "sources": store.sources(),
        "rows": [
            {
                "id": row.problem.id,
                "question": " ".join(row.problem.question[: 2 * LIST_TEXT].split())[:LIST_TEXT],
                "source": row.problem.source,
                "num_traces": row.num_traces,
                "num_right": row.num_right,
                "num_wrong": row.num_wrong,
                "num_unjudged": row.num_unjudged,
                "num_labelled": row.num_labelled,
            }
            for row in rows
        ],
    }
