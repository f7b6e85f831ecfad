"""Bring and take away: files in, labels and pairs out, and a word for every row that was left behind."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from reasoner.records import Label, make_problem
from reasoner.store import Store
from tests.e2e import stage
from tests.running_app import RunningApp

pytestmark = pytest.mark.browser
ROW = {"question": stage.PEARS, "answer": "3", "steps": ["4 - 1 = 2", "A: 2"]}


@pytest.fixture
def data_page(page: Page, app: RunningApp) -> Page:
    page.goto(app.address)
    page.get_by_role("tab", name="Data", exact=True).click()
    expect(page.locator("#store-figures")).to_contain_text("problems")
    return page


def bring(page: Page, *files: Path) -> None:
    page.locator("input[type=file]").first.set_input_files([str(file) for file in files])
    for file in files:
        expect(page.get_by_text(file.stem).first).to_be_visible()
    page.get_by_role("button", name="Import", exact=True).click()


def test_a_file_is_recognised_imported_once_and_counted(
    data_page: Page, app: RunningApp, tmp_path: Path, screenshot: Callable[..., Path]
) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text(json.dumps(ROW | {"first_wrong_step": 0}) + "\n")
    bring(data_page, file)
    outcome = data_page.locator("#import-outcome")
    expect(outcome).to_contain_text("mine.jsonl: 1 imported")
    screenshot(data_page, "data-light", whole=True)
    data_page.get_by_role("button", name="Import", exact=True).click()
    expect(outcome).to_contain_text("1 already there")
    with Store(app.store) as store:
        [label] = store.labels(problem_id=make_problem(str(ROW["question"]), None, "").id)
        assert label.step == 0


def test_bad_files_are_answered_line_by_line_and_nothing_is_run(
    data_page: Page, app: RunningApp, tmp_path: Path
) -> None:
    picture, broken = tmp_path / "picture.jsonl", tmp_path / "broken.jsonl"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0")
    good = json.dumps({"question": "What is 6 + 7?", "answer": "13"})
    broken.write_text(f'{good}\n{{"question": "{stage.HACK}\n{{"question": ""}}\n')
    with Store(app.store) as store:
        before = store.stats()
    bring(data_page, picture, broken)
    outcome = data_page.locator("#import-outcome")
    expect(outcome.get_by_role("alert")).to_have_count(2)
    expect(outcome).to_contain_text("not a text file")
    expect(outcome).to_contain_text("line 2")
    with Store(app.store) as store:
        assert store.stats() == before
    data_page.get_by_label("Keep the good rows").check()
    data_page.get_by_role("button", name="Import", exact=True).click()
    expect(outcome).to_contain_text("broken.jsonl: 1 imported")
    expect(outcome).to_contain_text("Left out, by reason")
    assert data_page.evaluate("() => window.hacked") is None
    assert "Traceback" not in data_page.inner_text("body")


def test_labels_and_pairs_are_downloaded_with_one_click(data_page: Page, app: RunningApp, tmp_path: Path) -> None:
    with Store(app.store) as store:
        trace = store.traces(make_problem(stage.COINS, None, "").id)[0]
        correction = stage.COINS_RIGHT.split("\n")[stage.WRONG_STEP]
        label = Label.of(trace, kind="first_wrong", step=1, annotator="taker", correction=correction)
        store.add_label(label)
    wanted = {
        "Labels, in the plain format": ("labels.jsonl", {"question", "steps", "first_wrong_step", "annotator"}),
        "Labels as ProcessBench": ("processbench.jsonl", {"problem", "steps", "label"}),
        "Labels as PRM800K": ("prm800k.jsonl", {"question", "label"}),
        "Pairs for TRL": ("pairs-preference.jsonl", {"prompt", "chosen", "rejected"}),
        "Pairs as stepwise": ("pairs-stepwise.jsonl", {"prompt", "completions", "labels"}),
    }
    for title, (name, keys) in wanted.items():
        data_page.get_by_role("radio", name=re.compile(f"^{title}")).check()
        with data_page.expect_download() as download:
            data_page.get_by_role("button", name="Download", exact=True).click()
        assert download.value.suggested_filename == name
        lines = Path(download.value.path()).read_text().splitlines()
        assert lines, name
        assert all(keys <= set(json.loads(line)) for line in lines), name
        expect(data_page.locator("#export-outcome")).to_contain_text(f"{name}: {len(lines):,} written")
    with Store(app.store) as store:
        store.undo_label("taker")
