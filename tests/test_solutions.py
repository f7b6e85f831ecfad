"""Gold solutions in every format say what the DAG says, and can be run."""

import pytest

from reasoner.records import Problem
from training.solutions import GOLD, gold_key_points, gold_program, gold_solution, gold_text_code, variable
from training.wordproblems import LEVELS, problem_set

PROBLEMS = [problem for level in LEVELS for problem in problem_set(level, 12, seed=77)]


def test_a_variable_is_named_after_its_quantity() -> None:
    assert variable("Ana's coins") == "Ana_coins"
    assert variable("the total") == "total"


def _value(expression: str, values: dict[str, float]) -> float:
    """What Python gives for "a", "a + b" or "a * b / 100"."""
    numbers = [values[word] if word in values else int(word) for word in expression.split()[::2]]
    value = numbers[0]
    for sign, number in zip(expression.split()[1::2], numbers[1:], strict=True):
        value = {"+": value + number, "-": value - number, "*": value * number, "/": value / number}[sign]
    return value


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.id)
def test_a_gold_program_uses_only_what_it_has_computed_and_ends_in_the_answer(problem: Problem) -> None:
    values: dict[str, float] = {}
    for line in gold_program(problem).splitlines():
        name, expression = line.split(" = ")
        values[name] = _value(expression, values)
    assert values["answer"] == float(problem.answer or "")


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.id)
def test_the_outputs_of_text_and_code_are_what_python_prints(problem: Problem) -> None:
    values: dict[str, float] = {}
    blocks = gold_text_code(problem).split("<code>\n")[1:]
    for block in blocks:
        code, name = block.split("</code>")[0].strip().splitlines()
        variable_name, expression = code.split(" = ")
        values[variable_name] = _value(expression, values)
        output = block.split("Output: ")[1].splitlines()[0]
        assert name == variable_name and output == repr(values[name])
    assert gold_text_code(problem).endswith(f"Final Answer: {problem.answer}")


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.id)
def test_equations_and_specification_hold_for_the_values_of_the_program(problem: Problem) -> None:
    program = set(gold_program(problem).splitlines())
    assert set(gold_solution(problem, "equations").splitlines()) == program
    constraints = {line for line in gold_solution(problem, "specification").splitlines() if "Variable" not in line}
    assert program - {line for line in program if line.startswith("answer")} <= constraints


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.id)
def test_key_points_are_sentences_of_the_problem(problem: Problem) -> None:
    key_points = gold_key_points(problem)
    assert problem.question.endswith(key_points.core_question)
    assert all(point in problem.question for point in key_points.points)


def test_no_given_number_that_is_needed_is_missing_from_the_key_points() -> None:
    for problem in PROBLEMS:
        told = " ".join(gold_key_points(problem).points)
        needed = {word for line in gold_program(problem).splitlines() for word in line.split() if word.isdigit()}
        words = {"2": ("twice", "half"), "3": ("third",), "4": ("quarter",), "5": ("fifth",), "100": ("%",)}
        assert all(number in told or any(word in told for word in words.get(number, ())) for number in needed)


def test_every_format_has_a_gold_solution_for_every_problem() -> None:
    assert all(gold_solution(problem, name) for problem in PROBLEMS for name in GOLD)
