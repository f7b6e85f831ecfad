"""What ships beside the built-in solver's weights: its card, and problems it has solved already.

    python -m training.showcase            # after `python -m training.pretrain`; some minutes on two cores

training/card.py measures the card. The problems fill an empty store: each has several traces, so a newcomer has
something to judge at once, and the first one is a good one to begin with; the first ones are solved in every format and
come with the solver's key points. Their seed is apart from the training sets' and from the held-out sets'.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

from reasoner.engines import BUILT_IN, Engine, load_engine
from reasoner.engines.prompts import first_pit_settings
from reasoner.formats import FORMATS, format_named
from reasoner.keypoints import extract_many
from reasoner.records import KeyPoints, Problem, Trace
from reasoner.seed import ASSETS, Row, write_rows
from reasoner.solve import solve_many
from training.card import accuracy_rows, greedy, table, write_card
from training.oracle import first_wrong_step
from training.wordproblems import DEFAULT_LEVEL, problem_set

SHOWCASE_SEED = 7001  # problems that ship with the app
NUM_SHOWN = {"easy": 300, "medium": 40, "hard": 10}
NUM_TRACES = 4  # samples a problem, at Self-Explore's temperature 0.7
NUM_IN_ALL_FORMATS = 60  # of the problems, the first ones
FORMAT = "transitions"


@dataclass(frozen=True)
class Args:
    """What to make, and of which model."""

    model: str = BUILT_IN
    num: int = 300  # held-out problems a level
    out: Path = ASSETS


def solved_problems(engine: Engine) -> list[Row]:
    """The problems that ship, each with its distinct samples, the best one to begin with first."""
    sampling = format_named(FORMAT).sampling(num=NUM_TRACES, seed=SHOWCASE_SEED)
    rows: dict[str, Row] = {}
    for level, num in NUM_SHOWN.items():
        problems = problem_set(level, num, SHOWCASE_SEED)
        rows |= {problem.id: Row(problem, []) for problem in problems}
        texts: set[tuple[str, str]] = set()
        for trace in solve_many(engine, problems, FORMAT, sampling):
            if (trace.problem_id, trace.text) not in texts:
                texts.add((trace.problem_id, trace.text))
                rows[trace.problem_id].traces.append(trace)
    return sorted(rows.values(), key=lambda row: not is_good_beginning(row.problem, row.traces))


def in_all_formats(engine: Engine, rows: list[Row], formats: list[str]) -> list[Row]:
    """The same rows with one greedy trace in each other format, and the solver's key points."""
    problems = [row.problem for row in rows]
    for name in formats:
        if name != FORMAT:
            for row, trace in zip(rows, greedy(engine, problems, name), strict=True):
                row.traces.append(trace)
    found = list(extract_many(engine, problems))
    return [
        row._replace(key_points=own if isinstance(own, KeyPoints) else None)
        for row, own in zip(rows, found, strict=True)
    ]


def is_good_beginning(problem: Problem, traces: list[Trace]) -> bool:
    """Right and wrong traces that share their first steps, the wrong one going wrong at a solving step before the last,
    in a problem short enough to read at once."""
    pits = {first_wrong_step(problem, [s.text for s in t.steps]) for t in traces if t.verdict.status == "wrong"}
    has_right = any(trace.verdict.status == "right" for trace in traces)
    is_middle = all(pit is not None and 2 < pit < 5 for pit in pits)
    return problem.level == DEFAULT_LEVEL and has_right and len(pits) == 1 and is_middle and len(problem.question) < 330


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=Args.model, help="the solver's folder")
    parser.add_argument("--num", type=int, default=Args.num, help="held-out problems a level, for the card")
    parser.add_argument("--out", type=Path, default=Args.out, help="folder for problems.jsonl.gz")
    args = Args(**vars(parser.parse_args()))
    engine = load_engine(args.model)
    told = first_pit_settings(args.model).get("formats", [FORMAT])
    formats = [name for name in FORMATS if name in told]
    measured = accuracy_rows(engine, args.num, formats)
    print(table(measured))
    write_card(Path(args.model), measured)
    rows = solved_problems(engine)
    if len(formats) > 1:
        rows[:NUM_IN_ALL_FORMATS] = in_all_formats(engine, rows[:NUM_IN_ALL_FORMATS], formats)
    print(write_rows(args.out / "problems.jsonl.gz", rows), "problems written")


if __name__ == "__main__":
    main()
