"""The column `problems.agreement`: do the formats of a problem's traces agree? Worked out when it is asked for.

    refresh(store._reading, store._writing)      before a filter by it: only the problems with new traces are looked at

A trigger forgets a problem's value when a trace of it comes or its verdict changes; the next filter works out what was
forgotten, outside the write lock, since comparing answers may take a child process. So sampling pays nothing for it,
and a filter over 10,000 problems reads an index (tests/bench/bench_agreement.py).

Not covered: traces that were changed behind the store's back.
"""

import json
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import groupby

from reasoner.votes import agreement_of


@dataclass(frozen=True, slots=True)
class Answer:
    """What one trace says, of a problem whose traces are in several formats."""

    trace_id: str
    format: str
    answer: str
    status: str


Connection = Callable[[], AbstractContextManager[sqlite3.Connection]]

VOTES = (
    "traces.answer IS NOT NULL AND (problems.answer IS NULL OR traces.status <> 'unjudged') "
    "AND json_extract(traces.maker, '$.engine') <> 'repair'"
)
"""Which traces have a vote: those with an answer, less those whose answer could not be judged though gold is known, and
less the repaired copies of others (agreement.py says the same)."""

_STALE = (
    "SELECT id, num_traces, answer FROM problems WHERE agreement IS NULL AND num_traces > 1 ORDER BY seq LIMIT 2000"
)
_ANSWERS = (
    "SELECT traces.problem_id, traces.format, traces.answer FROM problems CROSS JOIN traces "
    "ON traces.problem_id = problems.id WHERE problems.id IN (SELECT value FROM json_each(?)) "
    f"AND {VOTES} ORDER BY problems.seq, traces.seq"
)


def answers_in_formats(connection: sqlite3.Connection) -> list[list[Answer]]:
    """The answers that have a vote, a list a problem, of the problems with votes in two formats or more."""
    rows = connection.execute(
        "SELECT traces.problem_id, traces.id, traces.format, traces.answer, traces.status FROM problems "
        "CROSS JOIN traces ON traces.problem_id = problems.id WHERE problems.agreement <> '' "
        f"AND {VOTES} ORDER BY problems.seq, traces.seq"
    )
    return [
        [Answer(row["id"], row["format"], row["answer"], row["status"]) for row in own]
        for _, own in groupby(rows, key=lambda row: str(row["problem_id"]))
    ]


def refresh(reading: Connection, writing: Connection) -> int:
    """Work out the agreement of all problems for which it is not known; how many those were."""
    done = 0
    while True:
        with reading() as connection:
            stale = connection.execute(_STALE).fetchall()
            found = _worked_out(connection, [row["id"] for row in stale]) if stale else {}
        if not stale:
            return done
        with writing() as connection:
            connection.executemany(  # a trace that came meanwhile leaves the value unknown
                "UPDATE problems SET agreement = ? WHERE id = ? AND num_traces = ? AND answer IS ?",
                [(found.get(row["id"], ""), row["id"], row["num_traces"], row["answer"]) for row in stale],
            )
        done += len(stale)


def _worked_out(connection: sqlite3.Connection, problem_ids: list[str]) -> dict[str, str]:
    rows = connection.execute(_ANSWERS, [json.dumps(problem_ids)])
    return {
        problem_id: agreement_of([(row["format"], row["answer"]) for row in own])
        for problem_id, own in groupby(rows, key=lambda row: str(row["problem_id"]))
    }
