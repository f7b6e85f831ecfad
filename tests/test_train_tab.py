"""The Train tab's handlers: what a page gets to see, from files and the store alone."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest

from reasoner.records import Label
from reasoner.space import GuestLimits
from reasoner.store import Store
from reasoner.workbench import Workbench
from tests.run_help import made_up_run
from tests.training_help import RIGHT, WRONG, pit, problem, trace
from training import jobs
from training.asking import ask
from training.progress import EventLog
from training.run_settings import Settings
from training.tabs import runs, train
from training.tabs.run_view import minutes_words, run_html, seconds_words, tail
from training.tabs.train_form import (
    EVERYBODY,
    LOSSES,
    MACHINE,
    PEOPLE,
    Form,
    num_unexplored,
    whose_choices,
    whose_flags,
)

FORM = Form(EVERYBODY, True, 3.0, 2e-4, 0.1, 8, 16, next(iter(LOSSES)), 200, 0, True)


def values(form: Form = FORM) -> list[object]:
    return [getattr(form, name) for name in Form.__dataclass_fields__]


@pytest.fixture
def workbench(tmp_path: Path) -> Iterator[Workbench]:
    with Store(tmp_path / "store.sqlite") as store:
        yield Workbench(store, model=str(tmp_path / "solver"))


def flagged(store: Store, annotator: str = "ada", **rest: str) -> None:
    store.add_problems([problem()])
    wrong = trace(problem(), WRONG)
    store.add_traces([wrong, trace(problem(), RIGHT)])
    store.add_label(Label.of(wrong, kind="first_wrong", step=1, annotator=annotator, **rest))  # type: ignore[arg-type]


def is_skipped(answer: object) -> bool:
    return answer == gr.skip()


def test_an_empty_store_says_what_to_do_next(workbench: Workbench) -> None:
    html, button = train.show_preview(workbench, *values())
    assert "No preference pairs yet" in html and "Walk tab" in html
    assert button["interactive"] is False


def test_the_preview_shows_pairs_tokens_minutes_and_drops(workbench: Workbench) -> None:
    flagged(workbench.store)
    second = trace(problem(4), WRONG)
    workbench.store.add_problems([problem(4)])
    workbench.store.add_traces([second])
    workbench.store.add_label(Label.of(second, kind="unsure", annotator="ada"))
    html, button = train.show_preview(workbench, *values())
    assert "3 + 2 = 6" in html and "3 + 2 = 5" in html
    assert "marked unsure" in html
    assert "minute" in html and "rough guess" in html
    assert button["interactive"] is True


def test_text_of_people_and_models_is_never_html(workbench: Workbench) -> None:
    flagged(workbench.store, annotator="<i>ada</i>", correction="<script>alert(1)</script>")
    html, _ = train.show_preview(workbench, *values())
    assert "<script>" not in html and "<i>ada" not in html
    assert "&lt;script&gt;" in html


def test_unjudged_wrong_traces_are_offered_for_exploration(workbench: Workbench) -> None:
    store = workbench.store
    store.add_problems([problem(), problem(4)])
    wrong = [trace(problem(), WRONG), trace(problem(), WRONG, seed=1), trace(problem(4), WRONG)]
    store.add_traces([*wrong, trace(problem(), RIGHT)])
    assert num_unexplored(store) == 3
    store.add_pit(pit(wrong[0], None, {}))
    assert num_unexplored(store) == 2
    assert "explored for machine pits first: 2" in train.show_preview(workbench, *values())[0]
    assert FORM.settings(workbench).num_explore == 2
    assert replace(FORM, whose=PEOPLE).settings(workbench).num_explore == 0


def test_whose_flags_are_told_apart(workbench: Workbench) -> None:
    flagged(workbench.store, annotator="it's me")
    assert whose_choices(workbench.store) == [EVERYBODY, PEOPLE, MACHINE, "it's me's flags only"]
    assert whose_flags("it's me's flags only") == ("person", "it's me")
    assert whose_flags(MACHINE) == ("machine", "")


def test_a_value_that_cannot_be_meant_is_refused_in_words(workbench: Workbench) -> None:
    flagged(workbench.store)
    said, _ = train.start_run(workbench, "", *values(replace(FORM, epochs=None)))  # type: ignore[arg-type]
    assert "Epochs must be from" in said and 'role="alert"' in said
    assert jobs.list_runs(workbench.store.data_folder) == []


def test_a_visitors_run_is_bounded_whatever_is_asked(workbench: Workbench) -> None:
    workbench.guest_limits = GuestLimits(max_pairs=50, max_seconds=60)
    settings = ask(workbench, max_pairs=0, epochs=99.0, num_problems=5000, num_explore=9999, rank=512)
    assert (settings.max_pairs, settings.max_seconds, settings.epochs) == (50, 60, 3.0)
    assert settings.num_problems <= 100 and settings.num_explore == 50 and settings.rank == Settings.rank


def test_a_model_on_a_server_cannot_be_trained_and_the_page_says_so(workbench: Workbench) -> None:
    flagged(workbench.store)
    workbench.server = "http://127.0.0.1:1"
    html, button = train.show_preview(workbench, *values())
    assert "local --model" in html and button["interactive"] is False


def test_a_run_goes_on_from_the_adapter_in_use(workbench: Workbench, tmp_path: Path) -> None:
    assert ask(workbench).adapter == ""
    workbench.use_adapter(tmp_path / "first")
    assert ask(workbench).adapter == str(tmp_path / "first")
    assert ask(workbench, from_adapter=False).adapter == ""


def test_a_run_is_drawn_from_its_files(workbench: Workbench) -> None:
    made_up_run(workbench.store, "one")
    html, log, cancel, resume, runs, sign, *_ = train.show_run(workbench, "", "")
    assert 'data-state="done"' in html and html.count("<polyline") == 4
    assert "Reward margin" in html and "<b>unsure" not in html
    assert "&lt;script&gt;" in log
    assert (cancel["visible"], resume["visible"]) == (False, False)
    assert runs["choices"] == [("The latest run", ""), ("✓ one · pairs → adapter, 3 passes", "one")]
    assert sign


def test_nothing_is_sent_while_nothing_is_new(workbench: Workbench) -> None:
    made_up_run(workbench.store, "one")
    first = train.refresh(workbench, "", "", "", "", *values())
    assert not is_skipped(first[0])
    again = train.refresh(workbench, "", first[5], "", first[-1], *values())
    assert all(is_skipped(answer) for answer in again)


def test_a_new_label_is_in_the_preview_at_the_next_look(workbench: Workbench) -> None:
    first = train.refresh(workbench, "", "", "", "", *values())
    flagged(workbench.store)
    second = train.refresh(workbench, "", first[5], "", first[-1], *values())
    assert "3 + 2 = 6" in second[11]


def test_a_failed_run_offers_to_go_on_and_says_why(workbench: Workbench) -> None:
    made_up_run(workbench.store, "gone", is_done=False)
    run_folder = workbench.store.data_folder / "runs" / "gone"
    (run_folder / "process.json").write_text(json.dumps({"pid": 2**22 + 1, "began": 1.0}))
    html, _, cancel, resume, *_ = train.show_run(workbench, "gone", "")
    assert "ended without a word" in html
    assert (cancel["visible"], resume["visible"]) == (False, True)


def test_a_run_that_was_deleted_is_no_traceback(workbench: Workbench) -> None:
    assert train.find_run(workbench, "nothing") is None
    assert "no run" in train.cancel_run(workbench, "../../etc", "")
    assert run_html(None)


def test_only_the_end_of_a_long_log_is_read(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text("x" * 50_000 + "\n" + "\n".join(str(i) for i in range(100)))
    assert tail(tmp_path / "log.txt", 3) == "97\n98\n99"
    assert tail(tmp_path / "none.txt") == ""


def test_times_are_told_in_words() -> None:
    assert [minutes_words(m) for m in (0.4, 1.2, 12, 200)] == [
        "under a minute", "about 1 minute", "about 12 minutes", "about 3 hours",
    ]  # fmt: skip
    assert [seconds_words(s) for s in (5, 130)] == ["5 s", "2 min 10 s"]


def test_the_tabs_own_handlers_are_not_for_programs(workbench: Workbench) -> None:
    with gr.Blocks() as page:
        train.build(workbench)
    assert page.get_api_info()["named_endpoints"] == {}  # programs have training/api.py


def test_boxes_are_left_alone_while_there_are_no_other_runs(workbench: Workbench) -> None:
    first = made_up_run(workbench.store, "one")
    made_up_run(workbench.store, "two")
    assert all(is_skipped(answer) for answer in runs.show_all(workbench, False, [], ""))
    table, boxes, drawn, seen = runs.show_all(workbench, True, [], "")
    assert boxes["value"] == ["two", "one"] and table.count("<tr data-state") == 2
    assert drawn.count("<polyline class") == 2 + 4 * 2  # the legend's, and two in each drawing
    assert all(is_skipped(answer) for answer in runs.show_all(workbench, True, ["two", "one"], seen))
    EventLog(first / "events.jsonl").write("train", step=21, total=40, loss=0.1)
    _, boxes, drawn, seen = runs.show_all(workbench, True, ["one"], seen)
    assert is_skipped(boxes) and drawn.count("<polyline class") == 1 + 4
    made_up_run(workbench.store, "three")
    assert runs.show_all(workbench, True, [], seen)[1]["value"] == []
