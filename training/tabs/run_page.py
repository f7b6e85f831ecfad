"""A run as one page that needs no network and no script: shown in a frame on the Train tab, and downloaded as one file.

    page_of(run)          '<!doctype html>…': a recipe's own report.html, else what this run was asked, did and found
    frame_html(run)       the same in a sandboxed frame, once for each of the app's two looks

Every text of people and models is escaped; the frame allows no script, form or address in any case.
"""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

from reasoner.errors import WorkbenchError
from training.progress import read_events
from training.report import read_report
from training.rerank_report import read_rerank_report
from training.run_command import command_of
from training.run_facts import read_facts
from training.run_folder import Run
from training.tabs.compare_view import headline_html
from training.tabs.figures import run_curves_html
from training.tabs.stage_line import stages_html, stages_of
from training.tabs.value_view import value_html
from training.value import REPORT
from training.value_report import read_value_report

ASSETS = Path(__file__).resolve().parents[2] / "assets"
STYLES = ("style.css", "training.css", "runs.css", "report_page.css")
DARK = "@media (prefers-color-scheme: dark)"
_DARK_COLOURS = re.compile(r"^\.dark \{(.*?)\}", re.MULTILINE | re.DOTALL)
MOST = 6_000_000  # bytes of a page that is still shown in a frame


def page_of(run: Run) -> str:
    """The whole file."""
    own = run.folder / "report.html"
    if run.settings.kind == "recipe" and own.is_file():
        return own.read_text(encoding="utf-8", errors="replace")
    title = f"Run {run.id}"
    events = read_events(run.folder / "events.jsonl")
    began = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.created))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_style()}</style></head><body><main class='fp-train'>"
        f"<h1>{escape(title)}</h1><p class='fp-note'>Started {began} on {escape(run.device)}. {escape(run.message)}</p>"
        f"{_notes(run)}{_findings(run)}<h2>Stages</h2>{stages_html(stages_of(run, events))}"
        f"<h2>Training</h2>{run_curves_html(run)}<h2>To do the same</h2><pre>{escape(command_of(run.settings))}</pre>"
        f"<h2>Settings</h2>{_table(asdict(run.settings))}<h2>What it read, and with what</h2>{_facts(run)}"
        "</main></body></html>"
    )


def _notes(run: Run) -> str:
    return "".join(f'<p class="fp-note">{escape(note)}</p>' for note in run.notes)


def _findings(run: Run) -> str:
    try:
        if run.settings.kind == "value" and (run.folder / REPORT).is_file():
            rerank = run.folder / "rerank.json"
            return value_html(
                read_value_report(run.folder / REPORT), read_rerank_report(rerank) if rerank.is_file() else None
            )
        if run.settings.kind == "pairs" and (run.folder / "report.json").is_file():
            return headline_html(read_report(run.folder / "report.json"))
    except WorkbenchError as error:
        return f'<p class="fp-error">{escape(str(error))}</p>'
    return '<p class="fp-note">It has not come to its report.</p>'


def _facts(run: Run) -> str:
    facts = read_facts(run.folder)
    rows: dict[str, Any] = {name: facts[name] for name in ("host", "device", "clone_of") if facts.get(name)}
    rows |= {str(name): value for name, value in dict(facts.get("versions") or {}).items()}
    rows |= {str(name): value for name, value in dict(facts.get("read") or {}).items()}
    return _table(rows) if rows else '<p class="fp-note">Not kept: the run is of an earlier version.</p>'


def _table(values: Mapping[str, Any]) -> str:
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(_text(value))}</td></tr>" for name, value in values.items())
    return f'<table class="fp-facts">{rows}</table>'


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(one)}" for name, one in value.items())
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _style() -> str:
    """The app's own style, its dark look by the reader's choice of the system."""
    parts = []
    for name in STYLES:
        text = (ASSETS / name).read_text(encoding="utf-8")
        parts.append(_DARK_COLOURS.sub(lambda found: f"{DARK} {{ :root {{{found[1]}}} }}", text))
    return "\n".join(parts)


def frame_html(run: Run) -> str:
    """The page in a frame that can do nothing but be read; light and dark by the app's own look."""
    page = page_of(run)
    if len(page) > MOST:
        return (
            '<div class="fp-train"><p class="fp-note">The report is too large to be shown here: download it.</p></div>'
        )
    frames = "".join(
        f'<iframe class="fp-report fp-report-{look}" sandbox="" loading="lazy" title="Report of run {escape(run.id)}" '
        f'srcdoc="{escape(page.replace(DARK, media))}"></iframe>'
        for look, media in (("light", "@media not all"), ("dark", "@media all"))
    )
    return f'<div class="fp-train">{frames}</div>'
