"""Recovery rates of prefixes, and their intervals."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoner.records import Maker, Pit, Probe, Step, Trace, Verdict, make_problem, make_trace
from reasoner.recovery import Recovered, after, before, jeffreys, num_completions, recovery

PROBLEM = make_problem("How many?", "9", "typed")


def trace_of(*steps: Step) -> Trace:
    text = "\n".join(step.text for step in steps)
    about = {"answer": "7", "verdict": Verdict("wrong"), "maker": Maker("scripted"), "format": "cot"}
    return make_trace(PROBLEM, prompt="How many?\n", text=text, steps=steps, **about)  # type: ignore[arg-type]


TRACE = trace_of(*(Step(f"Line {letter}.") for letter in "abcd"))


def pit_of(step: int | None, *probes: Probe) -> Pit:
    return Pit("pit", TRACE.id, PROBLEM.id, step, "adaptive", 4, probes, Maker("scripted"))


def probe(step: int, *texts: str) -> Probe:
    return Probe(step, texts, tuple("9" in text for text in texts), 1, "", (False,) * len(texts))


def counts(rates: list[Recovered]) -> list[tuple[int, int, int]]:
    return [(one.step, one.successes, one.tries) for one in rates]


def test_a_completion_counts_at_every_state_that_it_passes() -> None:
    pit = pit_of(2, probe(0, "Line b.\nThe answer is 9.", "The answer is 7."), probe(2, "Line d.", "The answer is 7."))
    assert counts(recovery(TRACE, PROBLEM, pit)) == [(0, 1, 2), (1, 1, 1), (2, 0, 2), (3, 0, 1)]
    assert (before(TRACE, PROBLEM, pit), after(TRACE, PROBLEM, pit)) == tuple(recovery(TRACE, PROBLEM, pit)[1:3])


def test_passing_probes_are_not_counted_twice() -> None:
    text = "Line b.\nThe answer is 9."
    passing = Probe(1, ("The answer is 9.",), (True,), 0, "", (False,), is_passing=True)
    pit = pit_of(2, probe(0, text), passing, probe(2, "The answer is 7."))
    assert counts(recovery(TRACE, PROBLEM, pit)) == [(0, 1, 1), (1, 1, 1), (2, 0, 1)]
    assert num_completions(pit) == 2


def test_what_says_nothing_counts_nowhere() -> None:
    cut = Probe(1, ("and so on", "", "9"), (False, False, True), 1, "", (True, False, True))
    assert counts(recovery(TRACE, PROBLEM, pit_of(None, cut))) == [(1, 1, 1)]
    assert counts(recovery(TRACE, PROBLEM, pit_of(None, probe(3, "", "")))) == [(3, 0, 2)]  # a solution that is over


def test_the_bare_question_is_no_prefix_of_the_trace() -> None:
    assert recovery(TRACE, PROBLEM, pit_of(None, probe(-1, "The answer is 9."))) == []


def test_nothing_is_known_before_the_first_step_or_without_a_pit() -> None:
    at_first = pit_of(0, probe(0, "The answer is 7."))
    assert before(TRACE, PROBLEM, at_first) is None
    assert after(TRACE, PROBLEM, at_first) == recovery(TRACE, PROBLEM, at_first)[0]
    none = pit_of(None, probe(0, "The answer is 9."))
    assert (before(TRACE, PROBLEM, none), after(TRACE, PROBLEM, none)) == (None, None)


def test_code_and_its_output_are_one_prefix() -> None:
    trace = trace_of(Step("Add."), Step("print(2)", kind="code"), Step("2", kind="output"), Step("So 2."))
    pit = pit_of(1, probe(0, "9"), probe(2, "7"))
    assert before(trace, PROBLEM, pit) == recovery(trace, PROBLEM, pit)[0]
    assert after(trace, PROBLEM, pit) == recovery(trace, PROBLEM, pit)[1]


@pytest.mark.parametrize(
    ("successes", "tries", "low", "high"),
    [(0, 4, 0.0, 0.4448), (4, 4, 0.5552, 1.0), (1, 4, 0.0285, 0.7162), (0, 1, 0.0, 0.8532), (32, 64, 0.3798, 0.6202)],
)
def test_the_interval_is_jeffreys(successes: int, tries: int, low: float, high: float) -> None:
    """By numerical integration of Beta(x + ½, n - x + ½), tails of 2.5 %; the outer end where all or none recovered."""
    assert list(jeffreys(successes, tries)) == pytest.approx([low, high], abs=2e-4)


@given(st.integers(0, 80), st.integers(0, 80))
def test_an_interval_holds_its_rate_and_mirrors(successes: int, failures: int) -> None:
    low, high = jeffreys(successes, successes + failures)
    assert 0 <= low <= high <= 1
    if successes + failures:
        assert low <= successes / (successes + failures) <= high
    mirrored = jeffreys(failures, successes + failures)
    assert [1 - high, 1 - low] == pytest.approx(list(mirrored))


def test_it_holds_where_sampling_stops_at_the_first_success() -> None:
    """Rates drawn from the prior, four tries at most: 95 % of the intervals hold the rate."""
    rng, inside = random.Random(7), 0
    for _ in range(4000):
        rate = rng.betavariate(0.5, 0.5)
        tries, successes = 0, 0
        while tries < 4 and not successes:
            tries += 1
            successes += rng.random() < rate
        low, high = jeffreys(successes, tries)
        inside += low <= rate <= high
    assert inside / 4000 > 0.94
