"""Training runs outside the web process: start, follow, cancel, resume. Everything about a run is files in its folder.

    data folder/runs/2026-11-20-0912-ab12/
      settings.json   what was asked for             process.json     pid, and when that process began
      pairs.jsonl     what is trained on             counts.json      what was dropped, by reason
      events.jsonl    what happened, append-only     log.txt          what the process printed
      checkpoints/    to resume from                 adapter/         the result
      report.json     before and after               comparisons.jsonl   the traces behind it
      value/          a value model, of a run of that kind, with value_report.json and rerank.json
      cancelled       there when somebody cancelled

The state follows from these files and from whether that process lives (its pid *and* its start time, so that a reused
pid is not taken for it): any number of pages and programs see the same, and nothing is lost when one of them ends.
One run at a time in a data folder: its name is in runs/active.

Not covered: runs on another machine.
"""

import contextlib
import json
import os
import secrets
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from reasoner.engines import engine_kind
from reasoner.errors import RunError
from training import dpo, processes
from training.lora import is_adapter
from training.progress import EventLog, latest, read_events
from training.run_settings import Settings, check_settings, read_settings

__all__ = ["Run", "Settings", "active_run", "cancel", "list_runs", "resume", "start", "status"]

State = Literal["waiting", "running", "done", "failed", "cancelled"]
LITTLE_SPACE = 20_000_000  # bytes


@dataclass(frozen=True)
class Run:
    """One run as its files and its process show it at this moment."""

    id: str
    folder: Path
    state: State
    stage: str  # "explore", "pairs", "train", "evaluate"; "train", "score", "rerank"; empty before the first
    message: str  # for a person: why it failed, or what it is doing
    created: float  # seconds since 1970
    settings: Settings

    @property
    def is_live(self) -> bool:
        """Is it going on, so that no other may start?"""
        return self.state in ("waiting", "running")

    @property
    def adapter(self) -> Path | None:
        """The folder of its result; a cancelled run's is that of its last checkpoint."""
        folder = self.folder / "adapter"
        return folder if is_adapter(str(folder)) else None


def start(settings: Settings, data_folder: Path) -> str:
    """Start a run in a process of its own and return its id. Raises RunError when it cannot start."""
    check_settings(settings)
    kind = engine_kind(settings.model)
    if kind != "local":
        raise RunError(f"A {kind} model cannot be trained here: choose a model folder or a Hugging Face id (--model).")
    if not Path(settings.store).is_file():
        raise RunError(f"There is no store at {settings.store}: nothing has been labelled yet.")
    run_id = f"{time.strftime('%Y-%m-%d-%H%M%S')}-{secrets.token_hex(2)}"
    folder = data_folder / "runs" / run_id
    try:
        folder.mkdir(parents=True)
        (folder / "settings.json").write_text(json.dumps(asdict(settings), indent=1), encoding="utf-8")
        _claim(data_folder, run_id)
        processes.launch(folder)
    except OSError as error:
        raise RunError(f"The run cannot be written to {folder.parent} ({error.strerror}): is the disk full?") from error
    except RunError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return run_id


def resume(data_folder: Path, run_id: str) -> None:
    """Go on with a run that failed, was killed or cancelled, from its last checkpoint."""
    run = status(data_folder, run_id)
    if run.is_live:
        raise RunError(f"Run {run_id} is going on: there is nothing to resume.")
    if run.state == "done":
        raise RunError(f"Run {run_id} is done: start a new one instead.")
    _claim(data_folder, run_id)
    (run.folder / "cancelled").unlink(missing_ok=True)
    EventLog(run.folder / "events.jsonl").write("resume")
    processes.launch(run.folder)


def cancel(data_folder: Path, run_id: str) -> None:
    """End a run and all its processes; what it has learnt until its last checkpoint stays usable."""
    run = status(data_folder, run_id)
    if not run.is_live:
        return
    with contextlib.suppress(OSError):  # on a full disk the mark cannot be made; the run is ended all the same
        (run.folder / "cancelled").write_text(str(time.time()), encoding="utf-8")
    process = processes.find(run.folder)
    if process is not None:
        processes.end(process)
    with contextlib.suppress(OSError):
        _keep_result(run.folder)


