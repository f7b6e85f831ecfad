"""The store keeps what it was given, all of it or nothing, whoever else is using the file."""

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reasoner.errors import BadInput, StoreError
from reasoner.records import (
    LABEL_KINDS,
    Label,
    Maker,
    Pit,
    Probe,
    Problem,
    Status,
    Step,
    Trace,
    Verdict,
    make_problem,
    make_trace,
)
from reasoner.store import Store
from reasoner.store import schema as store_schema


def a_problem(number: int = 0, source: str = "typed") -> Problem:
    question = f"Ana has {number} coins. Ben has 2 more coins than Ana. How many coins does Ben have?"
    return make_problem(question, str(number + 2), source, solution="…", level="easy", spec='{"ana": 1}')


def a_trace(problem: Problem, seed: int = 0, status: Status = "wrong", num_steps: int = 3) -> Trace:
    return make_trace(
        problem,
        prompt=problem.question + "\n",
        text=f"sample {seed}",
        steps=tuple(Step(f"step {i} of sample {seed}", "Verify", i != 1) for i in range(num_steps)),
        answer="7",
        verdict=Verdict(status, "7", "because"),
        maker=Maker("local", "solver", "run-1", seed, 0.7, 1.0),
        format="transitions",
    )


def a_pit(trace: Trace, step: int | None = 1) -> Pit:
    probe = Probe(0, ("a", "b"), (True, False), 12, "question\nstep\n")
    return Pit(
        f"pit-{trace.id}", trace.id, trace.problem_id, step, "linear", 4, (probe,), trace.maker, 1.5, 2.5, (0.25, 0.75)
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "data" / "store.sqlite") as opened:
        yield opened


@pytest.fixture
def trace(store: Store) -> Trace:
    problem = a_problem()
    store.add_problems([problem])
    made = a_trace(problem)
    store.add_traces([made])
    return made


# ── what is kept ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_records_come_back_as_they_were(store: Store, trace: Trace) -> None:
    label = Label.of(trace, kind="first_wrong", step=2, annotator="Ada", error_class="calculation", note="<b>é</b>")
    store.add_label(label)
    store.add_pit(a_pit(trace))
    assert store.problem(trace.problem_id) == a_problem()
    assert store.trace(trace.id) == trace
    assert store.traces(trace.problem_id) == [trace]
    assert store.labels() == [label]
    assert label.seen_steps == ("step 0 of sample 0", "step 1 of sample 0", "step 2 of sample 0")
    assert store.pits(trace_id=trace.id) == store.pits(problem_id=trace.problem_id) == [a_pit(trace)]


def test_what_is_not_there_is_none(store: Store) -> None:
    assert store.problem("no such id") is None
    assert store.trace("no such id") is None
    assert store.labels() == store.pits() == store.traces("no such id") == []
    assert store.next_unlabelled("ada") is None


def test_a_known_id_is_left_as_it_was(store: Store) -> None:
    assert store.add_problems([a_problem(1), a_problem(2)]).kept == 2
    counts = store.add_problems([replace(a_problem(1), source="another"), a_problem(3)])
    assert (counts.kept, counts.unchanged) == (1, 1)
    assert store.sources() == ["typed"]


def test_another_answer_to_a_known_question_is_told_not_taken(store: Store) -> None:
    store.add_problems([a_problem(1)])
    counts = store.add_problems([replace(a_problem(1), answer="99")])
    assert "99 was not taken" in counts.messages[0]
    kept = store.problem(a_problem(1).id)
    assert kept is not None and kept.answer == "3"


def test_a_trace_needs_its_problem(store: Store) -> None:
    with pytest.raises(BadInput, match="Add the problem first"):
        store.add_traces([a_trace(a_problem())])


