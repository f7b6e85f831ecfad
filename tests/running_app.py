"""The real app as a process of its own, for tests that look at it from outside."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START_TIMEOUT = 120  # seconds; 4 when nothing else runs
READY = "First Pit is ready"


@dataclass(frozen=True, slots=True)
class RunningApp:
    address: str  # http://127.0.0.1:34567
    store: Path
    log: Path  # everything it printed
    seconds_to_ready: float


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running_app(folder: Path, *arguments: str, **environment: str) -> Iterator[RunningApp]:
    """Start `python app.py` on a free port with a store in `folder`; stop it, and what it started, at the end."""
    port, store, log = free_port(), folder / "store.sqlite", folder / "app.log"
    command = [sys.executable, "app.py", "--store", str(store), "--port", str(port), *arguments]
    variables = {**os.environ, "GRADIO_TEMP_DIR": str(folder / "gradio"), "OMP_NUM_THREADS": "1", **environment}
    started = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=variables, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            _wait_until_ready(process, log, started + START_TIMEOUT)
            address = f"http://127.0.0.1:{port}"
            yield RunningApp(address, store, log, time.monotonic() - started)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(10)


def _wait_until_ready(process: "subprocess.Popen[bytes]", log: Path, deadline: float) -> None:
    def printed() -> str:
        return log.read_text(errors="replace")

    while READY not in printed():
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"the app did not start (exit code {process.poll()}):\n{printed()}")
        time.sleep(0.05)
