"""Two queues: where a person and the machine differ, settled side by side; where it is unsure, judged blind."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from reasoner.store import Store
from tests.e2e import queue_stage
from tests.e2e.queue_stage import ADA
from tests.e2e.walker import Walker
from tests.running_app import RunningApp, running_app
from tests.test_data_explored import explored, write

pytestmark = pytest.mark.browser
MACHINE = re.compile(r"recovered|% sure|machine pit|posterior|◆")


HOLD = """
    const pass = window.dispatchEvent.bind(window);
    window.held = null;
    window.dispatchEvent = (event) => {
      const isPage = event.type === 'first-pit-mail' && 'total' in JSON.parse(event.detail);
      return window.held && isPage ? window.held.push(event) > 0 : pass(event);
    };
    window.deliver = () => { const late = window.held; window.held = null; for (const event of late) pass(event); };
"""
"""Holds the answers with a page of a list back, from `window.held = []` until `window.deliver()`."""


@pytest.fixture(scope="module")
def queued(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """The real app on a store in which Ada and the machine differ here and agree there."""
    folder = tmp_path_factory.mktemp("queued")
    queue_stage.prepare(folder)
    script = folder / "stage.jsonl"
    script.write_text('{"prompt": "no such problem\\n", "completions": ["…"]}\n')
    with running_app(folder, "--no-seed", "--model", f"scripted:{script}") as running:
        yield running


def come(page: Page, app: RunningApp, query: str = "") -> Walker:
    """Ada at the Walk screen."""
    walker = Walker(page, app).open(query)
    walker.do("name").click()
    page.get_by_label("Your name").fill(ADA)
    page.get_by_role("button", name="Use this name").click()
    expect(page.locator("[data-part=name]")).to_have_text(ADA)
    return walker


def card(walker: Walker) -> list[str]:
    return [text.strip() for text in walker.page.locator(".fp-side .fp-who").all_text_contents()]


def test_contradictions_are_settled_side_by_side(
    page: Page, queued: RunningApp, screenshot: Callable[..., Path]
) -> None:
    with Store(queued.store) as store:
        queue_stage.judge_anew(store)
    walker = come(page, queued, "__theme=light")
    walker.press("p")
    differ = page.locator("[data-queue=disagree]")
    expect(differ).to_contain_text("3")
    differ.click()
    rows = page.locator("[data-part=problems] .fp-problem-facts")
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("⚑ step 2 · ◆ step 3 · 95 % sure")  # the surest contradiction first
    page.locator(".fp-rail [data-do=rail]").click()
    walker.press("q")
    strip = page.locator("[data-part=queue]")
    expect(strip).to_contain_text("1 step later · 95 % sure")
    assert card(walker) == ["You ⚑ step 2", "Machine ◆ step 3"]
    walker.expect_at(2)  # the earlier of both
    screenshot(page, "queue-light")
    walker.press("y")
    expect(strip).to_contain_text("1 step earlier")  # on to the next one by itself
    expect(strip).to_contain_text("2 left")
    with Store(queued.store) as store:
        assert store.queues.counts(ADA)["kept"] == 1
    page.wait_for_timeout(400)
    page.get_by_role("button", name="Take step 2").click()
    expect(strip).to_contain_text("1 left")
    expect(strip).to_contain_text("you: all right")
    with Store(queued.store) as store:
        assert store.queues.counts(ADA)["disagree"] == 1


def test_an_answer_that_comes_late_changes_nothing_newer(page: Page, queued: RunningApp) -> None:
    """The list is read beside the opening of the next trace, and its answer may be the last to come."""
    with Store(queued.store) as store:
        queue_stage.judge_anew(store)
    page.add_init_script(HOLD)
    walker = come(page, queued)
    walker.press("p")
    page.locator("[data-queue=disagree]").click()
    page.locator(".fp-rail [data-do=rail]").click()
    walker.press("q")
    strip = page.locator("[data-part=queue]")
    expect(strip).to_contain_text("1 step later")
    page.evaluate("window.held = []")
    page.wait_for_timeout(400)
    page.get_by_role("button", name="Take step 3").click()
    expect(strip).to_contain_text("1 step earlier")
    page.wait_for_function("window.held.length")  # about the trace before: 2 left
    walker.press("y")
    expect(strip).to_contain_text("1 left")
    expect(strip).to_contain_text("you: all right")
    page.evaluate("window.deliver()")
    expect(strip).to_contain_text("1 left")
    assert card(walker) == ["You ⚑ no step", "Machine ◆ step 3"]


def test_what_was_kept_can_be_put_back(page: Page, queued: RunningApp) -> None:
    with Store(queued.store) as store:
        queue_stage.judge_anew(store)
        first = store.queues.disagreements(ADA) + store.queues.disagreements(ADA, kept=True)
        store.queues.keep(ADA, first[0].trace_id)
    walker = come(page, queued)
    page.get_by_label("go on by itself").uncheck()
    walker.press("p")
    page.locator("[data-queue=disagree]").click()
    page.locator("[data-part=kept]").click()
    expect(page.locator("[data-part=problems] .fp-problem")).to_have_count(1)  # the list of those that wait is gone
    page.locator("[data-part=problems] .fp-problem").first.click()  # where there is little room the list gives way
    page.get_by_role("button", name="Put it back").click()
    expect(walker.status).to_contain_text("Back in the queue")
    expect(page.get_by_role("button", name="Keep mine")).to_be_visible()


def test_an_unsure_trace_tells_nothing_of_the_machine_before_it_is_judged(page: Page, queued: RunningApp) -> None:
    walker = come(page, queued)
    page.get_by_label("go on by itself").uncheck()
    walker.press("r", "p")  # even who was in review judges blind here
    page.locator("[data-queue=unsure]").click()
    rows = page.locator("[data-part=problems] .fp-problem-facts")
    expect(rows).to_have_count(3)
    assert not any(MACHINE.search(text) for text in rows.all_text_contents())
    page.locator(".fp-rail [data-do=rail]").click()
    walker.press("q")
    expect(page.locator("[data-part=queue]")).to_contain_text("3 left")
    walker.expect_at(0)
    expect(walker.do("label-mode")).to_have_attribute("aria-pressed", "true")
    page.wait_for_timeout(400)
    for place in (walker.steps, page.locator("[data-part=queue]")):
        assert not any(MACHINE.search(text) for text in place.all_text_contents())
    walker.press("j", "j", "f").expect_saved()
    expect(page.locator("[data-part=queue]")).to_contain_text("2 left")
    expect(page.locator(".fp-versus")).to_contain_text("41 % sure")
    walker.press("z")
    walker.expect_saved("Taken back")
    expect(page.locator("[data-part=queue]")).to_contain_text("3 left")


def test_an_exploration_is_opened_and_a_row_is_walked(
    page: Page, queued: RunningApp, tmp_path: Path, screenshot: Callable[..., Path]
) -> None:
    write(tmp_path / "out" / "part-00000.parquet", [explored(number) for number in range(60)])
    page.add_init_script("localStorage.setItem('first-pit-tour', 'closed')")
    page.goto(queued.address)
    page.get_by_role("tab", name="Data", exact=True).click()
    page.get_by_role("button", name="Open an exploration").click()
    page.get_by_label("Folder on this machine").fill(str(tmp_path / "nowhere"))
    page.locator("#explored-open").click()
    expect(page.locator("#explored-about")).to_contain_text("There is no folder")
    page.get_by_label("Folder on this machine").fill(str(tmp_path / "out"))
    page.locator("#explored-open").click()
    expect(page.locator("#explored-about")).to_contain_text("60")
    expect(page.locator("#explored-line")).to_contain_text("1–50, more follow")
    screenshot(page, "explored-light", whole=True)
    page.locator("#explored-rows [role=gridcell]").filter(has_text="Ana has 2 coins").first.click()
    page.wait_for_url("**/?problem=*")
    expect(page.locator(".fp-step").first).to_contain_text("Ana has 2 coins")
    assert page.evaluate("() => window.hacked") is None
