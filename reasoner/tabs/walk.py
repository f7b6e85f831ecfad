"""The Walk tab: walk a problem's state graph, flag the first wrong step.

This file only wires: what is on screen is made by walk_view, what an event does stands in walk_events, how it looks in
assets/walk.*. `app.py` passes CSS_PATHS, STATIC_PATHS and HEAD to the launch.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import gradio as gr
from gradio.context import Context

from reasoner.errors import BadInput, WorkbenchError
from reasoner.figure import as_json
from reasoner.space import guest_name
from reasoner.tabs import walk_events, walk_explore, walk_more, walk_queue, walk_view
from reasoner.tabs.component import CSS_PATHS, STATIC_PATHS, Mail, Screen
from reasoner.workbench import Workbench

__all__ = ["CSS_PATHS", "HEAD", "STATIC_PATHS", "build"]

HEAD = ""
UNEXPECTED = "Something went wrong that should not have; nothing was changed. The server's log says what it was."
DONE = "Every trace is judged. Train on what you found, or sample more."
EVENT: dict[str, Any] = {
    "show_progress": "hidden",
    "trigger_mode": "multiple",
    "api_visibility": "private",
    "concurrency_limit": 1,
}
LANES: dict[str, dict[str, Any]] = {"walk-explore": {"concurrency_limit": 8}}
"""Lanes that take more than one at a time: pages follow their searches side by side, the model itself takes turns.
Stop has a lane of its own, so that it never waits behind what it is to stop."""

Asked = Mapping[str, Any]
Profile = gr.OAuthProfile | None
Answers = Iterator[tuple[Any, ...]]
Work = Callable[[Workbench, str, Asked], Answers]

log = logging.getLogger(__name__)


def build(workbench: Workbench) -> Screen:
    """The tab's layout, inside the page's gr.Blocks."""
    name = gr.BrowserState("", storage_key="first-pit-annotator", secret="first-pit")
    screen = Screen()
    label_mail, list_mail, work_mail = Mail("label"), Mail("list"), Mail("work")
    live_mail, tries_mail, stop_mail = Mail("live"), Mail("tries"), Mail("stop")
    queue_mail, queued_mail = Mail("queue"), Mail("queued")  # answered side by side: neither may overwrite the other
    wires: list[tuple[str, Work, list[Any], str, str]] = [
        ("judge", judge, [label_mail], "label", "walk"),
        ("open", open_place, [screen, work_mail], "work", "walk"),
        ("find", find, [list_mail], "list", "walk-list"),
        ("sample", sample, [screen, work_mail], "work", "walk-model"),
        ("typed", typed, [screen, work_mail], "work", "walk-model"),
        ("explore", explore, [live_mail], "live", "walk-explore"),
        ("stop", stop, [stop_mail], "stop", "walk-stop"),
        ("tries", tries, [tries_mail], "tries", "walk-list"),
        ("take", take, [screen, work_mail], "work", "walk"),
        ("rename", rename, [name, work_mail], "work", "walk"),
        ("points", points, [work_mail], "work", "walk"),
        ("extract", extract, [work_mail], "work", "walk-model"),
        ("repair", repair, [screen, work_mail], "work", "walk"),
        ("translate", translate, [screen, work_mail], "work", "walk-model"),
        ("doubts", doubts, [work_mail], "work", "walk-list"),
        ("review", review, [screen, work_mail], "work", "walk"),
        ("queue", walk_queue.listed, [queue_mail], "queue", "walk-list"),
        ("queued", walk_queue.opened, [screen, queued_mail], "queue", "walk"),
        ("settle", walk_queue.settled, [queued_mail], "queue", "walk"),
    ]
    for event, work, outputs, kind, lane in wires:
        handle = guarded(workbench, work, kind, len(outputs))
        getattr(screen, event)(handle, [name], outputs, concurrency_id=lane, **EVENT | LANES.get(lane, {}))
    page = Context.root_block
    if page is not None:
        page.load(opening(workbench), [name], [screen, name, work_mail], concurrency_id="walk", **EVENT)
    return screen


def guarded(workbench: Workbench, work: Work, kind: str, num_outputs: int) -> Callable[..., Answers]:
    """`work` as a handler: knows who asks, and turns every error into words. The last output is the mail."""

    def handle(event: gr.EventData, name: str, profile: Profile) -> Answers:
        asked = event._data if isinstance(event._data, dict) else {}
        back = {"kind": kind, "page": asked.get("page"), "seq": asked.get("seq")}

        def failed(message: str) -> tuple[Any, ...]:
            said = {"is_ok": False, "message": message, "tone": "bad", "is_done": True, "is_here": True}
            return (*[gr.skip()] * (num_outputs - 1), as_json(said | {"rows": [], "total": 0, "sources": []} | back))

        try:
            if profile is not None and work is rename:
                raise BadInput(f"You are logged in as {profile.username}: your labels carry that name.")
            for *others, mail in work(workbench, annotator(name, profile), asked):
                yield (*others, as_json(mail | back))
        except WorkbenchError as error:
            yield failed(str(error))
        except Exception:
            log.exception("The Walk tab could not do %r", kind)
            yield failed(UNEXPECTED)

    return handle


def annotator(name: object, profile: Profile) -> str:
    """Whose labels these are: the login's name, else the one this browser keeps."""
    if profile is not None:
        return str(profile.username)
    if not isinstance(name, str) or not name:
        raise BadInput("This browser has no name for your labels yet. Reload the page.")
    return name


