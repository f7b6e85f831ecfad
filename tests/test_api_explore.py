"""find_pit for programs: what it takes, what it gives, and what it refuses."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reasoner.api import Api
from reasoner.engines.scripted import ScriptedEngine
from reasoner.errors import BadInput, EngineError
from reasoner.records import Maker, Step, Trace, Verdict, make_problem, make_trace
from reasoner.store import Store
from reasoner.workbench import Workbench

PROBLEM = make_problem("Ana has 500 coins. Ben has twice as many. How many has Ben?", "1000", "typed")
UNKNOWN = make_problem("Ana has 500 coins. Cal has twice as many. How many has Cal?", None, "typed")
LINES = [f"Line {letter}." for letter in "abcdef"]


class Bench(Workbench):
    """Recovers up to step 1, and asks no file for its engine."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, model="scripted:none")
        self.num, self.left = 0, 10**9
        self.own = ScriptedEngine(self._write)

    def engine(self) -> ScriptedEngine:
        return self.own

    def _write(self, prompt: str, seed: int) -> str:
        self.left -= 1
        if self.left < 0:
            raise EngineError("The server does not answer any more.")
        self.num += 1
        return f"The answer is {1000 if prompt.count(chr(10)) - 1 <= 2 else 7}."


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Store(tmp_path / "store.sqlite") as store:
        store.add_problems([PROBLEM, UNKNOWN])
        yield Bench(store)


@pytest.fixture
def api(bench: Bench) -> Api:
    return Api(bench)


def add_trace(bench: Bench, problem: Any = PROBLEM, status: Any = "wrong") -> Trace:
    trace = make_trace(
        problem,
        prompt=problem.question + "\n",
        text="\n".join(LINES),
        steps=[Step(line) for line in LINES],
        answer="7",
        verdict=Verdict(status),
        maker=Maker("scripted", "script"),
        format="cot",
    )
    bench.store.add_traces([trace])
    return trace


def find(api: Api, trace: Trace, **settings: Any) -> dict[str, Any]:
    found = api.functions()["find_pit"](trace.id, **settings)
    json.dumps(found)
    return dict(found)


@pytest.mark.parametrize("method", ["adaptive", "linear", "binary"])
def test_a_pit_comes_with_its_posterior_and_its_recovery_rates(api: Api, bench: Bench, method: str) -> None:
    pit = find(api, add_trace(bench), k=8, method=method)
    assert (pit["step"], pit["method"], pit["judged_by"], pit["is_unfinished"]) == (2, method, "gold", False)
    assert sum(pit["posterior"]) == pytest.approx(1) and len(pit["posterior"]) == 7 and pit["ended"]
    assert pit["num_tokens"] == 5 * bench.num
    assert (pit["before"]["step"], pit["after"]["step"]) == (1, 2)
    assert pit["before"]["low"] < pit["before"]["rate"] == 1 == pit["before"]["high"]
    assert (pit["after"]["successes"], pit["after"]["low"]) == (0, 0) and 0 < pit["after"]["high"] < 1
    assert [one["step"] for one in pit["recovery"]] == sorted({probe["step"] for probe in pit["probes"]})


def test_a_search_out_of_its_budget_goes_on_when_asked_again(api: Api, bench: Bench) -> None:
    trace = add_trace(bench)
    first = find(api, trace, k=8, max_tokens=10)
    assert first["is_unfinished"] and "budget is spent" in first["ended"] and first["num_tokens"] == 10
    second = find(api, trace, k=8)
    assert second["step"] == 2 and first["num_tokens"] + second["num_tokens"] == 5 * bench.num
    again = find(api, trace, k=8)
    assert (again["num_tokens"], again["posterior"]) == (0, pytest.approx(second["posterior"]))
    kept = api.get_problem(PROBLEM.id)["pits"]
    assert [pit["id"] for pit in kept] == [first["id"], second["id"]] and kept[1]["recovery"] == second["recovery"]


def test_nothing_is_sampled_for_nothing(api: Api, bench: Bench) -> None:
    for budget in ({"max_tokens": 0}, {"max_seconds": 0}):
        pit = find(api, add_trace(bench), **budget)
        assert (pit["step"], pit["probes"], bench.num) == (None, (), 0)


def test_without_a_gold_answer_it_is_refused_or_judged_by_agreement(api: Api, bench: Bench) -> None:
    trace = add_trace(bench, UNKNOWN, "unjudged")
    with pytest.raises(BadInput, match="by agreement"):
        find(api, trace)
    pit = find(api, trace, k=8, judged_by="agreement")
    assert (pit["step"], pit["judged_by"]) == (2, "agreement") and "judged by the answer 1000" in pit["ended"]


def test_an_engine_that_dies_leaves_what_it_gave(api: Api, bench: Bench) -> None:
    trace = add_trace(bench)
    bench.left = 3
    with pytest.raises(EngineError, match="does not answer"):
        find(api, trace, k=8)
    [pit] = api.get_problem(PROBLEM.id)["pits"]
    assert pit["is_unfinished"] and pit["num_tokens"] == 15
    bench.left = 1000
    assert find(api, trace, k=8)["step"] == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"k": 0},
        {"k": 33},
        {"method": "guess"},
        {"judged_by": "feeling"},
        {"max_tokens": -1},
        {"max_tokens": "many"},
        {"max_seconds": -0.5},
        {"max_seconds": float("nan")},
    ],
)
def test_settings_that_make_no_sense_are_refused(api: Api, bench: Bench, wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        find(api, add_trace(bench), **wrong)
