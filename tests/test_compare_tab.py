"""The Compare tab's handlers: numbers, both models' graphs, is the pit gone, and putting an adapter to use."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest

from reasoner.graph import build_graph
from reasoner.records import Problem, Trace
from reasoner.store import Store
from reasoner.workbench import Workbench
from tests.run_help import generated, made_up_run
from tests.training_help import RIGHT, WRONG, pit, problem, trace
from training import jobs
from training.comparison import Comparison
from training.report import read_report
from training.tabs import compare
from training.tabs.compare_view import comparison_html, gone_words, headline_html, problem_ids
from training.tabs.drawing import Series, curves, graph_svg


@pytest.fixture
def workbench(tmp_path: Path) -> Iterator[Workbench]:
    with Store(tmp_path / "store.sqlite") as store:
        yield Workbench(store, model=str(tmp_path / "solver"))


@pytest.fixture
def run(workbench: Workbench) -> jobs.Run:
    made_up_run(workbench.store, "one")
    return jobs.status(workbench.store.data_folder, "one")


def test_without_a_finished_run_the_page_says_what_to_do(workbench: Workbench) -> None:
    headline, runs, *_ = compare.show_run(workbench, None, None)
    assert "Nothing to compare yet" in headline
    assert runs["visible"] is False


def test_the_headline_has_rates_intervals_fixed_broken_and_pits(workbench: Workbench, run: jobs.Run) -> None:
    report = read_report(run.folder / "report.json")
    html = headline_html(report, workbench.describe())
    assert "50.0% → 75.0%" in html.replace("\n", "")
    assert "1 of 2 trained pits are gone" in html
    assert "Fixed" in html and "Broken" in html and "McNemar" in html
    assert "easy" in html and "hard" in html
    assert "Solver in use: <b>solver</b>" in html


def test_a_finished_run_opens_on_its_pits(workbench: Workbench, run: jobs.Run) -> None:
    _, runs, groups, problems, shown, use, back = compare.show_run(workbench, None, None)
    assert runs["value"] == "one"
    assert groups["choices"] == [
        ("Pits trained on (2)", "pits"), ("Fixed (3)", "fixed"), ("Broken (1)", "broken"),
        ("Wrong both times (1)", "both_wrong"), ("Right both times (3)", "both_right"),
    ]  # fmt: skip
    assert problems["choices"][0][1] == problem(2).id  # the one that now recovers comes first
    assert "The pit is gone" in shown and shown.count("<svg") == 2
    assert (use["visible"], use["interactive"], back["visible"]) == (True, True, False)


def test_a_pit_that_is_still_there_is_said(workbench: Workbench, run: jobs.Run) -> None:
    html = compare.show_problem(workbench, "one", problem(3).id)
    assert "still there" in html and "fp-bad" in html


def test_problems_are_stepped_through_round_and_round(workbench: Workbench, run: jobs.Run) -> None:
    ids = [value for _, value in compare.problem_choices(run, compare.report_of(run), "fixed")]
    forward, _ = compare.step_problem(workbench, "one", "fixed", ids[-1], 1)
    back, _ = compare.step_problem(workbench, "one", "fixed", ids[0], -1)
    assert (forward["value"], back["value"]) == (ids[0], ids[-1])


def test_one_click_puts_the_adapter_to_use_and_one_takes_it_away(workbench: Workbench, run: jobs.Run) -> None:
    headline, use, back = compare.use_adapter(workbench, "one")
    assert workbench.adapter == str(run.adapter)
    assert "adapter one" in headline
    assert (use["interactive"], back["visible"]) == (False, True)
    headline, use, back = compare.back_to_shipped(workbench, "one")
    assert workbench.adapter == ""
    assert (use["interactive"], back["visible"]) == (True, False)


def test_a_run_without_an_adapter_cannot_be_put_to_use(workbench: Workbench) -> None:
    headline, *_ = compare.use_adapter(workbench, "nothing")
    assert "choose a finished run" in headline


def test_a_torn_report_is_said_and_nothing_breaks(workbench: Workbench, run: jobs.Run) -> None:
    (run.folder / "report.json").write_text("{")
    assert 'role="alert"' in compare.show_run(workbench, "one", None)[0]
    assert 'role="alert"' in compare.show_problem(workbench, "one", "x")


def test_nothing_is_sent_while_nothing_is_new(workbench: Workbench, run: jobs.Run) -> None:
    first = compare.refresh(workbench, None, None, "")
    assert "points" in first[0]
    assert all(answer == gr.skip() for answer in compare.refresh(workbench, "one", "pits", first[-1]))


class TestIsThePitGone:
    def compare(self, before: str, after: str, of: Problem | None = None) -> tuple[str, bool]:
        of = of or problem()
        return gone_words(Comparison(of, (trace(of, before),), (trace(of, after, seed=1),)), [])

    def test_fixed_and_broken_are_told_from_the_answers(self) -> None:
        assert self.compare(WRONG, RIGHT)[1] is True
        words, is_good = self.compare(RIGHT, WRONG)
        assert not is_good and "new pit" in words

    def test_the_oracle_names_the_step_of_a_generated_problem(self) -> None:
        of = generated()
        lines = of.solution.split("\n")
        value = int(of.answer or "0")
        bad = [
            line.replace(f"= {value}", f"= {value + 1}") if line.startswith("Solve Parent") else line for line in lines
        ]
        wrong = "\n".join([*bad[:-1], f"Summarize: the answer is {value + 1}"])
        assert f"at step {len(lines) - 1}" in self.compare(wrong, of.solution, of)[0]
        assert "still there" in self.compare(wrong, wrong, of)[0]


def test_hostile_text_stays_text(workbench: Workbench, run: jobs.Run) -> None:
    of = replace(problem(), question="<script>alert(1)</script>")
    bad: Trace = trace(of, "<img src=x onerror=alert(1)>\nSummarize: the answer is 6")
    html = comparison_html(read_report(run.folder / "report.json"), Comparison(of, (bad,), (bad,)))
    assert "<script>" not in html and "<img" not in html


def test_shape_and_dash_say_what_the_colour_says() -> None:
    wrong = trace(problem(), WRONG)
    svg = graph_svg(build_graph(problem(), [wrong], pits=[pit(wrong, 1, {})]), "Before")
    assert "fp-pit" in svg and "<polygon" in svg and "fp-edge-bad" in svg and 'aria-label="Before"' in svg


def test_curves_draw_what_is_finite() -> None:
    assert "<polyline" not in curves("Loss", [Series("run", [], 10)])
    assert ">0.5<" in curves("Accuracy", [Series("run", [(1, 0.0), (2, 0.5)], 10)], low=0.0)
    over = curves("Loss", [Series("<one>", [(1, 0.7), (2, 0.6)], 4), Series("two", [(1, 0.7), (2, 0.5)], 8)])
    assert over.count("<polyline") == 2 and "&lt;one&gt; 0.6; two 0.5" in over and "8 steps" in over


def test_groups_are_those_of_the_report(run: jobs.Run) -> None:
    report = read_report(run.folder / "report.json")
    assert problem_ids(report, "fixed") == list(report.fixed)
    assert problem_ids(report, "nonsense") == []


def test_the_tabs_own_handlers_are_not_for_programs(workbench: Workbench) -> None:
    with gr.Blocks() as page:
        compare.build(workbench)
    assert page.get_api_info()["named_endpoints"] == {}  # programs have training/api.py
