"""What the server does when the Walk screen works through a queue: "you and the machine differ", "machine is unsure".

    page(store, "ada", {"queue": "disagree", "offset": 0})     {"counts": {…}, "rows": […], "total": 3}
    place(store, "ada", {"queue": "unsure", "after": "91ab…"}) (problem, trace, None): the next one, at its question
    keep(store, "ada", {"trace": "91ab…"})                     "You keep your label: …"

The blind rule: nothing that the machine found leaves here for a trace that this person has not judged. A row of
"machine is unsure" says which trace it is and no more, and the trace opens at its question.

As in walk_events, each event is whole and every field is checked: anybody can forge one.
"""

import time
from collections.abc import Iterator
from typing import Any

import gradio as gr

from reasoner.errors import BadInput
from reasoner.store import Store
from reasoner.store.find import Filters
from reasoner.store.queues import Disagreement, Unsure
from reasoner.tabs.walk_events import Asked, text, whole
from reasoner.tabs.walk_view import LIST_TEXT, PAGE_SIZE, screen_json
from reasoner.workbench import Workbench

QUEUES = ("disagree", "unsure")
EMPTY = {
    "disagree": "You and the machine agree wherever you both have looked, or you have settled it.",
    "unsure": "The machine is unsure of no trace that you have not judged. Let it explore more, or judge others.",
}

Place = tuple[str, str, int | None]
"""Problem, trace, 0-based step; None for the question."""


def _queue(asked: Asked) -> str:
    name = text(asked, "queue")
    if name not in QUEUES:
        raise BadInput("The page asked for a queue that does not exist: reload it and try again.")
    return name


def _filters(asked: Asked) -> Filters:
    labelled = {"yes": True, "no": False}.get(text(asked, "labelled"))
    verdict, agreement = text(asked, "verdict"), text(asked, "agreement")
    return Filters(text(asked, "search"), text(asked, "source", 500), verdict, labelled, agreement)


def page(store: Store, annotator: str, asked: Asked) -> dict[str, Any]:
    """How many wait in each queue; a page of one where the page has one open; the trace on screen compared.

    `about` names that trace and `read` the moment, since this answer may come after a newer one.
    """
    mail: dict[str, Any] = _read_now() | {"counts": store.queues.counts(annotator)}
    mail |= {"about": text(asked, "trace"), "here": here(store, annotator, asked)}
    if not asked.get("queue"):
        return mail
    queues, filters, name = store.queues, _filters(asked), _queue(asked)
    offset, kept = whole(asked, "offset", 0, 10**9), asked.get("kept") is True
    if name == "unsure":
        unsure = queues.unsure(annotator, PAGE_SIZE, offset, filters)
        rows, total = [_row(one) for one in unsure], queues.num_unsure(annotator, filters)
    else:
        found = queues.disagreements(annotator, PAGE_SIZE, offset, filters, kept)
        rows = [_row(one) | _words_met(one) for one in found]
        total = queues.num_disagreements(annotator, filters, kept)
    return mail | {"queue": name, "rows": rows, "total": total, "message": "" if rows else EMPTY[name]}


def _read_now() -> dict[str, int]:
    """When what follows was read from the store: microseconds."""
    return {"read": time.time_ns() // 1_000}


def _row(one: Disagreement | Unsure) -> dict[str, Any]:
    return {
        "problem": one.problem_id,
        "trace": one.trace_id,
        "question": " ".join(one.question[: 2 * LIST_TEXT].split())[:LIST_TEXT],
        "source": one.source,
        "num_steps": one.num_steps,
    }


def _words_met(one: Disagreement) -> dict[str, Any]:
    """The person's word and the machine's; `chance` and `person_chance` are what the posterior gives them."""
    return {
        "person": one.person,
        "machine": one.machine,
        "chance": one.chance,
        "person_chance": one.person_chance,
        "is_kept": one.is_kept,
    }


def here(store: Store, annotator: str, asked: Asked) -> dict[str, Any] | None:
    """The trace on screen, once this person has judged it: their word beside the machine's, equal or not."""
    found = store.queues.comparison(annotator, text(asked, "trace"))
    return {"trace": found.trace_id, **_words_met(found)} if found else None


def place(store: Store, annotator: str, asked: Asked) -> Place | None:
    """The trace that the page wants to open, or the queue's next one; None where the queue is empty."""
    wanted = text(asked, "trace")
    if wanted:
        trace = store.trace(wanted)
        if trace is None:
            raise BadInput("This solution is not in the store any more. Choose another one.")
        met = store.queues.comparison(annotator, wanted)
        return trace.problem_id, trace.id, met.step if met and met.differs else None
    after, filters = text(asked, "after") or None, _filters(asked)
    if _queue(asked) == "unsure":
        unsure = store.queues.next_unsure(annotator, after, filters)
        return (unsure.problem_id, unsure.trace_id, None) if unsure else None
    found = store.queues.next_disagreement(annotator, after, filters)
    return (found.problem_id, found.trace_id, found.step) if found else None


def keep(store: Store, annotator: str, asked: Asked) -> str:
    """The person has looked and keeps the label, or takes that back (`undo`): what to say."""
    trace_id = text(asked, "trace")
    if asked.get("undo") is True:
        is_done = store.queues.put_back(annotator, trace_id)
        return "Back in the queue." if is_done else "It was in the queue already."
    is_done = store.queues.keep(annotator, trace_id)
    return "You keep your label; it has left the queue." if is_done else "There is nothing to settle here."


# ── handlers, as walk.py wires them ──────────────────────────────────────────────────────────────────────────────────


def listed(workbench: Workbench, who: str, asked: Asked) -> Iterator[tuple[Any, ...]]:
    """Counts, and a page of the queue that the page has open."""
    yield (page(workbench.store, who, asked),)


def opened(workbench: Workbench, who: str, asked: Asked) -> Iterator[tuple[Any, ...]]:
    """The next trace of a queue, or a named one, onto the screen."""
    found = place(workbench.store, who, asked)
    if found is None:
        counts = _read_now() | {"counts": workbench.store.queues.counts(who)}
        yield gr.skip(), counts | {"message": EMPTY[_queue(asked)], "tone": "good", "is_here": True}
        return
    problem_id, trace_id, step = found
    mail = page(workbench.store, who, dict(asked) | {"trace": trace_id, "queue": ""})
    yield screen_json(workbench, problem_id, who, trace_id, step), mail | {"opened": trace_id}


def settled(workbench: Workbench, who: str, asked: Asked) -> Iterator[tuple[Any, ...]]:
    """The person keeps the label, or takes that back."""
    message = keep(workbench.store, who, asked)
    about = page(workbench.store, who, dict(asked) | {"queue": ""})
    yield (about | {"message": message, "tone": "good", "settled": asked.get("undo") is not True},)
