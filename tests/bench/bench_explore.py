"""How exactly, for how many tokens and in what time each search finds the first pit of wrong traces.

    make bench-explore                                 first records the tables: hours, and it goes on where it was
    python -m tests.bench.bench_explore                → build/bench/explore.json
    python -m tests.bench.bench_explore --live 0       no engine: no seconds, no baseline
    python -m tests.bench.bench_explore --fit          what the numbers in reasoner/exploring were fitted from

Two truths: the step oracle's first wrong step, and the *recoverable* pit, the first prefix from which none of all
recorded completions recovers. Everything is replayed on every trace of one table. What the adaptive search knows of the
solver (rates, hazards, efforts) was fitted on another table, of other problems.

Seconds are measured: the first traces of the table are explored anew with the real engine (live.py), and its exactness
stands beside the replay's. The baseline follows the rule of linear-4, so what it would find and spend on the whole
table is linear-4's replay, and its seconds are its own.

"bound" is what k failures at the pit and one success right before it take, however they are searched; a posterior can
be sure with fewer failures, so the adaptive rows may lie below it. What is under "ablations" is said in searches.py.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from reasoner.exploring.adaptive import EFFORTS
from reasoner.exploring.fitting import Known, fitted_hazards, fitted_rates
from tests.bench.exactness import Runs, bounds, calibration, comparison, runs_of, summary
from tests.bench.explore_text import print_report
from tests.bench.live import BASELINE, cases_of, measure
from tests.bench.replay import Row, read_table
from tests.bench.searches import ABLATIONS, METHODS, in_new_words

TABLE, FIT = Path("build/bench/recoverability.jsonl"), Path("build/bench/recoverability_fit.jsonl")
OUT = Path("build/bench/explore.json")
SEEDS = range(4)  # orders in which the recorded completions are drawn
LIVE, REPEATS = 64, 3  # traces explored with the real engine, and how often
TARGETS = {"adaptive-4": ("linear-4", 0.50), "adaptive-8": ("linear-8", 0.45)}


def report(rows: Sequence[Row], live: dict[str, Any] | None = None) -> dict[str, Any]:
    """Everything that is said of these rows; `live` is what `measure` found."""
    started = time.process_time()
    runs: dict[str, Runs] = {method: runs_of(start, rows, SEEDS) for method, start in METHODS.items()}
    deciding = time.process_time() - started
    new_words = [in_new_words(row) for row in rows]
    ablated = {
        name: runs_of(start, new_words if name.endswith("new words") else rows, SEEDS[:2])
        for name, start in ABLATIONS.items()
    }
    found = [summary(method, rows, runs[method]) for method in METHODS]
    found.append(found[0] | {"method": BASELINE})
    seconds = {row["method"]: row["seconds"] for row in live["rows"]} if live else {}
    return {
        "traces": len(rows),
        "recorded_completions": len(rows[0].outcomes[0]),
        "truths_agree": sum(row.oracle == row.recoverable for row in rows) / len(rows),
        "rows": [row | {"seconds": seconds.get(row["method"])} for row in found],
        "seconds_over": live["traces"] if live else 0,
        "baseline": "exactness, completions and tokens: linear-4's replay, whose rule it follows; seconds: its own",
        "targets": {
            ours: comparison(rows, runs[ours], runs[theirs]) | {"against": theirs, "target": target}
            for ours, (theirs, target) in TARGETS.items()
        },
        "bounds": bounds(rows, runs),
        "calibration": {method: calibration(rows, runs[method]) for method in TARGETS},
        "live": live,
        "live_replayed": _replayed(rows[: live["traces"]], runs) if live else [],
        "ablations": [summary(name, rows, ablated[name]) for name in ABLATIONS],
        "efforts": {k: asdict(effort) for k, effort in EFFORTS.items()},
        "decision_seconds": deciding,
    }


def _replayed(rows: Sequence[Row], runs: dict[str, Runs]) -> list[dict[str, Any]]:
    """What the replay says of the traces that were explored live."""
    return [summary(method, rows, of_method[: len(rows)]) for method, of_method in runs.items()]


def print_fit(rows: Sequence[Row]) -> None:
    """Rates and hazards of greatest likelihood, for pits by recoverability: what sampling can tell of."""
    known = [
        Known(
            len(row.ends) if row.recoverable is None else row.recoverable,
            tuple(row.steps[end].action or "" for end in row.ends),
            row.outcomes,
        )
        for row in rows
    ]
    print(f"{len(rows)} traces")
    print(fitted_rates(known))
    print({action: round(hazard, 3) for action, hazard in fitted_hazards(known).items()})


def explored_live(rows: Sequence[Row], num: int, repeats: int) -> dict[str, Any]:
    """The first `num` of the rows, explored by the built-in solver."""
    from reasoner.engines import BUILT_IN
    from reasoner.engines.local import load

    engine = load(BUILT_IN)
    chosen = rows[:num]
    print(f"exploring {len(chosen)} traces with the engine, {repeats} times:", flush=True)
    return measure(engine, chosen, cases_of(engine, chosen), repeats)


def main() -> None:
    parser = argparse.ArgumentParser(description="Searches for the first pit, replayed and by the clock.")
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--fit-table", type=Path, default=FIT)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--live", type=int, default=LIVE, help="traces to explore with the real engine; 0 for none")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--fit", action="store_true", help="print what the table to fit on says of the model, and stop")
    args = parser.parse_args()
    table = args.fit_table if args.fit else args.table
    if not table.is_file():
        print(f"There is no {table} yet: run make bench-explore, which records it first.")
        return
    rows = read_table(table)
    if args.fit:
        print_fit(rows)
        return
    live = explored_live(rows, args.live, args.repeats) if args.live else None
    data = report(rows, live)
    print_report(data)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(data, indent=2) + "\n")
    print(f"\nwrote {args.out}")


if __name__ == "__main__":
    main()
