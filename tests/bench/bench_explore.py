"""How exactly, and for how many tokens, each policy finds the first pit of wrong traces of the built-in solver.

    python -m tests.bench.record_recoverability        first, once: the table of completions
    python -m tests.bench.bench_explore                → build/bench/explore.json
    python -m tests.bench.bench_explore --fit          what the numbers in reasoner/exploring were fitted from

Two truths: the step oracle's first wrong step, and the *recoverable* pit, the first prefix from which none of all
recorded completions recovers. What the adaptive policy knows of the solver (rates, hazards, efforts) was fitted on the
even traces of the table; everything is reported on the odd ones, for all policies alike.

Three questions a reader may have, each its own row: what the prior alone would say ("guess"), what is left without it
("even prior"), and what is left with a model that never repeats the trace word by word ("new words").

"bound" is what k failures at the pit and one success right before it take, however they are searched; a posterior can
be sure with fewer failures, so the adaptive rows may lie below it. A pit is "shown" where a right completion departs
right before it, which a preference pair is made from. Token ratios and differences of exactness have 95 % intervals by
resampling traces.
"""

import argparse
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from reasoner.exploring import AdaptiveSearch, BinarySearch, LinearSearch, Search, Task
from reasoner.exploring.adaptive import EFFORTS, Effort
from reasoner.exploring.evidence import Outcome, Request
from reasoner.exploring.fitting import Known, fitted_hazards, fitted_rates
from reasoner.exploring.rates import KINDS, Rates
from tests.bench.replay import Row, Run, lower_bound, read_table, replay

TABLE, OUT = Path("build/bench/recoverability.jsonl"), Path("build/bench/explore.json")
SEEDS = range(4)  # orders in which the recorded completions are drawn
RESAMPLES = 1000
TARGETS = {"adaptive-4": ("linear-4", 0.50), "adaptive-8": ("linear-8", 0.45)}
Start = Callable[[Task], Search]


class Guess:
    """The likeliest step by the prior, without a completion."""

    def __init__(self, task: Task) -> None:
        self.posterior = task.prior

    def next_request(self) -> Request | None:
        return None

    def tell(self, step: int, outcomes: Sequence[Outcome]) -> None:
        raise AssertionError("it asked for nothing")

    @property
    def pit(self) -> int | None:
        best = max(range(len(self.posterior)), key=self.posterior.__getitem__)
        return best if best < len(self.posterior) - 1 else None


def adaptive(k: int, kinds: Sequence[Rates] = KINDS, effort: Effort | None = None) -> Start:
    return lambda task: AdaptiveSearch(task, k, kinds, effort)


def with_even_prior(k: int) -> Start:
    return lambda task: AdaptiveSearch(replace(task, prior=()), k)


METHODS: dict[str, Start] = {
    "guess": Guess,
    "linear-4": lambda task: LinearSearch(task, 4),
    "linear-8": lambda task: LinearSearch(task, 8),
    "binary-4": lambda task: BinarySearch(task, 4),
    "adaptive-4": adaptive(4),
    "adaptive-8": adaptive(8),
    "adaptive-4, pit shown": adaptive(4, effort=replace(EFFORTS[4], shows=True)),
    "adaptive-8, pit shown": adaptive(8, effort=replace(EFFORTS[8], shows=True)),
    "adaptive-4, even prior": with_even_prior(4),
    "adaptive-8, even prior": with_even_prior(8),
    "adaptive-4, new words": adaptive(4),
    "adaptive-8, new words": adaptive(8),
}


def in_new_words(row: Row) -> Row:
    """The same completions, none of which is known to pass another state of the trace."""
    return replace(row, outcomes=tuple(tuple(replace(one, repeated=0) for one in prefix) for prefix in row.outcomes))


def runs_of(start: Start, rows: Sequence[Row], seeds: Sequence[int] = SEEDS) -> list[list[Run]]:
    """One list a row, one run a seed."""
    return [[replay(row, start, seed) for seed in seeds] for row in rows]


def summary(method: str, rows: Sequence[Row], runs: list[list[Run]]) -> dict[str, Any]:
    flat = [(row, run) for row, of_row in zip(rows, runs, strict=True) for run in of_row]
    mean = lambda values: sum(values) / len(flat)  # noqa: E731
    return {
        "method": method,
        "exact_oracle": mean(run.pit == row.oracle for row, run in flat),
        "exact_recoverable": mean(run.pit == row.recoverable for row, run in flat),
        "shown": mean(run.is_shown for _, run in flat),
        "completions": mean(run.completions for _, run in flat),
        "tokens": mean(run.tokens for _, run in flat),
        "rounds": mean(run.rounds for _, run in flat),
        "seconds": None,  # a replay has no engine
    }


def comparison(rows: Sequence[Row], ours: list[list[Run]], theirs: list[list[Run]]) -> dict[str, list[float]]:
    """[value, low, high] of the token ratio and of both differences of exactness, traces resampled."""

    def of(places: Sequence[int]) -> tuple[float, float, float]:
        tokens = [sum(run.tokens for place in places for run in runs[place]) for runs in (ours, theirs)]
        exact = [
            [
                sum(run.pit == getattr(rows[place], truth) for place in places for run in runs[place])
                for runs in (ours, theirs)
            ]
            for truth in ("oracle", "recoverable")
        ]
        num = sum(len(ours[place]) for place in places)
        return tokens[0] / tokens[1], (exact[0][0] - exact[0][1]) / num, (exact[1][0] - exact[1][1]) / num

    rng, every = random.Random(0), range(len(rows))
    drawn = [of(rng.choices(every, k=len(rows))) for _ in range(RESAMPLES)]
    names = ("token_ratio", "exact_oracle_more", "exact_recoverable_more")
    intervals = [sorted(column) for column in zip(*drawn, strict=True)]
    cut = round(0.025 * RESAMPLES)
    return {
        name: [value, interval[cut], interval[-cut - 1]]
        for name, value, interval in zip(names, of(every), intervals, strict=True)
    }


