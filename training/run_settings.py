"""What one training run is asked to do: its settings, their bounds, and their file.

Settings(store="…/store.sqlite", epochs=3.0)      → runs/ID/settings.json
"""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

from reasoner.engines import BUILT_IN
from reasoner.errors import BadInput, RunError
from reasoner.formats import FORMATS
from training import dpo
from training.evaluate import HELD_OUT_SEED
from training.wordproblems import DEFAULT_LEVEL, LEVELS


@dataclass(frozen=True)
class Settings:
    """What one run is asked to do."""

    store: Annotated[str, "the store whose labels and pits become pairs, or whose traces teach a value model"]
    kind: Annotated[str, "pairs: an adapter, by DPO; value: a value model; recipe: a paper's, all its stages"] = "pairs"
    model: Annotated[str, "model folder or Hugging Face id"] = BUILT_IN
    adapter: Annotated[str, "adapter to start from; empty: the model alone"] = ""
    origin: Annotated[str, "whose flags: person, machine or both"] = "both"
    annotator: Annotated[str, "this person's labels only; empty: everybody's"] = ""
    num_explore: Annotated[int, "first explore so many wrong traces that nobody has judged (machine pits)"] = 0
    max_pairs: Annotated[int, "at most so many pairs; 0: no bound"] = 0
    max_seconds: Annotated[float, "bound of the training loop in seconds; 0: none"] = 0.0
    epochs: Annotated[float, "passes over the pairs"] = dpo.Args.epochs
    learning_rate: Annotated[float, "of the adapter"] = dpo.Args.learning_rate
    beta: Annotated[float, "pull towards the model before"] = dpo.Args.beta
    batch: Annotated[int, "pairs a step"] = dpo.Args.batch
    loss: Annotated[tuple[str, ...], "TRL's loss types, summed"] = dpo.Args.loss
    rank: Annotated[int, "LoRA rank"] = dpo.Args.rank
    seed: Annotated[int, "of sampling, adapter and order"] = 0
    num_problems: Annotated[int, "held-out problems, solved before and after; 0: none"] = 200
    problems_seed: Annotated[int, "which held-out problems"] = HELD_OUT_SEED
    level: Annotated[str, "their difficulty"] = DEFAULT_LEVEL
    format: Annotated[str, "how solutions are written"] = "transitions"
    device: Annotated[str, "cpu, cuda:0 …, cuda:all; one run at a time on each; empty: the first there is"] = ""
    recipe: Annotated[str, "of a recipe's run: which"] = ""
    recipe_settings: Annotated[str, "… and its own settings, a JSON object"] = ""


RANGES: dict[str, tuple[float, float]] = {
    "num_explore": (0, 100_000),
    "max_pairs": (0, 1_000_000),
    "max_seconds": (0, 1_000_000),
    "epochs": (0.01, 10_000),
    "learning_rate": (1e-9, 1.0),
    "beta": (1e-4, 10),
    "batch": (1, 4096),
    "rank": (1, 1024),
    "seed": (0, 2**31 - 1),
    "num_problems": (0, 100_000),
    "problems_seed": (0, 2**31 - 1),
}
"""What a run may be asked for, from - to. Ours: beyond these is a slip of the finger."""

KINDS = ("pairs", "value", "recipe")
"""What a run may train."""

LOSSES = ("sigmoid", "sft", "hinge", "ipo", "robust", "sigmoid_norm", "apo_zero", "apo_down")
"""TRL's loss types that need no setting of their own."""


def check_settings(settings: Settings) -> None:
    """Raises BadInput for a value that cannot be meant."""
    for name, (low, high) in RANGES.items():
        value = getattr(settings, name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise BadInput(
                f"{name.replace('_', ' ').capitalize()} must be from {low:g} to {high:g}, not {value!r:.60}."
            )
    for name, choices in (
        ("kind", KINDS),
        ("origin", ("both", "person", "machine")),
        ("level", tuple(LEVELS)),
        ("format", tuple(FORMATS)),
    ):
        if getattr(settings, name) not in choices:
            raise BadInput(f"{name.capitalize()} must be one of {', '.join(choices)}.")
    if not settings.loss or any(loss not in LOSSES for loss in settings.loss):
        raise BadInput(f"Loss must be some of {', '.join(LOSSES)}.")


def read_settings(path: Path) -> Settings:
    """What a run was asked to do."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        known = {item.name for item in fields(Settings)}
        values: dict[str, Any] = {
            name: tuple(value) if name == "loss" else value for name, value in raw.items() if name in known
        }
        return Settings(**values)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise RunError(f"The settings at {path} cannot be read ({error}): start a new run.") from error
