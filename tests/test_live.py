"""Explorations under way: followed from anywhere, stopped with what they found, at most one a trace."""

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from reasoner.budget import Budget
from reasoner.engines import Request
from reasoner.engines.scripted import ScriptedEngine
from reasoner.errors import BadInput, EngineError
from reasoner.live import MAX_WAITING, Search, Searches, Stops, Wish
from reasoner.records import Completion, Maker, Problem, Sampling, Step, Trace, Verdict, make_problem, make_trace
from reasoner.store import Store

PROBLEM = make_problem("Ana has 3 coins. Ben has 2 more than Ana. How many have they together?", "8", "test")
STEPS = ("Ben has 3 + 2 = 5 coins.", "Together they have 3 + 5 = 9 coins.", "The answer is 9.")
LINEAR = Wish("linear", 2)


class Gated(ScriptedEngine):
    """An engine that waits before each round until it is let on; `fails_at`: the round in which it dies."""

    def __init__(self, fails_at: int = 0) -> None:
        super().__init__(lambda prompt, seed: "The answer is 8." if "5 coins" in prompt[-30:] else "The answer is 9.")
        self.gate = threading.Semaphore(0)
        self.fails_at, self.rounds = fails_at, 0

    def _wait(self) -> None:
        assert self.gate.acquire(timeout=20)
        self.rounds += 1
        if self.rounds == self.fails_at:
            raise EngineError("The model is gone. Start it again.")

    def complete(self, prompts: Sequence[str], sampling: Sampling) -> list[list[Completion]]:
        self._wait()
        return super().complete(prompts, sampling)

    def complete_each(self, requests: Sequence[Request], sampling: Sampling) -> list[Completion]:
        self._wait()
        return super().complete_each(requests, sampling)


def made(problem: Problem = PROBLEM, name: str = "a") -> Trace:
    return make_trace(
        problem, prompt="", text="\n".join(STEPS), steps=[Step(text) for text in STEPS], answer="9",
        verdict=Verdict("wrong", "9"), maker=Maker("import", name), format="cot", created=1.0,
    )  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store.sqlite") as store:
        store.add_problems([PROBLEM])
        store.add_traces([made(), made(name="b")])
        yield store


def begun(searches: Searches, engine: ScriptedEngine, store: Store, wish: Wish = LINEAR, name: str = "a") -> Search:
    return searches.start(lambda: engine, store, made(name=name), PROBLEM, wish)


def ended(search: Search) -> Search:
    for _ in search.follow():
        pass
    assert search.is_over
    return search


def until_round(search: Search, num: int) -> None:
    for _ in search.follow():
        if search.progress and len(search.progress.probes) >= num:
            return


def test_a_search_tells_every_round_and_keeps_its_pit(store: Store) -> None:
    engine = Gated()
    search = begun(Searches(), engine, store)
    engine.gate.release()
    until_round(search, 1)
    assert search.progress is not None
    assert [probe.step for probe in search.progress.probes] == [0]
    assert not search.is_over
    engine.gate.release(9)
    pit = ended(search).pit
    assert pit is not None
    assert pit.step == 1
    assert [kept.id for kept in store.pits()] == [pit.id]
    assert search.failure == ""


def test_a_stopped_search_keeps_what_it_found_and_the_next_goes_on_from_there(store: Store) -> None:
    engine, searches = Gated(), Searches()
    search = begun(searches, engine, store)
    engine.gate.release()
    until_round(search, 1)
    search.stop()
    engine.gate.release()  # the round that was under way
    pit = ended(search).pit
    assert pit is not None
    assert pit.ended == "stopped"
    rounds = engine.rounds
    assert rounds <= 2
    engine.gate.release(9)
    again = ended(begun(searches, engine, store))
    assert again is not search
    assert again.pit is not None
    assert again.pit.step == 1
    assert engine.rounds == rounds + (len(pit.probes) < 2)  # what was sampled is not sampled again


