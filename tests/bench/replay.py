"""Search policies on a recorded table of completions, without an engine.

    rows = read_table(Path("build/bench/recoverability.jsonl"))
    run = replay(rows[0], lambda row: LinearSearch(row.task, 4), seed=0)     Run(pit=3, completions=16, tokens=642, …)

A policy draws from what was recorded at a prefix, in an order of its own seed and without putting back; when all are
drawn, they are mixed again. So every policy meets the same model, and none of them the same luck.
"""

import json
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from reasoner.actions import explicit_action
from reasoner.checks.arithmetic import check_arithmetic
from reasoner.checks.information import check_information
from reasoner.exploring import Outcome, Search, Task, gathered, prior_of
from reasoner.records import Finding, Step

MAX_STEPS = 20  # prefixes of a trace that are tried, as in Self-Explore


@dataclass(frozen=True)
class Row:
    """One wrong trace with the completions recorded at each of its prefixes."""

    id: str
    question: str
    steps: tuple[Step, ...]
    ends: tuple[int, ...]  # the step that each prefix ends with
    lengths: tuple[float, ...]  # tokens that the trace itself has after each prefix
    oracle: int | None  # the first prefix that the first wrong step is in
    outcomes: tuple[tuple[Outcome, ...], ...]  # one tuple a prefix
    level: str = ""  # of the problem: "easy", "medium"

    @cached_property
    def recoverable(self) -> int | None:
        """The other truth: the first prefix from which no recorded completion recovers."""
        return next((i for i, one in enumerate(self.outcomes) if not any(o.recovered for o in one)), None)

    @cached_property
    def task(self) -> Task:
        """What a search may know beforehand."""
        return self.task_with(())

    def task_with(self, more: Iterable[Finding]) -> Task:
        """The same with findings of other checks."""
        findings = check_arithmetic([step.text for step in self.steps]) + check_information(self.question, self.steps)
        ends = self.ends[:MAX_STEPS]
        prior = gathered(prior_of(self.steps, [*findings, *more]), ends)
        return Task(len(ends), prior, self.lengths[:MAX_STEPS], len(ends) == len(self.ends))

    def mean_tokens(self, step: int) -> float:
        return sum(outcome.tokens for outcome in self.outcomes[step]) / len(self.outcomes[step])


@dataclass(frozen=True)
class Run:
    """What one search of one trace came to."""

    pit: int | None
    completions: int
    tokens: int
    rounds: int  # times it asked: how long one trace takes where nothing can be batched
    posterior: tuple[float, ...]  # empty where the policy has none
    is_shown: bool  # is there a right completion that departs right before the pit (or the pit is step 0)?


def read_table(path: Path) -> list[Row]:
    """The whole lines of a recorded table; a last one that a kill cut short is left out."""
    return [row_of(json.loads(line)) for line in path.read_text().split("\n")[:-1] if line]


def row_of(data: dict[str, Any]) -> Row:
    steps = tuple(Step(text, explicit_action(text)) for text in data["steps"])
    outcomes = tuple(
        tuple(
            Outcome(right == "1", tokens, repeated)
            for right, tokens, repeated in zip(prefix["right"], prefix["tokens"], prefix["repeated"], strict=True)
        )
        for prefix in data["prefixes"]
    )
    wrong = data["oracle"]
    oracle = None if wrong is None else next(i for i, end in enumerate(data["ends"]) if end >= wrong)
    ends, lengths, level = tuple(data["ends"]), tuple(data["lengths"]), data["level"]
    return Row(data["trace"], data["question"], steps, ends, lengths, oracle, outcomes, level)


class Draws:
    """Completions of one row in a seeded order."""

    def __init__(self, row: Row, seed: int) -> None:
        self._row, self._seed = row, seed
        self._waiting: dict[int, list[Outcome]] = {}
        self._rounds: dict[int, int] = {}

    def take(self, step: int, num: int) -> list[Outcome]:
        return [self._next(step) for _ in range(num)]

    def _next(self, step: int) -> Outcome:
        if not self._waiting.get(step):
            self._rounds[step] = self._rounds.get(step, 0) + 1
            mixed = list(self._row.outcomes[step])
            random.Random(f"{self._row.id} {step} {self._seed} {self._rounds[step]}").shuffle(mixed)
            self._waiting[step] = mixed
        return self._waiting[step].pop()


def replay(row: Row, start: Callable[[Row], Search], seed: int) -> Run:
    """One search of one trace."""
    search, draws = start(row), Draws(row, seed)
    completions = tokens = rounds = 0
    departed_well: set[int] = set()
    while request := search.next_request():
        outcomes = draws.take(request.step, request.num)
        search.tell(request.step, outcomes)
        completions += len(outcomes)
        tokens += sum(outcome.tokens for outcome in outcomes)
        rounds += 1
        departed_well |= {request.step + outcome.repeated for outcome in outcomes if outcome.recovered}
    pit = search.pit
    is_shown = pit is not None and (pit == 0 or pit - 1 in departed_well)
    return Run(pit, completions, tokens, rounds, getattr(search, "posterior", ()), is_shown)


def lower_bound(rows: Iterable[Row], k: int) -> tuple[float, float]:
    """(completions, tokens) a trace that k failures at the recoverable pit and one success right before it take.

    A pit at step 0 needs no success; a trace without a pit needs one success at its end.
    """
    completions = tokens = 0.0
    rows = list(rows)
    for row in rows:
        pit = len(row.outcomes) if row.recoverable is None else row.recoverable
        if pit < len(row.outcomes):
            completions, tokens = completions + k, tokens + k * row.mean_tokens(pit)
        if pit > 0:
            completions, tokens = completions + 1, tokens + row.mean_tokens(pit - 1)
    return completions / len(rows), tokens / len(rows)
