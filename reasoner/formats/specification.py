"""A solution as a declarative specification, solved exactly by Z3 (SatLM, arXiv 2305.09656).

    Ana_coins = Variable()             a declaration; outcome "Ana_coins = 41"
    Ana_coins = 41                     a constraint
    Ben_coins = Variable()
    Ben_coins = Ana_coins + 26         outcome "Ben_coins = 67"
    result = Ben_coins
    solve(result)                      the answer is 67; else UNSAT, AMBIG or timeout

Statements are told in the problem's order and hold together; "=" never assigns. The paper's `def solution():` with a
docstring and `return result` is read as well. checks/specifications.py says what is read.
"""

from collections.abc import Sequence
from functools import lru_cache

from reasoner.checks.equations import ANSWER_NAMES
from reasoner.checks.logic import solve_statements
from reasoner.checks.specifications import Statement, read_statements
from reasoner.engines.prompts import STOP
from reasoner.formats.format import Format, Reading, before_stop
from reasoner.formats.solving import is_given, outcome, solved_reading
from reasoner.records import Step, StepKind
from reasoner.steps import tag_steps

INSTRUCTION = """Write down what the problem says as constraints, in the order in which it is told; do not solve \
anything, a solver will. Declare every unknown quantity with Variable(), then write what holds, one statement a line: \
`=` states an equation, and <, >, != are allowed. The last two lines are `result = ` and the name of what is \
asked, and `solve(result)`. Write only the statements, in a ```python block. For example, for "Ana has 3 coins, \
which is 2 more than Ben. How many coins does Ben have?":
```python
Ana_coins = 3
Ben_coins = Variable()
Ana_coins = Ben_coins + 2
result = Ben_coins
solve(result)
```"""
_STEP_KINDS: dict[str, StepKind] = {"declaration": "declaration", "constraint": "constraint", "goal": "declaration"}


def parse(text: str) -> tuple[Step, ...]:
    """The statements of a completion, and words around them; nothing is solved."""
    return _steps(read_statements(before_stop(text, SPECIFICATION.stop)))


def answer(text: str) -> str | None:
    """The value of what is asked, by solving; None for UNSAT, AMBIG, timeout."""
    return read(text).answer


@lru_cache(maxsize=4_096)
def read(text: str) -> Reading:
    """The steps, each with the value of the quantity it names, and the answer."""
    statements = read_statements(before_stop(text, SPECIFICATION.stop))
    steps = _steps(statements)
    if not any(statement.constraints or statement.declared or statement.error for statement in statements):
        return Reading(steps, None, "there is no specification in it")
    solved = solve_statements(tuple(statements))
    outcomes = [
        f"unreadable: {statement.error}" if statement.error else outcome(i, _names(statement), solved)
        for i, statement in enumerate(statements)
    ]
    return solved_reading(steps, outcomes, solved)


def _names(statement: Statement) -> list[str]:
    """The names whose values a statement's outcome tells; of a comparison all that it speaks of."""
    if statement.kind == "declaration":
        return [name for name, _ in statement.declared]
    if statement.defines:
        return [statement.defines]
    programs = statement.constraints or ((statement.goal,) if statement.goal else ())
    return list(dict.fromkeys(text for program in programs for kind, text, _ in program if kind == "name"))


def _steps(statements: Sequence[Statement]) -> tuple[Step, ...]:
    """Words keep the action they name; declarations and givens formalize, the goal summarizes, the others solve."""
    worded = tag_steps([statement.text if statement.kind == "words" else "" for statement in statements])
    actions = [
        word.action if statement.kind == "words" else _action(statement)
        for statement, word in zip(statements, worded, strict=True)
    ]
    solving = [i for i, action in enumerate(actions) if action == "Solve Subquestion"]
    if solving:
        actions[solving[-1]] = "Solve Parent"
    return tuple(
        Step(statement.text, action, kind=_STEP_KINDS.get(statement.kind, "words"))
        for statement, action in zip(statements, actions, strict=True)
    )


def _action(statement: Statement) -> str | None:
    if statement.error:
        return None
    if statement.kind == "goal" or statement.defines.split("#")[0] in ANSWER_NAMES:
        return "Summarize"
    is_formal = statement.kind == "declaration" or is_given(statement.text)
    return "Formalize" if is_formal else "Solve Subquestion"


SPECIFICATION = Format(
    name="specification",
    title="Specification",
    instruction=INSTRUCTION,
    stop=(STOP,),
    max_new_tokens=512,  # ours: a declaration and a constraint a quantity
    parse=parse,
    answer=answer,
    tag="Specification",
    runs=True,
    read=read,
)
