"""The Train tab's folded sections on runs: all of them, their curves over one another, and what can be done with one.

Every handler that changes something takes the visitor's key: on a Space a run is its owner's (training/run_rules.py).
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from reasoner.errors import BadInput, RunError, WorkbenchError
from reasoner.workbench import Workbench
from training import jobs, run_care, run_rules
from training.asking import NAMES, ask
from training.run_folder import Run, broken
from training.run_settings import Settings
from training.tabs.figures import Line, figures, lines_of, overlay_html
from training.tabs.runs_view import disk, runs_html
from training.tabs.said import attempt, said

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
Find = Callable[[Workbench, str], Run | None]
MOST_LINES = 8  # drawn at once: there are eight colours


def all_runs(workbench: Workbench) -> tuple[str, list[Line]]:
    """The table, and every line that can be drawn, the newest run's first."""
    folder = workbench.store.data_folder
    runs = jobs.list_runs(folder)
    return runs_html(runs, broken(folder)), [line for run in runs for line in lines_of(run)]


def show_all(workbench: Workbench, is_open: bool, chosen: object, seen: str) -> tuple[Any, ...]:
    """(table, choices, overlay, seen): the section as it is, or nothing while it is folded or nothing is new.

    The boxes are touched only when there are others than before: a person may be ticking one right now.
    """
    if not is_open:
        return (gr.skip(),) * 4
    table, lines = all_runs(workbench)
    kept = _kept(chosen or None if not seen else chosen, lines)
    keys = json.dumps([line.key for line in lines])
    sign = f"{keys} {hash(table)} {[line.path.stat().st_size for line in lines]} {kept}"
    if sign == seen:
        return (gr.skip(),) * 4
    choices = gr.update(choices=[(line.name, line.key) for line in lines], value=kept, visible=len(lines) > 0)
    return table, gr.skip() if seen.startswith(f"{keys} ") else choices, overlay(lines, kept), sign


def _kept(chosen: object, lines: Sequence[Line]) -> list[str]:
    """Of what was chosen, what is there; of the two newest runs a line each where nothing was."""
    known = [line.key for line in lines]
    if chosen is None:
        best = sorted(lines, key=lambda line: "margin" in figures(line.path))  # of a recipe, its last DPO
        newest = {line.run.id: line.key for line in best}
        return [newest[run_id] for run_id in dict.fromkeys(line.run.id for line in lines)][:2]
    asked = chosen if isinstance(chosen, list) else []
    return [key for key in known if key in asked]


def overlay(lines: Sequence[Line], chosen: Sequence[str]) -> str:
    """The curves of the chosen lines over one another."""
    shown = [line for line in lines if line.key in chosen]
    too_many = f"The first {MOST_LINES} of {len(shown)} are drawn." if len(shown) > MOST_LINES else ""
    return said(too_many) + overlay_html(shown[:MOST_LINES])


def draw(workbench: Workbench, chosen: object) -> str:
    """The curves of what has just been chosen."""
    lines = all_runs(workbench)[1]
    return overlay(lines, _kept(chosen if chosen is not None else [], lines))


# ── one run ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def care_of(workbench: Workbench, run: Run | None, key: object) -> tuple[Any, Any, Any]:
    """(settings to change, free, delete) for the run that is shown."""
    if run is None:
        hidden = gr.update(visible=False)
        return "", hidden, hidden
    may = run_rules.may_change(workbench, run, key)
    use = disk(run)
    can_free = may and run.state == "done" and use.checkpoints > 0
    return (
        settings_text(run),
        gr.update(value=f"Keep the result, free {run_care.bytes_words(use.checkpoints)}", visible=can_free),
        gr.update(value=f"Delete this run ({run_care.bytes_words(use.total)})", visible=may and not run.is_live),
    )


def settings_text(run: Run) -> str:
    """A run's settings, one a line, to be changed: "epochs = 3.0"."""
    try:
        values = run_care.settings_of(run.folder)
    except WorkbenchError as error:
        return f"# {error}"
    return "\n".join(f"{name} = {text_of(value)}" for name, value in values.items())


def text_of(value: Any) -> str:
    """A setting as a person types it."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def read_lines(text: object) -> dict[str, str]:
    """name = value, one a line; empty lines and those that begin with # are passed over. Raises BadInput."""
    found = {}
    for line in str(text or "").splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, sign, value = line.partition("=")
        if not sign:
            raise BadInput(f"Settings are lines like “epochs = 1”, not {line.strip()[:60]!r}.")
        found[name.strip()] = value.strip()
    return found


def clone_run(workbench: Workbench, run: Run | None, text: object, key: object) -> str:
    """Start a changed copy of the run; what to say."""

    def work() -> str:
        if run is None:
            raise RunError("There is no run to copy.")
        before = {name: text_of(value) for name, value in run_care.settings_of(run.folder).items()}
        changes = {name: value for name, value in read_lines(text).items() if before.get(name) != value}
        settings = bounded(workbench, run_care.cloned(workbench.store.data_folder, run.id, changes))
        run_rules.check_room(workbench, settings, key)
        owner = run_rules.owner_of(key) if run_rules.is_shared(workbench) else ""
        new = jobs.start(settings, workbench.store.data_folder, owner=owner, clone_of=run.id)
        told = ", ".join(f"{name} {value}" for name, value in changes.items()) or "nothing changed"
        return f"Run {new}: a copy of {run.id}, {told}."

    return attempt(work)


