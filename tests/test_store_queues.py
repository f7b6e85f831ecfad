"""Two queues: where a person and the machine differ, and where the machine is unsure; and what takes a trace out."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from reasoner.errors import BadInput
from reasoner.records import (
    Label,
    LabelKind,
    Maker,
    Pit,
    Probe,
    Problem,
    Step,
    Trace,
    Verdict,
    make_problem,
    make_trace,
)
from reasoner.store import Store
from reasoner.store.find import Filters
from reasoner.store.gold import new_review

UNSURE = (0.1, 0.45, 0.4, 0.05)  # three steps, last: none
SURE = (0.01, 0.97, 0.01, 0.01)
NONE = (0.01, 0.01, 0.01, 0.97)


def a_problem(number: int = 0, source: str = "typed") -> Problem:
    return make_problem(f"Ana has {number} coins. How many are that?", "7", source)


def a_trace(problem: Problem, seed: int = 0) -> Trace:
    return make_trace(
        problem, prompt="", text=f"sample {seed}", steps=tuple(Step(f"step {i} of {seed}") for i in range(3)),
        answer="6", verdict=Verdict("wrong", "6"), maker=Maker("local", "solver", seed=seed), format="cot", created=1.0,
    )  # fmt: skip


def a_pit(trace: Trace, step: int | None, posterior: tuple[float, ...] = (), name: str = "") -> Pit:
    probe = Probe(0, ("a", "b"), (True, False), 12, "question\nstep\n")
    maker = Maker("local", "solver")
    return Pit(
        f"pit-{name}-{trace.id}", trace.id, trace.problem_id, step, "adaptive", 4, (probe,), maker, posterior=posterior
    )


def said(trace: Trace, step: int | None, annotator: str = "ada", kind: LabelKind | None = None) -> Label:
    kind = kind or ("all_right" if step is None else "first_wrong")
    return Label.of(trace, kind=kind, step=step, annotator=annotator)


def new_trace(store: Store, number: int = 0, source: str = "typed") -> Trace:
    problem = a_problem(number, source)
    trace = a_trace(problem, number)
    store.add_problems([problem])
    store.add_traces([trace])
    return trace


def differing(store: Store, annotator: str = "ada") -> list[str]:
    return [one.trace_id for one in store.queues.disagreements(annotator)]


# ── person and machine disagree ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("person_first", [True, False])
def test_another_step_is_a_contradiction_whoever_spoke_first(store: Store, person_first: bool) -> None:
    trace = new_trace(store)
    speak = [lambda: store.add_label(said(trace, 0)), lambda: store.add_pit(a_pit(trace, 1, SURE))]
    for one in speak if person_first else reversed(speak):
        one()
    [found] = store.queues.disagreements("ada")
    assert (found.person, found.machine, found.chance, found.person_chance) == (0, 1, 0.97, 0.01)
    assert (found.step, found.num_steps, found.question, found.differs) == (0, 3, a_problem().question, True)
    assert store.queues.counts("ada") == {"disagree": 1, "unsure": 0, "kept": 0, "without_posterior": 0}


@pytest.mark.parametrize(
    ("person", "pit", "posterior", "differs"),
    [
        (1, 1, SURE, False),
        (None, None, NONE, False),
        (None, 1, SURE, True),
        (2, None, NONE, True),
        (2, 1, (), True),
        (2, None, (), True),
        (2, None, UNSURE, False),
    ],
    ids=["same step", "both: none", "only machine", "only person", "no posterior", "none, no posterior", "not said"],
)
def test_none_is_a_word_too_and_a_search_that_ended_early_has_none(
    store: Store, person: int | None, pit: int | None, posterior: tuple[float, ...], differs: bool
) -> None:
    trace = new_trace(store)
    store.add_label(said(trace, person))
    store.add_pit(a_pit(trace, pit, posterior))
    assert bool(differing(store)) is differs


@pytest.mark.parametrize("kind", ["unsure", "skip", "bad_problem"])
def test_a_label_that_names_no_step_and_does_not_say_right_contradicts_nobody(store: Store, kind: LabelKind) -> None:
    trace = new_trace(store)
    store.add_pit(a_pit(trace, 1, SURE))
    store.add_label(said(trace, None, kind=kind))
    assert differing(store) == []
    assert store.queues.comparison("ada", trace.id) is None


def test_a_search_that_tried_nothing_has_no_word_and_no_doubts(store: Store) -> None:
    trace = new_trace(store)
    store.add_label(said(trace, 0))
    store.add_pit(replace(a_pit(trace, None, NONE), probes=()))
    assert differing(store) == [] and store.queues.unsure("bob") == []
    assert store.queues.counts()["without_posterior"] == 1


def test_the_latest_pit_and_the_label_that_stands_count(store: Store) -> None:
    trace = new_trace(store)
    store.add_label(said(trace, 0))
    store.add_pit(a_pit(trace, 0, SURE, "first"))
    assert differing(store) == []
    store.add_pit(a_pit(trace, 1, SURE, "second"))
    assert differing(store) == [trace.id]
    store.add_label(said(trace, 1))
    assert differing(store) == []
    store.undo_label("ada", trace.id)
    assert differing(store) == [trace.id]
    store.undo_label("ada", trace.id)
    assert differing(store) == [] and store.queues.comparison("ada", trace.id) is None


def test_the_most_certain_contradiction_comes_first_and_each_has_its_own(store: Store) -> None:
    traces = [new_trace(store, number) for number in range(4)]
    chances = [(0.2, 0.6, 0.1, 0.1), SURE, (), (0.1, 0.8, 0.05, 0.05)]
    for trace, posterior in zip(traces, chances, strict=True):
        store.add_pit(a_pit(trace, 1, posterior))
        store.add_label(said(trace, 2))
    store.add_label(said(traces[2], 0, "bob"))
    assert differing(store) == [traces[i].id for i in (1, 3, 0, 2)]
    assert differing(store, "bob") == [traces[2].id]
    assert (
        len(store.queues.disagreements()) == store.queues.num_disagreements() == store.queues.counts()["disagree"] == 5
    )
    assert differing(store, "eve") == []


def test_what_was_looked_at_leaves_until_it_is_put_back_or_something_new_is_said(store: Store) -> None:
    trace = new_trace(store)
    store.add_pit(a_pit(trace, 1, SURE))
    store.add_label(said(trace, 2))
    assert store.queues.keep("ada", trace.id) and not store.queues.keep("ada", trace.id)
    assert differing(store) == [] and store.queues.counts("ada")["kept"] == 1
    assert [one.is_kept for one in store.queues.disagreements("ada", kept=True)] == [True]
    assert store.queues.put_back("ada", trace.id) and not store.queues.put_back("ada", trace.id)
    assert differing(store) == [trace.id]
    store.queues.keep("ada", trace.id)
    store.add_label(said(trace, 0))
    assert differing(store) == [trace.id]  # another label is another contradiction …
    store.undo_label("ada", trace.id)
    assert differing(store) == []  # … and the one that was looked at stays so
    store.add_pit(a_pit(trace, 0, SURE, "newer"))
    assert differing(store) == [trace.id]


def test_looking_is_each_persons_own_and_needs_a_name(store: Store) -> None:
    trace = new_trace(store)
    store.add_pit(a_pit(trace, 1, SURE))
    for name in ("ada", "bob"):
        store.add_label(said(trace, 2, name))
    assert not store.queues.keep("eve", trace.id)
    store.queues.keep("ada", trace.id)
    assert differing(store, "bob") == [trace.id]
    with pytest.raises(BadInput):
        store.queues.keep(" ", trace.id)


def test_what_was_looked_at_is_kept_for_ever(store: Store) -> None:
    trace = new_trace(store)
    store.add_pit(a_pit(trace, 1, SURE))
    store.add_label(said(trace, 2))
    store.queues.keep("ada", trace.id)
    with sqlite3.connect(store.path) as connection:
        for change in ("UPDATE looked_events SET annotator = 'eve'", "DELETE FROM looked_events"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(change)
    connection.close()


def test_pits_of_another_gold_answer_have_no_word(store: Store) -> None:
    trace = new_trace(store)
    store.add_label(said(trace, 2))
    store.add_pit(a_pit(trace, 1, SURE))
    problem = store.problem(trace.problem_id)
    assert problem is not None
    store.gold.add(new_review(problem, "corrected", "ada", "8"))
    assert differing(store) == []
    store.add_pit(a_pit(trace, 0, SURE, "with 8"))
    assert [one.machine for one in store.queues.disagreements("ada")] == [0]
    store.gold.undo("ada", trace.problem_id)
    assert [one.machine for one in store.queues.disagreements("ada")] == [1]


def test_next_goes_on_after_the_trace_on_screen_and_round_at_the_end(store: Store) -> None:
    traces = [new_trace(store, number) for number in range(3)]
    for trace, chance in zip(traces, (0.9, 0.8, 0.7), strict=True):
        store.add_pit(a_pit(trace, 1, (0.0, chance, 1 - chance, 0.0)))
        store.add_label(said(trace, 2))

    def after(trace: Trace | None) -> str | None:
        found = store.queues.next_disagreement("ada", trace.id if trace else None)
        return found.trace_id if found else None

    assert [after(None), after(traces[0]), after(traces[1]), after(traces[2])] == [traces[i].id for i in (0, 1, 2, 0)]
    store.queues.keep("ada", traces[1].id)
    assert [after(traces[0]), after(traces[1])] == [traces[2].id, traces[2].id]  # out of the queue, its place is known
    assert store.queues.next_disagreement("bob") is None


def test_who_said_what_beside_the_machine_is_counted(store: Store) -> None:
    for number, step in enumerate((1, 1, 2, None)):
        trace = new_trace(store, number)
        store.add_pit(a_pit(trace, 1, SURE))
        store.add_label(said(trace, step))
    assert sorted(store.queues.words(), key=str) == sorted(
        [("ada", 1, 1, 2), ("ada", 2, 1, 1), ("ada", None, 1, 1)], key=str
    )


# ── the machine is unsure ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_least_margin_comes_first_and_what_one_has_judged_is_gone(store: Store) -> None:
    traces = [new_trace(store, number) for number in range(4)]
    posteriors = [(0.2, 0.6, 0.2, 0.0), UNSURE, SURE, ()]
    for trace, posterior in zip(traces, posteriors, strict=True):
        store.add_pit(a_pit(trace, 1, posterior))
    found = store.queues.unsure("ada")
    assert [one.trace_id for one in found] == [traces[1].id, traces[0].id]
    assert found[0].margin == pytest.approx(0.05) and (found[0].best_step, found[0].best_chance) == (1, 0.45)
    assert store.queues.counts("ada") | {"kept": 0} == {"disagree": 0, "unsure": 2, "kept": 0, "without_posterior": 1}
    next_one = store.queues.next_unsure("ada", traces[1].id)
    assert next_one and next_one.trace_id == traces[0].id
    store.add_label(said(traces[1], 0))
    assert [one.trace_id for one in store.queues.unsure("ada")] == [traces[0].id]
    assert store.queues.counts("ada")["unsure"] == store.queues.num_unsure("ada") == 1
    assert store.queues.counts("bob")["unsure"] == store.queues.num_unsure("bob") == 2
    assert store.queues.counts()["unsure"] == len(store.queues.unsure()) == 2


def test_both_queues_heed_the_filters_of_the_list(store: Store) -> None:
    here, there = new_trace(store, 1, "here"), new_trace(store, 2, "there")
    for trace in (here, there):
        store.add_pit(a_pit(trace, 1, UNSURE))
        store.add_label(said(trace, 2, "bob"))
    for filters in (Filters(source="here"), Filters(search="has 1 coins"), Filters(source="here", verdict="wrong")):
        assert [one.trace_id for one in store.queues.unsure("ada", filters=filters)] == [here.id]
        assert [one.trace_id for one in store.queues.disagreements("bob", filters=filters)] == [here.id]
        assert store.queues.num_unsure("ada", filters) == store.queues.num_disagreements("bob", filters) == 1
        found = store.queues.next_unsure("ada", here.id, filters)
        assert found and found.trace_id == here.id
    assert store.queues.unsure("ada", filters=Filters(verdict="right", agreement="agree")) == []


# ── many ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_thousands_are_paged_without_gaps_or_repeats(store: Store) -> None:
    num = 2_000
    problems = [a_problem(number) for number in range(num)]
    traces = [a_trace(problem, number) for number, problem in enumerate(problems)]
    store.add_rows(
        (problem, [trace], [said(trace, number % 3)])
        for number, (problem, trace) in enumerate(zip(problems, traces, strict=True))
    )
    for number, trace in enumerate(traces):
        chance = 0.3 + 0.7 * ((number * 7919) % num) / num
        rest = (1 - chance) / 3
        store.add_pit(a_pit(trace, 1, (rest, chance, rest, rest)))
    pages = [store.queues.disagreements("ada", 300, offset) for offset in range(0, num, 300)]
    found = [one for page in pages for one in page]
    assert len({one.trace_id for one in found}) == len(found) == store.queues.counts("ada")["disagree"] == 1_333
    assert [one.chance for one in found] == sorted((one.chance for one in found), reverse=True)  # type: ignore[type-var]
    unsure = [one for offset in range(0, num, 300) for one in store.queues.unsure("bob", 300, offset)]
    assert len({one.trace_id for one in unsure}) == len(unsure) == store.queues.counts("bob")["unsure"] > 500
    assert [one.margin for one in unsure] == sorted(one.margin for one in unsure)


def test_the_tables_are_the_same_whether_pits_came_before_or_after_the_migration(store: Store, tmp_path: Path) -> None:
    for number, (step, posterior) in enumerate([(1, SURE), (1, UNSURE), (None, NONE), (None, ()), (2, ())]):
        trace = new_trace(store, number)
        store.add_label(said(trace, 0))
        store.add_pit(a_pit(trace, step, posterior))
    tables = ("latest_pits", "compared")
    with sqlite3.connect(store.path) as connection:
        before = [connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables]
        for word in ("trigger", "view", "table"):
            for name in ("latest_pits", "compared", "looked_", "pit_words", "words_met"):
                found = connection.execute(
                    "SELECT name FROM sqlite_master WHERE type = ? AND sql LIKE ?", [word, f"%{name}%"]
                ).fetchall()
                for (gone,) in found:
                    connection.execute(f"DROP {word} {gone}")
        connection.execute("PRAGMA user_version = 5")
    connection.close()
    with Store(store.path):
        pass
    with sqlite3.connect(store.path) as connection:
        after = [connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables]
    connection.close()
    assert before == after and (len(before[0]), len(before[1])) == (5, 5)
