"""Measuring a solver on held-out problems: what is counted, and that a killed run goes on."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from reasoner.engines.scripted import ScriptedEngine
from reasoner.errors import BadInput, RunError
from reasoner.records import Completion, Problem, Sampling, make_problem
from tests.run_help import solver
from tests.training_help import problem
from training.recipes.measure import measure
from training.recipes.measured import FILE, Measured, read_measured, vote
from training.wordproblems import generate

PROBLEMS = [problem(number) for number in range(2, 12)]
RIGHT = {2, 3, 4, 5}


def say(answer: Callable[[str, int], str]) -> ScriptedEngine:
    """An engine that summarizes with `answer` of (prompt, seed); seed 0 is the greedy one's."""
    return ScriptedEngine(lambda prompt, seed: f"Summarize: the answer is {answer(prompt, seed)}", name="said")


class Dying(ScriptedEngine):
    """Fails at its call number `last`."""

    def __init__(self, of: ScriptedEngine, last: int) -> None:
        super().__init__(of._script, name=of.maker.model)
        self.calls, self.last = 0, last

    def complete(self, prompts: Sequence[str], sampling: Sampling) -> list[list[Completion]]:
        self.calls += 1
        if self.calls == self.last:
            raise KeyboardInterrupt
        return super().complete(prompts, sampling)


