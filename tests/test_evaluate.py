"""Before and after on the same problems: a paired report, with the traces behind it and the pits met again."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from reasoner.engines.scripted import ScriptedEngine
from reasoner.errors import RunError
from reasoner.records import Problem, make_problem
from tests.training_help import pairs, problem
from training import evaluate as evaluation
from training.comparison import read_comparisons
from training.evaluate import Pits, evaluate, held_out
from training.report import read_report

NUMBERS = range(2, 12)


def solver(right: set[int], pit_is_gone: bool = True) -> ScriptedEngine:
    """Solves "Ben has N more" correctly for N in `right`; elsewhere one too many."""

    def answer(prompt: str, seed: int) -> str:
        number = int(prompt.split("Ben has ")[1].split()[0]) if "Ben has" in prompt else 0
        value = 3 + number + (0 if number in right else 1)
        rest = f"Solve Parent: Ben's coins = 3 + {number} = {value}\nSummarize: the answer is {value}"
        return rest if "Formalize" in prompt else f"Formalize: find Ben's coins\n{rest}"

    return ScriptedEngine(answer, name=f"solver-{len(right)}")


@pytest.fixture
def problems() -> list[Problem]:
    return [replace(problem(number), level="easy" if number < 7 else "hard") for number in NUMBERS]


def test_every_problem_is_fixed_broken_or_the_same(problems: list[Problem]) -> None:
    report, comparisons = evaluate(solver({2, 3, 4}), solver({3, 4, 5, 6}), problems)
    assert report.fixed == (problem(5).id, problem(6).id)
    assert report.broken == (problem(2).id,)
    assert report.both_right == (problem(3).id, problem(4).id)
    assert len(report.both_wrong) == 5
    assert (report.before.successes, report.after.successes, report.num_problems) == (3, 4, 10)
    assert report.difference.delta == pytest.approx(0.1)
    assert report.difference.low < 0.1 < report.difference.high
    assert report.p_value == 1.0
    assert len(comparisons) == 10


def test_each_level_has_its_own_row(problems: list[Problem]) -> None:
    report, _ = evaluate(solver({2, 7}), solver({2, 3, 4}), problems)
    rows = [(row.level, row.before.successes, row.after.successes, row.after.total) for row in report.levels]
    assert rows == [("easy", 1, 3, 5), ("hard", 1, 0, 5)]


def test_what_cannot_be_judged_is_left_out_and_counted(problems: list[Problem]) -> None:
    unknown = make_problem("Ben has 9 more coins than Ana, in all?", None, "typed")
    report, _ = evaluate(solver({2}), solver({2}), [*problems, unknown])
    assert (report.num_problems, report.num_unjudged) == (10, 1)


def test_a_question_beyond_the_models_context_is_left_out_and_counted(problems: list[Problem]) -> None:
    long = make_problem("word " * 60 + "Ben has 2 more coins", "5", "typed")
    small = solver({2})
    small.context = 50
    report, comparisons = evaluate(small, solver({2}), [*problems, long])
    assert report.num_unjudged == 1
    assert long.id not in {comparison.problem.id for comparison in comparisons}


def test_the_pit_is_met_again_from_the_steps_before_it() -> None:
    trained = pairs(2)  # 2 and 3 more; the pit says one too many
    known = {problem(number).id: problem(number) for number in (2, 3)}
    report, comparisons = evaluate(solver(set()), solver({2}), [], pits=Pits(trained, known))
    first, second = report.pits
    assert (first.is_gone, first.is_recovered, first.was_recovered) == (True, True, False)
    assert first.after == "Solve Parent: Ben's coins = 3 + 2 = 5"
    assert (second.is_gone, second.is_recovered) == (False, False)
    whole, went_on = comparisons[0].after
    assert went_on.prompt == problem(2).question + "\n"
    assert went_on.text == whole.text
    assert went_on.steps[0].text == "Formalize: find Ben's coins"


def test_held_out_problems_are_none_that_were_trained_on() -> None:
    first = held_out("easy", 5, 9001)
    others = held_out("easy", 5, 9001, {first[0].id, first[3].id})
    assert len(others) == 5
    assert not {first[0].id, first[3].id} & {found.id for found in others}


def test_report_and_traces_come_back_from_their_files(problems: list[Problem], tmp_path: Path) -> None:
    known = {problem(number).id: problem(number) for number in (2, 3)}
    report, comparisons = evaluate(solver({2}), solver({2, 3}), problems, pits=Pits(pairs(2), known))
    evaluation.save(report, comparisons, tmp_path)
    assert read_report(tmp_path / "report.json") == report
    back = read_comparisons(tmp_path / "comparisons.jsonl")
    assert back[problem(5).id] == next(c for c in comparisons if c.problem.id == problem(5).id)


@pytest.mark.parametrize("content", [None, "{", "[]", '{"model": "m"}'])
def test_a_report_that_is_none_is_said(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "report.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(RunError):
        read_report(path)


def test_the_command_prints_the_report_as_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], problems: list[Problem], tmp_path: Path
) -> None:
    from training.__main__ import main

    engines = {"": solver({2}), "run/adapter": solver({2, 3})}
    monkeypatch.setattr(evaluation, "load_engine", lambda model, adapter: engines[adapter])
    monkeypatch.setattr(evaluation, "held_out", lambda level, num, seed, trained: problems[:num])
    code = main(["evaluate", "--adapter", "run/adapter", "--num", "4", "--json", "--out", str(tmp_path)])
    printed = json.loads(capsys.readouterr().out)
    assert code == 0
    assert (printed["num_problems"], printed["fixed"]) == (4, [problem(3).id])
    assert read_report(tmp_path / "report.json").num_problems == 4
