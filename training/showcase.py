"""What ships beside the built-in solver's weights: its card, and problems it has solved already.

    python -m training.showcase            # after `python -m training.pretrain`; some minutes on two cores

The card says how often greedy solutions to held-out problems are right, by difficulty and with intervals, and what the
first wrong steps of the wrong ones are (by the step oracle, which knows the truth and which no training sees). The
problems fill an empty store: each has several traces, so a newcomer has something to judge at once, and the first one
is a good one to begin with. Their seed is apart from the training set's and from the held-out sets'.
"""

import argparse
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reasoner.engines import BUILT_IN, Engine, load_engine
from reasoner.formats import format_named
from reasoner.records import Problem, Trace
from reasoner.seed import ASSETS, Row, write_rows
from reasoner.solve import solve_many
from training.oracle import error_class, first_wrong_step
from training.stats import wilson
from training.wordproblems import DEFAULT_LEVEL, LEVELS, problem_set

CARD_SEED = 8001  # held-out problems of the card; evaluations use 9001, the training set is 1
SHOWCASE_SEED = 7001  # problems that ship with the app
NUM_SHOWN = {"easy": 300, "medium": 40, "hard": 10}
NUM_TRACES = 4  # samples a problem, at Self-Explore's temperature 0.7
FORMAT = "transitions"


@dataclass(frozen=True)
class Args:
    """What to make, and of which model."""

    model: str = BUILT_IN
    num: int = 500  # held-out problems a level
    out: Path = ASSETS


def accuracy_rows(engine: Engine, num: int) -> list[dict[str, Any]]:
    """One row a level: greedy accuracy with its 95 % interval, and the wrong ones' first wrong steps by class."""
    greedy = format_named(FORMAT).sampling(num=1, temperature=0.0)
    rows = []
    for level in LEVELS:
        problems = problem_set(level, num, CARD_SEED)
        traces = list(solve_many(engine, problems, FORMAT, greedy))
        interval = wilson(sum(trace.verdict.status == "right" for trace in traces), len(traces))
        wrong = [(p, t) for p, t in zip(problems, traces, strict=True) if t.verdict.status != "right"]
        classes = Counter(error_class(problem, [step.text for step in trace.steps]) for problem, trace in wrong)
        rows.append(
            {"level": level, "accuracy": interval.rate, "low": interval.low, "high": interval.high}
            | {"right": interval.successes, "total": interval.total, "first_errors": dict(sorted(classes.items()))}
        )
    return rows


def solved_problems(engine: Engine) -> list[Row]:
    """The problems that ship, each with its distinct samples, the best one to begin with first."""
    sampling = format_named(FORMAT).sampling(num=NUM_TRACES, seed=SHOWCASE_SEED)
    rows: dict[str, Row] = {}
    for level, num in NUM_SHOWN.items():
        problems = problem_set(level, num, SHOWCASE_SEED)
        rows |= {problem.id: (problem, []) for problem in problems}
        texts: set[tuple[str, str]] = set()
        for trace in solve_many(engine, problems, FORMAT, sampling):
            if (trace.problem_id, trace.text) not in texts:
                texts.add((trace.problem_id, trace.text))
                rows[trace.problem_id][1].append(trace)
    return sorted(rows.values(), key=lambda row: not is_good_beginning(*row))


def is_good_beginning(problem: Problem, traces: list[Trace]) -> bool:
    """Right and wrong traces that share their first steps, the wrong one going wrong at a solving step before the last,
    in a problem short enough to read at once."""
    pits = {first_wrong_step(problem, [s.text for s in t.steps]) for t in traces if t.verdict.status == "wrong"}
    has_right = any(trace.verdict.status == "right" for trace in traces)
    is_middle = all(pit is not None and 2 < pit < 5 for pit in pits)
    return problem.level == DEFAULT_LEVEL and has_right and len(pits) == 1 and is_middle and len(problem.question) < 330


def write_card(folder: Path, rows: list[dict[str, Any]]) -> None:
    """README.md in the model's folder, from the measured rows and what training wrote down."""
    facts = json.loads((folder / "training.json").read_text())
    table = "\n".join(
        f"| {row['level']} | {100 * row['accuracy']:.1f} % ({100 * row['low']:.1f}–{100 * row['high']:.1f}) "
        f"| {row['total']} | {', '.join(f'{count} {name}' for name, count in row['first_errors'].items())} |"
        for row in rows
    )
    rounds = [f"| {_sizes(part)} | {done['steps']:,} | {done['tokens']:,} | {round(done['seconds'] / 60)} |"
              for part, done in zip(facts["preset"]["rounds"], facts["rounds"], strict=True)]  # fmt: skip
    text = (ASSETS / "card.md").read_text().format(
        **facts["preset"], device=facts["device"], loss=facts["rounds"][-1]["loss"], table=table,
        parts="\n".join(rounds), seed_of_card=CARD_SEED,
    )  # fmt: skip
    (folder / "README.md").write_text(text)
    (folder / "accuracy.json").write_text(json.dumps({"seed": CARD_SEED, "rows": rows}, indent=1) + "\n")


def _sizes(part: dict[str, Any]) -> str:
    counts = ", ".join(f"{part[f'num_{level}']:,} {level}" for level in LEVELS)
    return f"{counts} (set seed {part['data_seed']}; Muon {part['matrix_rate']:g}, AdamW {part['other_rate']:g})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=Args.model, help="the solver's folder")
    parser.add_argument("--num", type=int, default=Args.num, help="held-out problems a level, for the card")
    parser.add_argument("--out", type=Path, default=Args.out, help="folder for problems.jsonl.gz")
    args = Args(**vars(parser.parse_args()))
    engine = load_engine(args.model)
    rows = accuracy_rows(engine, args.num)
    for row in rows:
        print(f"{row['level']:8} {100 * row['accuracy']:5.1f} % ({100 * row['low']:.1f}–{100 * row['high']:.1f})", row)
    write_card(Path(args.model), rows)
    print(write_rows(args.out / "problems.jsonl.gz", solved_problems(engine)), "problems written")


if __name__ == "__main__":
    main()
