"""The Train tab: the pairs that flags and pits give, one button, and the run as it goes.

The run lives in a process of its own (training/jobs.py). This page only reads its files, on loading and every 1.5
seconds, so a reload or a second browser shows the same; handlers answer nothing while nothing is new.
"""

from collections.abc import Callable
from functools import partial
from html import escape
from typing import Any

import gradio as gr
from gradio.context import Context

from reasoner.errors import WorkbenchError
from reasoner.workbench import Workbench
from training import jobs, rates
from training.jobs import Run
from training.pairs import Preview, preview_pairs
from training.tabs import values
from training.tabs.run_view import log_html, preview_html, run_html
from training.tabs.train_form import Form, build_form, whose_choices

TICK = 1.5  # seconds between looks at a run
LATEST = ""  # value of the choice "the latest run"

Wired = dict[str, Any]
"""Every component that a handler touches, by name."""


def show_preview(workbench: Workbench, *values: Any) -> tuple[str, Any]:
    """The preview for the form as it is, and the button that starts a run."""
    try:
        settings = Form(*values).settings(workbench)
        preview = preview_pairs(
            workbench.store, origin=settings.origin, annotator=settings.annotator, max_pairs=settings.max_pairs
        )
    except WorkbenchError as error:
        return _error(error), gr.update(interactive=False)
    num = preview.num_pairs + settings.num_explore
    estimate = rates.estimate(
        workbench.store.data_folder,
        settings.model,
        preview.num_pairs,
        len(preview.pending) + 4 * settings.num_explore,
        settings.epochs,
    )
    html = preview_html(preview, num_tokens(workbench, preview), estimate, settings.num_explore)
    return html, gr.update(interactive=num > 0 and jobs.active_run(workbench.store.data_folder) is None)


def num_tokens(workbench: Workbench, preview: Preview) -> int:
    """Tokens of a pass over the pairs: counted by the model if it is loaded, else about one a word or sign."""
    texts = [text for pair in preview.pairs for text in (pair.prompt + pair.chosen, pair.prompt + pair.rejected)]
    texts += [one.trace.prompt + 2 * one.trace.text for one in preview.pending]
    if workbench.is_ready:
        engine = workbench.engine()
        sample = texts[:200]
        counted = sum(engine.count_tokens(text) for text in sample)
        return round(counted * len(texts) / max(1, len(sample)))
    return sum(len(text) for text in texts) // 3


def start_run(workbench: Workbench, *values: Any) -> tuple[str, Any]:
    """Start; what to say, and the list of runs, turned to the latest."""
    said = _attempt(lambda: jobs.start(Form(*values).settings(workbench), workbench.store.data_folder))
    return said, gr.update(value=LATEST)


def cancel_run(workbench: Workbench, run_id: str) -> str:
    """End the run that is shown; what to say."""
    return _attempt(lambda: jobs.cancel(workbench.store.data_folder, _shown(workbench, run_id)))


def resume_run(workbench: Workbench, run_id: str) -> str:
    """Go on with the run that is shown; what to say."""
    return _attempt(lambda: jobs.resume(workbench.store.data_folder, _shown(workbench, run_id)))


def _shown(workbench: Workbench, run_id: str) -> str:
    run = find_run(workbench, run_id)
    return run.id if run else ""


def find_run(workbench: Workbench, run_id: str) -> Run | None:
    """The chosen run, else the one going on, else the latest; None when there is none."""
    folder = workbench.store.data_folder
    try:
        if run_id:
            return jobs.status(folder, str(run_id))
        return jobs.active_run(folder) or next(iter(jobs.list_runs(folder)), None)
    except WorkbenchError:
        return None  # a run that was deleted meanwhile: the page shows none


def show_run(workbench: Workbench, run_id: str, seen: str) -> tuple[Any, ...]:
    """(run, log, cancel, resume, runs, seen): everything about the run, or nothing when nothing is new."""
    run = find_run(workbench, run_id)
    sign = _sign(workbench, run)
    if sign == seen:
        return (gr.skip(),) * 6
    runs = jobs.list_runs(workbench.store.data_folder)
    can_cancel = run is not None and run.is_live
    can_resume = run is not None and run.state in ("failed", "cancelled")
    return (
        run_html(run),
        log_html(run),
        gr.update(visible=can_cancel),
        gr.update(visible=can_resume),
        gr.update(choices=run_choices(runs), visible=len(runs) > 0),
        sign,
    )