def test_every_problem_is_solved_greedily_and_sampled(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    measured = measure(solver(RIGHT, "s"), PROBLEMS, num_samples=3, folder=tmp_path, follow=lambda *at: seen.append(at))
    assert [one.greedy for one in measured.outcomes] == ["right"] * 4 + ["not right"] * 6
    assert (measured.accuracy.successes, measured.accuracy.total) == (4, 10)
    first, last = measured.outcomes[0], measured.outcomes[-1]
    assert (first.num_right, first.num_judged, first.num_distinct, first.num_answers) == (3, 3, 1, 1)
    assert first.majority == "right" and last.majority == "not right"
    assert first.tokens > 0 and first.sampled_tokens == 3 * first.tokens
    assert (last.error_class, last.error_by) == ("calculation", "machine")
    assert seen[0] == (0, 10) and seen[-1] == (10, 10)
    assert replace(read_measured(tmp_path), seconds=measured.seconds) == measured


def test_without_samples_there_are_greedy_solutions_alone() -> None:
    [one] = measure(solver(RIGHT, "s"), PROBLEMS[:1], num_samples=0).outcomes
    assert one.greedy == "right" and one.right == () and one.num_distinct == 0


def test_the_oracle_names_the_first_error_of_a_generated_problem() -> None:
    made = generate("easy", 4)
    assert made.answer is not None
    [one] = measure(say(lambda *_: str(int(made.answer or 0) + 1)), [made], num_samples=0).outcomes
    assert (one.greedy, one.error_by, one.error_class) == ("not right", "oracle", "calculation")


def test_what_cannot_be_judged_is_never_counted_wrong() -> None:
    unknown = make_problem("Who has most coins?", None, "typed")
    words = make_problem("What shape is it?", "a right triangle with a long side", "typed")
    found = measure(say(lambda *_: "7"), [unknown, words, PROBLEMS[2]], num_samples=2)
    assert [one.greedy for one in found.outcomes] == ["unjudged", "unjudged", "right"]
    assert (found.accuracy.successes, found.accuracy.total, found.num_unjudged) == (1, 1, 2)
    assert found.outcomes[0].right == (None, None) and found.outcomes[0].majority == "unjudged"
    assert found.outcomes[0].error_class == "" and found.outcomes[0].reason


def test_a_solution_that_comes_to_no_answer_is_not_right() -> None:
    silent = ScriptedEngine(lambda prompt, seed: "Formalize: find Ben's coins", name="silent")
    [one] = measure(silent, PROBLEMS[:1], num_samples=2).outcomes
    assert one.greedy == "not right" and one.right == (False, False) and one.groups == (-1, -1)
    assert one.majority == "not right"


def test_a_question_that_does_not_fit_is_counted_apart_and_the_others_go_on() -> None:
    long = make_problem("Ben has " + "many " * 300, "5", "typed")
    engine = solver(RIGHT, "s")
    engine.context = 200
    found = measure(engine, [long, PROBLEMS[0]], num_samples=1)
    assert [one.greedy for one in found.outcomes] == ["unjudged", "right"]
    assert "tokens" in found.outcomes[0].reason


def test_answers_are_grouped_and_a_tie_decides_nothing() -> None:
    answers = ["5", "5.0", "6", "$5", "7", "6"]
    engine = say(lambda prompt, seed: answers[seed % 6])
    [six] = measure(engine, PROBLEMS[:1], num_samples=6).outcomes
    assert six.groups == (0, 0, 1, 0, 2, 1) and six.right == (True, True, False, True, False, False)
    assert (six.majority, six.num_answers, six.num_distinct) == ("right", 3, 5)
    assert vote([True, False], [0, 1]) == "not right"
    assert vote([None, None], [0, 1]) == "unjudged"
    assert vote([True, None, None], [0, 1, 1]) == "unjudged"
    assert vote([False, True], [-1, 0]) == "right"


def test_seeds_share_no_sample() -> None:
    seeds: set[int] = set()
    engine = say(lambda prompt, seed: (seeds.add(seed), "5")[1])  # type: ignore[func-returns-value]
    for seed in range(3):
        measure(engine, PROBLEMS[:1], num_samples=4, seed=seed)
    assert len(seeds) == 12


def test_a_problem_given_twice_is_measured_once() -> None:
    assert len(measure(solver(RIGHT, "s"), [*PROBLEMS, *PROBLEMS], num_samples=1).outcomes) == 10


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.recipes.measure.CHUNK", 6)  # 2 problems of 1 + 2 completions
    whole = measure(solver(RIGHT, "s"), PROBLEMS, num_samples=2)
    with pytest.raises(KeyboardInterrupt):
        measure(Dying(solver(RIGHT, "s"), last=6), PROBLEMS, num_samples=2, folder=tmp_path)
    path = tmp_path / FILE
    assert len(path.read_text().splitlines()) == 1 + 4
    with path.open("ab") as file:
        file.write(b'{"problem_id": "torn", "gre')
    with pytest.raises(RunError, match="not whole"):
        read_measured(tmp_path)
    engine = Dying(solver(RIGHT, "s"), last=0)
    again = measure(engine, PROBLEMS, num_samples=2, folder=tmp_path)
    assert engine.calls == 6  # greedy and samples of the three chunks that were left
    assert again.outcomes == whole.outcomes == read_measured(tmp_path).outcomes
    assert all(json.loads(line) for line in path.read_text().splitlines())
    done = Dying(solver(RIGHT, "s"), last=1)
    assert measure(done, PROBLEMS, num_samples=2, folder=tmp_path).outcomes == whole.outcomes


def test_a_torn_first_line_begins_anew(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"measured": 1, "mod')
    assert len(measure(solver(RIGHT, "s"), PROBLEMS, num_samples=0, folder=tmp_path).outcomes) == 10
    assert len(read_measured(tmp_path).outcomes) == 10


def test_rows_of_other_settings_are_never_mixed(tmp_path: Path) -> None:
    measure(solver(RIGHT, "s"), PROBLEMS, num_samples=2, folder=tmp_path)
    with pytest.raises(RunError, match="num_samples"):
        measure(solver(RIGHT, "s"), PROBLEMS, num_samples=3, folder=tmp_path)
    with pytest.raises(RunError, match=r"num_problems, problems"):
        measure(solver(RIGHT, "s"), PROBLEMS[:5], num_samples=2, folder=tmp_path)
    with pytest.raises(RunError, match="model"):
        measure(solver(RIGHT, "other"), PROBLEMS, num_samples=2, folder=tmp_path)


def test_a_foreign_file_is_told(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("[1, 2]\n")
    with pytest.raises(RunError, match="delete it"):
        measure(solver(RIGHT, "s"), PROBLEMS, folder=tmp_path)


def test_fewer_than_no_samples_cannot_be_asked_for() -> None:
    with pytest.raises(BadInput):
        measure(solver(RIGHT, "s"), PROBLEMS, num_samples=-1)


def test_hostile_text_is_kept_as_it_is(tmp_path: Path) -> None:
    odd = "5\u2028</script>\ud800\x00"
    engine = ScriptedEngine(lambda prompt, seed: f"Summarize: {odd}\nthe answer is 5", name="odd")
    asked: list[Problem] = [problem(2)]
    found = measure(engine, asked, num_samples=1, folder=tmp_path)
    assert odd in found.outcomes[0].text
    assert read_measured(tmp_path).outcomes == found.outcomes


def test_a_measurement_of_nothing_has_no_accuracy_to_speak_of() -> None:
    found = Measured((), "m", "", "cot", 0, 0.0, 0).accuracy
    assert (found.low, found.high, found.total) == (0.0, 1.0, 0)
