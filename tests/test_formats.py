"""How solutions are asked for and read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoner.errors import BadInput
from reasoner.formats import FORMATS, format_named

TRANSITIONS = """Formalize: find Ben's coins
Decompose: Ana's coins
Solve Subquestion: Ana's coins = 3
Solve Parent: Ben's coins = Ana's coins + 2 = 3 + 2 = 5
Summarize: the answer is 5"""


def test_transitions_are_read_line_by_line_with_their_actions() -> None:
    steps = FORMATS["transitions"].parse(TRANSITIONS + "\n")
    assert [step.text for step in steps] == TRANSITIONS.split("\n")
    assert [step.action for step in steps] == [
        "Formalize",
        "Decompose",
        "Solve Subquestion",
        "Solve Parent",
        "Summarize",
    ]
    assert all(step.is_legal for step in steps)
    assert FORMATS["transitions"].answer(TRANSITIONS) == "5"


def test_blocks_of_the_paper_are_transitions_too() -> None:
    steps = FORMATS["transitions"].parse(
        "State 0:\nAction: Formalize\nOutput: find Ben's coins\nState 1:\nAction: Solve Parent\nOutput: 3 + 2 = 5\n"
        "State 2:\nAction: Summarize\nOutput: the answer is 5"
    )
    assert [step.action for step in steps] == ["Formalize", "Solve Parent", "Summarize"]


def test_a_chain_of_thought_is_read_line_by_line() -> None:
    text = "Ben has 3 + 2 = 5 coins.\n\nThe answer is 5."
    assert [step.text for step in FORMATS["cot"].parse(text)] == ["Ben has 3 + 2 = 5 coins.", "The answer is 5."]
    assert FORMATS["cot"].answer(text) == "5"


@pytest.mark.parametrize("name", ["transitions", "cot"])
def test_what_a_base_model_asks_next_is_no_part_of_the_solution(name: str) -> None:
    format = FORMATS[name]
    rambling = "So it is 5.\nThe answer is 5.\nQuestion:"
    assert format.solution(rambling) == "So it is 5.\nThe answer is 5."
    assert [step.text for step in format.parse(rambling + " And Cal has 9?")] == ["So it is 5.", "The answer is 5."]
    assert format.answer(rambling + " Cal has 9") == "5"


@pytest.mark.parametrize("name", FORMATS)
@given(text=st.text())
def test_any_text_can_be_read(name: str, text: str) -> None:
    format = FORMATS[name]
    assert all(step.text.strip() for step in format.parse(text))
    answer = format.answer(text)
    assert answer is None or answer in text.replace("\r", "\n") or answer.strip()


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_brings_its_settings(name: str) -> None:
    format = FORMATS[name]
    assert (format.name, format.sampling().stop) == (name, format.stop)
    assert format.sampling().max_new_tokens == format.max_new_tokens
    assert format.sampling(num=3, seed=5, max_new_tokens=9).max_new_tokens == 9
    assert "):\n" not in format.instruction  # which ends the instruction in a prompt


def test_an_unknown_format_is_answered_with_those_there_are() -> None:
    with pytest.raises(BadInput, match="transitions or cot or program"):
        format_named("haiku")
