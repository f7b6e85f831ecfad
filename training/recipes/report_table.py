"""A report's rows as a table: Markdown that reads well on a console, too.

| stage | accuracy (95 % interval) | each seed | against the stage before | p | sampled | pass@8 | maj@8 | distinct | …
"""

from collections.abc import Iterable, Sequence

from training.recipes.estimates import seeds_in_words
from training.recipes.record import RecipeReport, points
from training.recipes.rows import Row
from training.value_report import Estimate

ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def markdown(report: RecipeReport) -> str:
    """Title, headline, table and notes."""
    notes = "".join(f"- {_plain(note)}\n" for note in [*caveats(report), *report.notes])
    return f"# {_plain(report.title)}\n\n{_plain(report.sentence())}\n\n{_markdown_table(cells(report))}\n{notes}"


def cells(report: RecipeReport) -> list[list[str]]:
    """The table's head and one line a stage, columns that no stage fills left out. Texts are not escaped."""
    head = ["stage", "accuracy (95 % interval)", "each seed", "against the stage before", "p", "sampled"]
    num = max((row.num_samples for row in report.rows), default=0)
    head += [f"pass@{num}", f"maj@{num}", "distinct", "tokens", "pairs", "updates", "margin", "rewards right", "time"]
    lines = [_line(row, before, num) for row, before in zip(report.rows, [None, *report.rows], strict=False)]
    used = [column for column in range(len(head)) if any(line[column] for line in lines)]
    return [[line[column] or "–" for column in used] for line in ([*head], *lines)] if lines else []


def caveats(report: RecipeReport) -> list[str]:
    """What the figures do not say, in words."""
    if not report.rows:
        return []
    if report.num_seeds == 1:
        said = ["One seed: the intervals speak of other problems, not of another training run."]
    else:
        said = [
            f"{seeds_in_words(report.num_seeds).capitalize()}: the intervals speak of other problems and other seeds, "
            "but so few seeds tell their own spread only roughly."
        ]
    if len(report.rows) > 2:
        said.append("Many pairs of stages can be compared here, and no p-value is corrected for that.")
    if unjudged := max(row.unjudged for row in report.rows):
        said.append(f"Up to {unjudged} problems of a stage could not be judged; they are left out, not counted wrong.")
    if any(row.maj_at for row in report.rows):
        said.append("maj@k: a tie decides nothing and is not right.")
    return said


def _line(row: Row, before: Row | None, num: int) -> list[str]:
    against = row.against.get(before.stage) if before else None
    change = f"{points(against.delta)} ({points(against.low)} to {points(against.high)})" if against else ""
    is_judged = row.unjudged < row.problems
    return [
        row.words,
        f"{percent(row.accuracy)} ({percent(row.low)}–{percent(row.high)})" if is_judged else "not judged",
        " · ".join(percent(one) for one in row.seeds),
        change,
        f"{against.p:.2g}" if against else "",
        "" if row.sampled is None else percent(row.sampled),
        _shown(row.pass_at.get(num)),
        _shown(row.maj_at.get(num)),
        "" if row.diversity is None else percent(row.diversity),
        *(number(value) for value in (row.tokens, row.pairs, row.updates)),
        "" if row.margin is None else f"{row.margin:.2f}",
        "" if row.reward_accuracy is None else percent(row.reward_accuracy),
        "" if row.seconds is None else duration(row.seconds),
    ]


def percent(share: float) -> str:
    """ "71.3" of 0.713: the columns' heads and titles say that it is per cent."""
    return f"{share * 100:.1f} %"


def number(value: float | None) -> str:
    """ "1,204"; "" for None."""
    return "" if value is None else f"{value:,.0f}"


def duration(seconds: float) -> str:
    """ "45 s", "12 min", "3.4 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _shown(one: Estimate | None) -> str:
    return percent(one.value) if one else ""


def _markdown_table(lines: Sequence[Sequence[str]]) -> str:
    if not lines:
        return ""
    lines = [[_plain(cell) for cell in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "".join(_row(line, widths) for line in (lines[0], rule, *lines[1:]))


def _row(cells: Iterable[str], widths: Sequence[int]) -> str:
    padded = [
        cell.ljust(width) if place == 0 else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "| " + " | ".join(padded) + " |\n"


def _plain(text: str) -> str:
    """Text that is text in Markdown, too: one line, no mark-up of its own."""
    text = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return "".join(ENTITIES.get(one) or (f"\\{one}" if one in "\\`*_[]|#" else one) for one in text)
