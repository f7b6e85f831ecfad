"""From which prefixes of a wrong trace can the built-in solver still be right? A table of completions, for replay.

    python -m tests.bench.record_recoverability --out build/bench/recoverability.jsonl --num 1000 --completions 64

Each line is one wrong trace of a generated problem, with the step oracle's first wrong step, and for every prefix what
each sampled completion came to: was it right (a string of 0 and 1), how many tokens it took, and how many of the
trace's next prefixes it passed through. `tests.bench.bench_explore` replays search policies on it without an engine.

A table to fit a search on is of other problems: --seed 7501 --num 400 --out build/bench/recoverability_fit.jsonl

Safe to kill at any moment: a line is written when its trace is done, and a second run goes on after the last whole one.
The same seed gives the same lines. Levels take turns, and a problem gives one trace at most.
"""

import argparse
import json
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from reasoner.engines import BUILT_IN, Engine, load_engine
from reasoner.formats.prefixes import format_of, prefix_text, stops
from reasoner.probing import lengths_of, outcomes_of, prefix_prompt, probe_of, question_part
from reasoner.records import Problem, Trace
from reasoner.rounds import complete
from reasoner.solve import solve_many
from training.oracle import first_wrong_step
from training.wordproblems import problem_set

SEED = 7001  # which problems; apart from those of training (1, 101) and of the solver's card (8001)
TOGETHER = 64  # problems solved in one call of the engine


def wrong_traces(engine: Engine, levels: list[str], format: str, seed: int) -> Iterator[tuple[Problem, Trace]]:
    """Wrong traces without end, the levels in turn; each is sampled at the exploration's own temperature."""
    for number in count():
        problems = [
            problem for level in levels for problem in problem_set(level, TOGETHER // len(levels), seed + number)
        ]
        yield from (
            (problem, trace)
            for problem, trace in zip(problems, solve_many(engine, problems, format), strict=True)
            if trace.verdict.status == "wrong" and trace.steps
        )


def recorded(engine: Engine, problem: Problem, trace: Trace, num: int, seed: int) -> dict[str, Any]:
    """One line of the table: `num` completions of every prefix."""
    texts, ends, writing = [step.text for step in trace.steps], stops(trace), format_of(trace)
    begun = [prefix_text(trace, end) for end in ends]
    prompts = [prefix_prompt(trace, end, question_part(engine, trace, problem)) for end in ends]
    prefixes = []
    for number, completions in enumerate(complete(engine, writing, prompts, writing.sampling(num, seed=seed), begun)):
        probe = probe_of(trace, problem, ends[number], prompts[number], completions)
        prefixes.append(
            {
                "right": "".join("01"[recovered] for recovered in probe.recovered),
                "tokens": [completion.num_tokens for completion in completions],
                "repeated": [outcome.repeated for outcome in outcomes_of(trace, ends, probe)],
            }
        )
    return {
        "trace": trace.id,
        "problem": problem.id,
        "level": problem.level,
        "question": problem.question,
        "format": trace.format,
        "steps": texts,
        "ends": ends,
        "lengths": lengths_of(engine, trace, ends),
        "oracle": first_wrong_step(problem, texts),
        "prefixes": prefixes,
    }


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a table; a last one that a kill cut short is left out."""
    lines = path.read_text().split("\n")[:-1] if path.is_file() else []
    return [json.loads(line) for line in lines if line]


def record(
    engine: Engine, out: Path, num_traces: int, num: int, levels: list[str], format: str, seed: int = SEED
) -> None:
    done = {row["trace"] for row in rows_of(out)}
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.is_file():  # cut off what a kill left unfinished
        whole = out.read_bytes()
        os.truncate(out, whole.rfind(b"\n") + 1)
    with out.open("a") as file:
        for number, (problem, trace) in enumerate(wrong_traces(engine, levels, format, seed)):
            if number >= num_traces:
                break
            if trace.id in done:
                continue
            file.write(json.dumps(recorded(engine, problem, trace, num, seed)) + "\n")
            file.flush()
            print(f"\r{number + 1} of {num_traces} traces", end="", flush=True)
    print(f"\nwrote {out}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Record from which prefixes of wrong traces the model recovers.")
    parser.add_argument("--model", default=BUILT_IN)
    parser.add_argument("--out", type=Path, default=Path("build/bench/recoverability.jsonl"))
    parser.add_argument("--num", type=int, default=1000, help="wrong traces")
    parser.add_argument("--completions", type=int, default=64, help="completions of every prefix")
    parser.add_argument("--levels", default="easy,medium")
    parser.add_argument("--format", default="transitions")
    parser.add_argument(
        "--seed", type=int, default=SEED, help="which problems: others to fit a search on (7501) than to judge it"
    )
    args = parser.parse_args()
    levels = args.levels.split(",")
    if len(rows_of(args.out)) >= args.num:
        print(f"{args.out} has {args.num} traces already")
        return
    record(load_engine(args.model), args.out, args.num, args.completions, levels, args.format, args.seed)


if __name__ == "__main__":
    main()
