"""A bulk exploration opened on the Data tab: paged without reading all, taken into the store, bad input in words."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reasoner.errors import BadInput
from reasoner.records import Label, Maker, Pit, Probe, Step, Verdict, make_problem, make_trace
from reasoner.scale.counts import Counts as ExploredCounts
from reasoner.scale.opening import matching_rows, open_files, open_folder, read_page, take
from reasoner.scale.rows import Explored, rows_of, schema
from reasoner.store import Store
from reasoner.tabs import data_against, data_explored
from reasoner.tabs.data_explored import Shown
from reasoner.workbench import Workbench

SCRIPT = "<script>window.hacked=1</script>"
POSTERIORS = ((0.02, 0.95, 0.03), (0.02, 0.03, 0.95), (0.4, 0.45, 0.15))
"""Found, none, unsure; in turn."""


def explored(number: int) -> Explored:
    """The rows go round: a pit, none, and one of which the machine is unsure."""
    problem = make_problem(f"Ana has {number} coins {SCRIPT}. How many are that?", str(number), "made")
    steps = (Step(f"{number} coins"), Step(f"The answer is {number + 1}."))
    trace = make_trace(
        problem, prompt="", text="\n".join(step.text for step in steps), steps=steps, answer=str(number + 1),
        verdict=Verdict("wrong", str(number + 1)), maker=Maker("scripted", "m", seed=number), format="cot", created=1.0,
    )  # fmt: skip
    posterior = POSTERIORS[number % 3]
    probe = Probe(0, ("a", "b"), (True, False), 9, "…")
    step = None if number % 3 == 1 else 1
    pit = Pit(
        f"pit{number}", trace.id, problem.id, step, "adaptive", 4, (probe,), Maker("local"), posterior=posterior,
        ended="sure enough",
    )  # fmt: skip
    return Explored(problem, trace, pit)


def write(path: Path, rows: list[Explored], change: dict[str, Any] | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = [rows_of(row) | (change or {}) for row in rows]
    pq.write_table(pa.Table.from_pylist(values, schema=schema()), path, row_group_size=20)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """150 rows in three shards, one of them in a task's folder, and counts of them."""
    out = tmp_path / "explored"
    write(out / "part-00000.parquet", [explored(i) for i in range(60)])
    write(out / "part-00001.parquet", [explored(i) for i in range(60, 120)])
    write(out / "task-00000" / "part-00000.parquet", [explored(i) for i in range(120, 150)])
    counts = ExploredCounts(explored=150, found=100, tokens=1_350)
    counts.fail("the server does not answer", "t1")
    counts.leave_out("its answer is right", "line 3")
    (out / "counts.json").write_text(json.dumps(counts.values()))
    return out


def test_every_page_has_fifty_rows_of_its_kind_without_gaps_or_repeats(folder: Path) -> None:
    opened = open_folder(str(folder))
    assert opened.num_rows == 150 and opened.counts and opened.counts.found == 100
    for kind, wanted in (("all", range(150)), ("found", [i for i in range(150) if i % 3 != 1]),
                         ("none", range(1, 150, 3)), ("unsure", range(2, 150, 3))):  # fmt: skip
        numbers, start = list[int](), 0
        while start is not None:
            page = read_page(opened, kind, start)
            assert len(page.rows) <= 50
            numbers += [row.number for row in page.rows]
            start = page.next_start  # type: ignore[assignment]
        assert numbers == list(wanted), kind


def test_a_page_reads_only_the_row_groups_it_needs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, read = open_folder(str(folder)), []
    original = pq.ParquetFile.read_row_group

    def counted(self: pq.ParquetFile, number: int, **rest: Any) -> Any:
        read.append(rest.get("columns"))
        return original(self, number, **rest)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", counted)
    assert [row.number for row in read_page(opened, "all", 100, 10).rows] == list(range(100, 110))
    [columns] = read
    assert "question" in columns and not {"probes", "text", "prompt"} & set(columns)


def test_rows_are_taken_with_problem_trace_and_pit_and_twice_adds_nothing(folder: Path, store: Store) -> None:
    opened = open_folder(str(folder))
    counts = take(store, matching_rows(opened, "unsure", 0, 20))
    assert (counts.kept, counts.dropped, store.stats()["pits"]) == (20, {}, 20)
    one = explored(2)
    assert store.pits(trace_id=one.trace.id) == [one.pit]
    assert store.trace(one.trace.id) == one.trace
    assert str(take(store, matching_rows(opened, "unsure", 0, 20))) == "0 kept, 20 already there"
    assert store.queues.counts()["unsure"] == 20


