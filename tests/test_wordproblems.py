"""Generated problems: what they promise, over many levels and seeds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training import wordproblems
from training.oracle import error_class, evaluate, first_wrong_step, judge_steps, oracle
from training.wordproblems import LEVELS, computed, generate, gold_chain_of_thought, problem_set, quantities_of

seeds = st.integers(0, 10**9)
levels = st.sampled_from(sorted(LEVELS))


@given(levels, seeds)
@settings(max_examples=150, deadline=None)
def test_the_same_level_and_seed_give_the_same_problem(level: str, seed: int) -> None:
    assert generate(level, seed) == generate(level, seed)


@given(levels, seeds)
@settings(max_examples=150, deadline=None)
def test_every_step_of_the_gold_solutions_is_true(level: str, seed: int) -> None:
    problem = generate(level, seed)
    for solution in (problem.solution, gold_chain_of_thought(problem)):
        assert {verdict.status for verdict in oracle(problem, solution.splitlines())} == {"right"}


@given(levels, seeds)
@settings(max_examples=150, deadline=None)
def test_a_level_keeps_its_bounds(level: str, seed: int) -> None:
    problem = generate(level, seed)
    quantities, goal = quantities_of(problem)
    fewest, most = LEVELS[level].num_needed
    assert fewest <= len(computed(quantities, goal)) <= most
    assert all(2 <= quantity.value <= wordproblems.LARGEST for quantity in quantities)
    assert problem.answer == str(goal.value)


@given(levels, seeds, st.data())
@settings(max_examples=150, deadline=None)
def test_one_changed_result_is_found_at_its_step_and_called_a_calculation_error(
    level: str, seed: int, data: st.DataObject
) -> None:
    problem = generate(level, seed)
    lines = problem.solution.splitlines()
    index = data.draw(st.integers(2, len(lines) - 2))
    head, _, result = lines[index].rpartition(" = ")
    lines[index] = f"{head} = {int(result) + data.draw(st.integers(1, 50))}"
    assert first_wrong_step(problem, lines) == index
    assert judge_steps(problem, lines)[index].error_class == "calculation"


def test_sets_of_different_seeds_share_no_problem() -> None:
    training = {problem.id for problem in problem_set("easy", 300, 1)}
    held_out = {problem.id for problem in problem_set("easy", 300, 2)}
    assert len(training) == len(held_out) == 300
    assert not training & held_out


def test_every_relation_and_wording_is_used() -> None:
    operators = {q.operator for seed in range(400) for q in quantities_of(generate("medium", seed))[0]}
    assert operators == {"given", "+", "-", "×", "/", "% of"}
    nouns = {quantities_of(generate("medium", seed))[1].noun for seed in range(800)}
    assert nouns == {
        *("count", "age", "cost", "minutes", "distance", "boxes", "share", "rest", "gold", "income", "total"),
    }


def example() -> wordproblems.Problem:
    """Ana has 41 coins, Ben 26 more, Cal 3 times as many as Ben."""
    quantities = [
        dict(name="Ana's coins", operator="given", operands=(41,), value=41, owner="Ana", noun="count"),
        dict(name="Ben's coins", operator="+", operands=("Ana's coins", 26), value=67, owner="Ben", noun="count"),
        dict(name="Cal's coins", operator="×", operands=("Ben's coins", 3), value=201, owner="Cal", noun="count"),
    ]
    import json

    spec = json.dumps({"goal": "Cal's coins", "quantities": quantities})
    return wordproblems.make_problem("Ana has 41 coins. …", "201", "built-in", spec=spec)


@pytest.mark.parametrize(
    ("step", "status", "error_class"),
    [
        ("Formalize: find Cal's coins", "right", ""),
        ("Formalize: find Ben's coins", "wrong", "misunderstanding"),
        ("Decompose: Cal's coins, Ben's coins", "right", ""),
        ("Decompose: Cal's coins, Ben's coins, Ana's coins", "wrong", "misunderstanding"),
        ("Decompose: Cal's coins", "wrong", "step missing"),
        ("Decompose: Cal's coins, Dan's coins", "wrong", "misunderstanding"),
        ("Solve Subquestion: Ben's coins = Ana's coins + 26 = 41 + 26 = 67", "right", ""),
        ("Solve Subquestion: Ben's coins = Ana's coins + 26 = 41 + 26 = 77", "wrong", "calculation"),
        ("Solve Subquestion: Ben's coins = Ana's coins - 26 = 41 - 26 = 15", "wrong", "misunderstanding"),
        ("Solve Subquestion: Ben's coins = Ana's coins + 26 = 42 + 26 = 68", "wrong", "misunderstanding"),
        ("Solve Subquestion: Ben's kites = 3 + 4 = 7", "wrong", "misunderstanding"),
        ("Solve Parent: Ben's coins = 41 + 26 = 67", "wrong", "misunderstanding"),
        ("Solve Parent: Cal's coins = Ben's coins × 3 = 67 * 3 = 201", "right", ""),
        ("Ben has 67 coins.", "right", ""),
        ("Ben has 41 + 26 = 67 coins.", "right", ""),
        ("Ben has 41 + 26 = 77 coins.", "wrong", "calculation"),
        ("Ben has 68 coins.", "wrong", "calculation"),
        ("Let us think.", "unjudged", ""),
        ("Verify: 201 / 3 = 67", "right", ""),
        ("Verify: 201 / 3 = 66", "wrong", "calculation"),
        ("Summarize: the answer is 201", "right", ""),
        ("The answer is 200.", "wrong", "calculation"),
    ],
)
def test_the_oracle_judges(step: str, status: str, error_class: str) -> None:
    judgement = judge_steps(example(), [step])[0]
    assert (judgement.verdict.status, judgement.error_class) == (status, error_class)


def test_the_error_class_is_the_first_wrong_steps() -> None:
    wrong = ["Formalize: find Ana's coins", "Summarize: the answer is 41"]
    assert error_class(example(), wrong) == "misunderstanding"
    assert error_class(example(), ["Summarize: the answer is 201"]) == "none found"


def test_a_problem_that_was_not_generated_has_no_oracle() -> None:
    with pytest.raises(ValueError, match="not generated here"):
        oracle(wordproblems.make_problem("1 + 1?", "2", "typed"), ["2"])


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("20% of 80", 16),
        ("6 x 7", 42),
        ("9 / 0", None),
        ("$5", 5),
        ("a", None),
        ("26 more than 4", 30),
        ("2 fewer than 9", 7),
        ("twice as many as 4", 8),
        ("5 times as many as 4", 20),
        ("a third of 9", 3),
    ],
)
def test_one_operation_is_evaluated(part: str, value: float | None) -> None:
    assert evaluate(part) == value
