"""The figures of training loops: of one run, or of several over one another.

lines_of(run)             [Line("2026-…-ab12", "2026-…-ab12", path of its events, …)], a recipe's one a training stage
figures(path)             {"loss": ((1, 0.69), (2, 0.61)), "margin": …}, step → value, thinned to what can be seen
overlay_html(lines)       four small drawings, a line a run, and a legend that says who is who
"""

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from html import escape
from pathlib import Path

from reasoner.errors import BadInput
from training import recipe_work
from training.progress import read_events
from training.run_folder import Run
from training.tabs.drawing import Series, curves

EVENTS = "events.jsonl"
MOST_POINTS = 240  # of a line, in a drawing 300 wide
DASHES = 4  # classes fp-dash-0 … in assets/runs.css

Points = tuple[tuple[float, float], ...]

KINDS = (
    ("loss", "Loss", "DPO's, down from 0.69", None),
    ("margin", "Reward margin", "chosen over rejected", None),
    ("accuracy", "Accuracy", "pairs told apart", 0.0),
    ("logps_chosen", "Log-probability of chosen", "should not sink", None),
)
"""Figure of an event, its title, what to look for, the axis' natural lower end."""

SFT_KINDS = (
    ("loss", "Loss", "of the next token", None),
    ("token_accuracy", "Token accuracy", "next tokens right", 0.0),
)
VALUE_KINDS = (("loss", "Loss", "of the chance of a right answer", None),)


@dataclass(frozen=True)
class Line:
    """One training loop."""

    key: str  # "RUN", or "RUN/seed-0/self-explore" of a recipe
    run: Run
    path: Path  # its events
    stage: str = ""

    @property
    def name(self) -> str:
        """For a legend: the run, and the recipe's stage."""
        return f"{self.run.id} · {self.stage}" if self.stage else self.run.id


def lines_of(run: Run) -> list[Line]:
    """A run's training loops that have written figures, in the order they began."""
    if run.settings.kind != "recipe":
        path = run.folder / EVENTS
        return [Line(run.id, run, path)] if figures(path) else []
    paths = [path for path in run.folder.rglob(EVENTS) if path.parent != run.folder and "checkpoints" not in path.parts]
    known = [(began, path) for path in paths if (began := _began(path))]
    return [
        Line(f"{run.id}/{name}", run, path, name)
        for _, path in sorted(known)
        for name in (path.parent.relative_to(run.folder).as_posix(),)
    ]


def figures(path: Path) -> dict[str, Points]:
    """Every figure of the training events in a file, by step; read again only when it has grown."""
    try:
        facts = path.stat()
    except OSError:
        return {}
    return _figures(path, facts.st_size, facts.st_mtime_ns)[0]


def total_of(path: Path) -> int:
    """How many steps the loop is to take."""
    facts = path.stat()
    return _figures(path, facts.st_size, facts.st_mtime_ns)[1][1]


def last_step(folder: Path) -> tuple[int, int] | None:
    """(step, of how many) of the training in a folder, None where there is none."""
    if not figures(folder / EVENTS):
        return None
    facts = (folder / EVENTS).stat()
    return _figures(folder / EVENTS, facts.st_size, facts.st_mtime_ns)[1]


def _began(path: Path) -> float:
    if not figures(path):
        return 0.0
    facts = path.stat()
    return _figures(path, facts.st_size, facts.st_mtime_ns)[2]


@lru_cache(maxsize=256)
def _figures(path: Path, size: int, changed: int) -> tuple[dict[str, Points], tuple[int, int], float]:
    events = [event for event in read_events(path) if event["kind"] == "train"]
    by_step = {int(event["step"]): event for event in events}  # a step done again after a kill counts once
    steps = sorted(by_step)
    names = {name for event in events for name, value in event.items() if isinstance(value, int | float)}
    found: dict[str, Points] = {}
    for name in names - {"step", "total", "time"}:
        points = [(float(step), float(by_step[step][name])) for step in steps if _is_number(by_step[step].get(name))]
        found[name] = tuple(thinned(points))
    last = by_step[steps[-1]] if steps else {"total": 1}
    return found, (steps[-1] if steps else 0, int(last.get("total") or 1)), float(events[0]["time"]) if events else 0.0


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def thinned(points: Sequence[tuple[float, float]], most: int = MOST_POINTS) -> list[tuple[float, float]]:
    """At most so many points: means of neighbours, the first and the last as they are."""
    if len(points) <= most:
        return list(points)
    width = math.ceil((len(points) - 2) / (most - 2))
    groups = [points[at : at + width] for at in range(1, len(points) - 1, width)]
    means = [(sum(x for x, _ in group) / len(group), sum(y for _, y in group) / len(group)) for group in groups]
    return [points[0], *means, points[-1]]


