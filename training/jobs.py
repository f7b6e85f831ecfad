"""Training runs outside the web process: start, follow, cancel, resume. Everything about a run is files in its folder.

    data folder/runs/2026-11-20-0912-ab12/
      settings.json   what was asked for             process.json     pid, and when that process began
      pairs.jsonl     what is trained on             counts.json      what was dropped, by reason
      events.jsonl    what happened, append-only     log.txt          what the process printed
      checkpoints/    to resume from                 adapter/         the result
      report.json     before and after               comparisons.jsonl   the traces behind it
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
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

import psutil

from reasoner.engines import BUILT_IN, engine_kind
from reasoner.errors import RunError
from training import dpo
from training.evaluate import HELD_OUT_SEED
from training.progress import EventLog, latest, read_events
from training.wordproblems import DEFAULT_LEVEL

State = Literal["waiting", "running", "done", "failed", "cancelled"]
ROOT = Path(__file__).resolve().parents[1]
GRACE = 5.0  # seconds a cancelled run has to end by itself
LITTLE_SPACE = 20_000_000  # bytes


@dataclass(frozen=True)
class Settings:
    """What one run is asked to do."""

    store: Annotated[str, "the store whose labels and pits become pairs"]
    model: Annotated[str, "model folder or Hugging Face id"] = BUILT_IN
    adapter: Annotated[str, "adapter to start from; empty: the model alone"] = ""
    origin: Annotated[str, "whose flags: person, machine or both"] = "both"
    annotator: Annotated[str, "this person's labels only; empty: everybody's"] = ""
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


@dataclass(frozen=True)
class Run:
    """One run as its files and its process show it at this moment."""

    id: str
    folder: Path
    state: State
    stage: str  # "pairs", "train", "evaluate"; empty before the first
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
        return folder if (folder / "adapter_config.json").is_file() else None


def start(settings: Settings, data_folder: Path) -> str:
    """Start a run in a process of its own and return its id. Raises RunError when it cannot start."""
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
        _launch(folder)
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
    _launch(run.folder)


def cancel(data_folder: Path, run_id: str) -> None:
    """End a run and all its processes; what it has learnt until its last checkpoint stays usable."""
    run = status(data_folder, run_id)
    if not run.is_live:
        return
    with contextlib.suppress(OSError):  # on a full disk the mark cannot be made; the run is ended all the same
        (run.folder / "cancelled").write_text(str(time.time()), encoding="utf-8")
    process = _process(run.folder)
    if process is not None:
        _end(process)
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
    process = _process(folder)
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


def _launch(folder: Path) -> None:
    """The run's process: its own session, so that neither a closed page nor a stopped app ends it."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "ignore",
        "TOKENIZERS_PARALLELISM": "false",
    }
    with (folder / "log.txt").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "training", "jobs", "work", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env=environment,
            start_new_session=True,
        )
    _children.append(process)
    began = 0.0
    with contextlib.suppress(psutil.Error):  # it may have ended already; then its events say why
        began = psutil.Process(process.pid).create_time()
    (folder / "process.json").write_text(json.dumps({"pid": process.pid, "began": began}), encoding="utf-8")


_children: list[subprocess.Popen[bytes]] = []
"""Processes started here, kept so that they can be reaped."""


def _process(folder: Path) -> psutil.Process | None:
    """The run's process while it lives."""
    for child in _children:
        child.poll()  # reaps it when it has ended
    try:
        written = json.loads((folder / "process.json").read_text(encoding="utf-8"))
        process = psutil.Process(int(written["pid"]))
        is_same = abs(process.create_time() - float(written["began"])) < 2.0
        return process if is_same and process.status() != psutil.STATUS_ZOMBIE else None
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None


def _end(process: psutil.Process) -> None:
    """End a run's whole process group, politely first."""
    with contextlib.suppress(psutil.Error):
        members = [process, *process.children(recursive=True)]
        _signal(process, getattr(signal, "SIGTERM", signal.SIGINT))
        _, alive = psutil.wait_procs(members, timeout=GRACE)
        if alive:
            _signal(process, getattr(signal, "SIGKILL", signal.SIGTERM))
            psutil.wait_procs(alive, timeout=GRACE)


def _signal(process: psutil.Process, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, psutil.Error):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, number)  # it leads its own session, hence its own group
        else:
            process.send_signal(number)


def _keep_result(folder: Path) -> None:
    """A run that had no time to write its adapter keeps that of its last checkpoint.

    Not when it started from an adapter: a checkpoint holds the difference to that one alone. It can be resumed.
    """
    checkpoint = dpo.last_checkpoint(folder)
    adapter = folder / "adapter"
    settings = read_settings(folder / "settings.json")
    is_difference = bool(settings.adapter) or (Path(settings.model) / "adapter_config.json").is_file()
    if checkpoint is None or is_difference or (adapter / "adapter_config.json").is_file():
        return
    adapter.mkdir(exist_ok=True)
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        shutil.copyfile(Path(checkpoint) / name, adapter / name)


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
