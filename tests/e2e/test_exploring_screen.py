"""Exploring on the Walk screen: live, stopped, gone on with, broken off, by agreement; tries walked as traces."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from reasoner.records import make_problem
from reasoner.store import Store
from tests.e2e import stage
from tests.e2e.slow_model import SlowModel
from tests.e2e.walker import Walker
from tests.running_app import RunningApp, running_app

pytestmark = pytest.mark.browser
COINS_ID = make_problem(stage.COINS, "201", "stage").id
LEGS_ID = make_problem(stage.LEGS, None, "stage").id
WRONG, RIGHT = 1, 2  # numbers of the traces, as on screen
Screenshot = Callable[..., Path]
Open = Callable[..., Walker]


@pytest.fixture(scope="module")
def model() -> Iterator[SlowModel]:
    server = SlowModel()
    yield server
    server.close()


@pytest.fixture(scope="module")
def slow_app(tmp_path_factory: pytest.TempPathFactory, model: SlowModel) -> Iterator[RunningApp]:
    """The real app on the stage's store, its model on a server that takes its time."""
    folder = tmp_path_factory.mktemp("slow")
    stage.prepare(folder)
    with Store(folder / "store.sqlite") as store:
        legs = make_problem(stage.LEGS, None, "stage")
        store.add_rows([(legs, [stage.solution(legs, stage.LEGS_WRONG, 0)], ())])
    with running_app(folder, "--no-seed", "--server", model.url) as running:
        yield running


@pytest.fixture
def come(new_page: Callable[..., Page], slow_app: RunningApp, model: SlowModel) -> Open:
    """A new visitor in review mode, where what machines found is shown; the model answers at once."""
    model.let_go()

    def visit(query: str = f"problem={COINS_ID}", trace: int = WRONG, review: bool = True, **options: object) -> Walker:
        walker = Walker(new_page(**options), slow_app).open(query).choose_trace(trace)
        if review:
            walker.press("r")
        return walker

    return visit


def choose(walker: Walker, **settings: str) -> Walker:
    """Open “How”, set method, k, tokens, seconds, and close it again."""
    how = walker.page.locator("[data-part=how]")
    how.locator("summary").click()
    for name, value in settings.items():
        field = how.locator(f"[name={name}]")
        field.select_option(value) if name == "method" else field.fill(value)
        field.dispatch_event("change")
    how.locator("summary").click()
    return walker


def machine(walker: Walker) -> Locator:
    return walker.page.locator("[data-part=machine]")


def test_a_search_streams_into_graph_list_and_meters(come: Open, model: SlowModel, screenshot: Screenshot) -> None:
    walker = choose(come(), method="linear", k="4")
    model.seconds = 1.0
    walker.page.locator("[data-part=list]").focus()
    walker.press("e")
    meters = walker.page.locator("[data-part=meters]")
    expect(meters.get_by_role("meter")).to_have_count(2)
    expect(walker.steps.nth(1)).to_contain_text("recovered")  # the first round's news, while it goes on
    expect(meters).to_contain_text("left")
    expect(walker.status).to_have_text(re.compile("The machine has looked"))
    expect(meters).to_be_hidden()
    expect(walker.steps.nth(1)).to_contain_text(re.compile(r"[12] of 4 recovered\s*\d+–\d+ %"))
    expect(walker.steps.nth(2)).to_contain_text("0 of 5 recovered")  # one of the first four passes here
    expect(walker.steps.nth(2)).to_contain_text("machine pit")
    expect(walker.steps.nth(2)).to_contain_text(re.compile(r"pit\s*(> )?\d+ %"))
    expect(walker.page.locator("[data-part=no-pit]")).to_contain_text("no pit in this trace")
    expect(machine(walker)).to_contain_text("Not recovered in 5 tries, which is not yet “wrong”")
    expect(walker.page.get_by_role("img", name=re.compile("Where the pit is: step 2"))).to_be_visible()
    expect(walker.page.locator("[data-part=legend]")).to_contain_text("none of the tries recovered")
    walker.press("2").expect_at(2)
    screenshot(walker.page, "explore-light")


