"""One row a trace: what goes into a shard comes out of it, lazily."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoner.errors import BadInput
from reasoner.interchange.plain import read
from reasoner.records import Maker, Pit, Probe, Step, Verdict, make_problem, make_trace
from reasoner.scale import rows
from reasoner.scale.rows import Explored, iter_rows, num_rows, read_row, record_of, rows_of, schema

PROBLEM = make_problem("Ana has 3 coins. Ben has 2 more. How many has Ben?", "5", "typed", level="easy", spec="{}")
STEPS = (
    Step("Ben has 3 + 2 = 6 coins.", "Solve Parent", is_legal=False, kind="code", outcome="x = 6"),
    Step("The answer is 6."),
)


def explored(number: int = 0, completion: str = "Ben has 5.\nThe answer is 5.") -> Explored:
    trace = make_trace(
        PROBLEM,
        prompt=PROBLEM.question + "\n",
        text="\n".join(step.text for step in STEPS),
        steps=STEPS,
        answer="6",
        verdict=Verdict("wrong", "6", "6 is not 5"),
        maker=Maker("scripted", "script", seed=number, temperature=0.7),
        format="cot",
        created=1.5,
    )
    probes = (
        Probe(-1, (completion, "7"), (True, False), 12, "Ana"),
        Probe(0, ("6", "6", "6", "6"), (False,) * 4, 8, "Ana has"),
    )
    maker = Maker("server", "m", seed=7, temperature=0.7, top_p=1.0)
    found = Pit(f"pit{number}", trace.id, PROBLEM.id, 0, "adaptive", 4, probes, maker, 2.5, 0.25, (0.8, 0.1, 0.1))
    return Explored(PROBLEM, trace, found)


def write(path: Path, *explorations: Explored, row_group_size: int = 100) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist([rows_of(one) for one in explorations], schema=schema())
    pq.write_table(table, path, row_group_size=row_group_size)


def test_a_row_gives_back_problem_trace_and_pit_as_they_were(tmp_path: Path) -> None:
    write(tmp_path / "part-00000.parquet", explored())
    assert list(iter_rows(tmp_path)) == [explored()]


@given(st.text(), st.booleans())
def test_any_text_of_a_model_survives(text: str, has_step: bool) -> None:
    one = explored(completion=text)
    assert record_of(rows_of(one)) == one


def test_half_a_character_of_a_server_does_not_stop_a_shard(tmp_path: Path) -> None:
    write(tmp_path / "part-00000.parquet", explored(completion="broken \ud800"))
    assert read_row(tmp_path, 0).pit.probes[0].completions[0] == "broken ?"


def test_a_row_says_how_often_each_prefix_recovered_with_an_interval() -> None:
    [after] = rows_of(explored())["recovery"]
    assert (after["step"], after["successes"], after["tries"], after["rate"]) == (0, 0, 4, 0.0)
    assert after["low"] == 0 < after["high"] < 1


def test_a_row_is_read_again_as_a_solution_of_the_plain_format() -> None:
    problem, [trace], labels = read(rows_of(explored()), "part")
    assert (problem.id, problem.level, trace.id, labels) == (PROBLEM.id, "easy", explored().trace.id, [])


def test_rows_are_numbered_through_all_shards_and_tasks(tmp_path: Path) -> None:
    write(tmp_path / "task-00000" / "part-00000.parquet", *map(explored, range(5)), row_group_size=2)
    write(tmp_path / "task-00001" / "part-00000.parquet", *map(explored, range(5, 8)), row_group_size=2)
    assert num_rows(tmp_path) == 8
    assert [read_row(tmp_path, number).pit.id for number in range(8)] == [f"pit{number}" for number in range(8)]
    assert [one.pit.id for one in iter_rows(tmp_path)] == [f"pit{number}" for number in range(8)]
    for number in (-1, 8):
        with pytest.raises(BadInput, match=f"no row {number}; its rows are numbered 0 to 7"):
            read_row(tmp_path, number)


def test_one_row_is_read_without_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "part-00000.parquet", *map(explored, range(50)), row_group_size=10)
    decoded: list[str] = []
    monkeypatch.setattr(rows, "record_of", lambda row: decoded.append(row["pit_id"]) or record_of(row))
    read_row(tmp_path, 33)
    assert decoded == ["pit33"]


def test_what_is_no_shard_of_ours_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="There is no folder"):
        num_rows(tmp_path / "nowhere")
    (tmp_path / "part-00000.parquet").write_bytes(b"PAR1 but no more")
    with pytest.raises(BadInput, match=r"part-00000.parquet is damaged .* explored anew"):
        list(iter_rows(tmp_path))
    pq.write_table(pa.table({"question": ["?"]}), tmp_path / "part-00000.parquet")
    with pytest.raises(BadInput, match="no column"):
        num_rows(tmp_path)


def test_an_unfinished_shard_is_not_read(tmp_path: Path) -> None:
    write(tmp_path / "part-00000.parquet", explored())
    (tmp_path / ".part-00001.parquet.partial").write_bytes(b"half")
    assert num_rows(tmp_path) == 1
