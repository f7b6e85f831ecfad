"""Where is the pit? A posterior over the steps of one trace and "nowhere", from completions as they come in.

    belief = Belief(Task(num_steps=4, prior=(.1, .2, .3, .3, .1)), ANY)
    belief.add(0, Outcome(recovered=True, repeated=1))     right, and it had passed the state after step 1:
    belief.posterior                                       the pit is neither step 0 nor step 1

The evidence is one-sided. A right completion that departs from the trace after step m proves every prefix up to m
recoverable: those hypotheses fall to exactly 0. A wrong one is a doubt only: it is expected where the pit is at or
before m, and happens with the (uncertain, learned as we go) rate of failures otherwise. Which steps the model writes
again tells something too: a step that the model itself rarely repeats is suspicious.

Under the hypothesis "the pit is at t", each prefix m has two unknown rates, follow and recover, with independent Beta
priors that depend on where m is seen from t (`rates.Rates`); a mixture over kinds of traces ties them together. So
the update is exact: an outcome's probability under (kind, t), given the counts so far, multiplies that weight.

Not covered: a model that recovers after the pit; it is taken for a pit further on, as in all searches by sampling.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from reasoner.exploring.evidence import Outcome, Task
from reasoner.exploring.rates import KINDS, Beta, Rates

Array = np.ndarray[Any, np.dtype[np.float64]]


SURELY_NOT = 1e-9
"""No step is ruled out beforehand: what a prior calls impossible has this weight."""


class Belief:
    """Weights over (kind of trace, step of the pit), and the counts they came from."""

    def __init__(self, task: Task, kinds: Sequence[Rates] = KINDS) -> None:
        n = task.num_steps
        prior = np.maximum(task.prior or np.ones(n + 1), SURELY_NOT)
        self.num_steps = n
        self.weights: Array = np.outer([kind.weight for kind in kinds], prior)
        self.weights /= self.weights.sum()
        self._follow = _prior_counts([_follow_rows(kind, n) for kind in kinds])
        self._recover = _prior_counts([_recover_rows(kind, n) for kind in kinds])
        self.followed, self.departed = np.zeros(n), np.zeros(n)
        self.recovered, self.failed = np.zeros(n), np.zeros(n)
        self._can_recover = np.arange(n) < np.arange(n + 1)[:, None]  # [t, m]: is prefix m before a pit at t?
        self._update_rates()

    @property
    def posterior(self) -> tuple[float, ...]:
        """Probability of each step to be the pit, and last that there is none; sums to 1."""
        return tuple(min(1.0, float(one)) for one in self.weights.sum(axis=0))

    def add(self, step: int, outcome: Outcome) -> None:
        """One completion of the prefix that ends with `step`."""
        end = min(step + outcome.repeated, self.num_steps - 1)
        chance = self.chances(step)[:, :, 2 * (end - step) + (not outcome.recovered)]
        weights = self.weights * chance
        if not weights.any():  # all that is still possible had underflown to 0
            weights = chance
        self.weights = weights / weights.sum()
        self.followed[step:end] += 1
        self.departed[end] += 1
        self.recovered[end] += outcome.recovered
        self.failed[end] += not outcome.recovered
        self._update_rates()

    def chances(self, step: int) -> Array:
        """[kind, t, outcome] of the next completion of this prefix.

        Outcomes are ordered: departs after `step` and recovers, departs there and fails, departs one step later …
        """
        follow, recover = self.rates[0][:, :, step:], self.rates[1][:, :, step:]
        reach = np.ones_like(follow)
        np.cumprod(follow[:, :, :-1], axis=2, out=reach[:, :, 1:])
        leave = reach * (1 - follow)
        return np.stack([leave * recover, leave * (1 - recover)], axis=3).reshape(*leave.shape[:2], -1)

    def _update_rates(self) -> None:
        follow = _mean(self._follow, self.followed, self.departed)
        follow[:, :, -1] = 0.0  # nothing comes after the last step
        recover = _mean(self._recover, self.recovered, self.failed) * self._can_recover
        self.rates = follow, recover  # both [kind, t, m]


def doubt(weights: Array) -> Array:
    """Of weights along the last axis: the chance that two draws from them differ, 0 where one alone is left.

    It is how often a pit guessed by these weights is wrong, if they are right. It need not sum to 1; all 0 gives 1.
    """
    total = weights.sum(axis=-1, keepdims=True)
    share = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
    left: Array = 1 - (share * share).sum(axis=-1)
    return left


def _mean(prior: tuple[Array, Array], yes: Array, no: Array) -> Array:
    """[kind, t, m]: the expected rate."""
    first, second = prior[0] + yes, prior[1] + no
    return first / (first + second)


def _prior_counts(rows: list[list[list[Beta]]]) -> tuple[Array, Array]:
    both = np.array(rows, dtype=float)  # [kind, t, m, 2]
    return both[..., 0], both[..., 1]


def _follow_rows(kind: Rates, n: int) -> list[list[Beta]]:
    """[t][m]: how likely prefix m is followed by the trace's step m + 1 where the pit is at t."""
    by_side = (kind.follow_right, kind.follow_pit, kind.follow_after)
    return [[by_side[(m + 1 >= t) + (m + 1 > t)] for m in range(n)] for t in range(n + 1)]


def _recover_rows(kind: Rates, n: int) -> list[list[Beta]]:
    """[t][m]: how likely a completion that departs after prefix m recovers, where that is possible at all."""
    return [[kind.recover_at if m == t - 1 else kind.recover_before for m in range(n)] for t in range(n + 1)]
