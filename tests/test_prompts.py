"""What real chat models are told for each format, through their templates; and the command line in every format."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import jinja2
import pytest

from reasoner.__main__ import main
from reasoner.engines.local import LocalEngine
from reasoner.engines.prompts import question_prompt, read_prompt
from reasoner.formats import FORMATS
from reasoner.records import Maker
from reasoner.store import Store

QUESTION = "Ana has 41 coins. Ben has 26 more coins than Ana. Cal has 3 times as many coins as Ben. How many has Cal?"

TEMPLATES = {
    "chatml": (  # Qwen's and many others'
        "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    ),
    "llama3": (
        "{{ bos_token }}{% for message in messages %}<|start_header_id|>{{ message.role }}<|end_header_id|>\n\n"
        "{{ message.content | trim }}<|eot_id|>{% endfor %}"
        "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
    ),
    "mistral": "{{ bos_token }}{% for message in messages %}[INST] {{ message.content }} [/INST]{% endfor %}",
}
"""The core of three families' chat templates."""

SOLUTIONS = {
    "transitions": "Formalize: find Cal's coins\nSolve Subquestion: Ben's coins = 41 + 26 = 67\n"
    "Solve Parent: Cal's coins = 67 * 3 = 201\nSummarize: the answer is 201",
    "cot": "Ben has 41 + 26 = 67 coins.\nCal has 67 * 3 = 201 coins.\nThe answer is 201.",
    "program": "Here you are:\n```python\nana = 41\nben = ana + 26\nanswer = ben * 3\n```",
    "text_code": "Ben's coins\n<code>\nben = 41 + 26\nben\n</code>\nOutput: 67\nCal's coins\n<code>\nben * 3\n</code>\n"
    "Output: 201\nFinal Answer: 201",
    "equations": "```\nanswer = Cal_coins\nCal_coins = Ben_coins * 3\nBen_coins = Ana_coins + 26\nAna_coins = 41\n```",
    "specification": "```python\nAna_coins = 41\nBen_coins = Variable()\nBen_coins = Ana_coins + 26\nCal_coins = "
    "Variable()\nCal_coins = Ben_coins * 3\nresult = Cal_coins\nsolve(result)\n```",
}
"""As chat models write them when told so."""

OUTCOMES = {
    "program": "ben = 67",
    "text_code": "→ 67",
    "equations": "Ben_coins = 67",
    "specification": "Cal_coins = 201",
}


class Tokenizer:
    """As much of a tokenizer as a template needs."""

    eos_token_id, all_special_tokens, model_max_length = 0, ["<|im_end|>", "<|eot_id|>"], 4096

    def __init__(self, template: str) -> None:
        self.chat_template = template

    def apply_chat_template(self, messages: list[dict[str, str]], **about: object) -> str:
        return jinja2.Template(self.chat_template, keep_trailing_newline=True).render(
            messages=messages, bos_token="<s>", **about
        )


def engine(template: str) -> LocalEngine:
    config = SimpleNamespace(get_text_config=lambda: SimpleNamespace(max_position_embeddings=4096))
    model = SimpleNamespace(
        config=config, generation_config=SimpleNamespace(eos_token_id=0), device=SimpleNamespace(type="cpu")
    )
    return LocalEngine(model, Tokenizer(template), Maker("local", "chat"))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("template", TEMPLATES)
def test_a_chat_model_is_asked_the_question_and_told_the_format_line_by_line(name: str, template: str) -> None:
    format = FORMATS[name]
    rendered = engine(TEMPLATES[template]).render(QUESTION, format.instruction, format.tag)
    assert f"{QUESTION}\n\n{format.instruction}" in rendered
    assert rendered.rstrip().endswith(("assistant", "<|end_header_id|>", "[/INST]"))
    assert f"{format.tag}:\n" not in rendered  # which is how the built-in solver is asked


@pytest.mark.parametrize("name", FORMATS)
def test_a_base_model_is_told_in_one_prompt_that_can_be_taken_apart_again(name: str) -> None:
    instruction = FORMATS[name].instruction
    asked = read_prompt(question_prompt(QUESTION, instruction) + "Ben has\n")
    assert asked == (QUESTION, instruction, "Ben has\n")


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "cot"])
def test_every_instruction_shows_an_example_that_is_read_to_its_answer(name: str) -> None:
    format = FORMATS[name]
    asked, _, example = format.instruction.rpartition('have?":\n')
    reading = format.reading(example)
    numbers = [int(number) for number in re.findall(r"\d+", asked.rpartition("For example")[2])]
    expected = numbers[0] - numbers[1] if "is 2 more than Ben" in asked else numbers[0] + numbers[1]
    assert (reading.answer, reading.error) == (str(expected), "")


@pytest.mark.parametrize("name", FORMATS)
def test_the_command_line_solves_in_every_format(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = tmp_path / "script.jsonl"
    script.write_text(json.dumps({"prompt": QUESTION + "\n", "completions": [SOLUTIONS[name]]}))
    store = str(tmp_path / "store.db")
    told = ["solve", QUESTION, "--answer", "201", "--format", name, "--model", f"scripted:{script}", "--store", store]
    assert main(told) == 0
    shown = capsys.readouterr().out
    assert ": right (201 is right)" in shown
    assert OUTCOMES.get(name, "") in shown
    [row] = Store(store).find_problems()
    [trace] = Store(store).traces(row.problem.id)
    assert (trace.format, trace.answer, trace.text) == (name, "201", SOLUTIONS[name])


def test_every_format_has_a_tag_and_a_title_of_its_own() -> None:
    assert list(FORMATS) == ["transitions", "cot", "program", "text_code", "equations", "specification"]
    assert len({format.tag for format in FORMATS.values()} - {""}) == len(FORMATS)
    assert len({format.title for format in FORMATS.values()}) == len(FORMATS)
    assert [name for name, format in FORMATS.items() if format.runs] == list(FORMATS)[2:]
