"""Every way of writing a solution on the Walk screen: steps that were run, ways back, key points, agreement, repair."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from reasoner.store import Store
from reasoner.store.keypoints import latest
from tests.e2e import six_formats
from tests.e2e.walker import Visit, Walker
from tests.running_app import RunningApp

pytestmark = pytest.mark.browser
PLACE = f"problem={six_formats.PROBLEM.id}"
WORDS, PROGRAM, MARIO, LOGIC = 2, 3, 4, 6  # numbers of the traces, as on screen
Screenshot = Callable[..., Path]


def stay(walker: Walker) -> Walker:
    walker.page.get_by_label("go on by itself").uncheck()
    return walker


def test_steps_say_how_they_are_written_and_what_running_them_gave(visit: Visit, screenshot: Screenshot) -> None:
    walker = visit(PLACE).choose_trace(PROGRAM)
    expect(walker.traces.nth(2)).to_contain_text("program")
    expect(walker.steps.nth(2).locator("code")).to_have_text("Ben_shells = Ana_shells + 26")
    expect(walker.steps.nth(2)).to_contain_text("→ gives Ben_shells = 67")
    expect(walker.steps.nth(1).locator(".code-comment")).to_have_text("# told")
    walker.press("2").expect_at(2)
    expect(walker.panel).to_contain_text("Ben_shells = 67")
    screenshot(walker.page, "formats-light")
    walker.choose_trace(MARIO)
    expect(walker.steps.nth(3)).to_have_attribute("data-form", "output")
    walker.choose_trace(LOGIC)
    expect(walker.steps.nth(6).locator(".fp-outcome[data-failed=true]")).to_contain_text("⚠ failed: AMBIG")
    legend = walker.page.locator("[data-part=legend]")
    for words in ("code", "output", "equation", "declaration", "constraint", "leads back"):
        expect(legend).to_contain_text(words)


def test_one_format_can_be_looked_at_alone_and_formats_meet_when_merged(visit: Visit, screenshot: Screenshot) -> None:
    walker = visit(f"__theme=dark&{PLACE}")
    walker.page.get_by_label("Show the traces of one format").select_option("transitions")
    expect(walker.nodes).to_have_count(8)
    expect(walker.page.locator(".fp-chip:visible")).to_have_count(1)
    expect(walker.page.locator("[data-part=legend]")).not_to_contain_text("code")
    walker.page.get_by_label("Show the traces of one format").select_option("")
    walker.page.wait_for_function("() => document.querySelectorAll('.fp-chip:not([hidden])').length > 5")
    plain = walker.nodes.count()
    walker.press("m")
    walker.page.wait_for_function(
        "plain => document.querySelectorAll('.fp-plot .scatterlayer .trace:last-child .points path').length < plain",
        arg=plain,
    )
    screenshot(walker.page, "formats-dark")


def test_one_problem_is_asked_in_several_formats_at_once_and_run(visit: Visit, app: RunningApp) -> None:
    walker = visit(PLACE)
    before = walker.traces.count()
    walker.page.get_by_text("+ Samples").click()
    form = walker.page.locator("[data-part=more-form]")
    form.get_by_label("State transitions").uncheck()
    for title in ("Program", "Equations", "Specification"):
        form.get_by_label(title, exact=True).check()
    form.get_by_text("Where code is run").click()
    expect(form).to_contain_text("monty")
    form.get_by_label("How many").fill("1")
    form.get_by_role("button", name="Sample", exact=True).click()
    expect(walker.traces).to_have_count(before + 3)
    with Store(app.store) as store:
        fresh = store.traces(six_formats.PROBLEM.id)[-3:]
    assert [(trace.format, trace.answer) for trace in fresh] == [
        ("program", "201"),
        ("equations", "201"),
        ("specification", "201"),
    ]
    assert all(any(step.outcome for step in trace.steps) for trace in fresh)


def test_key_points_light_up_their_place_and_are_the_persons_to_change(visit: Visit, app: RunningApp) -> None:
    walker = visit(PLACE).choose_trace(PROGRAM)
    box = walker.page.locator("[data-part=points]")
    expect(box).to_contain_text("hidden until you have judged")
    box.get_by_text("Ben has 26 more shells than Ana.").hover()
    expect(walker.page.locator(".fp-place-lit")).to_have_text("Ben has 26 more shells than Ana.")
    walker.press("r")
    expect(box.locator("li[data-unused=true]")).to_contain_text("Dan has 12 pens.")
    box.get_by_role("button", name="Edit").click()
    box.get_by_label("Key point 4").fill("Dan's pens do not matter.")
    box.get_by_label("Key point 4").press("Tab")
    walker.expect_saved("these key points are yours")
    box.get_by_role("button", name="Remove point 1").click()
    walker.expect_saved("Saved")
    box.get_by_role("button", name="Done").click()
    expect(box.locator(".fp-pointlist li")).to_have_count(3)
    with Store(app.store) as store:
        kept = latest(store.key_points(six_formats.PROBLEM.id))
    assert kept is not None
    assert (kept.origin, kept.by, kept.points[2]) == ("person", walker.name(), "Dan's pens do not matter.")
    box.get_by_role("button", name="Undo").click()
    expect(box.locator(".fp-pointlist li")).to_have_count(4)
    box.get_by_text("Extract, versions").click()
    box.get_by_role("button", name="Ask the model").click()
    walker.expect_saved("3 key points")
    box.get_by_text("Extract, versions").click()
    box.locator(".fp-version", has_text="script").or_(box.locator(".fp-version", has_text="stage")).get_by_role(
        "button"
    ).first.click()
    expect(box.locator("li", has_text="Eve has 99 shells.")).to_contain_text("not in the question")


def test_the_solver_is_given_the_key_points_when_asked_to(visit: Visit, app: RunningApp) -> None:
    with Store(app.store) as store:
        rules = next(one for one in store.key_points(six_formats.PROBLEM.id) if one.origin == "rules")
    walker = visit(PLACE)
    box = walker.page.locator("[data-part=points]")
    if rules.points != tuple(box.locator(".fp-pointlist li > span:first-child").all_text_contents()):
        box.get_by_text("Extract, versions").click()
        box.locator(".fp-version", has_text="rules").get_by_role("button").click()
        expect(box).to_contain_text("Dan has 12 pens.")
    walker.page.get_by_text("+ Samples").click()
    form = walker.page.locator("[data-part=more-form]")
    form.get_by_label("State transitions").uncheck()
    form.get_by_label("Program", exact=True).check()
    form.get_by_label("Give it the key points").check()
    form.get_by_label("How many").fill("1")
    before = walker.traces.count()
    form.get_by_role("button", name="Sample", exact=True).click()
    expect(walker.traces).to_have_count(before + 1)
    with Store(app.store) as store:
        assert "- Ben has 26 more shells than Ana." in store.traces(six_formats.PROBLEM.id)[-1].prompt


def test_a_class_is_proposed_only_after_the_flag_and_confirmed_by_one_key(visit: Visit, screenshot: Screenshot) -> None:
    walker = stay(visit(PLACE).choose_trace(WORDS))
    walker.press("1")
    expect(walker.page.get_by_text("proposed")).to_have_count(0)
    walker.press("f").expect_saved()
    proposed = walker.page.locator(".fp-class[data-proposed=true]")
    expect(proposed).to_contain_text("Calculation proposed")
    screenshot(walker.page, "proposal-light")
    assert [label.error_class for label in walker.labels()] == [""]  # a proposal is nobody's word yet
    walker.press("c").expect_saved()
    expect(walker.page.locator(".fp-proposal")).to_contain_text("You and the checks agree")
    assert [label.error_class for label in walker.labels()] == ["calculation"]
    walker.forget()


def test_a_calculation_error_is_repaired_and_the_repaired_trace_is_walked(visit: Visit, screenshot: Screenshot) -> None:
    walker = stay(visit(PLACE).choose_trace(WORDS))
    walker.press("r", "1")
    walker.panel.get_by_role("button", name="Check by program").click()
    expect(walker.status).to_contain_text("gives 201, where the words say 171")
    walker.panel.get_by_role("button", name="Repair from here").click()
    dialog = walker.page.get_by_role("dialog", name="Keys and meanings")
    expect(dialog.locator("del").first).to_have_text("57")
    expect(dialog.locator("ins").first).to_have_text("67")
    screenshot(walker.page, "repair-light")
    dialog.get_by_role("button", name="Walk the repaired trace").click()
    expect(walker.steps.nth(3)).to_contain_text("201")
    expect(walker.steps.nth(3)).to_contain_text("answer right")


def test_each_answer_says_who_agrees_and_labelling_hides_it(visit: Visit) -> None:
    walker = visit(PLACE).choose_trace(WORDS)
    expect(walker.page.locator("[data-kind^=agree]")).to_have_count(0)
    walker.press("r")
    badge = walker.page.locator("button.fp-mark")
    expect(badge).to_contain_text(re.compile("of [56] formats"))
    badge.click()
    answers = walker.panel.locator(".fp-answers")
    expect(answers).to_contain_text("201")
    answers.get_by_role("button", name="Trace 3").first.click()
    expect(walker.traces.nth(2)).to_have_attribute("aria-pressed", "true")


def test_values_are_off_while_labelling_and_drawn_on_request(visit: Visit, screenshot: Screenshot) -> None:
    walker = visit(PLACE).choose_trace(PROGRAM)
    legend = walker.page.locator("[data-part=legend]")
    expect(legend).not_to_contain_text("value")
    walker.do("values").click()
    expect(legend).to_contain_text("value")
    walker.press("3")
    expect(walker.panel).to_contain_text("0.84 by value-stage")
    screenshot(walker.page, "values-light")


def test_problems_whose_formats_disagree_can_be_filtered(visit: Visit) -> None:
    walker = visit(PLACE)
    walker.press("p")
    walker.page.get_by_label("Agreement of formats").select_option("disagree")
    found = walker.page.locator("[data-part=problems] button")
    expect(found).to_have_count(1)
    expect(found).to_contain_text("Ana has 41 shells")


def test_a_gold_answer_in_doubt_is_corrected_and_taken_back(
    visit: Visit, app: RunningApp, screenshot: Screenshot
) -> None:
    walker = visit(f"doubt=1&{PLACE}", width=400, height=860)
    dialog = walker.page.get_by_role("dialog", name="Keys and meanings")
    expect(dialog).to_contain_text("gold says 8; executed: program, equations say 9")
    assert walker.page.evaluate("() => document.documentElement.scrollWidth") <= 400
    screenshot(walker.page, "doubt-400")
    dialog.get_by_role("button", name="Correct it to").click()
    expect(dialog).to_contain_text("No gold answer is in doubt")
    with Store(app.store) as store:
        corrected = store.problem(six_formats.DOUBTED.id)
        assert corrected is not None
        assert corrected.answer == "9"
        assert {trace.verdict.status for trace in store.traces(corrected.id)} == {"right"}
    dialog.get_by_role("button", name="Undo").click()
    expect(dialog).to_contain_text("gold says 8")
    with Store(app.store) as store:
        assert (store.problem(six_formats.DOUBTED.id) or corrected).answer == "8"
