"""A local worker's process: one task after another, whichever nobody has, until none is left.

    python -m reasoner.scale.worker explored 0          started by reasoner/scale/executors.py

A task whose worker was killed is nobody's: its lock went with the process. So the other workers take it over.
"""

import sys
import time
from pathlib import Path

from reasoner.scale.executors import LOGS, plan
from reasoner.scale.keeping import Busy, locked
from reasoner.scale.step import pipeline_of
from reasoner.scale.tasks import is_done, task_folder

ENDED = ".ended"  # in a task's folder: the run in which it came to its end, well or not
PAUSE = 0.5  # seconds between two looks at the tasks of others


def work(out: Path, index: int) -> None:
    """Run tasks until all have come to their end in this run."""
    run, _, tasks = plan(out)
    ranks = [(index + number) % tasks for number in range(tasks)]
    while left := [rank for rank in ranks if not _has_ended(out, rank, run)]:
        for rank in left:
            try:
                with locked(task_folder(out, rank)):
                    if not _has_ended(out, rank, run):
                        _explore(out, index, rank)
                        (task_folder(out, rank) / ENDED).write_text(run)
            except Busy:
                continue
        time.sleep(PAUSE)


def _has_ended(out: Path, rank: int, run: str) -> bool:
    path = task_folder(out, rank) / ENDED
    return is_done(out, rank) or (path.is_file() and path.read_text() == run)


def _explore(out: Path, index: int, rank: int) -> None:
    from datatrove.executor import LocalPipelineExecutor

    _, settings, tasks = plan(out)
    pipeline = pipeline_of(out, settings)
    executor = LocalPipelineExecutor(
        pipeline, tasks=tasks, workers=1, logging_dir=str(out / LOGS), skip_completed=False
    )
    # what its run() calls for each task; run() itself would start a process for a queue that one worker does not need,
    # and that process would outlive a killed worker
    executor._run_for_rank(rank, local_rank=index)


if __name__ == "__main__":
    work(Path(sys.argv[1]), int(sys.argv[2]))
