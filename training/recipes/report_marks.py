"""What the report's pictures are drawn with: scales with round ticks, one mark and one colour a stage.

    scale = Scale.of([0.61, 0.74])      scale.ticks (0.6, 0.65, 0.7, 0.75)      scale.at(0.675) 50.0
    mark(2)                             '<path class="m c2" d="…"/>', a diamond around 0, 0

Positions are per cent of the drawing's width, so one drawing fits a wide and a narrow page and its text is never
scaled. Colours are classes c0 … c7 of assets/recipe_report.css in both themes; the mark's shape says the same.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

NUM_COLOURS = 8
SHAPES = (
    "M5 0A5 5 0 1 1 -5 0A5 5 0 1 1 5 0Z",
    "M-4.5 -4.5H4.5V4.5H-4.5Z",
    "M0 -6.2L6.2 0L0 6.2L-6.2 0Z",
    "M0 -5.8L5.6 4.4H-5.6Z",
    "M0 5.8L5.6 -4.4H-5.6Z",
    "M0 -5.6L4.9 -2.8V2.8L0 5.6L-4.9 2.8V-2.8Z",
    "M-1.9 -5.6H1.9V-1.9H5.6V1.9H1.9V5.6H-1.9V1.9H-5.6V-1.9H-1.9Z",
    "M0 -6.4L1.9 -2L6.2 -2L2.8 1.2L4 5.8L0 3.2L-4 5.8L-2.8 1.2L-6.2 -2L-1.9 -2Z",
)
"""Circle, square, diamond, triangle, triangle down, hexagon, plus, star; around 0, 0."""


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis from `low` to `high` with round ticks."""

    low: float
    high: float
    ticks: tuple[float, ...]

    @classmethod
    def of(cls, values: Iterable[float], low: float = -math.inf, high: float = math.inf, num: int = 5) -> "Scale":
        """An axis that has all `values`, never beyond `low` … `high`, with about `num` ticks."""
        known = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
        bottom, top = min(known), max(known)
        if top - bottom < 1e-9:
            room = abs(top) * 0.1 or 0.05
            bottom, top = bottom - room, top + room
        step = _round_step((top - bottom) / num)
        first, last = math.floor(bottom / step + 1e-9), math.ceil(top / step - 1e-9)
        ticks = [round(place * step, 10) for place in range(first, last + 1)]
        ticks = [tick for tick in ticks if low - 1e-9 <= tick <= high + 1e-9]
        return cls(max(low, first * step), min(high, last * step), tuple(ticks))

    def at(self, value: float) -> float:
        """Where `value` is, 0-100 from the low end."""
        return min(100.0, max(0.0, 100 * (value - self.low) / (self.high - self.low)))


def _round_step(step: float) -> float:
    """The next of 1, 2, 2.5, 5, 10 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(one * power for one in (1, 2, 2.5, 5, 10) if one * power >= step * (1 - 1e-9))


def colour(place: int) -> str:
    """The class of the stage at `place`; the ninth has the first one's colour and a hollow mark."""
    return f"c{place % NUM_COLOURS}"


def mark(place: int, is_hollow: bool = False) -> str:
    """The stage's mark around 0, 0."""
    hollow = " hollow" if is_hollow or place >= NUM_COLOURS else ""
    return f'<path class="m {colour(place)}{hollow}" d="{SHAPES[place % len(SHAPES)]}"/>'


def marked(x: float, y: str, place: int, is_hollow: bool = False) -> str:
    """The stage's mark at `x` per cent of the width and `y`."""
    return f'<svg class="at" x="{x:.2f}%" y="{y}">{mark(place, is_hollow)}</svg>'


def key_mark(place: int) -> str:
    """The mark as it stands before a stage's name."""
    return f'<svg class="key" viewBox="-9 -9 18 18" aria-hidden="true">{mark(place)}</svg>'
