"""The queue: runs that wait, one at a time on each device, started by whoever looks when the device is free.

    enqueue(folder)           the run waits from now on, behind those that wait already
    pump(data folder)         start what can start: called by pages, commands, the app's clock, and by a run at its end
    keep_pumping(data folder) the same every few seconds, for as long as this process lives
    own(folder)               the run's process takes its run and its device, and holds both until it dies

A run waits while there is a file `queued` in its folder, which holds its place; so the queue outlives every program.
Two that pump at once take turns (a lock on runs/.queue.lock), and the device itself is locked by the process that
trains on it: even a run started behind the queue's back waits for its turn. A killed process's locks are let go.
"""

import contextlib
import threading
import time
from pathlib import Path

from reasoner.errors import WorkbenchError
from training import processes
from training.devices import environment, parts
from training.locks import Lock
from training.progress import EventLog
from training.run_facts import read_facts
from training.run_folder import CANCELLED, QUEUED, Run, device_of, run_folders
from training.run_settings import read_settings

EVERY = 2.0  # seconds between two looks of the app's clock

_held: list[Lock] = []
"""What this process holds until it ends."""


def queue_lock(data_folder: Path) -> Lock:
    """Held by whoever changes who waits and who runs."""
    return Lock(data_folder / "runs" / ".queue.lock")


def enqueue(folder: Path) -> None:
    """Let the run wait. Raises OSError where that cannot be written."""
    (folder / QUEUED).write_text(f"{time.time():.6f}", encoding="utf-8")


def place(folder: Path) -> tuple[float, str]:
    """Sorts waiting runs: the earliest first."""
    try:
        return float((folder / QUEUED).read_text(encoding="utf-8")), folder.name
    except (OSError, ValueError):  # torn by a kill or a full disk: it was being written just now
        return time.time(), folder.name


def pump(data_folder: Path, over: Path | None = None) -> list[str]:
    """Start the waiting runs whose device is free, the earliest first; their ids. `over`: a run about to end."""
    if not any((data_folder / "runs").glob(f"*/{QUEUED}")):
        return []
    started = []
    with queue_lock(data_folder):
        living = [folder for folder in run_folders(data_folder) if processes.find(folder) is not None]
        busy = {part for folder in living if folder != over for part in parts(_device(folder))}
        for folder in sorted((path.parent for path in (data_folder / "runs").glob(f"*/{QUEUED}")), key=place):
            if folder.name.startswith("."):
                continue
            if processes.find(folder) is not None or (folder / CANCELLED).exists():
                (folder / QUEUED).unlink(missing_ok=True)  # whoever launched it was killed right then
                continue
            device = _device(folder)
            if busy.isdisjoint(parts(device)):
                _launch(folder, device)
                started.append(folder.name)
            busy.update(parts(device))  # one that waits for all cards is not overtaken by those that want one
    return started


def _device(folder: Path) -> str:
    try:
        return device_of(read_facts(folder), read_settings(folder / "settings.json"))
    except WorkbenchError:
        return "unknown"


def _launch(folder: Path, device: str) -> None:
    try:
        processes.launch(folder, environment(device))
    except OSError as error:
        with contextlib.suppress(OSError):
            reason = f"Its process could not be started ({error.strerror or error}). Resume the run to try again."
            EventLog(folder / "events.jsonl").write("failed", message=reason)
    (folder / QUEUED).unlink(missing_ok=True)


def ahead(runs: list[Run], run: Run) -> list[Run]:
    """The runs that a waiting one waits for: those on its device, and those before it in the queue."""
    mine = place(run.folder)
    return [
        other
        for other in runs
        if other.id != run.id
        and other.is_live
        and not set(parts(run.device)).isdisjoint(parts(other.device))
        and (not (other.folder / QUEUED).is_file() or place(other.folder) < mine)
    ]


def own(folder: Path) -> bool:
    """Called by a run's process first of all: take the run, then wait for its device. False when it is not to go on."""
    run = Lock(folder / ".process.lock")
    if not run.take(wait=False):
        return False  # another process does this very run
    _held.append(run)
    if (folder / CANCELLED).is_file():
        return False
    processes.introduce(folder)
    (folder / QUEUED).unlink(missing_ok=True)
    for part in sorted(parts(_device(folder))):  # in one order, so that no two wait for each other
        device = Lock(folder.parent / f".{part.replace(':', '-')}.lock")
        device.take()
        _held.append(device)
    return True


class _Clock(threading.Thread):
    def __init__(self, data_folder: Path) -> None:
        super().__init__(name="queue", daemon=True)
        self.data_folder = data_folder

    def run(self) -> None:
        while True:
            with contextlib.suppress(OSError, WorkbenchError):  # a full disk: the next look may do better
                pump(self.data_folder)
            time.sleep(EVERY)


def keep_pumping(data_folder: Path) -> threading.Thread:
    """Start a clock that pumps for as long as this process lives."""
    clock = _Clock(data_folder)
    clock.start()
    return clock


def pass_on(folder: Path) -> None:
    """Called by a run's process last of all: the next run starts even when no page is open."""
    while _held:
        _held.pop().release()
    with contextlib.suppress(OSError, WorkbenchError):
        pump(folder.parent.parent, over=folder)