def test_rows_are_kept_all_or_none(store: Store) -> None:
    good, bad = a_problem(1), replace(a_problem(2), question="   ")
    with pytest.raises(BadInput, match="empty"):
        store.add_rows([(good, [a_trace(good)], []), (bad, [], [])])
    assert store.stats() == {"problems": 0, "traces": 0, "labels": 0, "pits": 0}


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        ("x" * 100_000, "100,000 characters; at most 20,000"),
        ("\ud800", "half a char"),
    ],
)
def test_a_question_that_cannot_be_used_is_refused(store: Store, question: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        store.add_problems([replace(a_problem(), question=question)])


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "'; DROP TABLE problems; --", "a\0b", "∀x 🦆", "a\x1fb"])
def test_hostile_text_is_only_text(store: Store, text: str) -> None:
    problem = make_problem(text, text, text)
    store.add_problems([problem])
    assert store.problem(problem.id) == problem
    assert store.find_problems(source=text)[0].problem == problem


# ── the list ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def filled(store: Store) -> Store:
    """Problem 0: right and wrong, labelled. 1: unjudged. 2: nothing yet. 3: wrong, from a file."""
    problems = [a_problem(0), a_problem(1), a_problem(2), a_problem(3, source="a file")]
    store.add_problems(problems)
    traces = [
        a_trace(problems[0], 0, "right"),
        a_trace(problems[0], 1, "wrong"),
        a_trace(problems[1], 2, "unjudged"),
        a_trace(problems[3], 3, "wrong"),
    ]
    store.add_traces(traces)
    store.add_label(Label.of(traces[1], kind="first_wrong", step=0, annotator="ada"))
    return store


def test_a_list_row_counts_the_traces(filled: Store) -> None:
    row = filled.find_problems()[0]
    assert (row.num_traces, row.num_right, row.num_wrong, row.num_unjudged, row.num_labelled) == (2, 1, 1, 0, 1)


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        ({}, [0, 1, 2, 3]),
        ({"source": "a file"}, [3]),
        ({"verdict": "right"}, [0]),
        ({"verdict": "wrong"}, [0, 3]),
        ({"verdict": "unjudged"}, [1]),
        ({"labelled": True}, [0]),
        ({"labelled": False}, [1, 2, 3]),
        ({"search": "ANA 3"}, [3]),
        ({"search": "100%"}, []),
        ({"search": "_"}, []),
        ({"verdict": "wrong", "labelled": False}, [3]),
    ],
)
def test_filters_say_which_problems_are_listed_and_counted(
    filled: Store, filters: dict[str, object], numbers: list[int]
) -> None:
    found = [row.problem.question for row in filled.find_problems(**filters)]  # type: ignore[arg-type]
    assert found == [a_problem(number).question for number in numbers]
    assert filled.count_problems(**filters) == len(numbers)  # type: ignore[arg-type]


def test_pages_follow_one_another(filled: Store) -> None:
    pages = [row.problem.id for offset in (0, 2, 4) for row in filled.find_problems(limit=2, offset=offset)]
    assert pages == [a_problem(number).id for number in range(4)]


def test_a_huge_search_is_refused(filled: Store) -> None:
    with pytest.raises(BadInput, match="at most 1,000"):
        filled.find_problems(search="a " * 50_000)


def test_an_unknown_verdict_is_refused(filled: Store) -> None:
    with pytest.raises(BadInput, match="right, wrong or unjudged"):
        filled.find_problems(verdict="bad")


# ── labels ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_latest_label_of_an_annotator_is_live_and_undo_goes_back_one(store: Store, trace: Trace) -> None:
    first = Label.of(trace, kind="first_wrong", step=1, annotator="ada")
    second = Label.of(trace, kind="all_right", annotator="ada")
    store.add_label(first)
    store.add_label(second)
    assert store.labels() == [second]
    assert store.undo_label("ada") == second
    assert store.labels() == [first]
    assert store.undo_label("ada", trace.id) == first
    assert store.labels() == []
    assert store.undo_label("ada") is None
    assert [event["event"] for event in store.label_events()] == ["label", "label", "undo", "undo"]


def test_annotators_stand_side_by_side(store: Store, trace: Trace) -> None:
    for name in ("ada", "bob"):
        store.add_label(Label.of(trace, kind="all_right", annotator=name))
    assert [label.annotator for label in store.labels(trace_id=trace.id)] == ["ada", "bob"]
    assert store.undo_label("ada", "another trace") is None
    store.undo_label("ada")
    assert [label.annotator for label in store.labels(problem_id=trace.problem_id)] == ["bob"]
    assert store.labels(annotator="ada") == []


