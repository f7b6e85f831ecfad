"""The report's line charts: shares over the number of samples, and the figures of training over its updates.

chart([Series(2, ((1, 0.71), (2, 0.79), (4, 0.85)))], "pass@k", x_ticks=[1, 2, 4], is_log=True, is_share=True)
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from training.recipes.record import RecipeReport
from training.recipes.report_marks import Scale, colour, key_mark, marked
from training.recipes.report_table import percent
from training.recipes.rows import Row

CURVES = {"loss": "Loss", "margin": "Reward margin", "accuracy": "Rewards in the right order"}


@dataclass(frozen=True, slots=True)
class Series:
    """One line: the place of its stage, and (x, y)."""

    place: int
    points: tuple[tuple[float, float], ...]


def samples(report: RecipeReport) -> str:
    """pass@k and maj@k beside each other, with one key."""
    drawn = []
    for name, words in (
        ("pass_at", "pass@k: one of k samples is right"),
        ("maj_at", "maj@k: most of k samples say it"),
    ):
        series = [
            Series(place, tuple((float(k), one.value) for k, one in found.items()))
            for place, row in enumerate(report.rows)
            if (found := getattr(row, name))
        ]
        if any(len(one.points) > 1 for one in series):
            ticks = sorted({x for one in series for x, _ in one.points})
            drawn.append(chart(series, words, ticks, is_log=True, is_share=True))
    if not drawn:
        return ""
    key = "".join(f"<span>{key_mark(place)}{escape(row.words)}</span>" for place, row in enumerate(report.rows))
    return f'<p class="keys">{key}</p><div class="charts">{"".join(drawn)}</div>'


def training(report: RecipeReport) -> str:
    """A card for each stage that was trained: its figures over the updates, one line a seed."""
    cards = []
    for place, row in enumerate(report.rows):
        charts = "".join(_figures(place, row))
        if charts:
            name = f"<h3>{key_mark(place)}{escape(row.words)}</h3>"
            width = "wide" if charts.count("<figure") > 1 else "slim"
            cards.append(f'<div class="{width} card">{name}<div class="small charts">{charts}</div></div>')
    return f'<div class="cards">{"".join(cards)}</div>' if cards else ""


def _figures(place: int, row: Row) -> Iterator[str]:
    for name, words in CURVES.items():
        lines = [tuple((x, y) for x, y in curve[name]) for curve in row.curves if len(curve.get(name, ())) > 1]
        if lines:
            last = max(x for line in lines for x, _ in line)
            yield chart([Series(place, line) for line in lines], words, [0.0, last], is_share=name == "accuracy")


def chart(
    series: Sequence[Series], words: str, x_ticks: Sequence[float], is_log: bool = False, is_share: bool = False
) -> str:
    """One chart; its text alternative says where every line begins and ends."""
    values = [y for one in series for _, y in one.points]
    scale = Scale.of(values, 0.0 if is_share else -math.inf, 1.0 if is_share else math.inf, num=6 if is_log else 3)
    low, high = _place(x_ticks[0], is_log), _place(x_ticks[-1], is_log)
    span = (high - low) or 1.0

    def at(x: float) -> float:
        return 100 * (_place(x, is_log) - low) / span

    grid = "".join(f'<line class="grid" x2="100%" y1="{y:.2f}%" y2="{y:.2f}%"/>' for y in _heights(scale))
    lines, marks = "", ""
    for one in series:
        placed = [(at(x), 100 - scale.at(y)) for x, y in one.points]
        path = " ".join(f"{x:.2f},{y:.2f}" for x, y in placed)
        lines += f'<polyline class="{colour(one.place)}" points="{path}"/>'
        marks += "".join(marked(x, f"{y:.2f}%", one.place) for x, y in placed) if is_log else ""
    y_labels = "".join(
        f'<text x="100%" y="{y:.2f}%" dy="4">{_tick(tick, is_share)}</text>'
        for y, tick in zip(_heights(scale), scale.ticks, strict=True)
    )
    x_labels = "".join(f'<text x="{at(tick):.2f}%" y="13">{tick:,.0f}</text>' for tick in x_ticks)
    unit = ", per cent" if is_share else ""
    return (
        f'<figure class="chart"><figcaption>{escape(words)}</figcaption>'
        f'<div role="img" aria-label="{escape(words + unit)}: {escape(_said(series, is_share))}">'
        f'<svg class="y" aria-hidden="true">{y_labels}</svg><svg class="plot" aria-hidden="true">{grid}'
        f'<svg width="100%" height="100%" viewBox="0 0 100 100" preserveAspectRatio="none">{lines}</svg>{marks}</svg>'
        f'<svg class="x" aria-hidden="true">{x_labels}</svg></div></figure>'
    )


def _place(x: float, is_log: bool) -> float:
    return math.log2(x) if is_log else x


def _heights(scale: Scale) -> list[float]:
    return [100 - scale.at(tick) for tick in scale.ticks]


def _tick(value: float, is_share: bool) -> str:
    return f"{value * 100:.3g}" if is_share else f"{value:.3g}".replace("-", "−")


def _said(series: Sequence[Series], is_share: bool) -> str:
    ends = [(one.points[0][1], one.points[-1][1]) for one in series]
    return "; ".join(
        f"{percent(first)} to {percent(last)}" if is_share else f"{first:.3g} to {last:.3g}" for first, last in ends
    )