def run_curves_html(run: Run) -> str:
    """The curves of one run, empty ones before the first step; of a recipe those of the training that was last."""
    if run.settings.kind != "recipe":
        return drawings([Line(run.id, run, run.folder / EVENTS)], with_colours=False)
    lines = lines_of(run)
    if not lines:
        return ""
    line = max(lines, key=lambda one: one.path.stat().st_mtime_ns)
    return f'<p class="fp-line-head">{escape(line.stage)}</p>{drawings([line], with_colours=False)}'


def drawings(lines: Sequence[Line], with_colours: bool = True) -> str:
    """One small drawing a figure that any of the lines has."""
    known = [(line, figures(line.path)) for line in lines]
    dashes = _dashes(lines)
    parts = []
    for name, title, words, low in _kinds(lines, {name for _, found in known for name in found}):
        series = []
        for line, found in known:
            style = f"fp-colour-{line.run.colour} fp-dash-{dashes[line.key]}" if with_colours else ""
            if name in found:
                series.append(Series(line.name, found[name], total_of(line.path), style))
        parts.append(curves(title, series, "" if with_colours else words, low))
    return f'<div class="fp-curves{" fp-over" if with_colours else ""}">{"".join(parts)}</div>'


def _kinds(lines: Sequence[Line], names: set[str]) -> Sequence[tuple[str, str, str, float | None]]:
    if all(line.run.settings.kind == "value" for line in lines):
        return VALUE_KINDS
    if not names:
        return KINDS
    table = KINDS if "margin" in names or "logps_chosen" in names else SFT_KINDS
    return [kind for kind in table if kind[0] in names]


def _dashes(lines: Sequence[Line]) -> dict[str, int]:
    """A dash for each line: those of one colour differ in theirs."""
    seen: dict[int, int] = {}
    found = {}
    for line in sorted(lines, key=lambda one: one.key):
        found[line.key] = seen.get(line.run.colour, 0) % DASHES
        seen[line.run.colour] = seen.get(line.run.colour, 0) + 1
    return found


def overlay_html(lines: Sequence[Line]) -> str:
    """Several lines over one another, and a legend: the run, and in what the runs differ."""
    if not lines:
        return '<div class="fp-train"><p class="fp-note">Choose runs to see their curves over one another.</p></div>'
    dashes = _dashes(lines)
    differing = differences([line.run for line in lines])
    items = []
    for line in lines:
        style = f"fp-colour-{line.run.colour} fp-dash-{dashes[line.key]}"
        key = f'<svg viewBox="0 0 28 6" aria-hidden="true"><polyline class="{style}" points="0,3 28,3" /></svg>'
        apart = differing.get(line.run.id, "")
        what = f"<small>{escape(apart)}</small>" if apart else ""
        items.append(f"<li>{key}<code>{escape(line.name)}</code>{what}</li>")
    return f'<div class="fp-train"><ul class="fp-legend">{"".join(items)}</ul>{drawings(lines)}</div>'


def differences(runs: Sequence[Run]) -> dict[str, str]:
    """Run → in what it differs from others of its kind: "epochs 1, seed 2"; the kind where there are several."""
    kinds = {(run.settings.kind, run.settings.recipe) for run in runs}
    found = {}
    for kind, recipe in kinds:
        group = {run.id: _told(run) for run in runs if (run.settings.kind, run.settings.recipe) == (kind, recipe)}
        names = dict.fromkeys(name for values in group.values() for name in values)
        apart = [name for name in names if len({str(values.get(name)) for values in group.values()}) > 1]
        named = [(recipe or kind).replace("-", " ")] if len(kinds) > 1 else []
        for run_id, values in group.items():
            told = [
                f"{name.replace('_', ' ')} {_short(values[name])}"
                for name in apart
                if values.get(name) not in (None, "")
            ]
            found[run_id] = ", ".join(named + told)
    return found


def _told(run: Run) -> dict[str, object]:
    if run.settings.kind == "recipe":
        try:
            return recipe_work.asked_of(run.settings)
        except BadInput:
            return {}
    return {name: value for name, value in asdict(run.settings).items() if name not in ("store", "recipe_settings")}


def _short(value: object) -> str:
    if isinstance(value, list | tuple):
        return "+".join(map(str, value))
    if isinstance(value, float):
        return f"{value:g}"
    text = str(value)
    return text.rstrip("/").rsplit("/", 1)[-1][:32] if "/" in text else text[:32]


def started_words(created: float) -> str:
    """ "20 Nov 09:12"."""
    return time.strftime("%d %b %H:%M", time.localtime(created)).lstrip("0")