def test_a_label_can_be_made_again_after_undo(store: Store, trace: Trace) -> None:
    store.add_label(Label.of(trace, kind="all_right", annotator="ada"))
    store.undo_label("ada")
    again = Label.of(trace, kind="first_wrong", step=0, annotator="ada")
    store.add_label(again)
    assert store.labels() == [again]


def test_events_are_numbered_and_can_be_read_from_a_number_on(store: Store, trace: Trace) -> None:
    store.add_label(Label.of(trace, kind="skip", annotator="ada"))
    store.undo_label("ada")
    everything = store.label_events()
    assert store.events_since(everything[0]["seq"]) == everything[1:]
    assert store.num_events_since(everything[0]["seq"]) == 1


def test_events_cannot_be_changed_or_removed(store: Store, trace: Trace) -> None:
    store.add_label(Label.of(trace, kind="skip", annotator="ada"))
    with sqlite3.connect(store.path) as connection:
        for statement in ("UPDATE label_events SET note = 'forged'", "DELETE FROM label_events"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "first_wrong", "step": None},
        {"kind": "first_wrong", "step": 3},
        {"kind": "first_wrong", "step": -1},
        {"kind": "all_right", "step": 0},
        {"kind": "nonsense"},
        {"annotator": ""},
        {"annotator": "   "},
        {"annotator": "a" * 81},
        {"annotator": "a\nb"},
        {"error_class": "laziness"},
        {"note": "x" * 10_001},
        {"correction": "x" * 10_001},
        {"note": "\ud800"},
        {"seconds": float("nan")},
        {"seconds": -1.0},
        {"trace_id": "no such trace"},
        {"problem_id": "another problem"},
    ],
)
def test_a_label_that_does_not_fit_is_refused(store: Store, trace: Trace, change: dict[str, object]) -> None:
    label = Label.of(trace, kind="all_right", annotator="ada")
    with pytest.raises(BadInput):
        store.add_label(replace(label, **change))  # type: ignore[arg-type]
    assert store.label_events() == []


def test_a_hostile_annotators_name_is_only_a_name(store: Store, trace: Trace) -> None:
    name = "<img src=x onerror=alert(1)>"
    store.add_label(Label.of(trace, kind="unsure", annotator=name))
    assert store.labels(annotator=name)[0].annotator == name


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 1), st.sampled_from(["undo", *LABEL_KINDS]))))
def test_live_labels_follow_from_the_events_alone(tmp_path: Path, events: list[tuple[str, int, str]]) -> None:
    """Whatever is labelled and undone, in whatever order: the tables say what the list of events says."""
    path = tmp_path / f"{threading.get_ident()}-{os.urandom(6).hex()}.sqlite"
    with Store(path) as store:
        problem = a_problem()
        store.add_problems([problem])
        traces = [a_trace(problem, seed) for seed in (0, 1)]
        store.add_traces(traces)
        stacks: dict[tuple[str, str], list[Label]] = {}
        for annotator, index, kind in events:
            stack = stacks.setdefault((annotator, traces[index].id), [])
            if kind == "undo":
                undone = store.undo_label(annotator, traces[index].id)
                assert undone == (stack.pop() if stack else None)
            else:
                step = 0 if kind == "first_wrong" else None
                stack.append(Label.of(traces[index], kind=kind, step=step, annotator=annotator))  # type: ignore[arg-type]
                store.add_label(stack[-1])
        live = {key: stack[-1] for key, stack in stacks.items() if stack}
        assert {(label.annotator, label.trace_id): label for label in store.labels()} == live
        labelled = {trace_id for (_, trace_id), label in live.items() if label.kind != "skip"}
        assert store.find_problems()[0].num_labelled == len(labelled)
        done = sum(1 for (name, _), label in live.items() if name == "a" and label.kind != "skip")
        assert store.progress("a") == (done, 2)


