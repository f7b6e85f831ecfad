"""Training runs outside the web process: start, follow, cancel, resume. Everything about a run is files in its folder.

    data folder/runs/2026-11-20-091200-ab12/
      settings.json   what was asked for             process.json     pid, and when that process began
      run.json        versions, seed, device, hashes of what was read (training/run_facts.py)
      pairs.jsonl     what is trained on             counts.json      what was dropped, by reason
      events.jsonl    what happened, append-only     log.txt          what the process printed
      checkpoints/    to resume from                 adapter/         the result
      report.json     before and after               comparisons.jsonl   the traces behind it
      value/          a value model, of a run of that kind, with value_report.json and rerank.json
      queued          there while it waits for its turn (training/run_queue.py)
      cancelled       there when somebody cancelled
      recipe.json, and a folder a stage: a recipe's run (training/recipes/stages.py)

The state follows from these files and from whether that process lives (its pid *and* its start time, so that a reused
pid is not taken for it): any number of pages and programs see the same, and nothing is lost when one of them ends.
A folder copied here from another machine is a run as any other (training/run_folder.py says what it lacks).
"""

import contextlib
import json
import os
import secrets
import shutil
import time
from dataclasses import asdict
from pathlib import Path

from reasoner.engines import engine_kind
from reasoner.errors import RunError
from reasoner.whole_file import write_json
from training import dpo, processes, recipe_work
from training.devices import check_device
from training.lora import is_adapter
from training.progress import EventLog
from training.run_facts import FACTS, free_colour, host, versions
from training.run_folder import CANCELLED, QUEUED, Run, read_run, run_folders
from training.run_queue import enqueue, pump, queue_lock
from training.run_settings import Settings, check_settings, read_settings

__all__ = ["Run", "Settings", "active_run", "cancel", "list_runs", "resume", "start", "status"]


def start(settings: Settings, data_folder: Path, owner: str = "", clone_of: str = "") -> str:
    """Start a run in a process of its own, now or when its device is free, and return its id.

    owner: on a Space, a hash of who asks.  clone_of: the run it is a changed copy of. Raises RunError or BadInput when
    it cannot start.
    """
    check(settings)
    device = check_device(settings.device)
    runs = data_folder / "runs"
    run_id = f"{time.strftime('%Y-%m-%d-%H%M%S')}-{secrets.token_hex(2)}"
    making = runs / f".new-{run_id}"
    try:
        making.mkdir(parents=True)
        (making / "settings.json").write_text(json.dumps(asdict(settings), indent=1), encoding="utf-8")
        facts = {
            "id": run_id,
            "kind": settings.kind,
            "created": time.time(),
            "host": host(),
            "device": device,
            "colour": free_colour(runs),
            "clone_of": clone_of,
            "owner": owner,
            "seed": settings.seed,
            "versions": versions(),
            "read": {},
        }
        write_json(facts, making / FACTS)
        enqueue(making)
        os.rename(making, runs / run_id)  # from here on it is a run, whole, and waits
        pump(data_folder)
    except OSError as error:
        shutil.rmtree(making, ignore_errors=True)
        raise RunError(f"The run cannot be written to {runs} ({error.strerror}): is the disk full?") from error
    return run_id


def check(settings: Settings) -> None:
    """Raises RunError or BadInput for settings that no run can start with."""
    check_settings(settings)
    if settings.kind == "recipe":
        recipe_work.check(settings)
        return
    kind = engine_kind(settings.model)
    if kind != "local":
        raise RunError(f"A {kind} model cannot be trained here: choose a model folder or a Hugging Face id (--model).")
    if not Path(settings.store).is_file():
        raise RunError(f"There is no store at {settings.store}: nothing has been labelled yet.")


def resume(data_folder: Path, run_id: str) -> None:
    """Go on with a run that failed, was killed or cancelled, from its last checkpoint, when its device is free."""
    status(data_folder, run_id)  # no run, no lock
    with queue_lock(data_folder):
        run = status(data_folder, run_id)
        if run.is_live:
            raise RunError(f"Run {run_id} is going on: there is nothing to resume.")
        if run.state == "done":
            raise RunError(f"Run {run_id} is done: start a new one instead.")
        EventLog(run.folder / "events.jsonl").write("resume")
        enqueue(run.folder)
        (run.folder / CANCELLED).unlink(missing_ok=True)
    pump(data_folder)


def cancel(data_folder: Path, run_id: str) -> None:
    """End a run and all its processes, or take it out of the queue; what it has learnt until its last checkpoint stays.

    The next run starts.
    """
    if not status(data_folder, run_id).is_live:
        return
    with queue_lock(data_folder):  # nobody launches it meanwhile
        folder = status(data_folder, run_id).folder
        with contextlib.suppress(OSError):  # on a full disk the mark cannot be made; the run is ended all the same
            (folder / CANCELLED).write_text(str(time.time()), encoding="utf-8")
        (folder / QUEUED).unlink(missing_ok=True)
        process = processes.find(folder)
    if process is not None:
        processes.end(process)
    with contextlib.suppress(OSError):
        _keep_result(folder)
    with contextlib.suppress(OSError):
        pump(data_folder)


def status(data_folder: Path, run_id: str) -> Run:
    """A run as it is now. Raises RunError when there is no such run."""
    folder = data_folder / "runs" / run_id
    if not _is_name(run_id) or not (folder / "settings.json").is_file():
        raise RunError(f"There is no run {run_id!r}: `python -m training jobs list` lists the runs.")
    return read_run(folder)


def _is_name(run_id: str) -> bool:
    return bool(run_id) and Path(run_id).name == run_id and not run_id.startswith(".")


def list_runs(data_folder: Path) -> list[Run]:
    """All runs, the newest first; folders that cannot be read are named by run_folder.broken."""
    found = []
    for folder in run_folders(data_folder):
        with contextlib.suppress(RunError, OSError):  # half copied, or being deleted: the others are still listed
            found.append(read_run(folder))
    return found


def active_run(data_folder: Path) -> Run | None:
    """The run that is going on, else one that waits, or None."""
    live = [run for run in list_runs(data_folder) if run.is_live]
    return next((run for run in live if run.state == "running"), live[-1] if live else None)


def _keep_result(folder: Path) -> None:
    """A run that had no time to write its adapter keeps that of its last checkpoint.

    Not when it started from an adapter: a checkpoint holds the difference to that one alone. It can be resumed. Nor
    when it is a value model's, which is no solver, or a recipe's, whose stages keep their own.
    """
    checkpoint = dpo.last_checkpoint(folder)
    adapter = folder / "adapter"
    settings = read_settings(folder / "settings.json")
    is_other = bool(settings.adapter) or is_adapter(settings.model) or settings.kind != "pairs"
    if checkpoint is None or is_other or (adapter / "adapter_config.json").is_file():
        return
    adapter.mkdir(exist_ok=True)
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        shutil.copyfile(Path(checkpoint) / name, adapter / name)
