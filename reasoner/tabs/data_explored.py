"""On the Data tab: a bulk exploration opened, paged through, and taken into the store row by row.

A folder of this machine is opened by its path, or its files are uploaded; on a Space visitors do not browse the
server's disk, so there they upload. Only the page on screen is read. A row that is clicked is taken into the store and
opens in Walk, at its question: nothing there tells what the machine found before one has judged.
"""

import html
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from reasoner import arguments
from reasoner.errors import BadInput, WorkbenchError
from reasoner.scale import opening
from reasoner.scale.opening import KINDS, PAGE, Opened
from reasoner.tabs.words import message_html, report_html
from reasoner.workbench import Workbench

MAX_TAKEN = 10_000  # rows at once. Ours: about a minute
GUEST_TAKEN = 500
LIST_TEXT = 140  # characters of a question
HEADERS = ["row", "question", "pit", "sure", "steps", "tries", "tokens", "why it ended"]
WIDTHS: list[str | int] = ["70px", "46%", "90px", "80px", "70px", "70px", "80px", "20%"]
GO = "(place) => { if (place) window.location.search = place; }"


@dataclass(frozen=True, slots=True)
class Shown:
    """What one page of the browser has open: kept on the server, so that a path cannot be forged."""

    opened: Opened | None = None
    kind: str = "all"
    starts: tuple[int, ...] = (0,)  # the first row of each page up to this one
    next_start: int | None = None
    numbers: tuple[int, ...] = ()  # the rows on the page

    @property
    def start(self) -> int:
        return self.starts[-1]


Answer = tuple[Shown, str, Any, str]
"""What is open, its counts or why nothing is, the table, the line between the page's buttons."""


def open_path(workbench: Workbench, name: str) -> Answer:
    """Open a folder of this machine. On a Space visitors may not."""

    def work() -> Opened:
        if workbench.guest_limits:
            raise BadInput("On a Space, explorations come from uploaded files only, not from its disk.")
        return opening.open_folder(arguments.text(name, "The folder", 4_000))

    return _opened(work)


def open_uploaded(paths: list[str] | None) -> Answer:
    return _opened(lambda: opening.open_files(paths or []))


def _opened(work: Callable[[], Opened]) -> Answer:
    try:
        opened = work()
    except WorkbenchError as error:
        return Shown(), message_html(str(error), is_bad=True), gr.update(value=[], visible=False), ""
    return _page(Shown(opened), about_html(opened))


def choose(shown: Shown, kind: str) -> Answer:
    """Other rows, from their beginning."""
    return _page(replace(shown, kind=kind, starts=(0,)))


def turn(shown: Shown, by: int) -> Answer:
    """The page after, or the one before."""
    if by > 0 and shown.next_start is not None:
        shown = replace(shown, starts=(*shown.starts, shown.next_start))
    elif by < 0 and len(shown.starts) > 1:
        shown = replace(shown, starts=shown.starts[:-1])
    return _page(shown)


def _page(shown: Shown, about: str | None = None) -> Answer:
    """The page that `shown` stands on."""
    if shown.opened is None:
        return shown, message_html("Open an exploration first.", is_bad=True), gr.update(visible=False), ""
    try:
        page = opening.read_page(shown.opened, shown.kind, shown.start)
    except WorkbenchError as error:
        return shown, message_html(str(error), is_bad=True), gr.skip(), ""
    about = about or about_html(shown.opened)
    shown = replace(shown, numbers=tuple(row.number for row in page.rows), next_start=page.next_start)
    table = gr.update(value=[_cells(row) for row in page.rows], visible=bool(page.rows))
    first = (len(shown.starts) - 1) * PAGE
    more = "" if page.next_start is None else ", more follow"
    line = f"{first + 1:,}–{first + len(page.rows):,}{more}" if page.rows else "No row is of this kind."
    return shown, about, table, line


