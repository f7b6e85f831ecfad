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
from reasoner.exploring.rates import KINDS, Rates

Array = np.ndarray[Any, np.dtype[np.float64]]
Places = np.ndarray[Any, np.dtype[np.intp]]


SURELY_NOT = 1e-9
"""No step is ruled out beforehand: what a prior calls impossible has this weight."""

LEAST = 1e-200
"""What is not proved impossible never falls to 0, however much speaks against it."""

NEGLIGIBLE = 1e-6
"""What is less likely does not count in a decision. Ours: of 500 steps together, one in two thousand at most."""

HORIZON = 24
"""Steps that a completion is foreseen to follow; what is told of one counts in full. Ours: traces of 500 steps stay
fast, and no trace under Self-Explore's cap of 20 notices."""


class Belief:
    """Weights over (kind of trace, step of the pit), and the counts they came from."""

    def __init__(self, task: Task, kinds: Sequence[Rates] = KINDS) -> None:
        n = task.num_steps
        prior = np.maximum(task.prior or np.ones(n + 1), SURELY_NOT)
        self.num_steps = n
        self.num_proved = 0  # steps from the first on that are no pit for sure: a completion recovered after them
        self.weights: Array = np.outer([kind.weight for kind in kinds], prior)
        self.weights /= self.weights.sum()
        self._follow = np.array([(kind.follow_right, kind.follow_pit, kind.follow_after) for kind in kinds])
        self._recover = np.array([(kind.recover_before, kind.recover_at) for kind in kinds])  # both [kind, side, 2]
        self.followed, self.departed = np.zeros(n), np.zeros(n)
        self.recovered, self.failed = np.zeros(n), np.zeros(n)

    @property
    def posterior(self) -> tuple[float, ...]:
        """Probability of each step to be the pit, and last that there is none; sums to 1."""
        return tuple(min(1.0, float(one)) for one in self.weights.sum(axis=0))

    def add(self, step: int, outcome: Outcome) -> None:
        """One completion of the prefix that ends with `step`."""
        end = min(step + outcome.repeated, self.num_steps - 1)
        chance = self._log_chance(step, end, outcome.recovered)
        if outcome.recovered:
            self.num_proved = max(self.num_proved, end + 1)
        self.weights *= np.exp(chance - chance[:, self.num_proved :].max())
        self.weights[:, : self.num_proved] = 0.0
        self.weights[:, self.num_proved :] += LEAST
        self.weights /= self.weights.sum()
        self.followed[step:end] += 1
        self.departed[end] += 1
        self.recovered[end] += outcome.recovered
        self.failed[end] += not outcome.recovered

    def _log_chance(self, step: int, end: int, is_right: bool) -> Array:
        """[kind, t] of a completion that follows the trace from prefix `step` to `end`, departs, and recovers or not.

        By sums over the steps that are followed, of each side of the pit: so a trace of 500 steps takes no longer than
        its length.
        """
        num, t = end - step, np.arange(self.num_steps + 1)
        follow = self._follow_rates(step, end)
        sums = np.zeros((*follow.shape[:2], num + 1))
        np.cumsum(np.log(follow), axis=2, out=sums[:, :, 1:])
        right, not_after = np.clip(t - 1 - step, 0, num), np.clip(t - step, 0, num)
        path = sums[:, 0, right] + sums[:, 1, not_after] - sums[:, 1, right] + sums[:, 2, [num]] - sums[:, 2, not_after]
        follow, recover = self._rates(end, end + 1)
        ends = (1 - follow[:, :, 0]) * (recover[:, :, 0] if is_right else 1 - recover[:, :, 0])
        return path + np.log(np.maximum(ends, LEAST))

    @property
    def likely(self) -> Places:
        """The steps, and num_steps for none, that may be the pit with more than one chance in a million."""
        return np.flatnonzero(self.weights.sum(axis=0) > NEGLIGIBLE)

    def chances(self, step: int, places: Places | None = None) -> Array:
        """[kind, t, outcome] of the next completion of this prefix; of the pits t at `places` alone, None: at all.

        Outcomes are ordered: departs after `step` and recovers, departs there and fails, departs one step later …, and
        last that it follows for HORIZON steps.
        """
        follow, recover = self._rates(step, min(step + HORIZON, self.num_steps), places)
        reach = np.cumprod(follow, axis=2)
        leave = 1 - follow
        leave[:, :, 1:] *= reach[:, :, :-1]
        ends = np.stack([leave * recover, leave * (1 - recover)], axis=3).reshape(*leave.shape[:2], -1)
        return np.concatenate([ends, reach[:, :, -1:]], axis=2)

    def _rates(self, start: int, stop: int, places: Places | None = None) -> tuple[Array, Array]:
        """[kind, t, m] of prefixes `start` to `stop`, without it: expected rates of following and of recovering."""
        m, t = np.arange(start, stop), (np.arange(self.num_steps + 1) if places is None else places)[:, None]
        side = (m + 1 >= t).astype(int) + (m + 1 > t)
        follow = self._follow_rates(start, stop)[:, side, m - start]
        follow[:, :, m == self.num_steps - 1] = 0.0  # nothing comes after the last step
        recover = _mean(self._recover, self.recovered[m], self.failed[m])[:, (m == t - 1).astype(int), m - start]
        return follow, recover * (m < t)

    def _follow_rates(self, start: int, stop: int) -> Array:
        """[kind, side, m]: the next step comes before the pit, is it, or comes after it."""
        return _mean(self._follow, self.followed[start:stop], self.departed[start:stop])


def doubt(weights: Array) -> Array:
    """Of weights along the last axis: the chance that two draws from them differ, 0 where one alone is left.

    It is how often a pit guessed by these weights is wrong, if they are right. It need not sum to 1; all 0 gives 1.
    """
    total = weights.sum(axis=-1, keepdims=True)
    share = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
    left: Array = 1 - (share * share).sum(axis=-1)
    return left


def _mean(prior: Array, yes: Array, no: Array) -> Array:
    """[kind, side, m]: the expected rate, of Beta counts [kind, side, 2]."""
    first, second = prior[:, :, :1] + yes, prior[:, :, 1:] + no
    return first / (first + second)
