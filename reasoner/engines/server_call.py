"""One call of the server engine: its requests spread over the servers, lost ones sent again, the completions gathered.

    call = Call(endpoints, sampling, changed, counts)
    await call.run(asks)
    call.done[Request(prompt, seed, limit)]        the completion
    call.failed                                    [(prompts, error), …] of requests that cannot be answered

Each request goes to the server with the fewest under way; among equals, questions that begin alike go to the same one,
which may still have what it computed of their beginning.

What fails: a request that this server would refuse again (a prompt beyond the context) is put aside, and all others are
brought in before the caller hears of it. A request that finds no answer is sent again, to another server if there is
one, up to TRIES times. A server that does not answer, answers with garbage, or wants another key is out: said in the
log, and tried again later. When all are out, or the very first request fails, nothing more is sent and what is under
way is cancelled: `GivenUp`. Whatever arrived stays in `done`.

Not covered: which of several calls comes first, where servers are short of places; fairness is the servers'.
"""

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Sequence
from zlib import crc32

from reasoner.engines.prompts import Request
from reasoner.engines.server_asks import MOST_COMPLETIONS, Ask
from reasoner.engines.server_endpoint import BUSY, Endpoint, NoRoute
from reasoner.engines.server_http import Unreachable
from reasoner.engines.server_models import none_of
from reasoner.engines.server_pace import TRIES
from reasoner.engines.server_replies import Garbled, NotTogether, Refused, error_of
from reasoner.errors import EngineError, WorkbenchError
from reasoner.records import Completion, Sampling

log = logging.getLogger(__name__)

BEGINNING = 256  # characters, of the first line: the question, by which a prompt is kept at one server


class GivenUp(Exception):
    """Nothing more can be had; `error` says why to a person."""

    def __init__(self, error: WorkbenchError) -> None:
        super().__init__(str(error))
        self.error = error


