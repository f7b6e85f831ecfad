"""Intervals and paired tests: published values, and rules that hold for every table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.stats import mcnemar_p, paired_difference, wilson

counts = st.integers(min_value=0, max_value=400)


def test_wilson_gives_the_published_interval() -> None:
    """Newcombe, Statistics in Medicine 17:857 (1998), Table I: 81 of 263 is 0.2553 to 0.3662."""
    interval = wilson(81, 263)
    assert (round(interval.low, 4), round(interval.high, 4)) == (0.2553, 0.3662)
    assert (interval.successes, interval.total) == (81, 263)


def test_wilson_of_nothing_says_that_nothing_is_known() -> None:
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0.0, 1.0)


@given(counts, counts)
def test_wilson_holds_its_rate_and_stays_between_nought_and_one(successes: int, failures: int) -> None:
    interval = wilson(successes, successes + failures)
    assert 0 <= interval.low <= interval.rate + 1e-12
    assert interval.rate - 1e-12 <= interval.high <= 1


def test_mcnemar_is_the_binomial_test_of_the_problems_that_changed() -> None:
    assert mcnemar_p(fixed=12, broken=2) == pytest.approx(0.012939453125)
    assert mcnemar_p(fixed=1, broken=0) == 1.0
    assert mcnemar_p(fixed=0, broken=0) == 1.0


@given(counts, counts)
def test_mcnemar_does_not_care_which_side_is_before(fixed: int, broken: int) -> None:
    assert mcnemar_p(fixed, broken) == pytest.approx(mcnemar_p(broken, fixed))


@pytest.mark.parametrize(
    ("table", "low", "high"),
    [
        ((36, 12, 2, 0), 0.0569, 0.3404),  # Newcombe, Statistics in Medicine 17:2635 (1998), method 10
        ((0, 0, 0, 5), -0.4345, 0.4345),  # nothing changed in five: the interval is wide, not empty
    ],
)
def test_the_paired_interval_is_newcombes(table: tuple[int, int, int, int], low: float, high: float) -> None:
    difference = paired_difference(*table)
    assert (round(difference.low, 4), round(difference.high, 4)) == (low, high)


@given(counts, counts, counts, counts)
def test_the_paired_interval_holds_the_difference_and_mirrors(
    both_right: int, fixed: int, broken: int, both_wrong: int
) -> None:
    there = paired_difference(both_right, fixed, broken, both_wrong)
    back = paired_difference(both_right, broken, fixed, both_wrong)
    assert -1 <= there.low <= there.delta + 1e-9
    assert there.delta - 1e-9 <= there.high <= 1
    assert (there.low, there.high) == (pytest.approx(-back.high), pytest.approx(-back.low))
