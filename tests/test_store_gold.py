"""Reviews of gold answers: what is said stays, what follows from it is always in step, in one transaction."""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reasoner.checks.answers import judge
from reasoner.errors import BadInput
from reasoner.interchange import export_text, import_file
from reasoner.records import GoldReview, Label, Maker, Pit, Probe, Problem, Step, Trace, make_problem, make_trace
from reasoner.store import Store
from reasoner.store import schema as store_schema
from reasoner.store.gold import new_review
from training.candidates import find_candidates

QUESTION = "Ana has 3 coins. Ben has 2 more coins than Ana. How many coins does Ben have?"


@pytest.fixture
def problem() -> Problem:
    return make_problem(QUESTION, "7", "gsm8k/train")


def said(problem: Problem, answer: str | None, number: int = 0) -> Trace:
    return make_trace(
        problem,
        prompt="",
        text=f"{number}: {answer}",
        steps=(Step(f"{number}: {answer}"),),
        answer=answer,
        verdict=judge(problem.answer, answer),
        maker=Maker("scripted", "script", seed=number),
        format="cot",
    )


@pytest.fixture
def store(tmp_path: Path, problem: Problem) -> Iterator[Store]:
    with Store(tmp_path / "store.sqlite") as opened:
        opened.add_problems([problem])
        opened.add_traces([said(problem, answer, i) for i, answer in enumerate(["5", "5", "7", None, "words alone"])])
        yield opened


def statuses(store: Store, problem: Problem) -> list[str]:
    return [trace.verdict.status for trace in store.traces(problem.id)]


def counted(store: Store, problem: Problem) -> tuple[int, int, int]:
    [row] = [row for row in store.find_problems(limit=1000) if row.problem.id == problem.id]
    return row.num_right, row.num_wrong, row.num_unjudged


def test_a_correction_judges_every_trace_again_and_keeps_the_counters_right(store: Store, problem: Problem) -> None:
    assert counted(store, problem) == (1, 2, 2)
    assert store.gold.add(new_review(problem, "corrected", "ada", "5", "3 + 2 is 5")) == 3
    corrected = store.problem(problem.id)
    assert corrected is not None and corrected.answer == "5"
    assert statuses(store, problem) == ["right", "right", "wrong", "unjudged", "unjudged"]
    assert counted(store, problem) == (2, 1, 2)
    assert store.traces(problem.id)[2].verdict.reason == "7 is not 5"


def test_a_trace_without_an_answer_keeps_the_reason_why(store: Store, problem: Problem) -> None:
    failed = replace(said(problem, None, 9), verdict=replace(judge("7", None), reason="NameError: x"))
    store.add_traces([failed])
    store.gold.add(new_review(problem, "corrected", "ada", "5"))
    kept = store.trace(failed.id)
    assert kept is not None and kept.verdict.reason == "NameError: x"


def test_the_answer_it_came_with_is_kept_and_undo_brings_it_back(store: Store, problem: Problem) -> None:
    review = new_review(problem, "corrected", "ada", "5")
    store.gold.add(review)
    assert store.gold.source_answers() == {problem.id: "7"}
    assert store.gold.undo("ada") == review
    assert store.problem(problem.id) == problem
    assert counted(store, problem) == (1, 2, 2)
    assert store.gold.reviews() == {} and store.gold.source_answers() == {}
    assert [event["event"] for event in store.gold.events()] == ["review", "undo"]
    assert store.gold.undo("ada") is None


def test_each_kind_is_counted_by_source(store: Store, problem: Problem) -> None:
    other = make_problem("What is 2 + 2?", "4", "gsm8k/train")
    third = make_problem("What is there?", "0", "svamp")
    store.add_problems([other, third])
    store.gold.add(new_review(problem, "corrected", "ada", "5"))
    store.gold.add(new_review(other, "confirmed", "ada"))
    store.gold.add(new_review(third, "bad", "bob", note="nothing is asked"))
    assert store.gold.counts() == {
        "gsm8k/train": {"confirmed": 1, "corrected": 1, "bad": 0},
        "svamp": {"confirmed": 0, "corrected": 0, "bad": 1},
    }


def test_a_confirmation_stands_only_for_the_answer_that_was_seen(store: Store, problem: Problem) -> None:
    store.gold.add(new_review(problem, "corrected", "ada", "5"))
    now = store.problem(problem.id)
    assert now is not None
    store.gold.add(new_review(now, "confirmed", "bob"))
    assert store.gold.reviews()[problem.id].kind == "corrected"  # it is a corrected answer, confirmed or not
    store.gold.undo("ada")
    assert store.gold.reviews() == {}


