"""FDD rounds: what is easy and what is hard, variants by the DAG and by an engine, a whole tiny line of two rounds."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reasoner.errors import BadInput
from reasoner.records import Problem, make_problem
from tests.recipe_help import Writer, small_solver, untrained
from training.recipes import fdd, parts
from training.recipes.fdd_sorting import Difficulty, jobs_of, sort
from training.recipes.problems import load_problems
from training.recipes.sampling import Sample, Solved
from training.recipes.stages import read_stage
from training.recipes.variants_asked import INSTRUCTIONS, asked_variants
from training.wordproblems import computed, problem_set, quantities_of


def solved(problem: str, right: int, wrong: int, none: int = 0, unjudged: int = 0) -> Solved:
    counts = {"right": right, "wrong": wrong, "no answer": none, "not judged": unjudged}
    samples = tuple(Sample(status, 0, num, None, status) for status, num in counts.items() if num)
    return Solved(problem, "?", samples)


@pytest.mark.parametrize(
    ("counts", "name"),
    [
        ((6, 0), "easy"),
        ((5, 1), "unsure"),
        ((3, 3), "unsure"),
        ((1, 5), "unsure"),
        ((0, 6), "hard"),
        ((0, 0, 6), "hard"),  # a sample without an answer is not right
        ((8, 0), "easy"),
        ((7, 1), "easy"),
        ((1, 7), "hard"),
        ((2, 6), "unsure"),
        ((0, 0, 0, 6), "unsure"),  # what could not be judged tells nothing
        ((1, 0), "unsure"),
        ((0, 0), "unsure"),
    ],
)
def test_easy_and_hard_are_what_the_interval_says(counts: tuple[int, ...], name: str) -> None:
    [found] = sort([solved("p", *counts)], 0.5, 0.5).values()
    assert found.name == name and 0 <= found.recovered.low <= found.recovered.high <= 1


def test_easy_ones_get_one_harder_and_hard_ones_two_siblings() -> None:
    problems = problem_set("easy", 4, 9)
    rates = sort([solved(p.id, *n) for p, n in zip(problems, [(6, 0), (0, 6), (3, 3)], strict=False)], 0.5, 0.5)
    dropped = Counter[str]()
    jobs = jobs_of(problems, rates, 0, dropped)
    assert jobs == [(problems[0], "harder"), (problems[1], "numbers"), (problems[1], "words")]
    assert dropped == {"neither easy nor hard for sure": 1, "it was not sampled": 1}
    dropped = Counter[str]()
    assert len(jobs_of(problems, rates, 2, dropped)) == 2 and dropped["over the number of new problems of a round"] == 1
    assert isinstance(rates[problems[0].id], Difficulty)


# ── variants by an engine ────────────────────────────────────────────────────────────────────────────────────────────

OLD = make_problem("Ana has 3 coins. Ben has 2 more. How many does Ben have?", "5", "typed", level="7")
NEW = "Ana has 4 coins. Ben has 2 more. How many does Ben have?"


def engine(new: str = NEW, answers: tuple[str, ...] = ("6",)) -> Writer:
    def write(question: str, asked: str, seed: int) -> str:
        if asked in INSTRUCTIONS.values():
            return new
        return f"Ben has 4 + 2 = 6 coins.\nThe answer is {answers[seed % len(answers)]}."

    return Writer(write)


def test_an_asked_variant_has_the_answer_that_its_samples_agree_on_and_says_so() -> None:
    [found] = asked_variants(engine(answers=("6", "6", "6.0", "9")), [(OLD, "numbers")], num=8, seed=0)
    assert isinstance(found, Problem)
    assert (found.question, found.answer, found.level) == (NEW, "6", "7")
    assert found.source == f"numbers of {OLD.id}: 6 of 8 samples of writer agree"
    assert found.solution == "Ben has 4 + 2 = 6 coins.\nThe answer is 6." and not found.spec


@pytest.mark.parametrize(
    ("new", "answers", "reason"),
    [
        (NEW, ("6", "7", "8", "9"), "do not agree"),
        (NEW, ("6", "7"), "do not agree"),
        (OLD.question, ("5",), "is the old one"),
        ("", ("5",), "is no problem"),
        ("Sure", ("5",), "is no problem"),
        ("x?" * 11_000, ("5",), "is no problem"),
        ("Ana has \ud800 coins. How many?", ("5",), "is no problem"),
    ],
)
def test_what_is_no_variant_says_why(new: str, answers: tuple[str, ...], reason: str) -> None:
    [found] = asked_variants(engine(new, answers), [(OLD, "harder")], num=4, seed=0)
    assert isinstance(found, str) and reason in found


def test_a_question_beyond_the_context_is_not_asked() -> None:
    long = make_problem("Ana has 3 coins. " * 400 + "How many?", "3", "typed")
    found = asked_variants(engine(), [(long, "words"), (OLD, "words")], num=2, seed=0)
    assert isinstance(found[0], str) and "cannot be asked" in found[0] and isinstance(found[1], Problem)
    assert asked_variants(engine(), [], num=2) == []


def test_hostile_problems_stay_text() -> None:
    text = "<img src=x onerror=alert(1)> has 4 coins. Ben has 2 more. How many does Ben have?"
    [found] = asked_variants(engine(text), [(OLD, "words")], num=2, seed=0)
    assert isinstance(found, Problem) and found.question == text


# ── the whole line ───────────────────────────────────────────────────────────────────────────────────────────────────

TRAINING = problem_set("easy", 6, 51)
KNOWN = {problem.question: problem for problem in TRAINING[:3]}  # the others, and all new ones, are always wrong


def write(question: str, tag: str, seed: int) -> str:
    return KNOWN[question].solution if question in KNOWN else "Summarize: the answer is 1"


def settings_in(tmp_path: Path, **changed: Any) -> fdd.Settings:
    tiny = fdd.PRESETS["tiny"]
    return replace(
        tiny, model=small_solver(tmp_path / "solver"), out=str(tmp_path / "run"), problems="built-in:easy:6:51",
        held_out="built-in:easy:3:52", rounds=2, controls=("same", "fresh"), **changed,
    )  # fmt: skip


def test_two_tiny_rounds_from_problems_to_report_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = Writer(write)
    for module in (fdd, parts):
        monkeypatch.setattr(module, "engine_of", lambda solver, server="": writer)
    settings = settings_in(tmp_path)
    report = fdd.run(settings)
    run = tmp_path / "run"
    first, second = (read_stage(run / f"round-{n}/variants", "variants") for n in (1, 2))
    assert first is not None and second is not None
    assert first.tally.facts["sorted"] == {"easy": 3, "hard": 3}
    assert first.tally.facts["new"] == {"harder": 3, "numbers": 3, "words": 3} and first.tally.rows_out == 15
    assert second.tally.facts["sorted"] == {"easy": 3, "hard": 12}
    known = load_problems(run / "round-1/variants/all.jsonl")
    assert [p.id for p in known[:6]] == [p.id for p in TRAINING] and len({p.id for p in known}) == 15
    assert sum(len(computed(*quantities_of(p))) for p in known) > 2.5 * sum(
        len(computed(*quantities_of(p))) for p in TRAINING
    )
    held_out = {problem.id for problem in load_problems(run / "problems/held_out.jsonl")}
    assert not held_out & {p.id for p in load_problems(run / "round-2/variants/all.jsonl")}
    rows = {row["stage"]: row for row in json.loads(report.read_text())["rows"]}
    assert list(rows) == ["base", "round-1", "round-2", "same-1", "same-2", "fresh-1", "fresh-2"]
    assert rows["round-2"]["updates"] == rows["same-2"]["updates"] == rows["fresh-2"]["updates"]
    fresh = [json.loads(line) for line in (run / "fresh-2/rows/rows.jsonl").read_text().splitlines()]
    assert len(fresh) == second.tally.rows_out
    num_asked = len(writer.asked)
    assert fdd.run(settings) == report and len(writer.asked) == num_asked


def test_a_solver_learns_from_its_own_right_solutions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (fdd, parts):
        monkeypatch.setattr(module, "engine_of", lambda solver, server="": Writer(write))
    untrained(monkeypatch, fdd)
    fdd.run(replace(settings_in(tmp_path), learn="rft", rounds=1, controls=("none",)))
    new = read_stage(tmp_path / "run/round-1/sample-new", "new")
    rows = read_stage(tmp_path / "run/round-1/rows", "rows")
    assert new is not None and new.tally.rows_in == 9  # none of which this solver can do
    assert rows is not None and rows.tally.rows_out == 3 and rows.tally.dropped["its answer is wrong"] == 12


def test_problems_nobody_generated_are_varied_by_the_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = engine()
    for module in (fdd, parts):
        monkeypatch.setattr(module, "engine_of", lambda solver, server="": writer)
    monkeypatch.setattr(fdd, "load_engine", lambda *where: writer)
    untrained(monkeypatch, fdd)
    path, held = tmp_path / "typed.jsonl", tmp_path / "held.jsonl"
    path.write_text(json.dumps({"question": OLD.question, "answer": "3 + 3 = 6\n#### 6"}) + "\n")
    held.write_text(json.dumps({"question": "Ana has 1 coin. How many?", "answer": "#### 1"}) + "\n")
    settings = replace(settings_in(tmp_path), problems=str(path), held_out=str(held), rounds=1, controls=("none",))
    settings = replace(settings, format="cot", learn="gold")
    fdd.run(settings)
    [old, new] = load_problems(tmp_path / "run/round-1/variants/all.jsonl")
    assert old.question == OLD.question and new.question == NEW
    assert new.answer == "6" and "samples of writer agree" in new.source
    rows = [json.loads(line) for line in (tmp_path / "run/round-1/rows/rows.jsonl").read_text().splitlines()]
    assert [row["completion"].splitlines()[-1] for row in rows] == ["The answer is 6", "The answer is 6."]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"rounds": 0}, "--rounds"),
        ({"learn": "luck"}, "--learn"),
        ({"controls": ("some",)}, "controls"),
        ({"easy": 1.0}, "--easy"),
        ({"share": 2.0}, "--share"),
        ({"format": "verse"}, "verse"),
        ({"seed": -1}, "--seed"),
        ({"held_out": "built-in:easy:6:51"}, "measure on"),  # the very problems that are learnt from
    ],
)
def test_what_cannot_be_meant_is_said_in_words(changed: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=words):
        fdd.run(replace(fdd.PRESETS["tiny"], **{"out": str(tmp_path / "run"), **changed}))
