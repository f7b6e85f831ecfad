"""Equations as a format: a line a step, what it determines its outcome, the answer by solving."""

import pytest

from reasoner.engines.prompts import question_prompt, read_prompt
from reasoner.formats import FORMATS
from reasoner.formats.format import Reading

EQUATIONS = FORMATS["equations"]
COINS = "answer = Cal_coins\nCal_coins = Ben_coins * 3\nBen_coins = Ana_coins + 26\nAna_coins = 41"


def outcomes(reading: Reading) -> list[str]:
    return [step.outcome for step in reading.steps]


def test_a_step_is_an_equation_and_its_outcome_what_it_determines() -> None:
    reading = EQUATIONS.reading(COINS)
    assert reading.answer == "201"
    assert reading.error == ""
    assert [step.text for step in reading.steps] == COINS.split("\n")
    assert {step.kind for step in reading.steps} == {"equation"}
    assert outcomes(reading) == ["answer = 201", "Cal_coins = 201", "Ben_coins = 67", "Ana_coins = 41"]
    assert [step.action for step in reading.steps] == ["Summarize", "Solve Parent", "Solve Subquestion", "Formalize"]


def test_parsing_solves_nothing() -> None:
    assert [(step.text, step.outcome) for step in EQUATIONS.parse(COINS)] == [(line, "") for line in COINS.split("\n")]


def test_any_order_gives_the_answer() -> None:
    assert EQUATIONS.answer("\n".join(COINS.split("\n")[::-1])) == "201"


# What chat models wrote when asked with the instruction (small ones, and made-up mixtures of their habits).
@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Sure! Here are the equations:\n\n```\nanswer = x\n2x + 3 = 9\n```\n\nSo the answer is 4.", "3"),
        ("```python\nanswer = total_cost\ntotal_cost = 3 * price  # three of them\nprice = 4.50\n```", "13.5"),
        ("1. answer = Ben_coins\n2. Ben_coins = Ana_coins + 26\n3. Ana_coins = 41", "67"),
        ("- **answer = Ben_coins**\n- **Ben_coins = 41 + 26**", "67"),
        ("Let x be the price of a shoe.\nx \\times 6 = 480\nAnswer: x", "80"),
        ("\\[ \\begin{aligned}\n6x + 4y &= 560 \\\\\ny &= \\frac{1}{4}x \\\\\n\\end{aligned} \\]\nanswer = 6x", "480"),
        ("Ana's coins = 41\nBen's coins = Ana's coins + 26\nAnswer: Ben's coins", "67"),
        ("money_left = 23 - 5 * 3\nThe answer is 9.", "8"),
        ("Let a = the number of apples.\na + 3 = 10\nanswer = a", "7"),
        ("discount = 20% of 80\nanswer = 80 - discount", "64"),
        ("x = 16 - 3 - 4 eggs\nanswer = x * $2", "18"),
        ("answer = robes_fabric; blue = 2; white = blue / 2; robes_fabric = blue + white", "3"),
        ("Equation 1: s + w = 7.\nEquation 2: s = 4.\nFinal answer: w", "3"),
        ("y = x + 5\nx = 4\nWe find y.", "9"),
    ],
)
def test_equations_are_found_however_a_model_dresses_them(text: str, answer: str) -> None:
    reading = EQUATIONS.reading(text)
    assert reading.answer == answer, reading
    assert reading.error == ""


def test_words_around_equations_stay_as_words() -> None:
    reading = EQUATIONS.reading("Sure:\n```\nanswer = 4 + 1\n```\nx = 9 is not in it.")
    assert [(step.kind, step.outcome) for step in reading.steps] == [
        ("words", ""),
        ("equation", "answer = 5"),
        ("words", ""),
    ]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("x = 1\nanswer = x\nx = 2", "no solution: "),
        ("answer = apples + 1", "not determined: "),
        ("answer = 3 dozen", "unreadable: line 1"),
        ("There are 5.\nThe answer is 5.", "there is no equation in it"),
        ("", "there is no equation in it"),
    ],
)
def test_without_an_answer_the_reading_says_why(text: str, error: str) -> None:
    reading = EQUATIONS.reading(text)
    assert reading.answer is None
    assert reading.error.startswith(error)


def test_lines_that_contradict_each_other_and_unread_ones_say_so() -> None:
    assert outcomes(EQUATIONS.reading("x = 1\nanswer = x\nx = 2")) == [
        "UNSAT: contradicts step 3",
        "",
        "UNSAT: contradicts step 1",
    ]
    [outcome, _] = outcomes(EQUATIONS.reading("x = 3 dozen\nanswer = 4"))
    assert outcome.startswith("unreadable: ")


def test_what_a_base_model_asks_next_is_no_part_of_the_solution() -> None:
    assert EQUATIONS.answer(f"{COINS}\nQuestion: and what if\nanswer = 5") == "201"


def test_the_instruction_s_example_is_in_the_format_and_survives_a_prompt() -> None:
    assert EQUATIONS.answer(EQUATIONS.instruction.partition('have?":')[2]) == "5"
    asked = read_prompt(question_prompt("Who?", EQUATIONS.instruction))
    assert asked is not None
    assert asked.partial == ""
