"""One child process that answers questions by line, and can be killed when it does not answer.

    worker = Worker("from reasoner.checks.answers import serve; serve()", seconds=5)
    worker.ask({"gold": "x+1", "answer": "1+x"})     {"equal": true}, or None after 5 seconds

Started at the first question, used again for the next, killed and replaced when it is late or dies. Any thread may
ask; questions wait in line. The child ends with its parent: its input closes. It also ends itself when one question
computes too long (`limit_this_process`), so that not even a kill -9 of the parent leaves a busy child behind.

The comparison of answers, sympy and Z3 each have such a child, whose program is one call of `answer_questions`: it
loads its library, gives up every right it will not need, then answers. A child is given no environment of ours.

Not covered: hostile code. The child computes with text; it is not a sandbox for programs.
"""

import atexit
import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

PACKAGE_ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0  # the child's imports on a busy machine take some seconds
MAX_BYTES = 2 << 30  # address space of the child
BUSY = 4  # times its seconds of the processor that a question may take by the clock. Ours: other work is going on
ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "SYSTEMROOT", "TEMP", "TMPDIR")  # what a child is given of ours

Question = dict[str, Any]
Reply = dict[str, Any]


class NotStarted(Exception):
    """The child could not be started at all: asking again later may help."""


class Worker:
    """A child process running `program`, which reads one JSON line and writes one JSON line, first of all "ready"."""

    def __init__(self, program: str, seconds: float = 5.0) -> None:
        self._program = program
        self._seconds = seconds
        self.limits: tuple[str, ...] = ()  # that the child said it put on itself: names of sandbox.limits.LIMITS
        self._lock = threading.Lock()
        self._owner = os.getpid()
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str] = queue.Queue()

    def ask(self, question: Question) -> Reply | None:
        """The child's answer; None when it was late or died over this question. Raises NotStarted."""
        if self._owner != os.getpid():  # forked: the child belongs to the parent, and the lock may be held there
            self._lock, self._owner, self._process = threading.Lock(), os.getpid(), None
        with self._lock:
            if not self._is_running() and not self._start():
                raise NotStarted
            process = self._process
            assert process is not None and process.stdin is not None
            try:
                process.stdin.write(json.dumps(question) + "\n")
                process.stdin.flush()
            except OSError:
                self._stop()
                return None
            return self._read(self._seconds)

    def close(self) -> None:
        """End the child, if there is one. The next question starts another."""
        with self._lock:
            self._stop()

    def _is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _start(self) -> bool:
        self._stop()
        paths = [str(PACKAGE_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
        environment["PYTHONPATH"] = os.pathsep.join(paths)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", self._program],  # -P: no module is taken from the current folder
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
                env=environment,
            )
        except OSError:
            return False
        atexit.register(self.close)
        self._lines = queue.Queue()
        assert self._process.stdout is not None
        threading.Thread(target=_pump, args=(self._process.stdout, self._lines), daemon=True).start()
        ready = self._read(START_SECONDS)
        self.limits = tuple(ready.get("limits", ())) if ready else ()
        return ready is not None

    def _read(self, seconds: float) -> Reply | None:
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            line = ""
        if not line:
            self._stop()
            return None
        reply: Reply = json.loads(line)
        return reply

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        atexit.unregister(self.close)
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):  # an unsent question is of no use any more
                    stream.close()


def _pump(stream: IO[str], lines: "queue.Queue[str]") -> None:
    """Carry the child's lines to the queue; an empty line says that it ended."""
    with contextlib.suppress(ValueError):  # closed by _stop
        for line in stream:
            lines.put(line)
    lines.put("")


def answer_questions(load: Callable[[], Callable[[Question], Reply]], seconds: float) -> None:
    """In the child: one JSON line in, one out, until the input ends.

    `load` imports what is needed and gives what answers a question. A question that raises is answered {"error": …};
    one that computes for more than `seconds` ends this process.
    """
    answer = load()
    print(json.dumps({"ready": True, "limits": _limit()}), flush=True)
    for line in sys.stdin:
        question = json.loads(line)
        limit_this_process(seconds)
        try:
            reply = answer(question)
        except Exception as error:  # noqa: BLE001 - the worker's edge: whatever a library raises, there is an answer
            reply = {"error": type(error).__name__}
        limit_this_process(0)
        print(json.dumps(reply), flush=True)


def limit_this_process(seconds: float) -> None:
    """In the child: let the system end this process after `seconds` of computing (0: no longer)."""
    if sys.platform == "win32":
        return
    import signal

    for number in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, BUSY * seconds)


def _limit() -> list[str]:
    """Give up every right that answering does not need, and name the limits that are on."""
    from reasoner.checks.sandbox.limits import apply_limits

    try:
        return list(apply_limits(memory=MAX_BYTES))
    except OSError:  # refused half-way: what is computed here is our own libraries' work, so it goes on
        return []
