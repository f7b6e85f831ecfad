"""How well are error classes proposed by machine? Against the step oracle, which knows how each problem was made.

    python -m tests.bench.bench_error_classes          → build/bench/error_classes.json

The wrong solutions of the built-in problems (assets/problems.jsonl.gz). Two tables, the oracle's class down, the
proposed one across: with the oracle's first wrong step given, and with the step left to the machine. The questions are
in the wordings that reasoner/review/readings.py was written with; on other texts more ends as "could not tell".
"""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

from reasoner.intervals import wilson
from reasoner.records import Maker, Problem, Step, Trace, Verdict
from reasoner.review.error_classes import CLASSES, COULD_NOT_TELL, propose
from training.oracle import error_class, first_wrong_step

PROBLEMS = Path(__file__).parents[2] / "assets" / "problems.jsonl.gz"
OUT = Path("build/bench/error_classes.json")


def wrong_traces() -> list[tuple[Problem, Trace]]:
    """Every wrong solution that ships, with its problem."""
    found = []
    with gzip.open(PROBLEMS, "rt", encoding="utf-8") as file:
        for row in map(json.loads, file):
            problem = Problem(**row["problem"])
            found += [(problem, trace) for trace in map(_trace, row["traces"]) if trace.verdict.status == "wrong"]
    return found


def _trace(row: dict[str, Any]) -> Trace:
    steps = tuple(Step(**step) for step in row["steps"])
    return Trace(**{**row, "steps": steps, "verdict": Verdict(**row["verdict"]), "maker": Maker(**row["maker"])})


def confusion(rows: list[tuple[Problem, Trace]], is_step_given: bool) -> dict[str, dict[str, int]]:
    """Oracle's class → proposed class → how many."""
    cells: Counter[tuple[str, str]] = Counter()
    for problem, trace in rows:
        texts = [step.text for step in trace.steps]
        step = first_wrong_step(problem, texts)
        if step is None:
            continue
        found = propose(trace, problem, step if is_step_given else None)
        cells[error_class(problem, texts), found.error_class or COULD_NOT_TELL] += 1
    return {truth: {said: cells[truth, said] for said in CLASSES} for truth in CLASSES[:-1]}


def main() -> None:
    rows = wrong_traces()
    measured = {}
    for name, is_given in (("step given", True), ("step not given", False)):
        table = confusion(rows, is_given)
        right = sum(table[truth][truth] for truth in table)
        told = sum(number for row in table.values() for said, number in row.items() if said != COULD_NOT_TELL)
        total = sum(number for row in table.values() for number in row.values())
        rate, precision = wilson(right, total), wilson(right, told)
        print(f"{name}: {right} of {total} right, {rate.rate:.1%} [{rate.low:.1%}, {rate.high:.1%}]; ", end="")
        print(f"where it tells, {precision.rate:.1%} of {told}")
        for truth, row in table.items():
            print(f"  {truth:18}" + "".join(f"{said}: {number:<6}" for said, number in row.items()))
        measured[name] = {"table": table, "right": right, "told": told, "total": total}
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(measured, indent=1) + "\n")


if __name__ == "__main__":
    main()
