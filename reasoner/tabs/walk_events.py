"""What the server does when the Walk screen asks: judge, undo, open, find, sample, rename.

    judge(workbench, "ada", {"action": "first_wrong", "problem": …, "trace": …, "step": 1, "seq": 7, "event": "x-7"})
    {"kind": "label", "seq": 7, "is_ok": True, "message": "Saved: step 2 is the first wrong one.", "marks": …}

Every event is whole (it names problem, trace and step) and anybody can forge one, so each field is checked here. An
event that comes twice labels once: the label's id follows from the page's own name for the event.
"""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, get_args

from reasoner.engines import Engine
from reasoner.errors import BadInput
from reasoner.formats import Format, format_named
from reasoner.records import Label, LabelKind, Problem, Trace, content_id, make_problem
from reasoner.review.error_classes import proposal_json
from reasoner.solve import check_question, solve
from reasoner.store import Store
from reasoner.store.keypoints import latest
from reasoner.tabs import walk_view
from reasoner.workbench import Workbench

MAX_SAMPLES = 32  # traces one press of a button may ask for (ours: a minute of the built-in solver)
MAX_SECONDS = 86_400.0  # a judgement that took longer was a page left open
SAVED = {
    "all_right": "Saved: all steps are right.",
    "unsure": "Saved: unsure.",
    "skip": "Saved: skipped.",
    "bad_problem": "Saved: bad problem.",
}

Asked = Mapping[str, Any]


def text(asked: Asked, name: str, limit: int = 200) -> str:
    """A string out of an event. Raises BadInput where it is none or too long."""
    value = asked.get(name) or ""
    if not isinstance(value, str) or len(value) > limit:
        raise BadInput(f"The page sent a {name} that cannot be: reload the page and try again.")
    return value


def whole(asked: Asked, name: str, low: int, high: int) -> int:
    """A whole number from `low` to `high` out of an event."""
    value = asked.get(name)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise BadInput(f"{name.capitalize()} must be a whole number from {low} to {high}.")
    return value


def number(asked: Asked, name: str, low: float, high: float) -> float:
    value = asked.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
        raise BadInput(f"{name.capitalize()} must be a number from {low:g} to {high:g}.")
    return float(value)


def problem_and_trace(store: Store, asked: Asked) -> tuple[Problem, Trace]:
    problem = store.problem(text(asked, "problem"))
    trace = store.trace(text(asked, "trace"))
    if problem is None or trace is None or trace.problem_id != problem.id:
        raise BadInput("This solution is not in the store any more. Reload the page and choose it again.")
    return problem, trace


def judge(workbench: Workbench, annotator: str, asked: Asked) -> dict[str, Any]:
    """Keep one judgement, or take one back; returns only when it is on disk."""
    problem, trace = problem_and_trace(workbench.store, asked)
    store = workbench.store
    if asked.get("action") == "undo":
        message = _undo(workbench, annotator, trace, text(asked, "label"))
        last = walk_view.last_label(store, annotator)
    else:
        label = _label(asked, annotator, trace)
        store.add_label(label)
        message = SAVED.get(label.kind) or f"Saved: step {(label.step or 0) + 1} is the first wrong one."
        last = walk_view.label_key(label)
    about: dict[str, Any] = {"is_ok": True, "message": message, "last": last, "annotator": annotator}
    if asked.get("action") == "first_wrong":  # only now: a class proposed before the flag would lead the person
        about["proposal"] = proposal_json(trace, problem, whole(asked, "step", 0, len(trace.steps) - 1))
    return about | {"progress": store.progress(annotator)} | walk_view.marks(store, problem)


def _label(asked: Asked, annotator: str, trace: Trace) -> Label:
    kind = _kind(asked)
    is_flag = kind == "first_wrong"
    if is_flag and not trace.steps:
        raise BadInput("This trace has no steps, so none of them is wrong. Skip it, or call the problem bad.")
    label = Label.of(
        trace,
        kind=kind,
        annotator=annotator,
        step=whole(asked, "step", 0, len(trace.steps) - 1) if is_flag else None,
        error_class=text(asked, "error_class") if is_flag else "",
        correction=text(asked, "correction", 100_000).strip() if is_flag else "",
        note=text(asked, "note", 100_000).strip(),
        seconds=min(number(asked, "seconds", 0, 1e12), MAX_SECONDS),
    )
    return replace(label, id=content_id("label", annotator, trace.id, text(asked, "event")))


