"""One thread of this process in which all servers are talked to, however many threads ask.

    result = wait_for(coroutine)        from any thread; an interrupt or a stop cancels the coroutine and is raised

Waiting for hundreds of answers takes one thread that way, and a request that nobody wants any more ends at once.
"""

import asyncio
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from reasoner.engines.stopping import Stopped, can_be_stopped, is_asked_to_stop

Result = TypeVar("Result")

POLL = 0.05  # seconds between two looks whether somebody wants to stop

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_process = 0  # in which the loop runs: a forked process needs its own


def wait_for(work: Coroutine[Any, Any, Result]) -> Result:
    """The coroutine's result, whatever it raises, or Stopped when the calling thread is asked to stop."""
    future: Future[Result] = asyncio.run_coroutine_threadsafe(work, _running_loop())
    try:
        while can_be_stopped():
            try:
                return future.result(POLL)
            except TimeoutError:
                if future.done():
                    raise
            if is_asked_to_stop():
                raise Stopped("Stopped: the requests under way were cancelled, and what had arrived is kept.")
        return future.result()
    except BaseException:
        future.cancel()  # nothing happens where it is over
        raise


def later(work: Coroutine[Any, Any, object]) -> None:
    """Let the coroutine run, and wait for nothing."""
    asyncio.run_coroutine_threadsafe(work, _running_loop())


def _running_loop() -> asyncio.AbstractEventLoop:
    global _loop, _process
    with _lock:
        if _loop is None or _process != os.getpid():
            _loop, _process = asyncio.new_event_loop(), os.getpid()
            threading.Thread(target=_loop.run_forever, name="servers", daemon=True).start()
        return _loop
