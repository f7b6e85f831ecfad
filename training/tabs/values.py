"""The Train tab's folded section on value models: train one from the store's traces, see what choosing by it brings.

It is a run like the others, so the page's run view shows it as it goes (training/jobs.py, training/value_work.py).
"""

from functools import partial
from html import escape
from typing import Any

import gradio as gr
from gradio.context import Context

from reasoner.errors import WorkbenchError
from reasoner.workbench import Workbench
from training import jobs, run_rules
from training.asking import ask
from training.jobs import Run
from training.rerank_report import read_rerank_report
from training.tabs.value_view import value_html
from training.value import FEWEST, REPORT
from training.value_report import read_value_report

TICK = 3.0  # seconds between looks for a value model that has finished
PROBLEMS = 100  # held-out problems, 8 samples each. Ours: a minute or two on one core

Shown = tuple[Any, Any, Any]


def start(workbench: Workbench, key: object = "") -> str:
    """Start a value model's run, or let it wait for its turn; what to say where it cannot start."""
    try:
        run_rules.start(workbench, ask(workbench, kind="value", num_problems=PROBLEMS), key)
    except WorkbenchError as error:
        return f'<div class="fp-train"><p class="fp-error" role="alert">{escape(str(error))}</p></div>'
    return ""


def show(workbench: Workbench, seen: str) -> Shown:
    """(result, button, sign): the latest value model's result, or nothing when nothing is new."""
    run = latest_run(workbench)
    right, wrong = num_traces(workbench)
    can_start = min(right, wrong) >= FEWEST
    sign = f"{run.id if run else ''} {right} {wrong} {can_start}"
    if sign == seen:
        return gr.skip(), gr.skip(), gr.skip()
    words = f"{right:,} right and {wrong:,} wrong solutions are there to learn from"
    if min(right, wrong) < FEWEST:
        words += f"; {FEWEST} of each are needed: sample more on the Walk tab"
    html = f'<div class="fp-train"><p class="fp-note">{words}.</p></div>'
    return html + (_result(run) if run else ""), gr.update(interactive=can_start), sign


def num_traces(workbench: Workbench) -> tuple[int, int]:
    """How many right and wrong traces the store has."""
    rows = workbench.store.find_problems(limit=100_000)
    return sum(row.num_right for row in rows), sum(row.num_wrong for row in rows)


def latest_run(workbench: Workbench) -> Run | None:
    """The newest run whose value model has been judged."""
    runs = jobs.list_runs(workbench.store.data_folder)
    return next((run for run in runs if run.settings.kind == "value" and (run.folder / REPORT).is_file()), None)


def _result(run: Run) -> str:
    try:
        rerank = run.folder / "rerank.json"
        return value_html(
            read_value_report(run.folder / REPORT), read_rerank_report(rerank) if rerank.is_file() else None
        )
    except WorkbenchError as error:
        return f'<div class="fp-train"><p class="fp-error" role="alert">{escape(str(error))}</p></div>'


def build(workbench: Workbench, key: Any) -> None:
    """Lay out the section and wire it."""
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    with gr.Accordion("Value model: scores states, and chooses among samples", open=False, elem_id="value-model"):
        gr.Markdown(
            "Learns from the store's right and wrong solutions how likely each state leads to a right answer "
            "(OVM, arXiv 2311.09724), scores all states, and is compared with a majority vote on held-out problems."
        )
        button = gr.Button("Train a value model", size="sm", interactive=False, elem_id="start-value")
        said = gr.HTML("", elem_id="value-said", padding=False)
        result = gr.HTML("", elem_id="value-result", padding=False)
    seen = gr.State("")
    look = partial(show, workbench)
    timer = gr.Timer(TICK)
    timer.tick(look, seen, [result, button, seen], trigger_mode="once", concurrency_limit=2, **quiet)
    if Context.root_block is not None:
        Context.root_block.load(look, seen, [result, button, seen], **quiet)
    started = button.click(partial(start, workbench), key, said, concurrency_limit=1, **quiet)
    started.then(look, seen, [result, button, seen], **quiet)