def _cells(row: opening.Summary) -> list[str]:
    question = " ".join(row.question[: 2 * LIST_TEXT].split())[:LIST_TEXT]
    sure = "" if row.chance is None else f"{100 * row.chance:.0f} %"
    pit = "none" if row.step is None else f"step {row.step + 1}"
    ended = row.ended + (" · by agreement" if row.judged_by == "agreement" else "")
    numbers = [f"{number:,}" for number in (row.num_steps, row.completions, row.tokens)]
    return [f"{row.number:,}", question, pit, sure, *numbers, ended]


def take_some(workbench: Workbench, shown: Shown, num: float) -> str:
    """The next `num` rows of the kind on screen, from this page on, into the store; what became of them."""

    def work() -> str:
        most = GUEST_TAKEN if workbench.guest_limits else MAX_TAKEN
        wanted = arguments.whole(num, "The number of rows", 1, most)
        rows = opening.matching_rows(_needed(shown), shown.kind, shown.start, wanted)
        return report_html("Explored traces", opening.take(workbench.store, rows), "taken into the store")

    return _in_words(work)


def take_row(workbench: Workbench, shown: Shown, index: int) -> tuple[str, str]:
    """One row of the page into the store: what to say, and where in Walk it stands (empty: nowhere)."""
    places: list[str] = []

    def work() -> str:
        number = shown.numbers[arguments.whole(index, "The row", 0, max(0, len(shown.numbers) - 1))]
        rows = list(opening.explored_rows(_needed(shown), [number]))
        counts = opening.take(workbench.store, rows)
        if not counts.dropped:
            places.extend(
                f"?problem={row.problem.id}&trace={row.trace.id}" for row in rows if not isinstance(row, BadInput)
            )
        return report_html("The row", counts, "taken into the store")

    said = _in_words(work)
    return said, places[0] if places else ""


def _needed(shown: Shown) -> Opened:
    if shown.opened is None or not shown.numbers:
        raise BadInput("Open an exploration first, and choose rows that there are.")
    return shown.opened


def _in_words(work: Callable[[], str]) -> str:
    try:
        return work()
    except WorkbenchError as error:
        return message_html(str(error), is_bad=True)


def about_html(opened: Opened) -> str:
    """How much there is, what failed and why, what could not be read."""
    counts, num = opened.counts, opened.num_rows
    figures = [(f"{num:,}", "explored traces" if num != 1 else "explored trace")]
    reasons: list[tuple[int, str]] = []
    if counts is not None:
        figures += [(f"{counts.found:,}", "with a first pit"), (f"{counts.none:,}", "without")]
        figures += [(f"{counts.failed.total():,}", "failed"), (f"{counts.tokens:,}", "tokens")]
        reasons += [(number, f"failed: {reason}") for reason, number in counts.failed.most_common()]
        reasons += [(number, f"left out: {reason}") for reason, number in counts.left_out.most_common()]
    reasons += [(number, f"shard not read: {reason}") for reason, number in opened.left_out.items()]
    shown = "".join(f"<div><dd>{number}</dd><dt>{title}</dt></div>" for number, title in figures)
    dropped = "".join(f"<li>{number:,} × {html.escape(reason)}</li>" for number, reason in reasons)
    messages = [*opened.messages, *(counts.messages if counts else ())]
    lines = "".join(f"<li>{html.escape(message)}</li>" for message in messages)
    return (
        f'<dl class="figures">{shown}</dl>'
        + f'<p class="figures-place">{html.escape(_state(opened))}</p>'
        + (f'<ul class="outcome">{dropped}</ul>' if dropped else "")
        + (f'<details class="outcome"><summary>Which ones</summary><ol>{lines}</ol></details>' if lines else "")
    )


def _state(opened: Opened) -> str:
    """Is it whole? In words."""
    words = [f"{opened.name}, {len(opened.shards):,} {'shard' if len(opened.shards) == 1 else 'shards'}"]
    counts = opened.counts
    if opened.is_under_way:
        words.append("a run is under way or was stopped; what is not in a shard yet is not shown")
    if counts is None:
        words.append("without counts.json, so what failed is not known")
    elif counts.waiting:
        words.append(f"{counts.waiting:,} not done yet")
    if counts is not None and counts.stopped:
        words.append(counts.stopped)
    return " · ".join(words)


