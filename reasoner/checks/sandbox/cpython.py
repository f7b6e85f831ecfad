"""Snippets in CPython, for what monty lacks (sympy, numpy, fractions, generators …), in processes that shut themselves.

    session = CPythonSession(seconds=5)
    session.run("from sympy import *\\nx = symbols('x')\\nsolve(x**2 - 4)")      → Answer(value="[-2, 2]")
    session.close()

One session is one worker, forked from a zygote that has imported the libraries (zygote.py), with the limits of
limits.py on: isolated mode, empty environment, an empty folder of its own, no file readable but the libraries', none
writable, no socket, no other process, bounded memory, and its process group killed on time. Four workers wait ready.

`why_off()` says in words why these workers are off: where the kernel lacks a limit, nothing runs in CPython unless
a person sets FIRST_PIT_WEAK_SANDBOX=1.
"""

import atexit
import collections
import contextlib
import json
import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from reasoner.checks.sandbox import limits
from reasoner.checks.sandbox.frames import COMMAND, FORKED, BadFrame, Late, receive, send
from reasoner.checks.sandbox.snippet import (
    ENDED,
    MAX_ERROR,
    MAX_OUTPUT,
    MAX_SOURCE,
    MAX_TEXT,
    MAX_VARIABLES,
    Answer,
    cut,
    late,
)
from reasoner.errors import RunError

VARIABLE = "FIRST_PIT_WEAK_SANDBOX"
NUM_READY = 4  # workers forked in advance
START_SECONDS = 180.0  # importing sympy and numpy on a busy machine
FORK_SECONDS = 60.0
GRACE_SECONDS = 0.1  # for the way to the worker and back, on top of the snippet's own time
PACKAGE_ROOT = Path(__file__).resolve().parents[3]
PROGRAM = "import sys; sys.path.insert(0, {!r}); from reasoner.checks.sandbox.zygote import main; main()"
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def why_off() -> str:
    """Why snippets do not run in CPython on this machine; "" when they do."""
    if sys.platform == "win32":
        return "the CPython worker needs Linux"
    missing = [limit for limit in limits.LIMITS if limit not in limits.kernel_limits()]
    if not missing or os.environ.get(VARIABLE) == "1":
        return ""
    return f"the CPython worker is off: this system lacks {', '.join(missing)}. {VARIABLE}=1 turns it on all the same"


class CPythonSession:
    """One worker and what its snippets have defined. Any thread may run, one at a time. Raises RunError."""

    worker = "cpython"

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._zygote, self._pid, self._channel = _take()
        self._is_open = True

    def run(self, code: str) -> Answer:
        """Run one snippet. Raises nothing: what went wrong is in the answer."""
        if len(code) > MAX_SOURCE:
            return Answer(error=f"ValueError: the snippet is longer than {MAX_SOURCE:,} characters", did_finish=False)
        name = secrets.token_hex(8)
        try:
            if select.select([self._channel], [], [], 0)[0]:
                raise BadFrame("it spoke before it was asked")
            send(self._channel, {"id": name, "code": code}, self._seconds)
            message = receive(self._channel, self._seconds + GRACE_SECONDS)
            if message.get("id") != name:
                raise BadFrame("it answered another question")
        except Late:
            return self._lost(late(self._seconds))
        except (BadFrame, OSError) as error:
            return self._lost(f"{ENDED} ({error})")
        return _checked(message)

    def close(self) -> None:
        """Kill the worker and all that it started."""
        if self._is_open:
            self._is_open = False
            self._channel.close()
            self._zygote.bury(self._pid)

    def __del__(self) -> None:
        if getattr(self, "_is_open", False):
            self.close()

    def _lost(self, words: str) -> Answer:
        self.close()
        return Answer(error=cut(words, MAX_ERROR), is_lost=True, did_finish=False)


