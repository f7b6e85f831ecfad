"""Flag: one key or click a judgement, saved on disk before the page says so, undone as easily, by several people."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from reasoner.records import make_problem
from tests.e2e import stage
from tests.e2e.walker import Visit, Walker

pytestmark = pytest.mark.browser
COINS_ID = make_problem(stage.COINS, "201", "stage").id
Screenshot = Callable[..., Path]


def place_of(question: str) -> str:
    return f"problem={make_problem(question, None, '').id}"


def stay(walker: Walker) -> Walker:
    """Judgements leave the trace on screen."""
    walker.page.get_by_label("go on by itself").uncheck()
    return walker


def test_f_flags_the_step_and_it_is_on_disk_with_all_that_was_said(visit: Visit) -> None:
    walker = visit(f"problem={COINS_ID}").choose_trace(1)
    walker.press("j", "j", "f")
    walker.expect_saved("Saved: step 2 is the first wrong one")
    [label] = walker.labels()
    assert (label.kind, label.step, label.problem_id) == ("first_wrong", stage.WRONG_STEP, COINS_ID)
    assert label.seen_steps == tuple(stage.COINS_WRONG.split("\n"))
    assert label.seconds > 0
    expect(walker.steps.nth(2)).to_contain_text("first wrong")
    walker.press("c")
    expect(walker.page.get_by_role("button", name=re.compile("Calculation"))).to_have_attribute("aria-pressed", "true")
    walker.press("w")
    walker.page.get_by_label("Correction").fill("Solve Subquestion: Ben's coins = 41 + 26 = 67")
    walker.page.get_by_label("Note").fill(f"{stage.HACK} a digit slipped")
    walker.press("Enter")
    expect(walker.traces.nth(0)).to_have_attribute("aria-pressed", "false")  # on to the next unlabelled trace
    [label] = walker.labels()
    assert (label.error_class, label.correction) == ("calculation", "Solve Subquestion: Ben's coins = 41 + 26 = 67")
    assert label.note == f"{stage.HACK} a digit slipped"
    expect(walker.page.locator("[data-part=progress]")).to_contain_text("1 of")
    walker.press("z")
    walker.expect_saved("Taken back")
    [label] = walker.labels() or [None]
    assert label is None or label.note == ""
    walker.forget()


@pytest.mark.parametrize(("key", "kind"), [("a", "all_right"), ("u", "unsure"), ("s", "skip"), ("b", "bad_problem")])
def test_other_judgements_take_one_key_or_one_click(visit: Visit, key: str, kind: str) -> None:
    walker = stay(visit(place_of(stage.FILLERS[0])))
    walker.press(key)
    walker.expect_saved()
    assert [label.kind for label in walker.labels()] == [kind]
    walker.press("z")
    walker.expect_saved("Taken back")
    assert walker.labels() == []
    walker.do(kind).click()
    walker.expect_saved("Saved")
    assert [label.kind for label in walker.labels()] == [kind]
    walker.do("undo").click()
    walker.expect_saved("Taken back")
    assert walker.labels() == []


def test_judging_goes_on_to_the_next_unlabelled_trace_and_counts(visit: Visit) -> None:
    walker = visit(place_of(stage.FILLERS[1]))
    seen = []
    for count in range(1, 4):
        seen.append(walker.steps.first.text_content())
        before = walker.page.url
        walker.page.wait_for_timeout(400)  # a trace that has come by itself cannot be judged in its first 350 ms
        walker.press("a")
        expect(walker.page.locator("[data-part=progress]")).to_contain_text(f"{count} of")
        walker.page.wait_for_function("before => location.href !== before", arg=before)
    assert len(walker.labels()) == 3
    walker.page.reload()
    expect(walker.page.locator("[data-part=progress]")).to_contain_text("3 of")


def test_the_answer_is_hidden_until_one_has_judged(visit: Visit) -> None:
    walker = stay(visit(f"problem={COINS_ID}").choose_trace(1))
    expect(walker.page.locator("[data-part=answer]")).to_be_empty()
    expect(walker.panel).to_contain_text("Hidden until you have judged")
    expect(walker.steps.nth(4)).not_to_contain_text("answer wrong")
    walker.press("j", "j", "f").expect_saved()
    expect(walker.steps.nth(4)).to_contain_text("answer wrong")
    expect(walker.page.locator("[data-part=answer]")).to_contain_text("201")
    expect(walker.panel).not_to_contain_text("Hidden until you have judged")
    walker.forget()


def test_two_people_judge_apart_and_see_each_other_in_review(visit: Visit) -> None:
    first, second = visit(f"problem={COINS_ID}"), visit(f"problem={COINS_ID}")
    assert first.name() != second.name()
    _rename(first, f"Ada {stage.HACK}"[:80])
    _rename(second, "Bob")
    stay(first).choose_trace(1).press("j", "f").expect_saved()
    stay(second).choose_trace(1)
    expect(second.page.locator("[data-part=progress]")).to_contain_text("0 of")
    expect(second.steps.nth(1)).not_to_contain_text("first wrong")
    second.press("j", "j", "f").expect_saved()
    expect(second.steps.nth(2)).to_contain_text("first wrong")
    second.page.reload()
    second.press("r").choose_trace(1)
    expect(second.steps.nth(1)).to_contain_text("Ada <script>")
    assert second.page.evaluate("() => window.hacked") is None
    assert [label.step for label in first.labels()] == [0]
    assert [label.step for label in second.labels()] == [1]
    for walker in (first, second):
        walker.press("z")
        walker.expect_saved("Taken back")


def _rename(walker: Walker, name: str) -> None:
    walker.do("name").click()
    walker.page.get_by_label("Your name").fill(name)
    walker.page.get_by_role("button", name="Use this name").click()
    expect(walker.page.locator("[data-part=name]")).to_have_text(name)


def test_the_machine_finds_a_pit_and_it_stands_beside_the_flag(visit: Visit, screenshot: Screenshot) -> None:
    walker = stay(visit(f"problem={COINS_ID}").choose_trace(1))
    walker.press("j", "j", "f").expect_saved()
    walker.press("Escape")
    walker.panel.get_by_role("button", name=re.compile("machine")).click()
    expect(walker.steps.filter(has_text="machine pit")).to_have_count(1)
    expect(walker.steps.nth(2)).to_contain_text("first wrong")
    screenshot(walker.page, "review-light")
    walker.press("z")
    walker.expect_saved("Taken back")


def test_nothing_is_said_to_be_saved_while_the_server_is_away(visit: Visit, cut_off: list[str]) -> None:
    cut_off.append("/gradio_api/queue/join")
    walker = stay(visit(place_of(stage.FILLERS[2])))
    walker.page.route("**/gradio_api/queue/join*", lambda route: route.abort())
    walker.press("a")
    expect(walker.status).to_have_text("Saving …")
    walker.page.wait_for_timeout(1000)
    said = walker.status.text_content() or ""
    # A slow machine's browser may get a request through after all; then the label is on disk, and may be called saved.
    assert "Saved" not in said or walker.labels()
    walker.page.unroute("**/gradio_api/queue/join*")
    walker.expect_saved("Saved: all steps are right")  # it was sent again by itself
    assert [label.kind for label in walker.labels()] == ["all_right"]
