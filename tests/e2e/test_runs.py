"""Runs on the Train tab: stages with counts, curves over one another, the queue, copies, reports, deletion, a Space."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from reasoner.store import Store
from tests.run_help import made_up_run
from tests.running_app import RunningApp, running_app
from training.progress import EventLog
from training.recipes.stages import Line, Tally
from training.run_facts import FACTS, host
from training.run_settings import Settings

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
FIRST, SECOND, RECIPE, LIVE = "2026-11-17-101500-aa11", "2026-11-18-101500-bb22", "2026-11-19-101500-cc33", "live"
HACK = "<img src=x onerror='window.hacked=1'>"
Look = Callable[..., Path]


def facts(run: Path, colour: int, **more: object) -> None:
    about = {"created": 1_795_000_000.0 + colour, "host": host(), "device": "cpu", "colour": colour}
    (run / FACTS).write_text(json.dumps(about | more))


def recipe_run(folder: Path) -> Path:
    """A recipe that exploring ended in, with a hostile reason and a training loop's figures."""
    run = folder / "runs" / RECIPE
    run.mkdir(parents=True)
    asked = Settings(store="", kind="recipe", recipe="self-explore", recipe_settings='{"preset": "built-in"}')
    (run / "settings.json").write_text(json.dumps(asked.__dict__))
    line = Line(run)
    line.stage("sft", "Fine-tuning", lambda _: Tally(1987, 1987), uses={})
    made = Tally(4498, 4300, {f"no way on {HACK}": 198}, {"pit at step 1": 1234, "stopped": f"Memory ran out {HACK}."})
    line.stage("seed-0/pairs/linear", "Pairs", lambda _: made, uses={}, after=["sft"])
    line.events.write("stage", stage="seed-0/explore", message="Exploring")
    line.events.write("progress", stage="seed-0/explore", done=1210, total=5210)
    line.events.write("failed", message=f"The server is gone {HACK}.")
    for step in range(1, 30):
        EventLog(run / "sft" / "events.jsonl").write("train", step=step, total=30, loss=1 / step, token_accuracy=0.9)
    facts(run, 2)
    return run


def prepare(folder: Path) -> None:
    with Store(folder / "store.sqlite") as store:
        for colour, run_id in enumerate((FIRST, SECOND)):
            run = made_up_run(store, run_id)
            (run / "checkpoints" / "checkpoint-20").mkdir(parents=True)
            (run / "checkpoints" / "checkpoint-20" / "optimizer.pt").write_bytes(b"0" * 3_000_000)
            facts(run, colour)
    recipe_run(folder)
    (folder / "runs" / "half").mkdir()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    folder = tmp_path_factory.mktemp("runs")
    prepare(folder)
    with running_app(folder, "--no-seed", "--model", str(folder / "solver")) as app:
        yield app


