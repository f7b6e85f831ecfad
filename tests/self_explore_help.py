"""What the tests of Self-Explore share: problems that a tiny solver can learn by heart, and settings that fit it."""

import json
from pathlib import Path

from tests.training_help import RIGHT, problem
from training.recipes.self_explore import Settings


def gold(number: int) -> str:
    """The gold solution of tests.training_help.problem(number)."""
    return RIGHT.replace("+ 2 = 5", f"+ {number} = {3 + number}").replace("is 5", f"is {3 + number}")


def write_problems(path: Path, numbers: range) -> Path:
    """A file of the plain format: question, answer and solution."""
    with path.open("w") as file:
        for number in numbers:
            of = problem(number)
            row = {"question": of.question, "answer": of.answer, "source": "made", "solution": gold(number)}
            file.write(json.dumps(row) + "\n")
    return path


def small(model: str, folder: Path, out: str = "run") -> Settings:
    """The whole recipe in seconds, on six problems."""
    return Settings(
        model=model,
        problems=str(write_problems(folder / "train.jsonl", range(2, 8))),
        held_out=str(write_problems(folder / "test.jsonl", range(8, 14))),
        out=str(folder / out),
        format="transitions",
        num_samples=24,
        temperature=1.0,
        sft_epochs=16.0,
        sft_learning_rate=1e-2,
        sft_batch=3,
        rft_from="sft",
        k=2,
        differs=True,
        learning_rate=1e-3,
        batch=3,
        epochs=1.0,
        max_length=200,
        seeds=(0,),
        measured_samples=2,
    )