def opening(workbench: Workbench) -> Callable[..., tuple[Any, ...]]:
    """A handler for a page that has just been opened: the linked state, or a finished problem to begin with."""

    def load(request: gr.Request, name: str, profile: Profile) -> tuple[Any, ...]:
        known = name if isinstance(name, str) and name else guest_name()
        who = annotator(known, profile)
        try:
            query = {key: value for key, value in request.query_params.items() if isinstance(value, str)}
            problem, trace, step, message = walk_view.linked(workbench.store, who, query)
            screen = walk_view.screen_json(workbench, problem, who, trace, step)
        except WorkbenchError as error:
            gr.Warning(str(error))
            return gr.skip(), known, gr.skip()
        mail = as_json({"kind": "work", "notice": message, "is_done": True}) if message else gr.skip()
        return screen, known, mail

    return load


def judge(workbench: Workbench, who: str, asked: Asked) -> Answers:
    yield (walk_events.judge(workbench, who, asked),)


def find(workbench: Workbench, who: str, asked: Asked) -> Answers:
    yield (walk_events.find(workbench, asked),)


def open_place(workbench: Workbench, who: str, asked: Asked) -> Answers:
    place = walk_events.place(workbench, who, asked)
    if place is None:
        yield gr.skip(), {"message": DONE, "tone": "good", "is_here": True}
    else:
        yield walk_view.screen_json(workbench, place[0], who, place[1], place[2]), {"notice": ""}


def sample(workbench: Workbench, who: str, asked: Asked) -> Answers:
    problem = workbench.store.problem(walk_events.text(asked, "problem"))
    if problem is None:
        raise BadInput("This problem is not in the store any more. Choose another one.")
    yield from _stream(workbench, who, asked, problem.id)


def typed(workbench: Workbench, who: str, asked: Asked) -> Answers:
    try:
        problem = walk_events.typed_problem(workbench, asked)
    except BadInput as error:
        yield gr.skip(), {"own": str(error), "message": str(error), "tone": "bad", "is_done": True}
        return
    yield walk_view.screen_json(workbench, problem.id, who), {"message": "The model is reading it …"}
    yield from _stream(workbench, who, asked, problem.id)


