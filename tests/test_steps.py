"""Steps: how text is split, which action a step is, and what it establishes."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoner.records import ACTIONS
from reasoner.sentences import split_math, split_sentences
from reasoner.steps import action_of, established, split_steps, tag_steps

TRANSITIONS = """Formalize: find Cal's coins
Decompose: Ana's coins, Ben's coins, Cal's coins
Solve Subquestion: Ben's coins = Ana's coins + 26 = 41 + 26 = 67
Solve Parent: Cal's coins = Ben's coins * 3 = 67 * 3 = 201
Summarize: the answer is 201"""


def test_the_solvers_lines_are_steps_that_name_their_actions() -> None:
    steps = split_steps(TRANSITIONS)
    assert [step.text for step in steps] == TRANSITIONS.splitlines()
    assert [step.action for step in steps] == [
        *("Formalize", "Decompose", "Solve Subquestion", "Solve Parent", "Summarize"),
    ]
    assert all(step.is_legal for step in steps)


def test_lines_are_steps_where_there_are_several() -> None:
    text = "Ana has 3. Ben has 2.\n\n  \nThey have 3 + 2 = 5.  \r\n#### 5\n"
    assert [step.text for step in split_steps(text)] == ["Ana has 3. Ben has 2.", "They have 3 + 2 = 5.", "#### 5"]


def test_sentences_are_steps_on_a_single_line() -> None:
    text = "Dr. Ana has 3.5 kg of J. Smith's rice, i.e. a lot. Ben has 1.5! So 3.5 + 1.5 = 5. The answer is 5."
    assert [step.text for step in split_steps(text)] == [
        "Dr. Ana has 3.5 kg of J. Smith's rice, i.e. a lot.",
        "Ben has 1.5!",
        "So 3.5 + 1.5 = 5.",
        "The answer is 5.",
    ]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It costs $5. Then $6 more. Done.", ["It costs $5.", "Then $6 more.", "Done."]),
        ("Let $x = 5. Y$ hold. So $y=6.$ Thus $z = 7$.", ["Let $x = 5. Y$ hold.", "So $y=6.$", "Thus $z = 7$."]),
        ("We get \\(a. B\\) here. Next.", ["We get \\(a. B\\) here.", "Next."]),
        ("1. Find x. 2. Find y.", ["1. Find x.", "2. Find y."]),
        ('He said "Go." Then he went.', ['He said "Go."', "Then he went."]),
        ("He ran 5 m. Then he stopped.", ["He ran 5 m.", "Then he stopped."]),
        ("No stop at all", ["No stop at all"]),
        ("", []),
    ],
)
def test_sentences_end_where_people_end_them(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences


def test_kwai_star_blocks_are_one_step_each() -> None:
    text = "State 0:\nAction: Formalize\nOutput: find x\n\nState 1:\nAction: Solve Parent\nOutput: x = 3 + 4 = 7\n"
    steps = split_steps(text)
    assert [step.action for step in steps] == ["Formalize", "Solve Parent"]
    assert steps[1].text == "State 1:\nAction: Solve Parent\nOutput: x = 3 + 4 = 7"
    assert established(steps[1].text) == ("x=7",)


def test_math_pieces_are_at_most_nine_and_keep_the_answer_apart() -> None:
    text = " ".join(f"We have that the number $x_{i} = {i}.$" for i in range(20)) + "\nThe answer is 5."
    pieces = split_math(text)
    assert len(pieces) == 9
    assert pieces[-1] == "The answer is 5."
    assert " ".join(pieces).split() == text.split()
    assert split_math("") == []


def test_given_steps_are_kept_as_they_are() -> None:
    texts = ["  odd   spaces ", "", "line\nbreak"]
    assert [step.text for step in tag_steps(texts)] == texts


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("Verify: 3 + 4 = 7", "Verify"),
        ("**Solve Subquestion:** x = 3", "Solve Subquestion"),
        ("Action: Backtrack", "Backtrack"),
        ("Step 3: Solve Parent: x = 4", "Solve Parent"),
        ("solve_parent: x = 4", "Solve Parent"),
        ("#### 5", "Summarize"),
        ("So the answer is $\\boxed{5}$.", "Summarize"),
        ("A: 5", "Summarize"),
        ("Let me double-check that.", "Verify"),
        ("Wait, I made a mistake above.", "Backtrack"),
        ("We need to find how many eggs are left.", "Decompose"),
        ("So 3 + 4 = 7 eggs.", "Solve Subquestion"),
        ("He writes a check for 3 + 4 = 7 dollars.", "Solve Subquestion"),
        ("", None),
    ],
)
def test_an_action_is_told_by_name_or_by_content(text: str, action: str | None) -> None:
    assert action_of(text, 2, 9) == action


def test_the_last_solving_step_of_a_chain_of_thought_solves_the_question() -> None:
    texts = ["Ana has 3 coins.", "Ben has 3 + 2 = 5.", "Together 3 + 5 = 8.", "The answer is 8."]
    assert [step.action for step in tag_steps(texts)] == ["Formalize", "Solve Subquestion", "Solve Parent", "Summarize"]


def test_a_plain_chain_of_thought_breaks_no_rule() -> None:
    texts = ["The answer is 8.", "Let me check.", "I made a mistake.", "3 + 4 = 7", "The answer is 7."]
    assert all(step.is_legal for step in tag_steps(texts))


def test_steps_that_name_an_action_out_of_place_are_illegal() -> None:
    steps = tag_steps(["Backtrack: to state 1", "Solve Parent: x = 3", "Summarize: 3", "Verify: 3"])
    assert [step.is_legal for step in steps] == [False, True, True, False]


@pytest.mark.parametrize(
    ("text", "quantities"),
    [
        ("Solve Subquestion: Ben's coins = Ana's coins + 26 = 41 + 26 = 67", ("ben coins=67",)),
        ("So Ben’s coins = 41 + 26 = 67.", ("ben coins=67",)),
        ("He has 3 + 4 = 7 eggs and 2 * 7 = $<<2*7=14>>14.", ("7", "14")),
        ("1,000 * 1.5 = 1,500.00 dollars", ("1500",)),
        ("6 / 4 = 1.50", ("1.5",)),
        ("2 / 6 = 1/3", ("1/3",)),
        ("x + 3 = 10", ()),
        ("Formalize: find Cal's coins", ()),
        ("Summarize: the answer is 201", ("answer=201",)),
        ("#### 1,000", ("answer=1000",)),
    ],
)
def test_what_a_step_establishes_has_one_form(text: str, quantities: tuple[str, ...]) -> None:
    assert established(text) == quantities


@given(st.text(max_size=300))
def test_no_text_is_lost_or_breaks_a_step(text: str) -> None:
    steps = split_steps(text)
    assert "".join("".join(step.text for step in steps).split()) == "".join(text.split())
    for step in steps:
        assert step.action is None or step.action in ACTIONS
        established(step.text)


@pytest.mark.parametrize(
    "piece", ["$ A. ", "A. ", "a b. ", "State 1: ", "\n", "\\( A. ", "Step 1: ", "Verify: ", "Verify: a\n", "Let x\n"]
)
def test_a_hundred_thousand_characters_do_not_hang(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    split_steps(text)
    split_math(text)


def test_gsm8k_solutions_are_split_by_line(real_data: Path) -> None:
    for line in (real_data / "gsm8k" / "test.jsonl").read_text().splitlines()[:300]:
        answer = json.loads(line)["answer"]
        steps = split_steps(answer)
        assert [step.text.strip() for step in steps] == [line.strip() for line in answer.split("\n") if line.strip()]
        assert steps[-1].action == "Summarize"
        assert [step.action for step in steps].count("Solve Parent") == 1
        assert all(step.is_legal for step in steps)
