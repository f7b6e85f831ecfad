"""Looking after runs: a changed copy, deletion, and the disk they take.

clone(data folder, run id, {"epochs": "1"})      a new run with the same settings but these; its id
use_of(folder)                                   Use(total=61_000_000, checkpoints=48_000_000)
free(data folder, run id)                        a done run's checkpoints go, its result stays; bytes freed
delete(data folder, run id)                      never one that is live; what builds on its adapter is said first
"""

import contextlib
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, get_type_hints

from reasoner.engines import BUILT_IN
from reasoner.errors import BadInput, RunError
from training import jobs, recipe_work
from training.run_folder import Run, is_path, read_run, run_folders
from training.run_queue import queue_lock
from training.run_settings import Settings, read_settings

CHECKPOINTS = "checkpoints"
FIXED = ("kind", "recipe", "recipe_settings")
"""What a clone keeps; a recipe's own settings are changed by their names."""


@dataclass(frozen=True, slots=True)
class Use:
    """Disk that a folder takes, in bytes."""

    total: int
    checkpoints: int  # of it, what is only there to go on from


def use_of(folder: Path) -> Use:
    """What a run's folder takes; files that vanish meanwhile count nothing."""
    total = checkpoints = 0
    for where, _, names in os.walk(folder):
        is_checkpoint = CHECKPOINTS in Path(where).relative_to(folder).parts
        for name in names:
            with contextlib.suppress(OSError):
                size = os.lstat(os.path.join(where, name)).st_size
                total += size
                checkpoints += size if is_checkpoint else 0
    return Use(total, checkpoints)


def bytes_words(num: int) -> str:
    """ "0 KB", "61 MB", "1.2 GB"."""
    if num >= 1_000_000_000:
        return f"{num / 1e9:.1f} GB"
    return f"{num / 1e6:.0f} MB" if num >= 1_000_000 else f"{num / 1e3:.0f} KB"


def free(data_folder: Path, run_id: str) -> int:
    """Remove the checkpoints of a done run and keep everything else; bytes freed. Raises RunError for another run."""
    run = jobs.status(data_folder, run_id)
    if run.state != "done":
        raise RunError(f"Run {run_id} is not done: it needs its checkpoints to go on. Delete it if it is not to.")
    freed = use_of(run.folder).checkpoints
    for folder in [path for path in run.folder.rglob(CHECKPOINTS) if path.is_dir()]:
        shutil.rmtree(folder, ignore_errors=True)
    return freed


def dependents(data_folder: Path, run_id: str, in_use: str = "") -> list[str]:
    """What builds on a run's result, in words: the solver in use, and runs that started from it."""
    folder = data_folder / "runs" / run_id
    found = ["the solver in use"] if in_use and _is_inside(in_use, folder) else []
    for other in jobs.list_runs(data_folder):
        paths = [other.settings.adapter, other.settings.model]
        if other.settings.kind == "recipe":
            with contextlib.suppress(BadInput):
                paths += [str(value) for value in recipe_work.asked_of(other.settings).values()]
        if other.id != run_id and any(_is_inside(path, folder) for path in paths):
            found.append(f"run {other.id}{', which is going on' if other.is_live else ''}")
    return found


def _is_inside(path: str, folder: Path) -> bool:
    return bool(path) and (Path(path) == folder or folder in Path(path).parents)


def delete(data_folder: Path, run_id: str, in_use: str = "", force: bool = False) -> None:
    """Delete a run's folder, or one that cannot be read as a run. Raises RunError saying why not.

    in_use: the adapter in use.  force: also when something builds on its result; never when that is going on.
    """
    folder = data_folder / "runs" / run_id
    if not run_id or Path(run_id).name != run_id or run_id.startswith(".") or folder not in run_folders(data_folder):
        raise RunError(f"There is no run {run_id!r}: `python -m training jobs list` lists the runs.")
    with queue_lock(data_folder):
        run: Run | None = None
        with contextlib.suppress(RunError):
            run = read_run(folder)
        if run is not None and run.is_live:
            raise RunError(f"Run {run_id} is going on or waits for its turn: cancel it first, then delete it.")
        needed = dependents(data_folder, run_id, in_use)
        is_needed_now = any(words.endswith("going on") for words in needed)
        if is_needed_now or (needed and not force):
            rest = "wait until that is over." if is_needed_now else "they could no longer be loaded or resumed."
            raise RunError(f"Its result is what {', '.join(needed)} built on: {rest}")
        gone = folder.with_name(f".deleted-{run_id}-{secrets.token_hex(2)}")
        try:
            os.rename(folder, gone)  # from here on it is no run, even if this is killed before all of it is removed
        except OSError as error:
            raise RunError(f"Run {run_id} cannot be deleted ({error.strerror}).") from error
    for leftover in folder.parent.glob(".deleted-*"):
        shutil.rmtree(leftover, ignore_errors=True)