def test_two_pages_that_explore_one_trace_follow_the_same_search(store: Store) -> None:
    engine, searches = Gated(), Searches()
    first, second = begun(searches, engine, store), begun(searches, engine, store, Wish("binary", 9))
    assert first is second
    assert searches.of(made().id) is first
    assert searches.of_problem(PROBLEM.id) == [made().id]
    engine.gate.release(9)
    ended(first)
    assert searches.of(made().id) is None
    assert searches.of_problem(PROBLEM.id) == []


def test_searches_take_turns_and_one_that_waits_can_be_stopped(store: Store) -> None:
    engine, searches = Gated(), Searches()
    first = begun(searches, engine, store)
    until = time.monotonic() + 20
    while first.is_waiting and time.monotonic() < until:
        time.sleep(0.01)
    second = begun(searches, engine, store, name="b")
    assert second.is_waiting
    second.stop()
    assert ended(second).pit is None
    assert second.failure == ""
    engine.gate.release(9)
    assert ended(first).pit is not None


def test_an_engine_that_dies_midway_is_said_and_what_was_found_is_kept(store: Store) -> None:
    engine = Gated(fails_at=2)
    engine.gate.release(9)
    search = ended(begun(Searches(), engine, store))
    assert "The model is gone" in search.failure
    [pit] = store.pits()
    assert [probe.step for probe in pit.probes] == [0]
    assert pit.ended.startswith("the engine failed")


def test_an_engine_that_dies_at_once_leaves_nothing_behind(store: Store) -> None:
    engine = Gated(fails_at=1)
    engine.gate.release()
    assert ended(begun(Searches(), engine, store)).failure
    assert store.pits() == []


def test_a_budget_of_nothing_samples_nothing(store: Store) -> None:
    engine = Gated()
    search = ended(begun(Searches(), engine, store, Wish(budget=Budget(tokens=0))))
    assert (engine.rounds, search.failure) == (0, "")
    assert search.pit is not None
    assert search.pit.probes == ()


def test_what_cannot_be_explored_is_refused_in_words(store: Store) -> None:
    unknown = make_problem("How many?", None, "test")
    store.add_problems([unknown])
    store.add_traces([made(unknown)])
    search = Searches().start(Gated, store, made(unknown), unknown, LINEAR)
    assert "right answer is not known" in ended(search).failure


def test_a_failure_nobody_foresaw_ends_the_search_in_words(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> ScriptedEngine:
        raise ZeroDivisionError("secret")

    searches = Searches()
    search = ended(searches.start(broken, store, made(), PROBLEM, LINEAR))
    assert "should not be" in search.failure
    assert "secret" not in search.failure
    assert "secret" in caplog.text
    engine = Gated()
    engine.gate.release(9)
    assert ended(begun(searches, engine, store)).pit is not None  # the turn was given back


def test_too_many_searches_are_refused(store: Store) -> None:
    engine, searches = Gated(), Searches()
    traces = [made(name=str(number)) for number in range(MAX_WAITING + 1)]
    store.add_traces(traces)
    begun_ones = [searches.start(lambda: engine, store, one, PROBLEM, LINEAR) for one in traces[:MAX_WAITING]]
    with pytest.raises(BadInput, match="Stop one"):
        searches.start(lambda: engine, store, traces[-1], PROBLEM, LINEAR)
    for search in begun_ones:
        search.stop()
    engine.gate.release(9)
    for search in begun_ones:
        ended(search)


def test_a_stop_counts_before_its_sampling_has_begun() -> None:
    stops = Stops()
    assert not stops.is_asked("page-1")
    stops.ask("page-1")
    assert stops.is_asked("page-1")
    assert not stops.is_asked("page-2")
    assert not stops.is_asked("")
    for number in range(Stops.KEPT):
        stops.ask(f"other-{number}")
    assert not stops.is_asked("page-1")
