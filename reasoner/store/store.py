"""The store: problems, traces, labels and pits in one SQLite file.

    with Store("store.sqlite") as store:
        store.add_problems([problem])
        store.add_traces([trace])
        store.add_label(Label.of(trace, kind="first_wrong", step=1, annotator="ada"))

Any number of threads and processes may use the same file: readers never wait, a writer waits up to five seconds for
another one. What a method has written is on disk when it returns, all of it or nothing.

Not covered: deleting. Problems, traces and pits are named by their content and stay; labels are append-only events.
"""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import reasoner.store.agreement as store_agreement
import reasoner.store.find as store_find
import reasoner.store.gold as store_gold
import reasoner.store.keypoints as store_keypoints
import reasoner.store.labels as store_labels
import reasoner.store.pits as store_pits
import reasoner.store.queues as store_queues
import reasoner.store.values as store_values
from reasoner.errors import BadInput, StoreError
from reasoner.records import Counts, KeyPoints, Label, Pit, Problem, Trace, Valuation, content_id
from reasoner.store.find import Filters, ProblemRow
from reasoner.store.rows import (
    PIT_COLUMNS,
    PROBLEM_COLUMNS,
    TRACE_COLUMNS,
    check_problem,
    check_trace_size,
    insert,
    pit_values,
    problem_values,
    to_pit,
    to_problem,
    to_trace,
    trace_values,
)
from reasoner.store.schema import connect, default_path, errors_in_words, prepare

Row = tuple[Problem, Sequence[Trace], Sequence[Label]] | tuple[Problem, Sequence[Trace], Sequence[Label], Sequence[Pit]]
"""One row of an imported file: a problem, its traces, what was said about them, and what a machine found in them."""

MAX_MESSAGES = 100  # of Counts.messages


