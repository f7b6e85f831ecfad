"""Snippets in pydantic-monty's workers: an own Python in a process of its own, without files, network or environment.

    session = MontySession(seconds=5)
    session.run("x = 41 + 26\\nx")      → Answer(value="67", variables={"x": "67"})
    session.close()

One session is one worker process with its state. The pool starts workers as they are needed and keeps them warm;
a worker that dies is replaced. Names, limits and messages: pydantic_monty 1.4, class ResourceLimits.

Not covered: monty's own mistakes. It is a young interpreter, and the system bounds its process's memory alone. A
worker that is busy when our process is killed ends at its own time limit, not at once.
"""

import atexit
import contextlib
import os
import sys
import threading
from typing import Any

from reasoner.checks.sandbox.limits import limit_other
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
from reasoner.checks.sandbox.splitting import split
from reasoner.errors import RunError

MAX_MEMORY = 128 << 20  # bytes of the program's heap
MAX_ADDRESSES = 4 << 30  # bytes of address space of its process: a second bound, the system's, should monty's fail
MAX_DEPTH = 500  # calls within calls
MAX_SUSPENSIONS = 10_000  # requests to our side (clock, files, sleep), all of them refused or answered with nothing
MAX_PROCESSES = 64
WAIT_SECONDS = 60.0  # for a free worker
GRACE_SECONDS = 1.0  # a worker that is late by this much is killed

# Run first in every session. It keeps the built-ins by name: programs call their variables `sum`, `list`, `str`.
PRELUDE = f"""
def __report__(value, names, repr=repr, isinstance=isinstance, type=type, len=len, all=all, list=list, tuple=tuple,
               dict=dict, set=set, plain=(int, float, str, bool, complex), Exception=Exception):
    def is_plain(thing, depth):
        if thing is None or isinstance(thing, plain) or type(thing).__name__ in ("Decimal", "date", "timedelta"):
            return True
        if depth == 0 or not isinstance(thing, (list, tuple, set, dict)) or len(thing) > 100:
            return False
        if isinstance(thing, dict):
            return all([is_plain(key, depth - 1) and is_plain(thing[key], depth - 1) for key in thing])
        return all([is_plain(each, depth - 1) for each in thing])
    told = dict()
    for name in names:
        if len(told) < {MAX_VARIABLES} and name[0] != "_" and len(name) < 100 and is_plain(names[name], 3):
            try:
                told[name] = repr(names[name])[:{MAX_TEXT + 1}]
            except Exception:
                pass
    return ["" if value is None else repr(value)[:{MAX_TEXT + 1}], told]
"""

_lock = threading.Lock()
_pool: Any = None
_owner = 0


class MontySession:
    """One worker process and what its snippets have defined. Any thread may run, one at a time."""

    worker = "monty"

    def __init__(self, seconds: float) -> None:
        self._session = _checkout(seconds)
        self._seconds = seconds
        if sys.platform == "linux" and self._session.worker_pid:
            limit_other(self._session.worker_pid, MAX_ADDRESSES)
        self._feed(PRELUDE, None)

    def run(self, code: str) -> Answer:
        """Run one snippet. Raises nothing: what went wrong is in the answer."""
        from pydantic_monty import MontyCrashedError, MontyError

        if len(code) > MAX_SOURCE:
            return Answer(error=f"ValueError: the snippet is longer than {MAX_SOURCE:,} characters", did_finish=False)
        printed = _Printed()
        head, last = split(code)
        try:
            self._feed(f"{head}\n__value__ = (\n{last}\n)" if last else f"{head}\n__value__ = None", printed)
        except MontyCrashedError as error:
            return self._lost(printed, error.timed_out)
        except MontyError as error:
            return self._failed(printed, error)
        except RuntimeError:  # "this checkout has already been finished"
            return self._lost(printed, is_late=False)
        try:
            value, variables = _checked(self._feed("__report__(__value__, locals())", None))
        except MontyCrashedError as error:
            return self._lost(printed, error.timed_out)
        except MontyError as error:
            return Answer(printed.text(), error=_words(error))
        return Answer(printed.text(), value, "", variables)

    def close(self) -> None:
        """Give the worker back; what its snippets defined is gone."""
        with contextlib.suppress(Exception):  # a worker that is dead already
            self._session.__exit__(None, None, None)

    def _feed(self, code: str, printed: "_Printed | None") -> Any:
        return self._session.feed_run(code, print_callback=printed or _Printed())

    def _failed(self, printed: "_Printed", error: Any) -> Answer:
        from pydantic_monty import MontyCrashedError, MontyError

        words = _words(error)
        if words.startswith("TimeoutError: feed time limit"):
            return Answer(printed.text(), error=late(self._seconds), is_lost=True, did_finish=False)
        try:
            _, variables = _checked(self._feed("__report__(None, locals())", None))
        except MontyCrashedError:
            return self._lost(printed, is_late=True)
        except MontyError:  # a variable that cannot be told
            variables = {}
        except RuntimeError:  # monty ended the worker over this snippet: it had grown too large
            return Answer(printed.text(), error=words, is_lost=True, did_finish=False)
        return Answer(printed.text(), error=words, variables=variables)

    def _lost(self, printed: "_Printed", is_late: bool) -> Answer:
        return Answer(printed.text(), error=late(self._seconds) if is_late else ENDED, is_lost=True, did_finish=False)