def test_a_shard_that_cannot_be_read_is_left_out_and_counted_by_the_reason(folder: Path) -> None:
    whole = (folder / "part-00001.parquet").read_bytes()
    (folder / "part-00001.parquet").write_bytes(whole[: len(whole) // 2])
    pq.write_table(pa.table({"a": [1]}), folder / "part-00002.parquet")
    older = pa.Table.from_pylist([rows_of(explored(7))], schema=schema())
    older = older.set_column(older.schema.get_field_index("pit_step"), "pit_step", pa.array(["1"]))
    pq.write_table(older, folder / "part-00003.parquet")
    opened = open_folder(str(folder))
    assert opened.num_rows == 90
    assert opened.left_out == {"damaged": 1, "no shard of explored traces": 1, "another version": 1}
    shown = data_explored.about_html(opened)
    assert "1 × shard not read: damaged" in shown and "part-00001.parquet" in shown


@pytest.mark.parametrize(
    "change", [{"trace_id": "forged"}, {"question": None}, {"pit_step": 9}, {"pit_posterior": [2.0]}]
)
def test_a_row_that_cannot_be_is_left_out_with_its_reason(tmp_path: Path, store: Store, change: dict[str, Any]) -> None:
    write(tmp_path / "out" / "part-00000.parquet", [explored(0)], change)
    write(tmp_path / "out" / "part-00001.parquet", [explored(3)])
    counts = take(store, matching_rows(open_folder(str(tmp_path / "out")), "all", 0, 10))
    assert counts.kept == 1 and sum(counts.dropped.values()) == 1 and "row 0" in counts.messages[0]


def test_what_is_no_exploration_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.txt").write_text("x")
    (tmp_path / "waiting").mkdir()
    (tmp_path / "waiting" / "journal-00000.jsonl").touch()
    for name, words in ((str(tmp_path / "nowhere"), "no folder"), (str(tmp_path / "file.txt"), "is a file"),
                        ("  ", "Name the folder"), (str(tmp_path / "empty"), "no explored traces"),
                        (str(tmp_path / "waiting"), "wait a little")):  # fmt: skip
        with pytest.raises(BadInput, match=words):
            open_folder(name)
    with pytest.raises(BadInput, match="No file"):
        open_files([])
    (tmp_path / "part-00000.parquet").write_bytes(b"PAR1")
    with pytest.raises(BadInput, match="damaged"):
        open_files([tmp_path / "part-00000.parquet"])


def test_uploaded_files_are_opened_whatever_their_order_and_broken_counts_are_said(folder: Path) -> None:
    (folder / "counts.json").write_text("{}")
    files = [folder / "part-00001.parquet", folder / "counts.json", folder / "part-00000.parquet"]
    opened = open_files(files)
    assert opened.num_rows == 120 and opened.counts is None and "counts.json cannot" in opened.messages[0]
    assert [row.number for row in read_page(opened).rows][:2] == [0, 1]


# ── the tab ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_tab_opens_filters_pages_and_takes(folder: Path, store: Store) -> None:
    workbench = Workbench(store)
    shown, about, table, line = data_explored.open_path(workbench, str(folder))
    assert ">150<" in about and "failed: the server does not answer" in about and line == "1–50, more follow"
    assert len(table["value"]) == 50 and table["value"][0][2] == "step 2"
    shown, _, table, line = data_explored.turn(shown, 1)
    assert line == "51–100, more follow" and table["value"][0][0] == "50"
    shown, *_ = data_explored.turn(shown, 1)
    shown, _, _, line = data_explored.turn(shown, 1)
    assert line == "101–150"
    shown, _, _, line = data_explored.turn(shown, -1)
    assert line == "51–100, more follow"
    shown, _, table, line = data_explored.choose(shown, "none")
    assert line == "1–50" and table["value"][0][2] == "none"
    said, place = data_explored.take_row(workbench, shown, 3)
    one = explored(10)
    assert "1 taken into the store" in said and place == f"?problem={one.problem.id}&trace={one.trace.id}"
    assert "29 taken into the store, 1 already there" in data_explored.take_some(workbench, shown, 30)


def test_what_the_rows_hold_is_never_html(folder: Path) -> None:
    counts = json.loads((folder / "counts.json").read_text())
    (folder / "counts.json").write_text(json.dumps(counts | {"failed": {SCRIPT: 1}, "messages": [SCRIPT]}))
    assert "<script" not in data_explored.about_html(open_folder(str(folder)))


def test_on_a_space_the_servers_disk_is_not_opened(folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYSTEM", "spaces")
    shown, about, *_ = data_explored.open_path(Workbench(store), str(folder))
    assert shown.opened is None and "uploaded files only" in about


def test_wrong_choices_and_shards_that_went_bad_meanwhile_are_said(folder: Path, store: Store) -> None:
    workbench = Workbench(store)
    shown, *_ = data_explored.open_path(workbench, str(folder))
    assert "must be" in data_explored.take_some(workbench, shown, 0)
    assert data_explored.take_row(workbench, shown, 99)[1] == ""
    assert "Open an exploration" in data_explored.take_some(workbench, Shown(), 3)
    assert "no rows" in data_explored.choose(shown, "x")[1]
    (folder / "part-00000.parquet").write_bytes(b"PAR1")
    assert "damaged" in data_explored.choose(shown, "found")[1]
    assert "There is no folder" in data_explored.open_path(workbench, "/nowhere")[1]
    assert "No file" in data_explored.open_uploaded(None)[1]


def test_the_table_of_person_against_machine_names_everybody_and_escapes(store: Store) -> None:
    assert "Nobody has judged" in data_against.against_html(store)
    for name in ("ada", SCRIPT):
        one = explored(0)
        label = Label.of(one.trace, kind="first_wrong", step=1, annotator=name)
        store.add_rows([(one.problem, [one.trace], [label], [replace(one.pit, id=f"pit of {len(name)}")])])
    shown = data_against.against_html(store)
    assert "everybody" in shown and "100 %" in shown and "<script" not in shown
