"""The Data tab: bring problems, traces and labels from files or the Hub; take labels and pairs away; see what is kept.

Whatever a file holds is shown as text, never as HTML. Every row that was not taken is counted under its reason.
"""

import html
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from reasoner import arguments
from reasoner.errors import BadInput, WorkbenchError
from reasoner.hub import LabelSync
from reasoner.interchange import FAMILIES, SHAPES, export_file, import_file, import_hub
from reasoner.records import Counts
from reasoner.store import Store
from reasoner.tabs import data_against, data_explored
from reasoner.tabs.words import message_html, report_html
from reasoner.workbench import Workbench

GUEST_ROWS = 2_000  # rows of a data set that a visitor of a Space may bring at once. Ours: seconds of work
FIGURES = {"problems": "problems", "traces": "solutions", "labels": "labels", "pits": "machine pits"}
DOUBT_LINK = '<a href="?doubt=1">Gold answers in doubt</a>'  # the queue opens over the Walk tab
# Gets the file that was written, or nothing, and saves it as a click on a link would.
DOWNLOAD = """(file) => {
  if (!file) return;
  const link = document.createElement("a");
  link.href = file.url;
  link.download = file.orig_name;
  link.click();
}"""


@dataclass(frozen=True, slots=True)
class Export:
    """One thing to take away as a file."""

    title: str  # for a person, one line
    file_name: str
    write: Callable[[Workbench, Path], Counts]


def label_exports() -> list[Export]:
    """What this package can write: its labels, in every shape."""

    def writer(shape: str) -> Callable[[Workbench, Path], Counts]:
        return lambda workbench, path: export_file(workbench.store, shape, path)

    return [Export(_capital(shape.title), f"{name}.jsonl", writer(name)) for name, shape in SHAPES.items()]


def import_files(
    workbench: Workbench, show: Callable[[], str], paths: list[str] | None, format: str, keep_good: bool
) -> tuple[str, str]:
    """Import uploaded files, one after the other; what became of each, and the store's new figures."""
    reports = [
        (Path(path).name, _attempt(partial(import_file, workbench.store, path, format, keep_good)))
        for path in paths or []
    ]
    return outcome_html(reports), show()


def import_by_name(
    workbench: Workbench, show: Callable[[], str], name: str, config: str, split: str, format: str, keep_good: bool
) -> tuple[str, str]:
    """Import a data set of the Hub, or of a local folder; what became of it, and the store's new figures."""

    def work() -> Counts:
        checked = arguments.text(name, "The name").strip()
        if not checked:
            raise BadInput("give the data set's name, for example openai/gsm8k.")
        if workbench.guest_limits and Path(checked).expanduser().exists():
            raise BadInput("on a Space, data sets come from the Hub only, not from its disk.")
        return import_hub(
            workbench.store,
            checked,
            split=arguments.text(split, "The split").strip() or "train",
            config=arguments.text(config, "The configuration").strip(),
            format=format,
            keep_good=keep_good,
            limit=GUEST_ROWS if workbench.guest_limits else 0,
        )

    return outcome_html([(str(name)[:200] or "Data set", _attempt(work))]), show()


def write_export(workbench: Workbench, exports: Sequence[Export], index: int) -> tuple[str | None, str]:
    """Write one export to a file of its own; its path (None: nothing to write), and what was written."""
    export = exports[arguments.whole(index, "The choice", 0, len(exports) - 1)]
    path = Path(tempfile.mkdtemp(prefix="first-pit-")) / export.file_name
    counts = _attempt(lambda: export.write(workbench, path))
    is_written = isinstance(counts, Counts) and counts.kept > 0
    return str(path) if is_written else None, export_html(export, counts)


def _attempt(work: Callable[[], Counts]) -> Counts | str:
    """The counts of `work`, or the words of what went wrong."""
    try:
        return work()
    except WorkbenchError as error:
        return str(error)