def test_states_are_coloured_by_recovery_until_it_is_turned_off(come: Open) -> None:
    walker = choose(come(), method="linear", k="4")
    walker.press("Escape")
    walker.do("explore").click()
    walker.expect_saved("The machine has looked")
    expect(walker.do("recovery")).to_have_attribute("aria-pressed", "true")
    fill = (
        "index => document.querySelectorAll('.fp-plot .scatterlayer .trace:last-child .points path')[index].style.fill"
    )
    walker.page.wait_for_function(f"() => ({fill})(1) !== ({fill})(2)")  # tried, some recovered; tried, none did
    walker.page.locator("[data-part=list]").focus()
    walker.press("h")
    expect(walker.do("recovery")).to_have_attribute("aria-pressed", "false")
    walker.page.wait_for_function(f"() => ({fill})(1) === 'rgb(255, 255, 255)'")
    expect(walker.steps.nth(1)).not_to_contain_text("recovered")
    walker.page.reload()
    expect(walker.steps.first).to_be_visible()
    expect(walker.do("recovery")).to_have_attribute("aria-pressed", "false")  # remembered


def test_what_machines_found_stays_hidden_until_the_person_has_judged(come: Open) -> None:
    walker = come(review=False)
    expect(machine(walker)).to_contain_text("hidden until you have judged")
    expect(walker.do("recovery")).to_be_hidden()
    walker.do("explore").click()
    walker.expect_saved("The machine has looked")
    for step in range(5):
        expect(walker.steps.nth(step)).not_to_contain_text("recovered")
    expect(machine(walker)).to_contain_text("hidden until you have judged")
    walker.page.get_by_label("go on by itself").uncheck()
    walker.page.locator("[data-part=list]").focus()
    walker.press("2", "f")
    walker.expect_saved("first wrong one")
    expect(machine(walker)).to_contain_text("First pit: step 2")
    walker.press("Escape", "z")
    walker.expect_saved("Taken back")


def test_stop_keeps_what_was_found_and_go_on_goes_on(come: Open, model: SlowModel, slow_app: RunningApp) -> None:
    walker = choose(come(trace=RIGHT), method="linear", k="3")
    model.left = 1
    walker.do("explore").click()
    expect(walker.steps.nth(1)).to_contain_text("of 3 recovered")
    walker.do("halt").click()
    expect(machine(walker)).to_contain_text("Stopping after this round")
    model.left = None
    walker.expect_saved("Ended: stopped. The .* are kept")
    with Store(slow_app.store) as store:
        [pit] = [pit for pit in store.pits(problem_id=COINS_ID) if pit.ended.startswith("stopped")]
    assert pit.probes
    asked = len(model.seen)
    walker.page.wait_for_timeout(1000)
    assert len(model.seen) == asked  # the server's model is left alone from then on
    expect(machine(walker)).to_contain_text("So far")
    walker.page.get_by_role("button", name=re.compile("Go on")).click()
    walker.expect_saved("The machine has looked")
    expect(machine(walker)).to_contain_text("no pit; the model recovered wherever it was tried")
    prompts = [body["prompt"] for body in model.bodies("/v1/completions")[asked:] if "prompt" in body]
    assert all(pit.probes[0].prompt != prompt for prompt in prompts)  # nothing is sampled twice


def test_a_reload_and_a_second_browser_follow_the_search_that_runs(come: Open, model: SlowModel) -> None:
    walker = choose(come(trace=3), method="linear", k="2")
    other = come(trace=3)
    model.left = 0
    walker.do("explore").click()
    expect(walker.page.get_by_role("meter").first).to_be_visible()
    other.page.reload()
    expect(other.steps.first).to_be_visible()
    other.choose_trace(3)
    expect(other.page.get_by_role("meter").first).to_be_visible()
    walker.page.reload()
    expect(walker.steps.first).to_be_visible()
    walker.choose_trace(3)
    expect(walker.page.get_by_role("meter").first).to_be_visible()
    other.page.locator("[data-part=list]").focus()
    other.press("e")
    expect(machine(other)).to_contain_text("Stopping after this round")
    model.left = None
    other.expect_saved("Ended: stopped|Stopped before")
    walker.expect_saved("Ended: stopped|Stopped before")


