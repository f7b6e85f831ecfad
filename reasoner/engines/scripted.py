"""An engine that reads from a script instead of a model: for fast tests, tours and demonstrations.

    engine = ScriptedEngine({"Ana has 3 coins. …\n": ["Ben has 3 + 2 = 5 coins.\nThe answer is 5."]})

or from a file with one prompt a line, `--model scripted:tour.jsonl`:

    {"prompt": "Ana has 3 coins. …\n", "completions": ["Ben has 3 + 2 = 5 coins.\nThe answer is 5."]}

A prompt that goes beyond a scripted one (a prefix of a solution) is continued as those of its completions go on that
begin in the same way: the script behaves like a model that knows only these solutions. Completion i of seed s is
number (s + i) of the fitting ones, round and round; at temperature 0 the first.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from reasoner.engines.prompts import Request, through_stop
from reasoner.errors import BadInput, EngineError
from reasoner.records import Completion, Maker, Sampling

Script = Mapping[str, Sequence[str]] | Callable[[str, int], str]
"""Prompt → completions, or a function of (prompt, seed) for tests written in Python."""


class ScriptedEngine:
    """Completions by (prompt, seed, index) alone."""

    def __init__(self, script: Script, name: str = "script", context: int = 100_000) -> None:
        self._script = script
        self.maker = Maker("scripted", name)
        self.context = context

    def render(self, question: str, instruction: str, tag: str = "") -> str:
        """The question and a line break, and the format's tag where the script has a prompt with it."""
        tagged = f"{question}\n{tag}:\n"
        is_known = tag and not callable(self._script) and tagged in self._script
        return tagged if is_known else question + "\n"

    def complete(self, prompts: Sequence[str], sampling: Sampling) -> list[list[Completion]]:
        """Per prompt, `sampling.num` completions. Raises EngineError where the script has none."""
        return [
            [_cut(self._text(prompt, sampling, index), sampling) for index in range(sampling.num)] for prompt in prompts
        ]

    def complete_each(self, requests: Sequence[Request], sampling: Sampling) -> list[Completion]:
        """One completion a request, each with its own seed and limit."""
        own = [replace(sampling, num=1, seed=one.seed, max_new_tokens=one.max_new_tokens) for one in requests]
        return [_cut(self._text(one.prompt, each, 0), each) for one, each in zip(requests, own, strict=True)]

    def count_tokens(self, text: str) -> int:
        """Words, each with the white space before it."""
        return len(_tokens(text))

    def unknown_words(self, text: str) -> list[str]:
        return []

    def _text(self, prompt: str, sampling: Sampling, index: int) -> str:
        seed = sampling.seed + index
        if callable(self._script):
            return self._script(prompt, seed)
        fitting = _fitting(self._script, prompt)
        return fitting[0 if sampling.temperature == 0 else seed % len(fitting)]


def load(path: str) -> ScriptedEngine:
    """The engine of a script file. Raises EngineError (no such file) and BadInput (a line that is not a script's)."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EngineError(f"The script {path} cannot be read: {error}. Give --model scripted:FILE.jsonl") from error
    script: dict[str, Sequence[str]] = {}
    for number, line in enumerate(lines, start=1):
        if line.strip():
            prompt, completions = _script_line(line, f"{path}, line {number}")
            script[prompt] = completions
    name = f"{Path(path).stem}-{hashlib.sha256(json.dumps(script).encode()).hexdigest()[:6]}"
    return ScriptedEngine(script, name)


def _script_line(line: str, where: str) -> tuple[str, list[str]]:
    try:
        row = json.loads(line)
        prompt, completions = row["prompt"], row["completions"]
    except (ValueError, TypeError, KeyError) as error:
        wanted = '{"prompt": "…", "completions": ["…"]}'
        raise BadInput(f"{where}: not a line of a script. It should look like {wanted}") from error
    are_texts = isinstance(completions, list) and all(isinstance(text, str) for text in completions)
    if not (isinstance(prompt, str) and are_texts and completions):
        raise BadInput(f"{where}: prompt must be a text and completions a list of at least one text")
    return prompt, completions


def _fitting(script: Mapping[str, Sequence[str]], prompt: str) -> Sequence[str]:
    """The completions of `prompt`, or the rests of those that begin as it goes on after a scripted prompt."""
    if script.get(prompt):
        return script[prompt]
    for known in sorted(script, key=len, reverse=True):
        if prompt.startswith(known):
            begun = prompt[len(known) :]
            rests = [text[len(begun) :] for text in script[known] if text.startswith(begun)]
            rests += [""] * any(text + "\n" == begun for text in script[known])  # the whole solution, nothing left
            if rests:
                return rests
    first_line = prompt.strip().split("\n")[0][:60]
    raise EngineError(f'The script has no completion that continues "{first_line}…". Add it, or choose another model.')


def _tokens(text: str) -> list[str]:
    return re.findall(r"\s*\S+|\s+$", text)


def _cut(text: str, sampling: Sampling) -> Completion:
    """`text` up to the first stop string, inclusive, and to the limit of tokens."""
    text = through_stop(text, sampling.stop)
    tokens = _tokens(text)
    if len(tokens) >= sampling.max_new_tokens:
        return Completion("".join(tokens[: sampling.max_new_tokens]), sampling.max_new_tokens, is_finished=False)
    return Completion(text, len(tokens) + 1, is_finished=True)  # + 1: the end of sequence
