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
from training.tabs.drawing import curve

SHOWN_PAIRS = 8
TAIL = 40  # lines of the log
STAGES = (("explore", "Explore"), ("pairs", "Pairs"), ("train", "Fine-tune"), ("evaluate", "Before / after"))
VALUE_STAGES = (("train", "Train the value model"), ("score", "Score states"), ("rerank", "Choose among samples"))
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


def run_html(run: Run | None) -> str:
    """One run: state, stages, time left, curves."""
    if run is None:
        return '<div class="fp-train"></div>'
    events = read_events(run.folder / "events.jsonl")
    steps = [event for event in events if event["kind"] == "train"]
    left = f'<span class="fp-run-left">{_left_words(run, events)}</span>'
    message = "fp-run-message fp-error" if run.state == "failed" else "fp-run-message"
    stopped = latest(events, "stopped")
    note = f'<p class="fp-note">{escape(str(stopped["message"]))}</p>' if stopped and run.state == "done" else ""
    return (
        f'<div class="fp-train"><article class="fp-run" data-state="{run.state}"><div class="fp-run-head">'
        f"<strong>{STATE_WORDS[run.state]}</strong><code>{escape(run.id)}</code>{left}</div>"
        f'<p class="{message}" role="status">{escape(run.message)}</p>{note}{_stages_html(run, events)}'
        f'{_counts_html(events)}<div class="fp-curves">{_curves(steps, run.settings.kind)}</div></article></div>'
    )


def _curves(steps: Sequence[Event], kind: str) -> str:
    total = int(steps[-1]["total"]) if steps else 1

    def values(name: str) -> list[float]:
        return [float("nan") if step.get(name) is None else float(step[name]) for step in steps]

    if kind == "value":
        return curve("Loss", values("loss"), total, "of the chance of a right answer")
    return (
        curve("Loss", values("loss"), total, "DPO's, down from 0.69")
        + curve("Reward margin", values("margin"), total, "chosen over rejected")
        + curve("Accuracy", values("accuracy"), total, "pairs told apart", low=0.0)
        + curve("Log-probability of chosen", values("logps_chosen"), total, "should not sink")
    )


def _stages_html(run: Run, events: Sequence[Event]) -> str:
    stages = VALUE_STAGES if run.settings.kind == "value" else STAGES
    order = [name for name, _ in stages]
    now = order.index(run.stage) if run.stage in order else -1
    items = []
    for place, (name, title) in enumerate(stages):
        if name == "explore" and not run.settings.num_explore:
            continue
        share = 1.0 if place < now or run.state == "done" else _share(name, events) if place == now else 0.0
        current = ' class="fp-now"' if place == now and run.is_live else ""
        items.append(f'<li{current}>{title}<progress max="1" value="{share:.3f}" aria-label="{title}"></progress></li>')
    return f'<ol class="fp-stages">{"".join(items)}</ol>'


def _share(stage: str, events: Sequence[Event]) -> float:
    """How much of a stage is done, 0-1."""
    if stage == "train":
        step = latest(list(events), "train")
        return float(step["step"]) / max(1, float(step["total"])) if step else 0.0
    done = [event for event in events if event["kind"] == "progress" and str(event["stage"]).startswith(stage)]
    if not done:
        return 0.0
    part = float(done[-1]["done"]) / max(1, float(done[-1]["total"]))
    if stage != "evaluate":
        return part
    return part / 2 + (0.5 if str(done[-1]["stage"]).endswith("after") else 0.0)


def _left_words(run: Run, events: Sequence[Event]) -> str:
    if not run.is_live:
        return f"started {time.strftime('%Y-%m-%d %H:%M', time.localtime(run.created))}"
    step = latest(list(events), "train")
    if run.stage == "train" and step and step.get("seconds_left") is not None:
        return f"step {step['step']} of {step['total']}, {seconds_words(float(step['seconds_left']))} of training left"
    return f"{seconds_words(time.time() - run.created)} so far"


def _counts_html(events: Sequence[Event]) -> str:
    found = latest(list(events), "pairs")
    if not found:
        return ""
    raw = found["counts"]
    counts = Counts(int(raw["kept"]), int(raw["unchanged"]), dict(raw["dropped"]))
    return f'<p class="fp-note">{counts.kept:,} pairs</p>{drops_html(counts)}'


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
