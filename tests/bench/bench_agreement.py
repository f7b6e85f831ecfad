"""How fast is it known who agrees? The filter of the list of problems, and the agreement of one large problem.

    python -m tests.bench.bench_agreement          → build/bench/agreement.json

10,000 problems with a trace in each of six formats: the first filter works out what is not known, later ones read an
index; then with one new trace. And the agreement of one problem of 500 traces, worked out and from memory.
"""

import json
import random
import tempfile
import time
from pathlib import Path

from reasoner.checks.answers import judge
from reasoner.formats import FORMATS
from reasoner.records import Maker, Problem, Step, Trace, make_problem, make_trace
from reasoner.review.agreement import _agreement, agreement
from reasoner.store import Store

NUM_PROBLEMS = 10_000
NUM_TRACES = 500
OUT = Path("build/bench/agreement.json")


def said(problem: Problem, format: str, answer: str, number: int = 0) -> Trace:
    return make_trace(
        problem,
        prompt="",
        text=f"{number} {answer}",
        steps=(Step(f"{number} {answer}", outcome=f"answer = {answer}"),),
        answer=answer,
        verdict=judge(problem.answer, answer),
        maker=Maker("local", "solver", seed=number),
        format=format,
    )


def milliseconds(start: float) -> float:
    return (time.perf_counter() - start) * 1000


def filters() -> dict[str, float]:
    """Milliseconds of the filter by agreement, first and later."""
    rng = random.Random(1)
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "store.sqlite") as store:
        problems = [
            make_problem(f"How many coins has Ana on day {i}?", str(i % 97), "made up") for i in range(NUM_PROBLEMS)
        ]
        store.add_problems(problems)
        store.add_traces(
            said(problem, name, rng.choice([problem.answer or ""] * 12 + ["1", "2", "3"]))
            for problem in problems
            for name in FORMATS
        )
        found: dict[str, float] = {}
        for name in ("first filter, all to be worked out", "later filter"):
            start = time.perf_counter()
            store.find_problems(agreement="disagree")
            found[name] = milliseconds(start)
        start = time.perf_counter()
        found["problems that disagree"] = store.count_problems(agreement="disagree")
        found["count"] = milliseconds(start)
        store.add_traces([said(problems[0], "cot", "9", 1)])
        start = time.perf_counter()
        store.find_problems(agreement="agree")
        found["filter after one new trace"] = milliseconds(start)
        start = time.perf_counter()
        store.gold.unreviewed(list(FORMATS), 2)
        found["candidates for the gold queue"] = milliseconds(start)
    return found


def one_problem() -> dict[str, float]:
    """Milliseconds of the agreement of 500 traces with 40 different answers."""
    problem = make_problem("How many?", "7", "made up")
    names = list(FORMATS)
    traces = [said(problem, names[i % len(names)], str(i % 40), i) for i in range(NUM_TRACES)]
    _agreement.cache_clear()
    start = time.perf_counter()
    agreement(problem, traces)
    worked_out = milliseconds(start)
    start = time.perf_counter()
    agreement(problem, traces)
    return {"500 traces, worked out": worked_out, "500 traces, from memory": milliseconds(start)}


def main() -> None:
    measured = {**filters(), **one_problem()}
    for name, value in measured.items():
        print(f"{name:38}{value:10.2f}" + ("" if name.startswith("problems") else " ms"))
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(measured, indent=1) + "\n")


if __name__ == "__main__":
    main()
