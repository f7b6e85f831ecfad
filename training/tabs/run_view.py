"""A run and the pairs before it, as HTML: what the Train tab shows, made from files and the store alone.

Every text of people and models is escaped; the drawing's classes are assets/training.css's.
"""

import time
from collections.abc import Sequence
from html import escape
from pathlib import Path

from reasoner.records import Counts
from training.jobs import Run
from training.pairs import Preview
from training.progress import Event, latest, read_events
from training.rates import Estimate
from training.run_folder import QUEUED
from training.tabs.figures import run_curves_html
from training.tabs.stage_line import stages_html, stages_of

SHOWN_PAIRS = 8
TAIL = 40  # lines of the log
STATE_WORDS = {
    "waiting": "◌ Starting",
    "running": "● Running",
    "done": "✓ Done",
    "failed": "✗ Failed",
    "cancelled": "■ Cancelled",
}


def preview_html(preview: Preview, tokens: int, estimate: Estimate, num_explore: int) -> str:
    """How many pairs, tokens and minutes a run would take, the first pairs, and every drop by its reason."""
    if not preview.num_pairs and not num_explore:
        return (
            '<div class="fp-train"><div class="fp-empty"><b>No preference pairs yet.</b>On the Walk tab, flag the '
            "first wrong step of a trace (key F), or sample some traces that go wrong."
            f"</div>{drops_html(preview.counts)}</div>"
        )
    people = sum(pair.origin == "person" for pair in preview.pairs) + len(preview.pending)
    machine = preview.num_pairs - people
    sums = [
        ("Pairs", f"{preview.num_pairs:,}", f"{people:,} by people, {machine:,} by machine"),
        ("Tokens", f"{tokens:,}", "a pass over them"),
        ("This machine", minutes_words(estimate.minutes), estimate.basis),
    ]
    cells = "".join(
        f"<div><dt>{name}</dt><dd>{value} <small>{escape(words)}</small></dd></div>" for name, value, words in sums
    )
    later = ""
    if preview.pending:
        later = f"{len(preview.pending):,} of the flagged steps get a right remainder, sampled when the run starts. "
    if num_explore:
        later += f"Wrong traces that nobody has judged, explored for machine pits first: {num_explore:,}."
    note = f'<p class="fp-note">{later}</p>' if later else ""
    body = f'<dl class="fp-sums">{cells}</dl>{note}{_pairs_table(preview)}{drops_html(preview.counts)}'
    return f'<div class="fp-train">{body}</div>'


def _pairs_table(preview: Preview) -> str:
    rows = [
        _pair_row(pair.origin, pair.by, pair.prompt, pair.rejected, pair.chosen, "fp-yes")
        for pair in preview.pairs[:SHOWN_PAIRS]
    ]
    rows += [
        _pair_row(
            "person",
            one.by,
            one.trace.prompt + "".join(step.text + "\n" for step in one.trace.steps[: one.step]),
            one.rejected,
            one.correction or "sampled when the run starts",
            "fp-yes" if one.correction else "fp-note",
        )
        for one in preview.pending[: SHOWN_PAIRS - len(rows)]
    ]
    if not rows:
        return ""
    return (
        f'<table class="fp-pairs"><caption>The first {len(rows)} of {preview.num_pairs:,}</caption><thead><tr>'
        "<th>Flagged by</th><th>After …</th><th>Rejected: the pit</th><th>Chosen instead</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _pair_row(origin: str, by: str, prompt: str, rejected: str, chosen: str, chosen_class: str) -> str:
    tail = [line for line in prompt.strip().split("\n") if line.strip()][-1:]
    return (
        f'<tr><td><span class="fp-tag fp-tag-{origin}">{escape(by[:24])}</span></td>'
        f"<td>… {escape(_short(chr(10).join(tail)))}</td>"
        f'<td class="fp-no">{escape(_short(rejected))}</td>'
        f'<td class="{chosen_class}">{escape(_short(chosen))}</td></tr>'
    )


def _short(text: str, limit: int = 220) -> str:
    text = text.strip()
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def drops_html(counts: Counts) -> str:
    """Every reason with its number; nothing is dropped in silence."""
    if not counts.dropped:
        return ""
    rows = sorted(counts.dropped.items(), key=lambda row: -row[1])
    items = "".join(f"<li><b>{number:,}</b><span>{escape(reason)}</span></li>" for reason, number in rows)
    total = sum(counts.dropped.values())
    summary = f"<summary>Labels and pits that give no pair: {total:,}, by reason</summary>"
    return f'<details class="fp-drops">{summary}<ul>{items}</ul></details>'


def minutes_words(minutes: float) -> str:
    """ "under a minute", "about 3 minutes", "about 2 hours"."""
    if minutes < 1:
        return "under a minute"
    if minutes < 90:
        return f"about {round(minutes)} minute{'s' if round(minutes) != 1 else ''}"
    return f"about {round(minutes / 60)} hours"


def seconds_words(seconds: float) -> str:
    """ "45 s", "2 min 10 s"."""
    whole = max(0, round(seconds))
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"


def run_html(run: Run | None, ahead: Sequence[Run] = ()) -> str:
    """One run: state, stages, time left, curves. `ahead`: the runs that a waiting one waits for."""
    if run is None:
        return '<div class="fp-train"></div>'
    events = read_events(run.folder / "events.jsonl")
    left = f'<span class="fp-run-left">{_left_words(run, events)}</span>'
    message = "fp-run-message fp-error" if run.state == "failed" else "fp-run-message"
    stopped = latest(events, "stopped")
    notes = [str(stopped["message"])] if stopped and run.state == "done" else []
    note = "".join(f'<p class="fp-note">{escape(words)}</p>' for words in [*notes, *run.notes])
    return (
        f'<div class="fp-train"><article class="fp-run" data-state="{run.state}"><div class="fp-run-head">'
        f"<strong>{state_words(run)}</strong><code>{escape(run.id)}</code>{left}</div>"
        f'<p class="{message}" role="status">{escape(_message(run, ahead))}</p>{note}'
        f"{stages_html(stages_of(run, events))}{run_curves_html(run)}</article></div>"
    )


def state_words(run: Run) -> str:
    """Its state with its mark: "● Running"."""
    return "◌ Waiting" if run.state == "waiting" and (run.folder / QUEUED).is_file() else STATE_WORDS[run.state]


def _message(run: Run, ahead: Sequence[Run]) -> str:
    if run.state != "waiting" or not ahead:
        return run.message
    others = f"{len(ahead)} runs are" if len(ahead) > 1 else f"run {ahead[0].id} is"
    return f"In the queue for {run.device}: {others} before it. It starts by itself, whether a page is open or not."


def _left_words(run: Run, events: Sequence[Event]) -> str:
    if not run.is_live:
        return f"started {time.strftime('%Y-%m-%d %H:%M', time.localtime(run.created))}"
    step = latest(list(events), "train")
    if run.stage == "train" and step and step.get("seconds_left") is not None:
        return f"step {step['step']} of {step['total']}, {seconds_words(float(step['seconds_left']))} of training left"
    return f"{seconds_words(time.time() - run.created)} so far"


def log_html(run: Run | None) -> str:
    """The end of what the run's process printed."""
    if run is None:
        return '<pre class="fp-log"></pre>'
    return f'<pre class="fp-log" tabindex="0" aria-label="Log">{escape(tail(run.folder / "log.txt"))}</pre>'


def tail(path: Path, num_lines: int = TAIL) -> str:
    """The last lines of a text file, of its last 20,000 bytes at most; empty when there is none."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 20_000))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.split("\n")[-num_lines:])
