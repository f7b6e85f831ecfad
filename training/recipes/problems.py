"""Which problems a recipe learns from and is measured on.

read_problems("built-in:easy:3000:5")       3,000 generated ones of a level and a seed
read_problems("train.jsonl")                a file of any format that `python -m reasoner import` reads
write_problems(problems, path)              one a line, all fields; `load_problems` reads them again
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from reasoner.errors import BadInput
from reasoner.interchange.families import recognise
from reasoner.interchange.lines import read_values
from reasoner.records import Problem
from reasoner.store.rows import check_problem
from training.wordproblems import ALL_LEVELS, problem_set

GENERATED = "built-in"
HELD_OUT = "1000:9003"  # ours: what is measured on where nothing is named, problems and seed


class Read(NamedTuple):
    """The problems of one source, and the rows that are none by reason."""

    problems: list[Problem]
    dropped: dict[str, int]
    rows: int


def read_problems(spec: str) -> list[Problem]:
    """The source's problems, each once. Raises BadInput when it has none."""
    return read_source(spec).problems


def read_source(spec: str) -> Read:
    """The same, with what was dropped. Raises BadInput where the source cannot be read or has no problem."""
    if spec.partition(":")[0] == GENERATED:
        problems = _generated(spec)
        return Read(problems, {}, len(problems))
    path, dropped, found, rows, family = Path(spec), Counter[str](), dict[str, Problem](), 0, None
    for _, value in read_values(path):
        rows += 1
        try:
            if isinstance(value, BadInput):
                raise value
            family = family or recognise(value)
            if family is None or not isinstance(value, dict):
                raise BadInput("unknown format")
            problem = family.read(value, path.name.split(".")[0])[0]
            check_problem(problem)
        except (BadInput, UnicodeEncodeError) as error:
            dropped[str(error).partition(":")[0].strip()[:100]] += 1
            continue
        if problem.id in found:
            dropped["the same question again"] += 1
        found.setdefault(problem.id, problem)
    if not found:
        reasons = ", ".join(f"{num} {reason}" for reason, num in dropped.items())
        raise BadInput(f"{spec} has no problem that can be used{': ' + reasons if reasons else ''}.")
    return Read(list(found.values()), dict(dropped), rows)


def held_out_spec(spec: str, problems: str) -> str:
    """What to measure on: as named, else 1,000 other generated problems of the level that is trained on."""
    if spec:
        return spec
    kind, level, *_ = [*problems.split(":"), ""]
    if kind != GENERATED:
        raise BadInput("Name problems to measure on with --held-out, for example the data set's test file.")
    return f"{GENERATED}:{level}:{HELD_OUT}"


def fingerprint(spec: str) -> str:
    """What tells one content of a source from another: a file's SHA-256, 16 hex digits; the spec of generated ones."""
    if spec.partition(":")[0] == GENERATED:
        return spec
    try:
        return hashlib.sha256(Path(spec).read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise BadInput(f"{spec} cannot be read: {error.strerror or error}. Check its name.") from error


def write_problems(problems: Iterable[Problem], path: Path) -> None:
    """One a line, all fields."""
    write_lines((asdict(problem) for problem in problems), path)


def load_problems(path: Path) -> list[Problem]:
    """Those that `write_problems` wrote."""
    return [Problem(**row) for row in read_lines(path)]


def write_lines(rows: Iterable[object], path: Path) -> None:
    """JSON Lines, the file whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    partial.replace(path)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The rows of a file that `write_lines` wrote."""
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _generated(spec: str) -> list[Problem]:
    _, level, *numbers = [*spec.split(":"), ""]
    try:
        num, seed = (int(number) for number in filter(None, numbers))
    except ValueError:
        num = seed = -1
    if level not in ALL_LEVELS or num < 1 or seed < 0:
        raise BadInput(
            f"“{spec}” names no generated problems: it should look like built-in:easy:1000:5, that is the level "
            f"({', '.join(ALL_LEVELS)}), how many, and the seed."
        )
    return problem_set(level, num, seed)


def split(
    training: Sequence[Problem], held_out: Sequence[Problem]
) -> tuple[list[Problem], list[Problem], dict[str, int]]:
    """(problems to learn from, problems to measure on, dropped by reason): a gold answer each, none in both."""
    dropped: Counter[str] = Counter()
    known = {problem.id for problem in training}
    to_learn = [problem for problem in training if problem.answer and problem.answer.strip()]
    dropped["to learn from: no gold answer"] = len(training) - len(to_learn)
    to_measure = []
    for problem in held_out:
        if not (problem.answer and problem.answer.strip()):
            dropped["held out: no gold answer"] += 1
        elif problem.id in known:
            dropped["held out: it is learnt from"] += 1
        else:
            to_measure.append(problem)
    return to_learn, to_measure, {reason: num for reason, num in dropped.items() if num}
