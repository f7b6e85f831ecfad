"""A person's "stop", heard by an engine in the middle of a call.

    with stoppable(lambda: has_pressed_stop):
        engine.complete(prompts, sampling)      raises Stopped as soon as it is asked to

An engine that waits for others asks `is_asked_to_stop` while it waits. The question belongs to the thread that asks
the engine. Wrap the engine's call alone, not a `yield`.

Not covered: engines that do not ask; they end their call first.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from reasoner.errors import EngineError

_asked: ContextVar[Callable[[], bool] | None] = ContextVar("asked", default=None)


class Stopped(EngineError):
    """The call was stopped because somebody asked for it; what had arrived is kept by the engine."""


@contextmanager
def stoppable(should_stop: Callable[[], bool] | None) -> Iterator[None]:
    """Engines called inside may end their call with `Stopped` once `should_stop()` is true."""
    token = _asked.set(should_stop)
    try:
        yield
    finally:
        _asked.reset(token)


def can_be_stopped() -> bool:
    """Is there anybody who might ask for a stop?"""
    return _asked.get() is not None


def is_asked_to_stop() -> bool:
    should_stop = _asked.get()
    return should_stop is not None and should_stop()