def _stream(workbench: Workbench, who: str, asked: Asked, problem_id: str) -> Answers:
    """Traces into the graph as they come; the page keeps its cursor."""
    problem = workbench.store.problem(problem_id)
    assert problem is not None
    if not workbench.is_ready:
        yield gr.skip(), {"message": "Loading the model …"}
    yield gr.skip(), {"notice": walk_events.unknown_words_notice(workbench.engine(), problem)}
    num, asked_for = 0, (asked.get("num") or 0) * len(walk_events.formats_asked(workbench, asked))
    for num, trace in enumerate(walk_events.sample(workbench, problem, asked), 1):
        screen = walk_view.screen_json(workbench, problem.id, who, trace.id, is_update=True)
        yield screen, {"message": f"{num} of {asked_for} sampled …"}
    words = "1 new trace." if num == 1 else f"{num} new traces."
    is_stopped = num < asked_for and workbench.stops.is_asked(walk_events.text(asked, "run"))
    yield gr.skip(), {"message": f"Stopped: {words}" if is_stopped else words, "is_done": True}


def explore(workbench: Workbench, who: str, asked: Asked) -> Answers:
    for mail in walk_explore.follow(workbench, asked):
        yield (mail,)


def stop(workbench: Workbench, who: str, asked: Asked) -> Answers:
    walk_explore.stop(workbench, asked)
    yield ({"is_ok": True},)


def tries(workbench: Workbench, who: str, asked: Asked) -> Answers:
    yield (walk_explore.tries(workbench, asked),)


def take(workbench: Workbench, who: str, asked: Asked) -> Answers:
    found, words = walk_explore.taken(workbench, asked)
    step = walk_events.whole(asked, "probe", -1, len(found.steps))
    screen = walk_view.screen_json(workbench, found.problem_id, who, found.id, step if step >= 0 else None)
    yield screen, {"message": words, "tone": "good"}


def points(workbench: Workbench, who: str, asked: Asked) -> Answers:
    yield (walk_more.save_points(workbench.store, who, asked),)


def extract(workbench: Workbench, who: str, asked: Asked) -> Answers:
    if asked.get("by") != "rules" and not workbench.is_ready:
        yield ({"message": "Loading the model …"},)
    yield (walk_more.extract_points(workbench, asked) | {"is_done": True},)


def repair(workbench: Workbench, who: str, asked: Asked) -> Answers:
    panel, kept = walk_more.repair(workbench.store, asked)
    if kept is None:
        yield gr.skip(), {"repair": panel, "message": panel["words"]}
    else:
        screen = walk_view.screen_json(workbench, kept.problem_id, who, kept.id)
        yield screen, {"message": "The repaired solution is a trace of its own now. Walk it.", "tone": "good"}


def translate(workbench: Workbench, who: str, asked: Asked) -> Answers:
    if not workbench.is_ready:
        yield gr.skip(), {"message": "Loading the model …"}
    found = walk_more.translate(workbench, asked)
    screen = walk_view.screen_json(workbench, found.trace.problem_id, who, is_update=True)
    yield screen, {"message": found.words, "tone": "" if found.agrees else "bad", "is_done": True}


def doubts(workbench: Workbench, who: str, asked: Asked) -> Answers:
    yield ({"doubts": walk_more.doubts(workbench.store)},)


def review(workbench: Workbench, who: str, asked: Asked) -> Answers:
    problem_id, message = walk_more.review(workbench.store, who, asked)
    mail = {"doubts": walk_more.doubts(workbench.store), "message": message, "tone": "good"}
    if asked.get("shown") == problem_id:
        yield walk_view.screen_json(workbench, problem_id, who, is_update=True), mail
    else:
        yield gr.skip(), mail


def rename(workbench: Workbench, who: str, asked: Asked) -> Answers:
    name = walk_events.new_name(asked)
    about = {"progress": workbench.store.progress(name), "last": walk_view.last_label(workbench.store, name)}
    yield name, about | {"name": name, "message": f"Your labels are {name}'s from now on.", "tone": "good"}
