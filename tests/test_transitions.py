"""State transitions: all seven actions, in lines and in the paper's blocks, and where a Backtrack goes."""

import pytest

from reasoner.actions import backtrack_target
from reasoner.checks.grammar import check_grammar
from reasoner.formats import FORMATS
from reasoner.records import ACTIONS, Step

TRANSITIONS = FORMATS["transitions"]

LINES = """Formalize: find Cal's coins
Decompose: Ana's coins, Ben's coins
Solve Subquestion: Ben's coins = 41 + 26 = 68
Verify: 41 + 26 = 67, not 68
Backtrack: to state 2
Solve Subquestion: Ben's coins = 41 + 26 = 67
Solve Parent: Cal's coins = 67 * 3 = 201
Summarize: the answer is 201"""

NAMED = [line.split(": ", 1) for line in LINES.split("\n")]
BLOCKS = "\n".join(f"State {n}:\nAction: {action}\nOutput: {output}" for n, (action, output) in enumerate(NAMED))
DRESSED = "\n\n".join(
    f"**State {n}:**\n**Action:** {action}\n**Output:** {output}" for n, (action, output) in enumerate(NAMED)
)
HEADED = "\n".join(f"### State {n}\nAction: {action}\nOutput: {output}" for n, (action, output) in enumerate(NAMED))
NUMBERLESS = "\n".join(f"Action: {action}\nOutput: {output}" for action, output in NAMED)
ONE_LINE = "\n".join(f"State {n}: {action}: {output}" for n, (action, output) in enumerate(NAMED))
BRACKETS = "\n".join(f"{n}. [{action}]: {output}" for n, (action, output) in enumerate(NAMED))


@pytest.mark.parametrize("text", [LINES, BLOCKS, DRESSED, HEADED, NUMBERLESS, ONE_LINE, BRACKETS])
def test_the_seven_actions_are_read_however_they_are_written(text: str) -> None:
    steps = TRANSITIONS.parse(text)
    assert [step.action for step in steps] == [action for action, _ in NAMED]
    assert {step.action for step in steps} == set(ACTIONS)
    assert all(step.is_legal for step in steps)
    assert check_grammar([step.text for step in steps]) == []
    assert TRANSITIONS.answer(text) == "201"
    assert backtrack_target(steps, 4) == 2


@pytest.mark.parametrize("text", [LINES, BLOCKS, DRESSED])
def test_steps_keep_their_text_exactly(text: str) -> None:
    assert [line for step in TRANSITIONS.parse(text) for line in step.text.split("\n") if line] == [
        line for line in text.split("\n") if line
    ]


def test_blocks_that_count_from_one_go_back_to_their_own_numbers() -> None:
    text = "\n".join(f"State {n}:\nAction: {action}\nOutput: {output}" for n, (action, output) in enumerate(NAMED, 1))
    steps = TRANSITIONS.parse(text.replace("to state 2", "to State 3"))
    assert backtrack_target(steps, 4) == 2  # where the block "State 3:", the third, starts
    assert steps[4].is_legal


@pytest.mark.parametrize(
    ("words", "target"),
    [
        ("to state 2", 2),
        ("return to State 1.", 1),
        ("to state 0", 0),
        ("redo step 3", 2),  # steps count from 1 where nothing numbers them
        ("go back to the last correct state", 2),
        ("", 2),
        ("to state 9", None),
    ],
)
def test_a_backtrack_goes_to_the_state_it_names_else_to_the_last_correct_one(words: str, target: int | None) -> None:
    steps = TRANSITIONS.parse(LINES.replace("Backtrack: to state 2", f"Backtrack: {words}".rstrip()))
    assert backtrack_target(steps, 4) == target


def test_what_lies_between_the_failed_verify_and_the_backtrack_is_not_what_failed() -> None:
    steps = [
        Step("Solve Subquestion: a = 1", "Solve Subquestion"),
        Step("Solve Subquestion: b = 2", "Solve Subquestion"),
        Step("Verify: a is wrong", "Verify"),
        Step("Backtrack", "Backtrack"),
        Step("Solve Subquestion: b = 3", "Solve Subquestion"),
        Step("Verify: wrong again", "Verify"),
        Step("Backtrack", "Backtrack"),
    ]
    assert [backtrack_target(steps, index) for index in range(7)] == [None, None, None, 1, None, None, 4]


def test_a_backtrack_before_anything_was_solved_goes_nowhere() -> None:
    assert backtrack_target([Step("Backtrack", "Backtrack")], 0) is None


def test_the_instruction_shows_a_solution_that_is_read_as_meant() -> None:
    example = TRANSITIONS.instruction.split('have?":\n')[1]
    steps = TRANSITIONS.parse(example)
    assert all(step.is_legal and step.action for step in steps)
    assert TRANSITIONS.answer(example) == "5"
    assert all(f"'{action}: " in TRANSITIONS.instruction for action in ACTIONS)
