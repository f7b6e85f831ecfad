"""Gold solutions of generated problems in every format, and their gold key points, all from the DAG.

For "Ana has 41 coins. Ben has 26 more coins than Ana. How many coins does Ben have?":

    gold_solution(problem, "program")          gold_solution(problem, "specification")
        Ana_coins = 41                             Ana_coins = Variable()
        Ben_coins = Ana_coins + 26                 Ben_coins = Variable()
        answer = Ben_coins                         Ana_coins = 41
                                                   Ben_coins = Ana_coins + 26
    gold_key_points(problem)                       result = Ben_coins
        Core question: How many coins …?           solve(result)
        - Ben has 26 more coins than Ana.
        - Ana has 41 coins.

A program runs from what is given to the goal (KPDD-PoT, arXiv 2407.10167), equations go from the goal down to what is
given (EoTD, arXiv 2401.11864: their order does not matter), a specification says every sentence in the order told
(SatLM, arXiv 2305.09656), text + code + output takes turns (MARIO, arXiv 2401.08190).
"""

import re
from collections.abc import Callable

from reasoner.records import KeyPoints, Problem
from training.wordproblems import (
    Quantity,
    computed,
    expression,
    gold_chain_of_thought,
    gold_transitions,
    quantities_of,
)


def variable(name: str) -> str:
    """ "Ana's coins" → "Ana_coins", "the total" → "total"."""
    return name.removeprefix("the ").replace("'s ", "_")


def code_expression(quantity: Quantity) -> str:
    """The operation over variables: "Ana_coins + 26", "Ana_coins * 20 / 100", "41"."""
    if quantity.operator == "given":
        return str(quantity.operands[0])
    left, right = [variable(operand) if isinstance(operand, str) else str(operand) for operand in quantity.operands]
    if quantity.operator == "% of":
        return f"{right} * {left} / 100"
    return f"{left} {'*' if quantity.operator == '×' else quantity.operator} {right}"


def _assignment(quantity: Quantity) -> str:
    return f"{variable(quantity.name)} = {code_expression(quantity)}"


def _told(problem: Problem) -> list[Quantity]:
    """All quantities in the order the problem tells them; what only the question names comes last."""
    quantities, _ = quantities_of(problem)
    last = len(problem.question)
    return sorted(quantities, key=lambda q: problem.question.find(q.sentence) if q.sentence else last)


def _from_goal_down(problem: Problem) -> list[Quantity]:
    """What must be computed, the goal first, then the given quantities it rests on."""
    quantities, goal = quantities_of(problem)
    needed = computed(quantities, goal)[::-1]
    operands = {operand for quantity in needed for operand in quantity.operands}
    return needed + [q for q in reversed(quantities) if q.operator == "given" and q.name in operands]


def gold_program(problem: Problem) -> str:
    """Python, one quantity a line, from what is given to the goal."""
    _, goal = quantities_of(problem)
    needed = _from_goal_down(problem)
    by_name = {quantity.name: quantity for quantity in needed}
    lines: dict[str, None] = {}
    for quantity in (q for q in reversed(needed) if q.operator != "given"):
        operands = [by_name[operand] for operand in quantity.operands if isinstance(operand, str)]
        lines |= {_assignment(operand): None for operand in operands} | {_assignment(quantity): None}
    return "\n".join([*lines, f"answer = {variable(goal.name)}"])


def gold_text_code(problem: Problem) -> str:
    """Each quantity in words, then as a snippet, then the interpreter's output, as Python prints it."""
    quantities, goal = quantities_of(problem)
    values: dict[str, float] = {q.name: q.value for q in quantities if q.operator == "given"}
    lines = []
    for quantity in computed(quantities, goal):
        name, code = variable(quantity.name), code_expression(quantity)
        operands = [values[operand] if isinstance(operand, str) else operand for operand in quantity.operands]
        is_fraction = quantity.operator in ("/", "% of") or any(isinstance(value, float) for value in operands)
        values[quantity.name] = float(quantity.value) if is_fraction else quantity.value
        for given in (q for q in quantities if q.operator == "given" and q.name in quantity.operands):
            code = re.sub(rf"\b{variable(given.name)}\b", str(given.value), code)
        words = f"{quantity.name} = {expression(quantity)}"
        lines += [words, "<code>", f"{name} = {code}", name, "</code>", f"Output: {values[quantity.name]}"]
    return "\n".join([*lines, f"Final Answer: {goal.value}"])


def gold_equations(problem: Problem) -> str:
    """Equations with named unknowns, what is asked first."""
    _, goal = quantities_of(problem)
    return "\n".join([f"answer = {variable(goal.name)}", *map(_assignment, _from_goal_down(problem))])


def gold_specification(problem: Problem) -> str:
    """A variable for every quantity told, a constraint for every sentence, and what to solve for."""
    _, goal = quantities_of(problem)
    told = _told(problem)
    lines = [f"{variable(quantity.name)} = Variable()" for quantity in told] + [*map(_assignment, told)]
    return "\n".join([*lines, f"result = {variable(goal.name)}", "solve(result)"])


GOLD: dict[str, Callable[[Problem], str]] = {
    "transitions": gold_transitions,
    "cot": gold_chain_of_thought,
    "program": gold_program,
    "text_code": gold_text_code,
    "equations": gold_equations,
    "specification": gold_specification,
}


def gold_solution(problem: Problem, format: str) -> str:
    """The gold solution in that format, a key of reasoner.formats.FORMATS. KeyError: there is no such format."""
    return GOLD[format](problem)


def gold_key_points(problem: Problem) -> KeyPoints:
    """The core question and the sentences that bear on it, word for word, from the goal down to what is given."""
    sentences = [quantity.sentence for quantity in _from_goal_down(problem) if quantity.sentence]
    core_question = re.split(r"(?<=\.) ", problem.question)[-1]
    return KeyPoints(problem.id, core_question, tuple(dict.fromkeys(sentences)), by="gold")
