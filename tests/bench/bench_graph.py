"""How long a state graph takes from traces to the page's JSON.

    python -m tests.bench.bench_graph          → build/bench/graph.json

Random traces of additions; the seconds are the best of three, since other work on the machine disturbs the clock.
"""

import json
import random
import time
from collections.abc import Callable
from pathlib import Path

from reasoner.figure import figure_json, marks_json
from reasoner.graph import build_graph
from reasoner.records import Maker, Problem, Step, Trace, Verdict, make_problem, make_trace

SIZES = {10: (3, 4), 100: (25, 5), 1_000: (270, 5), 5_000: (750, 9)}  # states, about → traces, steps each
ROUNDS = 3
OUT = Path("build/bench/graph.json")


def random_traces(problem: Problem, num_traces: int, num_steps: int) -> list[Trace]:
    """Traces that share some of their beginnings, half of them wrong."""
    rng = random.Random(num_traces)
    traces = []
    for number in range(num_traces):
        texts = [f"She has {i} + {rng.randint(0, 2 + i)} = {rng.randint(0, 3 + i)} coins." for i in range(num_steps)]
        traces.append(
            make_trace(
                problem,
                prompt="",
                text="\n".join(texts),
                steps=[Step(text, "Solve Subquestion") for text in texts],
                answer="5",
                verdict=Verdict(rng.choice(["right", "wrong"])),
                maker=Maker("import", f"model {number}"),
                format="cot",
                created=0.0,
            )
        )
    return traces


def best(work: Callable[[], object]) -> float:
    """Milliseconds of the fastest of some rounds."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return round(1000 * min(times), 1)


def main() -> None:
    rows = []
    for traces_and_steps in SIZES.values():
        problem = make_problem("Ana has 3 coins. How many?", "5", "bench")
        traces = random_traces(problem, *traces_and_steps)
        plain, merged = build_graph(problem, traces), build_graph(problem, traces, merge=True)
        rows.append(
            {
                "states": plain.digraph.number_of_nodes(),
                "merged_states": merged.digraph.number_of_nodes(),
                "build_ms": best(lambda t=traces, p=problem: build_graph(p, t)),
                "merge_ms": best(lambda t=traces, p=problem: build_graph(p, t, merge=True)),
                "json_ms": best(lambda a=plain, b=merged: figure_json(a, b)),
                "marks_ms": best(lambda t=traces, p=problem: marks_json(p, t, [], [])),
                "json_kb": round(len(figure_json(plain, merged)) / 1000),
            }
        )
        print(rows[-1])
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
