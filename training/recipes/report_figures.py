"""The report's pictures that are rows: a name, a drawing as wide as the page lets it be, and its figures in words.

accuracies(report)     dot and interval of every stage, a small dot a seed
differences(report)    each stage minus the one before it
errors(report)         what goes wrong, by class, as one bar a stage
stage_line(report)     rows in, rows out and why rows were dropped, summed over seeds
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape

from training.recipes.record import RecipeReport, StageCount, points
from training.recipes.report_marks import Scale, colour, key_mark, marked
from training.recipes.report_table import percent
from training.recipes.rows import Row

SEED = re.compile(r"^seed-\d+/")


def accuracies(report: RecipeReport) -> str:
    """Accuracy by stage; the dashed line is the first stage's."""
    rows = [(place, row) for place, row in enumerate(report.rows) if row.unjudged < row.problems]
    if not rows:
        return ""
    scale = Scale.of([value for _, row in rows for value in (row.low, row.high, *row.seeds)], 0.0, 1.0)
    first = scale.at(rows[0][1].accuracy)
    drawn = "".join(_accuracy(place, row, scale, first) for place, row in rows)
    return f'<div class="rows">{drawn}{_axis([(scale.at(tick), f"{tick * 100:.3g}") for tick in scale.ticks])}</div>'


def _accuracy(place: int, row: Row, scale: Scale, first: float) -> str:
    seeds = "".join(
        f'<circle class="seed {colour(place)}" cx="{scale.at(one):.2f}%" cy="77%" r="2.6"/>' for one in row.seeds
    )
    band = _band(scale.at(row.low), scale.at(row.high), colour(place))
    several = seeds if len(row.seeds) > 1 else ""
    line = f'<line class="first" x1="{first:.2f}%" x2="{first:.2f}%" y1="0" y2="100%"/>'
    drawing = _grid(scale) + line + band + several + marked(scale.at(row.accuracy), "42%", place)
    value = f"<b>{percent(row.accuracy)}</b> <small>{row.low * 100:.1f} to {row.high * 100:.1f}</small>"
    return _line(f"{key_mark(place)}<span>{escape(row.words)}</span>", value, drawing)


def differences(report: RecipeReport) -> str:
    """Each stage minus the stage before; hollow and pale where the interval has 0."""
    found = [
        (place, row, before, row.against[before.stage])
        for place, (before, row) in enumerate(zip(report.rows, report.rows[1:], strict=False), start=1)
        if before.stage in row.against
    ]
    if not found:
        return ""
    scale = Scale.of([0.0, *(value for *_, one in found for value in (one.low, one.high))], num=6)
    zero = f'<line class="zero" x1="{scale.at(0):.2f}%" x2="{scale.at(0):.2f}%" y1="0" y2="100%"/>'
    drawn = []
    for place, row, before, one in found:
        is_open = one.low <= 0 <= one.high
        name = "pale" if is_open else colour(place)
        drawing = _grid(scale) + zero + _band(scale.at(one.low), scale.at(one.high), name, "50%")
        drawing += marked(scale.at(one.delta), "50%", place, is_open)
        words = f"{key_mark(place)}<span>{escape(row.words)} <small>minus {escape(before.words)}</small></span>"
        value = f"<b>{points(one.delta)}</b> <small>{points(one.low)} to {points(one.high)}, p = {one.p:.2g}</small>"
        drawn.append(_line(words, value, drawing))
    ticks = [(scale.at(tick), points(tick)) for tick in scale.ticks]
    return f'<div class="rows">{"".join(drawn)}{_axis(ticks)}</div>'


