"""What the two formats that a solver answers have in common: the words for its outcome, step by step.

outcome(3, ("Ben_coins",), Solved("value", "67", {"Ben_coins": "67"}))      "Ben_coins = 67"
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from reasoner.checks.solved import Solved
from reasoner.formats.format import Reading
from reasoner.records import Step

MAX_SHOWN = 4  # steps named in one outcome
MAX_OUTCOME = 200  # characters; ours: what fits beside a step
_NAMED = {"none": "no solution", "many": "not determined", "unreadable": "unreadable"}
_NUMBER = re.compile(r"\s*=\s*[-+]?[$]?\s*[\d,]*\.?\d+\s*%?\s*(?:[#(].*)?$")


def failure(solved: Solved) -> str:
    """Why there is no answer: "UNSAT: …", "AMBIG: …", "timeout: …"; empty where there is one."""
    if solved.status == "value":
        return ""
    return f"{_NAMED.get(solved.status, solved.status)}: {solved.reason}".rstrip(": ")


def outcome(index: int, names: Sequence[str], solved: Solved) -> str:
    """What step `index` comes to: the values of `names` in the solution, or which steps it contradicts."""
    if solved.status in ("none", "UNSAT") and index in solved.lines:
        others = [str(line + 1) for line in solved.lines if line != index][:MAX_SHOWN]
        return f"UNSAT: contradicts step {', '.join(others)}" if others else "UNSAT: cannot hold"
    values = [(name, solved.values.get(f"{name}#1", solved.values.get(name))) for name in names]
    return ", ".join(f"{name.partition('#')[0]} = {value}" for name, value in values if value)[:MAX_OUTCOME]


def solved_reading(steps: Sequence[Step], outcomes: Sequence[str], solved: Solved) -> Reading:
    """The steps with what each of them comes to, and the answer or why there is none."""
    told = tuple(replace(step, outcome=said) for step, said in zip(steps, outcomes, strict=True))
    return Reading(told, solved.value, failure(solved))


def is_given(text: str) -> bool:
    """Does a line only state a number: "Ana_coins = 41"?"""
    return _NUMBER.search(text) is not None