class Zygote:
    """The process that forks workers, and those that wait ready."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self._limits = limits.kernel_limits()
        self._folder = tempfile.mkdtemp(prefix="first-pit-")
        self._dead: collections.deque[int] = collections.deque()  # appended to from any thread, a finalizer included
        self._num_asked = 0
        self._control, theirs = socket.socketpair()
        environment = ONE_THREAD | {k: v for k, v in os.environ.items() if k == "LD_LIBRARY_PATH"}
        try:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-I", "-B", "-c", PROGRAM.format(str(PACKAGE_ROOT))),
                    *(str(theirs.fileno()), json.dumps(self._limits)),
                ],
                pass_fds=[theirs.fileno()],
                env=environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                process_group=0,
            )
        except OSError as error:
            raise RunError(f"The CPython worker cannot be started: {error}") from error
        finally:
            theirs.close()
        self._control.settimeout(START_SECONDS)
        if self._control.recv(5) != b"ready":
            raise RunError("The CPython worker did not start. Is sympy installed? pip install -r requirements.txt")
        self._ask(NUM_READY)

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def take(self) -> tuple[int, socket.socket]:
        """The pid and channel of a worker whose limits hold, and another one forked for the next call."""
        self._bury_dead()
        self._ask(1)
        self._control.settimeout(FORK_SECONDS)
        text, channels, _, _ = socket.recv_fds(self._control, FORKED.size, 1)
        if len(text) < FORKED.size or not channels:
            raise OSError("the zygote has ended")
        self._num_asked -= 1
        (pid,) = FORKED.unpack(text)
        channel = socket.socket(fileno=channels[0])
        hello = receive(channel, FORK_SECONDS)
        if hello.get("open") or set(hello.get("on", ())) != set(self._limits):
            raise RunError(f"The CPython worker's limits do not hold: {hello}. Nothing was run in it.")
        return pid, channel

    def bury(self, pid: int) -> None:
        """Kill a worker's process group now; its pid stays taken until the zygote has buried it."""
        if self.owner == os.getpid() and self.is_alive():
            with contextlib.suppress(OSError):
                os.killpg(pid, signal.SIGKILL)
            self._dead.append(pid)

    def stop(self) -> None:
        """End the zygote; the kernel ends its workers."""
        if self.owner == os.getpid():
            self._control.close()
            self._process.kill()
            self._process.wait()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _ask(self, num: int) -> None:
        self._control.sendall(COMMAND.pack(b"F", 0) * num)
        self._num_asked += num

    def _bury_dead(self) -> None:
        while self._dead:
            self._control.sendall(COMMAND.pack(b"R", self._dead.popleft()))


_lock = threading.Lock()
_zygote: Zygote | None = None


def _take() -> tuple[Zygote, int, socket.socket]:
    """A ready worker, of a new zygote when the old one is gone or belongs to the process that forked us."""
    global _zygote
    if why_off():
        raise RunError(f"{why_off()[0].upper()}{why_off()[1:]}.")
    with _lock:
        for _ in range(2):
            if _zygote is None or _zygote.owner != os.getpid() or not _zygote.is_alive():
                _zygote = Zygote()
                atexit.register(_zygote.stop)
            try:
                return _zygote, *_zygote.take()
            except (OSError, BadFrame, Late):
                _zygote.stop()
                _zygote = None
    raise RunError("The CPython worker ended as soon as it was started, twice. Is there memory left?")


def stop() -> None:
    """End the zygote and its workers. The next snippet starts another."""
    global _zygote
    with _lock:
        zygote, _zygote = _zygote, None
    if zygote is not None:
        atexit.unregister(zygote.stop)
        zygote.stop()


def _checked(message: dict[str, Any]) -> Answer:
    """The worker's words, each of the right kind and no longer than it may be."""
    output, value, error = (message.get(name) for name in ("output", "value", "error"))
    named = message.get("variables")
    variables = {
        name[:100]: cut(text, MAX_TEXT)
        for name, text in list((named if isinstance(named, dict) else {}).items())[:MAX_VARIABLES]
        if isinstance(name, str) and isinstance(text, str)
    }
    return Answer(
        cut(output, MAX_OUTPUT) if isinstance(output, str) else "",
        cut(value, MAX_TEXT) if isinstance(value, str) else "",
        cut(error, MAX_ERROR) if isinstance(error, str) else "",
        variables,
    )
