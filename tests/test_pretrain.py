"""The built-in solver's training, on a model of a few thousand weights."""

import json
import random
from pathlib import Path

import pytest

from reasoner.engines import load_engine
from reasoner.formats import FORMATS
from reasoner.keypoints import TAG
from training.pretrain import Preset, Round, branches_of, rate_factor, train
from training.solutions import gold_solution
from training.wordproblems import generate, problem_set

FIRST = Round(16, 0, 0, data_seed=5, matrix_rate=1e-2, other_rate=3e-3, short_first=0.5, cool_down=0.5, batch=8)
SECOND = Round(
    8, 8, 0, data_seed=6, matrix_rate=1e-2, other_rate=3e-3, short_first=0.0, cool_down=0.5,
    num_others=len(FORMATS), key_points_given=0.0, batch=4,
)  # fmt: skip
TINY = Preset(hidden=32, layers=1, heads=2, rounds=(FIRST, SECOND))


def test_a_round_of_several_formats_goes_on_from_the_round_before(tmp_path: Path) -> None:
    facts = train(TINY, tmp_path)
    assert [part["steps"] for part in facts["rounds"]] == [2, 4]
    assert json.loads((tmp_path / "training.json").read_text()) == json.loads(json.dumps(facts))
    told = json.loads((tmp_path / "config.json").read_text())["first_pit"]
    assert told["formats"] == list(FORMATS)
    engine = load_engine(str(tmp_path))
    assert engine.render("Ana has 3 coins.", "", "Program") == "Ana has 3 coins.\nProgram:\n"
    problem = problem_set("easy", 8, 6)[0]
    assert not any(engine.unknown_words(gold_solution(problem, name)) for name in FORMATS)
    resumed = train(TINY, tmp_path, first_round=1)
    assert resumed["rounds"][0] == facts["rounds"][0]


def test_a_question_is_shown_with_its_transitions_and_others() -> None:
    problem = generate("easy", 3)
    question, branches = branches_of(problem, SECOND, random.Random(0))
    assert question == problem.question
    assert branches[0].tag == "Transitions:\n" and branches[0].solution == problem.solution
    tags = {branch.tag for branch in branches}
    assert len(tags) == len(branches) == 1 + SECOND.num_others
    assert tags <= {f"{tag}:\n" for tag in (TAG, *(format.tag for format in FORMATS.values()))}


def test_where_key_points_are_given_they_are_not_asked_for() -> None:
    problem = generate("easy", 3)
    given = Round(1, 0, 0, 1, 1e-2, 1e-3, 0.0, 0.5, num_others=len(FORMATS) - 1, key_points_given=1.0)
    question, branches = branches_of(problem, given, random.Random(0))
    assert question.startswith(problem.question + " Key points: ") and "\n" not in question
    assert f"{TAG}:\n" not in {branch.tag for branch in branches}


@pytest.mark.parametrize(("step", "factor"), [(0, 0.1), (9, 1.0), (50, 1.0), (90, 0.2), (99, 0.02)])
def test_the_rate_warms_up_and_goes_down_to_zero(step: int, factor: float) -> None:
    assert rate_factor(step, 100, warm_up=0.1, cool_down=0.5) == pytest.approx(factor)
