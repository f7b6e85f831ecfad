"""Words, code and outputs in turn: three ways of writing, re-run against what is recorded."""

import json
from pathlib import Path

import pytest

from reasoner.checks.answers import equal_answers
from reasoner.formats import FORMATS
from reasoner.formats.segments import split_segments
from reasoner.formats.text_code import DIFFERS, same_output

TEXT_CODE = FORMATS["text_code"]

BUILT_IN = """Ben's coins = Ana's coins + 26
<code>
Ben_coins = 41 + 26
Ben_coins
</code>
Output: 67
Cal's coins = Ben's coins × 3
<code>
Cal_coins = Ben_coins * 3
Cal_coins
</code>
Output: 201
Final Answer: 201"""

MARIO = """<p>
Ben has 26 more coins than Ana.
</p>
<code>
ben = 41 + 26
print(ben)
print(ben * 3)
</code>
Output:
67
201
<p>
So Cal has 201 coins.
Final Answer: 201
</p>"""

TORA = """```python
def coins():
    \"\"\"How many coins does Cal have?\"\"\"
    ben = 41 + 26
    return ben * 3

print(coins())
```
```output
201
```
Cal has $\\boxed{201}$ coins."""


def kinds(text: str) -> list[str]:
    return [step.kind for step in TEXT_CODE.parse(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BUILT_IN, ["words", "code", "output"] * 2 + ["words"]),
        (MARIO, ["words", "code", "output", "words", "words"]),
        (TORA, ["code", "output", "words"]),
        (
            "Let us see.\n```\nx = 1\nx\n```\nOutput:\n```\n1\n```\nFinal Answer: 1",
            ["words", "code", "output", "words"],
        ),
        (
            "```python\nprint(1)\n```\n```output\n1\n```\n```python\nprint(2)\n```\n```output\n2\n```",
            ["code", "output"] * 2,
        ),
        ("Ben's coins\n<code>\nx = 1", ["words", "code"]),
        ("Output: 5 coins are put out.", ["words"]),
        ("", []),
    ],
)
def test_each_block_is_a_step(text: str, expected: list[str]) -> None:
    assert kinds(text) == expected


@pytest.mark.parametrize("text", [BUILT_IN, MARIO, TORA])
def test_steps_are_the_text_exactly_and_only_white_space_lies_between(text: str) -> None:
    place = 0
    for step in TEXT_CODE.parse(text):
        start = text.index(step.text, place)
        assert not text[place:start].strip()
        place = start + len(step.text)
    assert not text[place:].strip()


@pytest.mark.parametrize("text", [BUILT_IN, MARIO, TORA])
def test_the_answer_is_what_the_last_words_state(text: str) -> None:
    reading = TEXT_CODE.reading(text)
    assert (reading.answer, reading.error) == ("201", "")
    assert not [step for step in reading.steps if step.outcome.startswith(DIFFERS)]


def test_each_code_block_has_what_it_gives_and_the_state_is_kept() -> None:
    assert [step.outcome for step in TEXT_CODE.reading(BUILT_IN).steps] == ["", "67", "", "", "201", "", ""]


def test_an_output_that_the_model_made_up_is_told() -> None:
    made_up = BUILT_IN.replace("Output: 67", "Output: 68")
    assert [step.outcome for step in TEXT_CODE.reading(made_up).steps][2] == DIFFERS + "67"


def test_an_error_is_an_output_too() -> None:
    text = "<code>\nben\n</code>\nOutput: NameError: name 'ben' is not defined\n"
    text += "<code>\nben = 67\nben\n</code>\nOutput: 67\n"
    outcomes = [step.outcome for step in TEXT_CODE.reading(text + "Final Answer: 67").steps]
    assert outcomes == ["NameError: name 'ben' is not defined", "", "67", "", ""]


@pytest.mark.parametrize(
    ("end", "answer"),
    [
        ("Final Answer: 201", "201"),
        ("**Final Answer:** $201$.", "201"),
        ("Final Answer: \\boxed{201}", "201"),
        ("So the answer is 201 coins.", "201"),
        ("She has 201 coins.", "201"),
        ("She has 201 coins.\nFinal Answer: 201 coins", "201"),
        ("Final Answer: 1/2", "1/2"),
    ],
)
def test_final_answers_are_found_however_they_are_dressed(end: str, answer: str) -> None:
    assert equal_answers(answer, TEXT_CODE.answer(f"<code>\nx = 5\n</code>\nOutput: 5\n{end}") or "") is True


@pytest.mark.parametrize("text", ["<code>\n5\n</code>\nOutput: 5", "<code>\n5\n</code>", "<code>\n5", ""])
def test_without_words_after_the_last_output_there_is_no_answer(text: str) -> None:
    reading = TEXT_CODE.reading(text)
    assert (reading.answer, reading.error) == (None, "it states no final answer")


def test_words_plan_code_solves_and_the_answer_summarizes() -> None:
    actions = [step.action for step in TEXT_CODE.parse(BUILT_IN)]
    assert actions == ["Formalize", "Solve Subquestion", None, "Decompose", "Solve Parent", None, "Summarize"]


@pytest.mark.parametrize(
    ("recorded", "given", "is_same"),
    [
        ("67", "67", True),
        ("67.0", "67.00000001", True),
        ("67", "68", False),
        ("[1, 2.5]", "[1,  2.5]", True),
        ("[1, 2]", "[1, 3]", False),
        ("Ben 67", "Cal 67", False),
        ("", "", True),
        ("", "67", False),
        ("Traceback (most recent call last):\n …\nNameError: name 'x'", "NameError: name 'x' is not defined", True),
        ("NameError: x", "ValueError: x", False),
        ("67", "NameError: name 'x' is not defined", False),
    ],
)
def test_outputs_are_the_same_up_to_the_last_digit(recorded: str, given: str, is_same: bool) -> None:
    assert same_output(recorded, given) is is_same


def test_long_texts_are_read_in_time_proportional_to_their_length() -> None:
    assert len(split_segments("<code>\n1\n</code>\nwords\n" + "Output: 1\n" * 20_000)) == 2
    assert len(split_segments("```python\n1\n```\n```output\n1\n```\n" * 3_000)) == 6_000
    assert len(split_segments("<p>\n<code>\n1\n</code>\nOutput: 1\n" * 3_000)) > 6_000


def test_toras_outputs_come_out_again_and_so_do_its_answers(real_data: Path) -> None:
    lines = (real_data / "tora" / "gsm8k_code34b_100.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    readings = [TEXT_CODE.reading(row["code"][0]) for row in rows]
    assert len(rows) == 100
    assert all([step.kind for step in reading.steps] == ["code", "output", "words"] for reading in readings)
    assert not [step for reading in readings for step in reading.steps if step.outcome.startswith(DIFFERS)]
    assert all(equal_answers(row["pred"][0], reading.answer or "") for row, reading in zip(rows, readings, strict=True))
