"""What a person waits for on the Walk screen, in headless Chromium against the running app.

    python -m tests.bench.bench_walk          → build/bench/walk.json

For graphs of 10, 100 and 1,000 states, folded and all shown: from the click on a step until the panel says the new
state (`panel_ms`, in the page's own clock) and until the next frame is painted (`frame_ms`); from a judgement's key
until the server's confirmation is in (`label_ms`). Medians; other work on the machine disturbs the clock.
"""

import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from reasoner.records import make_problem
from reasoner.store import Store
from tests.bench.bench_graph import SIZES, random_traces
from tests.e2e.browser import FLAGS, ensure
from tests.running_app import running_app

ROUNDS = 15
OUT = Path("build/bench/walk.json")
READY = "() => document.querySelector('.fp-plot .main-svg') && window.firstPit?.state.figure?.problem"
CLICK = """async (at) => {
    const item = document.querySelector(`.fp-step[data-at="${at}"]`);
    const start = performance.now();
    item.click();
    const title = document.querySelector('[data-part=panel] h3').textContent;
    const panel = performance.now() - start;
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    if (!title.includes(at)) throw new Error(title);
    return [panel, performance.now() - start];
}"""


def fill(store: Store) -> dict[int, str]:
    """A problem of each size; its id by its number of states."""
    ids = {}
    for num_states in (10, 100, 1_000):
        problem = make_problem(f"{num_states} states: Ana has 3 coins. How many?", "5", "bench")
        store.add_problems([problem])
        store.add_traces(random_traces(problem, *SIZES[num_states]))
        ids[num_states] = problem.id
    return ids


def clicks(page: Page) -> dict[str, float]:
    times: list[Any] = [page.evaluate(CLICK, 1 + i % 3) for i in range(ROUNDS)]
    panel, frame = (round(statistics.median(column), 1) for column in zip(*times, strict=True))
    return {"panel_ms": panel, "frame_ms": frame}


def labels(page: Page) -> float:
    """Milliseconds from a judgement to its confirmation, the label being on disk."""
    times = []
    for i in range(ROUNDS):
        page.evaluate("() => delete document.querySelector('.fp').dataset.trip")
        page.keyboard.press("u" if i % 2 else "b")
        page.wait_for_function("() => document.querySelector('.fp').dataset.trip")
        times.append(float(page.evaluate("() => document.querySelector('.fp').dataset.trip")))
        page.wait_for_timeout(50)
    return round(statistics.median(times), 1)


def measure(page: Page, address: str, problem: str) -> dict[str, Any]:
    page.goto(f"{address}/?problem={problem}")
    page.wait_for_function(READY)
    page.wait_for_timeout(1_000)
    row: dict[str, Any] = {"folded": clicks(page), "label_ms": labels(page)}
    expand = page.locator("[data-do=expand]")
    if expand.is_visible():
        expand.click()
        page.wait_for_timeout(3_000)
        row["all_shown"] = clicks(page)
    return row


def main() -> None:
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        with Store(Path(folder) / "store.sqlite") as store:
            ids = fill(store)
        with running_app(Path(folder), "--no-seed") as app, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=ensure(), args=list(FLAGS))
            page = browser.new_page()
            page.add_init_script(
                "localStorage.setItem('first-pit-tour', 'closed'); localStorage.setItem('first-pit-goes-on', 'no');"
            )
            for num_states, problem in ids.items():
                rows[num_states] = measure(page, app.address, problem)
                print(num_states, rows[num_states])
            browser.close()
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
