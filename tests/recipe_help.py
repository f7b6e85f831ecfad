"""What the tests of recipes share: an engine whose texts are a function, and a tiny model that knows the words."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from reasoner.engines import Request
from reasoner.records import Completion, Maker, Sampling
from training.recipes.solver import Solver
from training.recipes.stages import Line, Tally
from training.solutions import gold_solution
from training.verifying import WORDS
from training.wordproblems import LEVELS, problem_set

Write = Callable[[str, str, int], str]
"""(question, format's tag or the instruction, seed) → what is written."""


class Writer:
    """An engine that writes what a function says."""

    def __init__(self, write: Write, context: int = 1000) -> None:
        self.write, self.context = write, context
        self.maker = Maker("scripted", "writer")
        self.asked: list[tuple[str, str, int]] = []

    def render(self, question: str, instruction: str, tag: str = "") -> str:
        return f"{' '.join(question.split())}\n{tag or instruction}:\n"

    def complete(self, prompts: Sequence[str], sampling: Sampling) -> list[list[Completion]]:
        return [[self._one(prompt, sampling, i) for i in range(sampling.num)] for prompt in prompts]

    def complete_each(self, requests: Sequence[Request], sampling: Sampling) -> list[Completion]:
        return [self._text(request.prompt, request.seed) for request in requests]

    def _one(self, prompt: str, sampling: Sampling, index: int) -> Completion:
        return self._text(prompt, 0 if sampling.temperature == 0 else sampling.seed + index)

    def _text(self, prompt: str, seed: int) -> Completion:
        question, asked, *begun = prompt.split("\n")
        self.asked.append((question, asked.removesuffix(":"), seed))
        text = self.write(*self.asked[-1])
        if start := "\n".join(begun):  # a prefix goes on as the solution does that begins so, if there is one
            other = self.write(*self.asked[-1][:2], seed + 1)
            fitting = [one for one in (text, other) if one.startswith(start)]
            text = fitting[0][len(start) :] if fitting else "nonsense"
        return Completion(text, len(text.split()), True)

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def unknown_words(self, text: str) -> list[str]:
        return []


def untrained(monkeypatch: Any, *modules: Any) -> None:
    """Training stages of these recipes make nothing: what they are given is what they give."""

    def stands(
        line: Line, name: str, words: str, start: Solver, rows: Path, tuning: Any, after: Sequence[str]
    ) -> Solver:
        line.stage(name, words, lambda stage: Tally(1, 1), uses={}, after=after)
        return start

    for module in modules:
        for name in ("tune", "prefer"):
            monkeypatch.setattr(module, name, stands, raising=False)


def small_solver(folder: Path, words: str = WORDS) -> str:
    """A random model of two thin layers that knows the generator's words; its folder."""
    import json

    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    from training.vocabulary import build_tokenizer

    problems = [problem for level in LEVELS for problem in problem_set(level, 60, 3)]
    forms = ("transitions", "cot", "program")
    texts = [text for problem in problems for text in (problem.question, *(gold_solution(problem, f) for f in forms))]
    tokenizer = build_tokenizer([*texts, words, "Transitions: Words: Program: Key points: Core question: -"], folder)
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = Qwen3Config(
        **sizes, vocab_size=len(tokenizer), num_key_value_heads=1, head_dim=8, max_position_embeddings=1024,
        tie_word_embeddings=True, pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )  # fmt: skip
    Qwen3ForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    settings = json.loads((folder / "config.json").read_text())
    settings["first_pit"] = {"prompt": "plain", "format": "transitions", "formats": list(forms), "key_points": True}
    (folder / "config.json").write_text(json.dumps(settings))
    return str(folder)
