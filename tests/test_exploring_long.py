"""Long traces, one-step traces and no budget at all: the searches stay what they are, and decide in little work."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reasoner.exploring import SEARCHES, AdaptiveSearch, Belief, LinearSearch, Outcome, Request, Task
from reasoner.exploring import adaptive as adaptive_file
from reasoner.exploring.belief import HORIZON
from reasoner.exploring.rates import KINDS

LONG = 500
RIGHT, WRONG = Outcome(True, 10), Outcome(False, 10)


@settings(deadline=None, max_examples=25)
@given(
    num=st.sampled_from([1, 2, 30, LONG]),
    evidence=st.lists(
        st.tuples(st.integers(0, LONG - 1), st.builds(Outcome, st.booleans(), st.just(9), st.integers(0, LONG)))
    ),
)
def test_the_posterior_of_a_trace_of_any_length_sums_to_1_and_keeps_what_is_proved(
    num: int, evidence: list[tuple[int, Outcome]]
) -> None:
    belief, proved = Belief(Task(num)), -1
    for step, outcome in ((step % num, outcome) for step, outcome in evidence):
        belief.add(step, outcome)
        if outcome.recovered:
            proved = max(proved, min(step + outcome.repeated, num - 1))
        posterior = np.array(belief.posterior)
        assert posterior.sum() == pytest.approx(1) and posterior.min() >= 0
        assert not posterior[: proved + 1].any()
        assert (posterior[proved + 1 :] > 0).all()  # what is not proved is never ruled out


def test_what_one_completion_is_worth_is_the_same_with_and_without_a_horizon() -> None:
    """Under Self-Explore's cap of 20 prefixes no trace is longer than the horizon: all its outcomes are foreseen."""
    belief = Belief(Task(HORIZON - 1))
    assert belief.chances(0).shape[2] == 2 * (HORIZON - 1) + 1
    assert not belief.chances(0)[:, :, -1].any()  # nothing is left for "follows on and on"


@pytest.mark.parametrize("start", [0, LONG // 2, LONG - 2])
def test_the_chances_in_a_long_trace_sum_to_1(start: int) -> None:
    belief = Belief(Task(LONG))
    belief.add(3, Outcome(False, 9, 400))
    assert belief.chances(start).sum(axis=2) == pytest.approx(1)


def test_an_update_is_the_product_that_it_is_told_to_be() -> None:
    """The sums by side of the pit against the chances, outcome by outcome."""
    rng = np.random.default_rng(0)
    belief = Belief(Task(12))
    for _ in range(30):
        step = int(rng.integers(12))
        outcome = Outcome(bool(rng.random() < 0.2), 9, int(rng.integers(0, 12 - step)))
        chance = belief.chances(step)[:, :, 2 * outcome.repeated + (not outcome.recovered)]
        expected = belief.weights * chance
        belief.add(step, outcome)
        assert belief.weights == pytest.approx(expected / expected.sum(), abs=1e-12)


def test_an_update_and_a_decision_in_a_long_trace_keep_no_table_of_steps_by_steps() -> None:
    """Work grows with the trace's length, not its square or cube: seen by the room that it takes."""
    search = AdaptiveSearch(Task(LONG), 4)
    tracemalloc.start()
    search.next_request()
    search.tell(0, [Outcome(False, 10, LONG)])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 8 * LONG * LONG * len(KINDS)


def test_a_decision_in_a_long_trace_weighs_few_prefixes(monkeypatch: pytest.MonkeyPatch) -> None:
    search, weighed = AdaptiveSearch(Task(LONG), 4), []
    worth = search.worth
    monkeypatch.setattr(search, "worth", lambda step: weighed.append(step) or worth(step))  # type: ignore[func-returns-value]
    assert search.next_request() is not None
    assert 0 < len(weighed) <= adaptive_file.MOST + 2


@pytest.mark.parametrize("pit", [0, 250, 499])
def test_the_pit_of_a_long_trace_is_found_in_few_completions(pit: int) -> None:
    """A model that never errs before the pit and never follows: halving, then k failures at most."""
    search, asked = AdaptiveSearch(Task(LONG, (*[1 / LONG] * LONG, 0.0)), 8), 0
    while request := search.next_request():
        search.tell(request.step, [RIGHT if request.step < pit else WRONG] * request.num)
        asked += request.num
        assert asked < 100
    assert search.pit == pit


def test_the_linear_search_of_a_long_trace_looks_at_each_prefix_once() -> None:
    search, asked = LinearSearch(Task(LONG), 4), []
    while request := search.next_request():
        asked.append(request)
        search.tell(request.step, [WRONG, WRONG, WRONG, RIGHT])
    assert asked == [Request(step, 4) for step in range(LONG)] and search.pit is None


@pytest.mark.parametrize("method", SEARCHES)
def test_a_trace_of_one_step_ends_with_or_without_a_pit(method: str) -> None:
    for recovered in (False, True):
        search = SEARCHES[method](Task(1, ends_wrong=False), 4)
        while request := search.next_request():
            assert request.step == 0 and request.num <= 4
            search.tell(0, [Outcome(recovered)] * request.num)
        assert search.pit == (None if recovered else 0)


@pytest.mark.parametrize("method", ["binary", "adaptive"])
def test_the_only_step_of_a_wrong_trace_is_its_pit_without_asking(method: str) -> None:
    search = SEARCHES[method](Task(1), 4)
    assert search.next_request() is None and search.pit == 0


@pytest.mark.parametrize("method", SEARCHES)
def test_nothing_told_is_no_error(method: str) -> None:
    """A budget of 0: nobody asks, and the adaptive posterior is the prior."""
    search = SEARCHES[method](Task(4, (0.1, 0.2, 0.3, 0.3, 0.1)), 4)
    search.tell(0, [])
    assert search.pit in (None, 2, 3)
    if isinstance(search, AdaptiveSearch):
        assert search.posterior == pytest.approx((0.1, 0.2, 0.3, 0.3, 0.1))
