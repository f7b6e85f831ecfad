"""Python written by a model, run where it can do no harm: the only place of the project that runs it.

    with Interpreter() as python:
        python.run("Ben_coins = 41 + 26")           → Snippet(variables={"Ben_coins": "67"})
        python.run("print(Ben_coins * 3)")          → Snippet(output="201\\n")
        python.run("Ben_coin")                      → Snippet(error="NameError: name 'Ben_coin' is not defined")
    run_program("def solution():\\n    return 3 * 67").answer      → "201"

Nothing runs in this process. A trace begins in one of pydantic-monty's workers, which have no files, network or
environment; when monty says that it lacks something (sympy, numpy, generators …) the trace moves to a CPython worker
that has shut itself (sandbox/routing.py: the rule; sandbox/limits.py: the limits), and its earlier snippets are run
again there. The way a trace takes depends on its snippets alone. A worker that hangs, grows or dies costs the snippet
that did it, and nothing else: the next one gets a new worker, brought to the same state in the same way.

Not covered, in either worker:
- A program can lie about its own output, value and variables; not about another trace's.
- Time is bounded, not hidden: a program can measure how fast this machine is, and use one core until it is stopped.
- Bugs of the Linux kernel, of CPython's interpreter and of monty itself; there is no virtual machine around them.
- monty differs from CPython in small things (routing.py), and the system bounds its process's memory alone: no
  Landlock, no seccomp around it.
- In CPython: the folders of the installed libraries are readable (not the project, home folders, /proc or /etc), and
  whether a file exists can be asked; sets of strings may be ordered differently in each run of the app; on systems
  without Landlock and seccomp (macOS, Windows, some containers) these workers are off, and weak when a person turns
  them on (sandbox/cpython.py).
- All of them together: a trace may take 128 MiB in monty and 512 MiB in CPython, and many traces may run at once.
- What a person does with the result: an answer is text by a model, to be escaped on screen and compared, not believed.
"""

import contextlib
import os
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import Literal, Protocol

from reasoner.checks.sandbox.cpython import CPythonSession, why_off
from reasoner.checks.sandbox.limits import describe
from reasoner.checks.sandbox.monty import MontySession
from reasoner.checks.sandbox.routing import needs_cpython
from reasoner.checks.sandbox.snippet import ENDED, MAX_ERROR, Answer, Snippet, cut
from reasoner.errors import RunError

__all__ = ["Interpreter", "Snippet", "describe_sandbox", "last_line", "run_program", "run_snippets", "warm_up"]

Kind = Literal["monty", "cpython"]
TIMEOUT = 5.0  # seconds a snippet; ours: MARIO's and ToRA's harnesses give 5 to 10
MAX_REPLAY = 3  # times its own limit that bringing back a trace's earlier snippets may take
MAX_OPEN = 48  # interpreters that hold a worker; the one idle longest gives its worker up, and replays when it goes on
ANSWERS = ("answer", "ans", "result")  # PAL and MARIO say `answer` and `ans`, GSM-Hard `result`


_inherited: list["Session | None"] = []  # sessions of the process that forked us, kept so that nothing ends them


class Session(Protocol):
    """One worker with its state."""

    worker: str

    def run(self, code: str) -> Answer: ...
    def close(self) -> None: ...


