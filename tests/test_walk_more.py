"""Walk, beside the graph: key points, repairs, translations and reviews of gold, whatever is sent."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reasoner import keypoints
from reasoner.checks.answers import judge
from reasoner.engines.scripted import ScriptedEngine
from reasoner.errors import BadInput
from reasoner.figure import question_html
from reasoner.records import Maker, Step, Trace, Valuation, make_problem, make_trace
from reasoner.store import Store
from reasoner.store.keypoints import latest
from reasoner.tabs import walk, walk_about, walk_events, walk_more, walk_view
from reasoner.workbench import Workbench

QUESTION = "Ana has 41 coins. Ben has 26 more coins than Ana. Dan has 12 pens. How many coins does Ben have?"
PROBLEM = make_problem(QUESTION, "67", "test")
POINTS = ["Ana has 41 coins.", "Ben has 26 more coins than Ana."]
EXTRACTED = "Core question: How many coins does Ben have?\n- Ana has 41 coins.\n- Eve has 99 coins."
EVIL = "</script><img src=x onerror=alert(1)>"


def made(*steps: Step, answer: str, format: str = "cot") -> Trace:
    text = "\n".join(step.text for step in steps)
    maker = Maker("scripted", format, seed=0)
    return make_trace(
        PROBLEM,
        prompt="",
        text=text,
        steps=steps,
        answer=answer,
        verdict=judge("67", answer),
        maker=maker,
        format=format,
    )


WORDS = made(Step("Ben has 41 + 26 = 57 coins."), Step("The answer is 57."), answer="57")
ODD = made(Step("Ben has 41 + 62 = 103 coins."), Step("The answer is 103."), answer="103")
CODE = made(Step("answer = 41 + 26", kind="code", outcome="answer = 67"), answer="67", format="program")


class Bench(Workbench):
    """Its model extracts key points, or writes a program, as it is asked."""

    def engine(self) -> ScriptedEngine:
        def answer(prompt: str, seed: int) -> str:
            return "answer = 41 + 26" if self.is_translating else EXTRACTED

        return ScriptedEngine(answer)

    is_translating = False


@pytest.fixture
def workbench(tmp_path: Path) -> Iterator[Bench]:
    with Store(tmp_path / "store.sqlite") as store:
        store.add_problems([PROBLEM])
        store.add_traces([WORDS, ODD, CODE])
        yield Bench(store)


def asked(**rest: Any) -> dict[str, Any]:
    return {"problem": PROBLEM.id, "trace": WORDS.id} | rest


def screen(workbench: Bench) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(walk_view.screen_json(workbench, PROBLEM.id, "ada"))
    return found


# ── key points ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_key_points_are_kept_as_the_persons_and_tied_to_their_place(workbench):
    mail = walk_more.save_points(workbench.store, "ada", asked(core="How many coins does Ben have?", points=POINTS))
    kept = latest(workbench.store.key_points(PROBLEM.id))
    assert (kept.by, kept.origin, kept.points) == ("ada", "person", tuple(POINTS))
    point = mail["keypoints"]["points"][0]
    assert QUESTION[point["start"] : point["end"]] == POINTS[0]
    assert '<span class="place" data-places="0">' in mail["question_html"]
    assert mail["message"].startswith("Saved")


def test_saving_the_same_again_changes_nothing_and_blank_points_are_left_out(workbench):
    for points in (POINTS, [*POINTS, "  "]):
        mail = walk_more.save_points(workbench.store, "ada", asked(core="", points=points))
    assert mail["message"] == "Nothing has changed."
    assert len(mail["keypoints"]["history"]) == 1


@pytest.mark.parametrize(
    "change",
    [{"points": "Ana"}, {"points": [7]}, {"points": ["x"] * 61}, {"points": ["x" * 2001]}, {"problem": "none"}],
)
def test_key_points_that_cannot_be_are_refused(workbench, change):
    with pytest.raises(BadInput):
        walk_more.save_points(workbench.store, "ada", asked(core="", points=POINTS) | change)
    assert workbench.store.key_points(PROBLEM.id) == []


def test_the_models_extraction_says_what_the_question_does_not(workbench):
    mail = walk_more.extract_points(workbench, asked(by="model"))
    assert [point["start"] is None for point in mail["keypoints"]["points"]] == [False, True]
    assert mail["keypoints"]["origin"] == "machine"


def test_an_extraction_never_replaces_a_persons_words(workbench):
    walk_more.save_points(workbench.store, "ada", asked(core="", points=POINTS))
    mail = walk_more.extract_points(workbench, asked(by="rules"))
    assert mail["keypoints"]["by"] == "ada"
    assert "stays in force" in mail["message"]
    assert [one["origin"] for one in mail["keypoints"]["history"]] == ["rules", "person"]


def test_what_a_trace_leaves_unused_and_numbers_from_nowhere_are_told_for_each_trace(workbench):
    workbench.store.add_key_points(keypoints.rules(PROBLEM))
    shown = screen(workbench)
    texts = [point["text"] for point in shown["keypoints"]["points"]]
    assert [texts[index] for index in shown["keypoints"]["unused"][WORDS.id]] == ["Dan has 12 pens."]
    found = {
        trace["id"]: [one["found"] for one in trace["findings"] if one["check"] == "information"]
        for trace in shown["traces"]
    }
    assert found == {WORDS.id: [], ODD.id: ["62"], CODE.id: []}


def test_places_in_the_question_are_escaped_and_never_cut_a_formula():
    html = question_html(
        f"Ana has {EVIL} and $\\frac{{1}}{{2}}$ of it.", set(), [(0, 3, "0"), (4, 200, 'x" onload="1')]
    )
    assert "<img" not in html
    assert 'data-places="0"' in html
    assert "&quot;" in html
    cut = question_html("It is $\\frac{1}{2}$ of it.", set(), [(0, 10, "0")])
    assert "place" not in cut
    assert cut.count("<math") == 1


# ── repair and translation ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_repair_is_only_shown_until_the_person_keeps_it(workbench):
    [(_, mail)] = walk.repair(workbench, "ada", asked(step=0))
    assert mail["repair"]["steps"][0]["changes"][0]["after"] == "67"
    assert len(workbench.store.traces(PROBLEM.id)) == 3
    [(shown, _)] = walk.repair(workbench, "ada", asked(step=0, keep=True))
    fresh = workbench.store.traces(PROBLEM.id)[-1]
    assert (fresh.answer, fresh.verdict.status) == ("67", "right")
    assert json.loads(shown)["focus"]["trace"] == fresh.id


@pytest.mark.parametrize("change", [{"step": 9}, {"step": -1}, {"step": None}, {"trace": "none"}])
def test_a_repair_of_nothing_is_refused(workbench, change):
    with pytest.raises(BadInput):
        walk_more.repair(workbench.store, asked(step=0) | change)


def test_what_cannot_be_repaired_says_so_and_cannot_be_kept(workbench):
    panel, kept = walk_more.repair(workbench.store, asked(step=1))
    assert (panel["trace_id"], kept) == (None, None)
    with pytest.raises(BadInput, match="nothing to compute"):
        walk_more.repair(workbench.store, asked(step=1, keep=True))


def test_a_chain_of_thought_is_checked_by_a_program_that_is_kept(workbench):
    workbench.is_translating = True
    *_, (_, mail) = walk.translate(workbench, "ada", asked())
    assert "67" in mail["message"]
    assert workbench.store.traces(PROBLEM.id)[-1].format == "program"


# ── the class of an error, agreement, values ─────────────────────────────────────────────────────────────────────────


def test_a_class_is_proposed_with_the_flags_confirmation_and_not_stored(workbench):
    flag = asked(action="first_wrong", step=0, seconds=1, event="e-1", seq=1)
    mail = walk_events.judge(workbench, "ada", flag)
    assert mail["proposal"]["error_class"] == "calculation"
    assert [label.error_class for label in workbench.store.labels()] == [""]
    assert "proposal" not in walk_events.judge(workbench, "ada", flag | {"action": "all_right", "event": "e-2"})
    assert "proposal" not in json.dumps(screen(workbench))


def test_the_screen_has_badges_values_and_the_sandbox(workbench):
    workbench.store.add_valuations([Valuation(WORDS.id, "v", (0.25, 0.125), 1.0)])
    shown = screen(workbench)
    assert shown["agreement"]["badges"][CODE.id]["text"]
    assert shown["values"] == {WORDS.id: [{"by": "v", "scores": [0.25, 0.125]}]}
    assert "monty" in [row[0] for row in shown["sandbox"]]
    assert "program" in shown["running"]
    assert "cot" not in shown["running"]


def test_texts_of_people_in_all_this_cannot_leave_the_json(workbench):
    walk_more.save_points(workbench.store, "ada", asked(core=EVIL, points=[EVIL]))
    assert "<" not in walk_view.screen_json(workbench, PROBLEM.id, EVIL)
    assert EVIL not in walk_about.about(workbench.store, PROBLEM, [])["question_html"]


# ── gold ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_correction_judges_again_and_an_undo_takes_it_back(workbench):
    problem_id, message = walk_more.review(workbench.store, "ada", asked(kind="corrected", answer="57"))
    assert (problem_id, workbench.store.problem(PROBLEM.id).answer) == (PROBLEM.id, "57")
    assert "2 solutions were judged anew" in message
    assert workbench.store.trace(WORDS.id).verdict.status == "right"
    assert [row["kind"] for row in walk_more.doubts(workbench.store)["reviewed"]] == ["corrected"]
    walk_more.review(workbench.store, "ada", asked(kind="undo"))
    assert workbench.store.problem(PROBLEM.id).answer == "67"


@pytest.mark.parametrize("change", [{"kind": "maybe"}, {"kind": "corrected", "answer": " "}, {"problem": "none"}])
def test_reviews_that_cannot_be_are_refused(workbench, change):
    with pytest.raises(BadInput):
        walk_more.review(workbench.store, "ada", asked(kind="confirmed") | change)
    assert workbench.store.gold.reviews() == {}


def test_a_page_that_shows_the_reviewed_problem_is_drawn_anew(workbench):
    [(shown, mail)] = walk.review(workbench, "ada", asked(kind="corrected", answer="57", shown=PROBLEM.id))
    assert json.loads(shown)["problem"]["answer"] == "57"
    assert "doubts" in mail
