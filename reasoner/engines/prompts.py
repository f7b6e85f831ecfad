"""How a question becomes a prompt where there is no chat template, and back again.

    plain model                          "Ana has 3 coins. … ?\n"
    … that knows formats by their tags   "Ana has 3 coins. … ?\nProgram:\n"        (the built-in solver)
    any other                            "Question: Ana has 3 coins. … ?\nAnswer (one step a line):\n"

A prompt ends with a line break, so that a token boundary lies between it and whatever follows. A model folder says that
it is plain in its config.json: `"first_pit": {"prompt": "plain", "format": "transitions"}`; with a list of "formats"
in it, the model has learnt to write each of them when asked by its tag.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

QUESTION = "Question: "
ANSWER = "\nAnswer ("
COLON = "):\n"
STOP = "\nQuestion:"  # a base model goes on with a question of its own


class AskedQuestion(NamedTuple):
    """The parts of a prompt that `question_prompt` wrote, and the steps written after it so far."""

    question: str
    instruction: str
    partial: str  # empty when nothing has been answered yet


class Request(NamedTuple):
    """One completion to draw, with a seed and a limit of its own."""

    prompt: str
    seed: int
    max_new_tokens: int


def question_prompt(question: str, instruction: str) -> str:
    """The prompt for a model that has neither a chat template nor a form of its own."""
    return f"{QUESTION}{question.strip()}{ANSWER}{instruction.strip()}{COLON}"


def plain_prompt(question: str, tag: str = "") -> str:
    """The prompt for a model that is asked with the bare question, on one line; a format's tag on the next."""
    return " ".join(question.split()) + "\n" + (f"{tag}:\n" if tag else "")


def read_prompt(prompt: str) -> AskedQuestion | None:
    """The parts of a prompt that `question_prompt` began; None for any other text."""
    if not prompt.startswith(QUESTION):
        return None
    question, found_answer, rest = prompt[len(QUESTION) :].partition(ANSWER)
    instruction, found_colon, partial = rest.partition(COLON)
    return AskedQuestion(question, instruction, partial) if found_answer and found_colon else None


def through_stop(text: str, stop: tuple[str, ...]) -> str:
    """`text` up to the end of the first of the `stop` strings in it."""
    ends = [text.find(string) + len(string) for string in stop if string and string in text]
    return text[: min(ends)] if ends else text


def first_pit_settings(folder: str | Path) -> dict[str, Any]:
    """What a model folder's config.json says under "first_pit"; empty where it says nothing."""
    try:
        settings = json.loads((Path(folder) / "config.json").read_text(encoding="utf-8")).get("first_pit", {})
    except (OSError, ValueError, AttributeError):
        return {}  # no such folder, or no such file: the engine that loads the model says so in its own words
    return settings if isinstance(settings, dict) else {}


def is_plain(folder: str | Path) -> bool:
    """Is this the folder of a model that is asked with the bare question and a line break?"""
    return first_pit_settings(folder).get("prompt") == "plain"


def knows_tags(folder: str | Path) -> bool:
    """Is this the folder of a plain model that writes a format when asked by its tag?"""
    return is_plain(folder) and bool(first_pit_settings(folder).get("formats"))