def test_the_next_trace_is_one_this_annotator_has_not_judged(filled: Store) -> None:
    order = []
    trace = filled.next_unlabelled("ada")
    while trace:
        order.append(trace.text)
        filled.add_label(Label.of(trace, kind="skip", annotator="ada"))
        trace = filled.next_unlabelled("ada", after_trace_id=trace.id)
    assert order == ["sample 0", "sample 2", "sample 3"]  # sample 1 was labelled before
    assert filled.progress("ada") == (1, 4)
    first = filled.next_unlabelled("bob")
    assert first is not None and first.text == "sample 0"


def test_the_next_trace_is_looked_for_from_the_current_one_on_and_then_from_the_start(filled: Store) -> None:
    last = filled.traces(a_problem(3).id)[0]
    middle = filled.traces(a_problem(1).id)[0]
    after_middle, after_last = filled.next_unlabelled("bob", middle.id), filled.next_unlabelled("bob", last.id)
    assert after_middle is not None and after_middle.text == "sample 3"
    assert after_last is not None and after_last.text == "sample 0"


def test_a_filter_by_verdict_holds_for_the_next_trace_itself(filled: Store) -> None:
    trace = filled.next_unlabelled("bob", verdict="wrong")
    assert trace is not None and trace.text == "sample 1"


# ── the file ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_store_is_the_same_when_opened_again(tmp_path: Path) -> None:
    with Store(tmp_path / "store.sqlite") as store:
        store.add_problems([a_problem()])
        store.set_setting("adapter", "run-1")
        store.set_setting("adapter", "run-2")
    with Store(tmp_path / "store.sqlite") as store:
        assert store.problem(a_problem().id) == a_problem()
        assert store.setting("adapter") == "run-2"
        assert store.setting("nothing", "default") == "default"


def test_a_label_is_on_disk_when_add_label_returns(store: Store, trace: Trace) -> None:
    store.add_label(Label.of(trace, kind="all_right", annotator="ada"))
    code = "import sys; from reasoner.store import Store; print(len(Store(sys.argv[1]).labels()))"
    seen = subprocess.run([sys.executable, "-c", code, store.path], capture_output=True, text=True, check=True)
    assert seen.stdout.strip() == "1"


