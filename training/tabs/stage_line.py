"""The stages of any run as a line: rows in, rows out, what was dropped and why, and how far the present one is.

    stages_of(run, events)   [StageView("pairs", "Pairs", "done", rows_in=14, rows_out=12, dropped={"unsure": 2}), …]
    stages_html(stages)      '<ol class="fp-line">…', one line a seed where a recipe has several

A recipe tells its stages itself: those that are done by their stage.json, the present one by the run's events.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

from reasoner.errors import WorkbenchError
from training.progress import Event, latest
from training.recipes.record import shown, told
from training.recipes.stages import DONE, read_stage
from training.run_folder import Run
from training.tabs.figures import last_step

STAGES = (("explore", "Explore"), ("pairs", "Pairs"), ("train", "Fine-tune"), ("evaluate", "Before / after"))
VALUE_STAGES = (("train", "Train the value model"), ("score", "Score states"), ("rerank", "Choose among samples"))
MARKS = {"done": "✓", "running": "●", "failed": "✗", "waiting": "○", "stopped": "■"}
SPOKEN = {"done": "done", "running": "going on", "failed": "failed", "waiting": "not begun", "stopped": "stopped"}
_SEED = re.compile(r"seed-(\d+)/(.+)")


@dataclass(frozen=True)
class StageView:
    """One stage as the screen shows it."""

    name: str
    title: str
    state: str  # one of MARKS
    words: str = ""  # what it does, for a person
    rows_in: int | None = None
    rows_out: int | None = None
    dropped: dict[str, int] = field(default_factory=dict)
    share: float = 0.0  # how much of it is done, 0-1
    now: str = ""  # "120 of 512", while it goes on
    seconds: float | None = None
    facts: dict[str, Any] = field(default_factory=dict)  # what else a recipe's stage has to say


def stages_of(run: Run, events: Sequence[Event]) -> list[StageView]:
    """The stages so far, and of a run that is no recipe those to come."""
    if run.settings.kind == "recipe":
        return _recipe_stages(run, events)
    table = VALUE_STAGES if run.settings.kind == "value" else STAGES
    order = [name for name, _ in table]
    present = order.index(run.stage) if run.stage in order else -1
    began = {str(event["stage"]): float(event["time"]) for event in events if event["kind"] == "stage"}
    found = []
    for place, (name, title) in enumerate(table):
        if name == "explore" and not run.settings.num_explore:
            continue
        is_over = place < present or run.state == "done"
        state = "done" if is_over else "waiting" if place > present else _state_now(run)
        after = [began[other] for other in order[place + 1 :] if other in began]
        over = after[0] if after else _time_of(events, "done") if is_over else None
        seconds = over - began[name] if over is not None and name in began else None
        share, now = (1.0, "") if is_over else share_of(name, events) if place == present else (0.0, "")
        rows_in, rows_out, dropped = _counts(name, events)
        found.append(StageView(name, title, state, "", rows_in, rows_out, dropped, share, now, seconds))
    return found


def _state_now(run: Run) -> str:
    return {"running": "running", "waiting": "waiting", "failed": "failed", "cancelled": "stopped"}.get(
        run.state, "done"
    )


def _time_of(events: Sequence[Event], kind: str) -> float | None:
    event = latest(list(events), kind)
    return float(event["time"]) if event else None


def _counts(name: str, events: Sequence[Event]) -> tuple[int | None, int | None, dict[str, int]]:
    """(rows in, rows out, dropped) of one of our own stages, as far as its events tell."""
    if name == "pairs":
        found = latest(list(events), "pairs")
        if found:
            raw = found["counts"]
            dropped = {str(reason): int(num) for reason, num in dict(raw["dropped"]).items()}
            return int(raw["kept"]) + sum(dropped.values()), int(raw["kept"]), dropped
    if name == "score":
        found = latest(list(events), "scored")
        if found:
            dropped = {str(reason): int(num) for reason, num in dict(found["counts"]["dropped"]).items()}
            kept = int(found["counts"]["kept"])
            return kept + sum(dropped.values()), kept, dropped
    told = [event for event in events if event["kind"] == "counts" and event.get("stage") == name]
    if told:
        dropped = {str(reason): int(num) for reason, num in dict(told[-1].get("dropped") or {}).items()}
        return int(told[-1]["rows_in"]), int(told[-1]["rows_out"]), dropped
    last = _progress(name, events)
    if name in ("explore", "evaluate", "rerank") and last:
        return int(last["total"]), None, {}
    return None, None, {}


def share_of(stage: str, events: Sequence[Event]) -> tuple[float, str]:
    """How much of a stage is done, 0-1, and in words."""
    if stage == "train":
        step = latest(list(events), "train")
        if not step:
            return 0.0, ""
        return float(step["step"]) / max(1.0, float(step["total"])), f"step {step['step']:,} of {step['total']:,}"
    last = _progress(stage, events)
    if not last:
        return 0.0, ""
    part = float(last["done"]) / max(1.0, float(last["total"]))
    words = f"{int(last['done']):,} of {int(last['total']):,}"
    if stage != "evaluate":
        return part, words
    side = str(last["stage"]).removeprefix("evaluate").strip()
    return part / 2 + (0.5 if side == "after" else 0.0), f"{side}: {words}"


def _progress(stage: str, events: Sequence[Event]) -> Event | None:
    asked = [event for event in events if event["kind"] == "progress" and str(event["stage"]).startswith(stage)]
    return asked[-1] if asked else None


# ── recipes ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _recipe_stages(run: Run, events: Sequence[Event]) -> list[StageView]:
    names = dict.fromkeys(str(event["stage"]) for event in events if event["kind"] in ("stage", "counts"))
    done = _done_stages(run.folder)
    names |= dict.fromkeys(name for name in done if name not in names)
    found = []
    for name in names:
        if name in done:
            found.append(done[name])
            continue
        words = next(
            (str(e.get("message") or "") for e in reversed(events) if e["kind"] == "stage" and e["stage"] == name), ""
        )
        share, now = _recipe_share(run.folder, name, events)
        found.append(StageView(name, _title(name), _state_now(run), words, share=share, now=now))
    return found


def _recipe_share(folder: Path, name: str, events: Sequence[Event]) -> tuple[float, str]:
    """Of a stage that goes on: its own progress, or that of the training in its folder."""
    own = [event for event in events if event["kind"] == "progress" and event.get("stage") == name]
    if own:
        done, total = int(own[-1]["done"]), int(own[-1]["total"])
        return done / max(1, total), f"{done:,} of {total:,}"
    step = last_step(folder / name)
    return (step[0] / max(1, step[1]), f"step {step[0]:,} of {step[1]:,}") if step else (0.0, "")


def _done_stages(folder: Path) -> dict[str, StageView]:
    """Name → each stage with a record, in the order they were done."""
    found = {}
    paths = sorted(folder.rglob(DONE), key=lambda path: path.stat().st_mtime_ns)
    for path in paths:
        view = _done_stage(folder, path.parent.relative_to(folder).as_posix(), path.stat().st_mtime_ns)
        found[view.name] = view
    return found


@lru_cache(maxsize=2048)
def _done_stage(folder: Path, name: str, changed: int) -> StageView:
    try:
        done = read_stage(folder / name, name)
    except WorkbenchError as error:
        return StageView(name, _title(name), "failed", str(error))
    assert done is not None
    tally = done.tally
    return StageView(
        name,
        _title(name),
        "done",
        done.words,
        tally.rows_in,
        tally.rows_out,
        dict(tally.dropped),
        1.0,
        "",
        done.seconds,
        told(tally.facts),
    )


def _title(name: str) -> str:
    seed = _SEED.fullmatch(name)
    return (seed[2] if seed else name).replace("-", " ").replace("/", " · ").capitalize()


# ── drawing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def stages_html(stages: Sequence[StageView]) -> str:
    """All stages as ordered lists, one for what comes before the seeds and one for each of them."""
    groups: dict[str, list[StageView]] = {}
    for stage in stages:
        seed = _SEED.fullmatch(stage.name)
        groups.setdefault(f"Seed {seed[1]}" if seed else "", []).append(stage)
    parts = []
    for title, group in groups.items():
        head = f'<p class="fp-line-head">{escape(title)}</p>' if title else ""
        parts.append(f'{head}<ol class="fp-line">{"".join(map(_stage_html, group))}</ol>')
    return "".join(parts)


def _stage_html(stage: StageView) -> str:
    current = ' aria-current="step"' if stage.state == "running" else ""
    bar = ""
    if stage.state == "running":
        bar = f'<progress max="1" value="{stage.share:.3f}" aria-label="{escape(stage.title)}"></progress>'
    seconds = stage.seconds or 0.0
    took = f" <small>{_seconds(seconds)}</small>" if stage.state == "done" and seconds >= 1 else ""
    return (
        f'<li class="fp-stage fp-stage-{stage.state}" data-stage="{escape(stage.name)}"{current} '
        f'title="{escape(stage.words)}">'
        f'<p><i aria-hidden="true">{MARKS[stage.state]}</i><span class="fp-spoken">{SPOKEN[stage.state]}: </span>'
        f"<b>{escape(stage.title)}</b>{took}</p>{_rows(stage)}{bar}{_stopped(stage)}{_why(stage)}{_told(stage)}</li>"
    )


def _rows(stage: StageView) -> str:
    if stage.state == "running" and stage.now:
        return f'<p class="fp-rows">{escape(stage.now)}</p>'
    if stage.rows_in is None:
        return f'<p class="fp-rows">{escape(stage.now) or "&nbsp;"}</p>'
    if stage.rows_out is None:
        return f'<p class="fp-rows">{stage.rows_in:,}</p>'
    said = f"{stage.rows_in:,} rows in, {stage.rows_out:,} out"
    return f'<p class="fp-rows" aria-label="{said}">{stage.rows_in:,} → <b>{stage.rows_out:,}</b></p>'


def _why(stage: StageView) -> str:
    if not stage.dropped:
        return ""
    rows = sorted(stage.dropped.items(), key=lambda row: -row[1])
    items = "".join(f"<li><b>{num:,}</b> <span>{escape(reason)}</span></li>" for reason, num in rows)
    hover = "\n".join(f"{num:,} {reason}" for reason, num in rows)
    return (
        f'<details class="fp-why" data-key="why-{escape(stage.name)}"><summary title="{escape(hover)}">'
        f"{sum(stage.dropped.values()):,} dropped</summary><ul>{items}</ul></details>"
    )


def _stopped(stage: StageView) -> str:
    """Why training ended early, if it did: never behind a click."""
    words = stage.facts.get("stopped")
    return f'<p class="fp-line-stopped">{escape(str(words))}</p>' if words else ""


def _told(stage: StageView) -> str:
    rows = {name: shown(value) for name, value in stage.facts.items() if name != "stopped"}
    if not rows:
        return ""
    items = "".join(f"<li><b>{escape(value)}</b> <span>{escape(name)}</span></li>" for name, value in rows.items())
    key = escape(f"told-{stage.name}")
    return f'<details class="fp-why" data-key="{key}"><summary>more</summary><ul>{items}</ul></details>'


def _seconds(seconds: float) -> str:
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min" if whole < 5400 else f"{whole / 3600:.1f} h"
