"""A recipe's report as a record, and as JSON: nothing in it is drawn yet.

RecipeReport(title="Self-Explore", settings={…}, versions={…}, counts=(StageCount("sample", …), …), rows=(Row(…), …))
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from training.recipes.estimates import seeds_in_words
from training.recipes.rows import Against, Row
from training.recipes.stages import Done
from training.value_report import Estimate

CURVED = ("pass_at", "maj_at")


@dataclass(frozen=True, slots=True)
class StageCount:
    """What one stage of the line made of its rows."""

    stage: str  # its folder: "seed-0/sample"
    words: str
    rows_in: int
    rows_out: int
    dropped: dict[str, int] = field(default_factory=dict)  # reason → rows
    facts: dict[str, Any] = field(default_factory=dict)  # what else there is to say, in its own words


@dataclass(frozen=True)
class RecipeReport:
    """All that a recipe found."""

    title: str
    rows: tuple[Row, ...]  # in the order in which the stages build on each other
    notes: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    counts: tuple[StageCount, ...] = ()

    @property
    def order(self) -> tuple[str, ...]:
        """The stages' names, as the rows stand."""
        return tuple(row.stage for row in self.rows)

    @property
    def num_seeds(self) -> int:
        """The fewest that any trained stage has: rows of one seed stand for what no seed has touched, if others do."""
        several = [len(row.seeds) for row in self.rows if len(row.seeds) > 1]
        return min(several) if several else 1

    def sentence(self) -> str:
        """The headline in words: "Five stages on 500 held-out problems, three seeds: base 66.0 %, …, dpo 71.3 %"."""
        if not self.rows:
            return "No stage was measured."
        first, last = self.rows[0], self.rows[-1]
        size = (
            f"{last.problems:,} held-out problem{'' if last.problems == 1 else 's'}, {seeds_in_words(self.num_seeds)}"
        )
        if len(self.rows) == 1:
            return f"{first.words}: {_rate(first)} of {size}."
        said = f"From {first.words} ({_rate(first)}) to {last.words} ({_rate(last)}) on {size}"
        if not (found := last.against.get(first.stage)):
            return said + "."
        return f"{said}: {points(found.delta)} points (95 % interval {points(found.low)} to {points(found.high)})."

    def to_json(self) -> dict[str, Any]:
        """What report.json holds."""
        return {
            "title": self.title,
            "settings": dict(self.settings),
            "versions": dict(self.versions),
            "counts": [asdict(count) for count in self.counts],
            "rows": [_row_json(row) for row in self.rows],
            "order": list(self.order),
            "notes": list(self.notes),
        }


def told(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Of a stage's facts those that a person reads."""
    return {name: value for name, value in facts.items() if name != "solver" and isinstance(value, str | int | float)}


def shown(value: str | int | float) -> str:
    """A fact's value for a person: "1,234", "0.6931", or its words."""
    return f"{value:.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else value


def report_of(raw: Mapping[str, Any]) -> RecipeReport:
    """The report that report.json holds. Raises KeyError, TypeError, ValueError or AttributeError for anything else."""
    rows = {row.stage: row for row in map(_row, raw["rows"])}
    return RecipeReport(
        title=str(raw["title"]),
        rows=tuple(rows[stage] for stage in raw["order"]),
        notes=tuple(str(note) for note in raw["notes"]),
        settings=dict(raw["settings"]),
        versions=dict(raw["versions"]),
        counts=tuple(StageCount(**count) for count in raw["counts"]),
    )


def counts_of(stages: Iterable[Done | StageCount | Mapping[str, Any]]) -> tuple[StageCount, ...]:
    """Stages that are done, as they stand in a report."""
    return tuple(_count(stage) for stage in stages)


def points(share: float) -> str:
    """ "+4.2", of a difference of two shares; a minus is a minus sign."""
    shown = f"{share * 100:+.1f}"
    return "0.0" if shown in ("+0.0", "-0.0") else shown.replace("-", "−")


def _rate(row: Row) -> str:
    return f"{row.accuracy:.1%}".replace("%", " %") if row.unjudged < row.problems else "not judged"


def _count(stage: Done | StageCount | Mapping[str, Any]) -> StageCount:
    if isinstance(stage, StageCount):
        return stage
    if isinstance(stage, Done):
        tally = stage.tally
        return StageCount(
            stage.name, stage.words, tally.rows_in, tally.rows_out, dict(tally.dropped), told(tally.facts)
        )
    return StageCount(**stage)


def _row_json(row: Row) -> dict[str, Any]:
    raw = {item.name: getattr(row, item.name) for item in fields(Row) if item.name != "measured"}
    for name in CURVED:
        raw[name] = {str(k): [one.value, one.low, one.high] for k, one in raw[name].items()}
    return raw | {"against": {stage: asdict(one) for stage, one in row.against.items()}}


def _row(raw: dict[str, Any]) -> Row:
    known = {item.name for item in fields(Row)} - {"measured"}
    row = Row(**{name: value for name, value in raw.items() if name in known})
    against = {stage: _against(one) for stage, one in raw["against"].items()}
    rates: dict[str, Any] = {
        name: {int(k): Estimate(*map(float, value)) for k, value in getattr(row, name).items()} for name in CURVED
    }
    return replace(
        row,
        accuracy=float(row.accuracy),
        seeds=tuple(map(float, row.seeds)),
        seed_intervals=tuple((float(low), float(high)) for low, high in row.seed_intervals),
        against=against,
        curves=tuple(row.curves),
        **rates,
    )


def _against(raw: dict[str, Any]) -> Against:
    lists: dict[str, Any] = {name: tuple(raw.pop(name, ())) for name in ("fixed", "broken", "mcnemar")}
    return Against(**raw, **lists)
