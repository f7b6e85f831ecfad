"""The command line that does what a run does: for a shell, another machine, or a note of what was done.

    command_of(settings)             "python -m training jobs start --store S --model M --epochs 1.0"
    command_of(recipe's settings)    "python -m training recipe self-explore --preset built-in --out self-explore"

Only what differs from the defaults is named, so it stays readable.
"""

import contextlib
import shlex
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from reasoner.errors import BadInput
from training import recipe_work
from training.command_line import options
from training.run_settings import Settings

PYTHON = ("python", "-m", "training")


def command_of(settings: Settings, out: str = "") -> str:
    """One line for a POSIX shell. `out`: the folder of a recipe; its name where none is given."""
    if settings.kind == "recipe":
        try:
            asked = recipe_work.asked_of(settings)
        except BadInput:
            asked = {}
        return recipe_command(settings.recipe, asked, out or settings.recipe)
    given = {
        item.name: getattr(settings, item.name)
        for item in fields(Settings)
        if item.default is MISSING or getattr(settings, item.name) != item.default
    }
    return shlex.join([*PYTHON, "jobs", "start", *options(given)])


def recipe_command(name: str, asked: Mapping[str, Any], out: str) -> str:
    """The line that runs a recipe in this process, with what was asked for."""
    given = dict(asked)
    preset = given.pop(recipe_work.PRESET, "")
    with contextlib.suppress(BadInput):  # what is no setting of it stays as it was typed
        kinds = recipe_work.types_of(recipe_work.recipe_of(name).settings)
        given = {key: recipe_work.convert(key, value, kinds.get(key, str)) for key, value in given.items()}
    start = ["--preset", str(preset)] if preset else []
    return shlex.join([*PYTHON, "recipe", name, *start, *options(given), "--out", out])