def _kind(asked: Asked) -> LabelKind:
    known: tuple[LabelKind, ...] = get_args(LabelKind)
    for kind in known:
        if asked.get("action") == kind:
            return kind
    raise BadInput("The page sent a judgement that does not exist: reload it and try again.")


def _undo(workbench: Workbench, annotator: str, trace: Trace, label_id: str) -> str:
    """Take back that label if it still stands; a second, late copy of the same event finds it gone and does nothing."""
    store = workbench.store

    def standing() -> list[Label]:
        return [label for label in store.labels(trace_id=trace.id) if label.annotator == annotator]

    if any(label.id == label_id for label in standing()):
        store.undo_label(annotator, trace.id)
    return "Taken back; your judgement before it stands again." if standing() else "Taken back."


def place(workbench: Workbench, annotator: str, asked: Asked) -> tuple[str, str | None, int | None] | None:
    """The problem, trace and step that the page wants to open; None where every trace has been judged."""
    store = workbench.store
    if asked.get("next"):
        found = store.next_unlabelled(annotator, text(asked, "after") or None)
        return (found.problem_id, found.id, None) if found else None
    problem = store.problem(text(asked, "problem"))
    if problem is None:
        raise BadInput("This problem is not in the store any more. Choose another one.")
    trace_id = text(asked, "trace") or walk_view.first_to_judge(store, problem.id, annotator)
    return problem.id, trace_id, None


def find(workbench: Workbench, asked: Asked) -> dict[str, Any]:
    """A page of the list of problems."""
    labelled = {"yes": True, "no": False}.get(text(asked, "labelled"))
    offset = whole(asked, "offset", 0, 10**9)
    page = walk_view.list_page(
        workbench.store,
        text(asked, "search"),
        text(asked, "source", 500),
        text(asked, "verdict"),
        labelled,
        offset,
        text(asked, "agreement"),
    )
    return page | {"seq": asked.get("seq")}


def typed_problem(workbench: Workbench, asked: Asked) -> Problem:
    """A problem that a person typed, kept. Raises BadInput when it is empty or too long."""
    question = asked.get("question")
    if not isinstance(question, str):
        raise BadInput("The problem is empty: type a question first.")
    check_question(question)
    problem = make_problem(question.strip(), text(asked, "answer").strip() or None, "typed")
    workbench.store.add_problems([problem])
    return workbench.store.problem(problem.id) or problem


def sample(workbench: Workbench, problem: Problem, asked: Asked) -> Iterator[Trace]:
    """Solve `problem` again, in each format asked for, until the page says stop; traces are kept at once."""
    run = text(asked, "run")

    def is_stopped() -> bool:
        return workbench.stops.is_asked(run)

    hint = latest(workbench.store.key_points(problem.id)) if asked.get("hint") is True else None
    num = whole(asked, "num", 1, MAX_SAMPLES)
    temperature = number(asked, "temperature", 0, 2)
    for writing in formats_asked(workbench, asked):
        sampling = replace(
            writing.sampling(num=1 if temperature == 0 else num), temperature=temperature, seed=secrets.randbelow(2**31)
        )
        for trace in solve(workbench.engine(), problem, writing.name, sampling, hint, is_stopped):
            workbench.store.add_traces([trace])
            yield trace


def formats_asked(workbench: Workbench, asked: Asked) -> list[Format]:
    """The formats that the page wants, each once; the model's own first one where it names none."""
    names = asked.get("formats") or [workbench.formats()[0]]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise BadInput("The page sent formats that cannot be: reload the page and try again.")
    return [format_named(name) for name in dict.fromkeys(names)]


def unknown_words_notice(engine: Engine, problem: Problem) -> str:
    """What to tell about words outside the model's vocabulary; empty when it knows them all."""
    words = list(dict.fromkeys(engine.unknown_words(problem.question)))
    if not words:
        return ""
    shown = ", ".join(f"“{word[:40]}”" for word in words[:6]) + (" …" if len(words) > 6 else "")
    return (
        f"The built-in solver has never seen {shown}. It knows only simple word problems and cannot read these words, "
        "so do not expect sense. Start with --model for a larger model."
    )


def new_name(asked: Asked) -> str:
    """The annotator's name as given. Raises BadInput when it cannot be used."""
    name = " ".join(text(asked, "name", 1_000).split())
    if not 1 <= len(name) <= 80 or not name.isprintable():
        raise BadInput("A name has 1 to 80 printable characters. Choose another one.")
    return name
