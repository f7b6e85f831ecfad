"""Which steps lead back, and to which earlier state: a Backtrack, and a Verify that finds something wrong.

targets(steps)      [(4, 2), (5, 2)]: step 4 verifies and fails, step 5 goes back; both lead to state 2

State 0 is the question; step i (0-based) starts at state i and leads to state i + 1 (Kwai-STaR, arXiv 2411.04799).
"""

from collections.abc import Iterator, Sequence

from reasoner.actions import backtrack_target
from reasoner.records import Step


def targets(steps: Sequence[Step]) -> Iterator[tuple[int, int]]:
    """(0-based step, state it leads back to) of every Backtrack, and of the Verify right before it, which failed."""
    for index, target in backtracks(steps):
        if index and steps[index - 1].action == "Verify" and target <= index - 1:
            yield index - 1, target
        yield index, target


def backtracks(steps: Sequence[Step]) -> Iterator[tuple[int, int]]:
    """(0-based step, state it leads back to) of every Backtrack that says, or lets one tell, where it goes."""
    for index, step in enumerate(steps):
        if step.action == "Backtrack":
            target = backtrack_target(steps, index)
            if target is not None and 0 <= target <= index:
                yield index, target
