"""A recipe's report: one row a stage, the rows that entered and left each stage, and the pages made of them.

    rows = [row_of("base", {0: measured}), row_of("dpo", {0: …, 1: …, 2: …}, {"pairs": 498, "events": […]})]
    write_recipe_report(Path("DIR"), "Self-Explore on the built-in solver", rows, counts=line.done.values())

    DIR/report.json     all of it: title, settings, versions, counts, rows, order, notes; accuracies 0-1
    DIR/report.html     one file for a browser, without any network
    DIR/table.md        the rows as a table

    report = read_recipe_report(Path("DIR"))

All three are there whole or not at all: report.json is taken away first and written last.
"""

import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

from reasoner.errors import RunError
from training.recipes.record import RecipeReport, StageCount, counts_of, report_of
from training.recipes.report_page import page
from training.recipes.report_table import markdown
from training.recipes.rows import Against, Row, compare, row_of
from training.recipes.stages import Done

__all__ = [
    "Against",
    "RecipeReport",
    "Row",
    "StageCount",
    "compare",
    "read_recipe_report",
    "row_of",
    "write_recipe_report",
]

FILE = "report.json"
PACKAGES = ("torch", "transformers", "trl", "peft", "datasets", "numpy")


def write_recipe_report(
    folder: Path,
    title: str,
    rows: Sequence[Row],
    notes: Sequence[str] = (),
    *,
    settings: Mapping[str, Any] | None = None,
    versions: Mapping[str, str] | None = None,
    counts: Iterable[Done | StageCount | Mapping[str, Any]] = (),
) -> Path:
    """Compare every row with those before it and write report.json, report.html and table.md; returns report.json.

    settings: JSON values; versions: those of this machine when left out. Raises RunError when it cannot be written,
    ValueError for two rows of one stage.
    """
    if len({row.stage for row in rows}) < len(rows):
        raise ValueError(f"two rows of one stage: {', '.join(row.stage for row in rows)}")
    report = RecipeReport(
        title=title,
        rows=tuple(compared(rows)),
        notes=tuple(notes),
        settings=settings or {},
        versions=installed() if versions is None else versions,
        counts=counts_of(counts),
    )
    return _write(report, folder)


def read_recipe_report(path: Path) -> RecipeReport:
    """The report in a folder, or in its report.json. Raises RunError when it is missing or not one of ours."""
    path = path / FILE if path.is_dir() else path
    try:
        return report_of(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise RunError(f"No report at {path}: the recipe has not come to its end yet. Run it again to go on.") from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        what = f"{type(error).__name__}: {error}"
        raise RunError(f"The report at {path} cannot be read ({what}). Run the recipe again.") from error


def compared(rows: Sequence[Row]) -> list[Row]:
    """Each row with what it is against every row before it."""
    found = []
    for place, row in enumerate(rows):
        against = {other.stage: one for other in rows[:place] if (one := compare(row, other)) is not None}
        found.append(replace(row, against=against))
    return found


def installed() -> dict[str, str]:
    """Versions of Python and of what decides the figures."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _write(report: RecipeReport, folder: Path) -> Path:
    texts = {
        "report.html": page(report),
        "table.md": markdown(report),
        FILE: json.dumps(report.to_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n",
    }
    partial = {name: folder / (name + ".partial") for name in texts}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            partial[name].write_bytes(text.encode("utf-8", "replace"))
        (folder / FILE).unlink(missing_ok=True)
        for name in texts:
            os.replace(partial[name], folder / name)
    except OSError as error:
        for path in partial.values():
            path.unlink(missing_ok=True)
        raise RunError(f"The report cannot be written to {folder} ({error.strerror}): is the disk full?") from error
    return folder / FILE
