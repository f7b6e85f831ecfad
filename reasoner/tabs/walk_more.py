"""What the server does when the Walk screen asks for more: key points, repairs, translations, reviews of gold answers.

    save_points(store, "ada", {"problem": …, "core": "How many …?", "points": ["Ana has 41 coins."]})
    {"problem": …, "keypoints": {…}, "question_html": …, "message": "Saved as yours."}

As in walk_events, each event is whole and every field is checked: anybody can forge one.
"""

import time
from typing import Any

from reasoner import keypoints
from reasoner.errors import BadInput
from reasoner.records import KeyPoints, Problem, Trace
from reasoner.review.doubt import doubt_rows, reviewed_rows
from reasoner.review.repair import repair as repaired
from reasoner.review.repair import repair_panel
from reasoner.review.translation import Translation
from reasoner.review.translation import translate as translated
from reasoner.store import Store
from reasoner.store.gold import new_review
from reasoner.store.keypoints import MAX_POINT, MAX_POINTS
from reasoner.tabs.walk_about import keypoints_about
from reasoner.tabs.walk_events import Asked, problem_and_trace, text, whole
from reasoner.workbench import Workbench

MAX_DOUBTS = 100  # rows of the queue on screen at once


def _problem(store: Store, asked: Asked) -> Problem:
    problem = store.problem(text(asked, "problem"))
    if problem is None:
        raise BadInput("This problem is not in the store any more. Choose another one.")
    return problem


def _keypoints_mail(store: Store, problem: Problem, message: str) -> dict[str, Any]:
    about = keypoints_about(store, problem, store.traces(problem.id))
    return {"problem": problem.id, "message": message, "tone": "good", **about}


def save_points(store: Store, annotator: str, asked: Asked) -> dict[str, Any]:
    """Keep key points as this person's; an undo is an earlier version saved again."""
    problem = _problem(store, asked)
    given = asked.get("points")
    if not isinstance(given, list) or len(given) > MAX_POINTS:
        raise BadInput(f"At most {MAX_POINTS} key points are taken.")
    points = [text({"key point": point}, "key point", MAX_POINT).strip() for point in given]
    core = text(asked, "core", MAX_POINT).strip()
    made = KeyPoints(problem.id, core, tuple(point for point in points if point), annotator, time.time(), "person")
    is_new = store.add_key_points(made)
    return _keypoints_mail(store, problem, "Saved: these key points are yours." if is_new else "Nothing has changed.")


def extract_points(workbench: Workbench, asked: Asked) -> dict[str, Any]:
    """Key points by rules, or by the model in use; kept beside what a person has written, which stays in force."""
    store = workbench.store
    problem = _problem(store, asked)
    is_by_rules = asked.get("by") == "rules"
    found = keypoints.rules(problem) if is_by_rules else keypoints.extract(workbench.engine(), problem)
    store.add_key_points(found)
    message = f"{len(found.points)} key points, by {'rules' if is_by_rules else found.by}."
    current = keypoints_about(store, problem, [])["keypoints"]
    if current["origin"] != found.origin:
        message += " What was there before stays in force; take these from the versions below it."
    return _keypoints_mail(store, problem, message)


def repair(store: Store, asked: Asked) -> tuple[dict[str, Any], Trace | None]:
    """The repair of a trace from one step on, to be looked at; where the page says `keep`, the trace that it gave."""
    problem, trace = problem_and_trace(store, asked)
    step = whole(asked, "step", 0, max(0, len(trace.steps) - 1))
    panel = repair_panel(trace, problem, step)
    if asked.get("keep") is not True:
        return panel | {"step": step}, None
    made = repaired(trace, problem, step).trace
    if made is None:
        raise BadInput(panel["words"])
    store.add_traces([made])
    return panel, made


def translate(workbench: Workbench, asked: Asked) -> Translation:
    """A chain of thought written as a program by the model in use and run; the program is kept as a trace."""
    problem, trace = problem_and_trace(workbench.store, asked)
    found = translated(workbench.engine(), problem, trace)
    workbench.store.add_traces([found.trace])
    return found


def doubts(store: Store) -> dict[str, Any]:
    """The queue of gold answers in doubt, the strongest first, and what people have said of such answers."""
    return {"rows": doubt_rows(store, MAX_DOUBTS), "reviewed": reviewed_rows(store, MAX_DOUBTS)}


def review(store: Store, annotator: str, asked: Asked) -> tuple[str, str]:
    """Keep a person's word on a gold answer, or take it back: the problem's id, and what to say."""
    problem = _problem(store, asked)
    kind = text(asked, "kind")
    if kind == "undo":
        undone = store.gold.undo(annotator, problem.id)
        return problem.id, "Taken back." if undone else "There is nothing of yours to take back here."
    if kind not in ("confirmed", "corrected", "bad"):
        raise BadInput("The page sent a review that does not exist: reload it and try again.")
    answer = text(asked, "answer", 1_000).strip() or None
    if kind == "corrected" and answer is None:
        raise BadInput("Write the right answer first.")
    note = text(asked, "note", 10_000).strip()
    num_changed = store.gold.add(new_review(problem, kind, annotator, answer, note))  # type: ignore[arg-type]
    words = {"confirmed": "Saved: the gold answer stands.", "bad": "Saved: a bad problem."}.get(kind)
    return problem.id, words or f"Saved: the gold answer is {answer} now; {num_changed} solutions were judged anew."
