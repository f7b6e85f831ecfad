"""Small drawings as SVG text: a run's curves, two rates with their intervals, a state graph of a few traces.

    curves("Loss", [Series("run", [(1, 0.69), (2, 0.61)], 75)])       → '<figure class="fp-curve">…'
    graph_svg(build_graph(problem, traces, pits=pits))                → '<svg class="fp-map" …'

Colours and dashes are classes of assets/training.css, so both themes need no second drawing; every text is escaped.

Not covered: large graphs and moving about in them: that is the Walk tab. Here a problem has one to a few traces.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from reasoner.graph import StateGraph
from reasoner.records import Interval

WIDTH, HEIGHT = 300, 92  # of a curve's drawing, in its own units
SLOT, LAYER, MARGIN = 190, 62, 30  # of a graph: between neighbours, between layers, around

GLYPHS = {"question": "?", "right": "✓", "wrong": "✗", "unjudged": "~", "first_wrong": "!", "pit": "!"}
BAD = ("first_wrong", "pit", "after")


@dataclass(frozen=True)
class Series:
    """One line of a drawing."""

    name: str
    points: Sequence[tuple[float, float]]  # (step, value)
    total: float  # steps to come, the drawing's right end
    style: str = ""  # classes of assets/runs.css


def curves(title: str, series: Sequence[Series], words: str = "", low: float | None = None) -> str:
    """Lines over the steps of one run or several; of a single one its last value in words beside the title.

    `low` and above: fixed bounds of the axis where the figure has natural ones (accuracy: 0-1).
    """
    values = [value for one in series for _, value in one.points]
    bottom, top = (low, 1.0) if low is not None else _bounds(values)
    right = max((one.total for one in series), default=1.0)
    lines, last = [], []
    for one in series:
        points = " ".join(_point(step, value, right, bottom, top) for step, value in one.points)
        if len(one.points) > 1:
            name = f"<title>{escape(one.name)}: {one.points[-1][1]:.3g}</title>"
            kind = f' class="{one.style}"' if one.style else ""
            lines.append(f'<polyline{kind} points="{points}">{name}</polyline>')
        if one.points:
            last.append(f"{one.points[-1][1]:.3g}")
    shown = last[0] if len(last) == 1 else "–" if not last else ""
    zero = ""
    if bottom < 0 < top:
        y = HEIGHT * (1 - (0 - bottom) / (top - bottom))
        zero = f'<line class="fp-zero" x1="0" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}" />'
    told = (
        "; ".join(f"{one.name} {value}" for one, value in zip(series, last, strict=False)) if len(last) > 1 else shown
    )
    output = f"<output>{shown}</output>" if shown else ""
    return (
        f'<figure class="fp-curve" aria-label="{escape(title)}: {escape(told)}">'
        f"<figcaption><b>{escape(title)}</b> {output}<small>{escape(words)}</small></figcaption>"
        f'<div><span class="fp-top">{top:.2g}</span><span class="fp-bottom">{bottom:.2g}</span>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" aria-hidden="true">{zero}'
        f"{''.join(lines)}</svg>"
        f'</div><small class="fp-steps"><span>0</span><span>{right:,.0f} steps</span></small></figure>'
    )


def _bounds(values: Sequence[float]) -> tuple[float, float]:
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    room = (high - low) * 0.08 or max(abs(high) * 0.1, 0.05)
    return low - room, high + room


def _point(step: float, value: float, right: float, bottom: float, top: float) -> str:
    x = WIDTH * step / max(1.0, right)
    y = HEIGHT * (1 - (value - bottom) / (top - bottom))
    return f"{x:.1f},{min(HEIGHT, max(0.0, y)):.1f}"


def rates(before: Interval, after: Interval) -> str:
    """Two rates on one scale, each with its 95 % interval."""
    low = max(0.0, min(before.low, after.low) - 0.05)
    high = min(1.0, max(before.high, after.high) + 0.05)
    rows = []
    for y, name, rate in ((16, "before", before), (44, "after", after)):
        left, middle, right = (300 * (value - low) / (high - low) for value in (rate.low, rate.rate, rate.high))
        rows.append(
            f'<g class="fp-{name}"><line x1="{left:.1f}" x2="{right:.1f}" y1="{y}" y2="{y}" />'
            f'<circle cx="{middle:.1f}" cy="{y}" r="6" /></g>'
        )
    words = f"before {before.rate:.1%}, after {after.rate:.1%}"
    ends = f"<span>{low:.0%}</span><span>{high:.0%}</span>"
    return (
        f'<div class="fp-rates"><svg viewBox="-8 0 316 60" role="img" aria-label="{words}">{"".join(rows)}</svg>'
        f"<div>{ends}</div></div>"
    )


def graph_svg(graph: StateGraph, title: str) -> str:
    """The plain view of a few traces, top down: shape, glyph and dash say what the colour says."""
    nodes = dict(graph.digraph.nodes(data=True))
    at = {node: (MARGIN + facts["slot"] * SLOT, MARGIN + facts["depth"] * LAYER) for node, facts in nodes.items()}
    width = 2 * MARGIN + (graph.num_slots - 1) * SLOT + 170
    height = 2 * MARGIN + (graph.num_layers - 1) * LAYER
    bad = {node for node, facts in nodes.items() if facts["kind"] in BAD}
    edges = [_edge(at[start], at[end], start in bad or end in bad) for start, end in graph.digraph.edges]
    states = [_state(*at[node], facts["kind"], facts["depth"], facts["label"]) for node, facts in nodes.items()]
    return (
        f'<svg class="fp-map" viewBox="0 0 {width:.0f} {height:.0f}" style="max-width:{width:.0f}px" role="img" '
        f'aria-label="{escape(title)}">{"".join(edges)}{"".join(states)}</svg>'
    )


def _edge(start: tuple[float, float], end: tuple[float, float], is_bad: bool) -> str:
    (x1, y1), (x2, y2) = start, end
    middle = (y1 + y2) / 2
    name = "fp-edge fp-edge-bad" if is_bad else "fp-edge"
    return (
        f'<path class="{name}" d="M{x1:.0f} {y1:.0f} C{x1:.0f} {middle:.0f} {x2:.0f} {middle:.0f} {x2:.0f} {y2:.0f}" />'
    )


def _state(x: float, y: float, kind: str, depth: int, label: str) -> str:
    glyph = GLYPHS.get(kind) or str(depth)
    return (
        f'<g class="fp-state fp-{kind}" transform="translate({x:.0f} {y:.0f})">{_shape(kind)}'
        f'<text class="fp-glyph" dy="4.5">{glyph}</text>'
        f'<text class="fp-label" x="24" dy="4.5">{escape(label)}</text></g>'
    )


def _shape(kind: str) -> str:
    if kind == "question":
        return '<rect class="fp-shape" x="-15" y="-15" width="30" height="30" rx="3" />'
    if kind == "first_wrong":
        corners = [(math.cos(math.pi * (2 * i + 1) / 8), math.sin(math.pi * (2 * i + 1) / 8)) for i in range(8)]
        return (
            '<polygon class="fp-shape" points="' + " ".join(f"{17 * x:.1f},{17 * y:.1f}" for x, y in corners) + '" />'
        )
    if kind == "pit":
        return '<polygon class="fp-shape" points="0,-19 19,0 0,19 -19,0" />'
    return '<circle class="fp-shape" r="14" />'
