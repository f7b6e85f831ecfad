"""Python written by a model, run where it can do no harm: the only place of the project that runs it.

    with Interpreter() as python:
        python.run("Ben_coins = 41 + 26")           → Snippet(variables={"Ben_coins": "67"})
        python.run("print(Ben_coins * 3)")          → Snippet(output="201\\n")
        python.run("Ben_coin")                      → Snippet(error="NameError: name 'Ben_coin' is not defined")
    run_program("def solution():\\n    return 3 * 67").answer      → "201"

Nothing runs in this process. Snippets run in pydantic-monty's workers, which have no files, network or environment;
what monty lacks runs in the CPython worker (sandbox/routing.py says when). A worker that hangs, grows or dies costs
the snippet that did it, and nothing else: the next snippet gets a new worker, in which the trace's earlier snippets
have been run again.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import Protocol

from .sandbox.monty import MontySession
from .sandbox.snippet import Answer, Snippet

__all__ = ["Interpreter", "Snippet", "describe_sandbox", "run_program", "run_snippets"]

TIMEOUT = 5.0  # seconds a snippet; ours: MARIO's and ToRA's harnesses give 5 to 10
MAX_REPLAY = 3  # times its own limit that bringing back a trace's earlier snippets may take
ANSWERS = ("answer", "ans", "result")  # PAL and MARIO say `answer` and `ans`, GSM-Hard `result`


class Session(Protocol):
    """One worker with its state."""

    worker: str

    def run(self, code: str) -> Answer: ...
    def close(self) -> None: ...


class Interpreter:
    """A Python whose state lasts from snippet to snippet. `timeout`: seconds each snippet may take."""

    def __init__(self, timeout: float = TIMEOUT) -> None:
        self._timeout = timeout
        self._lock = threading.Lock()
        self._session: Session | None = None
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
            session = self._ready()
            answer = session.run(code)
            if answer.did_finish:
                self._history.append(code)
            if answer.is_lost:
                self._park()
            changed = {name: text for name, text in answer.variables.items() if self._variables.get(name) != text}
            self._variables.update(changed)
        seconds = time.perf_counter() - start
        return Snippet(answer.output, answer.value, answer.error, changed, seconds, worker=session.worker)

    def close(self) -> None:
        """Give the worker back. Running again brings the state back in another."""
        with self._lock:
            self._park()

    def _ready(self) -> Session:
        """The worker, in the state that the earlier snippets left."""
        if self._session is None:
            session: Session = MontySession(self._timeout)
            end = time.monotonic() + MAX_REPLAY * self._timeout
            for code in self._history:
                if session.run(code).is_lost or time.monotonic() > end:
                    session.close()
                    session = MontySession(self._timeout)
                    break
            self._session = session
        return self._session

    def _park(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()


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
        if _last_line(ran.output):
            return replace(ran, answer=_last_line(ran.output))
        for name in ANSWERS:
            told = python.run(f"print({name})")
            if not told.error and _last_line(told.output) not in ("", "None"):
                return replace(ran, answer=_last_line(told.output))
        told = python.run("print(solution())")
        if not told.error:
            answer = _last_line(told.output)
            return replace(ran, answer=None if answer in ("", "None") else answer)
        if told.error != "NameError: name 'solution' is not defined":
            return replace(ran, error=told.error)
        return replace(ran, answer=ran.value or None)


def _last_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def describe_sandbox() -> list[tuple[str, bool, str]]:
    """(limit, is it on, what it means) of each limit, for the screen."""
    return [("monty", True, "Programs run in an own Python without files, network or environment.")]
