"""Exploration as a step of a datatrove pipeline: documents in, explored ones kept and handed on.

    pipeline = pipeline_of(Path("explored"), settings)      [reader of the task's input, Step("explored", settings)]
    LocalPipelineExecutor(pipeline, tasks=8, …).run()       or Slurm's, or Ray's

A step is any callable of (documents, rank, world size). It keeps its explorations itself, in the task's own folder, by
`explore_into`: so a task that is killed in the middle goes on where it was. datatrove calls a task complete when its
step returns, whatever became of its documents. So no error leaves the step (one task's failure would end other tasks
too), and whether a task is done is told by its counts.json.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reasoner.errors import RunError, WorkbenchError
from reasoner.scale.bulk import explore_into, save
from reasoner.scale.counts import Counts
from reasoner.scale.keeping import Busy
from reasoner.scale.reading import Item
from reasoner.scale.rows import trace_of
from reasoner.scale.settings import Settings
from reasoner.scale.tasks import INPUT, input_of, task_folder


@dataclass(frozen=True)
class Step:
    """Explores one task's documents."""

    out: str  # the folder, on a disk that all workers see
    settings: Settings

    def __call__(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """data: datatrove Documents whose metadata has a trace's row. Yields those that were explored."""
        from datatrove.data import Document

        out, counts = Path(self.out), Counts()
        folder = task_folder(out, rank)
        try:
            size = input_of(out)["traces"][rank]
            engine = self.settings.engine()
        except WorkbenchError as error:
            counts.stopped = str(error)
            save(counts, folder)
            return
        try:
            for explored in explore_into(folder, engine, _traces(data, size, rank), self.settings, counts):
                pit = explored.pit
                about = {"problem_id": pit.problem_id, "pit_step": pit.step, "pit_id": pit.id}
                yield Document(text=explored.problem.question, id=pit.trace_id, metadata=about)
        except Busy:  # another worker has it; its counts are its own
            return
        except WorkbenchError:  # counts.json says it
            return


def _traces(data: Any, size: int, rank: int) -> Iterator[Item]:
    """The documents' traces. Raises RunError where the reader has passed some over, as it does with broken lines."""
    number = 0
    for document in data:
        number += 1
        yield trace_of(document.metadata["row"])
    if number != size:
        raise RunError(
            f"Only {number:,} of the {size:,} traces of task {rank} could be read. Delete the folder {INPUT}, then "
            "run the same command again."
        )


def _document(reader: Any, data: dict[str, Any], path: str, number: int | str) -> dict[str, Any]:
    """A line of the input as the fields of a Document."""
    return {"text": data["question"], "id": data["trace_id"], "metadata": {"row": data}}


def pipeline_of(out: Path, settings: Settings) -> list[Any]:
    """The reader of one task's input and the step."""
    from datatrove.pipeline.readers import JsonlReader

    return [JsonlReader(str(out / INPUT), adapter=_document, glob_pattern="*.jsonl"), Step(str(out), settings)]
