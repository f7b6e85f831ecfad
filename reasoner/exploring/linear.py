"""Self-Explore's rule to the letter (arXiv 2404.10346 §3.2): k completions of every prefix in order.

The first prefix from which none of the k recovers is the pit, and the search stops there.
"""

from collections.abc import Sequence

from reasoner.exploring.evidence import Outcome, Request, Tally, Task


class LinearSearch:
    """From the first prefix on, k completions each."""

    def __init__(self, task: Task, k: int) -> None:
        self.k = k
        self.tally = Tally(task.num_steps)

    @property
    def _depth(self) -> int:
        """The first prefix that has not had its k completions with a right one among them."""
        steps = range(self.tally.num_steps)
        return next((step for step in steps if self.tally.num(step) < self.k or not self.tally.right[step]), len(steps))

    def next_request(self) -> Request | None:
        depth = self._depth
        if depth == self.tally.num_steps or self.tally.num(depth) >= self.k:
            return None
        return Request(depth, self.k - self.tally.num(depth))

    def tell(self, step: int, outcomes: Sequence[Outcome]) -> None:
        self.tally.add(step, outcomes)

    @property
    def pit(self) -> int | None:
        depth = self._depth
        return depth if depth < self.tally.num_steps and self.tally.num(depth) >= self.k else None
