"""Equations solved exactly by sympy: what EoTD has a model write (arXiv 2401.11864).

    solve_equations(["answer = Ben_coins", "Ben_coins = Ana_coins + 26", "Ana_coins = 41"])
        Solved("value", "67", {"Ana_coins": "41", "Ben_coins": "67", "answer": "67"})
    solve_equations(["x**2 = 9"], "x")              Solved("many", None, {}, "x may be -3 or 3", options=("-3", "3"))
    solve_equations(["x**2 = 9", "x > 0"], "x")     Solved("value", "3", {"x": "3"})

relations.py says how lines are read; what is asked is `wanted`, else "answer", "ans" or "result", else what the last
line names. solver_equations.py does the solving, in a worker process that is killed when it is late.

Not covered: complex solutions, units, equations between anything but real numbers.
"""

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from reasoner.checks.expressions import Program, Unreadable
from reasoner.checks.relations import Names, Relation, name_key, read_expression, read_line
from reasoner.checks.solved import Solved, asked, quoted, solved_from
from reasoner.checks.worker import BUSY, Worker

SECONDS = 3.0  # of computing, a system of equations. Ours: a hundred times what one of ten unknowns takes
MAX_LINES = 200
ANSWER_NAMES = ("answer", "ans", "result", "final_answer", "the_answer")

_worker = Worker("from reasoner.checks.solver_equations import serve; serve()", BUSY * SECONDS + 1)
_GOAL = re.compile(
    r"^\W*(?:(?:so|now|then|finally|we|must|need to|want to|to|the|final)\W+)*"
    r"(?:answer|solve(?: for)?|find|return|goal|wanted)\s*(?::|\bis\b)?\s*(.+)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of equations, read."""

    text: str
    relations: tuple[Relation, ...] = ()  # empty: it states none
    error: str = ""  # why it could not be read, where it looks like an equation
    is_code: bool = True  # False: words around a block of equations, not to be read


def solve_equations(lines: Sequence[str], wanted: str | None = None) -> Solved:
    """The value of what is asked, and of every quantity that the lines determine."""
    if len(lines) > MAX_LINES:
        return Solved("unreadable", reason=f"there are {len(lines)} lines, at most {MAX_LINES} are read")
    return _solve(tuple(lines), wanted)


@lru_cache(maxsize=4_096)
def _solve(lines: tuple[str, ...], wanted: str | None) -> Solved:
    names = Names()
    read = read_lines(lines, names)
    try:
        goal = _goal(read, wanted, names)
    except Unreadable as error:
        return Solved("unreadable", reason=f"what is asked cannot be read: {error}")
    relations = [(i, relation) for i, line in enumerate(read) for relation in line.relations]
    if goal is None:
        return _nothing_asked(read)
    reply = asked(
        _worker,
        {
            "relations": [[i, relation.sign, relation.left, relation.right] for i, relation in relations],
            "goal": goal,
            "lines": list(lines),
        },
        SECONDS,
    )
    return _with_unread(solved_from(reply), read)


def read_lines(lines: Sequence[str], names: Names, is_code: Sequence[bool] = ()) -> list[Line]:
    """Every line with the relations it states; `is_code` says of each whether it is to be read, all are by default.

    They are gone through twice, so that a name counts as one wherever it is first written.
    """
    for i, text in enumerate(lines):
        with contextlib.suppress(Unreadable):
            read_line(text if not is_code or is_code[i] else "", names)
    read = []
    for i, text in enumerate(lines):
        if is_code and not is_code[i]:
            read.append(Line(text, is_code=False))
            continue
        try:
            read.append(Line(text, tuple(read_line(text, names))))
        except Unreadable as error:
            read.append(Line(text, (), str(error)))
    return read


def _goal(read: Sequence[Line], wanted: str | None, names: Names) -> Program | None:
    """What is asked, as a program."""
    if wanted is not None:
        return read_expression(wanted, names)
    relations = [relation for line in read for relation in line.relations]
    for relation in relations:
        if relation.defined is not None and name_key(relation.defined) in ANSWER_NAMES:
            return (("name", relation.defined, 0),)
    last = next((line for line in reversed(read) if line.text.strip()), None)
    if last is not None and not last.relations and not last.error:
        found = _GOAL.match(last.text)
        said = _read_or_none(found[1] if found else last.text, names, is_told=found is not None)
        if said is not None:
            return said
    for relation in reversed(relations):
        if relation.defined is not None:
            return (("name", relation.defined, 0),)
    unknowns = dict.fromkeys(name for relation in relations for name in relation.names)
    return (("name", next(iter(unknowns)), 0),) if len(unknowns) == 1 else None


def _read_or_none(text: str, names: Names, is_told: bool) -> Program | None:
    """The expression in `text`: a name that is known, or a calculation; None where it is only words."""
    try:
        program = read_expression(text.strip().rstrip(".?"), Names())
    except Unreadable:
        return None
    is_bare = len(program) == 1
    if is_bare and (program[0][0] == "number" or not names.has(program[0][1])):
        return None
    return read_expression(text.strip().rstrip(".?"), names) if not is_bare or is_told or names else None


def _nothing_asked(read: Sequence[Line]) -> Solved:
    wrong = [i for i, line in enumerate(read) if line.error]
    if wrong:
        return Solved("unreadable", reason=_unread(read, wrong[0]), lines=tuple(wrong))
    if not any(line.relations for line in read):
        return Solved("unreadable", reason='there is no equation: write one a line, such as "answer = 41 + 26"')
    return Solved("many", reason='the equations do not say what is asked: add a line "answer = …"')


def _with_unread(solved: Solved, read: Sequence[Line]) -> Solved:
    """`solved`, with a word about lines that look like equations and could not be read."""
    wrong = tuple(i for i, line in enumerate(read) if line.error)
    if not wrong or solved.status in ("timeout", "unreadable"):
        return solved
    if solved.status == "value":
        reason = f"{_unread(read, wrong[0])}; the others determine the value"
        return Solved("value", solved.value, solved.values, reason, wrong)
    return Solved("unreadable", None, solved.values, _unread(read, wrong[0]), wrong)


def _unread(read: Sequence[Line], index: int) -> str:
    return f"line {index + 1}, {quoted(read[index].text)}, cannot be read: {read[index].error}"
