"""python -m training recipe --list | NAME --out DIR …

    python -m training recipe self-explore --preset built-in --out run
    python -m training recipe self-explore --model M --problems train.jsonl --held-out test.jsonl --out run

Every field of the recipe's settings is an option. A preset changes their defaults, and what is given counts.
"""

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import MISSING, fields
from typing import Any

from reasoner.errors import BadInput
from training.command_line import add_options, settings_of
from training.recipes import RECIPES, Recipe, recipe_named
from training.recipes.trainers import options

PROGRAM = "python -m training recipe"


def run(arguments: Sequence[str]) -> None:
    """Do what the arguments say, and print where the report is. Raises WorkbenchError; SystemExit by argparse."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description="The papers' recipes, start to finish.")
    parser.add_argument("--list", action="store_true", help="the recipes there are")
    parser.add_argument("name", nargs="?", help="the recipe; NAME --help shows its settings")
    own = next((place for place, word in enumerate(arguments) if not word.startswith("-")), len(arguments))
    parsed = parser.parse_args(arguments[: own + 1])
    if parsed.list or not parsed.name:
        for name, recipe in RECIPES.items():
            print(f"{name:<14} {recipe.words}")
        return
    recipe = recipe_named(parsed.name)
    settings = read_settings(parsed.name, recipe, arguments[own + 1 :])
    print(f"report: {recipe.run(settings)}")


def read_settings(name: str, recipe: Recipe, arguments: Sequence[str]) -> Any:
    """The recipe's settings that these arguments describe."""
    parser = argparse.ArgumentParser(prog=f"{PROGRAM} {name}", description=recipe.words)
    add_options(parser, recipe.settings)
    presets = recipe.presets
    if presets:
        parser.add_argument("--preset", default="", help=f"settings to start from: {', '.join(presets)}")
        first = argparse.ArgumentParser(add_help=False)
        first.add_argument("--preset", default="")
        preset = first.parse_known_args(arguments)[0].preset
        if preset:
            if preset not in presets:
                raise BadInput(f"There is no preset “{preset}” of {name}. There are: {', '.join(presets)}.")
            _start_from(parser, presets[preset])
    return settings_of(recipe.settings, parser.parse_args(arguments))


def _start_from(parser: argparse.ArgumentParser, preset: Any) -> None:
    """The preset's values are the defaults; what it leaves empty must still be given."""
    for action in parser._actions:
        value = getattr(preset, action.dest, MISSING)
        if value is MISSING or (action.required and value == ""):
            continue
        if action.help and "(default:" in action.help:
            shown = " ".join(map(str, value)) if isinstance(value, tuple) else value
            action.help = f"{action.help.rpartition(' (default:')[0]} (default: {shown})"
        action.required, action.default = False, value


def command_line(name: str, settings: Any) -> str:
    """What to type for a run with these settings."""
    return shlex.join([*PROGRAM.split(), name, *options(settings)])


def defaults(recipe: Recipe) -> dict[str, Any]:
    """Setting → its default, of those that have one: for a form."""
    return {item.name: item.default for item in fields(recipe.settings) if item.default is not MISSING}
