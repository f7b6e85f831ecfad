"""pass@k, maj@k, intervals and differences over seeds: against brute force and against cases whose answer is known."""

from collections.abc import Sequence
from itertools import combinations
from statistics import fmean

import numpy as np
import pytest

from training.recipes.estimates import (
    contrast,
    estimate,
    majority_values,
    pass_at,
    pass_values,
    powers_of_two,
    seeds_in_words,
)
from training.recipes.measured import Outcome, vote

NAN = float("nan")


def sampled(right: Sequence[bool | None], groups: Sequence[int]) -> Outcome:
    return Outcome("p", "", "right", right=tuple(right), groups=tuple(groups))


@pytest.mark.parametrize(("num", "right"), [(1, 0), (5, 0), (5, 2), (6, 5), (7, 7)])
def test_pass_at_k_is_the_share_of_subsets_that_have_a_right_one(num: int, right: int) -> None:
    samples = [place < right for place in range(num)]
    for k in range(1, num + 1):
        assert pass_at(num, right, k) == pytest.approx(fmean(map(any, combinations(samples, k))))


def test_samples_that_cannot_be_judged_are_left_out_of_pass_at_k() -> None:
    one = sampled([True, None, False, None], [0, 1, 2, 3])
    assert pass_values([one], 1)[0] == pytest.approx(0.5)
    assert pass_values([one], 2)[0] == pytest.approx(1.0)
    assert np.isnan(pass_values([one], 4)[0])


def test_maj_at_k_comes_near_the_mean_over_all_subsets() -> None:
    right, groups = [True, True, True, False, False, False, False, False], [0, 0, 0, 1, 1, 2, -1, 2]
    several = [sampled(right, groups)] * 60
    for k in (1, 4):
        votes = [vote([right[i] for i in own], [groups[i] for i in own]) for own in combinations(range(8), k)]
        exact = fmean(one == "right" for one in votes)
        found = fmean(float(majority_values(several, k, seed=seed)[0]) for seed in range(30))
        assert found == pytest.approx(exact, abs=0.04)


def test_maj_at_all_samples_is_the_majority_itself() -> None:
    several = [
        sampled([True, True, False], [0, 0, 1]),
        sampled([True, False, False], [1, 0, 0]),
        sampled([True, False, False], [0, 1, 2]),
        sampled([None, None, False], [0, 0, 1]),
        sampled([None, None, None], [0, 1, 2]),
        sampled([False, False, False], [-1, -1, -1]),
    ]
    worth = {"right": 1.0, "not right": 0.0, "unjudged": NAN}
    np.testing.assert_array_equal(majority_values(several, 3), [worth[one.majority] for one in several])
    assert [one.majority for one in several] == ["right", *["not right"] * 2, *["unjudged"] * 2, "not right"]


def test_a_problem_without_samples_has_no_majority() -> None:
    values = majority_values([Outcome("p", "", "unjudged"), sampled([True, True], [0, 0])], 2)
    assert np.isnan(values[0]) and values[1] == 1.0
    assert np.isnan(majority_values([Outcome("p", "", "right")], 1)[0])


def test_the_interval_of_one_seed_is_that_of_a_binomial_share() -> None:
    values = np.array([[1.0] * 280 + [0.0] * 120])
    found = estimate(values)
    assert found is not None and found.value == pytest.approx(0.7)
    half = 1.96 * (0.7 * 0.3 / 400) ** 0.5
    assert found.low == pytest.approx(0.7 - half, abs=0.008)
    assert found.high == pytest.approx(0.7 + half, abs=0.008)
    assert estimate(values) == found, "the same draws every time"


def test_seeds_that_differ_widen_the_interval() -> None:
    random = np.random.default_rng(1)
    alike = (random.random((3, 400)) < 0.7).astype(float)
    apart = np.stack([random.random(400) < share for share in (0.55, 0.7, 0.85)]).astype(float)
    one, other = estimate(alike), estimate(apart)
    assert one is not None and other is not None
    assert other.high - other.low > 2 * (one.high - one.low)


def test_what_could_not_be_judged_is_left_out() -> None:
    found = estimate(np.array([[1.0, 0.0, NAN, NAN], [1.0, 1.0, NAN, 0.0]]))
    assert found is not None and found.value == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert estimate(np.full((2, 3), NAN)) is None


def test_identical_solvers_differ_by_nothing() -> None:
    values = (np.random.default_rng(2).random((3, 300)) < 0.6).astype(float)
    found = contrast(values, values)
    assert found is not None and (found.delta, found.low, found.high, found.p) == (0.0, 0.0, 0.0, 1.0)


def test_equal_solvers_have_an_interval_around_nothing_and_seldom_a_small_p() -> None:
    found = []
    for number in range(40):
        random = np.random.default_rng(number)
        chance = random.beta(1, 1, 200)
        one, other = ((random.random((3, 200)) < chance).astype(float) for _ in range(2))
        found.append(contrast(one, other, draws=400))
    assert sum(one is not None and one.low <= 0 <= one.high for one in found) >= 36
    assert fmean(one.p for one in found if one) > 0.35


def test_a_planted_difference_is_found_and_its_sign_is_kept() -> None:
    random = np.random.default_rng(3)
    before = (random.random((3, 500)) < 0.6).astype(float)
    after = np.maximum(before, (random.random((3, 500)) < 0.15).astype(float))
    found, back = contrast(after, before), contrast(before, after)
    assert found is not None and back is not None
    assert 0 < found.low < found.delta < found.high and found.p < 0.01
    assert back.delta == pytest.approx(-found.delta) and back.high < 0 and back.p == found.p


def test_a_difference_in_one_seed_of_three_is_no_sure_difference() -> None:
    before = np.zeros((3, 400))
    after = before.copy()
    after[0, :80] = 1.0
    found = contrast(after, before)
    assert found is not None and found.delta == pytest.approx(0.2 / 3)
    assert found.low <= 0.0 and found.p > 0.05


def test_the_base_of_one_row_meets_every_seed() -> None:
    base = np.array([[1.0, 0.0, 0.0, NAN]])
    found = contrast(np.array([[1.0, 1.0, 0.0, 1.0], [1.0, 1.0, 1.0, 1.0]]), base)
    assert found is not None and found.delta == pytest.approx((1 / 3 + 2 / 3) / 2)


def test_pairing_tells_what_unpaired_intervals_cannot() -> None:
    random = np.random.default_rng(4)
    before = (random.random((1, 400)) < 0.5).astype(float)
    after = before.copy()
    after[0, np.flatnonzero(before[0] == 0)[:16]] = 1.0
    paired = contrast(after, before)
    alone, other = estimate(before), estimate(after)
    assert paired is not None and alone is not None and other is not None
    assert alone.high > other.value and paired.low > 0


def test_words_and_powers() -> None:
    assert [seeds_in_words(num) for num in (1, 3, 40)] == ["one seed", "three seeds", "40 seeds"]
    assert [powers_of_two(num) for num in (0, 1, 8, 12)] == [[], [1], [1, 2, 4, 8], [1, 2, 4, 8, 12]]
