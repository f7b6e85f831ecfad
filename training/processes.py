"""A run's own process: started in a session of its own, found again by pid and start time, ended with its children.

launch(folder, {"CUDA_VISIBLE_DEVICES": "1"})    writes process.json and log.txt, returns at once
introduce(folder)       the same from inside: whoever started it may have been killed before it could write
find(folder)            the process while it lives, whoever started it
end(process)            politely, then not
"""

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil

from training.run_facts import host

ROOT = Path(__file__).resolve().parents[1]
PARENT_DEATH = 1  # prctl's PR_SET_PDEATHSIG
GRACE = 5.0  # seconds a process that is asked to end has for it. Ours: longer than a step of the built-in solver
COMMAND = (sys.executable, "-m", "training", "jobs", "work")
"""What a run's process is; the folder comes last."""


def launch(folder: Path, variables: Mapping[str, str] | None = None) -> None:
    """The run's process: its own session, so that neither a closed page nor a stopped app ends it."""
    before = os.environ.get("PYTHONPATH", "")
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(dict.fromkeys([str(ROOT), *filter(None, before.split(os.pathsep))])),
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "ignore",
        "TOKENIZERS_PARALLELISM": "false",
        **(variables or {}),
    }
    with (folder / "log.txt").open("ab") as log:
        process = subprocess.Popen(
            [*COMMAND, str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env=environment,
            start_new_session=True,
        )
    _children.append(process)
    _write(folder, process.pid)


def end_with_parent() -> None:
    """For a child, before it begins: the system ends it when its parent ends, even by kill -9 (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PARENT_DEATH, signal.SIGTERM)


def introduce(folder: Path) -> None:
    """This process is the run's."""
    _write(folder, os.getpid())


def _write(folder: Path, pid: int) -> None:
    began = 0.0
    with contextlib.suppress(psutil.Error):  # it may have ended already; then its events say why
        began = psutil.Process(pid).create_time()
    partial = folder / f"process.json.{os.getpid()}"  # the run and its starter write the same, perhaps at once
    partial.write_text(json.dumps({"pid": pid, "began": began, "host": host()}), encoding="utf-8")
    os.replace(partial, folder / "process.json")


_children: list[subprocess.Popen[bytes]] = []
"""Processes started here, kept so that they can be reaped."""


def find(folder: Path) -> psutil.Process | None:
    """The run's process while it lives."""
    for child in _children:
        child.poll()  # reaps it when it has ended
    try:
        written = json.loads((folder / "process.json").read_text(encoding="utf-8"))
        if written.get("host", host()) != host():
            return None  # copied from another machine, where the same number meant another process
        process = psutil.Process(int(written["pid"]))
        is_same = abs(process.create_time() - float(written["began"])) < 2.0
        return process if is_same and process.status() != psutil.STATUS_ZOMBIE else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, psutil.Error):
        return None


def end(process: psutil.Process, grace: float = GRACE) -> None:
    """End a whole process group by its leader, politely first; grace: seconds that it has."""
    with contextlib.suppress(psutil.Error):
        members = [process, *process.children(recursive=True)]
        _signal(process, getattr(signal, "SIGTERM", signal.SIGINT))
        _, alive = psutil.wait_procs(members, timeout=grace)
        if alive:
            _signal(process, getattr(signal, "SIGKILL", signal.SIGTERM))
            psutil.wait_procs(alive, timeout=GRACE)


def free_space(folder: Path) -> int:
    """Bytes left on the folder's disk."""
    return shutil.disk_usage(folder).free


def _signal(process: psutil.Process, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, psutil.Error):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, number)  # it leads its own session, hence its own group
        else:
            process.send_signal(number)
