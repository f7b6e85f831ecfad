"""How a solver checks itself: how often it verifies, how often that is right, what going back repairs, what it costs.

    figures = checking(problems, measured.outcomes)
    figures.verifies        Share(rate=0.98, low=0.96, high=0.99, num=490, total=500)      of greedy solutions
    figures.verify_right    … of all Verify lines, by the step oracle
    figures.repaired        … of solutions that go back with a wrong step standing: is the answer right in the end?

A Verify is right when what it says is: "right" with no wrong step standing, "wrong" with one (training/oracle.py).
Lines of one solution are not independent, so their intervals are a bootstrap over problems (2.5-97.5 %, 2,000 draws);
shares of solutions have Wilson's.

Where nobody knows the truth of a step (problems that were not generated) only what the lines say is counted.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import fmean

from reasoner.actions import explicit_action
from reasoner.intervals import wilson
from reasoner.records import Problem
from training.oracle import judge_steps
from training.recipes.kwai_rows import step_texts
from training.recipes.measured import Measured, Outcome, vote
from training.stats import mcnemar_p, paired_difference
from training.verifying import said_of, standing

DRAWS = 2_000


@dataclass(frozen=True, slots=True)
class Share:
    """A rate with its 95 % interval; rate 0 of total 0 where there was nothing to count."""

    rate: float
    low: float
    high: float
    num: int
    total: int

    def __str__(self) -> str:
        if not self.total:
            return "none"
        return f"{100 * self.rate:.1f} % ({100 * self.low:.1f} to {100 * self.high:.1f}) of {self.total:,}"


@dataclass(frozen=True, slots=True)
class Checking:
    """What a solver's greedy solutions show."""

    verifies: Share  # solutions with a Verify
    verify_right: Share  # Verify lines that say what is true
    finds: Share  # Verify lines over a wrong step that stands, which say so
    spares: Share  # Verify lines over a path without a wrong step, which say so
    backtracks: Share  # solutions with a Backtrack
    repaired: Share  # of those that go back with a wrong step standing: the answer is right
    broken: Share  # of those that go back with none standing: the answer is wrong
    tokens: float  # a solution, mean

    def sentences(self) -> list[str]:
        """For a report, one a line; what never happens is not told."""
        told = [f"verifies in {self.verifies} solutions; {self.tokens:.0f} tokens a solution"]
        if self.verify_right.total:
            told.append(
                f"a Verify is right in {self.verify_right}: it calls {self.finds} wrong paths wrong, and {self.spares} "
                "right ones right"
            )
        if self.backtracks.num:
            told.append(
                f"goes back in {self.backtracks} solutions: from a wrong path to the right answer in {self.repaired}, "
                f"from a right path to a wrong answer in {self.broken}"
            )
        return told


@dataclass
class _Seen:
    """One solution's counts: of each figure (true, all)."""

    verify_right: tuple[int, int] = (0, 0)
    finds: tuple[int, int] = (0, 0)
    spares: tuple[int, int] = (0, 0)
    num_verify: int = 0
    num_backtrack: int = 0
    went_back_wrong: bool = False  # with a wrong step standing
    went_back_right: bool = False


def checking(problems: Mapping[str, Problem], outcomes: Sequence[Outcome]) -> Checking:
    """The figures of greedy solutions."""
    rows = [(one, _seen(problems[one.problem_id], one.text)) for one in outcomes if one.greedy != "unjudged"]
    wrong = [one for one, seen in rows if seen.went_back_wrong]
    right = [one for one, seen in rows if seen.went_back_right and not seen.went_back_wrong]
    seen = [each for _, each in rows]
    return Checking(
        _of(sum(each.num_verify > 0 for each in seen), len(seen)),
        _bootstrapped([each.verify_right for each in seen]),
        _bootstrapped([each.finds for each in seen]),
        _bootstrapped([each.spares for each in seen]),
        _of(sum(each.num_backtrack > 0 for each in seen), len(seen)),
        _of(sum(one.greedy == "right" for one in wrong), len(wrong)),
        _of(sum(one.greedy != "right" for one in right), len(right)),
        fmean([one.tokens for one, _ in rows]) if rows else 0.0,
    )


def _seen(problem: Problem, text: str) -> _Seen:
    lines = step_texts(text)
    actions = [explicit_action(line) for line in lines]
    found = _Seen(num_verify=actions.count("Verify"), num_backtrack=actions.count("Backtrack"))
    if not problem.spec:
        return found
    judged = judge_steps(problem, lines)
    for index, line in enumerate(lines):
        is_wrong = any(judged[place].verdict.status == "wrong" for place in standing(lines[:index]))
        if actions[index] == "Backtrack":
            found.went_back_wrong |= is_wrong
            found.went_back_right |= not is_wrong
        says_right = said_of(line)
        if says_right is None:
            continue
        is_true = int(says_right is not is_wrong)
        found.verify_right = _plus(found.verify_right, is_true)
        if is_wrong:
            found.finds = _plus(found.finds, is_true)
        else:
            found.spares = _plus(found.spares, is_true)
    return found


def _plus(counts: tuple[int, int], is_true: int) -> tuple[int, int]:
    return counts[0] + is_true, counts[1] + 1


def _of(num: int, total: int) -> Share:
    found = wilson(num, total)
    return Share(found.rate, found.low, found.high, num, total)


def _bootstrapped(counts: Sequence[tuple[int, int]]) -> Share:
    """The rate of all lines, its interval by drawing solutions with replacement."""
    counts = [one for one in counts if one[1]]
    num, total = (sum(one[side] for one in counts) for side in (0, 1))
    if not total:
        return Share(0.0, 0.0, 1.0, 0, 0)
    rng = random.Random(0)
    drawn = []
    for _ in range(DRAWS):
        own = rng.choices(counts, k=len(counts))
        drawn.append(sum(one[0] for one in own) / sum(one[1] for one in own))
    drawn.sort()
    return Share(num / total, drawn[int(0.025 * DRAWS)], drawn[int(0.975 * DRAWS)], num, total)


@dataclass(frozen=True, slots=True)
class Voting:
    """A solver against the majority of another's samples at no fewer tokens."""

    k: int  # samples of the other: odd, and at least 3, as two that differ decide nothing
    tokens: float  # of the k samples, mean
    accuracy: Share  # of the majority
    delta: float  # the solver's greedy accuracy minus it
    low: float
    high: float
    p: float


def against_voting(solver: Measured, other: Measured) -> Voting | None:
    """None where `other` has no samples, or too few for the solver's tokens."""
    by_id = {one.problem_id: one for one in other.outcomes if one.right}
    both = [(one, by_id[one.problem_id]) for one in solver.outcomes if one.problem_id in by_id]
    both = [(one, two) for one, two in both if one.greedy != "unjudged"]
    if not both:
        return None
    each = fmean(two.sampled_tokens / len(two.right) for _, two in both)
    k = max(3, ceil(fmean(one.tokens for one, _ in both) / each) | 1)
    if k > other.num_samples:
        return None
    votes = [(one.greedy == "right", vote(two.right[:k], two.groups[:k]) == "right") for one, two in both]
    cells = [votes.count(key) for key in ((True, True), (True, False), (False, True), (False, False))]
    found = paired_difference(*cells)
    return Voting(
        k, k * each, _of(cells[0] + cells[2], len(votes)), found.delta, found.low, found.high, mcnemar_p(*cells[1:3])
    )
