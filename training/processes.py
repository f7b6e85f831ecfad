"""A run's own process: started in a session of its own, found again by pid and start time, ended with its children.

launch(folder)          writes process.json and log.txt, returns at once
find(folder)            the process while it lives, whoever started it
end(process)            politely, then not
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
GRACE = 5.0  # seconds a process that is asked to end has for it. Ours: longer than a step of the built-in solver


def launch(folder: Path) -> None:
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


def find(folder: Path) -> psutil.Process | None:
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


def end(process: psutil.Process) -> None:
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
