"""Variants of generated problems: the oracle finds their gold solutions right, and they are what they say they are."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from reasoner.checks.answers import equal_answers
from reasoner.errors import BadInput
from reasoner.formats import FORMATS
from reasoner.records import Problem, make_problem
from training.oracle import judge_steps
from training.solutions import GOLD, gold_key_points
from training.variants import harder, level_for, reword, vary_numbers
from training.wordproblems import LEVELS, Quantity, computed, generate, problem_set, quantities_of

KINDS: tuple[Callable[[Problem, int], Problem], ...] = (vary_numbers, reword, harder)
MANY = [problem for level in LEVELS for problem in problem_set(level, 60, 4711)]


def needed(problem: Problem) -> list[Quantity]:
    return computed(*quantities_of(problem))


def numbers_of(problem: Problem) -> list[str]:
    return re.findall(r"\d+", problem.question)


def shape(problem: Problem) -> list[tuple[str, str, int]]:
    """What of the DAG no wording changes."""
    return [(q.operator, q.noun, len(q.operands)) for q in quantities_of(problem)[0]]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_gold_of_a_variant_is_all_right_in_the_oracles_eyes(kind: Callable[[Problem, int], Problem]) -> None:
    for seed, problem in enumerate(MANY):
        made = kind(problem, seed)
        judged = judge_steps(made, made.solution.splitlines())
        assert all(one.verdict.status == "right" for one in judged), (made.question, made.solution, judged)
        assert equal_answers(FORMATS["transitions"].answer(made.solution) or "", made.answer or "")
        assert all(step.is_legal for step in FORMATS["transitions"].parse(made.solution))
        assert all(2 <= quantity.value <= 999 for quantity in quantities_of(made)[0])
        assert made.id != problem.id and made.level in LEVELS


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_sentence_of_the_spec_is_told_once_and_key_points_are_found(
    kind: Callable[[Problem, int], Problem],
) -> None:
    for seed, problem in enumerate(MANY):
        made = kind(problem, seed)
        told = [quantity.sentence for quantity in quantities_of(made)[0] if quantity.sentence]
        assert sorted(made.question.split(". ")[:-1]) == sorted(sentence.removesuffix(".") for sentence in told)
        assert all(point in made.question for point in gold_key_points(made).points)


def test_varied_numbers_keep_the_words_and_change_the_numbers() -> None:
    for seed, problem in enumerate(MANY):
        made = vary_numbers(problem, seed)
        assert shape(made) == shape(problem) and made.level == problem.level
        bare = [re.sub(r"\d+ times|twice|half|a (?:third|quarter|fifth)|\d+", "#", p.question) for p in (problem, made)]
        assert bare[0] == bare[1]


def test_reworded_problems_keep_numbers_and_answer() -> None:
    for seed, problem in enumerate(MANY):
        made = reword(problem, seed)
        assert (made.answer, made.level, shape(made)) == (problem.answer, problem.level, shape(problem))
        assert sorted(q.value for q in quantities_of(made)[0]) == sorted(q.value for q in quantities_of(problem)[0])
        assert sorted(numbers_of(made)) == sorted(numbers_of(problem))


def test_harder_needs_exactly_one_more_quantity_and_no_level_falls() -> None:
    order = list(LEVELS)
    for seed, problem in enumerate(MANY):
        made = harder(problem, seed)
        assert len(needed(made)) == len(needed(problem)) + 1
        assert order.index(made.level) >= order.index(problem.level)


def test_harder_again_and_again_ends_in_words_or_goes_on() -> None:
    problem = generate("easy", 4)
    for step in range(12):
        try:
            made = harder(problem, step)
        except BadInput as error:
            assert "No variant" in str(error)
            break
        assert len(needed(made)) == len(needed(problem)) + 1
        problem = made
    assert problem.level == "hard" and len(needed(problem)) >= 9


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_variant_is_a_function_of_problem_and_seed(kind: Callable[[Problem, int], Problem]) -> None:
    problem = generate("medium", 3)
    assert kind(problem, 1) == kind(problem, 1)
    assert len({kind(problem, seed).id for seed in range(20)}) >= 15


def test_variants_have_gold_in_every_format() -> None:
    made = harder(reword(vary_numbers(generate("easy", 7), 0), 1), 2)
    for name, gold in GOLD.items():
        assert equal_answers(FORMATS[name].reading(gold(made)).answer or "", made.answer or ""), name


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_problems_that_were_not_generated_are_refused_in_words(kind: Callable[[Problem, int], Problem]) -> None:
    whole = generate("easy", 1)
    for bad in (
        make_problem("Ana has 3 coins. How many?", "3", "typed"),
        replace(whole, spec="{"),
        replace(whole, spec="[]"),
        replace(whole, spec='{"goal": "x", "quantities": []}'),
        replace(whole, question="<script>alert(1)</script>. How many?"),
        replace(whole, question=""),
    ):
        with pytest.raises(BadInput, match="cannot be varied"):
            kind(bad, 0)


def test_the_level_rises_with_what_must_be_found() -> None:
    assert [level_for(num, "easy") for num in (2, 3, 4, 5, 6, 8, 12)] == [
        *("easy", "easy", "medium", "medium", "hard", "hard", "hard")
    ]
    assert level_for(2, "hard") == "hard" and level_for(3, "of another source") == "easy"