@pytest.fixture
def live(running: RunningApp) -> Iterator[Path]:
    """A run that goes on: its process sleeps."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    with Store(running.store) as store:
        run = made_up_run(store, LIVE, is_done=False)
    facts(run, 3)
    about = {"pid": process.pid, "began": psutil.Process(process.pid).create_time(), "host": host()}
    (run / "process.json").write_text(json.dumps(about))
    yield run
    process.kill()
    process.wait()


def train(page: Page, address: str) -> Page:
    page.goto(address)
    page.get_by_role("tab", name="Train", exact=True).click()
    expect(page.locator("#run .fp-run")).to_be_visible()
    return page


def unfold(page: Page, name: str) -> None:
    page.locator(f"#{name} > button").first.click()


def choose(page: Page, run_id: str) -> None:
    page.locator("#runs input").click()
    page.get_by_role("option", name=run_id).click()
    expect(page.locator("#run .fp-run code")).to_have_text(run_id)


def test_a_recipes_stages_stand_in_line_with_their_counts(running: RunningApp, page: Page, screenshot: Look) -> None:
    train(page, running.address)
    run = page.locator("#run")
    expect(run.locator(".fp-run")).to_have_attribute("data-state", "failed")
    stage = run.locator("[data-stage='seed-0/pairs/linear']")
    expect(stage).to_contain_text("4,498 → 4,300")
    expect(run.locator("[data-stage='seed-0/explore']")).to_contain_text("1,210 of 5,210")
    expect(stage).to_contain_text(f"Memory ran out {HACK}.")
    for summary, told in zip(
        stage.locator("summary").all(), (f"198 no way on {HACK}", "1,234 pit at step 1"), strict=True
    ):
        summary.click()
        expect(stage.locator("li", has_text=told)).to_be_visible()
    EventLog(running.store.parent / "runs" / RECIPE / "events.jsonl").write("progress", stage="x", done=1, total=2)
    page.wait_for_timeout(3500)  # two looks later, drawn again
    expect(stage.locator("li").first).to_be_visible()
    unfold(page, "run-more")
    expect(page.locator("#run-command textarea")).to_have_value(holding("recipe self-explore --preset built-in"))
    assert page.evaluate("window.hacked") is None
    screenshot(page, "runs-light", whole=True)


def holding(part: str) -> re.Pattern[str]:
    """A pattern that holds `part`."""
    return re.compile(re.escape(part))


def test_runs_are_drawn_over_one_another_and_told_apart(running: RunningApp, page: Page) -> None:
    train(page, running.address)
    unfold(page, "runs-all")
    expect(page.locator("#runs-table tbody tr")).to_have_count(3)
    expect(page.locator("#runs-table")).to_contain_text("checkpoints of runs that are done")
    expect(page.locator("#runs-table .fp-broken")).to_contain_text("half settings.json is missing")
    for run_id, is_on in ((FIRST, True), (SECOND, True), (f"{RECIPE} · sft", False)):
        box = page.locator("#overlay-runs label", has_text=run_id).locator("input")
        box.set_checked(is_on)
    loss = page.locator("#overlay .fp-curve", has_text="Loss")
    expect(loss.locator("polyline")).to_have_count(2)
    expect(page.locator("#overlay .fp-legend li")).to_have_count(2)
    colours = loss.locator("polyline").evaluate_all("all => all.map(one => getComputedStyle(one).stroke)")
    page.locator("#overlay-runs label", has_text=SECOND).locator("input").uncheck()
    expect(loss.locator("polyline")).to_have_count(1)
    left = loss.locator("polyline").evaluate("one => getComputedStyle(one).stroke")
    assert len(set(colours)) == 2 and left in colours


def test_a_copy_waits_for_the_device_and_can_be_taken_back(running: RunningApp, page: Page, live: Path) -> None:
    train(page, running.address)
    expect(page.locator("#run .fp-run code")).to_have_text(LIVE)
    expect(page.locator("#start-run")).to_contain_text("after the runs before")
    choose(page, FIRST)
    unfold(page, "run-care")
    settings = page.locator("#clone-settings textarea")
    expect(settings).to_have_value(holding("epochs = 3.0"))
    changed = settings.input_value().replace("epochs = 3.0", "epochs = 0.5").replace("device = ", "device = cpu")
    settings.fill(changed)
    page.locator("#clone-run").click()
    expect(page.locator("#care-said")).to_contain_text("epochs 0.5")
    copy = page.locator("#care-said").inner_text().split()[1].rstrip(":")
    choose(page, copy)
    expect(page.locator("#run .fp-run-message")).to_contain_text(f"run {LIVE} is before it")
    page.locator("#cancel-run").click()
    expect(page.locator("#run .fp-run")).to_have_attribute("data-state", "cancelled")
    page.locator("#delete-run").click()
    expect(page.locator("#care-said")).to_contain_text("cannot be undone")
    page.locator("#delete-sure").click()
    expect(page.locator("#care-said")).to_contain_text("is deleted")
    expect(page.locator("#run .fp-run code")).to_have_text(LIVE)
    assert not (running.store.parent / "runs" / copy).exists()
    settings.fill("epochs: 1")
    page.locator("#clone-run").click()
    expect(page.locator("#care-said [role=alert]")).to_contain_text("lines like")


def test_a_report_is_read_in_a_frame_and_taken_away_as_one_file(running: RunningApp, page: Page) -> None:
    train(page, running.address)
    choose(page, SECOND)
    unfold(page, "run-report")
    frame = page.frame_locator("#report-frame .fp-report-light")
    expect(frame.locator("main")).to_contain_text("held-out problems")
    expect(page.locator("#report-frame .fp-report-light")).to_have_attribute("sandbox", "")
    with page.expect_download() as waiting:
        page.locator("#report-download").click()
    text = Path(waiting.value.path()).read_text()
    assert waiting.value.suggested_filename == f"run-{SECOND}.html"
    assert (
        "<polyline" in text and "jobs start" in text and "<script" not in text and "http" not in text.split("<main")[1]
    )
    unfold(page, "run-care")
    page.locator("#free-run").click()
    expect(page.locator("#care-said")).to_contain_text("3 MB freed")
    expect(page.locator("#free-run")).to_be_hidden()


def test_a_recipe_is_asked_for_and_its_command_line_told(running: RunningApp, page: Page) -> None:
    train(page, running.address)
    unfold(page, "recipes")
    command = page.locator("#recipe-command textarea")
    expect(command).to_have_value("python -m training recipe self-explore --preset built-in --out self-explore")
    page.locator("#recipe-seeds textarea, #recipe-seeds input").fill("0")
    expect(command).to_have_value(holding("--seeds 0 --out"))
    unfold(page, "recipe-more")
    page.locator("#recipe-more textarea").fill("num_samples = few")
    expect(page.locator("#recipe-said")).to_contain_text("must be a whole number")
    expect(page.locator("#start-recipe")).to_be_disabled()


def test_on_a_space_nobody_touches_anothers_run(tmp_path: Path, browser: Browser, screenshot: Look) -> None:
    prepare(tmp_path)
    model = str(tmp_path / "solver")
    with running_app(tmp_path, "--no-seed", "--model", model, SYSTEM="spaces", SPACE_ID="ada/first-pit") as app:
        page = browser.new_page(viewport={"width": 400, "height": 900})  # Gradio looks for the Space, and says so
        page.set_default_timeout(60_000)
        train(page, app.address)
        expect(page.locator("#run .fp-run")).to_have_attribute("data-state", "failed")
        expect(page.locator("#resume-run")).to_be_hidden()
        unfold(page, "run-care")
        expect(page.locator("#delete-run")).to_be_hidden()
        unfold(page, "recipes")
        expect(page.locator("#recipes")).to_contain_text("your own machine")
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        screenshot(page, "runs-narrow", whole=True)
        page.close()
