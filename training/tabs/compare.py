"""The Compare tab: a finished run before and after, one problem's graph from both models, and one click to use it."""

from functools import lru_cache, partial
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import Context

from reasoner.errors import BadInput, WorkbenchError
from reasoner.workbench import Workbench
from training import jobs
from training.comparison import Comparison, read_comparisons
from training.jobs import Run
from training.report import Report, read_report
from training.tabs.compare_view import GROUPS, comparison_html, headline_html, problem_ids

TICK = 2.0  # seconds between looks for a run that has finished
QUESTION = 90  # characters of a question in the list
EMPTY = (
    '<div class="fp-train"><div class="fp-empty"><b>Nothing to compare yet.</b>'
    "Fine-tune on some pairs on the Train tab; a finished run is shown here, before and after.</div></div>"
)


@lru_cache(maxsize=8)
def _report(path: Path, changed: float) -> Report:
    return read_report(path)


@lru_cache(maxsize=2)
def _comparisons(path: Path, changed: float) -> dict[str, Comparison]:
    return read_comparisons(path)


def report_of(run: Run) -> Report:
    """The run's report, read once for each version of its file. Raises RunError."""
    path = run.folder / "report.json"
    return _report(path, path.stat().st_mtime if path.exists() else 0.0)


def comparisons_of(run: Run) -> dict[str, Comparison]:
    """The traces behind it. Raises RunError."""
    path = run.folder / "comparisons.jsonl"
    return _comparisons(path, path.stat().st_mtime if path.exists() else 0.0)


def finished_runs(workbench: Workbench) -> list[Run]:
    """Runs with a before and after, the newest first; a recipe's report has other rows, and its place on Train."""
    runs = jobs.list_runs(workbench.store.data_folder)
    return [run for run in runs if run.settings.kind == "pairs" and (run.folder / "report.json").is_file()]


def find_run(workbench: Workbench, run_id: str | None) -> Run | None:
    """The chosen finished run, or the newest one."""
    runs = finished_runs(workbench)
    return next((run for run in runs if run.id == run_id), runs[0] if runs else None)


def show_run(workbench: Workbench, run_id: str | None, group: str | None) -> tuple[Any, ...]:
    """(headline, runs, groups, problems, comparison, use, back) for a run."""
    run = find_run(workbench, run_id)
    if run is None:
        hidden = gr.update(visible=False)
        return EMPTY, hidden, hidden, hidden, "", hidden, _back(workbench)
    try:
        report = report_of(run)
        choices = group_choices(report)
        names = [name for _, name in choices]
        chosen = group if group in names else next(iter(names), None)
        problems = problem_choices(run, report, chosen or "")
        first = problems[0][1] if problems else None
        shown = show_problem(workbench, run.id, first)
    except WorkbenchError as error:
        return _error(error), *(gr.skip(),) * 6
    return (
        headline_html(report, workbench.describe()),
        gr.update(
            choices=[(f"{run.id}: {_short(run)}", run.id) for run in finished_runs(workbench)],
            value=run.id,
            visible=True,
        ),
        gr.update(choices=choices, value=chosen, visible=bool(choices)),
        gr.update(choices=problems, value=first, visible=bool(problems)),
        shown,
        gr.update(visible=run.adapter is not None, interactive=not _is_in_use(workbench, run)),
        _back(workbench),
    )


def run_choices(workbench: Workbench) -> list[tuple[str, str]]:
    """The finished runs by id and outcome."""
    return [(f"{run.id}: {_short(run)}", run.id) for run in finished_runs(workbench)]


def _short(run: Run) -> str:
    report = report_of(run)
    if not report.num_problems:
        return f"{len(report.pits)} pits"
    return f"{report.before.rate:.1%} → {report.after.rate:.1%}"


def _is_in_use(workbench: Workbench, run: Run) -> bool:
    return bool(workbench.adapter) and run.adapter is not None and Path(workbench.adapter) == run.adapter


def _back(workbench: Workbench) -> Any:
    return gr.update(visible=bool(workbench.adapter))


def group_choices(report: Report) -> list[tuple[str, str]]:
    """The groups that have problems, with their number."""
    return [(f"{title} ({num:,})", name) for name, title in GROUPS.items() if (num := len(problem_ids(report, name)))]


def problem_choices(run: Run, report: Report, group: str) -> list[tuple[str, str]]:
    """The problems of a group by number and the beginning of their question."""
    known = comparisons_of(run)
    found = [known[problem_id].problem for problem_id in problem_ids(report, group) if problem_id in known]
    return [
        (f"{number}. {' '.join(problem.question.split())[:QUESTION]}", problem.id)
        for number, problem in enumerate(found, start=1)
    ]


def show_group(workbench: Workbench, run_id: str | None, group: str) -> tuple[Any, str]:
    """The problems of a group and the first one of them."""
    run = find_run(workbench, run_id)
    if run is None:
        return gr.skip(), EMPTY
    try:
        problems = problem_choices(run, report_of(run), str(group))
    except WorkbenchError as error:
        return gr.skip(), _error(error)
    first = problems[0][1] if problems else None
    return gr.update(choices=problems, value=first, visible=bool(problems)), show_problem(workbench, run.id, first)


