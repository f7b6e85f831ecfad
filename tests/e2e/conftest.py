"""The browser tests' stage: one real app with its own store, one headless Chromium, a fresh profile for every test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.e2e import stage
from tests.e2e.browser import FLAGS, ensure
from tests.e2e.walker import Visit, Walker
from tests.running_app import ROOT, RunningApp, running_app

SCREENSHOTS = ROOT / "build" / "screenshots"
PATIENCE = 60_000  # milliseconds a condition may take on a very busy machine
# Empties what the profile remembers, once for each page: sessionStorage belongs to the page and outlives a reload. A
# sandboxed frame in it has none.
FORGET = """if (window === window.top && !sessionStorage.getItem('met')) {
  localStorage.clear(); sessionStorage.setItem('met', 'yes')
}"""

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="package")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """The real app on the stage's store and scripted model."""
    folder = tmp_path_factory.mktemp("stage")
    script = stage.prepare(folder)
    with running_app(folder, "--no-seed", "--model", f"scripted:{script}") as running:
        yield running


LEAVING = ("AbortError: signal is aborted without reason", "Unexpected error Connection errored out")
"""What Gradio's own client says of its event stream when a page is left or reloaded while it is open."""


@pytest.fixture(scope="package")
def solver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """The real app as a newcomer has it: the built-in solver, the built-in problems, a new store."""
    with running_app(tmp_path_factory.mktemp("solver")) as running:
        yield running


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = ensure()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def profile(browser: Browser) -> Iterator[BrowserContext]:
    """A profile whose cache the tests share: Gradio's scripts are read once. What pages remember, they do not share."""
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture
def cut_off() -> list[str]:
    """Parts of addresses whose requests this test cuts off itself: their failing is no error of the page."""
    return []


@pytest.fixture
def new_page(browser: Browser, profile: BrowserContext, cut_off: list[str]) -> Iterator[Callable[..., Page]]:
    """Opens pages, each a newcomer; at the end none may have an error in its console."""
    pages: list[Page] = []
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        where = str(message.location.get("url"))
        meant = "net::ERR_FAILED" in message.text and any(part in where for part in cut_off)
        if message.type == "error" and not meant and not message.text.startswith(LEAVING):
            errors.append(f"{message.text} ({where})")

    def open_page(width: int = 1280, height: int = 900) -> Page:
        """The first page of a test is in the shared profile, emptied; every other one is a person of their own."""
        context = browser.new_context() if pages else profile
        page = context.new_page()
        page.add_init_script(FORGET)
        page.set_viewport_size({"width": width, "height": height})
        page.set_default_timeout(PATIENCE)
        page.on("console", note)
        page.on("pageerror", lambda error: errors.append(f"uncaught: {error}"))
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()
        if page.context is not profile:
            page.context.close()
    assert not errors, "errors in the browser's console:\n" + "\n".join(errors)


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    return new_page()


@pytest.fixture
def visit(new_page: Callable[..., Page], app: RunningApp) -> Visit:
    """A new visitor at the Walk screen, at a place such as "problem=5f0c…"."""

    def come(query: str = "", tour: bool = False, **options: object) -> Walker:
        return Walker(new_page(**options), app).open(query, tour)

    return come


@pytest.fixture
def screenshot() -> Callable[..., Path]:
    """Keeps a picture of a page (of the window, or the whole of it) for the README, under build/screenshots."""

    def keep(page: Page, name: str, whole: bool = False) -> Path:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        expect(page.locator("[data-part=wait]")).to_be_hidden()  # "Drawing the graph …"
        without_path = ".figures-place code { visibility: hidden }"
        page.screenshot(path=path, full_page=whole, style=without_path)
        return path

    return keep
