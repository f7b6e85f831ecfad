"""What value models think of traces is kept beside them: one score a state, one row a trace and model."""

from dataclasses import replace
from pathlib import Path

import pytest

from reasoner.errors import BadInput
from reasoner.records import Trace, Valuation
from reasoner.store import Store
from reasoner.store import schema as store_schema
from tests.training_help import RIGHT, WRONG, problem, trace


@pytest.fixture
def traces(store: Store) -> list[Trace]:
    """A right and a wrong trace of problem 2, a wrong one of problem 3; three steps each."""
    made = [trace(problem(2), RIGHT), trace(problem(2), WRONG, 1), trace(problem(3), WRONG)]
    store.add_problems([problem(2), problem(3)])
    store.add_traces(made)
    return made


def valuation(of: Trace, *scores: float, by: str = "value-1", created: float = 5.0) -> Valuation:
    return Valuation(of.id, by, scores, created)


def test_valuations_come_back_as_they_were(store: Store, traces: list[Trace]) -> None:
    kept = [valuation(traces[0], 0.5, 1 / 3, 0.9), valuation(traces[1], 0.5, 0.0, 1.0)]
    counts = store.add_valuations(kept)
    assert (counts.kept, counts.unchanged) == (2, 0)
    assert store.valuations(problem(2).id) == kept


def test_they_are_found_by_problem_by_trace_and_by_model(store: Store, traces: list[Trace]) -> None:
    first, second, third = (valuation(one, 0.1, 0.2, 0.3) for one in traces)
    other = valuation(traces[0], 0.9, 0.9, 0.9, by="value-2", created=6.0)
    store.add_valuations([first, second, third, other])
    assert store.valuations(problem(3).id) == [third]
    assert store.valuations(trace_id=traces[0].id) == [first, other]
    assert store.valuations(problem(2).id, by="value-2") == [other]
    assert store.valuations() == [first, second, third, other]
    assert store.valuers() == ["value-2", "value-1"]


def test_a_models_newer_scores_replace_its_older_ones(store: Store, traces: list[Trace]) -> None:
    store.add_valuations([valuation(traces[0], 0.1, 0.1, 0.1)])
    again = store.add_valuations([valuation(traces[0], 0.1, 0.1, 0.1, created=9.0)])
    assert (again.kept, again.unchanged) == (0, 1)
    newer = valuation(traces[0], 0.1, 0.1, 0.2, created=9.0)
    assert store.add_valuations([newer]).kept == 1
    assert store.valuations() == [newer]


def test_a_store_without_valuations_has_none(store: Store, traces: list[Trace]) -> None:
    assert store.valuations(problem(2).id) == [] and store.valuers() == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"trace_id": "nowhere"}, "not in the store"),
        ({"scores": (0.1, 0.2)}, "2 scores were given for 3 steps"),
        ({"scores": (0.1, 0.2, 1.1)}, "from 0 to 1"),
        ({"scores": (0.1, 0.2, float("nan"))}, "from 0 to 1"),
        ({"by": " "}, "1 to 80 printable"),
        ({"by": "a\nb"}, "1 to 80 printable"),
        ({"created": float("inf")}, "time"),
    ],
)
def test_one_that_does_not_fit_is_refused_and_none_of_its_batch_is_kept(
    store: Store, traces: list[Trace], change: dict[str, object], said: str
) -> None:
    good = valuation(traces[1], 0.1, 0.2, 0.3)
    with pytest.raises(BadInput, match=said):
        store.add_valuations([good, replace(valuation(traces[0], 0.1, 0.2, 0.3), **change)])  # type: ignore[arg-type]
    assert store.valuations() == []


def test_a_store_from_before_values_gains_their_table_and_keeps_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, everything = tmp_path / "old.sqlite", store_schema.migrations()
    monkeypatch.setattr(store_schema, "migrations", lambda: everything[:3])
    with Store(path) as store:
        store.add_problems([problem(2)])
        store.add_traces([trace(problem(2), RIGHT)])
    monkeypatch.setattr(store_schema, "migrations", lambda: everything)
    with Store(path) as store:
        [kept] = store.traces(problem(2).id)
        assert store.add_valuations([valuation(kept, 0.1, 0.2, 0.3)]).kept == 1