def build(workbench: Workbench, more_exports: Sequence[Export] = (), sync: LabelSync | None = None) -> None:
    """Lay out the tab.

    more_exports: what rooms above this one can give, such as training's pairs. sync: saves the labels to the Hub.
    """
    show = partial(figures_html, workbench.store, sync)
    figures = gr.HTML(show, elem_id="store-figures", padding=False)
    with gr.Row(equal_height=False):
        with gr.Column(min_width=320):
            _build_bring(workbench, figures, show)
        with gr.Column(min_width=320):
            _build_take(workbench, [*label_exports(), *more_exports])
    data_against.build(workbench)
    data_explored.build(workbench, figures, show)


def _build_bring(workbench: Workbench, figures: gr.HTML, show: Callable[[], str]) -> None:
    gr.Markdown("### Bring\nProblems, solutions and labels, from files of this and other projects.")
    files = gr.File(label="Files (JSON Lines or JSON, also gzipped)", file_count="multiple", height=140)
    formats = [("Recognise by content", ""), *((family.title, name) for name, family in FAMILIES.items())]
    with gr.Row():
        format = gr.Dropdown(formats, value="", label="Format", min_width=200)
        about = "Off: one bad row refuses the whole file"
        keep_good = gr.Checkbox(False, label="Keep the good rows", info=about, min_width=200)
    button = gr.Button("Import", variant="primary", elem_id="import")
    with gr.Accordion("From a Hugging Face data set", open=False):
        name = gr.Textbox(label="Name", placeholder="openai/gsm8k, or a folder", max_length=500)
        with gr.Row():
            config = gr.Textbox(label="Configuration", placeholder="main", max_length=200, min_width=120)
            split = gr.Textbox("train", label="Split", max_length=200, min_width=120)
        fetch = gr.Button("Import the data set", elem_id="import-hub")
    outcome = gr.HTML(elem_id="import-outcome", padding=False)
    once: dict[str, Any] = {"api_visibility": "private", "concurrency_limit": 1, "concurrency_id": "import"}
    how = [format, keep_good]
    button.click(partial(import_files, workbench, show), [files, *how], [outcome, figures], **once)
    fetch.click(partial(import_by_name, workbench, show), [name, config, split, *how], [outcome, figures], **once)


def _build_take(workbench: Workbench, exports: Sequence[Export]) -> None:
    gr.Markdown("### Take away\nOne file for other people's tools, each row with where it comes from.")
    choices = [(export.title, index) for index, export in enumerate(exports)]
    choice = gr.Radio(choices, value=0, label="What", elem_id="export-choice")
    button = gr.Button("Download", variant="primary", elem_id="export")
    file = gr.DownloadButton("The file", visible="hidden", elem_id="export-file")
    outcome = gr.HTML(elem_id="export-outcome", padding=False)
    writing = button.click(partial(write_export, workbench, exports), choice, [file, outcome], api_visibility="private")
    writing.success(None, file, js=DOWNLOAD, api_visibility="private")


def figures_html(store: Store, sync: LabelSync | None = None) -> str:
    """How much the store holds, where it lies, and when its labels were last saved to the Hub."""
    try:
        stats = store.stats()
        saved = f" · {html.escape(sync.status())}" if sync else ""
    except WorkbenchError as error:
        return message_html(str(error), is_bad=True)
    figures = "".join(f"<div><dd>{stats[key]:,}</dd><dt>{title}</dt></div>" for key, title in FIGURES.items())
    place = f"Kept in <code>{html.escape(str(store.path))}</code>{saved} · {DOUBT_LINK}"
    return f'<dl class="figures">{figures}</dl><p class="figures-place">{place}</p>'


def outcome_html(reports: Sequence[tuple[str, Counts | str]]) -> str:
    """What became of each file, for a person."""
    if not reports:
        return message_html("No file is chosen. Drop one in the field above, or click it.", is_bad=True)
    return "".join(report_html(name, counts) for name, counts in reports)


def export_html(export: Export, counts: Counts | str) -> str:
    """What was written, and what had no place in it."""
    if isinstance(counts, Counts) and not counts.kept and not counts.dropped:
        return message_html(
            "There is nothing to write yet. Flag a first wrong step in Walk, then come back.", is_bad=True
        )
    return report_html(export.file_name, counts, "written")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