class Store:
    """One open store. Every method raises StoreError when the file cannot be read or written."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path).expanduser().absolute()
        prepare(self.path)
        self._idle: list[sqlite3.Connection] = []  # connections nobody uses at the moment
        self._is_closed = False
        self._write_lock = threading.Lock()  # our own threads queue here instead of polling SQLite's file lock
        self.gold = store_gold.Gold(self._reading, self._writing)  # reviews of gold answers
        self.queues = store_queues.Queues(self._reading, self._writing)  # person against machine

    @classmethod
    def open_default(cls) -> "Store":
        """The store at `REASONER_STORE`, else in the user's data folder."""
        return cls(default_path())

    @property
    def data_folder(self) -> Path:
        """The folder the store lies in; training runs live under `data_folder / "runs"`."""
        return self.path.parent

    def close(self) -> None:
        """Close all connections that are not in use."""
        self._is_closed = True
        while self._idle:
            self._idle.pop().close()

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # ── connections ──────────────────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """A connection of one's own for the length of the block."""
        if self._is_closed:
            raise StoreError(f"The store {self.path} was closed. Open it again.")
        with errors_in_words(self.path):
            try:
                connection = self._idle.pop()  # list.pop and list.append are atomic: no lock is needed
            except IndexError:
                connection = connect(self.path)
            try:
                yield connection
            finally:
                if self._is_closed:
                    connection.close()
                else:
                    self._idle.append(connection)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all of the block is kept, or nothing."""
        if not self._write_lock.acquire(timeout=60):
            raise StoreError("The store is busy with a long import. Nothing was saved; try again when it is done.")
        try:
            with self._reading() as connection:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:  # SQLite itself has rolled back where the disk is full
                        connection.execute("ROLLBACK")
                    raise
        finally:
            self._write_lock.release()

    def _all(self, query: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        with self._reading() as connection:
            return connection.execute(query, values).fetchall()

    def _one(self, query: str, values: Sequence[Any] = ()) -> sqlite3.Row | None:
        rows = self._all(query, values)
        return rows[0] if rows else None

    # ── problems and traces ──────────────────────────────────────────────────────────────────────────────────────

    def add_problems(self, problems: Iterable[Problem]) -> Counts:
        """Keep problems; those with a known id stay as they are. Raises BadInput for an empty or huge question."""
        return self.add_rows((problem, (), ()) for problem in problems)

    def add_traces(self, traces: Iterable[Trace]) -> Counts:
        """Keep traces; those with a known id stay as they are. Raises BadInput when a trace's problem is unknown."""
        traces = list(traces)
        with self._writing() as connection:
            added = [_add_trace(connection, trace) for trace in traces]
        return Counts(kept=sum(added), unchanged=len(added) - sum(added))

    def add_rows(self, rows: Iterable[Row]) -> Counts:
        """Keep rows in one transaction: all of them or, when one cannot be kept, none (BadInput).

        A row counts as unchanged when its problem, traces and labels were all there already.
        """
        rows = list(rows)  # whatever makes the rows is done before the store is locked
        messages: list[str] = []
        with self._writing() as connection:
            added = [_add_row(connection, row, messages) for row in rows]
        return Counts(sum(added), len(added) - sum(added), messages=tuple(messages[:MAX_MESSAGES]))

    def problem(self, problem_id: str) -> Problem | None:
        row = self._one("SELECT * FROM problems WHERE id = ?", [problem_id])
        return to_problem(row) if row else None

    def trace(self, trace_id: str) -> Trace | None:
        row = self._one("SELECT * FROM traces WHERE id = ?", [trace_id])
        return to_trace(row) if row else None

    def traces(self, problem_id: str) -> list[Trace]:
        """All traces of a problem, oldest first."""
        rows = self._all("SELECT * FROM traces WHERE problem_id = ? ORDER BY seq", [problem_id])
        return [to_trace(row) for row in rows]

    def find_problems(
        self,
        search: str = "",
        source: str = "",
        verdict: str = "",
        labelled: bool | None = None,
        limit: int = 50,
        offset: int = 0,
        agreement: str = "",
    ) -> list[ProblemRow]:
        """Problems in the order they came in; store_find.Filters says what the filters mean."""
        filters = self._filters(search, source, verdict, labelled, agreement)
        with self._reading() as connection:
            return store_find.find_problems(connection, filters, limit, offset)

    def count_problems(
        self,
        search: str = "",
        source: str = "",
        verdict: str = "",
        labelled: bool | None = None,
        agreement: str = "",
    ) -> int:
        filters = self._filters(search, source, verdict, labelled, agreement)
        with self._reading() as connection:
            return store_find.count_problems(connection, filters)

    def _filters(self, search: str, source: str, verdict: str, labelled: bool | None, agreement: str) -> Filters:
        """What is asked for; the agreement of new traces is worked out where it is."""
        if agreement:
            store_agreement.refresh(self._reading, self._writing)
        return Filters(search, source, verdict, labelled, agreement)

    def answers_in_formats(self) -> list[list[store_agreement.Answer]]:
        """The answers of each problem that has them in two formats or more."""
        store_agreement.refresh(self._reading, self._writing)
        with self._reading() as connection:
            return store_agreement.answers_in_formats(connection)

    def sources(self) -> list[str]:
        """The sources of all problems, by name."""
        return [row["source"] for row in self._all("SELECT DISTINCT source FROM problems ORDER BY source")]

    # ── labels ───────────────────────────────────────────────────────────────────────────────────────────────────

    def add_label(self, label: Label) -> None:
        """Keep a label; on disk when this returns. Raises BadInput when it does not fit its trace."""
        with self._writing() as connection:
            store_labels.add_label(connection, label)

    def undo_label(self, annotator: str, trace_id: str | None = None) -> Label | None:
        """Take back the annotator's latest live label (of that trace), by one more event; None: there is none."""
        with self._writing() as connection:
            return store_labels.undo_label(connection, annotator, trace_id)

    def labels(
        self, trace_id: str | None = None, problem_id: str | None = None, annotator: str | None = None
    ) -> list[Label]:
        """The live labels, oldest first: for each annotator and trace the latest that was not undone."""
        with self._reading() as connection:
            return store_labels.labels(connection, trace_id, problem_id, annotator)

    def label_events(self) -> list[dict[str, Any]]:
        """Everything ever said, undone labels and undos included, in order."""
        return self.events_since(0)

    def events_since(self, seq: int) -> list[dict[str, Any]]:
        """The label events after number `seq`; each has its own number under "seq"."""
        with self._reading() as connection:
            return store_labels.events_since(connection, seq)

    def num_events_since(self, seq: int) -> int:
        return int(self._all("SELECT count(*) FROM label_events WHERE seq > ?", [seq])[0][0])

    def next_unlabelled(
        self,
        annotator: str,
        after_trace_id: str | None = None,
        search: str = "",
        source: str = "",
        verdict: str = "",
        labelled: bool | None = None,
        agreement: str = "",
    ) -> Trace | None:
        """The next trace that this annotator has neither labelled nor skipped; None when all are done."""
        filters = self._filters(search, source, verdict, labelled, agreement)
        with self._reading() as connection:
            return store_find.next_unlabelled(connection, annotator, after_trace_id, filters)

    def progress(self, annotator: str) -> tuple[int, int]:
        """How many traces this annotator has labelled, and how many there are."""
        with self._reading() as connection:
            return store_find.progress(connection, annotator)

    # ── pits, settings, numbers ──────────────────────────────────────────────────────────────────────────────────

    def add_pit(self, pit: Pit) -> None:
        """Keep what an exploration found, with its evidence, as its trace's latest pit.

        The same find twice is one pit, unless another one came between them. Raises BadInput: its trace is unknown.
        """
        with self._writing() as connection:
            if not connection.execute("SELECT 1 FROM traces WHERE id = ?", [pit.trace_id]).fetchone():
                raise BadInput("The explored solution is not in the store. Add it before its pit.")
            latest = connection.execute("SELECT max(seq) FROM pits WHERE trace_id = ?", [pit.trace_id]).fetchone()[0]
            known = connection.execute("SELECT seq FROM pits WHERE id = ?", [pit.id]).fetchone()
            if known and known["seq"] != latest:
                pit = replace(pit, id=content_id(pit.id, repr(pit.created)))
            connection.execute(insert("pits", PIT_COLUMNS, "ON CONFLICT (id) DO NOTHING"), pit_values(pit))

    def pits(self, trace_id: str | None = None, problem_id: str | None = None) -> list[Pit]:
        """Pits of one trace, of one problem, or all, oldest first, that were explored with the gold answer in force."""
        given = {"trace_id = ?": trace_id, "problem_id = ?": problem_id}
        where = " AND ".join([store_gold.IN_FORCE, *(test for test, value in given.items() if value is not None)])
        values = [value for value in given.values() if value is not None]
        return [to_pit(row) for row in self._all(f"SELECT * FROM pits WHERE {where} ORDER BY seq", values)]

    def iter_pits(self) -> Iterator[Pit]:
        """The same pits, all of them, some in memory at a time."""
        return store_pits.iter_pits(self._reading)

    def add_key_points(self, key_points: KeyPoints) -> bool:
        """Append to the problem's key points; False when nothing is new. Raises BadInput when they do not fit."""
        with self._writing() as connection:
            return store_keypoints.add_key_points(connection, key_points)

    def key_points(self, problem_id: str | None = None) -> list[KeyPoints]:
        """All key points of one problem, or of all, oldest first; store_keypoints.latest says which are in force."""
        with self._reading() as connection:
            return store_keypoints.key_points(connection, problem_id)

    def add_valuations(self, valuations: Iterable[Valuation]) -> Counts:
        """Keep what value models think of traces, all or none; a model's newer scores replace its older ones.

        Raises BadInput when a trace is unknown or has another number of steps, or a score is none.
        """
        valuations = list(valuations)
        with self._writing() as connection:
            return store_values.add_valuations(connection, valuations)

    def valuations(
        self, problem_id: str | None = None, trace_id: str | None = None, by: str | None = None
    ) -> list[Valuation]:
        """Valuations of one problem's traces, of one trace, by one value model, or all, oldest first."""
        with self._reading() as connection:
            return store_values.valuations(connection, problem_id, trace_id, by)

    def valuers(self) -> list[str]:
        """The names of the value models that have scored anything, the latest first."""
        with self._reading() as connection:
            return store_values.valuers(connection)

    def setting(self, name: str, default: str = "") -> str:
        row = self._one("SELECT value FROM settings WHERE name = ?", [name])
        return str(row["value"]) if row else default

    def set_setting(self, name: str, value: str) -> None:
        with self._writing() as connection:
            connection.execute("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", [name, value])

    def stats(self) -> dict[str, int]:
        """How many problems, traces, live labels and pits there are."""
        tables = {"problems": "problems", "traces": "traces", "labels": "live_labels", "pits": "pits"}
        counts = ", ".join(f"(SELECT count(*) FROM {table}) AS {name}" for name, table in tables.items())
        row = self._all(f"SELECT {counts}")[0]
        return {name: int(row[name]) for name in tables}


