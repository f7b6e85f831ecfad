"""Reading a run's folder: what state it is in, and what is amiss with it, wherever it was made.

    read_run(data folder / "runs" / "2026-11-20-091200-ab12")   → Run(state="done", stage="evaluate", notes=(), …)
    broken(data folder)                                         → [("2026-11-19-…", "settings.json is missing: …")]

The state follows from the files and from whether the run's process lives: a run copied here from another machine, or
one whose processes were killed, is read as any other. A folder that cannot be read is named with the reason.
"""

import contextlib
import json
import struct
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from reasoner.errors import RunError
from training import processes
from training.devices import CPU, devices
from training.lora import CONFIG, WEIGHTS, is_adapter
from training.progress import latest, read_events
from training.run_facts import COLOURS, host, read_facts
from training.run_settings import Settings, read_settings

State = Literal["waiting", "running", "done", "failed", "cancelled"]
QUEUED, CANCELLED = "queued", "cancelled"
LITTLE_SPACE = 20_000_000  # bytes


@dataclass(frozen=True)
class Run:
    """One run as its files and its process show it at this moment."""

    id: str
    folder: Path
    state: State
    stage: str  # "explore", "pairs", "train", "evaluate"; a recipe's own names; empty before the first
    message: str  # for a person: why it failed, or what it is doing
    created: float  # seconds since 1970
    settings: Settings
    device: str = CPU
    colour: int = 0  # of its curves, 0-7
    owner: str = ""  # on a Space: a hash of who started it
    notes: tuple[str, ...] = ()  # what is amiss: made elsewhere, paths that are not here, copied by halves

    @property
    def is_live(self) -> bool:
        """Is it going on, or waiting for its turn?"""
        return self.state in ("waiting", "running")

    @property
    def adapter(self) -> Path | None:
        """The folder of its result; a cancelled run's is that of its last checkpoint."""
        folder = self.folder / "adapter"
        return folder if is_adapter(str(folder)) else None


class Digest(NamedTuple):
    """What an event file says of a run's state, since it was last resumed."""

    done: str | None
    failed: str | None
    stage: str | None  # of the whole file
    doing: str | None  # the message of that stage, when it began since the last resume


def run_folders(data_folder: Path) -> list[Path]:
    """Every folder of runs/, the newest first; hidden ones are being made or deleted."""
    runs = data_folder / "runs"
    found = [path for path in runs.iterdir() if path.is_dir()] if runs.is_dir() else []
    return sorted((path for path in found if not path.name.startswith(".")), reverse=True)


def read_run(folder: Path) -> Run:
    """A run as it is now. Raises RunError when its settings cannot be read."""
    settings = read_settings(folder / "settings.json")
    facts = read_facts(folder)
    digest = digest_of(folder / "events.jsonl")
    state, message = _state(folder, digest, facts)
    return Run(
        id=folder.name,
        folder=folder,
        state=state,
        stage=digest.stage or "",
        message=message,
        created=_created(folder, facts),
        settings=settings,
        device=device_of(facts, settings),
        colour=colour_of(facts, folder.name),
        owner=str(facts.get("owner") or ""),
        notes=tuple(_notes(folder, settings, facts, state)),
    )


def broken(data_folder: Path) -> list[tuple[str, str]]:
    """(folder, why) of each folder that looks like a run and cannot be read as one."""
    found = []
    for folder in run_folders(data_folder):
        if not (folder / "settings.json").is_file():
            found.append(
                (folder.name, "settings.json is missing: was it copied by halves? Copy it again, or delete it.")
            )
            continue
        try:
            read_settings(folder / "settings.json")
        except RunError as error:
            found.append(
                (folder.name, f"{str(error).removesuffix(': start a new run.')}: copy it again, or delete it.")
            )
    return found


def device_of(facts: dict[str, Any], settings: Settings) -> str:
    """Where a run trains; one made elsewhere, or by an earlier version, on this machine's first device."""
    asked = str(facts.get("device") or settings.device)
    known = devices()
    return asked if asked in known else known[0]


def colour_of(facts: dict[str, Any], run_id: str) -> int:
    """Its own, 0-7; for a run of an earlier version one that follows from its name."""
    colour = facts.get("colour")
    is_known = isinstance(colour, int) and 0 <= colour < COLOURS
    return int(colour) if is_known else sum(run_id.encode()) % COLOURS  # type: ignore[arg-type]


