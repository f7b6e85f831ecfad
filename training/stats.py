"""Intervals and tests for before/after comparisons of solvers on the same problems.

    wilson(37, 50)                      Interval(rate=0.74, low=0.604, high=0.841, successes=37, total=50)
    mcnemar_p(fixed=12, broken=2)       0.0129…
    paired_difference(36, 12, 2, 0)     Difference(delta=0.2, low=0.0569…, high=0.3404…)

Sources: Wilson's interval (JASA 22, 1927); McNemar's exact test: the binomial test on the discordant pairs;
the paired interval is method 10 of Newcombe, Statistics in Medicine 17:2635-2650 (1998), which stays inside [-1, 1]
and has a width when nothing changed, where the usual standard error is zero.

Not covered: several adapters compared at once (no correction for many tests).
"""

from math import sqrt

from reasoner.intervals import wilson
from training.report import Difference

__all__ = ["mcnemar_p", "paired_difference", "wilson"]


def mcnemar_p(fixed: int, broken: int) -> float:
    """Exact two-sided p-value (0-1) that `fixed` and `broken` are as likely; 1.0 when no problem changed."""
    if fixed + broken == 0:
        return 1.0
    from scipy.stats import binomtest  # late: a second, which no page waits for

    return float(binomtest(fixed, fixed + broken, 0.5).pvalue)


def paired_difference(both_right: int, fixed: int, broken: int, both_wrong: int) -> Difference:
    """After's rate minus before's over the same problems, with its paired 95 % interval; all in -1 … 1."""
    total = both_right + fixed + broken + both_wrong
    if total == 0:
        return Difference(0.0, -1.0, 1.0)
    after = wilson(both_right + fixed, total)
    before = wilson(both_right + broken, total)
    phi = _correlation(both_right, fixed, broken, both_wrong)
    delta = (fixed - broken) / total
    down = _combined(after.rate - after.low, before.high - before.rate, phi)
    up = _combined(after.high - after.rate, before.rate - before.low, phi)
    return Difference(delta, max(-1.0, delta - down), min(1.0, delta + up))


def _combined(first: float, second: float, phi: float) -> float:
    """Newcombe's square-and-add of two one-sided widths, less what their correlation takes away."""
    return sqrt(max(0.0, first**2 - 2 * phi * first * second + second**2))


def _correlation(both_right: int, fixed: int, broken: int, both_wrong: int) -> float:
    """Newcombe's phi of the 2 x 2 table, with his continuity correction where it is positive."""
    margins = (both_right + fixed) * (broken + both_wrong) * (both_right + broken) * (fixed + both_wrong)
    if margins == 0:
        return 0.0
    cross = both_right * both_wrong - fixed * broken
    half = (both_right + fixed + broken + both_wrong) / 2
    corrected = cross - half if cross > half else min(0.0, float(cross))
    return corrected / sqrt(margins)
