"""Key points in the store: nothing said is lost, a person's word counts most, and what does not fit is refused."""

import sqlite3
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reasoner.errors import BadInput
from reasoner.records import KeyPoints, Problem, make_problem
from reasoner.store import Store
from reasoner.store.keypoints import MAX_POINT, MAX_POINTS, latest

QUESTION = "Ana has 3 coins. Ben has 2 more coins than Ana. How many coins does Ben have?"


@pytest.fixture
def problem() -> Problem:
    return make_problem(QUESTION, "5", "typed")


@pytest.fixture
def store(tmp_path: Path, problem: Problem) -> Iterator[Store]:
    with Store(tmp_path / "store.sqlite") as store:
        store.add_problems([problem])
        yield store


@pytest.fixture
def machine(problem: Problem) -> KeyPoints:
    points = ("Ana has 3 coins.", "Ben has 2 more coins than Ana.")
    return KeyPoints(problem.id, "How many coins does Ben have?", points, "solver", 100.0, "machine")


def test_what_was_saved_comes_back_as_it_was(store: Store, problem: Problem, machine: KeyPoints) -> None:
    assert store.add_key_points(machine)
    assert store.key_points(problem.id) == [machine]
    assert store.key_points() == [machine]
    assert store.key_points("another") == []


def test_every_edit_is_one_more_row_with_who_and_when(store: Store, problem: Problem, machine: KeyPoints) -> None:
    first = replace(machine, by="ada", origin="person", points=("Ana has 3.",), created=time.time())
    second = replace(first, by="bob", points=("Ana has three.",), created=first.created + 1)
    for one in (machine, first, second):
        assert store.add_key_points(one)
    assert store.key_points(problem.id) == [machine, first, second]


def test_the_same_words_again_add_nothing(store: Store, problem: Problem, machine: KeyPoints) -> None:
    store.add_key_points(machine)
    assert not store.add_key_points(replace(machine, created=200.0))
    assert store.add_key_points(replace(machine, by="another-model"))
    assert store.add_key_points(machine), "it is not the latest any more: saying it again is news"
    assert len(store.key_points(problem.id)) == 3


def test_a_persons_last_word_is_in_force_whatever_a_machine_says_later(machine: KeyPoints) -> None:
    rules = replace(machine, by="rules", origin="rules")
    person = replace(machine, by="ada", origin="person", points=("x",))
    edited = replace(person, points=("y",))
    later = replace(machine, created=900.0)
    assert latest([rules, machine, rules]) == machine
    assert latest([machine, person, edited, later]) == edited
    assert latest([machine, person, later], "machine") == later
    assert latest([machine], "person") is None
    assert latest([]) is None


def test_an_undo_is_an_earlier_version_saved_again(store: Store, problem: Problem, machine: KeyPoints) -> None:
    person = replace(machine, by="ada", origin="person")
    edited = replace(person, points=("nonsense",))
    for one in (person, edited, person):
        assert store.add_key_points(one)
    assert latest(store.key_points(problem.id)) == person


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"problem_id": "nobody"}, "not in the store"),
        ({"by": " "}, "A name has 1 to 80"),
        ({"by": "a" * 81}, "A name has 1 to 80"),
        ({"by": "a\nb"}, "A name has 1 to 80"),
        ({"origin": "oracle"}, "makes no key points"),
        ({"core_question": " ", "points": ()}, "are empty"),
        ({"points": ("x",) * (MAX_POINTS + 1)}, "too many"),
        ({"points": ("x", " ")}, "Key point 2 is empty"),
        ({"points": ("x" * (MAX_POINT + 1),)}, "at most 2,000"),
        ({"core_question": "x" * (MAX_POINT + 1)}, "at most 2,000"),
        ({"points": ("half \ud83d",)}, "half a character"),
        ({"created": float("nan")}, "not a number of seconds"),
        ({"created": -1.0}, "not a number of seconds"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(
    store: Store, machine: KeyPoints, changes: dict[str, object], words: str
) -> None:
    with pytest.raises(BadInput, match=words):
        store.add_key_points(replace(machine, **changes))  # type: ignore[arg-type]
    assert store.key_points() == []


def test_a_core_question_alone_and_points_alone_are_enough(store: Store, machine: KeyPoints) -> None:
    assert store.add_key_points(replace(machine, points=()))
    assert store.add_key_points(replace(machine, core_question=""))


def test_the_history_cannot_be_changed_or_deleted(store: Store, machine: KeyPoints) -> None:
    store.add_key_points(machine)
    connection = sqlite3.connect(store.path)
    for statement in ("UPDATE key_points SET points = '[]'", "DELETE FROM key_points"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
    connection.close()


def test_hostile_text_is_kept_as_text(store: Store, problem: Problem, machine: KeyPoints) -> None:
    nasty = ("'); DROP TABLE key_points;--", "<script>alert(1)</script>", "a\u202eb\u0000c", "日本語 ½")
    store.add_key_points(replace(machine, points=nasty))
    assert store.key_points(problem.id)[0].points == nasty


def test_a_store_of_the_first_version_learns_to_keep_key_points(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from reasoner.store import schema as store_schema

    everything = store_schema.migrations()
    monkeypatch.setattr(store_schema, "migrations", lambda: everything[:1])
    problem = make_problem(QUESTION, "5", "typed")
    with Store(tmp_path / "old.sqlite") as old:
        old.add_problems([problem])
    monkeypatch.setattr(store_schema, "migrations", lambda: everything)
    with Store(tmp_path / "old.sqlite") as new:
        assert new.add_key_points(KeyPoints(problem.id, "How many?", (), "ada", 1.0, "person"))