def digest_of(path: Path) -> Digest:
    """What the event file says; read again only when it has grown."""
    try:
        facts = path.stat()
    except OSError:
        return Digest(None, None, None, None)
    return _digest(path, facts.st_size, facts.st_mtime_ns)


@lru_cache(maxsize=1024)
def _digest(path: Path, size: int, changed: int) -> Digest:
    events = read_events(path)
    since = max((number for number, event in enumerate(events) if event["kind"] == "resume"), default=0)
    recent = events[since:]
    done, failed, now, stage = (
        latest(recent, "done"),
        latest(recent, "failed"),
        latest(recent, "stage"),
        latest(events, "stage"),
    )
    return Digest(
        done=str(done.get("message") or "Done.") if done else None,
        failed=str(failed.get("message") or "It failed; see the log.") if failed else None,
        stage=str(stage.get("stage") or "") if stage else None,
        doing=str(now.get("message") or "") if now else None,
    )


def _state(folder: Path, digest: Digest, facts: dict[str, Any]) -> tuple[State, str]:
    process = processes.find(folder)
    if (folder / CANCELLED).is_file() and process is None:
        kept = (folder / "adapter" / CONFIG).is_file()
        return "cancelled", "Cancelled; " + ("the adapter so far is kept." if kept else "before anything was learnt.")
    if digest.done is not None:
        return "done", digest.done
    if digest.failed is not None:
        return "failed", digest.failed
    if process is not None:
        return ("running", digest.doing) if digest.doing is not None else ("waiting", "Starting …")
    if (folder / QUEUED).is_file():
        return "waiting", "In the queue: it starts by itself when the runs before it are over."
    return "failed", _why_gone(folder, str(facts.get("host") or ""))


def _why_gone(folder: Path, made_on: str) -> str:
    if made_on and made_on != host():
        return f"It stopped on {made_on}, where it was made. Resume it: it goes on here, from its last checkpoint."
    if not (folder / "process.json").is_file():
        return "It was never started. Resume it, or start a new run."
    if processes.free_space(folder) < LITTLE_SPACE:
        return "The disk is full. Free some space, then resume the run."
    return "The run's process ended without a word (killed, or out of memory). Resume it: it goes on where it was."


def _created(folder: Path, facts: dict[str, Any]) -> float:
    created = facts.get("created")
    if isinstance(created, int | float):
        return float(created)
    try:
        return time.mktime(time.strptime(folder.name[:17], "%Y-%m-%d-%H%M%S"))  # a copy has a younger settings.json
    except ValueError:
        return (folder / "settings.json").stat().st_mtime


def _notes(folder: Path, settings: Settings, facts: dict[str, Any], state: State) -> list[str]:
    notes = []
    made_on = str(facts.get("host") or "")
    if made_on and made_on != host():
        notes.append(f"Made on another machine ({made_on}).")
    gone = [f"its {name} {path}" for name, path in missing_paths(settings)]
    if gone:
        notes.append(f"Not on this machine: {', '.join(gone)}. It can be read; to go on, clone it with paths of here.")
    adapter = folder / "adapter"
    if is_adapter(str(adapter)) and not _is_whole(adapter / WEIGHTS):
        notes.append("Its adapter's weights are missing or torn: was the folder copied by halves? Copy it again.")
    if state == "done" and not (folder / "events.jsonl").is_file():
        notes.append("Its events are missing, so there are no curves: copy events.jsonl too.")
    return notes


def missing_paths(settings: Settings) -> list[tuple[str, str]]:
    """(what, path) of each file or folder that the run was asked to use and that is not here."""
    paths = {name: str(getattr(settings, name)) for name in ("store", "model", "adapter")}
    if settings.kind == "recipe":
        with contextlib.suppress(ValueError, AttributeError):  # settings that cannot be read are told elsewhere
            asked = json.loads(settings.recipe_settings or "{}").items()
            paths |= {name: value for name, value in asked if isinstance(value, str)}
    return [(name, path) for name, path in paths.items() if is_path(path) and not Path(path).exists()]


def is_path(text: str) -> bool:
    """Is this a path rather than a Hugging Face id?"""
    return text.startswith(("/", "~", "./", "../")) or text[1:3] in (":\\", ":/")


def _is_whole(path: Path) -> bool:
    """Is a safetensors file as long as its header says?"""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length)) if length < 100_000_000 else {}
        ends = [row["data_offsets"][1] for name, row in header.items() if name != "__metadata__"]
        return path.stat().st_size == 8 + length + max(ends, default=0)
    except (OSError, ValueError, KeyError, TypeError, IndexError, struct.error):
        return False
