"""Explorations under way: each of one trace, in a thread of its own, followed by whoever has the page open.

    search = searches.start(workbench.engine, store, trace, problem, Wish(budget=Budget(20_000, 60)))
    for _ in search.follow():           after every round, and once it is over
        search.progress, search.pit, search.failure
    search.stop()                       what has been found is kept

A search belongs to no page: after a reload, and in a second browser, the one that runs is followed. Searches take turns
at the model; one that waits can be stopped as well. What is found is in the store before a search says that it is over.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from reasoner.budget import NO_LIMIT, Budget, Progress
from reasoner.engines import Engine
from reasoner.errors import BadInput, WorkbenchError
from reasoner.explore import NUM_COMPLETIONS, Interrupted, explore, pits_of
from reasoner.records import JudgedBy, Pit, Problem, Trace
from reasoner.store import Store

__all__ = ["Budget", "Progress", "Search", "Searches", "Stops", "Wish"]

MAX_WAITING = 24  # searches that run or wait at once (ours: more would wait longer than anybody looks)
PAUSE = 0.12  # seconds between two looks of one follower: a page cannot draw faster
HEARTBEAT = 1.0  # seconds after which a follower is woken although nothing is new: has its page gone?
UNEXPECTED = "Exploring failed in a way that should not be. The server's log says how; your labels are safe."

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wish:
    """How a person wants a trace explored."""

    method: str = "adaptive"
    k: int = NUM_COMPLETIONS
    budget: Budget = NO_LIMIT
    judged_by: JudgedBy = "gold"


class Search:
    """One exploration: what it has found so far, and what became of it. What was sampled before counts, and is free."""

    def __init__(self, trace: Trace, problem: Problem, wish: Wish) -> None:
        self.trace, self.problem, self.wish = trace, problem, wish
        self.progress: Progress | None = None  # after the latest round
        self.pit: Pit | None = None  # in the end
        self.failure = ""  # for a person; what was found until then is in `pit` all the same
        self.is_waiting = True  # for its turn at the model
        self.is_over = False
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._version = 0

    @property
    def is_stopping(self) -> bool:
        return self._stop.is_set()

    def stop(self) -> None:
        """End after the round that is being sampled now."""
        self._stop.set()

    def follow(self) -> Iterator[None]:
        """Yields when there is news, at most every PAUSE seconds and at least every HEARTBEAT; last when it is over."""
        seen = -1
        while not self.is_over:
            with self._changed:
                if self._version == seen:
                    self._changed.wait(HEARTBEAT)
                seen = self._version
            yield
            time.sleep(PAUSE)
        yield

    def run(self, engine: Callable[[], Engine], store: Store, turn: threading.Lock) -> None:
        """The whole search, in the thread that is its own; every failure ends up in words."""
        try:
            while not turn.acquire(timeout=PAUSE):
                if self.is_stopping:
                    return
            try:
                self.is_waiting = False
                self._tell(None)
                self._explore(engine(), store)
            finally:
                turn.release()
        except WorkbenchError as error:
            self.failure = self.failure or str(error)
        except Exception:
            log.exception("exploring trace %s", self.trace.id)
            self.failure = UNEXPECTED
        finally:
            self.is_over = True
            self._tell(self.progress)

    def _explore(self, engine: Engine, store: Store) -> None:
        wish = self.wish
        try:
            self.pit = explore(
                engine,
                self.trace,
                self.problem,
                wish.k,
                method=wish.method,
                budget=wish.budget,
                watch=self._tell,
                should_stop=self._stop.is_set,
                judged_by=wish.judged_by,
                earlier=pits_of(store),
            )
        except Interrupted as error:
            self.failure = str(error)
            self.pit = next(iter(error.partial), None)
        if self.pit is not None and (self.pit.probes or not self.failure):
            store.add_pit(self.pit)

    def _tell(self, progress: Progress | None) -> None:
        with self._changed:
            self.progress = progress or self.progress
            self._version += 1
            self._changed.notify_all()


class Searches:
    """The explorations of one workbench, at most one a trace."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turn = threading.Lock()  # at the model
        self._searches: dict[str, Search] = {}  # trace id → its latest search

    def start(self, engine: Callable[[], Engine], store: Store, trace: Trace, problem: Problem, wish: Wish) -> Search:
        """Explore `trace` from now on; the search that is at it already, if there is one.

        Raises BadInput when too many are under way.
        """
        with self._lock:
            self._searches = {name: one for name, one in self._searches.items() if not one.is_over}
            known = self._searches.get(trace.id)
            if known:
                return known
            if len(self._searches) >= MAX_WAITING:
                raise BadInput(f"{MAX_WAITING} traces are being explored already. Stop one, or wait for its end.")
            search = self._searches[trace.id] = Search(trace, problem, wish)
        thread = threading.Thread(target=search.run, args=(engine, store, self._turn), name="explore", daemon=True)
        thread.start()
        return search

    def of(self, trace_id: str) -> Search | None:
        """The search that explores this trace now."""
        with self._lock:
            search = self._searches.get(trace_id)
        return search if search and not search.is_over else None

    def of_problem(self, problem_id: str) -> list[str]:
        """The traces of this problem that are being explored."""
        with self._lock:
            return [one.trace.id for one in self._searches.values() if one.problem.id == problem_id and not one.is_over]


class Stops:
    """Which samplings were asked to stop, by the names their pages gave them, even before they have begun."""

    KEPT = 1_000  # names; older ones are forgotten

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: OrderedDict[str, None] = OrderedDict()

    def ask(self, name: str) -> None:
        with self._lock:
            self._asked[name] = None
            while len(self._asked) > self.KEPT:
                self._asked.popitem(last=False)

    def is_asked(self, name: str) -> bool:
        with self._lock:
            return bool(name) and name in self._asked
