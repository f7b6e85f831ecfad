"""Choosing among samples: pass@k, majority, best by value; what is left out; where the figures come from."""

import json
from collections import Counter
from itertools import combinations
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoner.errors import BadInput, RunError
from reasoner.records import Problem, Trace
from reasoner.store import Store
from tests.training_help import RIGHT, problem, trace
from training import rerank
from training.rerank import Samples, choose, compare, pass_at
from training.rerank_report import read_rerank_report, write_rerank_report
from training.value_rows import Solution

ABOUT: dict[str, Any] = {"model": "m", "value": "v", "level": "easy", "format": "transitions", "dropped": {}}


def samples(answers: str, right: str, values: list[float], likely: list[float] | None = None) -> Samples:
    """One problem: a letter an answer ("-": none), the right one, each sample's value and likelihood."""
    letters = sorted(set(answers) - {"-"})
    return Samples(
        "p",
        np.array([letter == right for letter in answers]),
        np.array([letters.index(letter) if letter != "-" else -1 for letter in answers]),
        np.array(values),
        np.array(likely or values),
    )


def chosen(one: Samples, k: int | None = None, seed: int = 0) -> dict[str, float]:
    return choose(one, k or len(one.right), np.random.default_rng(seed))


# ── the ways of choosing ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_best_by_value_may_be_right_where_the_majority_is_wrong() -> None:
    found = chosen(samples("aab", "b", [0.1, 0.2, 0.9]))
    assert (found["majority"], found["best"], found["weighted"]) == (0.0, 1.0, 1.0)


def test_many_low_values_outweigh_one_high_one() -> None:
    found = chosen(samples("aaab", "a", [0.4, 0.4, 0.4, 0.9]))
    assert (found["majority"], found["best"], found["weighted"]) == (1.0, 0.0, 1.0)


def test_the_likeliest_sample_is_chosen_whatever_its_value() -> None:
    assert chosen(samples("ab", "a", [0.1, 0.9], [0.8, 0.3]))["likelihood"] == 1.0


def test_a_tie_is_shared() -> None:
    found = chosen(samples("aabbc", "a", [0.5] * 5))
    assert (found["majority"], found["best"]) == (0.5, pytest.approx(1 / 3))


def test_a_sample_without_an_answer_neither_votes_nor_is_chosen() -> None:
    found = chosen(samples("---a", "a", [0.9, 0.9, 0.9, 0.1]))
    assert found == {"majority": 1.0, "weighted": 1.0, "best": 1.0, "likelihood": 1.0}


def test_nothing_answered_is_nothing_right() -> None:
    assert set(chosen(samples("---", "a", [0.9, 0.9, 0.9])).values()) == {0.0}


def test_a_value_of_zero_is_still_a_choice() -> None:
    assert chosen(samples("a-", "a", [0.0, 0.5]))["best"] == 1.0


def test_one_sample_leaves_no_choice() -> None:
    one = samples("aabb", "a", [0.9, 0.1, 0.2, 0.3])
    found = chosen(one, 1)
    assert len(set(found.values())) == 1 and found["best"] == pytest.approx(0.5, abs=0.15)


def test_fewer_than_all_are_averaged_over_subsets() -> None:
    one = samples("abb", "a", [0.9, 0.5, 0.1])
    exact = np.mean([0 in pair for pair in combinations(range(3), 2)])  # the best is chosen wherever it is drawn
    assert chosen(one, 2)["best"] == pytest.approx(exact, abs=0.12)
    assert chosen(one, 2) == chosen(one, 2)


@given(st.integers(1, 12), st.data())
def test_pass_at_k_is_the_share_of_subsets_with_a_right_one(num: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, num))
    k = data.draw(st.integers(1, num))
    subsets = list(combinations([True] * right + [False] * (num - right), k))
    assert len(subsets) == comb(num, k)
    assert pass_at(num, right, k) == pytest.approx(sum(map(any, subsets)) / len(subsets))


# ── the report ───────────────────────────────────────────────────────────────────────────────────────────────────────


def mixed(num: int) -> list[Samples]:
    """Of every four problems: the value mends one that the majority misses, and the other three are all right."""
    hard = samples("aabc", "b", [0.1, 0.2, 0.9, 0.3])
    easy = samples("aaab", "a", [0.9, 0.8, 0.9, 0.1])
    return [hard if number % 4 == 0 else easy for number in range(num)]


def test_the_report_has_a_row_for_every_power_of_two_and_paired_gains() -> None:
    report = compare(mixed(40), seed=3, **ABOUT)
    assert [row.k for row in report.rows] == [1, 2, 4]
    last = report.rows[-1]
    assert (last.majority.value, last.best.value, last.passed.value) == (0.75, 1.0, 1.0)
    assert last.best_gain.value == pytest.approx(0.25)
    assert last.best_gain.low > 0.1
    assert (report.fixed, report.broken) == (10, 0)
    assert report.p_value == pytest.approx(2 / 2**10)
    first = report.rows[0]
    assert first.majority.value == pytest.approx(first.best.value)
    assert first.passed.value == pytest.approx(0.25 * 0.25 + 0.75 * 0.75)


def test_intervals_hold_the_figure_and_narrow_with_the_problems() -> None:
    few, many = (compare(mixed(num), **ABOUT).rows[-1].majority for num in (20, 400))
    assert few.low <= few.value <= few.high
    assert many.high - many.low < few.high - few.low


