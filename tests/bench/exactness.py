"""How exact searches were, for how many tokens, and whether their posteriors keep what they say.

    runs = runs_of(METHODS["adaptive-4"], rows)          one list a row, one run a seed
    summary("adaptive-4", rows, runs)                    {"exact_oracle": 0.64, …, "tokens": 193.1}
    calibration(rows, runs)                              {"steps": [bins], "pit": [bins], "ece_oracle": 0.02, …}

Intervals are 95 %, by resampling traces: the runs of one trace are not independent of each other.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tests.bench.replay import Row, Run, lower_bound, replay
from tests.bench.searches import Start

TRUTHS = ("oracle", "recoverable")
RESAMPLES = 1000
NUM_BINS = 10
Runs = list[list[Run]]  # of each row one a seed


def runs_of(start: Start, rows: Sequence[Row], seeds: Iterable[int]) -> Runs:
    return [[replay(row, start, seed) for seed in seeds] for row in rows]


def summary(method: str, rows: Sequence[Row], runs: Runs) -> dict[str, Any]:
    """Means a trace."""
    flat = [(row, run) for row, of_row in zip(rows, runs, strict=True) for run in of_row]

    def mean(value: Callable[[Row, Run], float]) -> float:
        return sum(value(row, run) for row, run in flat) / len(flat)

    return {
        "method": method,
        "exact_oracle": mean(lambda row, run: run.pit == row.oracle),
        "exact_recoverable": mean(lambda row, run: run.pit == row.recoverable),
        "completions": mean(lambda row, run: run.completions),
        "tokens": mean(lambda row, run: run.tokens),
        "shown": mean(lambda row, run: run.is_shown),
        "rounds": mean(lambda row, run: run.rounds),
    }


def comparison(rows: Sequence[Row], ours: Runs, theirs: Runs) -> dict[str, list[float]]:
    """[value, low, high] of the token ratio and of both differences of exactness."""
    each = [
        [
            sum(run.tokens for run in mine),
            sum(run.tokens for run in other),
            *(
                sum(run.pit == getattr(row, truth) for run in mine) / len(mine)
                - sum(run.pit == getattr(row, truth) for run in other) / len(other)
                for truth in TRUTHS
            ),
        ]
        for row, mine, other in zip(rows, ours, theirs, strict=True)
    ]

    def of(drawn: Sequence[Sequence[float]]) -> tuple[float, ...]:
        mine, other, *more = (sum(column) for column in zip(*drawn, strict=True))
        return mine / other, *(one / len(drawn) for one in more)

    rng = random.Random(0)
    resampled = [of(rng.choices(each, k=len(each))) for _ in range(RESAMPLES)]
    names = ("token_ratio", "exact_oracle_more", "exact_recoverable_more")
    cut = round(0.025 * RESAMPLES)
    found = {}
    for name, value, column in zip(names, of(each), zip(*resampled, strict=True), strict=True):
        ordered = sorted(column)
        found[name] = [value, ordered[cut], ordered[-cut - 1]]
    return found


def bounds(rows: Sequence[Row], runs: dict[str, Runs]) -> list[dict[str, Any]]:
    """Of all traces and of each level: what k failures and one success take at least, and what each method takes.

    A posterior may be sure with fewer than k failures, so the adaptive search may lie below.
    """
    sets = {"all": list(range(len(rows)))}
    for place, row in enumerate(rows):
        sets.setdefault(row.level or "of no level", []).append(place)
    found = []
    for name, places in sets.items():
        chosen = [rows[place] for place in places]
        for k in (4, 8):
            completions, tokens = lower_bound(chosen, k)
            one: dict[str, Any] = {"set": name, "traces": len(places), "k": k}
            one |= {"bound_completions": completions, "bound_tokens": tokens}
            for method in (f"linear-{k}", f"adaptive-{k}"):
                spent = [run.tokens for place in places for run in runs[method][place]]
                one[method] = sum(spent) / len(spent)
            found.append(one)
    return found


def calibration(rows: Sequence[Row], runs: Runs) -> dict[str, Any]:
    """Reliability of every step's probability and of the named pit's own; calibration errors; Brier scores.

    ece: how far a said probability is from the share of hits on average, weighted by how often it is said, of the
        probabilities of named pits. brier: the sum of squared errors over a trace's steps and "none", 0 (best) to 2.
    """
    steps: list[tuple[float, ...]] = []
    pits: list[tuple[float, ...]] = []
    brier = dict.fromkeys(TRUTHS, 0.0)
    num = 0
    for row, of_row in zip(rows, runs, strict=True):
        for run in of_row:
            num += 1
            last = len(run.posterior) - 1
            places = [last if getattr(row, truth) is None else getattr(row, truth) for truth in TRUTHS]
            for step, chance in enumerate(run.posterior):
                steps.append((chance, *(step == place for place in places)))
                for truth, place in zip(TRUTHS, places, strict=True):
                    brier[truth] += (chance - (step == place)) ** 2
            pit = last if run.pit is None else run.pit
            pits.append((run.posterior[pit], *(pit == place for place in places)))
    binned = {"steps": _bins(steps), "pit": _bins(pits)}
    errors = {f"ece_{truth}": _expected_error(binned["pit"], truth) for truth in TRUTHS}
    errors |= {f"ece_steps_{truth}": _expected_error(binned["steps"], truth) for truth in TRUTHS}
    return binned | errors | {f"brier_{truth}": brier[truth] / num for truth in TRUTHS}


def _bins(said: Sequence[tuple[float, ...]]) -> list[dict[str, float]]:
    bins: list[list[tuple[float, ...]]] = [[] for _ in range(NUM_BINS)]
    for one in said:
        bins[min(NUM_BINS - 1, int(NUM_BINS * one[0]))].append(one)
    return [
        {"num": len(one)}
        | {name: sum(column) / len(one) for name, column in zip(("said", *TRUTHS), zip(*one, strict=True), strict=True)}
        for one in bins
        if one
    ]


def _expected_error(bins: Sequence[dict[str, float]], truth: str) -> float:
    return sum(one["num"] * abs(one["said"] - one[truth]) for one in bins) / sum(one["num"] for one in bins)
