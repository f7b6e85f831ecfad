"""OmegaPRM's binary search (arXiv 2406.06592 §3.2): k completions in the middle of where the pit can be.

A right one among them: the pit is later. None: it is there or earlier. A wrong trace needs about log2(steps) probes; it
holds only while all recoverable prefixes come before all others, and one unlucky probe is never looked at again.

As in the paper, the whole of a wrong solution is known not to recover. A trace whose end is not wrong, or lies
beyond the cap, is probed up to its last prefix.
"""

from collections.abc import Sequence

from reasoner.exploring.evidence import Outcome, Request, Tally, Task


class BinarySearch:
    """The pit is after `low`, at or before `high`; `high` = num_steps: there may be none."""

    def __init__(self, task: Task, k: int) -> None:
        self.k = k
        self.tally = Tally(task.num_steps)
        self.low = -1
        self.high = task.num_steps - 1 if task.ends_wrong else task.num_steps

    @property
    def _middle(self) -> int:
        return (self.low + self.high) // 2

    def next_request(self) -> Request | None:
        if self.high - self.low <= 1:
            return None
        return Request(self._middle, self.k - self.tally.num(self._middle))

    def tell(self, step: int, outcomes: Sequence[Outcome]) -> None:
        self.tally.add(step, outcomes)
        while self.high - self.low > 1 and self.tally.num(self._middle) >= self.k:
            middle = self._middle
            if self.tally.right[middle]:
                self.low = middle
            else:
                self.high = middle

    @property
    def pit(self) -> int | None:
        is_over = self.high - self.low <= 1
        return self.high if is_over and self.high < self.tally.num_steps else None