def test_the_later_of_two_corrections_is_in_force_and_undo_uncovers_the_earlier(store: Store, problem: Problem) -> None:
    store.gold.add(new_review(problem, "corrected", "ada", "5"))
    five = store.problem(problem.id)
    assert five is not None
    store.gold.add(new_review(five, "corrected", "bob", "6"))
    six = store.problem(problem.id)
    assert six is not None and six.answer == "6"
    store.gold.undo("bob")
    assert store.problem(problem.id) == five


def test_correcting_back_to_what_it_came_with_is_no_corrected_row(store: Store, problem: Problem) -> None:
    store.gold.add(new_review(problem, "corrected", "ada", "5"))
    five = store.problem(problem.id)
    assert five is not None
    store.gold.add(new_review(five, "corrected", "bob", "7"))
    assert store.problem(problem.id) == problem
    assert store.gold.counts() == {} and store.gold.source_answers() == {}


def test_a_review_of_an_answer_that_is_no_longer_in_force_is_refused(store: Store, problem: Problem) -> None:
    late = new_review(problem, "corrected", "bob", "6")
    store.gold.add(new_review(problem, "corrected", "ada", "5"))
    with pytest.raises(BadInput, match="by now"):
        store.gold.add(late)
    assert len(store.gold.events()) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "perhaps"}, "no review"),
        ({"annotator": " "}, "name"),
        ({"kind": "corrected", "after": " "}, "needs the right answer"),
        ({"kind": "corrected", "after": "7"}, "already"),
        ({"note": "x" * 10_001}, "note"),
        ({"problem_id": "nothing"}, "not in the store"),
    ],
)
def test_what_does_not_fit_is_refused(store: Store, problem: Problem, change: dict[str, str], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        store.gold.add(replace(new_review(problem, "confirmed", "ada"), **change))  # type: ignore[arg-type]
    assert store.gold.events() == []


def test_a_problem_without_a_gold_answer_has_nothing_to_review(store: Store) -> None:
    unknown = make_problem("What is it?", None, "typed")
    store.add_problems([unknown])
    with pytest.raises(BadInput, match="no gold answer"):
        store.gold.add(new_review(unknown, "confirmed", "ada"))


def test_the_same_review_twice_is_one(store: Store, problem: Problem) -> None:
    review = new_review(problem, "confirmed", "ada")
    store.gold.add(review)
    assert store.gold.add(review) == 0
    assert len(store.gold.events()) == 1


def test_history_cannot_be_rewritten(store: Store, problem: Problem) -> None:
    store.gold.add(new_review(problem, "confirmed", "ada"))
    with sqlite3.connect(store.path) as connection:
        for statement in ("UPDATE gold_events SET note = 'x'", "DELETE FROM gold_events"):
            with pytest.raises(sqlite3.Error, match="append-only"):
                connection.execute(statement)


def test_a_trace_that_comes_later_is_judged_by_the_corrected_answer(store: Store, problem: Problem) -> None:
    store.gold.add(new_review(problem, "corrected", "ada", "5"))
    late = said(problem, "5", 20)
    assert late.verdict.status == "wrong"  # its file does not know of the correction
    store.add_traces([late])
    kept = store.trace(late.id)
    assert kept is not None and kept.verdict.status == "right"
    assert counted(store, problem) == (3, 1, 2)


def test_a_pit_explored_with_another_gold_answer_is_not_told(store: Store, problem: Problem) -> None:
    trace = store.traces(problem.id)[0]
    probe = Probe(0, ("5",), (False,), 3, QUESTION)
    store.add_pit(Pit("pit", trace.id, problem.id, 0, "linear", 1, (probe,), Maker("scripted"), 1.0, 0.1))
    assert len(store.pits()) == 1
    store.gold.add(new_review(problem, "corrected", "ada", "5"))
    assert store.pits() == [] and store.pits(trace_id=trace.id) == []
    store.gold.undo("ada")
    assert len(store.pits(problem_id=problem.id)) == 1


def test_a_problem_reviewed_as_bad_gives_no_pairs(store: Store, problem: Problem) -> None:
    trace = store.traces(problem.id)[0]
    probes = (Probe(-1, ("7",), (True,), 3, QUESTION), Probe(0, ("5",), (False,), 3, QUESTION))
    store.add_pit(Pit("pit", trace.id, problem.id, 0, "linear", 1, probes, Maker("scripted"), 1.0, 0.1))
    assert find_candidates(store)[1].total() == 0
    store.gold.add(new_review(problem, "bad", "ada"))
    found, dropped = find_candidates(store)
    assert not found and dropped == {"machine pit: its problem was marked bad": 1}


ANSWERS = st.sampled_from(["5", "6", "7", "8"])
MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("corrected"), st.sampled_from(["ada", "bob"]), ANSWERS),
        st.tuples(st.sampled_from(["confirmed", "bad", "undo"]), st.sampled_from(["ada", "bob"]), st.just("")),
    ),
    max_size=8,
)