def reliability(rows: Sequence[Row], runs: list[list[Run]]) -> list[dict[str, float]]:
    """Ten bins of the posterior of every step of every trace against how often that step is the pit, by both truths."""
    bins: list[list[tuple[float, bool, bool]]] = [[] for _ in range(10)]
    for row, of_row in zip(rows, runs, strict=True):
        for run in of_row:
            for step, chance in enumerate(run.posterior[:-1]):
                bins[min(9, int(10 * chance))].append((chance, step == row.oracle, step == row.recoverable))
    return [
        {
            "num": len(one),
            "said": sum(chance for chance, _, _ in one) / len(one),
            "oracle": sum(oracle for _, oracle, _ in one) / len(one),
            "recoverable": sum(found for _, _, found in one) / len(one),
        }
        for one in bins
        if one
    ]


def report(rows: Sequence[Row]) -> dict[str, Any]:
    started = time.process_time()
    new_words = [in_new_words(row) for row in rows]
    runs = {
        method: runs_of(start, new_words if method.endswith("new words") else rows) for method, start in METHODS.items()
    }
    compared = {
        ours: comparison(rows, runs[ours], runs[theirs]) | {"against": theirs, "target": target}
        for ours, (theirs, target) in TARGETS.items()
    }
    return {
        "traces": len(rows),
        "recorded_completions": len(rows[0].outcomes[0]),
        "truths_agree": sum(row.oracle == row.recoverable for row in rows) / len(rows),
        "rows": [summary(method, rows, runs[method]) for method in METHODS],
        "bounds": {k: dict(zip(("completions", "tokens"), lower_bound(rows, k), strict=True)) for k in (4, 8)},
        "targets": compared,
        "reliability": {method: reliability(rows, runs[method]) for method in ("adaptive-4", "adaptive-8")},
        "efforts": {k: asdict(effort) for k, effort in EFFORTS.items()},
        "decision_seconds": time.process_time() - started,
    }


def print_report(data: dict[str, Any]) -> None:
    print(
        f"{data['traces']} wrong traces, {data['recorded_completions']} completions a prefix; the two truths agree on"
    )
    print(f"{100 * data['truths_agree']:.0f} % of them. A trace on average:\n")
    print(f"{'':28}{'oracle':>8}{'recoverable':>13}{'shown':>8}{'completions':>13}{'tokens':>8}{'rounds':>8}")
    for row in data["rows"]:
        exact = f"{100 * row['exact_oracle']:6.1f} %{100 * row['exact_recoverable']:11.1f} %{100 * row['shown']:6.0f} %"
        print(f"{row['method']:28}{exact}{row['completions']:13.1f}{row['tokens']:8.0f}{row['rounds']:8.1f}")
    for k, bound in data["bounds"].items():
        print(f"{f'bound, {k} failures + 1':28}{'':29}{bound['completions']:13.1f}{bound['tokens']:8.0f}")
    for ours, one in data["targets"].items():
        ratio, oracle, recoverable = (
            one[name] for name in ("token_ratio", "exact_oracle_more", "exact_recoverable_more")
        )
        print(
            f"\n{ours} against {one['against']}: {_percent(ratio)} of the tokens (target {100 * one['target']:.0f} %),"
        )
        print(f"  exact by the oracle {_points(oracle)}, by recoverability {_points(recoverable)}")
    for method, bins in data["reliability"].items():
        print(f"\n{method}: posterior said → was so by the oracle, by recoverability")
        for one in bins:
            print(f"  {one['said']:5.2f} → {one['oracle']:5.2f} {one['recoverable']:5.2f}   ({one['num']:,} steps)")


def _percent(value: Sequence[float]) -> str:
    return f"{100 * value[0]:.0f} % ({100 * value[1]:.0f}–{100 * value[2]:.0f})"


def _points(value: Sequence[float]) -> str:
    return f"{100 * value[0]:+.1f} points ({100 * value[1]:+.1f} to {100 * value[2]:+.1f})"


def print_fit(rows: Sequence[Row]) -> None:
    """Rates and hazards of greatest likelihood, both truths counted alike."""
    known = [
        Known(
            len(row.ends) if truth is None else truth,
            tuple(row.steps[end].action or "" for end in row.ends),
            row.outcomes,
        )
        for row in rows
        for truth in (row.oracle, row.recoverable)
    ]
    print(fitted_rates(known))
    print({action: round(hazard, 3) for action, hazard in fitted_hazards(known).items()})


def main() -> None:
    parser = argparse.ArgumentParser(description="Search policies for the first pit, replayed on a recorded table.")
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--fit", action="store_true", help="print what the even traces say of the model, and stop")
    args = parser.parse_args()
    if not args.table.is_file():
        print(f"There is no {args.table} yet: run python -m tests.bench.record_recoverability first.")
        return
    rows = read_table(args.table)
    if args.fit:
        print_fit(rows[::2])
        return
    data = report(rows[1::2])
    print_report(data)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(data, indent=2) + "\n")
    print(f"\nwrote {args.out}")


if __name__ == "__main__":
    main()
