"""Preference pairs as files to take away, offered on the Data tab beside what reasoner itself can write."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from reasoner.interchange.exporting import write_lines
from reasoner.interchange.trl import write_preference, write_stepwise
from reasoner.records import Counts, Pair
from reasoner.tabs.data import Export
from reasoner.workbench import Workbench
from training.pairs import collect_pairs, preview_pairs

Write = Callable[[Iterable[Pair]], Iterator[dict[str, Any]]]


def pair_exports() -> list[Export]:
    """The pairs that labels and machine pits give, in the two shapes that TRL reads."""
    return [
        Export("Pairs for TRL: prompt, chosen, rejected", "pairs-preference.jsonl", _writer(write_preference)),
        Export("Pairs as stepwise supervision for TRL", "pairs-stepwise.jsonl", _writer(write_stepwise)),
    ]


def _writer(write: Write) -> Callable[[Workbench, Path], Counts]:
    def write_pairs(workbench: Workbench, path: Path) -> Counts:
        preview = preview_pairs(workbench.store)
        # Only flags that need sampling need the model, and it may not be loaded yet.
        engine = workbench.engine() if preview.pending else None
        pairs, counts = collect_pairs(workbench.store, engine)
        num_lines = write_lines(write(pairs), path).kept  # a pair may be several rows
        return Counts(num_lines, 0, counts.dropped)

    return write_pairs
