"""A recipe as a run: its settings inside a run's, and what such a run's process does.

    Settings(kind="recipe", recipe="self-explore", recipe_settings='{"preset": "built-in", "seeds": [0, 1]}')
    known_recipes()                        {"self-explore": Recipe(…)}, those whose module is there
    settings_for(settings, folder)         the recipe's own Settings, writing to the run's folder
    RecipeWork(folder).run()               training.recipes does the work, stage by stage

`recipe_settings` holds what was asked for other than the preset (or the recipe's defaults) has it. A recipe's folder is
the run's, so its stages, events and report lie where those of any run lie. Recipes are imported when asked for.
"""

import importlib
import json
from dataclasses import MISSING, asdict, fields, replace
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from reasoner.errors import BadInput
from training.progress import EventLog, latest, read_events
from training.run_settings import Settings, read_settings

OUT, PRESET = "out", "preset"


def known_recipes() -> dict[str, Any]:
    """Name → recipe (training/recipes/__init__.py), without those whose module is not there."""
    from training import recipes

    found = {}
    for name, recipe in recipes.RECIPES.items():
        try:
            _ = recipe.settings
        except ModuleNotFoundError:
            continue
        found[name] = recipe
    return found


def recipe_of(name: str) -> Any:
    """The recipe of that name. Raises BadInput with the names there are."""
    known = known_recipes()
    if name not in known:
        raise BadInput(f"There is no recipe {name[:40]!r}. There are: {', '.join(known) or 'none'}.")
    return known[name]


def asked_of(settings: Settings) -> dict[str, Any]:
    """What the run asks of its recipe, as JSON values. Raises BadInput."""
    try:
        asked = json.loads(settings.recipe_settings or "{}")
    except ValueError as error:
        raise BadInput(f"A recipe's settings must be a JSON object ({error}).") from error
    if not isinstance(asked, dict):
        raise BadInput("A recipe's settings must be a JSON object.")
    return asked


def settings_for(settings: Settings, folder: Path) -> Any:
    """The recipe's own settings, its `out` being `folder`. Raises BadInput for a name or value that it has not."""
    recipe = recipe_of(settings.recipe)
    asked = asked_of(settings) | {OUT: str(folder)}
    preset = str(asked.pop(PRESET, ""))
    start = base(recipe, preset)
    kinds = types_of(recipe.settings)
    unknown = sorted(asked.keys() - kinds.keys())
    if unknown:
        raise BadInput(f"{settings.recipe} has no setting {unknown[0]!r}. It has: {', '.join(kinds)}.")
    values = {name: convert(name, value, kinds[name]) for name, value in asked.items()}
    if start is not None:
        return replace(start, **values)
    lacking = [item.name for item in fields(recipe.settings) if _is_required(item) and item.name not in values]
    if lacking:
        raise BadInput(f"{settings.recipe} needs {', '.join(lacking)}: give it, or choose a preset.")
    return recipe.settings(**values)


def base(recipe: Any, preset: str) -> Any | None:
    """What a run starts from: the preset, or None for the recipe's defaults. Raises BadInput."""
    if not preset:
        return None
    if preset not in recipe.presets:
        raise BadInput(f"There is no preset {preset[:40]!r}. There are: {', '.join(recipe.presets) or 'none'}.")
    return recipe.presets[preset]


def defaults(recipe: Any, preset: str = "") -> dict[str, Any]:
    """Every setting but `out` with the value it has unless asked otherwise; None for one that must be given."""
    start = base(recipe, preset)
    if start is not None:
        return {name: value for name, value in asdict(start).items() if name != OUT}
    values = {}
    for item in fields(recipe.settings):
        given = item.default if item.default is not MISSING else None
        values[item.name] = item.default_factory() if item.default_factory is not MISSING else given
    return {name: value for name, value in values.items() if name != OUT}


def _is_required(item: Any) -> bool:
    return item.default is MISSING and item.default_factory is MISSING


def types_of(settings: type[Any]) -> dict[str, Any]:
    """Field → its bare type."""
    hints = get_type_hints(settings)
    return {item.name: hints[item.name] for item in fields(settings)}


def words_of(settings: type[Any]) -> dict[str, str]:
    """Field → its help, as the command line prints it."""
    hints = get_type_hints(settings, include_extras=True)
    return {item.name: str((*get_args(hints[item.name]), "")[1]) for item in fields(settings)}


def convert(name: str, value: Any, kind: Any) -> Any:
    """`value`, a JSON value or the text a person typed, as the field's type. Raises BadInput."""
    try:
        if get_origin(kind) is tuple:
            element = get_args(kind)[0]
            items = value.replace(",", " ").split() if isinstance(value, str) else list(value)
            return tuple(convert(name, item, element) for item in items)
        if kind is bool:
            return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False, "": False}[
                str(value).strip().lower()
            ]
        if kind is int:
            return value if isinstance(value, int) and not isinstance(value, bool) else int(str(value).replace("_", ""))
        if kind is float:
            return float(value)
        return str(value)
    except (ValueError, TypeError, KeyError) as error:
        kinds = {bool: "yes or no", int: "a whole number", float: "a number"}
        raise BadInput(
            f"{name.replace('_', ' ').capitalize()} must be {kinds.get(kind, 'a list')}, not {value!r:.60}."
        ) from error


def check(settings: Settings) -> None:
    """Raises BadInput where the recipe would not take these settings."""
    own = settings_for(settings, Path("run"))
    module = getattr(recipe_of(settings.recipe), "module", "")
    own_check = getattr(importlib.import_module(f"training.recipes.{module}"), "check", None) if module else None
    if own_check is not None:
        own_check(own)


class RecipeWork:
    """One recipe's run in its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = read_settings(folder / "settings.json")
        self.events = EventLog(folder / "events.jsonl")

    def run(self) -> None:
        """All stages; those that are done are passed over. Raises what a stage raises."""
        self._note()
        recipe_of(self.settings.recipe).run(settings_for(self.settings, self.folder))
        counted = [event for event in read_events(self.events.path) if event["kind"] == "counts"]
        if latest(read_events(self.events.path)[-1:], "done") is None:
            self.events.write("done", message=f"Done: {len({event['stage'] for event in counted})} stages.")

    def _note(self) -> None:
        """Which files the recipe was given."""
        from training.run_facts import hash_file, hash_model, note_read

        for name, value in asdict(settings_for(self.settings, self.folder)).items():
            if not isinstance(value, str) or not value or name == OUT:
                continue
            path = Path(value)
            if path.is_file():
                note_read(self.folder, name, path=value, sha256=hash_file(path))
            elif path.is_dir() and (digest := hash_model(value)):
                note_read(self.folder, name, path=value, sha256=digest)