def test_a_model_that_dies_midway_is_said_and_what_was_found_is_kept(come: Open, model: SlowModel) -> None:
    walker = choose(come(trace=RIGHT), method="linear", k="5")
    model.left = 1
    walker.do("explore").click()
    expect(walker.steps.nth(1)).to_contain_text("of 5 recovered")
    model.is_broken, model.left = True, None
    walker.expect_saved("are kept")
    assert "the model has left the stage" in (walker.status.text_content() or "")
    expect(walker.steps.nth(1)).to_contain_text("of 5 recovered")
    expect(machine(walker).get_by_role("button", name=re.compile("Go on"))).to_be_visible()


def test_a_budget_of_nothing_samples_nothing_and_says_so(come: Open, model: SlowModel) -> None:
    walker = choose(come(trace=3), method="binary", k="7", tokens="0")
    asked = len(model.seen)
    walker.do("explore").click()
    walker.expect_saved("Nothing was sampled .*budget is spent")
    assert len(model.seen) == asked
    walker.page.reload()
    expect(walker.page.locator("[data-part=how-sum]")).to_have_text(re.compile("binary, k 7, at most 0 tokens"))


def test_a_try_is_read_and_walked_as_a_trace_that_shares_its_states(
    come: Open, slow_app: RunningApp, screenshot: Screenshot
) -> None:
    walker = choose(come(f"__theme=dark&problem={COINS_ID}"), method="linear", k="4")
    walker.do("explore").click()
    walker.expect_saved("The machine has looked")
    before = walker.traces.count()
    walker.page.locator("[data-part=list]").focus()
    walker.press("1").expect_at(1)
    screenshot(walker.page, "explore-dark")
    walker.press("t")
    dialog = walker.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Tries from step 1")
    expect(dialog.get_by_role("listitem")).to_have_count(4)
    expect(dialog).to_contain_text("answer 70")
    misread = dialog.get_by_role("listitem").filter(has_text="answer 70").first
    expect(misread).to_contain_text("not recovered")
    misread.get_by_role("button", name=re.compile("Walk try")).click()
    expect(walker.traces).to_have_count(before + 1)
    walker.expect_at(1)  # at the state that both share
    expect(walker.steps.last).to_contain_text("70")
    with Store(slow_app.store) as store:
        new = store.traces(COINS_ID)[-1]
    assert [step.text for step in new.steps][:1] == stage.COINS_WRONG.split("\n")[:1]
    assert new.verdict.status == "wrong"
    assert (new.maker.engine, new.maker.seed is not None) == ("server", True)


def test_without_a_right_answer_it_goes_by_agreement_and_says_so(come: Open) -> None:
    walker = come(f"problem={LEGS_ID}")
    expect(machine(walker)).to_contain_text("The right answer is not known")
    walker.page.get_by_role("button", name=re.compile("Explore by agreement")).click()
    walker.expect_saved("The machine has looked")
    expect(machine(walker)).to_contain_text("Judged by agreement")


def test_sampling_can_be_stopped_too(come: Open, model: SlowModel) -> None:
    walker = come()
    before = walker.traces.count()
    model.seconds = 1.0
    walker.page.get_by_text("+ Samples").click()
    walker.page.get_by_label("How many").fill("32")
    walker.page.get_by_role("button", name="Sample", exact=True).click()
    expect(walker.traces.nth(before)).to_be_attached()  # the first of them has come
    walker.do("stop-sampling").click()
    walker.expect_saved("Stopped: ")
    assert before < walker.traces.count() < before + 32


def test_nothing_is_wider_than_a_telephone(come: Open, screenshot: Screenshot) -> None:
    walker = choose(come(f"__theme=dark&problem={COINS_ID}", width=400, height=860), method="linear", k="4")
    walker.do("explore").click()
    walker.expect_saved("The machine has looked")
    assert walker.page.evaluate("() => document.documentElement.scrollWidth") <= 400
    walker.page.locator("[data-part=machine]").scroll_into_view_if_needed()
    screenshot(walker.page, "explore-400")
