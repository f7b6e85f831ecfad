"""A run's process that learns nothing: it says that it works, and is done when its folder holds a file `finish`.

Stands in for `python -m training jobs work FOLDER` where a test is about runs and not about training.
"""

import sys
import time
from pathlib import Path

from training import processes, run_process
from training.progress import EventLog

COMMAND = (sys.executable, "-m", "tests.napping")


class Nap:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.events = EventLog(folder / "events.jsonl")

    def run(self) -> None:
        self.events.write("stage", stage="train", message="Napping …")
        until = time.monotonic() + 60
        while not (self.folder / "finish").exists() and time.monotonic() < until:
            time.sleep(0.02)
        self.events.write("done", message="Slept well.")


if __name__ == "__main__":
    processes.COMMAND = COMMAND
    run_process.NICENESS = 0  # a test waits for it
    sys.exit(run_process.work(Path(sys.argv[1]), Nap))
