"""What a solver says, whichever it is: sympy of equations (equations.py), Z3 of a specification (logic.py)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from reasoner.checks.worker import NotStarted, Question, Reply, Worker

SolvedStatus = Literal["value", "none", "many", "UNSAT", "AMBIG", "timeout", "unreadable"]


@dataclass(frozen=True, slots=True)
class Solved:
    """The outcome of solving."""

    status: SolvedStatus  # equations: value, none, many; specifications: value, UNSAT, AMBIG; both: timeout, unreadable
    value: str | None = None  # of what is asked, exact: "201", "2.5", "8/3", "\\\\sqrt{2}"; None without one
    values: dict[str, str] = field(default_factory=dict)  # name → its value, where all solutions agree on it
    reason: str = ""  # for a person; empty for a value that needs no words
    lines: tuple[int, ...] = ()  # 0-based lines that contradict each other, or that could not be read
    options: tuple[str, ...] = ()  # values that what is asked may have, where there are several


def asked(worker: Worker, question: Question, seconds: float) -> Reply:
    """The worker's reply; one with status "timeout" where there was none in time."""
    try:
        reply = worker.ask(question)
    except NotStarted:
        return {"status": "timeout", "reason": "the solver could not be started: try again"}
    if reply is None:
        return {"status": "timeout", "reason": f"not solved within {seconds:g} seconds"}
    if "error" in reply:
        return {
            "status": "unreadable",
            "reason": f"the solver cannot solve this ({reply['error']}): write it more simply",
        }
    return reply


def solved_from(reply: Reply) -> Solved:
    """A reply as a Solved."""
    return Solved(
        reply["status"],
        reply.get("value"),
        dict(reply.get("values", {})),
        reply.get("reason", ""),
        tuple(reply.get("lines", ())),
        tuple(reply.get("options", ())),
    )


def quoted(line: str, limit: int = 60) -> str:
    """A line for a message."""
    line = " ".join(line.split())
    return f'"{line}"' if len(line) <= limit else f'"{line[: limit - 1]}…"'


def contradiction(lines: list[str], numbers: list[int]) -> str:
    """Words for lines (0-based) that contradict each other."""
    said = [f"{quoted(lines[number])} (line {number + 1})" for number in numbers[:4]]
    if len(numbers) == 1:
        return f"{said[0]} cannot hold"
    more = f" and {len(numbers) - 4} more" if len(numbers) > 4 else ""
    return f"{', '.join(said)}{more} contradict each other"


def smallest_core(numbers: list[int], is_contradictory: Callable[[list[int]], bool]) -> list[int]:
    """The numbers that no longer contradict each other once any of them is left out; at most 40 questions are asked."""
    kept = list(numbers)
    for number in numbers[:40]:
        without = [other for other in kept if other != number]
        if without and is_contradictory(without):
            kept = without
    return kept
