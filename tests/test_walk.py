"""The Walk tab: what its events do to the store, whatever is sent; what the page is made of."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from reasoner.engines.scripted import ScriptedEngine
from reasoner.errors import BadInput
from reasoner.records import Label, Maker, Problem, Step, Trace, Verdict, make_problem, make_trace
from reasoner.store import Store
from reasoner.tabs import component, walk, walk_events, walk_view
from reasoner.workbench import Workbench

QUESTION = "Ana has 3 coins. Ben has 2 more than Ana. How many have they together?"
SOLUTIONS = ["Ben has 3 + 2 = 5 coins.\nThe answer is 8.", "Ben has 3 + 2 = 6 coins.\nThe answer is 9."]


class Bench(Workbench):
    """A workbench whose model is a script that knows two solutions of every problem."""

    def engine(self) -> ScriptedEngine:
        return ScriptedEngine(lambda prompt, seed: SOLUTIONS[seed % 2])


@pytest.fixture
def workbench(tmp_path: Path) -> Iterator[Bench]:
    with Store(tmp_path / "store.sqlite") as store:
        yield Bench(store)


def made(problem: Problem, *steps: str, status: str = "right", name: str = "a") -> Trace:
    return make_trace(
        problem, prompt="", text="\n".join(steps), steps=[Step(text) for text in steps], answer="8",
        verdict=Verdict(status, "8"), maker=Maker("import", name), format="cot", created=1.0,
    )  # fmt: skip


@pytest.fixture
def wrong(workbench: Bench) -> Trace:
    """A problem with a right and a wrong trace is in the store; this is the wrong one."""
    problem = make_problem(QUESTION, "8", "test")
    trace = made(problem, "Ben has 3 + 2 = 6 coins.", "The answer is 9.", status="wrong", name="wrong")
    workbench.store.add_problems([problem])
    workbench.store.add_traces([made(problem, "Ben has 3 + 2 = 5 coins.", "The answer is 8.", name="right"), trace])
    return trace


def event(of: Trace, action_: str = "first_wrong", **rest: Any) -> dict[str, Any]:
    asked = {"action": action_, "problem": of.problem_id, "trace": of.id, "step": 0, "seconds": 3.5, "seq": 1}
    return asked | {"event": "page-1"} | rest


def labels(workbench: Bench) -> list[Label]:
    return workbench.store.labels()


# ── judging ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_flag_is_in_the_store_when_the_answer_says_saved(workbench, wrong):
    mail = walk_events.judge(workbench, "ada", event(wrong, error_class="calculation", correction="= 5"))
    [label] = labels(workbench)
    assert (label.kind, label.step, label.annotator, label.error_class) == ("first_wrong", 0, "ada", "calculation")
    assert label.seen_steps == ("Ben has 3 + 2 = 6 coins.", "The answer is 9.")
    assert mail["message"].startswith("Saved: step 1")
    assert mail["progress"] == (1, 2)
    assert [mark[1] for mark in mail["marks"]["plain"] if mark[2] == wrong.id] == ["wrong", "first_wrong", "after"]


@pytest.mark.parametrize("kind", ["all_right", "unsure", "bad_problem", "skip"])
def test_judgements_of_a_whole_trace_name_no_step(workbench, wrong, kind):
    walk_events.judge(workbench, "ada", event(wrong, kind, step=1))
    assert [(label.kind, label.step) for label in labels(workbench)] == [(kind, None)]


def test_an_event_that_comes_twice_labels_once(workbench, wrong):
    for _ in range(3):
        walk_events.judge(workbench, "ada", event(wrong))
    assert len(workbench.store.label_events()) == 1
    walk_events.judge(workbench, "ada", event(wrong, event="page-2", step=1))
    assert [label.step for label in labels(workbench)] == [1]


def test_undo_that_comes_twice_takes_back_one_label(workbench, wrong):
    first = walk_events.judge(workbench, "ada", event(wrong))
    second = walk_events.judge(workbench, "ada", event(wrong, "unsure", event="page-2"))
    for _ in range(2):
        mail = walk_events.judge(workbench, "ada", event(wrong, "undo", label=second["last"]["id"]))
    assert [label.kind for label in labels(workbench)] == ["first_wrong"]
    assert mail["last"] == first["last"]


def test_nobody_takes_back_the_label_of_another_person(workbench, wrong):
    mail = walk_events.judge(workbench, "ada", event(wrong))
    walk_events.judge(workbench, "eve", event(wrong, "undo", label=mail["last"]["id"]))
    assert len(labels(workbench)) == 1


FORGED = [
    {"trace": "nowhere"},
    {"problem": "nowhere"},
    {"trace": None},
    {"trace": ["x"]},
    {"trace": "x" * 10_000},
    {"step": 2},
    {"step": -1},
    {"step": None},
    {"step": "0"},
    {"step": True},
    {"step": 0.5},
    {"action": "drop table"},
    {"action": None},
    {"action": ["first_wrong"]},
    {"error_class": "made up"},
    {"seconds": -1},
    {"seconds": "soon"},
    {"seconds": float("nan")},
    {"correction": "x" * 10_001},
    {"note": {"a": 1}},
    {"event": 7},
]


@pytest.mark.parametrize("change", FORGED, ids=lambda change: f"{change!s:.40}")
def test_a_forged_event_is_refused_in_words_and_changes_nothing(workbench, wrong, change):
    with pytest.raises(BadInput):
        walk_events.judge(workbench, "ada", event(wrong, **change))
    assert labels(workbench) == []


def test_a_trace_of_another_problem_is_refused(workbench, wrong):
    other = make_problem("Another one?", None, "test")
    workbench.store.add_problems([other])
    with pytest.raises(BadInput):
        walk_events.judge(workbench, "ada", event(wrong, problem=other.id))


def test_hostile_names_notes_and_corrections_are_kept_as_text(workbench, wrong):
    evil = "<script>alert(1)</script>"
    walk_events.judge(workbench, evil, event(wrong, note=evil, correction=evil))
    [label] = labels(workbench)
    assert (label.annotator, label.note, label.correction) == (evil, evil, evil)
    assert "<" not in walk_view.screen_json(workbench, wrong.problem_id, evil)


# ── where to go ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_newcomer_sees_a_finished_problem_and_its_one_wrong_trace(workbench, wrong):
    all_wrong = make_problem("Never right?", "1", "test")
    workbench.store.add_problems([all_wrong])
    workbench.store.add_traces([made(all_wrong, "x", status="wrong"), made(all_wrong, "y", status="wrong")])
    assert walk_view.first_problem(workbench.store, "ada") == (wrong.problem_id, wrong.id)


def test_an_empty_store_shows_an_empty_screen(workbench):
    assert walk_view.first_problem(workbench.store, "ada") == (None, None)
    assert json.loads(walk_view.screen_json(workbench, None, "ada"))["problem"] is None


def test_the_next_trace_is_one_not_judged_until_none_is_left(workbench, wrong):
    place = walk_events.place(workbench, "ada", {"next": True, "after": None})
    assert place is not None
    for trace in workbench.store.traces(wrong.problem_id):
        walk_events.judge(workbench, "ada", event(trace, "all_right", event=trace.id))
    assert walk_events.place(workbench, "ada", {"next": True, "after": wrong.id}) is None
    assert walk_events.place(workbench, "grace", {"next": True, "after": wrong.id}) is not None


@pytest.mark.parametrize(
    ("query", "step", "has_message"),
    [
        ({"step": "1"}, 1, False),
        ({"step": "0"}, 0, False),
        ({}, None, False),
        ({"step": "99"}, 1, True),
        ({"step": "-1"}, None, False),
        ({"step": "1e9"}, None, False),
        ({"step": "²"}, None, False),
        ({"trace": "nowhere"}, None, True),
        ({"problem": "nowhere"}, None, True),
    ],
    ids=str,
)
def test_links_open_that_state_or_say_why_not(workbench, wrong, query, step, has_message):
    query = {"problem": wrong.problem_id, "trace": wrong.id} | query
    problem, trace, found, message = walk_view.linked(workbench.store, "ada", query)
    assert (problem, found, bool(message)) == (wrong.problem_id, step, has_message)
    assert trace is not None


def test_the_list_is_searched_filtered_and_paged(workbench, wrong):
    workbench.store.add_problems([make_problem(f"Problem number {i}?", None, "many") for i in range(70)])
    find = {"search": "", "source": "", "verdict": "", "labelled": "", "offset": 0, "seq": 4}
    page = walk_events.find(workbench, find)
    assert (page["total"], len(page["rows"]), page["seq"]) == (71, walk_view.PAGE_SIZE, 4)
    assert walk_events.find(workbench, find | {"offset": 60})["rows"][-1]["question"] == "Problem number 69?"
    assert walk_events.find(workbench, find | {"search": "ana coins"})["total"] == 1
    assert walk_events.find(workbench, find | {"verdict": "wrong"})["total"] == 1
    assert walk_events.find(workbench, find | {"source": "many"})["total"] == 70
    assert walk_events.find(workbench, find | {"labelled": "yes"})["total"] == 0
    for forged in ({"offset": -1}, {"offset": "x"}, {"verdict": "drop"}, {"search": "x" * 500}):
        with pytest.raises(BadInput):
            walk_events.find(workbench, find | forged)


# ── own problems, samples, machine pits, names ───────────────────────────────────────────────────────────────────────


def test_an_own_problem_is_kept_and_its_samples_stream_into_the_graph(workbench):
    asked = {"question": "  Two and two? ", "answer": " 8 ", "num": 3, "temperature": 0.7, "format": ""}
    answers = list(walk.typed(workbench, "ada", asked))
    screens = [json.loads(screen) for screen, _ in answers if isinstance(screen, str)]
    assert [len(screen["traces"]) for screen in screens] == [0, 1, 2, 3]
    assert [screen["is_update"] for screen in screens] == [False, True, True, True]
    assert answers[-1][1]["is_done"]
    problem = workbench.store.find_problems()[0].problem
    assert (problem.question, problem.answer, problem.source) == ("Two and two?", "8", "typed")


@pytest.mark.parametrize(
    ("question", "words"),
    [("", "empty"), (" \n", "empty"), ("x" * 100_000, "100,000"), (None, "empty"), ("\ud800", "valid")],
)
def test_an_own_problem_that_cannot_be_asked_is_refused_in_words(workbench, question, words):
    [(_, mail)] = walk.typed(workbench, "ada", {"question": question, "answer": ""})
    assert words in mail["own"]
    assert workbench.store.count_problems() == 0


@pytest.mark.parametrize(
    "change", [{"num": 0}, {"num": 10**9}, {"num": "4"}, {"temperature": 9}, {"formats": ["prose"]}, {"formats": "cot"}]
)
def test_samples_out_of_bounds_are_refused(workbench, wrong, change):
    asked = {"problem": wrong.problem_id, "num": 2, "temperature": 0.7, "format": "cot"} | change
    with pytest.raises(BadInput):
        list(walk.sample(workbench, "ada", asked))


def test_the_machine_looks_for_the_pit_and_its_evidence_is_kept(workbench, wrong):
    [mail] = list(walk.explore(workbench, "ada", {"problem": wrong.problem_id, "trace": wrong.id}))[-1]
    [pit] = workbench.store.pits(trace_id=wrong.id)
    shown = mail["said"][wrong.id]["pits"][0]
    assert shown["probes"] == [[probe.step, sum(probe.recovered), len(probe.recovered)] for probe in pit.probes]
    assert "wrong" not in mail["message"]


def test_unknown_words_are_told_honestly(workbench):
    class Closed(ScriptedEngine):
        def unknown_words(self, text: str) -> list[str]:
            return [word for word in text.split() if word == "quark"]

    engine = Closed({})
    problem = make_problem("How many quark s has a quark ?", None, "typed")
    assert "“quark”" in walk_events.unknown_words_notice(engine, problem)
    assert walk_events.unknown_words_notice(engine, make_problem("How many?", None, "typed")) == ""


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\x00b", None, 5])
def test_names_that_cannot_be_used_are_refused(name):
    with pytest.raises(BadInput):
        walk_events.new_name({"name": name})


def test_a_name_is_trimmed():
    assert walk_events.new_name({"name": "  Ada   Lovelace "}) == "Ada Lovelace"


# ── the wires ────────────────────────────────────────────────────────────────────────────────────────────────────────


def answers_of(work: walk.Work, workbench: Bench, data: object, name: object = "ada") -> list[Any]:
    handle = walk.guarded(workbench, work, "label", 1)
    return [json.loads(mail) for (mail,) in handle(gr.EventData(None, data), name, None)]


def test_every_error_becomes_words_and_answers_the_event_it_belongs_to(workbench, wrong):
    [mail] = answers_of(walk.judge, workbench, event(wrong, step=9, page="p", seq=12))
    assert (mail["is_ok"], mail["page"], mail["seq"], mail["kind"]) == (False, "p", 12, "label")
    assert mail["message"]


@pytest.mark.parametrize("data", [None, [], "x", 5, {}])
def test_events_that_are_no_events_are_answered_too(workbench, data):
    [mail] = answers_of(walk.judge, workbench, data)
    assert not mail["is_ok"]


def test_a_bug_shows_no_traceback(workbench, caplog):
    def broken(*_: object) -> Iterator[tuple[Any, ...]]:
        raise ZeroDivisionError("secret detail")
        yield ()

    [mail] = answers_of(broken, workbench, {})
    assert mail["message"] == walk.UNEXPECTED
    assert "secret detail" in caplog.text


def test_a_browser_without_a_name_cannot_label(workbench, wrong):
    [mail] = answers_of(walk.judge, workbench, event(wrong), name="")
    assert not mail["is_ok"]
    assert labels(workbench) == []


def page_of(workbench: Bench) -> gr.Blocks:
    with gr.Blocks() as page:
        walk.build(workbench)
    return page


def test_the_pages_configuration_holds_only_json(workbench):
    config = page_of(workbench).get_config_file()
    json.dumps({key: config[key] for key in ("components", "dependencies", "layout")})


def test_every_event_of_the_page_is_private_and_keeps_its_order(workbench):
    events = [row for row in page_of(workbench).get_config_file()["dependencies"] if row["targets"]]
    assert {target[1] for row in events for target in row["targets"]} == {*component.OWN_EVENTS, "load"}
    assert {row["api_visibility"] for row in events} == {"private"}
    assert {row["trigger_mode"] for row in events} == {"multiple"}


def test_only_the_events_of_the_page_can_be_listened_to():
    with gr.Blocks():
        screen = component.Screen()
    assert callable(screen.judge)
    for word in ("calculation", "fp-step", "question"):
        assert not hasattr(screen, word)


def test_the_template_is_constant_and_gradio_finds_nothing_to_evaluate_in_it():
    assert "${" not in component.template()
    assert "{{" not in component.template()


def test_every_button_does_something_and_every_part_exists():
    buttons = set(re.findall(r'data-do="([a-z_-]+)"', component.template()))
    done = re.search(r"const DO = \{(.*?)\n\};", component.script(), re.DOTALL)
    assert done is not None
    assert not {name for name in buttons if not re.search(rf"(?<![\w-])'?{name}'?\s*[:,]", done[1])}
    parts = set(re.findall(r'data-part="([a-z-]+)"', component.template()))
    assert set(re.findall(r"part\('([a-z-]+)'\)", component.script())) <= parts


def test_every_event_that_the_scripts_send_is_listened_to():
    assert set(re.findall(r"\bsend\('(\w+)'", component.script())) == set(component.OWN_EVENTS)


def test_pages_of_the_list_are_as_long_in_the_browser():
    assert f"const PAGE_SIZE = {walk_view.PAGE_SIZE};" in component.script()


def test_what_the_scripts_insert_as_html_was_typeset_by_the_server():
    inserted = re.findall(r"typeset: ([\w.\[\]]+)", component.script())
    assert set(inserted) == {"problem.answer_html", "html", "figure.problem.solution_html", "form.outcome"}
    assert component.script().count("innerHTML") == 1
