"""On the Data tab: how often people and the machine name the same first wrong step (review/machine.py)."""

import html
from typing import Any

import gradio as gr

from reasoner.errors import WorkbenchError
from reasoner.review.machine import EVERYBODY, agreement
from reasoner.store import Store
from reasoner.tabs.words import message_html
from reasoner.workbench import Workbench


def against_html(store: Store) -> str:
    """How often people and the machine name the same step: a small table."""
    try:
        rows = agreement(store)
    except WorkbenchError as error:
        return message_html(str(error), is_bad=True)
    if not rows:
        return '<p class="figures-place">Nobody has judged a trace that a machine has explored.</p>'
    body = "".join(_against_row(row) for row in rows)
    return (
        '<div class="against"><table><thead><tr><th>person</th><th>traces</th><th>same step</th>'
        "<th>within one step</th>"
        '<th title="Cohen\'s kappa: agreement beyond chance">kappa</th><th>machine earlier · later</th>'
        f"<th>only the person · the machine sees an error</th></tr></thead><tbody>{body}</tbody></table></div>"
    )


def _against_row(row: dict[str, Any]) -> str:
    name = "everybody" if row["annotator"] == EVERYBODY else row["annotator"]
    kappa = "—" if row["kappa"] is None else f"{row['kappa']:.2f}"
    cells = [f"{row['num']:,}", _rate(row["exact"]), _rate(row["within_one"]), kappa]
    cells += [f"{row['machine_earlier']:,} · {row['machine_later']:,}"]
    cells += [f"{row['only_person']:,} · {row['only_machine']:,}"]
    return f"<tr><th>{html.escape(name)}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _rate(interval: dict[str, Any]) -> str:
    low, high = 100 * interval["low"], 100 * interval["high"]
    return f"{100 * interval['rate']:.0f} % <small>{low:.0f}–{high:.0f}</small>"


def build(workbench: Workbench) -> None:
    """Lay out the table; it is counted when the page is opened, and again on demand."""
    with gr.Accordion("Person against machine", open=False, elem_id="against"):
        table = gr.HTML(lambda: against_html(workbench.store), elem_id="against-table", padding=False)
        again = gr.Button("Count again", size="sm", elem_id="against-again")
        again.click(lambda: against_html(workbench.store), None, table, api_visibility="private")
