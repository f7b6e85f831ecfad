"""The Train tab: the pairs that flags and pits give, one button, the run as it goes; folded away, all that is rarer.

A run lives in a process of its own (training/jobs.py). This page only reads its files, on loading and every 1.5
seconds, so a reload or a second browser shows the same; handlers answer nothing while nothing is new. Those that change
something take the visitor's key (training/run_rules.py).
"""

from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import Context

from reasoner.errors import WorkbenchError
from reasoner.workbench import Workbench
from training import jobs, rates, run_rules
from training.jobs import Run
from training.pairs import Preview, preview_pairs
from training.run_command import command_of
from training.run_queue import ahead, pump
from training.tabs import recipes, report, runs, values
from training.tabs.figures import lines_of
from training.tabs.run_view import log_html, preview_html, run_html
from training.tabs.runs_view import run_choices
from training.tabs.said import attempt, refused
from training.tabs.train_form import Form, build_form, whose_choices

TICK = 1.5  # seconds between looks at a run
LATEST = ""  # value of the choice "the latest run"
START, QUEUE = "Fine-tune on these pairs", "Fine-tune on these pairs, after the runs before"

KEEP_OPEN = (Path(__file__).resolve().parents[2] / "assets" / "keep_open.js").read_text(encoding="utf-8")
"""Keeps what the person has unfolded in the run's view unfolded when the view is drawn again."""

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
        return refused(error), gr.update(interactive=False)
    num = preview.num_pairs + settings.num_explore
    estimate = rates.estimate(
        workbench.store.data_folder,
        settings.model,
        preview.num_pairs,
        len(preview.pending) + 4 * settings.num_explore,
        settings.epochs,
    )
    html = preview_html(preview, num_tokens(workbench, preview), estimate, settings.num_explore)
    is_busy = jobs.active_run(workbench.store.data_folder) is not None
    return html, gr.update(value=QUEUE if is_busy else START, interactive=num > 0)


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


def start_run(workbench: Workbench, key: object, *values: Any) -> tuple[str, Any]:
    """Start, or wait for one's turn; what to say, and the list of runs, turned to the latest."""
    told = attempt(lambda: run_rules.start(workbench, Form(*values).settings(workbench), key) and None)
    return told, gr.update(value=LATEST)


def cancel_run(workbench: Workbench, run_id: str, key: object) -> str:
    """End the run that is shown; what to say."""
    return attempt(lambda: jobs.cancel(workbench.store.data_folder, _mine(workbench, run_id, key)))


def resume_run(workbench: Workbench, run_id: str, key: object) -> str:
    """Go on with the run that is shown; what to say."""
    return attempt(lambda: jobs.resume(workbench.store.data_folder, _mine(workbench, run_id, key)))


def _mine(workbench: Workbench, run_id: str, key: object) -> str:
    """The id of the run that is shown. Raises RunError where it is not the visitor's to change."""
    run = find_run(workbench, run_id)
    if run is not None:
        run_rules.check_owner(workbench, run, key)
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


def show_run(workbench: Workbench, run_id: str, seen: str, key: object = "") -> tuple[Any, ...]:
    """(run, log, cancel, resume, runs, seen, command, report, settings, free, delete), or nothing when none is new."""
    run = find_run(workbench, run_id)
    sign = _sign(workbench, run)
    if sign == seen:
        return (gr.skip(),) * 11
    known = jobs.list_runs(workbench.store.data_folder)
    may = run is not None and run_rules.may_change(workbench, run, key)
    is_other = run is None or not seen.startswith(f"{run.id} ")
    settings, free, delete = runs.care_of(workbench, run, key)
    return (
        run_html(run, ahead(known, run) if run is not None and run.state == "waiting" else ()),
        log_html(run),
        gr.update(visible=may and run is not None and run.is_live),
        gr.update(visible=may and run is not None and run.state in ("failed", "cancelled")),
        gr.update(choices=[("The latest run", LATEST), *run_choices(known)], visible=len(known) > 0),
        sign,
        command_of(run.settings, str(run.folder)) if run else "",
        gr.update(visible=run is not None),
        settings if is_other else gr.skip(),  # somebody may be changing them
        free,
        delete,
    )


def _sign(workbench: Workbench, run: Run | None) -> str:
    """Changes whenever anything about the run does."""
    num_runs = len(list((workbench.store.data_folder / "runs").glob("[!.]*/settings.json")))
    if run is None:
        return f"none {num_runs}"
    files = [
        run.folder / "events.jsonl",
        run.folder / "log.txt",
        run.folder / "checkpoints",
        run.folder / "report.html",
    ]
    if run.settings.kind == "recipe":
        files += [line.path for line in lines_of(run)]
    sizes = [path.stat().st_size if path.exists() else -1 for path in files]
    before = [other.id for other in ahead(jobs.list_runs(workbench.store.data_folder), run)] if run.is_live else []
    return f"{run.id} {run.state} {sizes} {before} {num_runs}"


