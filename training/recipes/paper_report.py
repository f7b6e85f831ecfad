"""The report of a recipe whose rows are measured already, and its own figures beside it.

report(line, "Kwai-STaR", {"sft": {0: measured}, …}, Story(notes=["…"], figures={"…": {…}}))
DIR/report.json, report.html, table.md      rows, intervals, comparisons, counts, notes (report.py)
DIR/figures.json                            what this recipe measures and others do not
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reasoner.whole_file import write_json
from training.recipes.begin import settings_in, stopped_early
from training.recipes.measured import Measured
from training.recipes.report import write_recipe_report
from training.recipes.rows import facts_of, row_of
from training.recipes.stages import Line

FIGURES = "figures.json"


@dataclass
class Story:
    """What a report says beside its rows."""

    notes: list[str] = field(default_factory=list)  # a sentence each
    figures: dict[str, Any] = field(default_factory=dict)  # JSON values
    words: dict[str, str] = field(default_factory=dict)  # row → what it is, for a person
    trained: dict[str, list[str]] = field(default_factory=dict)  # row → the stages that trained it, one a seed


def report(line: Line, title: str, measured: Mapping[str, Mapping[int, Measured]], story: Story) -> Path:
    """Write it; report.json. Raises RunError when it cannot be written."""
    rows = []
    for name, by_seed in measured.items():
        facts = facts_of([line.done[stage] for stage in story.trained.get(name, [])])
        rows.append(row_of(name, by_seed, facts, story.words.get(name, name)))
    write_json(story.figures, line.folder / FIGURES)
    notes = [*story.notes, *stopped_early(line)]
    return write_recipe_report(
        line.folder, title, rows, notes, settings=settings_in(line), counts=list(line.done.values())
    )