def _add_row(connection: sqlite3.Connection, row: Row, messages: list[str]) -> bool:
    """Keep one row; True when any part of it was new."""
    problem, traces, labels = row[:3]
    is_new = _add_problem(connection, problem, messages)
    for trace in traces:
        is_new |= _add_trace(connection, trace)
    for label in labels:
        is_new |= store_labels.add_label(connection, label)
    for pit in row[3] if len(row) == 4 else ():
        is_new |= store_pits.import_pit(connection, pit, problem)
    return is_new


def _add_problem(connection: sqlite3.Connection, problem: Problem, messages: list[str]) -> bool:
    check_problem(problem)
    statement = insert("problems", PROBLEM_COLUMNS, "ON CONFLICT (id) DO NOTHING")
    if connection.execute(statement, problem_values(problem)).rowcount:
        return True
    known = connection.execute("SELECT answer FROM problems WHERE id = ?", [problem.id]).fetchone()["answer"]
    if problem.answer is not None and problem.answer != known:
        messages.append(
            f"“{problem.question[:60]}…” is there already with the answer {known or '(none)'}; "
            f"the answer {problem.answer[:60]} was not taken."
        )
    return False


def _add_trace(connection: sqlite3.Connection, trace: Trace) -> bool:
    check_trace_size(trace)
    if not connection.execute("SELECT 1 FROM problems WHERE id = ?", [trace.problem_id]).fetchone():
        raise BadInput("The solution's problem is not in the store. Add the problem first.")
    trace = replace(trace, verdict=store_gold.judged_again(connection, trace))
    statement = insert("traces", TRACE_COLUMNS, "ON CONFLICT (id) DO NOTHING")
    return connection.execute(statement, trace_values(trace)).rowcount > 0
