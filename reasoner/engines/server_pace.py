"""How much one server is asked at a time, when it is left alone, and when it is given up.

    pace = Pace(most=32)
    pace.has_room(now)                     may a request go out?
    pace.was_busy(sent, now, told=7.0)     429: half as many at a time, and nothing for 7 seconds
    pace.has_failed(sent, now, "…")        no answer: out for a while, then one request as a trial
    pace.has_answered(sent)                one more at a time for each round that went well

Additive increase, multiplicative decrease, as TCP has it (Chiu and Jain 1989). The first request goes alone: it finds
out what the server can do. Waits double from try to try and are spread by chance, so that many clients do not come
back at the same moment; where the server says how long (Retry-After), that is kept. What fails together, because it
was sent before the failure was known, counts as one failure.

Times are seconds of one clock that never goes back. No network here, and no waiting: the caller does both.

Not covered: limits of requests or tokens a minute that a server announces in headers; they are met as refusals.
"""

import random
from collections.abc import Callable

TRIES = 4  # failures one after the other before a server, or a request, is given up
LONGEST_WAIT = 60.0  # seconds between two tries, whatever Retry-After says
PATIENCE = 180.0  # seconds of nothing but "busy" before a server is given up. Ours


class Pace:
    """The state of one server."""

    def __init__(
        self,
        most: int,
        pause: float = 0.5,
        patience: float = PATIENCE,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """most: requests at a time at best. pause: seconds before a second try. chance: draws from 0 to 1."""
        self.most = most
        self.limit = float(most)  # requests at a time for now
        self.in_flight = 0
        self.resumes_at = 0.0  # nothing is sent before
        self.failures = 0  # one after the other
        self.reason = ""  # of the last failure, for a person
        self.is_proven = False  # it has answered since it was last out
        self._pause, self._patience, self._chance = pause, patience, chance
        self._is_given_up = False
        self._refusals = 0  # one after the other
        self._busy_since: float | None = None
        self._last_event = -1.0

    @property
    def is_dead(self) -> bool:
        """Has it failed so often that nobody waits for it any more? It is tried again all the same."""
        return self.failures >= TRIES

    def has_room(self, now: float) -> bool:
        at_a_time = max(1, int(self.limit)) if self.is_proven else 1
        return now >= self.resumes_at and self.in_flight < at_a_time

    def has_answered(self, sent: float) -> bool:
        """An answer that can be used. Is it the first after the server was out?"""
        if self._is_given_up and sent < self._last_event:
            return False  # it was asked before
        self._is_given_up = False
        was_out = bool(self.reason) and not self.is_proven
        self.failures, self._refusals, self._busy_since = 0, 0, None
        self.is_proven = True
        self.reason = ""
        self.limit = min(float(self.most), self.limit + 1 / max(1.0, self.limit))
        return was_out

    def was_busy(self, sent: float, now: float, told: float | None, reason: str) -> None:
        """It said 429 or the like. told: seconds it asks to wait, None if it does not say."""
        self._busy_since = now if self._busy_since is None else self._busy_since
        if told is not None:
            self.resumes_at = max(self.resumes_at, now + min(told, LONGEST_WAIT))
        if sent >= self._last_event:
            self._last_event = now
            self._refusals += 1
            self._cut()
            if told is None:
                self.resumes_at = now + self._wait(self._refusals)
        if self._refusals >= TRIES and now - self._busy_since > self._patience:
            self.failures, self.reason = TRIES, reason

    def has_failed(self, sent: float, now: float, reason: str, is_certain: bool = True) -> None:
        """No answer, or one that cannot be used. Out for a while, from the second time on if it is not certain."""
        self.reason = reason
        if sent < self._last_event:
            return
        self._last_event = now
        self.failures += 1
        if is_certain or self.failures > 1:
            self._cut()
            self.resumes_at = max(self.resumes_at, now + self._wait(self.failures))
            self.is_proven = False

    def is_given_up(self, now: float, reason: str) -> None:
        """It will not do, however often it is asked: a wrong key, another model. Once in a while it is asked again."""
        self.reason, self.failures, self.is_proven = reason, TRIES, False
        self._is_given_up, self._last_event = True, now
        self.resumes_at = now + LONGEST_WAIT

    def gets_another_chance(self) -> None:
        """All servers are dead and a new call begins: it is asked once more, at once."""
        self.failures = min(self.failures, TRIES - 1)
        self._busy_since = None
        self.resumes_at = 0.0

    def _cut(self) -> None:
        self.limit = max(1.0, self.limit / 2)

    def _wait(self, number: int) -> float:
        return float(min(LONGEST_WAIT, self._pause * 2 ** min(number - 1, 10)) * (0.5 + self._chance()))
