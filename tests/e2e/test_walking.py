"""Walk: the first look, stepping by keys, clicks and links, the list of problems, more samples, an own problem."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from reasoner.records import make_problem
from reasoner.store import Store
from tests.e2e import stage
from tests.e2e.walker import Visit, Walker
from tests.running_app import RunningApp

pytestmark = pytest.mark.browser
COINS_ID = make_problem(stage.COINS, "201", "stage").id
Screenshot = Callable[..., Path]


def test_a_newcomer_finds_a_finished_problem_and_a_tour_that_closes_for_good(visit: Visit) -> None:
    walker = visit(tour=True)
    tour = walker.page.get_by_role("dialog", name="A short tour")
    expect(tour).to_contain_text("1 of 3")
    tour.get_by_role("button", name="Next").click()
    expect(tour).to_contain_text("2 of 3")
    tour.get_by_role("button", name="Do not show again").click()
    expect(tour).to_be_hidden()
    expect(walker.task).to_contain_text("Find the first wrong step")
    walker.page.reload()
    expect(walker.steps.first).to_be_visible()
    walker.page.wait_for_function("() => window.firstPit?.state.figure?.problem")
    walker.page.wait_for_timeout(600)  # the tour would come after 400 ms
    expect(tour).to_be_hidden()


def test_arrow_keys_letters_digits_buttons_and_clicks_move_one_cursor(visit: Visit) -> None:
    walker = visit(f"problem={COINS_ID}").choose_trace(1)
    walker.expect_at(0)
    walker.press("ArrowDown", "j", "ArrowRight").expect_at(3)
    walker.press("ArrowUp", "k").expect_at(1)
    walker.press("2").expect_at(2)
    expect(walker.panel).to_contain_text("Solve Subquestion")
    expect(walker.panel).to_contain_text("57")
    walker.do("on").click()
    walker.expect_at(3)
    walker.do("back").click()
    walker.expect_at(2)
    walker.steps.nth(4).click()
    walker.expect_at(4)
    walker.press("ArrowDown").expect_at(4)
    walker.press("0").expect_at(0)


def test_fast_keys_are_never_lost(visit: Visit) -> None:
    walker = visit(f"problem={COINS_ID}").choose_trace(2)
    for _ in range(10):
        walker.press("j", "j", "j", "j").expect_at(4)
        walker.press("k", "k", "k", "k").expect_at(0)


def test_a_click_on_a_state_moves_the_cursor_there(visit: Visit) -> None:
    walker = visit(f"problem={COINS_ID}").choose_trace(1)
    for index in (1, 2, 0):
        walker.click_state(index)
        walker.page.wait_for_function(
            "index => window.firstPit.state.figure.traces[window.firstPit.state.trace]"
            ".path[window.firstPit.state.at] === index",
            arg=index,
        )


def test_prefixes_are_shared_and_merging_shares_what_other_words_establish(visit: Visit) -> None:
    walker = visit(f"problem={COINS_ID}")
    expect(walker.nodes).to_have_count(12)  # the question; 3 traces of 4 steps, of which 1 is shared
    walker.press("m")
    expect(walker.do("merge")).to_have_attribute("aria-pressed", "true")
    walker.page.wait_for_function("() => document.querySelectorAll('.fp-plot .points path').length > 0")
    merged = walker.nodes.count()
    assert merged < 12
    walker.press("m")
    expect(walker.nodes).to_have_count(12)


def test_review_shows_answers_green_and_red_and_what_the_checks_say(visit: Visit) -> None:
    walker = visit(f"problem={COINS_ID}").choose_trace(1)
    expect(walker.page.locator("[data-part=answer]")).to_be_empty()
    walker.press("r", "2")
    expect(walker.page.locator("[data-part=answer]")).to_contain_text("201")
    expect(walker.steps.nth(2)).to_contain_text("check")
    expect(walker.panel).to_contain_text("67")
    expect(walker.steps.nth(4)).to_contain_text("answer wrong")
    walker.choose_trace(2)
    expect(walker.steps.nth(4)).to_contain_text("answer right")


def test_a_link_opens_that_very_state(visit: Visit, app: RunningApp) -> None:
    walker = visit(f"problem={COINS_ID}").choose_trace(3)
    walker.press("3").expect_at(3)
    walker.page.wait_for_url(re.compile("step=2"))
    other = visit(walker.page.url.split("?", 1)[1])
    other.expect_at(3)
    expect(other.traces.nth(2)).to_have_attribute("aria-pressed", "true")


def test_a_link_to_nowhere_says_so_and_opens_something(visit: Visit) -> None:
    walker = visit("problem=nowhere&trace=neither&step=99999999999999999999")
    expect(walker.page.locator("[data-part=notice]")).to_be_visible()


def test_problems_can_be_searched_and_filtered(visit: Visit) -> None:
    walker = visit(f"problem={COINS_ID}")
    walker.press("p")
    found = walker.page.locator("[data-part=problems] button")
    expect(found.nth(3)).to_be_visible()
    total = found.count()
    walker.page.get_by_label("Search the questions").fill("red pens 12")
    expect(found).to_have_count(1)
    walker.page.get_by_label("Search the questions").fill("")
    expect(found).to_have_count(total)
    walker.page.get_by_label("Source").select_option("maths")
    expect(found).to_have_count(1)
    walker.page.get_by_label("Answers").select_option("wrong")
    expect(found).to_have_count(0)
    walker.page.get_by_label("Answers").select_option("right")
    found.first.click()
    expect(walker.steps.first.locator("math").first).to_be_visible()


def test_latex_is_typeset(visit: Visit, app: RunningApp) -> None:
    walker = visit(f"problem={make_problem(stage.MATHS, None, '').id}")
    expect(walker.steps.first.locator("mfrac").first).to_be_visible()
    expect(walker.steps.nth(1).locator("mfrac").first).to_be_visible()


def test_more_samples_stream_into_the_graph_and_the_cursor_stays(visit: Visit) -> None:
    walker = visit(f"problem={COINS_ID}").choose_trace(2)
    walker.press("2").expect_at(2)
    before = walker.traces.count()
    walker.page.get_by_text("+ Samples").click()
    walker.page.get_by_label("How many").fill("3")
    walker.page.get_by_role("button", name="Sample", exact=True).click()
    expect(walker.traces).to_have_count(before + 3)
    walker.expect_at(2)
    expect(walker.traces.nth(1)).to_have_attribute("aria-pressed", "true")


def test_an_own_problem_is_solved_and_kept(visit: Visit, app: RunningApp) -> None:
    walker = visit(f"problem={COINS_ID}")
    _open_own(walker)
    walker.page.get_by_label("Question", exact=True).fill(stage.LEGS)
    walker.page.get_by_label("Right answer").fill("12")
    walker.page.get_by_role("button", name="Solve it").click()
    expect(walker.steps.first).to_contain_text(stage.LEGS)
    expect(walker.traces.nth(3)).to_be_visible()
    with Store(app.store) as store:
        kept = store.traces(make_problem(stage.LEGS, None, "").id)
    assert {trace.verdict.status for trace in kept} == {"right", "wrong"}


@pytest.mark.parametrize(
    ("question", "words"),
    [
        pytest.param("", "empty", id="empty"),
        pytest.param("   \n ", "empty", id="blank"),
        pytest.param("coins " * 16_667, "100,00", id="100,000 characters"),
        pytest.param("What does nobody know?", "no completion", id="unknown to the script"),
    ],
)
def test_a_problem_that_cannot_be_asked_is_refused_in_words(visit: Visit, question: str, words: str) -> None:
    walker = visit(f"problem={COINS_ID}")
    _open_own(walker)
    walker.page.get_by_label("Question", exact=True).fill(question)
    walker.page.get_by_role("button", name="Solve it").press("Enter")  # a page with so long a text is never still
    expect(walker.page.locator("[data-part=own-say]").or_(walker.status).filter(has_text=words).first).to_be_visible()


def _open_own(walker: Walker) -> None:
    walker.press("p")
    walker.page.get_by_text("Your own problem").click()


def test_script_in_problem_step_source_and_maker_is_shown_and_not_run(visit: Visit) -> None:
    walker = visit(f"problem={make_problem(stage.HOSTILE, None, '').id}")
    expect(walker.steps.first).to_contain_text("<script>window.hacked=1</script>")
    walker.press("r", "1")
    expect(walker.steps.nth(1)).to_contain_text("<img src=x onerror")
    walker.click_state(1)
    walker.press("p", "m", "d")
    assert walker.page.evaluate("() => window.hacked") is None
    assert walker.page.locator("img[src=x]").count() == 0


@pytest.mark.parametrize(("width", "picture"), [(400, "walk-400"), (1280, "walk-dark")])
def test_nothing_is_wider_than_the_window(visit: Visit, screenshot: Screenshot, width: int, picture: str) -> None:
    walker = visit(f"__theme=dark&problem={COINS_ID}", width=width, height=860)
    expect(walker.page.locator("body.dark")).to_have_count(1)
    walker.press("2").expect_at(2)
    assert walker.page.evaluate("() => document.documentElement.scrollWidth") <= width
    screenshot(walker.page, picture)


def test_every_control_has_a_name_and_every_tab_is_reached(visit: Visit) -> None:
    page = visit(f"problem={COINS_ID}").page
    for tab in ("Train", "Compare", "Data", "Walk"):
        page.get_by_role("tab", name=tab, exact=True).click()
        expect(page.get_by_role("tab", name=tab, exact=True)).to_have_attribute("aria-selected", "true")
        nameless = page.evaluate(
            "() => [...document.querySelectorAll('button, input, select, textarea')]"
            ".filter(e => e.offsetParent && !e.ariaLabel && !e.textContent.trim() && !e.labels?.length"
            " && !e.title && !e.getAttribute('aria-labelledby') && !e.placeholder)"
            ".map(e => e.outerHTML.slice(0, 200))"
        )
        assert nameless == [], tab


def test_stepping_makes_nothing_jump(visit: Visit) -> None:
    walker = visit(f"problem={COINS_ID}").choose_trace(1)
    where = "() => ['.fp-graph', '.fp-list', '.fp-bar'].map(s => document.querySelector(s).getBoundingClientRect().top)"
    before = walker.page.evaluate(where)
    for place in (1, 2, 3, 4):
        walker.press("j").expect_at(place)
        assert walker.page.evaluate(where) == before