class Interpreter:
    """A Python whose state lasts from snippet to snippet.

    timeout: seconds each snippet may take. only: stay in this worker, where None routes (tests and benchmarks use it).
    """

    def __init__(self, timeout: float = TIMEOUT, only: Kind | None = None) -> None:
        self._timeout = timeout
        self._lock = threading.Lock()
        self._can_move = only is None
        self._kind: Kind = only or "monty"
        self._session: Session | None = None
        self._owner = os.getpid()
        self._history: list[str] = []  # what brings the state back in another worker
        self._variables: dict[str, str] = {}

    def __enter__(self) -> "Interpreter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def run(self, code: str) -> Snippet:
        """Run one snippet after those before it. Raises RunError only when no worker can be had at all."""
        start = time.perf_counter()
        with self._lock:
            answer = self._ready().run(code)
            if answer.error.startswith(ENDED):  # perhaps it was dead before: once more, in a new worker
                self._park()
                answer = self._ready().run(code)
            if self._can_move and self._kind == "monty" and needs_cpython(answer.error):
                answer = self._moved(code, answer)
            if answer.did_finish:
                self._history.append(code)
            if answer.is_lost:
                self._park()
            before = self._variables
            changed = {name: text for name, text in answer.variables.items() if before.get(name) != text}
            before.update(changed)
        seconds = time.perf_counter() - start
        return Snippet(answer.output, answer.value, answer.error, changed, seconds, worker=self._kind)

    def close(self) -> None:
        """Give the worker back. Running again brings the state back in another."""
        with self._lock:
            self._park()

    def _moved(self, code: str, answer: Answer) -> Answer:
        """The snippet's answer from CPython, where the trace stays; monty's with a reason where CPython is off."""
        if why_off():
            return replace(answer, error=cut(f"{answer.error} ({why_off()})", MAX_ERROR))
        self._park()
        self._kind = "cpython"
        return self._ready().run(code)

    def _ready(self) -> Session:
        """The worker, in the state that the earlier snippets left."""
        if self._owner != os.getpid():  # forked: the worker is the parent's
            _inherited.append(self._session)
            self._session, self._owner = None, os.getpid()
        if self._session is None:
            _seats.take(self)
            self._session = self._open()
            end = time.monotonic() + MAX_REPLAY * self._timeout
            for code in self._history:
                if self._session.run(code).is_lost or time.monotonic() > end:
                    self._session.close()
                    self._session = self._open()
                    self._history.clear()
                    self._variables.clear()
                    break
        return self._session

    def _open(self) -> Session:
        return MontySession(self._timeout) if self._kind == "monty" else CPythonSession(self._timeout)

    def _park(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def park_if_idle(self) -> bool:
        """Give the worker up unless a snippet is running in it; True when it was given up."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            self._park()
        finally:
            self._lock.release()
        return True


class _Seats:
    """At most MAX_OPEN interpreters hold a worker, those used last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: OrderedDict[int, weakref.ref[Interpreter]] = OrderedDict()

    def take(self, interpreter: Interpreter) -> None:
        with self._lock:
            self._taken.pop(id(interpreter), None)
            self._taken[id(interpreter)] = weakref.ref(interpreter)
            for key, reference in list(self._taken.items()):
                if len(self._taken) <= MAX_OPEN:
                    return
                other = reference()
                if other is None or (other is not interpreter and other.park_if_idle()):
                    del self._taken[key]


_seats = _Seats()


def run_snippets(snippets: Sequence[str], timeout: float = TIMEOUT) -> list[Snippet]:
    """Each snippet's result, run one after the other in one interpreter; an error does not stop the next."""
    with Interpreter(timeout) as python:
        return [python.run(code) for code in snippets]


def run_program(code: str, timeout: float = TIMEOUT) -> Snippet:
    """Run a whole program; `answer` is its printed last line, else its variable `answer`, `ans` or `result`, else what
    its function `solution` returns, else the value of its last expression, else None. None also after an error."""
    with Interpreter(timeout) as python:
        ran = python.run(code)
        if ran.error:
            return ran
        if last_line(ran.output):
            return replace(ran, answer=last_line(ran.output))
        for name in ANSWERS:
            told = python.run(f"print({name})")
            if not told.error and last_line(told.output) not in ("", "None"):
                return replace(ran, answer=last_line(told.output))
        told = python.run("print(solution())")
        if not told.error:
            answer = last_line(told.output)
            return replace(ran, answer=None if answer in ("", "None") else answer, worker=told.worker)
        if told.error != "NameError: name 'solution' is not defined":
            return replace(ran, error=told.error, worker=told.worker)
        return replace(ran, answer=ran.value or None)


def last_line(output: str) -> str:
    """The last line that is not blank, "" where there is none."""
    return next((line.strip() for line in reversed(output.splitlines()) if line.strip()), "")


def describe_sandbox() -> list[tuple[str, bool, str]]:
    """(limit, is it on, what it means) of each limit, for the screen. Starts nothing."""
    reason = why_off()
    monty = ("monty", True, "Programs run in an own Python in a process apart, without files, network or environment.")
    if reason:
        return [monty, ("CPython worker", False, f"Programs that need sympy or numpy are not run: {reason}.")]
    on = "Programs that need sympy, numpy or what else monty lacks run in a CPython process with the limits below."
    return [monty, ("CPython worker", True, on), *describe()]


def warm_up() -> None:
    """Start the workers of both kinds in the background, so that the first snippet finds them ready."""

    def start() -> None:
        with contextlib.suppress(RunError):  # told to whoever runs a snippet
            run_snippets(["1"])
            if not why_off():
                with Interpreter(only="cpython") as python:
                    python.run("1")

    threading.Thread(target=start, name="sandbox-warm-up", daemon=True).start()