# ── layout ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def build(workbench: Workbench, figures: gr.HTML, show: Callable[[], str]) -> None:
    """Lay it out, below what the tab brings and takes away."""
    with gr.Accordion("Open an exploration", open=False, elem_id="explored"):
        gr.Markdown("What `python -m reasoner explore --out DIR` has written: a page at a time, whatever its size.")
        shown = gr.State(Shown())
        opens = _build_ways_in(workbench)
        about = gr.HTML(elem_id="explored-about", padding=False)
        with gr.Column(visible=False) as body:
            outputs = [shown, about, *_build_rows(workbench, shown, about, figures, show)]
    for event, work, inputs in opens:
        opened = event(work, inputs, outputs, api_visibility="private", concurrency_id="explored", concurrency_limit=2)
        opened.then(lambda one: gr.update(visible=one.opened is not None), shown, body, api_visibility="private")


def _build_ways_in(workbench: Workbench) -> list[tuple[Any, Callable[..., Answer], list[Any]]]:
    """The fields; (event, handler, inputs) of each way in."""
    ways: list[tuple[Any, Callable[..., Answer], list[Any]]] = []
    with gr.Row(equal_height=False):
        if not workbench.guest_limits:
            with gr.Column(min_width=320):
                path = gr.Textbox(label="Folder on this machine", placeholder="explored", max_length=4_000)
                button = gr.Button("Open", variant="primary", elem_id="explored-open")
                for event in (button.click, path.submit):
                    ways.append((event, lambda name: open_path(workbench, name), [path]))
        with gr.Column(min_width=320):
            types = [".parquet", ".json"]
            files = gr.File(
                label="Or its files: shards, and counts.json", file_count="multiple", file_types=types, height=120
            )
            ways.append((files.upload, open_uploaded, [files]))
    return ways


def _build_rows(
    workbench: Workbench, shown: gr.State, about: gr.HTML, figures: gr.HTML, show: Callable[[], str]
) -> list[Any]:
    """The table with its filter and pages, and what takes rows into the store; the table and the line of its page."""
    once: dict[str, Any] = {"api_visibility": "private", "concurrency_limit": 2, "concurrency_id": "explored"}
    kinds = [(title, name) for name, title in KINDS.items()]
    kind = gr.Radio(kinds, value="all", label="Rows", elem_id="explored-kind")
    table = gr.Dataframe(
        headers=HEADERS, datatype="str", interactive=False, wrap=True, column_widths=WIDTHS, elem_id="explored-rows",
        label="Click a row to take it into the store and walk it", show_label=True, max_height=620,
    )  # fmt: skip
    with gr.Row(elem_id="explored-pages"):
        back = gr.Button("‹ Back", size="sm", min_width=80, scale=0, elem_id="explored-back")
        line = gr.Markdown(elem_id="explored-line")
        onward = gr.Button("More ›", size="sm", min_width=80, scale=0, elem_id="explored-on")
    with gr.Row(elem_id="explored-taking"):
        num = gr.Number(100, label="Rows from here on", precision=0, minimum=1, min_width=160, scale=0)
        taking = gr.Button("Take these into the store", size="md", scale=0, min_width=240, elem_id="explored-take")
    said = gr.HTML(elem_id="explored-said", padding=False)
    place = gr.Textbox(visible="hidden")
    outputs = [shown, about, table, line]
    kind.change(choose, [shown, kind], outputs, **once)
    back.click(lambda one: turn(one, -1), shown, outputs, **once)
    onward.click(lambda one: turn(one, 1), shown, outputs, **once)
    taken = taking.click(lambda one, wanted: take_some(workbench, one, wanted), [shown, num], said, **once)
    taken.then(show, None, figures, api_visibility="private")

    def picked(one: Shown, event: gr.SelectData) -> tuple[str, str]:
        index = event.index[0] if isinstance(event.index, list | tuple) else event.index
        return take_row(workbench, one, index)

    table.select(picked, shown, [said, place], **once).success(None, place, js=GO, api_visibility="private")
    return [table, line]