def refresh(workbench: Workbench, run_id: str, seen: str, key: object, stock: str, *values: Any) -> tuple[Any, ...]:
    """One tick: the run, and the preview where labels, pits or the run's state have changed."""
    pump(workbench.store.data_folder)
    shown = show_run(workbench, run_id, seen, key)
    stats = workbench.store.stats()
    now = f"{stats.get('labels')} {stats.get('pits')} {jobs.active_run(workbench.store.data_folder) is None}"
    if now == stock:
        return (*shown, gr.skip(), gr.skip(), gr.skip(), gr.skip())
    html, button = show_preview(workbench, *values)
    return (*shown, html, button, gr.update(choices=whose_choices(workbench.store)), now)


def build(workbench: Workbench) -> None:
    """Lay out the tab and wire it."""
    key = gr.BrowserState("", storage_key="first-pit-runs", secret="first-pit")
    gr.HTML('<div class="fp-train"><h2>Fine-tune on flagged steps</h2></div>', padding=False)
    preview = gr.HTML('<div class="fp-train"></div>', elem_id="pairs-preview", padding=False)
    form = build_form()
    start = gr.Button(START, variant="primary", elem_id="start-run", interactive=False)
    told = gr.HTML("", elem_id="train-said", padding=False)
    shown = gr.Dropdown(
        [("The latest run", LATEST)],
        value=LATEST,
        label="Run",
        visible=False,
        elem_id="runs",
        allow_custom_value=True,  # a page may still ask for a run that was deleted meanwhile, on another page
    )
    with gr.Row():
        cancel = gr.Button("Cancel this run", variant="stop", size="sm", visible=False, elem_id="cancel-run")
        resume = gr.Button("Resume this run", size="sm", visible=False, elem_id="resume-run")
    run = gr.HTML('<div class="fp-train"></div>', elem_id="run", padding=False, js_on_load=KEEP_OPEN)
    report_fold = report.build(workbench, shown, find_run)
    with gr.Accordion("Log, and the command line that does the same", open=False, elem_id="run-more"):
        command = gr.Textbox(
            label="Command line", interactive=False, buttons=["copy"], lines=2, max_lines=6, elem_id="run-command"
        )
        log = gr.HTML("", elem_id="run-log", padding=False)
    care = runs.build_care(workbench, shown, key, find_run)
    everything = runs.build_all(workbench)
    started_recipe = recipes.build(workbench, key)
    values.build(workbench, key)
    wired = {
        "preview": preview, "start": start, "said": told, "cancel": cancel, "resume": resume, "run": run, "log": log,
        "runs": shown, "form": form, "key": key, "command": command, "report": report_fold, "care": care,
        "all": everything, "recipe": started_recipe, "seen": gr.State(""), "stock": gr.State(""),
    }  # fmt: skip
    _wire(workbench, wired)


def _wire(workbench: Workbench, wired: Wired) -> None:
    form, key, care = wired["form"], wired["key"], wired["care"]
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    names = ("run", "log", "cancel", "resume", "runs", "seen", "command", "report")
    shown = [*(wired[name] for name in names), care["settings"], care["free"], care["delete"]]
    tick = partial(refresh, workbench)
    inputs = [wired["runs"], wired["seen"], key, wired["stock"], *form]
    outputs = [*shown, wired["preview"], wired["start"], form[0], wired["stock"]]
    timer = gr.Timer(TICK)
    timer.tick(tick, inputs, outputs, trigger_mode="once", concurrency_limit=4, **quiet)
    rest = wired["all"]
    timer.tick(rest["look"], rest["inputs"], rest["outputs"], trigger_mode="once", concurrency_limit=2, **quiet)
    page = Context.root_block
    if page is not None:
        page.load(lambda known: known or run_rules.new_key(), key, key, **quiet).then(tick, inputs, outputs, **quiet)
    for component in form:
        component.change(partial(show_preview, workbench), form, [wired["preview"], wired["start"]], **quiet)
    look, looked = partial(show_run, workbench), [wired["runs"], wired["seen"], key]
    wired["runs"].input(look, looked, shown, **quiet)
    started = wired["start"].click(
        partial(start_run, workbench), [key, *form], [wired["said"], wired["runs"]], concurrency_limit=1, **quiet
    )
    started.then(tick, inputs, outputs, **quiet)
    for name, handler in (("cancel", cancel_run), ("resume", resume_run)):
        done = wired[name].click(partial(handler, workbench), [wired["runs"], key], wired["said"], **quiet)
        done.then(look, looked, shown, **quiet)
    changed = [*care["done"], wired["recipe"]] if wired["recipe"] is not None else care["done"]
    for step in changed:
        step.then(partial(latest_if_gone, workbench), wired["runs"], wired["runs"], **quiet).then(
            tick, inputs, outputs, **quiet
        )


def latest_if_gone(workbench: Workbench, run_id: str) -> Any:
    """The list of runs, turned to the latest where the chosen one is no longer there."""
    return gr.skip() if not run_id or find_run(workbench, run_id) is not None else gr.update(value=LATEST)