@settings(max_examples=20, deadline=None)
@given(moves=MOVES)
def test_whatever_is_said_and_undone_verdicts_and_counters_fit_the_answer_in_force(
    tmp_path_factory: pytest.TempPathFactory, moves: list[tuple[str, str, str]]
) -> None:
    problem = make_problem(QUESTION, "7", "test")
    with Store(tmp_path_factory.mktemp("gold") / "store.sqlite") as store:
        store.add_problems([problem])
        store.add_traces([said(problem, answer, i) for i, answer in enumerate(["5", "6", "7", None])])
        live: list[GoldReview] = []
        for kind, who, answer in moves:
            now = store.problem(problem.id)
            assert now is not None
            if kind == "undo":
                undone = store.gold.undo(who)
                own = [review for review in live if review.annotator == who]
                assert undone == (own[-1] if own else None)
                live = [review for review in live if review != undone]
            elif not (kind == "corrected" and answer == now.answer):
                review = new_review(now, kind, who, answer)  # type: ignore[arg-type]
                store.gold.add(review)
                live.append(review)
            corrections = [review.after for review in live if review.kind == "corrected"]
            now = store.problem(problem.id)
            assert now is not None and now.answer == (corrections[-1] if corrections else "7")
            expected = [judge(now.answer, trace.answer).status for trace in store.traces(problem.id)]
            assert statuses(store, problem) == expected
            assert counted(store, problem) == tuple(expected.count(s) for s in ("right", "wrong", "unjudged"))


def test_every_export_carries_the_corrected_answer_and_says_so(store: Store, problem: Problem, tmp_path: Path) -> None:
    trace = store.traces(problem.id)[2]
    store.add_label(Label.of(trace, kind="first_wrong", step=0, annotator="ada"))
    store.gold.add(new_review(problem, "corrected", "ada", "5", "3 + 2"))
    for shape in ("labels", "plain", "processbench", "prm800k", "stepwise"):
        rows = [json.loads(line) for line in export_text(store, shape)[0].splitlines()]
        assert rows, shape
        assert {row["gold_review"]["came_with"] for row in rows} == {"7"}
        assert {row["gold_review"]["kind"] for row in rows} == {"corrected"}
    text = export_text(store, "labels")[0]
    row = json.loads(text)
    assert (row["answer"], row["verdict"]) == ("5", "wrong")
    [prm] = map(json.loads, export_text(store, "prm800k")[0].splitlines())
    assert prm["question"]["ground_truth_answer"] == "5"
    [review] = map(json.loads, export_text(store, "gold-reviews")[0].splitlines())
    assert (review["before"], review["after"], review["annotator"], review["question"]) == ("7", "5", "ada", QUESTION)
    path = tmp_path / "out.jsonl"
    path.write_text(text)
    with Store(tmp_path / "other.sqlite") as other:
        import_file(other, path)
        [copy] = other.find_problems()
        assert copy.problem.answer == "5"


def test_a_bad_problem_has_no_row_in_other_tools_shapes_and_is_counted(store: Store, problem: Problem) -> None:
    store.add_label(Label.of(store.traces(problem.id)[0], kind="first_wrong", step=0, annotator="ada"))
    store.gold.add(new_review(problem, "bad", "ada"))
    text, counts = export_text(store, "stepwise")
    assert text == "" and counts.dropped == {"its problem was reviewed as bad": 1}
    assert export_text(store, "labels")[1].kept == 1


def test_an_older_store_takes_reviews_after_it_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "old.sqlite"
    everything = store_schema.migrations()
    monkeypatch.setattr(store_schema, "migrations", lambda: everything[:2])
    store_schema.prepare(path)
    monkeypatch.undo()
    problem = make_problem(QUESTION, "7", "test")
    with Store(path) as store:
        store.add_problems([problem])
        store.gold.add(new_review(problem, "corrected", "ada", "5"))
        assert store.gold.counts()["test"]["corrected"] == 1
