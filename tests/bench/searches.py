"""The searches that bench_explore compares: each turns what is known of a row into a search that can be replayed.

    start = METHODS["adaptive-4"]
    run = replay(row, start(row), seed=0)

METHODS are what the issue asks for. ABLATIONS each take something away, or add something, to see what it is worth:

guess               the likeliest step by the prior, nothing sampled
…, pit shown        goes on until a completion from right before the pit recovers, as a preference pair needs
…, even prior       nothing known of positions and checks
…, new words        no completion is known to pass another state of the trace
…, question read    steps that contradict a sentence of the question (reasoner/review/misreadings.py) count as failed
                    checks. Left out of the product's prior: its patterns fit generated problems, where it nearly is the
                    oracle, and it found nothing in 3,275 wrong solutions of GSM8K. It would flatter the table.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from reasoner.exploring import AdaptiveSearch, BinarySearch, LinearSearch, Search, Task
from reasoner.exploring.adaptive import EFFORTS
from reasoner.exploring.evidence import Outcome, Request
from reasoner.records import Finding
from reasoner.review.misreadings import misreadings
from tests.bench.replay import Row

Start = Callable[[Row], Search]


class Guess:
    """The likeliest step by the prior, without a completion."""

    def __init__(self, task: Task) -> None:
        self.posterior = task.prior

    def next_request(self) -> Request | None:
        return None

    def tell(self, step: int, outcomes: Sequence[Outcome]) -> None:
        raise AssertionError("it asked for nothing")

    @property
    def pit(self) -> int | None:
        best = max(range(len(self.posterior)), key=self.posterior.__getitem__)
        return best if best < len(self.posterior) - 1 else None


def linear(k: int) -> Start:
    return lambda row: LinearSearch(row.task, k)


def adaptive(k: int, shows: bool = False, has_prior: bool = True, reads: bool = False) -> Start:
    def start(row: Row) -> Search:
        task = row.task_with(contradictions(row)) if reads else row.task
        task = task if has_prior else replace(task, prior=())
        return AdaptiveSearch(task, k, effort=replace(EFFORTS[k], shows=shows))

    return start


def contradictions(row: Row) -> list[Finding]:
    found = misreadings(row.question, tuple(step.text for step in row.steps))
    return [Finding(one.step, "reading", "wrong", one.words) for one in found]


METHODS: dict[str, Start] = {
    "linear-4": linear(4),
    "linear-8": linear(8),
    "binary-4": lambda row: BinarySearch(row.task, 4),
    "adaptive-4": adaptive(4),
    "adaptive-8": adaptive(8),
}
ABLATIONS: dict[str, Start] = {
    "guess": lambda row: Guess(row.task),
    "adaptive-4, pit shown": adaptive(4, shows=True),
    "adaptive-8, pit shown": adaptive(8, shows=True),
    "adaptive-4, even prior": adaptive(4, has_prior=False),
    "adaptive-8, even prior": adaptive(8, has_prior=False),
    "adaptive-4, new words": adaptive(4),
    "adaptive-8, new words": adaptive(8),
    "adaptive-4, question read": adaptive(4, reads=True),
    "adaptive-8, question read": adaptive(8, reads=True),
}


def in_new_words(row: Row) -> Row:
    """The same completions, none of which is known to pass another state of the trace."""
    return replace(row, outcomes=tuple(tuple(replace(one, repeated=0) for one in prefix) for prefix in row.outcomes))
