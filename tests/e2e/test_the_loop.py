"""The loop on the built-in solver: flag, train outside the web process, follow from two browsers, compare, use."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from reasoner.records import Label, Trace
from reasoner.store import Store
from tests.e2e.walker import Walker
from tests.running_app import RunningApp
from training.oracle import first_wrong_step

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]
NUM_FLAGS = 8
LONG = 300_000  # milliseconds that a small run may take on a busy machine
Screenshot = Callable[..., Path]


def truly_wrong(store: Store, num: int) -> list[tuple[Trace, int]]:
    """Wrong traces of the built-in problems, each with its true first wrong step: no one has to guess."""
    found = []
    for row in store.find_problems(source="", verdict="wrong", limit=200):
        for trace in store.traces(row.problem.id):
            if trace.verdict.status == "wrong" and row.problem.spec and len(found) < num:
                step = first_wrong_step(row.problem, [step.text for step in trace.steps])
                if step is not None and step < 9:
                    found.append((trace, step))
    return found


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()


@pytest.fixture
def flagged(solver: RunningApp, page: Page) -> Page:
    """A page of the app whose store has some flags: the first by key, as a person sets it, the others before."""
    with Store(solver.store) as store:
        (first, step), *others = truly_wrong(store, NUM_FLAGS)
        if not store.labels():
            for trace, wrong in others:
                store.add_label(Label.of(trace, kind="first_wrong", step=wrong, annotator="ada"))
    walker = Walker(page, solver).open(f"problem={first.problem_id}&trace={first.id}")
    walker.press(str(step + 1)).expect_at(step + 1)
    walker.press("f").expect_saved("is the first wrong one")
    return page


def test_a_newcomer_meets_a_finished_problem_with_a_wrong_trace(
    solver: RunningApp, page: Page, screenshot: Screenshot
) -> None:
    walker = Walker(page, solver).open()
    expect(walker.task).to_contain_text("Find the first wrong step")
    expect(walker.nodes.nth(3)).to_be_visible()
    walker.press("j", "j", "j").expect_at(3)
    screenshot(page, "walk-light")
    walker.press("r")
    expect(walker.traces.filter(has_text="✗").first).to_be_visible()
    expect(walker.traces.filter(has_text="✓").first).to_be_visible()


def test_flags_train_an_adapter_that_can_be_followed_compared_and_put_to_use(
    solver: RunningApp, flagged: Page, new_page: Callable[..., Page], screenshot: Screenshot
) -> None:
    page = flagged
    open_tab(page, "Train")
    expect(page.locator("#pairs-preview")).to_contain_text(re.compile("[4-9] by people"))
    _ask_for_a_small_run(page, passes=8)
    page.locator("#start-run").click()
    run = page.locator("#run .fp-run")
    expect(run).to_have_attribute("data-state", re.compile("waiting|running"))
    run_id = run.locator("code").inner_text()
    expect(page.locator("#start-run")).to_contain_text("after the runs before")

    page.reload()
    open_tab(page, "Train")
    expect(run.locator("code")).to_have_text(run_id)
    other = new_page()
    other.goto(solver.address)
    open_tab(other, "Train")
    expect(other.locator("#run .fp-run code")).to_have_text(run_id)
    expect(page.locator("#run .fp-curves")).to_contain_text("Loss", timeout=LONG)
    expect(run).to_have_attribute("data-state", "done", timeout=LONG)
    expect(other.locator("#run .fp-run")).to_have_attribute("data-state", "done")
    screenshot(page, "train-light", whole=True)

    open_tab(page, "Compare")
    expect(page.locator("#headline")).to_contain_text("held-out problems")
    expect(page.locator("#comparison svg").first).to_be_visible()
    fixed = page.get_by_role("radio", name=re.compile(r"^Fixed \([1-9]"))
    if fixed.count():  # chance decides whether so small a run mends anything
        fixed.check()
        expect(page.locator("#comparison")).to_contain_text("the model now reaches the right answer")
    screenshot(page, "compare-light", whole=True)
    page.locator("#use-adapter").click()
    expect(page.locator("#headline")).to_contain_text(f"adapter {run_id}")
    with Store(solver.store) as store:
        assert run_id in store.setting("adapter")
    page.locator("#back-to-shipped").click()
    expect(page.locator("#headline")).not_to_contain_text(f"adapter {run_id}")
    with Store(solver.store) as store:
        assert store.setting("adapter") == ""
    assert "Traceback" not in solver.log.read_text()


def test_a_run_can_be_cancelled_at_any_moment(solver: RunningApp, flagged: Page) -> None:
    open_tab(flagged, "Train")
    _ask_for_a_small_run(flagged, passes=20)
    flagged.locator("#start-run").click()
    run = flagged.locator("#run .fp-run")
    expect(run).to_have_attribute("data-state", re.compile("waiting|running"))
    flagged.locator("#cancel-run").click()
    expect(run).to_have_attribute("data-state", "cancelled")
    expect(flagged.locator("#resume-run")).to_be_visible()


def _ask_for_a_small_run(page: Page, passes: int) -> None:
    page.locator("#train-settings button").first.click()
    page.get_by_label("Passes over the pairs").fill(str(passes))
    page.get_by_label("Held-out problems").fill("10")
    page.get_by_label(re.compile("First explore up to")).uncheck()
    expect(page.locator("#start-run")).to_be_enabled()