def clone(data_folder: Path, run_id: str, changes: Mapping[str, Any], owner: str = "") -> str:
    """Start a run with another's settings but `changes`; its id. Raises BadInput for what is no setting of it."""
    return jobs.start(cloned(data_folder, run_id, changes), data_folder, owner=owner, clone_of=run_id)


def cloned(data_folder: Path, run_id: str, changes: Mapping[str, Any]) -> Settings:
    """The settings of a run with `changes`, paths of another machine turned into this one's where that is possible."""
    settings = here(jobs.status(data_folder, run_id).settings, data_folder)
    hints = get_type_hints(Settings)
    own = {name: value for name, value in changes.items() if name in hints and name not in FIXED}
    others = {name: value for name, value in changes.items() if name not in own}
    is_recipe = settings.kind == "recipe"
    if is_recipe:  # "model" and "seed" are the recipe's own; "device" is the run's
        others |= {name: own.pop(name) for name in list(own) if name != "device"}
        kinds = recipe_work.types_of(recipe_work.recipe_of(settings.recipe).settings)
        others = {name: recipe_work.convert(name, value, kinds.get(name, str)) for name, value in others.items()}
        asked = recipe_work.asked_of(settings) | others
        settings = replace(settings, recipe_settings=json.dumps(asked))
    elif others:
        known = [item.name for item in fields(Settings) if item.name not in FIXED]
        raise BadInput(f"A run has no setting {sorted(others)[0]!r}. It has: {', '.join(known)}.")
    values = {name: recipe_work.convert(name, value, hints[name]) for name, value in own.items()}
    return replace(settings, **values)


def here(settings: Settings, data_folder: Path) -> Settings:
    """Another machine's store, built-in model and runs' adapters by their paths on this one; the rest as it is."""
    names = ("store", "model", "adapter")
    changes: dict[str, Any] = {name: _here(name, str(getattr(settings, name)), data_folder) for name in names}
    if settings.kind == "recipe":
        asked = recipe_work.asked_of(settings)
        local = {name: _here(name, value, data_folder) for name, value in asked.items() if isinstance(value, str)}
        changes["recipe_settings"] = json.dumps(asked | local)
    return replace(settings, **changes)


def _here(name: str, path: str, data_folder: Path) -> str:
    """One path of another machine as it is called here: the store, the built-in model, what lies in another run."""
    if not is_path(path) or Path(path).exists():
        return path
    parts, store = Path(path).parts, data_folder / "store.sqlite"
    if name == "store":
        return str(store) if store.is_file() else path
    if parts[-3:] == Path(BUILT_IN).parts[-3:]:
        return BUILT_IN
    if "runs" in parts:
        at = len(parts) - 1 - parts[::-1].index("runs")
        local = data_folder.joinpath(*parts[at:])
        return str(local) if local.exists() else path
    return path


def settings_of(folder: Path) -> dict[str, Any]:
    """Every setting of a run that a clone may change, by name; a recipe's own in place of a run's."""
    settings = read_settings(folder / "settings.json")
    if settings.kind != "recipe":
        return {name: value for name, value in asdict(settings).items() if name not in FIXED}
    asked = recipe_work.asked_of(settings)
    preset = str(asked.pop(recipe_work.PRESET, ""))
    return recipe_work.defaults(recipe_work.recipe_of(settings.recipe), preset) | asked | {"device": settings.device}
