"""An empty store is filled with the built-in problems, once, all of them or none."""

import json
from pathlib import Path

import pytest

from reasoner.errors import BadInput
from reasoner.records import KeyPoints, Maker, Step, Verdict, make_problem, make_trace
from reasoner.seed import Row, built_in_file, read_rows, seed, write_rows
from reasoner.store import Store


def row(number: int) -> Row:
    problem = make_problem(f"Ana has {number} coins. Ben has 2 more. How many has Ben?", str(number + 2), "built-in")
    steps = (Step(f"Formalize: {number} + 2", "Formalize"), Step("Summarize: the answer is 1", "Summarize", False))
    trace = make_trace(
        problem,
        prompt=problem.question + "\n",
        text="\n".join(step.text for step in steps),
        steps=steps,
        answer="1",
        verdict=Verdict("wrong", "1", "1 is not right"),
        maker=Maker("local", "solver", seed=3, temperature=0.7),
        format="transitions",
        created=1_700_000_000.0,
    )
    key_points = KeyPoints(problem.id, "How many has Ben?", ("Ben has 2 more.",), "solver", 1_700_000_000.0)
    return Row(problem, [trace], key_points if number % 2 else None)


@pytest.mark.parametrize("name", ["problems.jsonl", "problems.jsonl.gz"])
def test_rows_come_back_from_a_file_as_they_were(tmp_path: Path, name: str) -> None:
    rows = [row(number) for number in range(5)]
    assert write_rows(tmp_path / name, rows) == 5
    assert list(read_rows(tmp_path / name)) == rows


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.jsonl.gz", "b.jsonl.gz"):
        write_rows(tmp_path / name, [row(1)])
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()


def test_seeding_twice_adds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "problems.jsonl"
    write_rows(path, [row(number) for number in range(5)])
    with Store(tmp_path / "store.sqlite") as store:
        assert seed(store, path).kept == 5
        assert [len(store.key_points(row(number).problem.id)) for number in range(5)] == [0, 1, 0, 1, 0]
        stats = store.stats()
        assert seed(store, path).kept == 0
        assert store.stats() == stats == {"problems": 5, "traces": 5, "labels": 0, "pits": 0}


def test_a_store_with_problems_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "problems.jsonl"
    write_rows(path, [row(1)])
    with Store(tmp_path / "store.sqlite") as store:
        store.add_problems([make_problem("Mine?", None, "typed")])
        seed(store, path)
        assert store.stats()["problems"] == 1


def test_a_broken_line_leaves_the_store_empty(tmp_path: Path) -> None:
    path = tmp_path / "problems.jsonl"
    write_rows(path, [row(1), row(2)])
    path.write_text(path.read_text() + '{"problem": {}}\n')
    with Store(tmp_path / "store.sqlite") as store:
        with pytest.raises(BadInput, match="line 3"):
            seed(store, path)
        assert store.stats()["problems"] == 0


def test_the_built_in_problems_open_on_one_with_a_wrong_and_a_right_trace(tmp_path: Path) -> None:
    path = built_in_file()
    assert path is not None
    with Store(tmp_path / "store.sqlite") as store:
        counts = seed(store)
        first = store.find_problems(limit=1)[0]
    assert counts.kept >= 50
    assert first.num_wrong >= 1
    assert first.num_right >= 1
    assert all(json.dumps(problem.question) for problem, *_ in read_rows(path))
