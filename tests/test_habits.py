"""Gold solutions by habit: two right ways of writing a step, each where its sentence calls for it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reasoner.checks.arithmetic import check_arithmetic
from training.habits import gold_by_habit, habit, told
from training.oracle import judge_steps
from training.wordings import MISREAD
from training.wordproblems import CHAINS, computed, equation, generate, problem_set, quantities_of

PROBLEMS = problem_set("chain", 300, 77)


@given(st.integers(0, 10**9))
@settings(max_examples=150, deadline=None)
def test_a_chain_keeps_its_bounds_and_its_plain_words(seed: int) -> None:
    problem = generate("chain", seed)
    quantities, goal = quantities_of(problem)
    fewest, most = CHAINS["chain"].num_needed
    assert fewest <= len(computed(quantities, goal)) <= most
    assert all(sum(isinstance(one, str) for one in quantity.operands) <= 1 for quantity in quantities)
    ways = [way.split("{n}")[1].split("{")[0] for way in MISREAD if "years" in way]
    assert ways and not any(way in problem.question for way in ways)


def test_every_line_is_true_and_both_ways_are_written() -> None:
    lines = [line for problem in PROBLEMS for line in gold_by_habit(problem).split("\n")[:-1]]
    words = [line for line in lines if not any(sign in line for sign in "+-×/")]
    assert 0.4 < len(words) / len(lines) < 0.75
    for problem in PROBLEMS:
        own = gold_by_habit(problem).split("\n")
        assert {judged.verdict.status for judged in judge_steps(problem, own)} == {"right"}
        assert not [finding for finding in check_arithmetic(own) if finding.status == "wrong"]


def test_the_words_are_longer_than_the_equation() -> None:
    for problem in PROBLEMS:
        quantities, goal = quantities_of(problem)
        values = {quantity.name: quantity.value for quantity in quantities}
        for quantity in computed(quantities, goal):
            if isinstance(quantity.operands[0], str):
                assert len(told(quantity)) > len(equation(quantity, values) + ".")


def test_a_result_calculated_wrongly_in_the_head_is_a_calculation_error() -> None:
    for problem in PROBLEMS[:100]:
        lines = gold_by_habit(problem).split("\n")
        for index, line in enumerate(lines[:-1]):
            head, _, result = line.rstrip(".").rpartition(" = ")
            changed = [*lines[:index], f"{head} = {int(result) + 7}.", *lines[index + 1 :]]
            assert judge_steps(problem, changed)[index].error_class == "calculation"


def test_a_habit_belongs_to_the_sentence_whoever_and_however_many_it_tells_of() -> None:
    one, other = "Ben has 26 fewer coins than Ana.", "Rosa has 3 fewer coins than Will."
    assert habit(one) == habit(other) != habit("Rosa has 3 fewer pens than Will.")
    assert habit("Ben is twice as old as Ana.") == habit("Cal is 7 times as old as Uma.")
    assert 0 <= habit(one) <= 1


def test_what_has_no_words_is_refused() -> None:
    quantities, _ = quantities_of(PROBLEMS[0])
    with pytest.raises(ValueError, match="no words for it"):
        told(next(quantity for quantity in quantities if quantity.operator == "given"))
