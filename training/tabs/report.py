"""The Train tab's folded report of the run that is shown, with its download as one file."""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from reasoner.tabs.data import DOWNLOAD
from reasoner.workbench import Workbench
from training.run_folder import Run
from training.tabs.run_page import frame_html, page_of
from training.tabs.said import said

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
Find = Callable[[Workbench, str], Run | None]


def show(workbench: Workbench, find: Find, is_open: bool, run_id: str) -> str:
    """The report of the run in a frame; nothing while it is folded away."""
    if not is_open:
        return ""
    run = find(workbench, run_id)
    return frame_html(run) if run is not None else said("There is no run.")


def write(workbench: Workbench, find: Find, run_id: str) -> str | None:
    """The report as a file of its own; its path."""
    run = find(workbench, run_id)
    if run is None:
        return None
    path = Path(tempfile.mkdtemp(prefix="first-pit-")) / f"run-{run.id}.html"
    path.write_text(page_of(run), encoding="utf-8")
    return str(path)


def build(workbench: Workbench, runs: Any, find: Find) -> Any:
    """Lay out the section and wire it; it is hidden while there is no run."""
    with gr.Accordion("Report", open=False, visible=False, elem_id="run-report") as fold:
        frame = gr.HTML("", elem_id="report-frame", padding=False)
        with gr.Row():
            again = gr.Button("Show it as it is now", size="sm", elem_id="report-again")
            button = gr.Button("Download as one HTML file", size="sm", elem_id="report-download")
        file = gr.DownloadButton("The file", visible="hidden", elem_id="report-file")
    is_open = gr.State(False)
    look = partial(show, workbench, find)
    fold.expand(lambda: True, None, is_open, **QUIET).then(look, [is_open, runs], frame, **QUIET)
    fold.collapse(lambda: (False, ""), None, [is_open, frame], **QUIET)
    runs.change(look, [is_open, runs], frame, **QUIET)
    again.click(look, [is_open, runs], frame, **QUIET)
    writing = button.click(partial(write, workbench, find), runs, file, **QUIET)
    writing.success(None, file, js=DOWNLOAD, api_visibility="private")
    return fold