def bounded(workbench: Workbench, settings: Settings) -> Settings:
    """On a Space, a copy keeps a visitor's bounds, and this workbench's own store and model."""
    if not run_rules.is_shared(workbench):
        return settings
    asked = {name: value for name, value in asdict(settings).items() if name in NAMES}
    return ask(workbench, from_adapter=bool(settings.adapter), **asked)


def free_run(workbench: Workbench, run: Run | None, key: object) -> str:
    """Remove a done run's checkpoints; what to say."""

    def work() -> str:
        if run is None:
            raise RunError("There is no run.")
        run_rules.check_owner(workbench, run, key)
        return f"{run_care.bytes_words(run_care.free(workbench.store.data_folder, run.id))} freed; its result is kept."

    return attempt(work)


def ask_delete(workbench: Workbench, run: Run | None) -> tuple[str, Any]:
    """Before a run is deleted: what builds on it, and the button that does it."""
    if run is None:
        return "", gr.update(visible=False)
    needed = run_care.dependents(workbench.store.data_folder, run.id, workbench.adapter)
    built = f" {' and '.join(needed)} built on its result and could no longer be loaded." if needed else ""
    words = f"Delete run {run.id} with its adapter, curves and report?{built} This cannot be undone."
    return said(words.replace("? the solver", "? The solver").replace("? run", "? Run")), gr.update(visible=True)


def delete_run(workbench: Workbench, run: Run | None, key: object) -> str:
    """Delete it, dependents or not: the person has been told; what to say."""

    def work() -> str:
        if run is None:
            raise RunError("There is no run.")
        run_rules.check_owner(workbench, run, key)
        is_used = bool(workbench.adapter) and run.folder in Path(workbench.adapter).parents
        run_care.delete(workbench.store.data_folder, run.id, workbench.adapter, force=True)
        if is_used:
            workbench.use_adapter(None)
        return f"Run {run.id} is deleted." + (" The solver as shipped is in use again." if is_used else "")

    return attempt(work)


def build_all(workbench: Workbench) -> dict[str, Any]:
    """Lay out the section of all runs; its components by name, to be looked at by the tab's clock."""
    with gr.Accordion(
        "All runs, their curves over one another, their disk use", open=False, elem_id="runs-all"
    ) as fold:
        table = gr.HTML("", elem_id="runs-table", padding=False)
        chosen = gr.CheckboxGroup([], label="Curves over one another", visible=False, elem_id="overlay-runs")
        drawn = gr.HTML("", elem_id="overlay", padding=False)
    is_open, seen = gr.State(False), gr.State("")
    outputs = [table, chosen, drawn, seen]
    look = partial(show_all, workbench)
    fold.expand(lambda: True, None, is_open, **QUIET).then(look, [is_open, chosen, seen], outputs, **QUIET)
    fold.collapse(lambda: (False, ""), None, [is_open, seen], **QUIET)
    chosen.change(partial(draw, workbench), chosen, drawn, **QUIET)
    return {"look": look, "inputs": [is_open, chosen, seen], "outputs": outputs}


def build_care(workbench: Workbench, runs: Any, key: Any, find: Find) -> dict[str, Any]:
    """Lay out what can be done with the run that is shown; its components by name."""
    with gr.Accordion("Copy with changes, free disk, delete", open=False, elem_id="run-care"):
        settings = gr.Textbox(
            label="This run's settings: change some, then start the copy",
            lines=6,
            max_lines=14,
            elem_id="clone-settings",
        )
        with gr.Row():
            clone = gr.Button("Start the changed copy", size="sm", elem_id="clone-run")
            free = gr.Button("Free checkpoints", size="sm", visible=False, elem_id="free-run")
            delete = gr.Button("Delete this run", size="sm", variant="stop", visible=False, elem_id="delete-run")
        told = gr.HTML("", elem_id="care-said", padding=False)
        sure = gr.Button("Yes, delete it", size="sm", variant="stop", visible=False, elem_id="delete-sure")

    def on(work: Callable[..., Any]) -> Callable[..., Any]:
        return lambda run_id, *rest: work(workbench, find(workbench, run_id), *rest)

    once = {**QUIET, "concurrency_limit": 1, "concurrency_id": "care"}
    done = [
        clone.click(on(clone_run), [runs, settings, key], told, **once),
        free.click(on(free_run), [runs, key], told, **once),
        sure.click(on(delete_run), [runs, key], told, **once),
    ]
    delete.click(on(ask_delete), runs, [told, sure], **once)
    for step in done:
        step.then(lambda: gr.update(visible=False), None, sure, **QUIET)
    return {"settings": settings, "free": free, "delete": delete, "sure": sure, "told": told, "done": done}