class Call:
    """The requests of one call and what has become of them."""

    def __init__(
        self, endpoints: Sequence[Endpoint], sampling: Sampling, changed: asyncio.Event, counts: Counter[str]
    ) -> None:
        """changed: set whenever a server has room again, shared by all calls. counts: what happened, added to."""
        self.done: dict[Request, Completion] = {}
        self.failed: list[tuple[tuple[str, ...], WorkbenchError]] = []
        self.sampling = sampling
        self._endpoints, self._changed, self._counts = endpoints, changed, counts
        self._todo: deque[Ask] = deque()
        self._running = 0
        self._has_arrived = False  # anything at all, in this call

    async def run(self, asks: Sequence[Ask]) -> None:
        """Send everything. Raises GivenUp; cancelling it cancels what is under way."""
        self._todo.extend(asks)
        if all(one.pace.is_dead for one in self._endpoints):  # what was given up may have come back since
            for one in self._endpoints:
                one.pace.gets_another_chance()
        error: Exception | None = None
        try:
            async with asyncio.TaskGroup() as group:
                while self._todo or self._running:
                    if not self._todo:
                        await self._wait(None)
                        continue
                    endpoint = await self._free_endpoint(self._todo[0].prompts[0])
                    ask, rest = self._todo.popleft().split(endpoint.at_once or MOST_COMPLETIONS)
                    if rest:
                        self._todo.appendleft(rest)
                    self._running += 1
                    group.create_task(self._send(ask, endpoint))
        except* Exception as several:  # noqa: BLE001  a group always; the first of it is raised as it is
            error = _first(several)
        if error:
            raise error

    async def _free_endpoint(self, prompt: str) -> Endpoint:
        """The server with the fewest requests under way, as soon as one has room; a place is taken there."""
        while True:
            now = time.monotonic()
            if all(one.pace.is_dead for one in self._endpoints):
                raise GivenUp(self._all_out())
            ready = [one for one in self._endpoints if one.pace.has_room(now)]
            if ready:
                chosen = min(ready, key=lambda one: (one.pace.in_flight, _affinity(prompt, one.url)))
                chosen.pace.in_flight += 1
                return chosen
            waits = [one.pace.resumes_at - now for one in self._endpoints if one.pace.resumes_at > now]
            await self._wait(min(waits, default=None))

    async def _wait(self, seconds: float | None) -> None:
        """Until something has changed, or so long."""
        self._changed.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            pass

    async def _send(self, ask: Ask, endpoint: Endpoint) -> None:
        sent = time.monotonic()
        try:
            await self._check(endpoint)
            rows = await endpoint.ask(ask, self.sampling)
        except NotTogether:
            self._todo.extendleft(reversed(ask.singles()))
        except NoRoute as missing:
            self._put_aside(ask, missing.error)
        except Unreachable as lost:
            self._again(ask, endpoint, sent, lost.reason, lost.is_certain, lost.was_sent)
        except Garbled as garbled:
            self._again(ask, endpoint, sent, f"The server at {endpoint.url} cannot be used: {garbled}.", False)
        except Refused as refused:
            self._refused(ask, endpoint, sent, refused)
        else:
            if endpoint.pace.has_answered(sent) and len(self._endpoints) > 1:
                log.warning("The server at %s answers again.", endpoint.url)
            self._take(ask, rows)
        finally:
            self._running -= 1
            endpoint.pace.in_flight -= 1
            self._changed.set()

    async def _check(self, endpoint: Endpoint) -> None:
        """A server that was away when the engine was loaded: does it serve the same model as the others?"""
        if endpoint.is_checked:
            return
        models = await endpoint.models()
        if models is not None and endpoint.model and endpoint.model not in models:
            raise Refused(404, f"The model {endpoint.model} is not served here, but {', '.join(models)[:200]}")
        endpoint.is_checked = True

    def _take(self, ask: Ask, rows: list[list[Completion]]) -> None:
        """Keep what arrived, and ask for what is missing."""
        for prompt, row in zip(ask.prompts, rows, strict=True):
            self.done |= zip(ask.requests(prompt, 0, len(row)), row, strict=True)
        self._has_arrived = True
        arrived = len(rows[0])
        if arrived < ask.num:
            self._todo.appendleft(ask._replace(seed=ask.seed + arrived, num=ask.num - arrived))

    def _refused(self, ask: Ask, endpoint: Endpoint, sent: float, refused: Refused) -> None:
        error = error_of(refused, endpoint.url, endpoint.model)
        if refused.is_for_every_request:
            endpoint.pace.is_given_up(time.monotonic(), str(error))
            self._say_out(endpoint)
            self._todo.appendleft(ask)
        elif refused.status in BUSY:
            self._counts["requests refused because the server was busy"] += 1
            endpoint.pace.was_busy(sent, time.monotonic(), refused.retry_after, str(error))
            self._todo.appendleft(ask)
        elif refused.status >= 500:
            self._again(ask, endpoint, sent, str(error), False)
        else:
            self._put_aside(ask, error)

    def _again(
        self, ask: Ask, endpoint: Endpoint, sent: float, reason: str, is_certain: bool, was_sent: bool = True
    ) -> None:
        """A request without an answer: the server is watched, the request sent again unless it has had its tries."""
        self._counts["requests sent again"] += 1
        was_proven = endpoint.pace.is_proven
        endpoint.pace.has_failed(sent, time.monotonic(), reason, is_certain)
        if was_proven and not endpoint.pace.is_proven:
            self._say_out(endpoint)
        tried = ask._replace(tries=ask.tries + was_sent)
        if tried.tries >= TRIES:
            self._put_aside(ask, EngineError(reason))
        elif tried.tries < TRIES // 2:
            self._todo.appendleft(tried)
        else:  # it may be one of the prompts: the others need not suffer
            self._todo.extendleft(reversed(tried.singles()))

    def _put_aside(self, ask: Ask, error: WorkbenchError) -> None:
        self._counts["requests that failed"] += 1
        self.failed.append((ask.prompts, error))
        if not self._has_arrived:
            raise GivenUp(error)

    def _say_out(self, endpoint: Endpoint) -> None:
        others = sum(not one.pace.is_dead for one in self._endpoints if one is not endpoint)
        if len(self._endpoints) > 1:
            log.warning("%s %d of the other servers go on; it is tried again later.", endpoint.pace.reason, others)

    def _all_out(self) -> WorkbenchError:
        reasons = [one.pace.reason for one in self._endpoints]
        if len(reasons) == 1:
            return EngineError(reasons[0])
        return none_of(reasons)


def _affinity(prompt: str, url: str) -> int:
    return crc32((url + prompt[:BEGINNING].split("\n")[0]).encode("utf-8", "replace"))


def _first(several: ExceptionGroup[Exception]) -> Exception:
    found: Exception = several
    while isinstance(found, ExceptionGroup):
        found = found.exceptions[0]
    return found
