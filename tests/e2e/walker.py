"""A person at the Walk screen, as the browser tests have them: opens it, looks at it, presses its keys."""

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from reasoner.records import Label
from reasoner.store import Store
from tests.running_app import RunningApp

NO_TOUR = "localStorage.setItem('first-pit-tour', 'closed')"


class Walker:
    """One page of one visitor."""

    def __init__(self, page: Page, app: RunningApp) -> None:
        self.page = page
        self.app = app

    def open(self, query: str = "", tour: bool = False) -> "Walker":
        """Open the screen at a place such as "problem=5f0c…" and wait until it can be used."""
        if not tour:
            self.page.add_init_script(NO_TOUR)
        self.page.goto(f"{self.app.address}/?{query}")
        expect(self.steps.first).to_be_visible()
        return self

    @property
    def steps(self) -> Locator:
        """The question and the steps of the trace on screen."""
        return self.page.locator(".fp-step")

    @property
    def status(self) -> Locator:
        return self.page.locator("[data-part=status]")

    @property
    def task(self) -> Locator:
        return self.page.locator("[data-part=task]")

    @property
    def panel(self) -> Locator:
        return self.page.locator("[data-part=panel]")

    @property
    def traces(self) -> Locator:
        return self.page.locator("[data-part=traces] .fp-chip")

    @property
    def nodes(self) -> Locator:
        """The states drawn in the graph."""
        return self.page.locator(".fp-plot .scatterlayer .trace:last-child .points path")

    def do(self, name: str) -> Locator:
        """The button that does `name`."""
        return self.page.locator(f"button[data-do={name}]").first

    def press(self, *keys: str) -> "Walker":
        for key in keys:
            self.page.keyboard.press(key)
        return self

    def expect_at(self, place: int) -> None:
        """The cursor is at the question (0) or at step `place`, 1-based as on screen."""
        expect(self.page.locator(f".fp-step[data-at='{place}']")).to_have_attribute("aria-selected", "true")
        expect(self.page.locator(".fp-step[aria-selected=true]")).to_have_count(1)

    def expect_saved(self, words: str = "Saved") -> None:
        expect(self.status).to_have_text(re.compile(words))

    def choose_trace(self, number: int) -> "Walker":
        """Put trace `number`, 1-based as on screen, on the list."""
        self.traces.nth(number - 1).click()
        expect(self.traces.nth(number - 1)).to_have_attribute("aria-pressed", "true")
        return self

    def name(self) -> str:
        return (self.page.locator("[data-part=name]").text_content() or "").strip()

    def labels(self) -> list[Label]:
        """This visitor's labels as they are on disk at this moment."""
        with Store(self.app.store) as store:
            return store.labels(annotator=self.name())

    def forget(self) -> None:
        """Take back, on disk, what this visitor still says, for the tests and pictures that come after."""
        with Store(self.app.store) as store:
            for label in store.labels(annotator=self.name()):
                store.undo_label(self.name(), label.trace_id)

    def click_state(self, index: int) -> None:
        """Click a state in the graph. Plotly looks where the mouse is every 50 ms, so it rests a moment first."""
        box = self.nodes.nth(index).bounding_box()
        assert box is not None
        self.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        self.page.wait_for_timeout(150)
        self.page.mouse.down()
        self.page.mouse.up()


Visit = Callable[..., Walker]
