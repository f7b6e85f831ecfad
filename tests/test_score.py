"""Scores: a detector's first wrong steps against people's labels, counted as the papers count them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoner.__main__ import main
from reasoner.checks.answers import judge
from reasoner.errors import BadInput
from reasoner.records import Label, LabelKind, Maker, Trace, make_problem, make_trace
from reasoner.score import DETECTORS, Detection, Unjudged, rates, score, table, wilson
from reasoner.steps import tag_steps
from reasoner.store import Store


def add(store: Store, name: str, steps: list[str], gold: str, answer: str | None) -> Trace:
    problem = make_problem(f"How many {name}?", gold, "test")
    trace = make_trace(
        problem,
        prompt="",
        text="\n".join(steps),
        steps=tag_steps(steps),
        answer=answer,
        verdict=judge(gold, answer),
        maker=Maker("test"),
        format="cot",
    )
    store.add_problems([problem])
    store.add_traces([trace])
    return trace


def flag(store: Store, trace: Trace, step: int | None, annotator: str = "ada", kind: LabelKind | None = None) -> None:
    kind = kind or ("all_right" if step is None else "first_wrong")
    store.add_label(Label.of(trace, kind=kind, step=step, annotator=annotator))


@pytest.fixture
def labelled(store: Store) -> Store:
    flag(store, add(store, "eggs", ["3 + 4 = 7", "7 * 2 = 14", "The answer is 14."], "14", "14"), None)
    flag(store, add(store, "cats", ["3 + 4 = 8", "8 * 2 = 16", "The answer is 16."], "14", "16"), 0)
    flag(store, add(store, "dogs", ["3 * 4 = 12", "12 * 2 = 24", "The answer is 24."], "14", "24"), 1)
    flag(store, add(store, "cows", ["3 + 4 = 8", "9 + 5 = 14", "The answer is 14."], "14", "14"), 1)
    return store


def test_arithmetic_is_scored_without_the_answer(labelled: Store) -> None:
    result = score(labelled, "arithmetic")
    assert (result["right"], result["wrong"], result["unjudged"], result["flagged"], result["exact"]) == (1, 3, 0, 2, 1)
    assert result["accuracy_right"] == 1
    assert result["accuracy_wrong"] == result["recall"] == pytest.approx(1 / 3)
    assert result["processbench_f1"] == pytest.approx(0.5)
    assert result["precision"] == pytest.approx(0.5)
    assert result["f1"] == pytest.approx(0.4)
    assert result["gold_used"] is False
    json.dumps(result)


def test_the_answer_detector_says_that_it_used_the_gold_answer(labelled: Store) -> None:
    result = score(labelled, "answer", with_answer=True)
    assert result["gold_used"] is True
    assert (result["accuracy_right"], result["exact"]) == (1, 1)  # the middle step of the dogs


def test_the_answer_detector_is_never_used_by_accident(labelled: Store) -> None:
    with pytest.raises(BadInput, match="--with-answer"):
        score(labelled, "answer")


def test_both_together_find_more_than_each(labelled: Store) -> None:
    assert score(labelled, "arithmetic+answer", with_answer=True)["exact"] == 2


def test_the_baseline_guesses_the_middle_of_every_trace(labelled: Store) -> None:
    assert score(labelled, "baseline-middle")["accuracy_right"] == 0
    assert score(labelled, "baseline-middle", with_answer=True)["accuracy_right"] == 1


def test_what_a_detector_cannot_judge_is_counted_apart(labelled: Store) -> None:
    flag(labelled, add(labelled, "owls", ["Who knows.", "Nobody."], "14", None), 0)
    result = score(labelled, "answer", with_answer=True)
    assert (result["unjudged"], result["wrong"]) == (1, 3)


def test_disputed_and_undecided_labels_are_left_out(labelled: Store) -> None:
    trace = add(labelled, "owls", ["3 + 4 = 8", "8 + 1 = 9"], "14", "9")
    flag(labelled, trace, 0)
    flag(labelled, trace, 1, annotator="bob")
    flag(labelled, add(labelled, "bees", ["1 + 1 = 2", "2 + 2 = 4"], "14", "4"), None, kind="unsure")
    result = score(labelled, "arithmetic")
    assert (result["disagreed"], result["right"] + result["wrong"]) == (1, 4)


def test_agreeing_annotators_count_once(labelled: Store) -> None:
    trace = add(labelled, "owls", ["3 + 4 = 8", "8 + 1 = 9"], "14", "9")
    flag(labelled, trace, 0)
    flag(labelled, trace, 0, annotator="bob")
    assert score(labelled, "arithmetic")["wrong"] == 4


def test_an_unknown_detector_or_an_empty_store_says_what_to_do(store: Store) -> None:
    with pytest.raises(BadInput, match="choose one of arithmetic"):
        score(store, "oracle")
    with pytest.raises(BadInput, match="flag some first"):
        score(store, "arithmetic")


def test_a_rate_of_nothing_is_unknown_and_not_zero(store: Store) -> None:
    flag(store, add(store, "cats", ["3 + 4 = 8", "8 * 2 = 16"], "14", "16"), 0)
    result = score(store, "arithmetic")
    assert result["accuracy_right"] is result["processbench_f1"] is None
    assert result["f1"] == 1
    assert "—" in table(result)


def test_the_table_names_every_rate_with_its_interval(labelled: Store) -> None:
    shown = table(score(labelled, "arithmetic"))
    assert "gold answer not used" in shown
    assert "33.3 %   [6.1, 79.2]" in shown


def test_a_detector_of_ones_own_takes_one_function(labelled: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DETECTORS, "first", lambda trace, problem, with_answer: 0)
    assert score(labelled, "first")["exact"] == 1


def test_the_command_line_prints_json_with_these_names(labelled: Store, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(labelled.data_folder / "store.sqlite")
    assert main(["score", "--detector", "arithmetic", "--json", "--store", path]) == 0
    result = json.loads(capsys.readouterr().out)
    names = ("right", "wrong", "accuracy_right", "accuracy_wrong", "processbench_f1", "precision", "recall", "f1")
    assert set(names) <= result.keys()
    assert main(["score", "--detector", "answer", "--store", path]) == 2


steps = st.one_of(st.none(), st.integers(0, 5))


@given(st.lists(st.tuples(steps, st.one_of(steps, st.just(Unjudged("?")))), max_size=40))
def test_rates_lie_inside_their_intervals_and_counts_add_up(
    pairs: list[tuple[int | None, Detection]],
) -> None:
    result = rates(pairs)
    assert result["right"] + result["wrong"] + result["unjudged"] == len(pairs)
    for name, (low, high) in result["intervals"].items():
        assert 0 <= low <= result[name] + 1e-9 and result[name] - 1e-9 <= high <= 1


def test_wilsons_interval_is_the_textbooks() -> None:
    interval = wilson(37, 50)
    assert (round(interval.low, 3), round(interval.high, 3)) == (0.604, 0.841)
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0, 1)
