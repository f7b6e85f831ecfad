"""Traces and a script for bulk exploration: any number of wrong solutions, each with a pit that is known.

A problem has 100 wrong solutions of four steps. The script knows right ones that go on after the first step, none that
go on after the second: step 1 is the pit of all of them.
"""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

from reasoner.records import Maker, Problem, Step, Trace, Verdict, make_problem, make_trace

OF_A_PROBLEM = 100
PIT = 1


def problem(number: int) -> Problem:
    return make_problem(f"Ana has {number} coins. Ben has 2 more. How many has Ben?", str(number + 2), "made")


def lines(number: int, way: int) -> list[str]:
    """The steps of one wrong solution."""
    begun = [f"Let Ana have {number} coins, by way {way // 10}.", f"Ben has {number} * {3 + way % 10} coins."]
    return [*begun, "That is a lot.", f"The answer is {number + 1_000_000 + way}."]


def trace(number: int, way: int) -> Trace:
    of, texts = problem(number), lines(number, way)
    maker, verdict = Maker("import", "made"), Verdict("wrong", texts[-1].split()[-1][:-1])
    about = {"answer": verdict.extracted, "verdict": verdict, "maker": maker, "format": "cot", "created": 1.0}
    return make_trace(of, prompt="", text="\n".join(texts), steps=map(Step, texts), **about)  # type: ignore[arg-type]


def rows(num: int) -> Iterator[tuple[Trace, Problem]]:
    """The first `num` traces, those of a problem after one another."""
    for place in range(num):
        number, way = divmod(place, OF_A_PROBLEM)
        yield trace(number, way), problem(number)


def write_traces(path: Path, num: int) -> Path:
    """The same as a file of the plain format."""
    with gzip.open(path, "wt", compresslevel=1) if path.suffix == ".gz" else path.open("w") as file:
        for one, of in rows(num):
            row = {"question": of.question, "answer": of.answer, "source": "made", "model": "made"}
            file.write(json.dumps(row | {"steps": [step.text for step in one.steps]}) + "\n")
    return path


def write_script(path: Path, num: int, unknown: tuple[int, ...] = ()) -> str:
    """A script for the traces of `write_traces`, as --model takes it; the problems `unknown` are not in it."""
    with path.open("w") as file:
        for number in range((num + OF_A_PROBLEM - 1) // OF_A_PROBLEM):
            right = [f"Let Ana have {number} coins, by way {way}.\nThe answer is {number + 2}." for way in range(10)]
            wrong = ["\n".join(lines(number, way)) for way in range(OF_A_PROBLEM)]
            if number not in unknown:
                row = {"prompt": problem(number).question + "\n", "completions": right * 10 + wrong}
                file.write(json.dumps(row) + "\n")
    return f"scripted:{path}"


def write_short(folder: Path, num: int, unknown: tuple[int, ...] = ()) -> tuple[Path, str]:
    """Traces that take little time, and their script: no numbers in the question, two steps, no right solution."""

    def by(way: int) -> str:
        return f"By way {chr(97 + way // 10)}{chr(97 + way % 10)}."

    traces, script = folder / "short.jsonl.gz", folder / "short_script.jsonl"
    with gzip.open(traces, "wt", compresslevel=1) as file, script.open("w") as script_file:
        for number in range((num + OF_A_PROBLEM - 1) // OF_A_PROBLEM):
            question, ways = f"How many? Case {number}.", range(min(OF_A_PROBLEM, num - number * OF_A_PROBLEM))
            for way in ways:
                row = {"question": question, "answer": "5", "steps": [by(way), "The answer is 4."]}
                file.write(json.dumps(row) + "\n")
            if number not in unknown:
                texts = [f"{by(way)}\nThe answer is 4." for way in ways]
                script_file.write(json.dumps({"prompt": question + "\n", "completions": texts}) + "\n")
    return traces, f"scripted:{script}"
