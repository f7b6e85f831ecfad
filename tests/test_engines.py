"""The scripted engine, prompts without a template, and how an engine is chosen."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoner.engines import BUILT_IN, ENGINES, Engine, Request, engine_kind, load_engine
from reasoner.engines.prompts import is_plain, knows_tags, plain_prompt, question_prompt, read_prompt, through_stop
from reasoner.engines.scripted import ScriptedEngine
from reasoner.errors import BadInput, EngineError
from reasoner.records import Sampling

PROMPT = "Ana has 3 coins. Ben has 2 more. How many has Ben?\n"
RIGHT = "3 + 2 = 5\nThe answer is 5."
WRONG = "3 + 2 = 6\nThe answer is 6."


def texts(engine: Engine, prompt: str, **sampling: object) -> list[str]:
    [completions] = engine.complete([prompt], Sampling(**sampling))  # type: ignore[arg-type]
    return [completion.text for completion in completions]


def test_completion_i_of_a_seed_is_the_first_of_seed_plus_i() -> None:
    engine = ScriptedEngine({PROMPT: [RIGHT, WRONG]})
    assert texts(engine, PROMPT, num=3, seed=1) == [WRONG, RIGHT, WRONG]
    assert texts(engine, PROMPT, num=1, seed=2) == texts(engine, PROMPT, num=2, seed=1)[1:]


def test_each_request_has_its_own_seed_and_limit() -> None:
    engine = ScriptedEngine({PROMPT: [RIGHT, WRONG]})
    requests = [Request(PROMPT, 1, 99), Request(PROMPT, 0, 99), Request(PROMPT + "3 + 2 = 6\n", 5, 2)]
    drawn = engine.complete_each(requests, Sampling(num=7, seed=3))
    assert [one.text for one in drawn] == [WRONG, RIGHT, "The answer"]


def test_a_greedy_script_always_says_its_first_line() -> None:
    assert texts(ScriptedEngine({PROMPT: [RIGHT, WRONG]}), PROMPT, num=2, seed=1, temperature=0) == [RIGHT, RIGHT]


def test_a_prefix_goes_on_as_the_completions_that_begin_with_it() -> None:
    engine = ScriptedEngine({PROMPT: [RIGHT, WRONG]})
    assert texts(engine, PROMPT + "3 + 2 = 5\n", num=2) == ["The answer is 5.", "The answer is 5."]
    assert texts(engine, PROMPT + WRONG + "\n") == [""]


def test_a_script_that_knows_no_continuation_says_so() -> None:
    with pytest.raises(EngineError, match="no completion that continues"):
        texts(ScriptedEngine({PROMPT: [RIGHT]}), PROMPT + "Ben has none.\n")


def test_a_script_stops_after_the_stop_string_and_at_the_limit() -> None:
    engine = ScriptedEngine({PROMPT: [RIGHT]})
    assert texts(engine, PROMPT, stop=("= ", "answer")) == ["3 + 2 = "]
    [[cut]] = engine.complete([PROMPT], Sampling(max_new_tokens=3))
    assert (cut.text, cut.num_tokens, cut.is_finished) == ("3 + 2", 3, False)
    [[whole]] = engine.complete([PROMPT], Sampling())
    assert whole.is_finished and whole.num_tokens == engine.count_tokens(RIGHT) + 1


def test_a_function_may_write_the_script() -> None:
    engine = ScriptedEngine(lambda prompt, seed: f"{len(prompt)} {seed}")
    assert texts(engine, "abc", num=2, seed=7) == ["3 7", "3 8"]


def test_a_script_file_is_an_engine(tmp_path: Path) -> None:
    file = tmp_path / "tour.jsonl"
    file.write_text(json.dumps({"prompt": PROMPT, "completions": [RIGHT]}) + "\n\n")
    engine = load_engine(f"scripted:{file}")
    assert texts(engine, PROMPT) == [RIGHT]
    assert engine.maker.engine == "scripted" and engine.maker.model.startswith("tour-")


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"prompt": "a"}',
        '{"prompt": 1, "completions": ["a"]}',
        '{"prompt": "a", "completions": []}',
        '{"prompt": "a", "completions": [1]}',
    ],
)
def test_a_line_that_is_no_script_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "bad.jsonl").write_text('{"prompt": "a", "completions": ["b"]}\n' + line)
    with pytest.raises(BadInput, match="line 2"):
        load_engine(f"scripted:{tmp_path / 'bad.jsonl'}")


def test_a_missing_script_says_what_to_give() -> None:
    with pytest.raises(EngineError, match="--model scripted:"):
        load_engine("scripted:/nowhere/tour.jsonl")


def test_the_settings_name_the_kind_of_engine() -> None:
    assert engine_kind(BUILT_IN) == engine_kind("Qwen/Qwen3-0.6B") == "local"
    assert engine_kind("scripted:tour.jsonl") == "scripted"
    assert engine_kind("Qwen/Qwen3-0.6B", "http://127.0.0.1:8000") == "server"
    assert set(ENGINES) == {"scripted", "local", "server"}


def test_an_adapter_needs_a_local_model() -> None:
    for model, server in (("scripted:tour.jsonl", ""), ("m", "http://127.0.0.1:1")):
        with pytest.raises(BadInput, match="local model only"):
            load_engine(model, "adapter", server)


def test_the_engines_module_loads_no_torch() -> None:
    code = "import sys, reasoner.workbench; print([m for m in ('torch', 'transformers') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@given(st.text(), st.text(), st.lists(st.text(alphabet=st.characters(exclude_characters="\n"))))
def test_a_prompt_can_be_taken_apart_again(question: str, instruction: str, steps: list[str]) -> None:
    partial = "".join(step + "\n" for step in steps)
    prompt = question_prompt(question, instruction)
    assert prompt.endswith("\n")
    if "\nAnswer (" in question or "):\n" in instruction:
        return
    asked = read_prompt(prompt + partial)
    assert asked is not None
    assert (asked.question, asked.partial) == (question.strip(), partial)
    assert asked.instruction == instruction.strip()


def test_other_text_is_not_taken_for_such_a_prompt() -> None:
    assert read_prompt(PROMPT) is None
    assert read_prompt("Question: how?\n") is None


def test_a_plain_prompt_is_one_line() -> None:
    assert plain_prompt(" Ana has\n3  coins. ") == "Ana has 3 coins.\n"


@pytest.mark.parametrize(
    "written", ["", "[]", "{}", '{"first_pit": 3}', "not json", '{"first_pit": {"prompt": "chat"}}']
)
def test_only_a_folder_that_says_so_is_plain(tmp_path: Path, written: str) -> None:
    assert not is_plain(tmp_path)
    (tmp_path / "config.json").write_text(written)
    assert not is_plain(tmp_path)
    (tmp_path / "config.json").write_text('{"first_pit": {"prompt": "plain"}}')
    assert is_plain(tmp_path)


@given(st.text(), st.lists(st.text(min_size=1), max_size=3))
def test_text_ends_with_the_first_stop_string_in_it(text: str, stops: list[str]) -> None:
    kept = through_stop(text, tuple(stops))
    assert text.startswith(kept)
    if kept != text:
        assert kept.endswith(tuple(stops))
    assert kept == text or not any(stop in kept[:-1] and text.find(stop) + len(stop) < len(kept) for stop in stops)


def test_a_plain_model_that_knows_formats_is_asked_by_the_tag(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"first_pit": {"prompt": "plain", "formats": ["transitions", "program"]}}')
    assert knows_tags(tmp_path)
    assert plain_prompt("Ana has\n3 coins.", "Program") == "Ana has 3 coins.\nProgram:\n"
    (tmp_path / "config.json").write_text('{"first_pit": {"prompt": "plain", "format": "transitions"}}')
    assert not knows_tags(tmp_path)
    (tmp_path / "config.json").write_text('{"first_pit": {"prompt": "chat", "formats": ["program"]}}')
    assert not knows_tags(tmp_path)  # a chat model is told by an instruction


def test_a_script_gives_what_it_has_for_a_format() -> None:
    engine = ScriptedEngine({"Q\n": ["words"], "Q\nProgram:\n": ["answer = 1"]})
    assert engine.render("Q", "Write a program.", "Program") == "Q\nProgram:\n"
    assert engine.render("Q", "Write equations.", "Equations") == "Q\n"
