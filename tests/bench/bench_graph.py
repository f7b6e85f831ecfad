"""How long a state graph takes from traces to the page's JSON.

    python -m tests.bench.bench_graph          → build/bench/graph.json

Random traces of additions, then one problem with 500 traces in six formats. Times are the best of three, in the
process's own CPU time, since other work on the machine disturbs the clock. `first_ms` builds both views of steps never
seen before: nothing is cached.
"""

import json
import random
import time
from collections.abc import Callable
from pathlib import Path

from reasoner import codeset, graph, quantities, typeset
from reasoner.figure import figure_json, marks_json
from reasoner.graph import build_graph
from reasoner.records import Maker, Problem, Step, Trace, Verdict, make_problem, make_trace
from tests.bench import six_format_traces

SIZES = {10: (3, 4), 100: (25, 5), 1_000: (270, 5), 5_000: (750, 9)}  # states, about → traces, steps each
NUM_MIXED = 500  # traces of the problem in six formats
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
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return round(1000 * min(times), 1)


def forget() -> None:
    """Empty every cache of what steps say and how they are set."""
    for module in (graph, quantities, codeset, typeset):
        for thing in vars(module).values():
            if hasattr(thing, "cache_clear"):
                thing.cache_clear()


def measured(problem: Problem, traces: list[Trace]) -> dict[str, float]:
    forget()
    start = time.process_time()
    plain, merged = build_graph(problem, traces), build_graph(problem, traces, merge=True)
    first = time.process_time() - start
    return {
        "traces": len(traces),
        "states": plain.digraph.number_of_nodes(),
        "merged_states": merged.digraph.number_of_nodes(),
        "first_ms": round(1000 * first, 1),
        "build_ms": best(lambda: build_graph(problem, traces)),
        "merge_ms": best(lambda: build_graph(problem, traces, merge=True)),
        "json_ms": best(lambda: figure_json(plain, merged)),
        "marks_ms": best(lambda: marks_json(problem, traces, [], [])),
        "json_kb": round(len(figure_json(plain, merged)) / 1000),
    }


def main() -> None:
    rows = []
    for traces_and_steps in SIZES.values():
        problem = make_problem("Ana has 3 coins. How many?", "5", "bench")
        rows.append({"formats": 1} | measured(problem, random_traces(problem, *traces_and_steps)))
        print(rows[-1])
    problem = six_format_traces.problem()
    rows.append({"formats": 6} | measured(problem, six_format_traces.six_format_traces(problem, NUM_MIXED)))
    print(rows[-1])
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
