"""The order of rows in a pass: shuffled, but rows of similar lengths share a batch, so that little is padding.

    ByLength([31, 90, 33, 88], batch=2, seed=0)      pass 0: 1 3 | 0 2        pass 1: 0 2 | 1 3

The order is a function of (seed, pass, lengths, rows a step) alone: a run taken up again after a kill, or on another
number of processes, sees the same rows at the same steps.
"""

import random
from collections.abc import Iterator, Sequence

WINDOW = 16  # steps among whose rows those of similar lengths are put together. Ours: nearly no padding, yet well mixed


class ByLength:
    """A sampler for torch's DataLoader; `set_epoch` says which pass it is."""

    def __init__(self, lengths: Sequence[int], batch: int, seed: int) -> None:
        self.lengths, self.batch, self.seed = list(lengths), batch, seed  # batch: rows a step, over all processes
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """The pass that is asked for next, 0-based."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        """Row numbers. The rows left over for the last, smaller step are any, not the longest."""
        rng = random.Random(f"{self.seed} {self.epoch}")
        rows = list(range(len(self.lengths)))
        rng.shuffle(rows)
        whole = len(rows) - len(rows) % self.batch
        for start in range(0, whole, self.batch * WINDOW):
            window = sorted(rows[start : min(start + self.batch * WINDOW, whole)], key=lambda row: self.lengths[row])
            steps = [window[i : i + self.batch] for i in range(0, len(window), self.batch)]
            rng.shuffle(steps)
            for step in steps:
                rng.shuffle(step)  # each process takes its share of a step in turn
                yield from step
        yield from rows[whole:]
