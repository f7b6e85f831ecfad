"""What an evaluation found: the same held-out problems solved before and after a run. Written as report.json.

Report(model="solver", adapter="2026-11-20-0912-ab12", level="default", seed=7, …,
       before=Interval(0.66, 0.62, 0.70, 330, 500), after=Interval(0.70, …), fixed=("9f…", …), broken=(…),
       difference=Difference(0.04, 0.01, 0.07), p_value=0.012, levels=(…), pits=(PitCheck(…), …))
"""

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from reasoner.errors import RunError
from reasoner.records import Interval
from reasoner.whole_file import write_json


@dataclass(frozen=True, slots=True)
class Difference:
    """After's rate minus before's, paired, with its 95 % interval."""

    delta: float  # -1 … 1
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class LevelRow:
    """Before and after on the problems of one level of difficulty."""

    level: str
    before: Interval
    after: Interval


@dataclass(frozen=True, slots=True)
class PitCheck:
    """One pit that was trained on, met again: what each model writes greedily right before it."""

    pair_id: str
    problem_id: str
    step: int  # 0-based step of the pit
    rejected: str  # the pit as it was written
    before: str  # the next step the model wrote before training
    after: str  # … and after
    is_gone: bool  # after's next step is not the pit
    is_recovered: bool  # after's whole continuation reached the gold answer
    was_recovered: bool  # before's did


@dataclass(frozen=True, slots=True)
class ErrorClassRow:
    """How many solutions that are not right have their first error in one class."""

    by: str  # "oracle": the step oracle, generated problems only; "machine": proposed by the checks
    error_class: str  # one of reasoner.review.error_classes.CLASSES
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Report:
    """A paired before/after evaluation. Problem ids stand for the problems; their traces lie beside the report."""

    model: str
    adapter: str
    level: str  # of the held-out problems; empty for a handmade list
    seed: int
    num_problems: int  # judged on both sides
    num_unjudged: int  # left out: an answer on either side could not be judged
    before: Interval
    after: Interval
    difference: Difference
    p_value: float  # McNemar, exact, two-sided
    both_right: tuple[str, ...]
    fixed: tuple[str, ...]
    broken: tuple[str, ...]
    both_wrong: tuple[str, ...]
    levels: tuple[LevelRow, ...] = ()
    pits: tuple[PitCheck, ...] = ()
    error_classes: tuple[ErrorClassRow, ...] = ()
    seconds: float = 0.0
    notes: tuple[str, ...] = field(default=())

    def sentence(self) -> str:
        """The headline in words: "66.0 % → 70.0 % of 500 held-out problems (+4.0 points, 95 % interval …)"."""
        if not self.num_problems:
            return "No held-out problem was judged."
        diff = self.difference
        return (
            f"{self.before.rate:.1%} → {self.after.rate:.1%} of {self.num_problems} held-out problems: "
            f"{diff.delta * 100:+.1f} points (95 % interval {diff.low * 100:+.1f} to {diff.high * 100:+.1f}), "
            f"{len(self.fixed)} fixed, {len(self.broken)} broken, exact McNemar p = {self.p_value:.2g}"
        )

    def pits_sentence(self) -> str:
        """How the pits that were trained on fare: "171 of 200 pits are gone, 160 of them recover (before: 96)"."""
        if not self.pits:
            return ""
        num = len(self.pits)
        gone, recovered, did = (
            sum(getattr(pit, name) for pit in self.pits) for name in ("is_gone", "is_recovered", "was_recovered")
        )
        return (
            f"{gone} of {num} trained pits are gone; {recovered} of {num} now go on to the right answer (before: {did})"
        )

    def errors_sentences(self) -> list[str]:
        """What goes wrong: "First errors by the step oracle, before → after: calculation 12 → 5, …", one a judge."""
        judges = {"oracle": "by the step oracle", "machine": "as the checks propose"}
        sentences = []
        for by, words in judges.items():
            rows = [row for row in self.error_classes if row.by == by]
            counts = ", ".join(f"{row.error_class} {row.before} → {row.after}" for row in rows)
            sentences += [f"First errors {words}, before → after: {counts}"] if rows else []
        return sentences


def write_report(report: Report, path: Path) -> None:
    """Write in one piece: a reader sees the whole report or none."""
    write_json(asdict(report), path)


def read_report(path: Path) -> Report:
    """The report written at `path`. Raises RunError when it is missing or not one of ours."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return _report_of(raw)
    except FileNotFoundError:
        raise RunError(f"No report at {path}: the run has not been evaluated yet.") from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise RunError(f"The report at {path} cannot be read ({error}). Evaluate the run again.") from error


def _report_of(raw: dict[str, Any]) -> Report:
    known = {item.name for item in fields(Report)}
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in raw.items() if name in known
    }
    values |= {
        "before": Interval(**raw["before"]),
        "after": Interval(**raw["after"]),
        "difference": Difference(**raw["difference"]),
        "levels": tuple(
            LevelRow(row["level"], Interval(**row["before"]), Interval(**row["after"])) for row in raw["levels"]
        ),
        "pits": tuple(PitCheck(**row) for row in raw["pits"]),
        "error_classes": tuple(ErrorClassRow(**row) for row in raw.get("error_classes", ())),  # not in older reports
    }
    return Report(**values)
