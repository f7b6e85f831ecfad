"""The papers' recipes, one file each; every one is a line of stages (stages.py).

    python -m training recipe --list
    python -m training recipe self-explore --preset built-in --out runs/self-explore

    recipe = recipe_named("self-explore")
    settings = replace(recipe.presets["built-in"], out="runs/self-explore")
    report = recipe.run(settings)

A recipe's module has `Settings`, a frozen dataclass of Annotated fields one of which is `out`; `run(settings) -> Path`,
the report; and `PRESETS`, settings by name, if it has any. It is imported when it is asked for.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reasoner.errors import BadInput


@dataclass(frozen=True, slots=True)
class Recipe:
    """One row of the table."""

    module: str  # in training/recipes
    words: str  # for a person, one line

    @property
    def settings(self) -> type[Any]:
        """The dataclass that its options are made from."""
        found: type[Any] = self._module().Settings
        return found

    @property
    def run(self) -> Callable[[Any], Path]:
        """Settings → the report. The same settings again go on where it was killed."""
        found: Callable[[Any], Path] = self._module().run
        return found

    @property
    def presets(self) -> Mapping[str, Any]:
        """Name → Settings to start from."""
        found: Mapping[str, Any] = getattr(self._module(), "PRESETS", {})
        return found

    def _module(self) -> Any:
        return importlib.import_module(f"training.recipes.{self.module}")


RECIPES: dict[str, Recipe] = {
    "self-explore": Recipe("self_explore", "Self-Explore: first pits become pairs (arXiv 2404.10346)"),
    "kwai-star": Recipe("kwai_star", "Kwai-STaR: a solver that checks itself and goes back (arXiv 2411.04799)"),
    "kpdd": Recipe("kpdd", "KPDD: key points and solutions distilled, CoT against PoT (arXiv 2407.10167)"),
    "fdd": Recipe("fdd", "FDD rounds: easy problems become harder, hard ones get siblings (arXiv 2411.14698)"),
}
"""Name, as the command line takes it → recipe."""


def recipe_named(name: str) -> Recipe:
    """The recipe of that name. Raises BadInput with the names there are."""
    if name not in RECIPES:
        raise BadInput(f"There is no recipe “{name}”. There are: {', '.join(RECIPES)}.")
    return RECIPES[name]
