"""The accuracy figure alone, as an SVG file that a README can show: one a theme, fixed colours, no style sheet.

write_pictures(read_recipe_report(Path("DIR")), Path("assets/reproduce"))
assets/reproduce/accuracy-light.svg, accuracy-dark.svg

<picture>
  <source media="(prefers-color-scheme: dark)" srcset="assets/reproduce/accuracy-dark.svg">
  <img alt="Accuracy by stage …" src="assets/reproduce/accuracy-light.svg">
</picture>
"""

from dataclasses import dataclass
from html import escape
from pathlib import Path

from reasoner.errors import RunError
from reasoner.whole_file import write_text
from training.recipes.estimates import seeds_in_words
from training.recipes.record import RecipeReport
from training.recipes.report_marks import NUM_COLOURS, SHAPES, Scale
from training.recipes.report_table import percent
from training.recipes.rows import Row

WIDTH, ROW, TOP, BOTTOM = 880, 44, 60, 34  # px
LEFT, RIGHT = 300, 690  # of the drawing; the names stand before, the figures after it
LONGEST = 36  # characters of a stage's name that fit before the drawing
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours."""

    ink: str
    muted: str
    line: str
    faint: str
    paper: str
    stages: tuple[str, ...]


THEMES = {
    "light": Theme(
        *("#1f2937", "#5b687b", "#e2e8f0", "#94a3b8", "#ffffff"),
        ("#64748b", "#0e7490", "#b45309", "#7c3aed", "#be185d", "#4d7c0f", "#2563eb", "#92400e"),
    ),
    "dark": Theme(
        *("#e5e7eb", "#9aa8bc", "#243044", "#64748b", "#0d1117"),
        ("#a3b1c6", "#22d3ee", "#fbbf24", "#c4b5fd", "#f9a8d4", "#a3e635", "#60a5fa", "#fdba74"),
    ),
}
"""The colours of assets/recipe_report.css; dark on GitHub's page."""


def write_pictures(report: RecipeReport, folder: Path) -> list[Path]:
    """Write accuracy-light.svg and accuracy-dark.svg. Raises RunError when they cannot be written."""
    paths = [folder / f"accuracy-{theme}.svg" for theme in THEMES]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for theme, path in zip(THEMES, paths, strict=True):
            write_text(report_picture(report, theme), path)
    except OSError as error:
        raise RunError(f"The pictures cannot be written to {folder} ({error.strerror}): is the disk full?") from error
    return paths


def report_picture(report: RecipeReport, theme: str = "light") -> str:
    """Dot and interval of every stage's accuracy, and a small dot a seed."""
    colours = THEMES[theme]
    rows = [(place, row) for place, row in enumerate(report.rows) if row.unjudged < row.problems]
    has_room = all(len(row.words) <= LONGEST for _, row in rows)
    scale = Scale.of([value for _, row in rows for value in (row.low, row.high, *row.seeds)], 0.0, 1.0)
    height = TOP + ROW * len(rows) + BOTTOM
    drawn = "".join(_row(number, place, row, scale, colours, has_room) for number, (place, row) in enumerate(rows))
    title = f"Accuracy by stage. {report.sentence()}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-labelledby="title" font-family="{FONT}" font-size="15" fill="{colours.ink}">\n'
        f'<title id="title">{escape(_short(title, 400))}</title>\n'
        f"{_head(report, colours)}{_frame(scale, rows, colours, height)}"
        f"{drawn}</svg>\n"
    )


def _x(scale: Scale, value: float) -> float:
    return LEFT + (RIGHT - LEFT) * scale.at(value) / 100


def _head(report: RecipeReport, colours: Theme) -> str:
    num = max((row.problems for row in report.rows), default=0)
    words = f"Per cent of {num:,} held-out problems solved, 95 % intervals, {seeds_in_words(report.num_seeds)}"
    return (
        f'<text x="0" y="19" font-size="17" font-weight="650">{escape(_short(report.title, 80))}</text>\n'
        f'<text x="0" y="41" font-size="13.5" fill="{colours.muted}">{escape(words)}</text>\n'
    )


def _frame(scale: Scale, rows: list[tuple[int, Row]], colours: Theme, height: int) -> str:
    """Grid, ticks, and the first stage's accuracy through all rows."""
    bottom = height - BOTTOM
    parts = []
    for tick in scale.ticks:
        x = _x(scale, tick)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}" stroke="{colours.line}"/>\n')
        parts.append(
            f'<text x="{x:.1f}" y="{bottom + 19}" font-size="12.5" text-anchor="middle" fill="{colours.muted}">'
            f"{tick * 100:.3g}</text>\n"
        )
    if rows:
        x = _x(scale, rows[0][1].accuracy)
        dashes = f'stroke="{colours.faint}" stroke-width="1.25" stroke-dasharray="3 4"'
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}" {dashes}/>\n')
    return "".join(parts)


def _row(number: int, place: int, row: Row, scale: Scale, colours: Theme, has_room: bool) -> str:
    """One stage, called by its words where all stages' words have room, else by its name."""
    colour, shape = colours.stages[place % NUM_COLOURS], SHAPES[place % len(SHAPES)]
    y = TOP + ROW * number + 18
    low, middle, high = (_x(scale, value) for value in (row.low, row.accuracy, row.high))
    mark = f'<path d="{shape}" fill="{colour}" stroke="{colours.paper}" stroke-width="1.6" paint-order="stroke"'
    seeds = "".join(
        f'<circle cx="{_x(scale, one):.1f}" cy="{y + 15}" r="2.6" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        for one in (row.seeds if len(row.seeds) > 1 else ())
    )
    band = f'x1="{low:.1f}" x2="{high:.1f}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="8" stroke-opacity="0.3"'
    name = _short(row.words if has_room else row.stage, LONGEST)
    interval = f"{row.low * 100:.1f} to {row.high * 100:.1f}"
    muted = f'font-size="13" text-anchor="end" fill="{colours.muted}"'
    return (
        f'{mark} transform="translate(8 {y})"/><text x="24" y="{y + 5}" font-size="14.5">{escape(name)}</text>\n'
        f'<line {band} stroke-linecap="round"/>{seeds}{mark} transform="translate({middle:.1f} {y})"/>\n'
        f'<text x="{RIGHT + 26}" y="{y + 5}" font-weight="640">{percent(row.accuracy)}</text>'
        f'<text x="{WIDTH}" y="{y + 5}" {muted}>{interval}</text>\n'
    )


def _short(text: str, most: int) -> str:
    """At most so many characters, all of which XML can hold."""
    text = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
