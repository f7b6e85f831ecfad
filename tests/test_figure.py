"""The figure: one JSON string that holds all the page needs, and nothing that could run."""

import html
import json
import re
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as some
from test_graph import PROBLEM, RIGHT, WRONG, flag, pit, trace

from reasoner import figure
from reasoner.codeset import codeset
from reasoner.figure import COLLAPSE_ABOVE, SVG_UP_TO, figure_json, maker_words, marks_json, plotly_js
from reasoner.graph import STRENGTH, build_graph
from reasoner.records import Finding, Maker, Step, StepKind, Verdict, make_problem, make_trace
from reasoner.typeset import typeset


def drawn(traces, labels=(), pits=(), findings=None, problem=PROBLEM, **screen):
    plain = build_graph(problem, traces, labels, pits, findings)
    merged = build_graph(problem, traces, labels, pits, findings, merge=True)
    return json.loads(figure_json(plain, merged, **screen))


def many(num: int) -> list:
    return [trace(f"{i} + 1 = {i + 1}", name=str(i)) for i in range(num)]


def test_the_page_gets_places_paths_and_texts_of_both_views():
    value = drawn([RIGHT, WRONG], focus={"trace": WRONG.id})
    plain = value["views"]["plain"]
    assert len(plain["slot"]) == len(plain["depth"]) == len(plain["label"]) == len(value["states"]) == 4
    assert value["traces"][0]["path"] == plain["paths"][RIGHT.id] == [0, 1, 2]
    assert plain["edges"][0] == [0, 1, "Solve Subquestion", True, 2]
    assert set(value["views"]) == {"plain", "merged"}
    assert value["focus"] == {"trace": WRONG.id}


def test_every_state_of_every_view_is_on_the_way_of_a_trace():
    value = drawn([RIGHT, WRONG, *many(5)])
    for view in value["views"].values():
        assert {state for path in view["paths"].values() for state in path} == set(range(len(view["slot"])))


def test_labels_pits_and_findings_stand_beside_their_trace_never_mixed():
    found = {WRONG.id: [Finding(1, "arithmetic", "wrong", "3 + 5 = 9 is wrong: it should be 8")]}
    right, wrong = drawn([RIGHT, WRONG], [flag(WRONG, 1)], [pit(WRONG, 1)], found)["traces"]
    assert (right["labels"], right["pits"], right["findings"]) == ([], [], [])
    assert wrong["labels"][0]["annotator"] == "ada"
    assert wrong["pits"][0]["probes"] == [[1, 0, 4]]
    assert wrong["findings"][0]["message"] == "3 + 5 = 9 is wrong: it should be 8"


def test_text_of_people_and_models_cannot_leave_the_json_or_the_hover():
    evil = "</script><script>alert(1)</script> & <b>3 + 4 = 7</b>"
    problem = make_problem(evil, evil, evil, solution=evil)
    one = trace(evil, name=evil, problem=problem)
    text = figure_json(build_graph(problem, [one]), note=evil)
    assert "<" not in text
    assert "&" not in text
    value = json.loads(text)
    inserted = [value["problem"][key] for key in ("html", "answer_html", "solution_html")]
    inserted += [state["html"] for state in value["states"]] + value["views"]["plain"]["hover"]
    assert not any("<script" in html or "<b>" in html for html in inserted)


def test_many_states_are_drawn_by_webgl_and_open_folded():
    small, large = drawn(many(3)), drawn(many(SVG_UP_TO))
    assert (small["views"]["plain"]["type"], small["views"]["plain"]["is_large"]) == ("scatter", False)
    assert (large["views"]["plain"]["type"], large["views"]["plain"]["is_large"]) == ("scattergl", True)
    assert drawn(many(COLLAPSE_ABOVE))["views"]["plain"]["is_large"]


def test_marks_alone_are_those_of_the_whole_figure():
    labels, pits = [flag(WRONG, 0)], [pit(WRONG, 1)]
    value = drawn([RIGHT, WRONG], labels, pits)
    fresh = marks_json(PROBLEM, [RIGHT, WRONG], labels, pits)
    assert fresh["marks"] == {name: view["marks"] for name, view in value["views"].items()}
    assert fresh["said"] == {one["id"]: {"labels": one["labels"], "pits": one["pits"]} for one in value["traces"]}


def test_every_kind_has_a_shape_and_colours_in_both_themes():
    for kind in (*STRENGTH, "question", "answer", "more"):
        assert kind in figure.MARKERS
        assert all(kind in theme for theme in figure.THEMES.values())
    assert [kind for kind in figure.KINDS_BY_STRENGTH if kind != "answer"] == list(STRENGTH)


def test_colour_is_never_the_only_sign():
    told_apart = ("right", "wrong", "unjudged", "first_wrong", "pit", "question", "answer")
    signs = {(figure.MARKERS[kind]["symbol"], figure.MARKERS[kind]["glyph"]) for kind in told_apart}
    assert len(signs) == len(told_apart)


def test_plotly_comes_from_the_installed_wheel():
    assert plotly_js().is_file()


@pytest.mark.parametrize(
    ("maker", "words"),
    [
        (Maker("local", "solver", "run-3", 1, 0.7), "solver + run-3, temperature 0.7, seed 1"),
        (Maker("local", "solver", temperature=0.0), "solver, greedy"),
        (Maker("import"), "import"),
        (Maker("repair", "solver"), "solver, repaired"),
    ],
)
def test_makers_in_words(maker, words):
    assert maker_words(maker) == words


def test_steps_that_are_executed_say_their_kind_and_what_they_gave():
    steps = [
        Step("Ben_coins = 3 + 2  # <b>", kind="code", outcome="Ben_coins = 5"),
        Step("x", kind="code", outcome="NameError: <img>"),
    ]
    one = make_trace(
        PROBLEM, prompt="", text="", steps=steps, answer="5", verdict=Verdict("wrong"), maker=Maker("import"),
        format="program",
    )  # fmt: skip
    value = drawn([one])
    made, failed = value["traces"][0]["steps"]
    assert (made[2], made[4], failed[4]) == ("code", False, True)
    assert "Ben_coins" in made[3]
    assert "<img" not in failed[3]
    assert '<span class="code-comment"># &lt;b&gt;</span>' in value["states"][1]["html"]
    assert value["views"]["plain"]["form"] == ["words", "code", "code"]
    assert set(value["look"]["forms"]) == set(get_args(StepKind))


def test_the_same_quantity_has_one_key_in_words_and_in_code():
    words, code = typeset("Ben's coins = 5", {"ben coins"}), codeset("Ben_coins = 5", {"ben coins"})
    assert re.findall(r'data-quantity="([^"]*)"', words) == re.findall(r'data-quantity="([^"]*)"', code)


@given(some.text(max_size=200))
def test_code_is_escaped_whatever_it_is(text):
    plain = re.sub(r"<span[^<>]*>|</span>", "", codeset(text, {"ben coins"}))
    assert html.unescape(plain) == text
