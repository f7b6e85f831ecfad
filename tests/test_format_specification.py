"""Specifications as a format: a statement a step, the value it names its outcome, the answer by solving."""

import json
import re
from pathlib import Path

import pytest

from reasoner.engines.prompts import question_prompt, read_prompt
from reasoner.formats import FORMATS

SPECIFICATION = FORMATS["specification"]
COINS = (
    "Ana_coins = Variable()\nAna_coins = 41\nBen_coins = Variable()\nBen_coins = Ana_coins + 26\n"
    "result = Ben_coins\nsolve(result)"
)


def test_a_step_is_a_statement_and_its_outcome_the_value_it_names() -> None:
    reading = SPECIFICATION.reading(COINS)
    assert (reading.answer, reading.error) == ("67", "")
    assert [(step.text, step.kind, step.outcome) for step in reading.steps] == [
        ("Ana_coins = Variable()", "declaration", "Ana_coins = 41"),
        ("Ana_coins = 41", "constraint", "Ana_coins = 41"),
        ("Ben_coins = Variable()", "declaration", "Ben_coins = 67"),
        ("Ben_coins = Ana_coins + 26", "constraint", "Ben_coins = 67"),
        ("result = Ben_coins", "constraint", "result = 67"),
        ("solve(result)", "declaration", "result = 67"),
    ]
    assert [step.action for step in reading.steps[3:]] == ["Solve Parent", "Summarize", "Summarize"]


def test_parsing_solves_nothing() -> None:
    steps = SPECIFICATION.parse(COINS)
    assert [step.text for step in steps] == COINS.split("\n")
    assert not any(step.outcome for step in steps)


# What chat models write when asked with the instruction: their habits around and inside the block.
@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Sure!\n```python\nx = Variable()\nx + 3 = 10\nsolve(x)\n```\nThe answer is 8.", "7"),
        ("def solution():\n    '''How many?'''\n    a = 5\n    result = a * 2\n    return result", "10"),
        ("from z3 import *\nx = Real('x')\ns = Solver()\ns.add(x * 2 == 9)\nprint(s.check())\nsolve(x)", "4.5"),
        ("# given\nprice = 80\n# a fifth off\nrest = price * (1 - 20 / 100)\nsolve(rest)", "64"),
        ("apples = Variable()\n3 × apples = 12\nsolve(apples)", "4"),
        ("apples = Variable()  # unknown\napples > 2\napples < 4\nassert apples == 3\nresult = solve(apples)", "3"),
        ("We know the total.\n\ntotal = 9\npart = Variable()\ntotal = part + 4\nresult = part", "5"),
    ],
)
def test_a_specification_is_found_however_a_model_dresses_it(text: str, answer: str) -> None:
    reading = SPECIFICATION.reading(text)
    assert (reading.answer, reading.error) == (answer, "")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("x = 1\nx = 2\nsolve(x)", "UNSAT: "),
        ("x = Variable()\nx > 1\nsolve(x)", "AMBIG: x may be "),
        ("a = Int('a')\nb = Int('b')\nc = Int('c')\na**3 + b**3 + c**3 == 114\nsolve(a)", "timeout"),
        ("x = foo(1)\nsolve(x)", "unreadable: "),
        ("There are 5.\nThe answer is 5.", "there is no specification in it"),
        ("", "there is no specification in it"),
    ],
)
def test_without_an_answer_the_reading_says_which_of_the_paper_s_outcomes_it_is(text: str, error: str) -> None:
    reading = SPECIFICATION.reading(text)
    assert reading.answer is None
    assert reading.error.startswith(error)


def test_statements_that_contradict_each_other_say_so() -> None:
    reading = SPECIFICATION.reading("x = 1\ny = 3\nx = 2\nsolve(y)")
    assert [step.outcome for step in reading.steps] == [
        "UNSAT: contradicts step 3",
        "",
        "UNSAT: contradicts step 1",
        "",
    ]


def test_an_overwritten_name_shows_its_value_at_each_statement() -> None:
    reading = SPECIFICATION.reading("total = 5\ntotal = total + 3\nresult = total * 2\nsolve(result)")
    assert [step.outcome for step in reading.steps] == ["total = 5", "total = 8", "result = 16", "result = 16"]


def test_what_a_base_model_asks_next_is_no_part_of_the_solution() -> None:
    assert SPECIFICATION.answer(f"{COINS}\nQuestion: and what if\nsolve(Ana_coins)") == "67"


def test_the_instruction_s_example_is_in_the_format_and_survives_a_prompt() -> None:
    assert SPECIFICATION.answer(SPECIFICATION.instruction.partition('have?":')[2]) == "1"
    asked = read_prompt(question_prompt("Who?", SPECIFICATION.instruction))
    assert asked is not None
    assert asked.partial == ""


def test_satlm_s_prompts_are_read_statement_by_statement(real_data: Path) -> None:
    lines = (real_data / "satlm" / "gsm_prompts.jsonl").read_text().splitlines()
    prompts = [json.loads(line)["prompt"] for line in lines if line.startswith("{")]
    texts = [
        part.partition("# solution in Python:")[2]
        for prompt in prompts
        for part in re.split("^Q: ", prompt, flags=re.M)
    ]
    for text in filter(None, texts):
        reading = SPECIFICATION.reading(text)
        assert reading.answer is not None
        assert all(step.outcome for step in reading.steps if step.kind != "words"), reading.steps
