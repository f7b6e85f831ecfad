"""Pits go out with their evidence and come back as they were; a file that cannot be is refused in words."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reasoner.errors import BadInput
from reasoner.interchange import export_file, export_text, import_file
from reasoner.records import Pit, Probe, Trace
from reasoner.store import Store
from reasoner.store.gold import new_review
from tests.test_store_queues import SURE, a_pit, new_trace, said


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "other.sqlite") as store:
        yield store


def evidence(trace: Trace, name: str = "") -> Pit:
    """A pit with all that a search can leave behind."""
    pit = a_pit(trace, 1, SURE, name)
    asked = (
        Probe(0, ("The answer is 7.", "<b>é\u2028"), (True, False), 30, "question\nstep 0\n", (False, True)),
        Probe(1, ("no",) * 4, (False,) * 4, 40, "question\nstep 0\nstep 1\n", (False,) * 4, False),
    )
    return replace(pit, probes=asked, judged_by="agreement", ended="sure enough", created=12.5, seconds=3.25)


def row(store: Store) -> dict[str, Any]:
    """The one line of an export of pits."""
    text, _ = export_text(store, "pits")
    return json.loads(text)


def test_pits_come_back_as_they_were_and_twice_adds_nothing(store: Store, other: Store, tmp_path: Path) -> None:
    file = tmp_path / "pits.jsonl"
    pits = [evidence(trace, str(number)) for number in range(3) for trace in [new_trace(store, number)]]
    pits.append(replace(evidence(new_trace(store, 0), "again"), posterior=(), step=None, judged_by="gold"))
    for pit in pits:
        store.add_pit(pit)
    assert export_file(store, "pits", file).kept == 4
    counts = import_file(other, file)
    assert (counts.kept, counts.unchanged, counts.dropped) == (4, 0, {})
    assert sorted(map(repr, other.pits())) == sorted(map(repr, pits))
    assert {trace.id for pit in pits if (trace := other.trace(pit.trace_id))} == {pit.trace_id for pit in pits}
    assert str(import_file(other, file)) == "0 kept, 4 already there"
    assert str(import_file(store, file)) == "0 kept, 4 already there"


def test_a_line_tells_the_recovery_rates_with_intervals(store: Store) -> None:
    store.add_pit(evidence(new_trace(store)))
    told = row(store)
    assert {"question", "answer", "steps", "pit", "recovery"} <= told.keys()
    assert told["pit"]["posterior"] == list(SURE) and told["pit"]["judged_by"] == "agreement"
    for rate in told["recovery"]:
        assert 0 <= rate["low"] <= rate["rate"] <= rate["high"] <= 1 and rate["successes"] <= rate["tries"]
    assert [rate["step"] for rate in told["recovery"]] == [0, 1]


def test_what_a_file_brings_stands_in_the_queues(store: Store, other: Store, tmp_path: Path) -> None:
    trace = new_trace(store)
    store.add_pit(evidence(trace))
    export_file(store, "pits", tmp_path / "pits.jsonl")
    import_file(other, tmp_path / "pits.jsonl")
    other.add_label(said(trace, 0))
    assert [one.trace_id for one in other.queues.disagreements("ada")] == [trace.id]


def test_a_pit_of_another_gold_answer_is_kept_and_has_no_word(store: Store, other: Store, tmp_path: Path) -> None:
    trace = new_trace(store)
    store.add_pit(evidence(trace))
    export_file(store, "pits", tmp_path / "pits.jsonl")
    new_trace(other)
    problem = other.problem(trace.problem_id)
    assert problem is not None
    other.gold.add(new_review(problem, "corrected", "ada", "8"))
    assert import_file(other, tmp_path / "pits.jsonl").kept == 1
    assert other.pits() == [] and other.stats()["pits"] == 1 and other.queues.counts()["without_posterior"] == 0
    other.gold.undo("ada", trace.problem_id)
    assert len(other.pits()) == 1


def test_many_pits_are_read_a_page_at_a_time(store: Store) -> None:
    trace = new_trace(store)
    for number in range(7):
        store.add_pit(a_pit(trace, 1, SURE, str(number)))
    from reasoner.store.pits import iter_pits

    assert [pit.id for pit in iter_pits(store._reading, page=3)] == [pit.id for pit in store.pits()]
    assert list(store.iter_pits()) == store.pits()


BAD: dict[str, Any] = {
    "step out of range": {"step": 3},
    "step no number": {"step": "1"},
    "posterior too short": {"posterior": [0.5, 0.5]},
    "posterior no chances": {"posterior": [2, -1, 0, 0]},
    "posterior not finite": {"posterior": [float("nan"), 0, 0, 1]},
    "posterior no list": {"posterior": "sure"},
    "k": {"k": "4"},
    "k of none": {"k": 0},
    "judge": {"judged_by": "me"},
    "no id": {"id": ""},
    "no method": {"method": None},
    "long id": {"id": "x" * 81},
    "probes": {"probes": "none"},
    "a probe": {"probes": [3]},
    "a probe's step": {"probes": [{"step": 9, "completions": [], "recovered": []}]},
    "a probe's words": {"probes": [{"step": 0, "completions": [1], "recovered": [True]}]},
    "a probe's flags": {"probes": [{"step": 0, "completions": ["a"], "recovered": [1]}]},
    "a flag missing": {"probes": [{"step": 0, "completions": ["a", "b"], "recovered": [True]}]},
    "maker": {"maker": {"engine": 3}},
    "created": {"created": "yesterday"},
    "ended": {"ended": ["x"]},
}


@pytest.mark.parametrize("change", BAD.values(), ids=BAD)
def test_a_pit_that_cannot_be_is_refused_in_words_with_its_line(
    store: Store, other: Store, tmp_path: Path, change: dict[str, Any]
) -> None:
    store.add_pit(evidence(new_trace(store)))
    told = row(store)
    told["pit"] |= change
    file = tmp_path / "bad.jsonl"
    file.write_text(json.dumps(told) + "\n")
    with pytest.raises(BadInput, match="line 1"):
        import_file(other, file, "pits")
    assert other.stats()["pits"] == 0


def test_a_pit_without_its_solution_is_refused(other: Store, tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text(json.dumps({"question": "What is 2 + 2?", "pit": {"id": "x"}}) + "\n")
    with pytest.raises(BadInput, match="without a solution"):
        import_file(other, file)
