"""What measuring a solver gave, and its file: the first line says what was asked for, then one problem a line.

    {"measured": 1, "model": "solver", "format": "transitions", "num_samples": 8, …}
    {"problem_id": "9f…", "greedy": "not right", "error_class": "calculation", "right": [true, null], …}

Lines are appended after the last whole one, so a killed run loses what it was writing and nothing else.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from reasoner.errors import RunError
from reasoner.intervals import wilson
from reasoner.records import Interval
from reasoner.votes import majority

FILE = "measured.jsonl"

Status = Literal["right", "not right", "unjudged"]
Asked = dict[str, Any]
"""What the rows depend on: the file's first line."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One problem as one solver fares on it."""

    problem_id: str
    level: str
    greedy: Status
    reason: str = ""  # why it could not be judged, for a person
    text: str = ""  # the greedy solution
    answer: str | None = None  # its answer
    tokens: int = 0  # generated for it
    error_class: str = ""  # of its first error, one of CLASSES; "" unless it is not right
    error_by: Literal["oracle", "machine", ""] = ""
    right: tuple[bool | None, ...] = ()  # of each sample; None: could not be judged
    groups: tuple[int, ...] = ()  # which answer each sample gives, the commonest is 0; -1 without one
    num_distinct: int = 0  # different samples by their text, white space aside
    sampled_tokens: int = 0  # generated for all samples

    @property
    def num_right(self) -> int:
        return sum(one is True for one in self.right)

    @property
    def num_judged(self) -> int:
        return sum(one is not None for one in self.right)

    @property
    def num_answers(self) -> int:
        """Different answers of the samples."""
        return len(set(self.groups) - {-1})

    @property
    def majority(self) -> Status:
        """The commonest answer of all samples; one that ties with another decides nothing (reasoner.votes)."""
        return vote(self.right, self.groups)


@dataclass(frozen=True)
class Measured:
    """One solver on the held-out problems."""

    outcomes: tuple[Outcome, ...]  # in the order of the problems
    model: str
    adapter: str
    format: str
    num_samples: int
    temperature: float
    seed: int
    seconds: float = 0.0  # of this call: a run taken up again has the rest only

    @cached_property
    def accuracy(self) -> Interval:
        """Greedily right of the judged ones, with Wilson's interval."""
        return wilson(sum(one.greedy == "right" for one in self.outcomes), len(self.outcomes) - self.num_unjudged)

    @cached_property
    def num_unjudged(self) -> int:
        return sum(one.greedy == "unjudged" for one in self.outcomes)


def vote(right: Sequence[bool | None], groups: Sequence[int]) -> Status:
    """What the majority of some samples of one problem is worth: "not right" without a majority, too."""
    members: dict[int, list[int]] = {}
    for place, group in enumerate(groups):
        if group >= 0:
            members.setdefault(group, []).append(place)
    largest = sorted(members.values(), key=lambda own: (-len(own), own[0]))
    if majority(largest) is None:
        return "unjudged" if right and all(one is None for one in right) else "not right"
    is_right = right[largest[0][0]]
    return "unjudged" if is_right is None else "right" if is_right else "not right"


def read_measured(folder: Path) -> Measured:
    """What `measure` left in `folder`. Raises RunError when it is not there, or not whole."""
    path = folder / FILE
    asked, found = _read(path)
    if asked is None or len(found) < asked["num_problems"]:
        raise RunError(f"{path} is not there or not whole: measure again, it goes on where it was.")
    return measured_of(asked, tuple(found.values()))


def measured_of(asked: Asked, outcomes: tuple[Outcome, ...]) -> Measured:
    """Outcomes with what was asked for."""
    names = ("model", "adapter", "format", "num_samples", "temperature", "seed")
    return Measured(outcomes, **{name: asked[name] for name in names})


class Rows:
    """The rows of one file, those of a killed run taken over; without a path they are kept in memory alone."""

    def __init__(self, path: Path | None, asked: Asked) -> None:
        self.path = path
        self.found: dict[str, Outcome] = {}
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        old, self.found = _read(path)
        if old is None:
            _append(path, [asked], is_new=True)
        elif old != asked:
            differing = ", ".join(sorted(key for key in {**old, **asked} if old.get(key) != asked.get(key)))
            raise RunError(f"{path} was measured with other settings ({differing}): give another folder, or delete it.")

    def add(self, outcomes: Sequence[Outcome]) -> None:
        """Write them after the last whole line."""
        if self.path is not None:
            _append(self.path, [asdict(one) for one in outcomes])
        self.found |= {one.problem_id: one for one in outcomes}


def _append(path: Path, rows: Sequence[dict[str, Any]], is_new: bool = False) -> None:
    """Lines in one write, after the last whole one."""
    lines = "".join(json.dumps(row, ensure_ascii=True) + "\n" for row in rows)
    try:
        with path.open("wb" if is_new else "r+b") as file:
            file.seek(0 if is_new else _whole(path))
            file.truncate()
            file.write(lines.encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise RunError(f"{path} cannot be written ({error.strerror}): free some space, then measure again.") from error


def _whole(path: Path) -> int:
    """How many bytes of a file are whole lines."""
    return path.read_bytes().rfind(b"\n") + 1


def _read(path: Path) -> tuple[Asked | None, dict[str, Outcome]]:
    """What was asked for and the rows by problem; a torn last line is no row. None: there is no whole first line."""
    try:
        lines = path.read_bytes()[: _whole(path)].decode().splitlines()
        if not lines:
            return None, {}
        asked = json.loads(lines[0])
        if not isinstance(asked, dict) or "measured" not in asked:
            raise ValueError("its first line does not say what was asked for")
        return asked, {one.problem_id: one for one in _rows(lines[1:])}
    except FileNotFoundError:
        return None, {}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RunError(f"{path} cannot be read ({error}): delete it and measure again.") from error


def _rows(lines: Sequence[str]) -> Iterator[Outcome]:
    for line in lines:
        row = json.loads(line)
        yield Outcome(**row | {"right": tuple(row["right"]), "groups": tuple(row["groups"])})
