"""python -m training jobs …: runs from the shell, the same runs that the Train tab shows.

jobs start --store S --epochs 1                 from labels to a measured adapter; --kind value: a value model
jobs recipe self-explore --preset built-in      a paper's recipe, all its stages
jobs list | show ID | queue                     what there is, on which device, with its disk use
jobs cancel ID | resume ID
jobs clone ID --set epochs=1 --set seed=2       the same again, but …
jobs free [ID] | delete ID [--force]            checkpoints of done runs; a whole run
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from reasoner.errors import BadInput, RunError
from reasoner.store import Store
from training import jobs, recipe_work, run_care
from training.command_line import add_options, settings_of
from training.run_folder import broken
from training.run_queue import pump
from training.run_settings import read_settings


@dataclass(frozen=True)
class StartArgs(jobs.Settings):
    """A run's settings, the store being the default one unless named."""

    store: Annotated[str, "the store (default: REASONER_STORE, else your data folder)"] = ""


def add_jobs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data-folder", default="", help="folder of the store (default: the default store's)")
    names = "start | recipe | list | show | queue | cancel | resume | clone | free | delete"
    commands = parser.add_subparsers(dest="command", required=True, metavar=names)
    add_options(commands.add_parser("start", help="start a run in a process of its own"), StartArgs)
    _add_recipes(commands.add_parser("recipe", help="start a paper's recipe, all its stages, in the same way"))
    commands.add_parser("list", help="all runs, the newest first, with their disk use")
    commands.add_parser("queue", help="the runs that go on or wait, on each device")
    for name, words in (("show", "one run"), ("cancel", "end a run, keep what it learnt"), ("resume", "go on")):
        commands.add_parser(name, help=words).add_argument("run", help="the run's id")
    clone = commands.add_parser("clone", help="start a run with another's settings but some")
    clone.add_argument("run", help="the run's id")
    clone.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a changed setting; repeatable")
    free = commands.add_parser("free", help="remove the checkpoints of done runs, keep their results")
    free.add_argument("run", nargs="?", default="", help="one run's id; all done runs without it")
    delete = commands.add_parser("delete", help="delete a run that is not going on")
    delete.add_argument("run", help="the run's id")
    delete.add_argument("--force", action="store_true", help="also when another run builds on its result")
    commands.add_parser("work", help="what a run's process does").add_argument("folder", type=Path)


def _add_recipes(parser: argparse.ArgumentParser) -> None:
    recipes = parser.add_subparsers(dest="recipe", required=True, metavar="NAME")
    for name, recipe in recipe_work.known_recipes().items():
        one = recipes.add_parser(name, help=recipe.words, description=recipe.words)
        one.add_argument("--device", default="", help="cpu, cuda:0 …; empty: the first there is")
        if recipe.presets:
            one.add_argument("--preset", default="", choices=list(recipe.presets), help="settings to start from")
        words = recipe_work.words_of(recipe.settings)
        for field, kind in recipe_work.types_of(recipe.settings).items():
            if field in (recipe_work.OUT, recipe_work.PRESET, "device"):
                continue
            more: dict[str, Any] = {"action": "store_true"} if kind is bool else {}
            if get_origin(kind) is tuple:
                more = {"type": get_args(kind)[0], "nargs": "+"}
            help_text = words[field].replace("%", "%%")
            one.add_argument(f"--{field.replace('_', '-')}", default=argparse.SUPPRESS, help=help_text, **more)


def run_jobs(parsed: argparse.Namespace) -> int:
    """Do what was asked; the exit code."""
    if parsed.command == "work":
        return _work(parsed.folder)
    if parsed.command == "start":
        return _start(parsed)
    if parsed.data_folder:
        folder = Path(parsed.data_folder)
    else:
        with Store.open_default() as store:
            folder = store.data_folder
    _COMMANDS[parsed.command](parsed, folder)
    return 0


def _work(folder: Path) -> int:
    from training.value_work import ValueWork
    from training.work import Work, work

    kind = read_settings(folder / "settings.json").kind
    if kind == "recipe":
        return work(folder, recipe_work.RecipeWork)
    return work(folder, ValueWork if kind == "value" else Work)


def _start(parsed: argparse.Namespace) -> int:
    asked = settings_of(StartArgs, parsed)
    with Store(asked.store) if asked.store else Store.open_default() as store:
        settings = jobs.Settings(**asdict(replace(asked, store=str(store.path))))
        folder = Path(parsed.data_folder) if parsed.data_folder else store.data_folder
        print(jobs.start(settings, folder))
    return 0


def _recipe(parsed: argparse.Namespace, folder: Path) -> None:
    names = {item.name for item in fields(recipe_work.recipe_of(parsed.recipe).settings)} | {recipe_work.PRESET}
    asked = {name: _absolute(value) for name, value in vars(parsed).items() if name in names and value != ""}
    settings = jobs.Settings(
        store="", kind="recipe", recipe=parsed.recipe, recipe_settings=json.dumps(asked), device=parsed.device
    )
    print(jobs.start(settings, folder))


def _absolute(value: Any) -> Any:
    """A file's or folder's whole path: the run's process works elsewhere. Anything else as it is."""
    is_there = isinstance(value, str) and len(value) < 1000 and Path(value).exists()
    return str(Path(value).resolve()) if is_there else value


def _list(parsed: argparse.Namespace, folder: Path) -> None:
    pump(folder)
    total = can_free = 0
    for run in jobs.list_runs(folder):
        use = run_care.use_of(run.folder)
        total, can_free = total + use.total, can_free + (use.checkpoints if run.state == "done" else 0)
        print(f"{run.id}  {run.state:<9}  {run_care.bytes_words(use.total):>7}  {run.message}")
    for name, why in broken(folder):
        print(f"{name}  unreadable  {why}")
    if total:
        print(f"{run_care.bytes_words(total)} in all; `jobs free` would free {run_care.bytes_words(can_free)}")


def _queue(parsed: argparse.Namespace, folder: Path) -> None:
    pump(folder)
    live = [run for run in reversed(jobs.list_runs(folder)) if run.is_live]
    for run in sorted(live, key=lambda run: (run.device, run.state != "running")):
        print(f"{run.device:<7} {run.id}  {run.state:<9}  {run.message}")
    if not live:
        print("Nothing is going on.")


def _show(parsed: argparse.Namespace, folder: Path) -> None:
    run = jobs.status(folder, parsed.run)
    print(f"{run.id}  {run.state:<9}  {run.message}")
    for note in run.notes:
        print(note)


def _cancel(parsed: argparse.Namespace, folder: Path) -> None:
    jobs.cancel(folder, parsed.run)
    _show(parsed, folder)


def _resume(parsed: argparse.Namespace, folder: Path) -> None:
    jobs.resume(folder, parsed.run)
    _show(parsed, folder)


def _clone(parsed: argparse.Namespace, folder: Path) -> None:
    changes = {}
    for text in parsed.set:
        name, sign, value = text.partition("=")
        if not sign:
            raise BadInput(f"--set takes NAME=VALUE, not {text!r}.")
        changes[name.strip().replace("-", "_")] = value.strip()
    print(run_care.clone(folder, parsed.run, changes))


def _free(parsed: argparse.Namespace, folder: Path) -> None:
    chosen = [parsed.run] if parsed.run else [run.id for run in jobs.list_runs(folder) if run.state == "done"]
    for run_id in chosen:
        print(f"{run_id}  {run_care.bytes_words(run_care.free(folder, run_id))} freed")


def _delete(parsed: argparse.Namespace, folder: Path) -> None:
    with Store(folder / "store.sqlite") if (folder / "store.sqlite").is_file() else Store.open_default() as store:
        in_use = store.setting("adapter")
    try:
        run_care.delete(folder, parsed.run, in_use, parsed.force)
    except RunError as error:
        again = " Say --force to delete it all the same." if "built on: they" in str(error) else ""
        raise RunError(f"{error}{again}") from error
    print(f"{parsed.run}  deleted")


_COMMANDS: dict[str, Callable[[argparse.Namespace, Path], None]] = {
    "recipe": _recipe,
    "list": _list,
    "queue": _queue,
    "show": _show,
    "cancel": _cancel,
    "resume": _resume,
    "clone": _clone,
    "free": _free,
    "delete": _delete,
}
