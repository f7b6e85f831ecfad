"""Search policies for the first pit, told outcomes without any engine: the rules that hold for every trace."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reasoner.engines.scripted import ScriptedEngine
from reasoner.explore import explore
from reasoner.exploring import SEARCHES, BinarySearch, LinearSearch, Outcome, Request, Search, Task
from reasoner.records import Maker, Step, Verdict, make_problem, make_trace

Oracle = Callable[[int, int], Outcome]  # (prefix, how many it gave before) → the next completion there


@st.composite
def tables(draw: st.DrawFn) -> list[list[Outcome]]:
    """For each prefix of a trace what its completions come to, over and over again."""
    num = draw(st.integers(1, 9))
    outcome = st.builds(Outcome, st.booleans(), st.integers(1, 50), st.integers(0, num))
    return [draw(st.lists(outcome, min_size=8, max_size=8)) for _ in range(num)]


def run(search: Search, table: list[list[Outcome]]) -> list[Request]:
    """Sample from `table` until the search is over."""
    requests: list[Request] = []
    given_out = [0] * len(table)
    while request := search.next_request():
        assert search.next_request() == request
        start = given_out[request.step]
        outcomes = [table[request.step][(start + i) % 8] for i in range(request.num)]
        given_out[request.step] += request.num
        requests.append(request)
        search.tell(request.step, outcomes)
        assert len(requests) < 10_000
    return requests


@pytest.mark.parametrize("method", SEARCHES)
@settings(max_examples=50, deadline=None)
@given(table=tables(), k=st.integers(1, 8), ends_wrong=st.booleans())
def test_every_search_ends_within_the_cap_and_says_the_same_again(
    method: str, table: list[list[Outcome]], k: int, ends_wrong: bool
) -> None:
    task = Task(len(table), ends_wrong=ends_wrong)
    search, again = SEARCHES[method](task, k), SEARCHES[method](task, k)
    requests = run(search, table)
    assert requests == run(again, table) and search.pit == again.pit
    assert all(request.num >= 1 and 0 <= request.step < len(table) for request in requests)
    for step in range(len(table)):
        assert sum(request.num for request in requests if request.step == step) <= k
    assert search.pit is None or 0 <= search.pit < len(table)


@settings(max_examples=25, deadline=None)  # each compares answers in many completions
@given(table=tables(), k=st.integers(1, 8))
def test_linear_is_what_explore_does_on_the_same_completions(table: list[list[Outcome]], k: int) -> None:
    problem = make_problem("How many?", "1000", "typed")
    trace = make_trace(
        problem,
        prompt="How many?\n",
        text="",
        steps=[Step(f"Step {number}.") for number in range(len(table))],
        answer=None,
        verdict=Verdict("wrong"),
        maker=Maker("scripted", "script"),
        format="cot",
    )
    engine = ScriptedEngine(
        lambda prompt, seed: f"The answer is {1000 if table[prompt.count(chr(10)) - 2][seed].recovered else 7}."
    )
    pit = explore(engine, trace, problem, k=k, method="linear")
    search = LinearSearch(Task(len(table)), k)
    requests = run(search, table)
    assert search.pit == pit.step
    assert [(request.step, request.num) for request in requests] == [
        (probe.step, len(probe.completions)) for probe in pit.probes
    ]


def outcomes(*recovered: bool) -> list[Outcome]:
    return [Outcome(one) for one in recovered]


def test_linear_stops_at_the_first_prefix_where_none_of_k_recovers() -> None:
    search = LinearSearch(Task(5), k=2)
    assert search.next_request() == Request(0, 2)
    search.tell(0, outcomes(False, True))
    assert search.next_request() == Request(1, 2) and search.pit is None
    search.tell(1, outcomes(False, False))
    assert search.next_request() is None and search.pit == 1


def test_linear_counts_completions_at_hand_and_asks_for_the_rest_only() -> None:
    search = LinearSearch(Task(5), k=4)
    search.tell(0, outcomes(True, False, False))
    assert search.next_request() == Request(0, 1)


def test_linear_finds_no_pit_where_every_prefix_recovers() -> None:
    search = LinearSearch(Task(2), k=1)
    run(search, [outcomes(True) * 8, outcomes(True) * 8])
    assert search.pit is None and search.next_request() is None


@pytest.mark.parametrize("pit", range(8))
def test_binary_finds_every_pit_in_three_probes_of_eight_steps(pit: int) -> None:
    search = BinarySearch(Task(8), k=4)
    requests = run(search, [outcomes(*([step < pit] * 8)) for step in range(8)])
    assert search.pit == pit and len(requests) == 3 and all(request.num == 4 for request in requests)


def test_binary_takes_the_end_of_a_wrong_trace_as_known_and_probes_any_other() -> None:
    recovers = [outcomes(True) * 8] * 4
    wrong, other = BinarySearch(Task(4), 2), BinarySearch(Task(4, ends_wrong=False), 2)
    run(wrong, recovers)
    run(other, recovers)
    assert wrong.pit == 3 and other.pit is None
