"""The SFT set: every problem's own solution, written as the model is asked to write.

A generated problem has a gold solution in every format. Others have the one that their file gives; GSM8K's last line
"#### 72" becomes "The answer is 72", as in the paper's code (hbin0701/Self-Explore, sft/sft_datasets.py).
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from reasoner.checks.answers import equal_answers
from reasoner.engines import Engine
from reasoner.formats import format_named
from reasoner.records import Problem
from training.habits import gold_by_habit
from training.sft import Row
from training.solutions import gold_solution

GOLDS: dict[str, Callable[[Problem, str], str]] = {
    "rule": gold_solution,
    "habit": lambda problem, format: gold_by_habit(problem),
}
"""How the solution of a generated problem is written → what writes it in a format."""
_MARK = re.compile(r"^####\s*", re.MULTILINE)


def gold_rows(
    problems: Sequence[Problem],
    prompts: Mapping[str, str],
    engine: Engine,
    format: str,
    dropped: Counter[str],
    gold: str = "rule",
) -> list[Row]:
    """A row a problem that has a prompt and a usable solution; those without the latter are counted into `dropped`."""
    writing, write, rows = format_named(format), GOLDS[gold], list[Row]()
    for problem in problems:
        if problem.id not in prompts:
            continue  # counted where prompts were made
        text = write(problem, format) if problem.spec else _MARK.sub("The answer is ", problem.solution.strip())
        prompt = prompts[problem.id]
        if not text.strip():
            dropped["no gold solution"] += 1
        elif not _reaches(writing.answer(text), problem.answer):
            dropped["the gold solution does not end in the gold answer"] += 1
        elif engine.unknown_words(text):
            dropped["words outside the model's vocabulary"] += 1
        elif engine.count_tokens(prompt + text) >= engine.context:
            dropped["longer than the model's context"] += 1
        else:
            rows.append({"prompt": prompt, "completion": text})
    return rows


def _reaches(answer: str | None, gold: str | None) -> bool:
    return answer is not None and gold is not None and equal_answers(gold, answer) is not False