def status(data_folder: Path, run_id: str) -> Run:
    """A run as it is now. Raises RunError when there is no such run."""
    folder = data_folder / "runs" / run_id
    if not run_id or Path(run_id).name != run_id or not (folder / "settings.json").is_file():
        raise RunError(f"There is no run {run_id!r}: `python -m training jobs` lists the runs.")
    settings = read_settings(folder / "settings.json")
    events = read_events(folder / "events.jsonl")
    since = max((number for number, event in enumerate(events) if event["kind"] == "resume"), default=0)
    state, message = _state(folder, events[since:])
    stage = latest(events, "stage")
    return Run(
        id=run_id,
        folder=folder,
        state=state,
        stage=str(stage["stage"]) if stage else "",
        message=message,
        created=(folder / "settings.json").stat().st_mtime,
        settings=settings,
    )


def list_runs(data_folder: Path) -> list[Run]:
    """All runs, the newest first; folders that are no runs are passed over."""
    found = []
    for path in sorted((data_folder / "runs").glob("*/settings.json"), reverse=True):
        with contextlib.suppress(RunError):  # a folder somebody has meddled with: the others are still listed
            found.append(status(data_folder, path.parent.name))
    return found


def active_run(data_folder: Path) -> Run | None:
    """The run that is going on, or None."""
    with contextlib.suppress(OSError, RunError):  # no run has ever been started, or its folder was deleted
        run = status(data_folder, (data_folder / "runs" / "active").read_text(encoding="utf-8").strip())
        return run if run.is_live else None
    return None


def _state(folder: Path, events: list[dict[str, Any]]) -> tuple[State, str]:
    process = processes.find(folder)
    if (folder / "cancelled").is_file() and process is None:
        kept = (folder / "adapter" / "adapter_config.json").is_file()
        return "cancelled", "Cancelled; " + ("the adapter so far is kept." if kept else "before anything was learnt.")
    if done := latest(events, "done"):
        return "done", str(done.get("message") or "Done.")
    if failed := latest(events, "failed"):
        return "failed", str(failed.get("message") or "It failed; see the log.")
    if process is not None:
        stage = latest(events, "stage")
        return ("running", str(stage.get("message") or "")) if stage else ("waiting", "Starting …")
    if not (folder / "process.json").is_file():
        is_new = time.time() - (folder / "settings.json").stat().st_mtime < 10
        return ("waiting", "Starting …") if is_new else ("failed", "It was never started: start a new run.")
    return "failed", _why_gone(folder)


def _why_gone(folder: Path) -> str:
    if shutil.disk_usage(folder).free < LITTLE_SPACE:
        return "The disk is full. Free some space, then resume the run."
    return "The run's process ended without a word (killed, or out of memory). Resume it: it goes on where it was."


def _claim(data_folder: Path, run_id: str) -> None:
    """Make this the active run, or raise RunError naming the one that is going on."""
    active = data_folder / "runs" / "active"
    for _ in range(3):
        try:
            descriptor = os.open(active, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            going = active_run(data_folder)
            if going is not None and going.id != run_id:
                raise RunError(
                    f"Run {going.id} is going on, and one trains at a time: wait until it is done, or cancel it."
                ) from None
            active.unlink(missing_ok=True)
            continue
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(run_id)
        return
    raise RunError("Several runs were started at once: try again.")


def _keep_result(folder: Path) -> None:
    """A run that had no time to write its adapter keeps that of its last checkpoint.

    Not when it started from an adapter: a checkpoint holds the difference to that one alone. It can be resumed. Nor
    when it is a value model's, which is no solver.
    """
    checkpoint = dpo.last_checkpoint(folder)
    adapter = folder / "adapter"
    settings = read_settings(folder / "settings.json")
    is_other = bool(settings.adapter) or is_adapter(settings.model) or settings.kind == "value"
    if checkpoint is None or is_other or (adapter / "adapter_config.json").is_file():
        return
    adapter.mkdir(exist_ok=True)
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        shutil.copyfile(Path(checkpoint) / name, adapter / name)
