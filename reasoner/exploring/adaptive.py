"""The pit for the least tokens: sample where it tells most, stop when more is not worth its price.

After every completion the belief is brought up to date (`belief.Belief`). The next one comes from the prefix whose
completion is expected to lower the doubt about the pit most for its tokens: value of information over cost. The search
ends when one step is sure enough, or when no completion is worth its price (rational metareasoning, arXiv 2410.05563),
or when linear search could not have gone on either.

The doubt is the chance that a pit guessed by the posterior is wrong. Entropy in its place took 5 to 10 % more tokens
for the same exactness, on recorded traces and on drawn ones: it pays for telling unlikely steps apart.

Nothing is sampled twice: completions at hand (of other traces that pass the same state, of earlier probes) are told
before the first request, and count like any others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reasoner.exploring.belief import Belief, doubt
from reasoner.exploring.evidence import Outcome, Request, Tally, Task
from reasoner.exploring.rates import KINDS, Rates


@dataclass(frozen=True, slots=True)
class Effort:
    """How sure is sure enough."""

    confidence: float  # 0-1: stop when a step's posterior reaches it
    price: float  # doubt (0-1) a token: stop when no completion is expected to lower it by more
    shows: bool = False  # go on until a completion from right before the pit recovers: a pair needs one


EFFORTS = {4: Effort(0.9, 0.0008), 8: Effort(0.95, 0.00026)}
"""k → the effort at which the adaptive search is more exact than linear search with k completions a prefix, by both
truths, for 31 and 43 % of its tokens: tests/bench/bench_explore.py. Chosen on the table to fit on."""

MOST = 20
"""Prefixes that are weighed against each other at a time. Ours: all of a trace under Self-Explore's cap."""


class AdaptiveSearch:
    """One completion at a time, from the prefix that is worth most."""

    def __init__(self, task: Task, k: int, kinds: Sequence[Rates] = KINDS, effort: Effort | None = None) -> None:
        self.k = k
        self.effort = effort or effort_of(k)
        self.belief = Belief(task, kinds)
        self.tally = Tally(task.num_steps)
        self._num_open = task.num_steps - task.ends_wrong  # the whole of a wrong trace is known not to recover
        self._costs = np.array(task.lengths or [1.0] * task.num_steps)
        self._spent, self._expected = 0.0, 0.0

    def next_request(self) -> Request | None:
        """The prefix that tells most a token; once that is settled, the one that must show a way round the pit.

        The first completion has no price: no pit is named on the prior alone.
        """
        is_untried = not any(self.tally.num(step) for step in range(self.tally.num_steps))
        if is_untried or max(self.posterior) < self.effort.confidence:
            worth = {step: self.worth(step) / self.cost(step) for step in self._candidates()}
            best = max(worth, key=lambda step: (worth[step], step), default=None)
            if best is not None and (is_untried or worth[best] > self.effort.price):
                return Request(best, 1)
        pit = self.pit
        is_missing = pit is not None and pit - 1 in self._open_steps() and not self.is_shown
        return Request(pit - 1, 1) if pit is not None and is_missing and self.effort.shows else None

    def tell(self, step: int, outcomes: Sequence[Outcome]) -> None:
        self.tally.add(step, outcomes)
        for outcome in outcomes:
            self.belief.add(step, outcome)
            if outcome.tokens:
                self._spent += outcome.tokens
                self._expected += self._costs[step]

    @property
    def posterior(self) -> tuple[float, ...]:
        return self.belief.posterior

    @property
    def is_shown(self) -> bool:
        """Has a completion that departs right before the pit recovered? It is what a preference pair is made from."""
        return self.pit is not None and (self.pit == 0 or self.belief.recovered[self.pit - 1] > 0)

    @property
    def pit(self) -> int | None:
        best = int(np.argmax(self.posterior))
        return best if best < self.tally.num_steps else None

    def worth(self, step: int) -> float:
        """By how much the next completion of this prefix is expected to lower the doubt."""
        places = self.belief.likely
        weights = self.belief.weights[:, places]
        after = np.einsum("kt,kto->ot", weights, self.belief.chances(step, places))
        return float(doubt(weights.sum(axis=0)) - (after.sum(axis=1) * doubt(after)).sum())

    def cost(self, step: int) -> float:
        """Expected tokens of a completion of this prefix: what was foreseen, times how far that was off so far."""
        drift = (self._spent + 100) / (self._expected + 100)  # 100 tokens' weight on "as foreseen". Ours
        return float(self._costs[step] * drift)

    def _candidates(self) -> list[int]:
        """The open prefixes; of a long trace those that halve, quarter … what is likely, and those around the pit."""
        steps = self._open_steps()
        if len(steps) <= MOST:
            return steps
        likely = np.cumsum(self.posterior[:-1])
        shares = likely[-1] * (np.arange(MOST) + 0.5) / MOST
        pit = int(np.argmax(self.posterior))
        chosen = {pit - 1, pit, *(int(step) for step in np.searchsorted(likely, shares))} & set(steps)
        return sorted(chosen or steps[:: -(-len(steps) // MOST)])

    def _open_steps(self) -> list[int]:
        """Prefixes without a success of their own, and with fewer completions than linear search would give them."""
        tally = self.tally
        return [step for step in range(self._num_open) if not tally.right[step] and tally.num(step) < self.k]


def effort_of(k: int) -> Effort:
    return EFFORTS[min(EFFORTS, key=lambda known: abs(known - k))]
