"""The outermost part of a run's process: waits for its turn, works, tells what went wrong, lets the next one start.

Started by training/run_queue.py as `python -m training jobs work FOLDER`. This is an edge: any error becomes a "failed"
event with words for a person, and its traceback goes to the run's log.
"""

import errno
import os
import signal
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Protocol

from reasoner.errors import WorkbenchError
from training.progress import EventLog
from training.run_queue import own, pass_on

NICENESS = 10  # the page stays quick while a run trains


class AnyWork(Protocol):
    """What a run's process does, of whatever kind."""

    events: EventLog

    def run(self) -> None: ...


def work(folder: Path, kind: Callable[[Path], AnyWork]) -> int:
    """Do the run in `folder` when it is its turn, niced and ready to be stopped; the exit code."""
    if not own(folder):
        return 0
    try:
        work = kind(folder)
        signal.signal(signal.SIGTERM, getattr(work, "asked_to_stop", _ended))
        if hasattr(os, "nice"):
            os.nice(max(0, NICENESS - os.nice(0)))  # a run started by the one before it has its niceness already
        return do(work)
    finally:
        pass_on(folder)


def _ended(number: int, frame: FrameType | None) -> None:
    raise SystemExit(143)


def do(work: AnyWork) -> int:
    """Do a run; whatever goes wrong becomes its "failed" event."""
    try:
        work.run()
    except WorkbenchError as error:
        return _failed(work, str(error))
    except OSError as error:
        traceback.print_exc()
        if error.errno == errno.ENOSPC:
            return _failed(work, "The disk is full. Free some space, then resume the run.")
        return _failed(work, f"A file could not be read or written ({error}). See the log, then resume the run.")
    except Exception as error:  # noqa: BLE001  the process's edge: a person is told, the log has the rest
        traceback.print_exc()
        first_line = (str(error).strip() or type(error).__name__).split("\n")[0][:300]
        return _failed(work, f"Something unexpected happened: {first_line} The log has the details.")
    return 0


def _failed(work: AnyWork, message: str) -> int:
    print(f"failed: {message}", flush=True)
    work.events.write("failed", message=message)
    return 1
