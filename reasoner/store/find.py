"""The questions asked of the store that need more than one table: the list of problems, and what to label next."""

import sqlite3
from dataclasses import dataclass
from typing import Any

from reasoner.errors import BadInput
from reasoner.records import Problem, Trace
from reasoner.store.rows import PROBLEM_COLUMNS, TRACE_COLUMNS, to_problem, to_trace

COUNTERS = ("num_traces", "num_right", "num_wrong", "num_unjudged", "num_labelled")

MAX_SEARCH = 1_000  # characters. Ours: below SQLite's own bounds on an expression


@dataclass(frozen=True, slots=True)
class ProblemRow:
    """A problem in the list, with what is known of its traces."""

    problem: Problem
    num_traces: int
    num_right: int
    num_wrong: int
    num_unjudged: int
    num_labelled: int  # traces with a label other than "skip", by whomever


@dataclass(frozen=True, slots=True)
class Filters:
    """Which problems are meant; the empty filter means all."""

    search: str = ""  # words that must all occur in the question, in any order, large or small letters
    source: str = ""
    verdict: str = ""  # "right", "wrong", "unjudged": problems with such a trace; "" means all
    labelled: bool | None = None  # True: some trace is labelled; False: none is
    agreement: str = ""  # "agree", "disagree": problems whose formats' majorities do (votes.py); "" means all

    def where(self) -> tuple[str, list[Any]]:
        """An SQL condition on `problems`, and its values."""
        if len(self.search) > MAX_SEARCH:
            raise BadInput(f"The search has {len(self.search):,} characters; at most {MAX_SEARCH:,} are looked for.")
        conditions, values = ["1"], list[Any]()
        for word in self.search.split():
            conditions.append("problems.question LIKE ? ESCAPE '\\'")
            values.append(f"%{_literal(word)}%")
        if self.source:
            conditions.append("problems.source = ?")
            values.append(self.source)
        if self.verdict:
            if self.verdict not in ("right", "wrong", "unjudged"):
                raise BadInput(f"“{self.verdict}” is no verdict. Use right, wrong or unjudged.")
            conditions.append(f"problems.num_{self.verdict} > 0")
        if self.labelled is not None:
            conditions.append("problems.num_labelled > 0" if self.labelled else "problems.num_labelled = 0")
        if self.agreement:
            if self.agreement not in ("agree", "disagree"):
                raise BadInput(f"“{self.agreement}” is no agreement of formats. Use agree or disagree.")
            conditions.append(f"problems.agreement = '{self.agreement}'")
        return " AND ".join(conditions), values


def _literal(word: str) -> str:
    """`word` with LIKE's own signs taken literally."""
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def find_problems(connection: sqlite3.Connection, filters: Filters, limit: int, offset: int) -> list[ProblemRow]:
    """The problems that pass, in the order they came in."""
    where, values = filters.where()
    rows = connection.execute(
        f"SELECT {PROBLEM_COLUMNS}, {', '.join(COUNTERS)} FROM problems WHERE {where} ORDER BY seq LIMIT ? OFFSET ?",
        [*values, max(0, limit), max(0, offset)],
    )
    return [ProblemRow(to_problem(row), *(row[counter] for counter in COUNTERS)) for row in rows]


def count_problems(connection: sqlite3.Connection, filters: Filters) -> int:
    where, values = filters.where()
    return int(connection.execute(f"SELECT count(*) FROM problems WHERE {where}", values).fetchone()[0])


def next_unlabelled(
    connection: sqlite3.Connection, annotator: str, after_trace_id: str | None, filters: Filters
) -> Trace | None:
    """The next trace that `annotator` has neither labelled nor skipped, in the order of the list; from the end it goes
    on at the beginning. A filter by verdict holds for the trace itself."""
    where, values = filters.where()
    if filters.verdict:
        where, values = f"{where} AND traces.status = ?", [*values, filters.verdict]
    start = connection.execute(
        "SELECT problems.seq AS problem, traces.seq AS trace FROM traces "
        "JOIN problems ON problems.id = traces.problem_id WHERE traces.id = ?",
        [after_trace_id],
    ).fetchone()
    columns = ", ".join(f"traces.{column}" for column in TRACE_COLUMNS.split(", "))
    query = (
        f"SELECT {columns} FROM problems CROSS JOIN traces ON traces.problem_id = problems.id "
        f"WHERE {where} AND NOT EXISTS "
        "(SELECT 1 FROM live_labels WHERE live_labels.trace_id = traces.id AND live_labels.annotator = ?) "
    )
    order = "ORDER BY problems.seq, traces.seq LIMIT 1"
    row = None
    if start:
        after = "AND (problems.seq > ? OR (problems.seq = ? AND traces.seq > ?)) AND problems.seq >= ? "
        bounds = [start["problem"], start["problem"], start["trace"], start["problem"]]
        row = connection.execute(query + after + order, [*values, annotator, *bounds]).fetchone()
    if row is None:
        row = connection.execute(query + order, [*values, annotator]).fetchone()
    return to_trace(row) if row else None


def progress(connection: sqlite3.Connection, annotator: str) -> tuple[int, int]:
    """How many traces `annotator` has labelled ("skip" does not count), and how many traces there are."""
    (labelled,) = connection.execute(
        "SELECT count(*) FROM live_labels WHERE annotator = ? AND NOT is_skip", [annotator]
    ).fetchone()
    (traces,) = connection.execute("SELECT count(*) FROM traces").fetchone()
    return int(labelled), int(traces)