def show_problem(workbench: Workbench, run_id: str | None, problem_id: str | None) -> str:
    """One problem from both models."""
    run = find_run(workbench, run_id)
    if run is None or not problem_id:
        return ""
    try:
        comparison = comparisons_of(run).get(problem_id)
        if comparison is None:
            raise BadInput("This problem is not part of the run: choose another one.")
        return comparison_html(report_of(run), comparison)
    except WorkbenchError as error:
        return _error(error)


def step_problem(
    workbench: Workbench, run_id: str | None, group: str, problem_id: str | None, by: int
) -> tuple[Any, str]:
    """The next or previous problem of the group, round and round."""
    run = find_run(workbench, run_id)
    if run is None:
        return gr.skip(), EMPTY
    try:
        ids = [value for _, value in problem_choices(run, report_of(run), str(group))]
    except WorkbenchError as error:
        return gr.skip(), _error(error)
    if not ids:
        return gr.skip(), ""
    place = (ids.index(problem_id) + by) % len(ids) if problem_id in ids else 0
    return gr.update(value=ids[place]), show_problem(workbench, run.id, ids[place])


def use_adapter(workbench: Workbench, run_id: str | None) -> tuple[Any, ...]:
    """Let the run's adapter solve from now on; headline and both buttons."""
    run = find_run(workbench, run_id)
    try:
        if run is None or run.adapter is None:
            raise BadInput("This run has no adapter: choose a finished run.")
        workbench.use_adapter(run.adapter)
    except WorkbenchError as error:
        return _error(error), gr.skip(), gr.skip()
    return _in_use(workbench, run)


def back_to_shipped(workbench: Workbench, run_id: str | None) -> tuple[Any, ...]:
    """Let the model without any adapter solve again; headline and both buttons."""
    try:
        workbench.use_adapter(None)
    except WorkbenchError as error:
        return _error(error), gr.skip(), gr.skip()
    return _in_use(workbench, find_run(workbench, run_id))


def _in_use(workbench: Workbench, run: Run | None) -> tuple[Any, ...]:
    if run is None:
        return EMPTY, gr.update(visible=False), _back(workbench)
    try:
        headline = headline_html(report_of(run), workbench.describe())
    except WorkbenchError as error:
        headline = _error(error)
    return headline, gr.update(interactive=not _is_in_use(workbench, run)), _back(workbench)


def refresh(workbench: Workbench, run_id: str | None, group: str | None, seen: str) -> tuple[Any, ...]:
    """One tick: everything when a run has finished or another adapter is in use, else nothing."""
    now = f"{[run.id for run in finished_runs(workbench)]} {workbench.adapter}"
    if now == seen:
        return (gr.skip(),) * 8
    is_new_run = now.rpartition(" ")[0] != seen.rpartition(" ")[0]
    return (*show_run(workbench, None if is_new_run else run_id, group), now)


def _error(error: WorkbenchError) -> str:
    return f'<div class="fp-train"><p class="fp-error" role="alert">{escape(str(error))}</p></div>'


def build(workbench: Workbench) -> None:
    """Lay out the tab and wire it."""
    gr.HTML('<div class="fp-train"><h2>Before and after</h2></div>', padding=False)
    runs = gr.Dropdown([], label="Run", visible=False, elem_id="compare-run")
    headline = gr.HTML(EMPTY, elem_id="headline", padding=False)
    with gr.Row():
        use = gr.Button("Use this adapter", variant="primary", visible=False, elem_id="use-adapter")
        back = gr.Button("Back to the solver as shipped", visible=False, elem_id="back-to-shipped")
    groups = gr.Radio([], label="Look at", visible=False, elem_id="compare-group")
    with gr.Row(equal_height=False):
        problems = gr.Dropdown([], label="Problem", visible=False, elem_id="compare-problem", scale=8)
        before = gr.Button("← Previous", size="sm", min_width=90, elem_id="previous-problem")
        after = gr.Button("Next →", size="sm", min_width=90, elem_id="next-problem")
    shown = gr.HTML("", elem_id="comparison", padding=False)
    seen = gr.State("")
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    everything = [headline, runs, groups, problems, shown, use, back]
    look = partial(refresh, workbench)
    gr.Timer(TICK).tick(look, [runs, groups, seen], [*everything, seen], trigger_mode="once", **quiet)
    if Context.root_block is not None:
        Context.root_block.load(look, [runs, groups, seen], [*everything, seen], **quiet)
    runs.input(partial(show_run, workbench), [runs, groups], everything, **quiet)
    groups.input(partial(show_group, workbench), [runs, groups], [problems, shown], **quiet)
    problems.input(partial(show_problem, workbench), [runs, problems], shown, **quiet)
    for button, by in ((before, -1), (after, 1)):
        button.click(partial(step_problem, workbench, by=by), [runs, groups, problems], [problems, shown], **quiet)
    use.click(partial(use_adapter, workbench), runs, [headline, use, back], **quiet)
    back.click(partial(back_to_shipped, workbench), runs, [headline, use, back], **quiet)
