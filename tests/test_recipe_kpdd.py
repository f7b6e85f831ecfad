"""KPDD: what is taught and what is not, what students learn, a whole tiny line with its four rows."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reasoner.errors import BadInput, RunError
from reasoner.keypoints import TAG, as_text, with_key_points
from reasoner.records import KeyPoints, Problem, make_problem
from tests.recipe_help import Writer, small_solver
from training.progress import EventLog
from training.recipes import kpdd, parts
from training.recipes.in_chunks import in_chunks
from training.recipes.kpdd_teacher import lessons, read_lessons
from training.recipes.stages import Stage, read_stage
from training.solutions import gold_key_points, gold_solution
from training.wordproblems import problem_set

QUESTION = "Ana has 3 coins. Ben has 2 more coins than Ana. How many coins does Ben have?"
POINTS = "Core question: How many coins does Ben have?\n- Ben has 2 more coins than Ana.\n- Ana has 3 coins."
PROGRAM = "Ana_coins = 3\nBen_coins = Ana_coins + 2\nanswer = Ben_coins"


def typed(name: str) -> Problem:
    return make_problem(QUESTION.replace("Ben", name), "5", "typed")


def teach(question: str, asked: str, seed: int) -> str:
    """A teacher that is right about Ben, wrong in words about Cal, lost with Dina and without key points for Emil."""
    name = next(one for one in ("Ben", "Cal", "Dina", "Emil") if one in question)
    if asked == TAG:
        return "I do not know." if name == "Emil" else POINTS.replace("Ben", name)
    assert "Key points:" in question  # they are given to whoever solves
    if asked == "Program":
        return "import os" if name == "Dina" else PROGRAM.replace("Ben", name)
    return f"{name} has 3 + 2 = 5 coins.\nThe answer is {6 if name == 'Cal' and seed < 8 else 5}."


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage("teach", tmp_path, EventLog(tmp_path / "events.jsonl"))


def test_a_teacher_s_lesson_is_kept_only_where_both_answers_are_right(stage: Stage) -> None:
    problems = [typed(name) for name in ("Ben", "Cal", "Dina", "Emil")]
    [found], dropped = lessons(stage, problems, Writer(teach), tries=1, temperature=0.7, seed=0)
    assert found.problem_id == problems[0].id and found.core_question == "How many coins does Ben have?"
    assert found.points == ("Ben has 2 more coins than Ana.", "Ana has 3 coins.")
    assert found.solutions == {"cot": "Ben has 3 + 2 = 5 coins.\nThe answer is 5.", "program": PROGRAM}
    assert dropped == {
        "no right solution in cot: wrong": 1,
        "no right solution in program: no answer": 1,
        "no key points could be read in the teacher's answer": 1,
    }
    assert read_lessons(stage.folder / "lessons.jsonl") == [found]


def test_several_tries_take_the_first_right_one(stage: Stage) -> None:
    [found], dropped = lessons(stage, [typed("Cal")], Writer(teach), tries=10, temperature=0.7, seed=0)
    assert found.solutions["cot"].endswith("The answer is 5.") and not dropped


def test_the_generator_teaches_its_own_problems_and_no_others(stage: Stage) -> None:
    own = problem_set("medium", 5, 3)
    found, dropped = lessons(stage, [*own, typed("Ben")], None, 1, 0.7, 0)
    assert [one.problem_id for one in found] == [one.id for one in own]
    assert dropped == {"it was not generated: name a --teacher": 1}
    for one, problem in zip(found, own, strict=True):
        assert one.solutions == {name: gold_solution(problem, name) for name in ("cot", "program")}
        assert one.points == gold_key_points(problem).points


def test_teaching_goes_on_after_a_kill_where_it_was(stage: Stage) -> None:
    problems = [typed("Ben"), typed("Cal"), *problem_set("easy", 60, 4)[:0]]
    first = Writer(teach)
    lessons(stage, problems, first, 1, 0.7, 0)
    path = stage.folder / "lessons.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2 + 40])  # torn inside the second line
    again = Writer(teach)
    lessons(stage, problems, again, 1, 0.7, 0)
    assert path.read_bytes() == whole
    assert {asked[0] for asked in again.asked} < {asked[0] for asked in first.asked}


def test_a_file_of_other_items_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    assert in_chunks(path, [1, 2], lambda some: [{"n": one} for one in some], 1) == [{"n": 1}, {"n": 2}]
    with pytest.raises(RunError, match="other items"):
        in_chunks(path, [1], lambda some: [], 1)


# ── the whole line ───────────────────────────────────────────────────────────────────────────────────────────────────

KNOWN = {problem.question: problem for problem in (*problem_set("easy", 5, 71), *problem_set("easy", 4, 72))}


def write(question: str, tag: str, seed: int) -> str:
    """Key points of all but one problem; right solutions where key points were given, in programs always."""
    alone = question.split(" Key points:")[0]
    problem = KNOWN[alone]
    if tag == TAG:
        return "nothing" if alone == list(KNOWN)[-1] else as_text(gold_key_points(problem))
    if tag == "Program":
        return gold_solution(problem, "program")
    return gold_solution(problem, "cot") if "Key points:" in question else "The answer is 1."


def test_a_whole_tiny_line_has_four_rows_and_teaches_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(write)
    for module in (kpdd, parts):
        monkeypatch.setattr(module, "engine_of", lambda solver, server="": writer)
    settings = replace(
        kpdd.PRESETS["tiny"], model=small_solver(tmp_path / "solver"), out=str(tmp_path / "run"),
        problems="built-in:easy:5:71", held_out="built-in:easy:4:72",
    )  # fmt: skip
    report = kpdd.run(settings)
    rows = {row["stage"]: row["accuracy"] for row in json.loads(report.read_text())["rows"]}
    assert rows == {"base cot": 0.0, "base pot": 1.0, "cot": 0.0, "pot": 1.0, "kp-cot": 0.75, "kp-pot": 1.0}
    run = tmp_path / "run"
    points = read_stage(run / "seed-0/key-points/kp-cot", "kp-cot")
    assert points is not None and points.tally.dropped == {"none could be read: solved without": 1}
    first, second, *_ = [json.loads(line) for line in (run / "rows/kp-pot/rows.jsonl").read_text().splitlines()]
    problem = problem_set("easy", 5, 71)[0]
    given = gold_key_points(problem)
    assert first == {"prompt": f"{problem.question}\n{TAG}:\n", "completion": as_text(given)}
    question = " ".join(with_key_points(problem.question, given).split())
    assert second == {"prompt": f"{question}\nProgram:\n", "completion": gold_solution(problem, "program")}
    updates = {row["stage"]: row["updates"] for row in json.loads(report.read_text())["rows"]}
    assert updates["cot"] == updates["pot"] == updates["kp-cot"] == updates["kp-pot"] == 2
    num_asked = len(writer.asked)
    assert kpdd.run(settings) == report and len(writer.asked) == num_asked  # nothing is done again


def test_nothing_to_teach_ends_in_words(tmp_path: Path) -> None:
    path = tmp_path / "typed.jsonl"
    path.write_text(json.dumps({"question": QUESTION, "answer": "So it is 5.\n#### 5"}) + "\n")
    settings = replace(kpdd.PRESETS["tiny"], problems=str(path), out=str(tmp_path / "run"))
    with pytest.raises(RunError, match="name a --teacher"):
        kpdd.run(settings)


@pytest.mark.parametrize(
    ("changed", "words"),
    [({"tries": 0}, "--tries"), ({"epochs": -1.0}, "--epochs"), ({"seeds": ()}, "--seeds"), ({"out": ""}, "--out")],
)
def test_what_cannot_be_meant_is_said_in_words(changed: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=words):
        kpdd.run(replace(kpdd.PRESETS["tiny"], **{"out": str(tmp_path / "run"), **changed}))


def test_key_points_with_marks_in_them_stay_text(stage: Stage) -> None:
    hostile = KeyPoints("p", "<script>alert(1)</script>", ("- </code>", "x" * 30_000), by="teacher")
    assert "<script>" in with_key_points("How many?", hostile)
