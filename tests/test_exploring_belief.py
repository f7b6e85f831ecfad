"""The posterior over where the pit is, and the search that follows it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reasoner.exploring import AdaptiveSearch, Belief, Effort, Outcome, Request, Task, prior_of
from reasoner.exploring.belief import doubt
from reasoner.exploring.fitting import Known, fitted_beta, fitted_hazards, fitted_rates
from reasoner.exploring.rates import KINDS
from reasoner.records import Finding, Step

EACH = pytest.mark.parametrize("kinds", [KINDS, *((kind,) for kind in KINDS)], ids=["mixed", "built-in", "same", "new"])
NUM = 6
EVIDENCE = st.lists(
    st.tuples(st.integers(0, NUM - 1), st.builds(Outcome, st.booleans(), st.just(9), st.integers(0, 7)))
)
PRIORS = st.lists(st.floats(0, 1), min_size=NUM + 1, max_size=NUM + 1).filter(lambda prior: sum(prior) > 0.1)
RIGHT, WRONG = Outcome(True, 10), Outcome(False, 10)


@EACH
@settings(deadline=None)
@given(prior=PRIORS, evidence=EVIDENCE)
def test_the_posterior_sums_to_1_and_a_success_rules_out_every_pit_up_to_it(
    kinds: tuple, prior: list[float], evidence: list[tuple[int, Outcome]]
) -> None:
    belief = Belief(Task(NUM, tuple(one / sum(prior) for one in prior)), kinds)
    proved = -1
    for step, outcome in evidence:
        belief.add(step, outcome)
        if outcome.recovered:
            proved = max(proved, min(step + outcome.repeated, NUM - 1))
        assert sum(belief.posterior) == pytest.approx(1)
        assert all(0 <= one <= 1 for one in belief.posterior)
        assert not any(belief.posterior[: proved + 1])


@EACH
@settings(deadline=None)
@given(prior=PRIORS, evidence=EVIDENCE, step=st.integers(0, NUM - 1))
def test_the_chances_of_the_next_outcome_sum_to_1_wherever_the_pit_is(
    kinds: tuple, prior: list[float], evidence: list[tuple[int, Outcome]], step: int
) -> None:
    belief = Belief(Task(NUM, tuple(prior)), kinds)
    for at, outcome in evidence:
        belief.add(at, outcome)
    assert belief.chances(step).sum(axis=2) == pytest.approx(1)


@EACH
def test_the_order_of_completions_does_not_matter(kinds: tuple) -> None:
    told = [(0, Outcome(False, 9, 2)), (0, Outcome(True, 9, 1)), (3, WRONG), (2, Outcome(False, 9, 1)), (3, WRONG)]
    one, other = Belief(Task(NUM), kinds), Belief(Task(NUM), kinds)
    for step, outcome in told:
        one.add(step, outcome)
    for step, outcome in reversed(told):
        other.add(step, outcome)
    assert one.posterior == pytest.approx(other.posterior)


@EACH
def test_each_failure_at_the_end_makes_no_pit_less_likely_and_never_impossible(kinds: tuple) -> None:
    belief = Belief(Task(NUM), kinds)
    before = belief.posterior[-1]
    for _ in range(20):
        belief.add(NUM - 1, WRONG)
        assert 0 < belief.posterior[-1] < before
        before = belief.posterior[-1]


@EACH
def test_a_completion_counts_where_it_departs_from_the_trace(kinds: tuple) -> None:
    """Steps 0 to 2 were written again, so the success proves prefix 3: the pit is later."""
    belief = Belief(Task(NUM), kinds)
    belief.add(0, Outcome(True, 50, 3))
    assert belief.posterior[:4] == (0, 0, 0, 0) and belief.posterior[4] > 0


def test_a_step_the_model_itself_does_not_repeat_is_suspicious() -> None:
    belief = Belief(Task(NUM), KINDS[1:2])
    for _ in range(4):
        belief.add(0, Outcome(False, 50, 2))  # steps 1 and 2 each time, step 3 never
    assert max(range(1, NUM + 1), key=belief.posterior.__getitem__) == 3


def test_a_prior_that_was_wrong_is_overcome() -> None:
    belief = Belief(Task(NUM, (1.0, 0, 0, 0, 0, 0, 0)), KINDS)
    belief.add(NUM - 1, RIGHT)
    assert belief.posterior[:-1] == (0,) * NUM and belief.posterior[-1] == pytest.approx(1)


def test_a_prefix_is_left_at_its_first_success() -> None:
    search = AdaptiveSearch(Task(NUM), 4, KINDS, Effort(0.99, 0.0))
    requests = []
    while request := search.next_request():
        requests.append(request)
        search.tell(request.step, [RIGHT if request.step < 3 else WRONG])
    assert search.pit == 3 and search.is_shown
    assert max(sum(request.step == step for request in requests) for step in range(3)) == 1


def test_nothing_is_sampled_where_completions_at_hand_say_enough() -> None:
    search = AdaptiveSearch(Task(3, (0.05, 0.9, 0.05, 0.0)), 4, KINDS, Effort(0.8, 0.0))
    search.tell(0, [RIGHT])
    assert search.next_request() is None and search.pit == 1 and search.is_shown


def test_a_pit_without_a_way_round_it_is_shown_one() -> None:
    task = Task(3, (0.05, 0.9, 0.05, 0.0))
    sure, pair = (AdaptiveSearch(task, 4, KINDS, Effort(0.8, 0.0, shows)) for shows in (False, True))
    for search in (sure, pair):
        search.tell(2, [WRONG])
    assert sure.next_request() is None and not sure.is_shown
    assert pair.next_request() == Request(0, 1)


def test_a_high_price_buys_one_completion_and_a_lower_one_never_fewer() -> None:
    def num_asked(price: float) -> int:
        search, asked = AdaptiveSearch(Task(NUM), 8, KINDS, Effort(1.0, price, False)), 0
        while request := search.next_request():
            search.tell(request.step, [Outcome(request.step < 2, 10)])
            asked += 1
        return asked

    asked = [num_asked(price) for price in (10.0, 0.2, 0.05, 0.0)]
    assert asked[0] == 1 and asked == sorted(asked) and asked[-1] > 2


def test_the_end_of_a_wrong_trace_is_known_and_never_sampled() -> None:
    free = Effort(1.0, 0.0)
    wrong, other = (AdaptiveSearch(Task(1, (0.5, 0.5), ends_wrong=known), 4, KINDS, free) for known in (True, False))
    assert wrong.next_request() is None
    assert other.next_request() == Request(0, 1)


def test_of_two_prefixes_that_tell_the_same_the_cheaper_is_asked() -> None:
    task = Task(2, (0.4, 0.4, 0.2), (100.0, 1.0), ends_wrong=False)
    dear = Task(2, (0.4, 0.4, 0.2), (1.0, 100.0), ends_wrong=False)
    assert AdaptiveSearch(task, 4, KINDS, Effort(0.9, 0.0)).next_request() == Request(1, 1)
    assert AdaptiveSearch(dear, 4, KINDS, Effort(0.9, 0.0)).next_request() == Request(0, 1)


def test_the_doubt_is_the_chance_that_a_guess_is_wrong() -> None:
    assert doubt(np.array([[2.0, 0.0], [1.0, 1.0], [3.0, 1.0]])) == pytest.approx([0, 0.5, 0.375])


STEPS = (Step("a", "Formalize"), Step("b", "Solve Parent"), Step("c", "Summarize"))


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["Formalize", "Decompose", "Solve Parent", None]), min_size=1, max_size=30),
    st.booleans(),
    st.integers(1, 30),
    st.lists(st.tuples(st.integers(0, 29), st.sampled_from(["wrong", "right", "unjudged"]))),
)
def test_a_prior_sums_to_1_over_the_steps_and_none(
    actions: list[str | None], ends_wrong: bool, cap: int, found: list[tuple[int, str]]
) -> None:
    findings = [Finding(step, "information", status, "") for step, status in found]  # type: ignore[arg-type]
    prior = prior_of([Step("", action) for action in actions], findings, ends_wrong, cap)
    assert len(prior) == min(cap, len(actions)) + 1
    assert sum(prior) == pytest.approx(1) and all(0 <= one <= 1 for one in prior)
    if ends_wrong and cap >= len(actions):
        assert prior[-1] < 0.01


def test_a_failed_check_makes_its_step_likelier() -> None:
    plain = prior_of(STEPS)
    wrong = prior_of(STEPS, [Finding(0, "arithmetic", "wrong", "")])
    sign = prior_of(STEPS, [Finding(0, "information", "unjudged", "")])
    assert plain[0] < sign[0] < wrong[0]
    assert plain == prior_of(STEPS, [Finding(0, "arithmetic", "right", ""), Finding(7, "arithmetic", "wrong", "")])


def test_steps_of_no_known_action_are_all_alike() -> None:
    assert prior_of([Step("")] * 4)[:4] == pytest.approx([prior_of([Step("")] * 4)[0]] * 4)
    assert prior_of([Step("")] * 4, ends_wrong=False) == pytest.approx([0.2] * 5)


def test_a_fitted_rate_has_the_mean_and_the_spread_of_its_counts() -> None:
    even, split = fitted_beta([(3, 1)] * 50), fitted_beta([(4, 0)] * 75 + [(0, 4)] * 25)
    for first, second in (even, split):
        assert first / (first + second) == pytest.approx(0.75, abs=0.06)
    assert sum(split) < 1 < 20 < sum(even)
    assert fitted_beta([]) == (1.0, 1.0)


def test_what_is_fitted_is_counted_by_where_it_stands_from_the_pit() -> None:
    again, off, back = Outcome(False, 9, 1), Outcome(False, 9, 0), Outcome(True, 9, 0)
    trace = Known(2, ("a", "b", "c", "d"), ((again,) * 8, (off,) * 4 + (back,) * 4, (again,) * 8, (off,) * 8))
    rates = fitted_rates([trace] * 10)
    mean = {name: getattr(rates, name)[0] / sum(getattr(rates, name)) for name in ("follow_right", "follow_pit")}
    assert mean["follow_right"] > 0.9 and mean["follow_pit"] < 0.1
    assert rates.recover_at[0] / sum(rates.recover_at) == pytest.approx(0.5, abs=0.03)
    assert fitted_hazards([trace]) == {"a": 0.25, "b": 0.25, "c": 0.75}
