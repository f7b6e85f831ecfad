"""A report as one page: no network, no script, light and dark, wide and narrow; every picture has its table below it.

All text of the report is escaped; the page's policy forbids loading and running anything all the same.
"""

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from training.recipes.estimates import seeds_in_words
from training.recipes.record import RecipeReport, points, shown
from training.recipes.report_charts import samples, training
from training.recipes.report_figures import accuracies, differences, errors, stage_line
from training.recipes.report_table import caveats, cells, percent

STYLE = Path(__file__).resolve().parents[2] / "assets" / "recipe_report.css"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def page(report: RecipeReport) -> str:
    """The whole file."""
    title = escape(report.title)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{title}</title>\n<style>\n{STYLE.read_text(encoding='utf-8')}</style>\n</head>\n<body>\n<main>\n"
        f"<header><h1>{title}</h1><p>{escape(report.sentence())}</p>{_facts(report)}</header>\n"
        f"{''.join(_sections(report))}</main>\n</body>\n</html>\n"
    )


def _facts(report: RecipeReport) -> str:
    if not report.rows:
        return ""
    num = max(row.num_samples for row in report.rows)
    facts = [f"{len(report.rows)} stages", f"{report.rows[-1].problems:,} held-out problems"]
    facts += [seeds_in_words(report.num_seeds)] + ([f"{num} samples a problem"] if num else [])
    return f'<ul class="facts">{"".join(f"<li>{fact}</li>" for fact in facts)}</ul>'


def _sections(report: RecipeReport) -> list[str]:
    judges = sorted({row.errors_by for row in report.rows if row.errors_by})
    by = {"oracle": "told by the step oracle", "machine": "proposed by the checks"}
    judged = ", ".join(
        by.get(judge, "told by the step oracle where it can, else proposed by the checks") for judge in judges
    )
    dots = "Per cent of held-out problems solved greedily, with 95 % intervals. "
    dots += "Small dots are seeds. " if report.num_seeds > 1 else ""
    found = [
        _section("Accuracy", dots + "The dashed line is the first stage.", accuracies(report), _table(cells(report))),
        _section(
            "Against the stage before",
            "Points of accuracy, paired over the same problems, with 95 % intervals. Hollow: the interval has 0 in it.",
            differences(report),
            _pairs(report),
            "All pairs of stages",
        ),
        _section(
            "Several samples", "Per cent of problems, by the number of samples.", samples(report), _samples(report)
        ),
        _section(
            "What goes wrong",
            f"Per cent of problems not solved, by the class of the first error, {judged}.",
            errors(report),
            _errors(report),
        ),
        _section(
            "From rows to pairs",
            "What each stage was given and what it kept.",
            stage_line(report),
            _counts(report),
            "Every seed",
        ),
        _section("Training", "Each line is a seed.", training(report), ""),
    ]
    notes = "".join(f"<li>{escape(note)}</li>" for note in [*caveats(report), *report.notes])
    found.append(f'<section><h2>How to read this</h2><ul class="notes">{notes}</ul></section>' if notes else "")
    return [*found, _settings("Settings", report.settings), _settings("Versions", report.versions)]


def _section(name: str, words: str, picture: str, table: str, summary: str = "As a table") -> str:
    """A picture with what it shows and its table folded below; nothing without a picture."""
    if not picture:
        return ""
    folded = f"<details><summary>{summary}</summary>{table}</details>" if table else ""
    return f'<section><h2>{name}</h2><p class="about">{words}</p>{picture}{folded}</section>\n'


def _table(lines: Sequence[Sequence[str]], has_two_names: bool = False) -> str:
    """The first line is the head, the first cell of a line its name, as is the second where there are two."""
    if len(lines) < 2:
        return ""
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in lines[0])
    body = "".join(
        f'<tr><th scope="row">{escape(line[0])}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in line[1:])}</tr>'
        for line in lines[1:]
    )
    name = ' class="two"' if has_two_names else ""
    table = f"<table{name}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="scroll" tabindex="0" role="region" aria-label="table">{table}</div>'


def _pairs(report: RecipeReport) -> str:
    """Every stage against every one before it."""
    words = {row.stage: row.words for row in report.rows}
    lines = [
        [
            "stage",
            "minus",
            "points",
            "95 % interval",
            "p",
            "fixed, each seed",
            "broken, each seed",
            "McNemar's p, each seed",
        ]
    ]
    for row in report.rows:
        for stage, one in row.against.items():
            interval = f"{points(one.low)} to {points(one.high)}"
            seeds = [" · ".join(map(str, one.fixed)), " · ".join(map(str, one.broken))]
            tests = " · ".join(f"{p:.2g}" for p in one.mcnemar)
            lines.append(
                [row.words, words.get(stage, stage), points(one.delta), interval, f"{one.p:.2g}", *seeds, tests]
            )
    return _table(lines, has_two_names=True)


def _samples(report: RecipeReport) -> str:
    names = [
        (name, k)
        for name in ("pass_at", "maj_at")
        for k in sorted({k for row in report.rows for k in getattr(row, name)})
    ]
    lines = [
        ["stage", *(f"{name.removesuffix('_at')}@{k}" for name, k in names), "different texts", "different answers"]
    ]
    for row in report.rows:
        shown = [getattr(row, name).get(k) for name, k in names]
        estimates = [
            f"{one.value * 100:.1f} ({one.low * 100:.1f}–{one.high * 100:.1f})" if one else "–" for one in shown
        ]
        shares = ["–" if share is None else percent(share) for share in (row.diversity, row.answer_diversity)]
        lines.append([row.words, *estimates, *shares])
    return _table(lines)


def _errors(report: RecipeReport) -> str:
    names = list(dict.fromkeys(name for row in report.rows for name in row.error_classes))
    rows = [row for row in report.rows if row.error_classes]
    return _table(
        [
            ["stage", *names],
            *([row.words, *(percent(row.error_classes.get(name, 0.0)) for name in names)] for row in rows),
        ]
    )


def _counts(report: RecipeReport) -> str:
    lines = [["stage", "what it does", "rows in", "rows out", "dropped", "told besides"]]
    for count in report.counts:
        why = ", ".join(f"{rows:,} {reason}" for reason, rows in count.dropped.items())
        besides = ", ".join(f"{_said(value)} {name}" for name, value in count.facts.items())
        lines.append(
            [count.stage, count.words, f"{count.rows_in:,}", f"{count.rows_out:,}", why or "–", besides or "–"]
        )
    return _table(lines, has_two_names=True)


def _said(value: str | int | float) -> str:
    return f"“{value}”" if isinstance(value, str) else shown(value)


def _settings(name: str, values: Mapping[str, Any]) -> str:
    if not values:
        return ""
    rows = "".join(
        f"<dt>{escape(str(key).replace('_', ' '))}</dt>"
        f"<dd>{escape(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))}</dd>"
        for key, value in values.items()
    )
    return f'<section class="end"><details><summary>{name}</summary><dl>{rows}</dl></details></section>\n'
