"""Several seeds at once, each in a process of its own: small models use a few threads better apart than together.

    work_through(Path("run"), seeds=(0, 1, 2), at_once=3)       python -m training.recipes.one_seed run 0, … 1, … 2

The stages of a seed lie in its own folder, so that no two processes write one file; what they share is done before. The
processes end with this one, however it ends. What a seed has to say stands in seed-N/log.txt.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from reasoner.errors import RunError
from training.processes import ROOT, end_with_parent

LOG = "log.txt"
POLL = 0.2  # seconds between two looks


def work_through(folder: Path, seeds: Sequence[int], at_once: int) -> None:
    """Do all that is a seed's own. Raises RunError with what the first that failed had to say."""
    waiting, working = list(seeds), dict[int, "subprocess.Popen[bytes]"]()
    try:
        while waiting or working:
            while waiting and len(working) < at_once:
                seed = waiting.pop(0)
                working[seed] = _start(folder, seed, at_once)
            time.sleep(POLL)
            for seed in [seed for seed, process in working.items() if process.poll() is not None]:
                status = working.pop(seed).returncode
                if status:
                    raise RunError(f"Seed {seed} stopped (exit code {status}): {_said(folder, seed)}")
    finally:
        for process in working.values():
            process.terminate()
        for process in working.values():
            process.wait()


def _start(folder: Path, seed: int, at_once: int) -> "subprocess.Popen[bytes]":
    print(f"seed {seed}: {_log(folder, seed)}", flush=True)
    _log(folder, seed).parent.mkdir(exist_ok=True)
    threads = max(1, len(os.sched_getaffinity(0)) // at_once) if hasattr(os, "sched_getaffinity") else 1
    own = {"OMP_NUM_THREADS": str(threads), "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path[1:]])}
    command = [sys.executable, "-m", "training.recipes.one_seed", str(folder.resolve()), str(seed)]
    with _log(folder, seed).open("ab") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | own,
            preexec_fn=end_with_parent,
        )


def _log(folder: Path, seed: int) -> Path:
    return folder / f"seed-{seed}" / LOG


def _said(folder: Path, seed: int) -> str:
    return _log(folder, seed).read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]