class _Printed:
    """Takes what is printed and keeps the beginning."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0

    def __call__(self, stream: str, text: str) -> None:
        if self._length <= MAX_OUTPUT:
            self._parts.append(text[: MAX_OUTPUT + 1])
            self._length += len(text)

    def text(self) -> str:
        return cut("".join(self._parts), MAX_OUTPUT)


def _words(error: Any) -> str:
    return cut(str(error.display("type-msg") if hasattr(error, "display") else error), MAX_ERROR)


def _checked(report: Any) -> tuple[str, dict[str, str]]:
    """The report, when it has the form that ours has; a program can replace the function that makes it."""
    if not (isinstance(report, list) and len(report) == 2 and isinstance(report[0], str)):
        return "", {}
    named = report[1].items() if isinstance(report[1], dict) else ()
    pairs = [(name, text) for name, text in named if isinstance(name, str) and isinstance(text, str)]
    return cut(report[0], MAX_TEXT), {name[:100]: cut(text, MAX_TEXT) for name, text in pairs[:MAX_VARIABLES]}


def _checkout(seconds: float) -> Any:
    limits = {
        "max_feed_duration_secs": seconds,
        "max_memory": MAX_MEMORY,
        "max_recursion_depth": MAX_DEPTH,
        "max_suspensions": MAX_SUSPENSIONS,
    }
    policy = {"sleep": "zero", "random_start": {"seed": 0}}  # the same program gives the same result
    session = _started().checkout(limits=limits, os_policy=policy, assert_message_annotations=False)
    try:
        session.__enter__()
    except TimeoutError:
        raise RunError(
            f"{MAX_PROCESSES} Python interpreters are in use and none came free. Close some, try again."
        ) from None
    return session


def _started() -> Any:
    """The pool of this process. monty's threads do not live on in a forked process: there it would wait for ever."""
    global _pool, _owner
    if _pool is not None and _owner != os.getpid():
        raise RunError("Python cannot be run in a process forked from one that ran it. Start processes by spawn.")
    with _lock:
        if _pool is None:
            from pydantic_monty import Monty

            try:
                _pool = Monty(
                    max_processes=MAX_PROCESSES,
                    checkout_timeout=WAIT_SECONDS,
                    feed_duration_limit_grace=GRACE_SECONDS,
                    turn_duration_limit_grace=GRACE_SECONDS,
                )
                _pool.__enter__()
            except (OSError, RuntimeError) as error:
                _pool = None
                raise RunError(f"Python cannot be run: {error}. Install it: pip install pydantic-monty") from error
            _owner = os.getpid()
            atexit.register(_stop, _owner)
        return _pool


def _stop(owner: int) -> None:
    global _pool
    if _pool is not None and owner == os.getpid():
        pool, _pool = _pool, None
        pool.__exit__(None, None, None)
