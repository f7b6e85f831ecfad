"""The same searches with the real engine, by the clock: seconds a trace, and whether the replay can be believed.

    measured = measure(engine, rows, cases, repeats=3)       {"rows": [{"method": "adaptive-4", "seconds": 0.9, …}], …}

Every repeat runs all methods on the same traces in one process, each repeat beginning with another method, with other
seeds and with nothing kept from the method before. A method's seconds are the median of the repeats; ratios are taken
within each repeat, since what else the machine does changes from one to the next.

"baseline" is Self-Explore's loop on transformers' `generate` (self_explore_loop.py), with the same model in memory.
"""

import os
import statistics
import time
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from reasoner.engines.local import LocalEngine
from reasoner.explore import explore_many
from reasoner.formats.prefixes import stops
from reasoner.records import Problem, Trace
from tests.bench.record_recoverability import SEED, wrong_traces
from tests.bench.replay import Row
from tests.bench.self_explore_loop import explore_plainly

Case = tuple[Trace, Problem]
Found = dict[str, tuple[int | None, int, int]]  # trace id → prefix of the pit, completions, tokens

BASELINE = "baseline"
METHODS = {
    "linear-4": ("linear", 4),
    "linear-8": ("linear", 8),
    "binary-4": ("binary", 4),
    "adaptive-4": ("adaptive", 4),
    "adaptive-8": ("adaptive", 8),
    BASELINE: ("", 4),
}


def cases_of(engine: LocalEngine, rows: Sequence[Row], seed: int = SEED) -> list[Case]:
    """The traces of the table's first rows, solved again: the same seed gives the same lines.

    Raises ValueError when they are others: the table was recorded with another model.
    """
    levels = ["easy", "medium"]
    cases = [
        (trace, problem) for problem, trace in islice(wrong_traces(engine, levels, "transitions", seed), len(rows))
    ]
    if [trace.id for trace, _ in cases] != [row.id for row in rows]:
        raise ValueError("The table was recorded with another model or other levels: delete it and record it anew.")
    return cases


def measure(engine: LocalEngine, rows: Sequence[Row], cases: Sequence[Case], repeats: int) -> dict[str, Any]:
    """All methods on the same traces, in turn."""
    import torch

    runs: dict[str, list[dict[str, float]]] = {method: [] for method in METHODS}
    names = list(METHODS)
    for method in names:  # what is compiled or allocated once is not counted
        _found(engine, cases[:2], method, seed=-1)
    for repeat in range(repeats):
        first = repeat * len(names) // max(repeats, 1)
        for method in names[first:] + names[:first]:
            engine.prefixes.clear()
            wall, cpu = time.perf_counter(), time.process_time()
            found = _found(engine, cases, method, seed=100_000 * (repeat + 1))
            seconds, cpu = time.perf_counter() - wall, time.process_time() - cpu
            runs[method].append(_counted(rows, found) | {"seconds": seconds / len(rows), "cpu": cpu / len(rows)})
            print(
                f"  repeat {repeat + 1}, {method:12}{seconds:7.1f} s, {cpu / len(rows):.2f} processor s a trace",
                flush=True,
            )
    kept = ("exact_oracle", "exact_recoverable", "completions", "tokens")
    return {
        "traces": len(rows),
        "repeats": repeats,
        "device": str(engine.model.device),
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "rows": [
            {"method": method}
            | {name: statistics.mean(run[name] for run in of_method) for name in kept}
            | {name: statistics.median(run[name] for run in of_method) for name in ("seconds", "cpu")}
            | {"seconds_each": [run["seconds"] for run in of_method], "cpu_each": [run["cpu"] for run in of_method]}
            for method, of_method in runs.items()
        ],
        "speed": {method: _ratios(runs[BASELINE], runs[method], "seconds") for method in METHODS},
        "speed_cpu": {method: _ratios(runs[BASELINE], runs[method], "cpu") for method in METHODS},
    }


def _ratios(theirs: Sequence[dict[str, float]], ours: Sequence[dict[str, float]], name: str) -> list[float]:
    """[median, least, most] of the repeats."""
    each = [other[name] / mine[name] for other, mine in zip(theirs, ours, strict=True)]
    return [statistics.median(each), min(each), max(each)]


def _found(engine: LocalEngine, cases: Sequence[Case], method: str, seed: int) -> Found:
    name, k = METHODS[method]
    if method == BASELINE:
        plain = explore_plainly(engine.model, engine.tokenizer, cases, k, seed=seed)
        return {one.trace_id: (one.pit, one.completions, one.tokens) for one in plain}
    pits = explore_many(engine, list(cases), k=k, method=name, seed=seed, together=max(len(cases), 1))
    ends = {trace.id: stops(trace) for trace, _ in cases}
    return {
        pit.trace_id: (
            _prefix(ends[pit.trace_id], pit.step),
            sum(len(probe.completions) for probe in pit.probes if probe.num_tokens),
            pit.num_tokens,
        )
        for pit in pits
    }


def _prefix(ends: Sequence[int], step: int | None) -> int | None:
    return None if step is None else next(number for number, end in enumerate(ends) if end >= step)


def _counted(rows: Sequence[Row], found: Found) -> dict[str, float]:
    def mean(value: Callable[[Row], float]) -> float:
        return sum(value(row) for row in rows) / len(rows)

    return {
        "exact_oracle": mean(lambda row: found[row.id][0] == row.oracle),
        "exact_recoverable": mean(lambda row: found[row.id][0] == row.recoverable),
        "completions": mean(lambda row: found[row.id][1]),
        "tokens": mean(lambda row: found[row.id][2]),
    }
