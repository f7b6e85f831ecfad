"""All runs as a table: state, what each was asked, since when, and the disk it takes."""

from collections.abc import Sequence
from functools import lru_cache
from html import escape
from pathlib import Path

from reasoner.errors import BadInput
from training import recipe_work
from training.run_care import Use, bytes_words, use_of
from training.run_folder import Run
from training.tabs.figures import started_words

MARKS = {"done": "✓", "failed": "✗", "cancelled": "■", "running": "●", "waiting": "◌"}
KINDS = {"pairs": "pairs → adapter", "value": "value model", "recipe": "recipe"}


@lru_cache(maxsize=512)
def _use(folder: Path, sign: tuple[int, ...]) -> Use:
    return use_of(folder)


def disk(run: Run) -> Use:
    """What a run takes; measured again when it has gone on or something of it was removed."""
    files = (run.folder, run.folder / "events.jsonl", run.folder / "checkpoints")
    return _use(run.folder, tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in files))


def what_of(run: Run) -> str:
    """What a run is, in few words: "Self-explore, preset built-in", "pairs → adapter, 3 epochs"."""
    settings = run.settings
    if settings.kind != "recipe":
        passes = f", {settings.epochs:g} pass{'' if settings.epochs == 1 else 'es'}"
        return KINDS[settings.kind] + (passes if settings.kind == "pairs" else "")
    try:
        preset = recipe_work.asked_of(settings).get(recipe_work.PRESET)
    except BadInput:
        preset = None
    return f"recipe {settings.recipe}" + (f", preset {preset}" if preset else "")


def run_choices(runs: Sequence[Run]) -> list[tuple[str, str]]:
    """The runs for a list, as given."""
    return [(f"{MARKS[run.state]} {run.id} · {what_of(run)}", run.id) for run in runs]


def runs_html(runs: Sequence[Run], broken: Sequence[tuple[str, str]]) -> str:
    """The table, what it takes in all, and the folders that cannot be read, each with the reason."""
    if not runs and not broken:
        return '<div class="fp-train"><div class="fp-empty"><b>No runs yet.</b>They are listed here.</div></div>'
    uses = [disk(run) for run in runs]
    total = sum(use.total for use in uses)
    can_go = sum(use.checkpoints for run, use in zip(runs, uses, strict=True) if run.state == "done")
    freed = f"; {bytes_words(can_go)} of it are checkpoints of runs that are done" if can_go else ""
    rows = "".join(map(_row, runs, uses))
    head = "<tr><th>Run</th><th>What</th><th>Started</th><th>Device</th><th>Disk</th></tr>"
    lost = "".join(f"<li><code>{escape(name)}</code> {escape(why)}</li>" for name, why in broken)
    unread = f'<ul class="fp-broken" aria-label="Folders that cannot be read">{lost}</ul>' if lost else ""
    table = f'<table class="fp-runs"><thead>{head}</thead><tbody>{rows}</tbody></table>' if runs else ""
    return (
        f'<div class="fp-train"><p class="fp-note">{len(runs):,} runs, {bytes_words(total)} on disk{freed}.</p>'
        f"{table}{unread}</div>"
    )


def _row(run: Run, use: Use) -> str:
    part = f"<small>{bytes_words(use.checkpoints)} checkpoints</small>" if use.checkpoints else ""
    notes = escape(" ".join(run.notes))
    mark = f' <i class="fp-has-note" title="{notes}">note</i>' if run.notes else ""
    return (
        f'<tr data-state="{run.state}" title="{escape(run.message[:300])}">'
        f'<td><i aria-hidden="true">{MARKS[run.state]}</i><span class="fp-spoken">{run.state}: </span>'
        f"<code>{escape(run.id)}</code>{mark}</td><td>{escape(what_of(run))}</td><td>{started_words(run.created)}</td>"
        f"<td>{escape(run.device)}</td><td>{bytes_words(use.total)} {part}</td></tr>"
    )
