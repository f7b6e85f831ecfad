"""Finds a headless Chromium for the browser tests, and brings one if the machine has none.

    python -m tests.e2e.browser        makes sure of one and prints where it is

In this order: a Chromium or Chrome on the machine; Playwright's own; Debian's package (by apt-get, as root). Each is
tried out before it is believed: Ubuntu's `chromium-browser` may be a stub, Playwright's may lack system libraries.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
FLAGS = (
    "--no-sandbox",  # containers forbid the sandbox; the tests open our own page only
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
INSTALL_TIMEOUT = 900  # seconds; about 170 MB on a slow line


def on_machine() -> str | None:
    """A browser that is installed already and works, or None. FIRST_PIT_BROWSER names one outright."""
    named = os.environ.get("FIRST_PIT_BROWSER")
    candidates = [named, *(shutil.which(name) for name in NAMES), str(MAC)]
    return next((path for path in candidates if path and works(path)), None)


def playwrights_own() -> str | None:
    """Playwright's own Chromium if it was installed and works, or None."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    shells = sorted(Path(path).parents[2].glob("chromium_headless_shell-*/*/*headless[-_]shell*")) if path else []
    return next((str(found) for found in (path, *reversed(shells)) if works(str(found))), None)


def works(path: str) -> bool:
    """Does the browser at `path` draw an empty page?"""
    if not os.access(path, os.X_OK):
        return False
    command = [path, "--headless", *FLAGS, "--dump-dom", "data:text/html,<p>ready"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return result.returncode == 0 and "ready" in result.stdout


def install_playwrights_own() -> str | None:
    if not _succeeds(sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"):
        return None
    found = playwrights_own()
    if found is None and _is_root() and _succeeds(sys.executable, "-m", "playwright", "install-deps", "chromium"):
        found = playwrights_own()
    return found


def install_debians() -> str | None:
    if not (_is_root() and shutil.which("apt-get")):
        return None
    _succeeds("apt-get", "update", "-qq")
    _succeeds("apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium")
    return on_machine()


def ensure() -> str:
    """The path of a working browser, installed if need be. Raises SystemExit with what to do when none can be had."""
    ways: tuple[Callable[[], str | None], ...] = (
        on_machine,
        playwrights_own,
        install_playwrights_own,
        install_debians,
    )
    for way in ways:
        found = way()
        if found:
            return found
    raise SystemExit(
        "No browser for the browser tests. Install Chromium or Chrome, "
        "or name one: FIRST_PIT_BROWSER=/path/to/chrome make test"
    )


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _succeeds(*command: str) -> bool:
    print("$", *command, flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        return subprocess.run(command, timeout=INSTALL_TIMEOUT, check=False, env=environment).returncode == 0
    except (OSError, subprocess.TimeoutExpired) as error:
        print(error, flush=True)
        return False


if __name__ == "__main__":
    print(ensure())
