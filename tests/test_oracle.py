"""The step oracle over every format a solution is written in."""

import pytest

from training.oracle import judge_steps
from training.solutions import GOLD, gold_solution
from training.wordproblems import generate, problem_set


@pytest.mark.parametrize("format", list(GOLD))
def test_no_gold_line_of_any_format_is_wrong(format: str) -> None:
    for problem in problem_set("medium", 40, seed=66):
        lines = gold_solution(problem, format).splitlines()
        assert "wrong" not in {judgement.verdict.status for judgement in judge_steps(problem, lines)}


def test_a_line_of_code_is_judged_as_the_sentence_it_stands_for() -> None:
    problem = generate("easy", seed=11)  # Milo travels 8 km each hour and drives 7 hours. Dina … 7 times as far
    lines = ["Milo_distance = 8 * 7", "Dina_distance = Milo_distance + 7", "answer = Milo_distance", "Zoe_distance = 8"]
    judgements = judge_steps(problem, lines)
    assert [judgement.error_class for judgement in judgements] == ["", *3 * ["misunderstanding"]]


def test_a_snippet_is_wrong_where_one_of_its_lines_is() -> None:
    problem = generate("easy", seed=11)
    right, wrong, output = judge_steps(
        problem,
        [
            "<code>\nMilo_distance = 8 * 7\nMilo_distance\n</code>",
            "<code>\nMilo_distance = 8 + 7\n</code>",
            "Output: 15",
        ],
    )
    assert (right.verdict.status, wrong.verdict.status, output.verdict.status) == ("right", "wrong", "unjudged")