def run_choices(runs: list[Run]) -> list[tuple[str, str]]:
    """The runs for the list, the newest first."""
    marks = {"done": "✓", "failed": "✗", "cancelled": "■", "running": "●", "waiting": "◌"}
    return [("The latest run", LATEST), *((f"{marks[run.state]} {run.id}", run.id) for run in runs)]


def _sign(workbench: Workbench, run: Run | None) -> str:
    """Changes whenever anything about the run does."""
    num_runs = len(list((workbench.store.data_folder / "runs").glob("*/settings.json")))
    if run is None:
        return f"none {num_runs}"
    files = (run.folder / "events.jsonl", run.folder / "log.txt")
    sizes = [path.stat().st_size if path.exists() else 0 for path in files]
    return f"{run.id} {run.state} {sizes} {num_runs}"


def refresh(workbench: Workbench, run_id: str, seen: str, stock: str, *values: Any) -> tuple[Any, ...]:
    """One tick: the run, and the preview where labels, pits or the run's state have changed."""
    shown = show_run(workbench, run_id, seen)
    stats = workbench.store.stats()
    now = f"{stats.get('labels')} {stats.get('pits')} {jobs.active_run(workbench.store.data_folder) is None}"
    if now == stock:
        return (*shown, gr.skip(), gr.skip(), gr.skip(), gr.skip())
    html, button = show_preview(workbench, *values)
    return (*shown, html, button, gr.update(choices=whose_choices(workbench.store)), now)


def _attempt(work: Callable[[], object]) -> str:
    try:
        work()
    except WorkbenchError as error:
        return _error(error)
    return ""


def _error(error: WorkbenchError) -> str:
    return f'<div class="fp-train"><p class="fp-error" role="alert">{escape(str(error))}</p></div>'


def build(workbench: Workbench) -> None:
    """Lay out the tab and wire it."""
    gr.HTML('<div class="fp-train"><h2>Fine-tune on flagged steps</h2></div>', padding=False)
    preview = gr.HTML('<div class="fp-train"></div>', elem_id="pairs-preview", padding=False)
    form = build_form()
    start = gr.Button("Fine-tune on these pairs", variant="primary", elem_id="start-run", interactive=False)
    said = gr.HTML("", elem_id="train-said", padding=False)
    with gr.Row():
        cancel = gr.Button("Cancel this run", variant="stop", size="sm", visible=False, elem_id="cancel-run")
        resume = gr.Button("Resume this run", size="sm", visible=False, elem_id="resume-run")
    run = gr.HTML('<div class="fp-train"></div>', elem_id="run", padding=False)
    with gr.Accordion("Log", open=False):
        log = gr.HTML("", elem_id="run-log", padding=False)
    runs = gr.Dropdown([("The latest run", LATEST)], value=LATEST, label="Runs", visible=False, elem_id="runs")
    values.build(workbench)
    wired = {
        "preview": preview, "start": start, "said": said, "cancel": cancel, "resume": resume, "run": run, "log": log,
        "runs": runs, "form": form, "seen": gr.State(""), "stock": gr.State(""),
    }  # fmt: skip
    _wire(workbench, wired)


def _wire(workbench: Workbench, wired: Wired) -> None:
    form = wired["form"]
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    shown = [wired[name] for name in ("run", "log", "cancel", "resume", "runs", "seen")]
    tick = partial(refresh, workbench)
    inputs = [wired["runs"], wired["seen"], wired["stock"], *form]
    outputs = [*shown, wired["preview"], wired["start"], form[0], wired["stock"]]
    timer = gr.Timer(TICK)
    timer.tick(tick, inputs, outputs, trigger_mode="once", concurrency_limit=4, **quiet)
    page = Context.root_block
    if page is not None:
        page.load(tick, inputs, outputs, **quiet)
    for component in form:
        component.change(partial(show_preview, workbench), form, [wired["preview"], wired["start"]], **quiet)
    look = partial(show_run, workbench)
    wired["runs"].input(look, [wired["runs"], wired["seen"]], shown, **quiet)
    started = wired["start"].click(
        partial(start_run, workbench), form, [wired["said"], wired["runs"]], concurrency_limit=1, **quiet
    )
    started.then(tick, inputs, outputs, **quiet)
    for name, handler in (("cancel", cancel_run), ("resume", resume_run)):
        done = wired[name].click(partial(handler, workbench), wired["runs"], wired["said"], **quiet)
        done.then(look, [wired["runs"], wired["seen"]], shown, **quiet)
