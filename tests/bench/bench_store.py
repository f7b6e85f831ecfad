"""How fast files come in, and how fast the list of problems answers.

    python -m tests.bench.bench_store [FILE]          → build/bench/store.json

FILE is a GSM8K file such as train.jsonl (7,473 problems); without it as many made-up rows of that shape are written
first. Imports are the best of three; the list is asked 50 times at 10,000 problems with two traces each (medians).
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from reasoner.interchange import import_file
from reasoner.records import Label, Maker, Step, Trace, Verdict, make_problem, make_trace
from reasoner.store import Store

NUM_ROWS = 7_473
NUM_PROBLEMS = 10_000
ROUNDS = 3
OUT = Path("build/bench/store.json")


def made_up_file(folder: Path) -> Path:
    """A file in GSM8K's shape: three steps a solution, about as long as the real ones."""
    rows = []
    for i in range(NUM_ROWS):
        question = (
            f"On day {i} Ana sold {i} clips to her friends in April, and then she sold half as many clips in May. "
        )
        steps = [f"Ana sold {i}+{n} = <<{i}+{n}={i + n}>>{i + n} clips in week {n}." for n in range(3)]
        rows.append({"question": question + "How many in all?", "answer": "\n".join([*steps, f"#### {i + 2}"])})
    path = folder / "made-up.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def import_seconds(path: Path) -> tuple[int, float, float]:
    """(rows, best seconds by the clock, best seconds of this process) of an import into an empty store."""
    clock, processor, kept = [], [], 0
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "store.sqlite") as store:
            start = time.perf_counter(), time.process_time()
            kept = import_file(store, path).kept
            clock.append(time.perf_counter() - start[0])
            processor.append(time.process_time() - start[1])
    return kept, min(clock), min(processor)


def fill(store: Store) -> list[Trace]:
    """10,000 problems, a right and a wrong trace each."""
    problems = [
        make_problem(
            f"Ana counts {i} coins before lunch, Ben twice as many, Cal three. How many?", str(i), f"set {i % 3}"
        )
        for i in range(NUM_PROBLEMS)
    ]
    traces = [
        make_trace(
            problem,
            prompt=problem.question + "\n",
            text="a\nb",
            steps=(Step(f"first step {status}"), Step("the answer is 1")),
            answer="1",
            verdict=Verdict(status),
            maker=Maker("local", "solver"),
            format="cot",
        )
        for problem in problems
        for status in ("right", "wrong")
    ]
    store.add_problems(problems)
    store.add_traces(traces)
    return traces


def milliseconds(work: Callable[[], object], times: int = 50) -> float:
    """The median of so many calls."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken) * 1000


def list_milliseconds() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "store.sqlite") as store:
        unlabelled = iter(fill(store))
        return {
            "first page": milliseconds(store.find_problems),
            "last page": milliseconds(lambda: store.find_problems(offset=NUM_PROBLEMS - 50)),
            "search, one hit": milliseconds(lambda: store.find_problems("9999 coins")),
            "search, no hit": milliseconds(lambda: store.find_problems("zebra")),
            "search and count": milliseconds(lambda: store.count_problems("lunch")),
            "wrong, of one source": milliseconds(lambda: store.find_problems(source="set 2", verdict="wrong")),
            "next unlabelled": milliseconds(lambda: store.next_unlabelled("ada", verdict="wrong")),
            "save a label": milliseconds(
                lambda: store.add_label(Label.of(next(unlabelled), kind="all_right", annotator="ada"))
            ),
        }


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(sys.argv[1]) if len(sys.argv) > 1 else made_up_file(Path(folder))
        rows, clock, processor = import_seconds(path)
    print(
        f"import of {path.name}: {rows:,} rows in {clock:.2f} s ({rows / clock:,.0f} rows/s; {processor:.2f} s of CPU)"
    )
    found = list_milliseconds()
    for name, value in found.items():
        print(f"{name:24}{value:8.2f} ms")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    measured = {"import": {"rows": rows, "seconds": clock, "cpu_seconds": processor}, "milliseconds": found}
    OUT.write_text(json.dumps(measured, indent=1) + "\n")


if __name__ == "__main__":
    main()
