"""One problem solved by both models: what Compare draws side by side. Written beside the report, one problem a line.

Comparison(problem, before=(trace,), after=(trace,))
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from reasoner.errors import RunError
from reasoner.records import Maker, Problem, Step, Trace, Verdict


@dataclass(frozen=True, slots=True)
class Comparison:
    """The traces of one problem from the model before a run and from the model after it."""

    problem: Problem
    before: tuple[Trace, ...]  # the first one solves from the question; others go on from a pit's prefix
    after: tuple[Trace, ...]


def write_comparisons(comparisons: Iterable[Comparison], path: Path) -> None:
    """One comparison a line."""
    lines = (json.dumps(asdict(comparison), ensure_ascii=False) + "\n" for comparison in comparisons)
    path.write_text("".join(lines), encoding="utf-8")


def read_comparisons(path: Path) -> dict[str, Comparison]:
    """Problem id → comparison. Raises RunError when the file is missing or not one of ours."""
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
        found = [Comparison(Problem(**row["problem"]), _traces(row["before"]), _traces(row["after"])) for row in rows]
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise RunError(f"The traces at {path} cannot be read ({error}): evaluate the run again.") from error
    return {comparison.problem.id: comparison for comparison in found}


def _traces(rows: list[dict[str, Any]]) -> tuple[Trace, ...]:
    return tuple(
        Trace(
            **row
            | {
                "steps": tuple(Step(**step) for step in row["steps"]),
                "verdict": Verdict(**row["verdict"]),
                "maker": Maker(**row["maker"]),
            }
        )
        for row in rows
    )
