"""How long until the app is up, and until a newcomer's browser shows something.

    python -m tests.bench.bench_first_paint [rounds]          → build/bench/first_paint.json

Prints, as medians over the rounds: seconds until the app answers; first contentful paint in a fresh browser profile;
until the first problem's steps are on screen.
"""

import json
import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.e2e.browser import FLAGS, ensure
from tests.running_app import running_app

OUT = Path("build/bench/first_paint.json")
PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
FIRST_STEP = ".fp-step[data-at='1']"


def measure(rounds: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {"app ready": [], "first paint": [], "problem on screen": []}
    path = ensure()
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder, running_app(Path(folder)) as app, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
            page = browser.new_page()
            page.goto(app.address)
            page.wait_for_function(PAINT)
            found["app ready"].append(app.seconds_to_ready)
            found["first paint"].append(page.evaluate(PAINT) / 1000)
            page.locator(FIRST_STEP).first.wait_for()
            found["problem on screen"].append(page.evaluate("() => performance.now()") / 1000)
            browser.close()
    return found


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    found = measure(rounds)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(found, indent=1))
    for name, seconds in found.items():
        print(f"{name:20s} {statistics.median(seconds):.2f} s   (of {', '.join(f'{value:.2f}' for value in seconds)})")


if __name__ == "__main__":
    main()
