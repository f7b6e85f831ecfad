"""What choosing among samples brought, as one record and its file.

RerankReport(num_problems=300, num_samples=16, rows=(RerankRow(k=1, …), …, RerankRow(k=16, …)), fixed=9, broken=4, …)
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from reasoner.errors import RunError
from reasoner.whole_file import write_json
from training.value_report import Estimate


@dataclass(frozen=True, slots=True)
class RerankRow:
    """All ways of choosing among k samples: shares of problems solved, 0-1."""

    k: int
    passed: Estimate  # any of k is right
    majority: Estimate
    best: Estimate  # of highest value: OVM@k
    weighted: Estimate  # majority, each vote weighing its value
    likelihood: Estimate  # of highest likelihood by the solver itself
    best_gain: Estimate  # best minus majority, paired
    weighted_gain: Estimate  # weighted minus majority, paired


@dataclass(frozen=True, slots=True)
class RerankReport:
    """A value model as a chooser, on problems it was not trained on."""

    model: str
    value: str  # the value model's name
    level: str  # of generated problems; empty for a store's
    format: str
    seed: int
    num_problems: int
    num_samples: int  # a problem
    num_unanswered: int  # samples without an answer, over all problems
    rows: tuple[RerankRow, ...]
    fixed: int  # problems that the best by value solves and the majority does not, at the largest k (ties: more)
    broken: int
    p_value: float  # McNemar, exact, two-sided
    dropped: dict[str, int]
    seconds: float = 0.0

    def sentence(self) -> str:
        """The headline in words."""
        row = self.rows[-1]
        gain, weighted = row.best_gain, row.weighted_gain
        return (
            f"Of {row.k} samples on {self.num_problems} problems, the majority is right on {row.majority.value:.1%}, "
            f"the best by value on {row.best.value:.1%} ({_points(gain)}), the majority weighted by value on "
            f"{row.weighted.value:.1%} ({_points(weighted)}); {row.passed.value:.1%} have a right one among them"
        )

    def lines(self) -> Iterator[str]:
        """The table as text."""
        yield f"{'k':>4}{'pass@k':>22}{'majority':>22}{'best by value':>22}{'weighted':>22}{'best by likelihood':>22}"
        for row in self.rows:
            shown = (row.passed, row.majority, row.best, row.weighted, row.likelihood)
            yield f"{row.k:>4}" + "".join(f"{_share(one):>22}" for one in shown)
        yield (
            f"best by value against majority: {self.fixed} fixed, {self.broken} broken, "
            f"exact McNemar p = {self.p_value:.2g}"
        )


def _share(one: Estimate) -> str:
    return f"{one.value:.1%} ({one.low:.1%}–{one.high:.1%})"


def _points(one: Estimate) -> str:
    return f"{one.value * 100:+.1f} points, {one.low * 100:+.1f} to {one.high * 100:+.1f}"


def write_rerank_report(report: RerankReport, path: Path) -> None:
    """Write in one piece: a reader sees the whole report or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(asdict(report), path)


def read_rerank_report(path: Path) -> RerankReport:
    """The report written at `path`. Raises RunError when it is missing or not one of ours."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return RerankReport(**(raw | {"rows": tuple(_row(one) for one in raw["rows"])}))
    except FileNotFoundError:
        raise RunError(f"No report at {path}: compare with `python -m training rerank` first.") from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise RunError(f"The report at {path} cannot be read ({error}). Compare again.") from error


def _row(raw: dict[str, Any]) -> RerankRow:
    names = [item.name for item in fields(RerankRow) if item.name != "k"]
    return RerankRow(k=raw["k"], **{name: Estimate(**raw[name]) for name in names})
