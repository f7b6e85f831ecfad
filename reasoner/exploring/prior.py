"""Where a pit is likely before anything is sampled: by what each step does, and by what the checks found.

    prior_of(trace.steps, check_trace(trace), ends_wrong=True)      (0.09, 0.33, 0.26, …, 0.005)

Step by step: the chance that this one is the pit where none before it was (a hazard), by its action; a step of no
known action takes an even share of the steps left. A finding multiplies its odds. What is left over is for "no pit".
"""

from collections.abc import Iterable, Mapping, Sequence

from reasoner.records import Finding, Step

HAZARDS: Mapping[str, float] = {
    "Formalize": 0.21,
    "Decompose": 0.32,
    "Solve Subquestion": 0.42,
    "Solve Parent": 0.99,
    "Summarize": 0.9,
}
"""By Kwai-STaR's action, for wrong traces. Fitted to the built-in solver and to pits by recoverability, which is
what sampling can tell of (a problem that the model cannot solve at all has its pit at the first step):
tests.bench.bench_explore --fit."""

ODDS = {"wrong": 100.0, "unjudged": 3.0}
"""How much a finding of that status raises the odds of its step. Ours: a wrong equation is nearly proof (of 11
first steps so flagged with no wrong one before them, 11 were the first wrong one), a number from nowhere is a sign."""

NO_PIT = 0.005
"""Odds that a wrong trace has no pit, against all pits together. Ours: its whole is known not to recover."""


def prior_of(
    steps: Sequence[Step],
    findings: Iterable[Finding] = (),
    ends_wrong: bool = True,
    num_steps: int | None = None,
    hazards: Mapping[str, float] = HAZARDS,
) -> tuple[float, ...]:
    """Probability that the pit is at step 0, 1, … and, last, that there is none among the first `num_steps`.

    ends_wrong: the trace has a wrong answer at its end, so that there is a pit unless it lies beyond `num_steps`.
    """
    num = len(steps) if num_steps is None else min(num_steps, len(steps))
    odds = [1.0] * num
    for finding in findings:
        if finding.step < num and (finding.status == "wrong" or finding.check == "information"):
            odds[finding.step] = max(odds[finding.step], ODDS.get(finding.status, 1.0))
    prior, left = [], 1.0
    for index in range(num):
        even = 1 / (len(steps) - index + (not ends_wrong))
        chance = raised(hazards.get(steps[index].action or "", even), odds[index])
        prior.append(left * chance)
        left *= 1 - chance
    if ends_wrong and num == len(steps):
        left = NO_PIT * sum(prior)
    total = sum(prior) + left
    return tuple(one / total for one in [*prior, left])


def gathered(prior: Sequence[float], ends: Sequence[int]) -> tuple[float, ...]:
    """The prior over prefixes that end with the steps `ends`: each has the steps since the one before it.

    >>> gathered((0.25, 0.25, 0.125, 0.25, 0.125), [0, 2])
    (0.25, 0.375, 0.375)
    """
    starts = [0, *(end + 1 for end in ends)]
    return tuple(sum(prior[start:stop]) for start, stop in zip(starts, [*starts[1:], len(prior)], strict=True))


def raised(chance: float, odds: float) -> float:
    """`chance` with its odds multiplied; certain stays certain."""
    return chance * odds / (chance * odds + 1 - chance)
