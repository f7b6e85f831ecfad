"""A solution as equations with named unknowns, solved exactly by sympy (EoTD, arXiv 2401.11864).

    answer = Cal_coins                 → outcome "answer = 201"
    Cal_coins = Ben_coins * 3          → outcome "Cal_coins = 201"
    Ben_coins = Ana_coins + 26         → outcome "Ben_coins = 67"
    Ana_coins = 41                     → outcome "Ana_coins = 41"; the answer is 201

A step is a line; what it determines in the end is its outcome; the order does not matter. Where there are code fences
only what is between them is solved. checks/equations.py says what is read and what is asked.

Not covered: an answer that is stated beside the equations ("Answer: 201") is not believed, only what they give.
"""

from collections.abc import Sequence
from functools import lru_cache

from reasoner.checks.equations import ANSWER_NAMES, Line, read_lines, solve_equations
from reasoner.checks.relations import Names, name_key
from reasoner.checks.specifications import statement_lines
from reasoner.engines.prompts import STOP
from reasoner.formats.format import Format, Reading, before_stop
from reasoner.formats.solving import is_given, outcome, solved_reading
from reasoner.records import Step
from reasoner.steps import tag_steps

INSTRUCTION = """Translate the problem into equations; do not solve them, a program will. Write one equation a line, \
every quantity with a name that says what it is, such as Ben_coins, every number in figures, percentages as 20 / 100. \
The first equation is `answer = ` and the name of what is asked. Write only the equations, in a ``` block. For \
example, for "Ana has 3 coins. Ben has 2 more coins than Ana. How many coins does Ben have?":
```
answer = Ben_coins
Ben_coins = Ana_coins + 2
Ana_coins = 3
```"""


def parse(text: str) -> tuple[Step, ...]:
    """The lines of a completion: equations, and words; nothing is solved."""
    return _steps(_lines(text))


def answer(text: str) -> str | None:
    """The value of what is asked, by solving; None where the equations do not determine it."""
    return read(text).answer


@lru_cache(maxsize=4_096)
def read(text: str) -> Reading:
    """The steps, each with what it determines in the end, and the answer."""
    lines = _lines(text)
    steps = _steps(lines)
    if not any(line.relations or line.error for line in lines):
        return Reading(steps, None, "there is no equation in it")
    solved = solve_equations([line.text if line.is_code else "" for line in lines])
    outcomes = [
        f"unreadable: {line.error}" if line.error else outcome(i, _names(line), solved) for i, line in enumerate(lines)
    ]
    return solved_reading(steps, outcomes, solved)


def _lines(text: str) -> list[Line]:
    found = list(statement_lines(before_stop(text, EQUATIONS.stop)))
    return read_lines([line for line, _ in found], Names(), [is_code for _, is_code in found])


def _names(line: Line) -> list[str]:
    """The names that a line's outcome is about: the one it defines, else all it speaks of."""
    defined = [relation.defined for relation in line.relations if relation.defined is not None]
    return list(dict.fromkeys(defined or [name for relation in line.relations for name in relation.names]))


def _steps(lines: Sequence[Line]) -> tuple[Step, ...]:
    """Words keep the action they name; what is given formalizes, `answer` summarizes, other equations solve."""
    is_equation = [bool(line.relations or line.error) for line in lines]
    worded = tag_steps(["" if is_one else line.text for line, is_one in zip(lines, is_equation, strict=True)])
    asked = {name for line in lines if _is_goal(line) for name in line.relations[0].names}
    return tuple(
        Step(line.text, _action(line, asked), kind="equation") if is_one else Step(line.text, word.action)
        for line, is_one, word in zip(lines, is_equation, worded, strict=True)
    )


def _is_goal(line: Line) -> bool:
    defined = line.relations[0].defined if line.relations else None
    return defined is not None and name_key(defined) in ANSWER_NAMES


def _action(line: Line, asked: set[str]) -> str | None:
    if not line.relations:
        return None
    if _is_goal(line):
        return "Summarize"
    if is_given(line.text):
        return "Formalize"
    return "Solve Parent" if line.relations[0].defined in asked else "Solve Subquestion"


EQUATIONS = Format(
    name="equations",
    title="Equations",
    instruction=INSTRUCTION,
    stop=(STOP,),
    max_new_tokens=400,  # ours: as for transitions
    parse=parse,
    answer=answer,
    tag="Equations",
    runs=True,
    read=read,
)
