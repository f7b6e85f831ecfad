"""Value models as runs: what the Train tab's section shows and starts, and what such a run's process does."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from reasoner.store import Store
from reasoner.workbench import Workbench
from tests.test_rerank import ABOUT, mixed
from tests.training_help import RIGHT, WRONG, problem, trace
from training import jobs, value_work
from training.jobs import Settings
from training.progress import EventLog, latest, read_events
from training.rerank import compare
from training.rerank_report import write_rerank_report
from training.run_settings import check_settings
from training.tabs import values
from training.tabs.run_view import run_html
from training.tabs.value_view import value_html
from training.value import REPORT
from training.value_report import Scored, ValueReport, judge_scores, write_value_report
from training.value_work import ValueWork


@pytest.fixture
def workbench(tmp_path: Path) -> Iterator[Workbench]:
    with Store(tmp_path / "store.sqlite") as store:
        yield Workbench(store, model=str(tmp_path / "solver"))


def fill(store: Store, num: int) -> None:
    """`num` problems, each with a right and a wrong trace."""
    for number in range(2, 2 + num):
        of = problem(number)
        right = RIGHT.replace("is 5", f"is {3 + number}")
        store.add_rows([(of, [trace(of, right), trace(of, WRONG.replace("is 6", "is 999"), 1)], ())])


def report(name: str = "value-1") -> ValueReport:
    rows = [Scored(f"p{n}", (0.5, 0.1 + 0.8 * (n % 2)), n % 2 == 1) for n in range(20)]
    return judge_scores(rows, name=name, model="solver", target="outcome", reads="both")


def run_folder(store: Store, run_id: str = "2026-11-20-120000-ab12", kind: str = "value") -> Path:
    folder = store.data_folder / "runs" / run_id
    folder.mkdir(parents=True)
    settings = Settings(store=str(store.path), model="solver", kind=kind, num_problems=10)
    (folder / "settings.json").write_text(json.dumps(asdict(settings)))
    return folder


# ── the section ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_too_few_traces_say_what_to_do_and_the_button_waits(workbench: Workbench) -> None:
    fill(workbench.store, 2)
    html, button, _ = values.show(workbench, "")
    assert "2 right and 2 wrong solutions" in html and "sample more" in html
    assert button["interactive"] is False


def test_enough_traces_make_the_button_ready_and_nothing_new_is_not_drawn_again(workbench: Workbench) -> None:
    fill(workbench.store, 10)
    html, button, seen = values.show(workbench, "")
    assert "10 right and 10 wrong" in html and button["interactive"] is True
    assert values.show(workbench, seen) == (gr.skip(),) * 3


def test_the_latest_value_models_result_is_shown_and_other_runs_are_not(workbench: Workbench) -> None:
    folder = run_folder(workbench.store)
    write_value_report(report(), folder / REPORT)
    write_rerank_report(compare(mixed(12), **ABOUT), folder / "rerank.json")
    run_folder(workbench.store, "2026-11-20-130000-cd34", kind="pairs")
    html, _, _ = values.show(workbench, "")
    assert "AUC 1.000" in html and "fp-calibration" in html
    assert "Majority" in html and "Best by value" in html and "exact McNemar" in html


def test_a_torn_report_is_said_on_the_page(workbench: Workbench) -> None:
    (run_folder(workbench.store) / REPORT).write_text("{")
    html, _, _ = values.show(workbench, "")
    assert 'role="alert"' in html and "cannot be read" in html


def test_starting_hands_a_run_of_its_kind_to_a_process_of_its_own(
    workbench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Settings] = []
    monkeypatch.setattr(jobs, "start", lambda settings, folder: started.append(settings))
    assert values.start(workbench) == ""
    assert [(one.kind, one.num_problems, one.model) for one in started] == [("value", 100, workbench.model)]


def test_a_model_on_a_server_cannot_become_one_and_the_page_says_so(tmp_path: Path) -> None:
    with Store(tmp_path / "store.sqlite") as store:
        said = values.start(Workbench(store, model="m", server="http://127.0.0.1:1/v1"))
    assert 'role="alert"' in said and "server" in said


def test_every_way_of_choosing_is_drawn_named_and_told_without_colour() -> None:
    html = value_html(report("<b>"), compare(mixed(12), **ABOUT))
    for name in ("Any of k right", "Weighted majority", "Best by value", "Majority", "Best by likelihood"):
        assert f"<b>{name}</b>" in html
    assert html.count("<polyline") == 10 and 'aria-label="At k = 4:' in html
    assert "<b>value-1" not in html


def test_the_run_view_shows_a_value_models_stages_and_its_one_curve(workbench: Workbench) -> None:
    folder = run_folder(workbench.store)
    events = EventLog(folder / "events.jsonl")
    events.write("stage", stage="train", message="Training a value model …")
    events.write("train", step=1, total=2, loss=0.6, seconds_left=1.0)
    html = run_html(jobs.status(workbench.store.data_folder, folder.name))
    assert "Score states" in html and "Choose among samples" in html and "Before / after" not in html
    assert "Loss" in html and "Reward margin" not in html


# ── the run ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class Stages:
    """Stands in for the three stages: writes the files that they write."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.done: list[str] = []
        self.folder = folder
        monkeypatch.setattr(value_work.value, "run", self.train)
        monkeypatch.setattr(value_work.value, "score", self.score)
        monkeypatch.setattr(value_work.rerank, "run", self.rerank)
        monkeypatch.setattr(value_work, "is_value_model", lambda folder: True)

    def train(self, args: Any, should_stop: Any) -> None:
        self.done.append("train")
        assert (args.out, args.resume) == (str(self.folder), True)
        write_value_report(report(), self.folder / REPORT)

    def score(self, args: Any, follow: Any) -> Any:
        from reasoner.records import Counts

        self.done.append("score")
        return Counts(7, 0, {"it has no steps": 1})

    def rerank(self, args: Any, follow: Any) -> None:
        self.done.append(f"rerank {args.problems} × {args.num}")
        write_rerank_report(compare(mixed(12), **ABOUT), Path(args.out))


def test_a_run_trains_scores_and_compares_and_says_both_results(
    workbench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run_folder(workbench.store)
    stages = Stages(monkeypatch, folder)
    ValueWork(folder).run()
    assert stages.done == ["train", "score", "rerank 10 × 8"]
    done = latest(read_events(folder / "events.jsonl"), "done")
    assert done is not None and "AUC" in done["message"] and "majority" in done["message"]
    state = jobs.status(workbench.store.data_folder, folder.name)
    assert (state.state, state.adapter) == ("done", None)


def test_a_resumed_run_does_not_train_again(workbench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = run_folder(workbench.store)
    write_value_report(report(), folder / REPORT)
    stages = Stages(monkeypatch, folder)
    ValueWork(folder).run()
    assert stages.done == ["score", "rerank 10 × 8"]


def test_a_cancelled_value_model_leaves_no_adapter_that_could_be_taken_for_a_solver(workbench: Workbench) -> None:
    folder = run_folder(workbench.store)
    checkpoint = folder / "checkpoints" / "checkpoint-3"
    checkpoint.mkdir(parents=True)
    for name in ("trainer_state.json", "adapter_config.json", "adapter_model.safetensors"):
        (checkpoint / name).write_text("{}")
    jobs._keep_result(folder)
    assert not (folder / "adapter").exists()


def test_a_run_of_no_kind_is_refused() -> None:
    from reasoner.errors import BadInput

    with pytest.raises(BadInput, match="Kind must be one of pairs, value"):
        check_settings(Settings(store="s", kind="poetry"))
