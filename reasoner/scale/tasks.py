"""The input of many workers, split once into tasks, and what became of each.

    split(items, Path("explored"), 8)            explored/input/00000.jsonl … 00007.jsonl, written whole or not at all
    is_done(Path("explored"), 3)                 was all of task 3 explored, and did nothing fail?
    total(Path("explored"))                      the counts of all tasks together

One input file is one task, whoever runs it, and its explorations lie in task-00003. All traces of a problem are of one
task, so that they share what is sampled. The number of tasks stays what it was when the folder was begun.
"""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from reasoner.errors import BadInput, StoreError
from reasoner.scale.bulk import COUNTS
from reasoner.scale.counts import Counts
from reasoner.scale.keeping import scan
from reasoner.scale.reading import Item, LeftOut
from reasoner.scale.rows import trace_row
from reasoner.scale.settings import read_json, write_json

INPUT = "input"
MAX_TASKS = 10_000
HELD_BACK = 2_000  # lines kept until they are written, so that not every task's file is open at once


def task_folder(out: Path, rank: int) -> Path:
    """Where a task's explorations are kept."""
    return out / f"task-{rank:05}"


def split(items: Iterable[Item], out: Path, num_tasks: int) -> None:
    """Write the input of all tasks, unless it is there already."""
    if (out / INPUT).is_dir():
        return
    if not 1 <= num_tasks <= MAX_TASKS:
        raise BadInput(f"--tasks is 1 to {MAX_TASKS:,}, not {num_tasks:,}.")
    partial = out / f".{INPUT}.partial"
    counts, sizes, lines = Counts(), [0] * num_tasks, dict[int, list[str]]()
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for rank in range(num_tasks):
            _file(partial, rank).touch()
        for number, item in enumerate(items, start=1):
            if isinstance(item, LeftOut):
                counts.leave_out(item.reason, item.where)
                continue
            trace, problem = item
            rank = int(problem.id, 16) % num_tasks
            sizes[rank] += 1
            lines.setdefault(rank, []).append(json.dumps(trace_row(trace, problem)) + "\n")
            if number % HELD_BACK == 0:
                _write(partial, lines)
        _write(partial, lines)
        write_json({"traces": sizes, "counts": counts.values()}, partial / COUNTS)
        partial.rename(out / INPUT)
    except OSError as error:
        raise StoreError(
            f"{out} cannot be written: {error.strerror or error}. Make room, then run the same command again."
        ) from error


def _file(folder: Path, rank: int) -> Path:
    return folder / f"{rank:05}.jsonl"


def _write(folder: Path, lines: dict[int, list[str]]) -> None:
    for rank, own in lines.items():
        with _file(folder, rank).open("a", encoding="utf-8") as file:
            file.writelines(own)
    lines.clear()


def input_of(out: Path) -> dict[str, Any]:
    """What `split` has written of itself. Raises BadInput where there is none."""
    about = read_json(out / INPUT / COUNTS)
    if about is None:
        raise BadInput(f"{out} has no input for workers. Start with `python -m reasoner explore --executor … --out`.")
    return dict(about)


def num_tasks(out: Path) -> int:
    """The tasks that the folder was split into; 0 where it was not."""
    about = read_json(out / INPUT / COUNTS)
    return len(about["traces"]) if about else 0


def is_done(out: Path, rank: int) -> bool:
    """Was the whole task explored, and did nothing fail? By our own counts, not by an executor's."""
    values = read_json(task_folder(out, rank) / COUNTS)
    return bool(values and values["is_complete"])


def total(out: Path) -> Counts:
    """The counts of all tasks, of what was left out when the input was split, and of what is not done yet."""
    about = input_of(out)
    parts = []
    for rank, size in enumerate(about["traces"]):
        part = counts_of(task_folder(out, rank))
        done = part.explored + part.left_out.total() + part.failed.total()
        part.waiting = 0 if part.is_complete else max(0, size - done)
        part.is_complete = part.is_complete or (size == 0 and not part.failed)
        parts.append(part)
    before = Counts.of(about["counts"])
    before.is_complete = True
    return Counts.total([before, *parts])


def counts_of(folder: Path) -> Counts:
    """A folder's counts: as its last run left them, and what a run that was killed has added since."""
    values = read_json(folder / COUNTS)
    if values is None or not values["is_complete"]:
        counts = scan(folder)
        if values is not None:
            said = Counts.of(values)
            counts.left_out, counts.failed, counts.messages = said.left_out, said.failed, said.messages
            counts.stopped = said.stopped
        return counts
    return Counts.of(values)