def test_a_saved_label_survives_a_killed_process(store: Store, trace: Trace) -> None:
    code = (
        "import sys; from reasoner.records import Label; from reasoner.store import Store; store = Store(sys.argv[1]);"
        "store.add_label(Label.of(store.trace(sys.argv[2]), kind='all_right', annotator='ada'));"
        "print('saved', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(store.path), trace.id]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline().strip() == b"saved"
        process.kill()
    with Store(store.path) as again:
        assert [label.annotator for label in again.labels()] == ["ada"]


def test_the_store_is_written_through_and_keeps_its_references(store: Store) -> None:
    with store._reading() as connection:
        pragma = {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")}
        keys = connection.execute("PRAGMA foreign_keys").fetchone()[0]
    assert pragma == {"journal_mode": "wal", "synchronous": 2} and keys == 1


def test_many_threads_and_another_store_may_write_at_once(store: Store) -> None:
    problem = a_problem()
    store.add_problems([problem])
    errors: list[Exception] = []

    def work(number: int, own: Store) -> None:
        try:
            for i in range(5):
                trace = a_trace(problem, 100 * number + i)
                own.add_traces([trace])
                own.add_label(Label.of(trace, kind="all_right", annotator=f"annotator {number}"))
                own.find_problems(search="coins")
        except Exception as error:  # noqa: BLE001  a thread's error must reach the test
            errors.append(error)

    with Store(store.path) as other:
        threads = [threading.Thread(target=work, args=(n, other if n % 2 else store)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert errors == []
    assert store.stats()["traces"] == store.stats()["labels"] == store.find_problems()[0].num_labelled == 40


def test_a_store_locked_by_another_process_says_so_and_keeps_nothing(
    store: Store, trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_schema, "BUSY_SECONDS", 0.2)
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with Store(store.path) as second:  # opening and reading still work
        assert second.trace(trace.id) == trace
        with pytest.raises(StoreError, match=r"locked by another process .* Nothing was saved"):
            second.add_label(Label.of(trace, kind="all_right", annotator="ada"))
    other.execute("COMMIT")
    other.close()
    assert store.labels() == []


def test_a_full_disk_says_so_and_nothing_is_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(tmp_path / "store.sqlite") as store:
        store.add_problems([a_problem()])
    with sqlite3.connect(store.path) as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.close()
    monkeypatch.setattr(store_schema, "PRAGMAS", (*store_schema.PRAGMAS, f"max_page_count = {pages + 3}"))
    with Store(store.path) as full:
        with pytest.raises(StoreError, match="disk is full: nothing was saved"):
            full.add_problems([replace(a_problem(i), solution="x" * 1000) for i in range(1, 50)])
        assert full.stats()["problems"] == 1
        full.set_setting("small", "things still fit")
    with Store(store.path) as again:
        assert again.setting("small") == "things still fit"


def test_a_newer_store_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    Store(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match=r"newer First Pit .*version 99.* Update First Pit"):
        Store(path)


@pytest.mark.parametrize("content", [b"this is a text file, and a longish one at that", os.urandom(5000), b"\0" * 200])
def test_a_file_that_is_no_store_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "store.sqlite"
    path.write_bytes(content)
    with pytest.raises(StoreError, match="not a store"):
        Store(path)
    assert path.read_bytes() == content


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE problems (id)")
    connection.close()
    with pytest.raises(StoreError, match="another program's"):
        Store(path)


def test_a_damaged_store_says_so(store: Store, tmp_path: Path) -> None:
    store.add_problems([a_problem(i) for i in range(200)])
    store.close()
    damaged = bytearray(store.path.read_bytes())
    damaged[4096:] = os.urandom(len(damaged) - 4096)
    path = tmp_path / "damaged.sqlite"
    path.write_bytes(damaged)
    with pytest.raises(StoreError, match="damaged"), Store(path) as opened:
        opened.find_problems()


def test_a_folder_that_cannot_be_made_or_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made"):
        Store(tmp_path / "file" / "store.sqlite")
    with pytest.raises(StoreError, match="is a folder"):
        Store(tmp_path)


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="the superuser may write everywhere")
def test_a_read_only_folder_says_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="cannot be written"):
        Store(tmp_path / "store.sqlite")


def test_a_closed_store_says_so(store: Store) -> None:
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.stats()


def test_the_default_place_is_the_users_data_folder_unless_the_environment_names_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("REASONER_STORE", raising=False)
    assert store_schema.default_path() == tmp_path / "share" / "first-pit" / "store.sqlite"
    monkeypatch.setenv("REASONER_STORE", str(tmp_path / "mine.sqlite"))
    with Store.open_default() as store:
        assert store.path == tmp_path / "mine.sqlite"
        assert store.data_folder == tmp_path


def test_stores_opened_at_the_same_time_migrate_once(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    errors: list[Exception] = []

    def opened() -> None:
        try:
            Store(path).close()
        except Exception as error:  # noqa: BLE001  a thread's error must reach the test
            errors.append(error)

    threads = [threading.Thread(target=opened) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_an_older_store_is_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "store.sqlite"
    with Store(path) as store:
        store.add_problems([a_problem()])
    newest = store_schema.migrations()[-1][0]
    later = [
        *store_schema.migrations(),
        (newest + 1, "ALTER TABLE problems ADD COLUMN stars INTEGER NOT NULL DEFAULT 5;\n"),
    ]
    monkeypatch.setattr(store_schema, "migrations", lambda: later)
    with Store(path) as store, store._reading() as connection:
        assert connection.execute("SELECT stars FROM problems").fetchone()["stars"] == 5


def test_a_migration_that_fails_leaves_the_store_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "store.sqlite"
    Store(path).close()
    newest = store_schema.migrations()[-1][0]
    later = [*store_schema.migrations(), (newest + 1, "CREATE TABLE stars (n);\nCREATE TABLE problems (again);\n")]
    monkeypatch.setattr(store_schema, "migrations", lambda: later)
    with pytest.raises(StoreError):
        Store(path)
    monkeypatch.undo()
    with Store(path) as store, store._reading() as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'stars'").fetchone()[0] == 0