def test_the_table_and_the_sentence_say_the_same() -> None:
    report = compare(mixed(40), **ABOUT)
    table = "\n".join(report.lines())
    assert "75.0 %" not in table and "75.0%" in table and "10 fixed, 0 broken" in table
    assert "majority is right on 75.0%, the best by value on 100.0% (+25.0 points" in report.sentence()


def test_a_report_comes_back_from_its_file(tmp_path: Path) -> None:
    report = compare(mixed(8), **ABOUT)
    write_rerank_report(report, tmp_path / "deep" / "rerank.json")
    assert read_rerank_report(tmp_path / "deep" / "rerank.json") == report


@pytest.mark.parametrize("content", [None, "{", "[]", '{"rows": []}'])
def test_a_report_that_is_none_is_said(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "rerank.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(RunError):
        read_rerank_report(path)


# ── from traces to samples ───────────────────────────────────────────────────────────────────────────────────────────


class FakeModel:
    """A value model that likes solutions whose last digit is high, and cannot read the word "unreadable"."""

    class About:
        name, model, adapter = "value-1", "solver", ""

    about = About()

    def __init__(self, trained_on: frozenset[str] = frozenset()) -> None:
        from reasoner.engines.scripted import ScriptedEngine

        self.engine = ScriptedEngine({}, name="tour")
        self.trained_on = trained_on

    def why_not(self, of: Trace, about: Problem) -> str:
        return "has words outside the model's vocabulary" if "unreadable" in of.text else ""

    def score_and_likelihood(
        self, solutions: list[Solution], follow: object = None
    ) -> list[tuple[tuple[float, ...], float]]:
        return [((0.5, int(one.text[-1]) / 10), 0.5) for one in solutions]


def solved(number: int, endings: str) -> tuple[Problem, list[Trace]]:
    of = problem(number)
    return of, [trace(of, RIGHT[:-1] + digit, seed) for seed, digit in enumerate(endings)]


def test_values_are_those_of_the_last_state_and_answers_are_compared_by_the_projects_equality() -> None:
    of, traces = solved(2, "55")
    traces.append(trace(of, RIGHT[:-1] + "5.0", 9))
    [one] = rerank.score_samples(FakeModel(), [(of, traces)], Counter())  # type: ignore[arg-type]
    assert one.group.tolist() == [0, 0, 0]
    assert one.value.tolist() == [0.5, 0.5, 0.0]


def test_a_problem_with_a_sample_that_cannot_be_read_is_counted() -> None:
    of, traces = solved(2, "56")
    bad = solved(3, "6")[0], [trace(problem(3), RIGHT.replace("find", "unreadable"))]
    dropped: Counter[str] = Counter()
    found = rerank.score_samples(FakeModel(), [(of, traces), bad], dropped)  # type: ignore[arg-type]
    assert len(found) == 1
    assert dropped == {"problems with a sample that has words outside the model's vocabulary": 1}


@pytest.fixture
def stored(tmp_path: Path) -> str:
    """Three problems: the majority is right, wrong, right; the value prefers high digits. A fourth has one sample."""
    path = tmp_path / "store.sqlite"
    with Store(path) as store:
        rows = [(*solved(number, endings), ()) for number, endings in ((2, "5543"), (3, "5563"), (4, "7712"), (5, "8"))]
        store.add_rows(rows)
    return str(path)


def test_the_traces_of_a_store_are_compared_and_the_rest_is_counted(
    stored: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from training.__main__ import main

    monkeypatch.setattr(rerank, "load_value_model", lambda folder: FakeModel())
    out = tmp_path / "rerank.json"
    assert main(["rerank", "--value", "v", "--store", stored, "--num", "4", "--json", "--out", str(out)]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["num_problems"] == 3 and [row["k"] for row in printed["rows"]] == [1, 2, 4]
    assert printed["rows"][-1]["majority"]["value"] == pytest.approx(2 / 3)
    assert printed["rows"][-1]["best"]["value"] == 1.0
    assert printed["dropped"] == {"problems with fewer than 4 traces in this format": 1}
    assert (printed["fixed"], printed["broken"]) == (1, 0)
    assert read_rerank_report(out).num_problems == 3


def test_problems_that_the_value_model_was_trained_on_are_left_out(
    stored: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rerank, "load_value_model", lambda folder: FakeModel(frozenset({problem(2).id})))
    report = rerank.run(rerank.Args("v", stored, num=4))
    assert report.num_problems == 2
    assert report.dropped["problems the value model was trained on"] == 1


def test_too_few_samples_is_said(stored: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rerank, "load_value_model", lambda folder: FakeModel())
    with pytest.raises(RunError, match="No problem has 9 usable samples"):
        rerank.run(rerank.Args("v", stored, num=9))
    with pytest.raises(BadInput, match="at least 2"):
        rerank.run(rerank.Args("v", stored, num=1))


def test_held_out_problems_are_sampled_and_the_same_seed_gives_the_same_report(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from dataclasses import replace

    from reasoner.engines.scripted import ScriptedEngine

    problems = [problem(number) for number in (2, 3)]
    script = {of.question + "\n": [RIGHT[:-1] + digit for digit in "5673"] for of in problems}
    monkeypatch.setattr(rerank, "load_value_model", lambda folder: FakeModel())
    monkeypatch.setattr(rerank, "load_engine", lambda model, adapter: ScriptedEngine(script, name="tour"))
    monkeypatch.setattr(rerank, "problem_set", lambda level, num, seed: problems[:num])
    args = rerank.Args("v", problems=2, num=4)
    first, second = rerank.run(args), rerank.run(args)
    assert replace(first, seconds=0) == replace(second, seconds=0)
    assert (first.num_problems, first.num_samples, first.level) == (2, 4, "easy")