def errors(report: RecipeReport) -> str:
    """One bar a stage, as long as the share of problems that are not solved, cut by the class of the first error."""
    rows = [row for row in report.rows if row.error_classes]
    if not rows:
        return ""
    names = list(dict.fromkeys(name for row in rows for name in row.error_classes))
    top = max(sum(row.error_classes.values()) for row in rows) or 1.0
    scale = Scale.of([0.0, top], 0.0, 1.0)
    drawn = []
    for row in rows:
        start, bars = 0.0, []
        for number, name in enumerate(names):
            width = scale.at(row.error_classes.get(name, 0.0))
            bars.append(f'<rect class="e{number % 4}" x="{start:.2f}%" width="{width:.2f}%" y="25%" height="50%"/>')
            start += width
        parts = ", ".join(f"{escape(name)} {share * 100:.1f}" for name, share in row.error_classes.items())
        value = f'<b>{percent(sum(row.error_classes.values()))}</b> <small class="hidden">{parts}</small>'
        drawn.append(_line(f"<span>{escape(row.words)}</span>", value, _grid(scale) + "".join(bars)))
    key = "".join(f'<span><i class="e{number % 4}"></i>{escape(name)}</span>' for number, name in enumerate(names))
    ticks = _axis([(scale.at(tick), f"{tick * 100:.3g}") for tick in scale.ticks])
    return f'<p class="keys">{key}</p><div class="rows bars">{"".join(drawn)}{ticks}</div>'


def stage_line(report: RecipeReport) -> str:
    """The line of stages from top to bottom, seeds summed; measuring makes no rows, so the table alone has it."""
    stages = summed(count for count in report.counts if "measure" not in count.stage.split("/"))
    return f'<ol class="line">{"".join(_stage(count, num) for count, num in stages)}</ol>' if stages else ""


def summed(counts: Iterable[StageCount]) -> list[tuple[StageCount, int]]:
    """The stages with all their seeds together, and how many those are: "seed-0/sample", "seed-1/sample" are one."""
    found: dict[tuple[str, str], list[StageCount]] = {}
    for count in counts:
        found.setdefault((SEED.sub("", count.stage), count.words), []).append(count)
    merged = []
    for (stage, words), own in found.items():
        dropped: Counter[str] = sum((Counter(one.dropped) for one in own), Counter())
        rows_in, rows_out = sum(one.rows_in for one in own), sum(one.rows_out for one in own)
        merged.append((StageCount(stage, words, rows_in, rows_out, dict(dropped.most_common())), len(own)))
    return merged


def _stage(count: StageCount, num: int) -> str:
    kept = min(1.0, count.rows_out / count.rows_in) if count.rows_in else float(count.rows_out > 0)
    gone = min(1 - kept, sum(count.dropped.values()) / count.rows_in) if count.rows_in else 0.0
    why = "".join(f"<li>{rows:,} {escape(reason)}</li>" for reason, rows in count.dropped.items())
    seeds = f" <small>{num} seeds together</small>" if num > 1 else ""
    bar = (
        f'<svg class="bar" aria-hidden="true"><rect class="all" width="100%"/><rect class="kept" width="{kept:.2%}"/>'
        f'<rect class="gone" x="{kept:.2%}" width="{gone:.2%}"/></svg>'
    )
    return (
        f"<li><h3>{escape(count.words)}{seeds}</h3>"
        f'<p><b>{count.rows_in:,}</b> in <span aria-hidden="true">→</span> <b>{count.rows_out:,}</b> out</p>{bar}'
        + (f'<ul aria-label="dropped">{why}</ul>' if why else "")
        + "</li>"
    )


def _line(name: str, value: str, drawing: str) -> str:
    return (
        f'<div class="row"><div class="name">{name}</div><div class="value">{value}</div>'
        f'<svg class="track" aria-hidden="true">{drawing}</svg></div>'
    )


def _band(low: float, high: float, name: str, y: str = "42%") -> str:
    return f'<line class="band {name}" x1="{low:.2f}%" x2="{high:.2f}%" y1="{y}" y2="{y}"/>'


def _grid(scale: Scale) -> str:
    return "".join(
        f'<line class="grid" x1="{x:.2f}%" x2="{x:.2f}%" y1="0" y2="100%"/>' for x in map(scale.at, scale.ticks)
    )


def _axis(ticks: Sequence[tuple[float, str]]) -> str:
    """The row of ticks under the drawings."""
    shown = "".join(f'<text x="{x:.2f}%" y="13">{label}</text>' for x, label in ticks)
    return f'<div class="row axis" aria-hidden="true"><svg class="track">{shown}</svg></div>'
