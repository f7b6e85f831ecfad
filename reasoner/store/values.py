"""Valuations in the store: what value models think of traces, one score a state after each step.

    store.add_valuations([Valuation(trace.id, "value-easy", (0.61, 0.58, 0.07), time.time())])
    store.valuations(problem_id=trace.problem_id)            every model's, oldest first
    store.valuations(trace_id=trace.id, by="value-easy")     [Valuation(…)]

One row for each trace and model: scoring again replaces what the same model said before, because a score follows from
trace and model alone.

Not covered: a score of the state before the first step; scores of states apart from their traces (the graph takes the
mean over the traces that pass through a state, if it wants one).
"""

import json
import math
import sqlite3
from collections.abc import Iterable

from reasoner.errors import BadInput
from reasoner.records import Counts, Valuation
from reasoner.store.rows import END_OF_TIME, MAX_NAME


def add_valuations(connection: sqlite3.Connection, valuations: Iterable[Valuation]) -> Counts:
    """Keep valuations; what was there already, scores and all, counts as unchanged.

    Raises BadInput when a trace is unknown, has another number of steps, or a score is none.
    """
    kept = unchanged = 0
    for valuation in valuations:
        problem_id = _checked(connection, valuation)
        scores = json.dumps(list(valuation.scores))
        row = (valuation.trace_id, problem_id, valuation.by, valuation.created, scores)
        added = connection.execute(
            "INSERT INTO valuations (trace_id, problem_id, model, created, scores) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (trace_id, model) DO UPDATE SET created = excluded.created, scores = excluded.scores "
            "WHERE scores <> excluded.scores",
            row,
        ).rowcount
        kept, unchanged = (kept + 1, unchanged) if added else (kept, unchanged + 1)
    return Counts(kept, unchanged)


def valuations(
    connection: sqlite3.Connection, problem_id: str | None, trace_id: str | None, by: str | None
) -> list[Valuation]:
    """Valuations of one problem's traces, of one trace, by one model, or all, oldest first."""
    given = {"problem_id = ?": problem_id, "trace_id = ?": trace_id, "model = ?": by}
    where = " AND ".join(condition for condition, value in given.items() if value is not None) or "1"
    values = [value for value in given.values() if value is not None]
    rows = connection.execute(f"SELECT * FROM valuations WHERE {where} ORDER BY seq", values)
    return [Valuation(row["trace_id"], row["model"], tuple(json.loads(row["scores"])), row["created"]) for row in rows]


def valuers(connection: sqlite3.Connection) -> list[str]:
    """The names of the value models that have scored anything, the latest first."""
    rows = connection.execute("SELECT model FROM valuations GROUP BY model ORDER BY max(created) DESC, max(seq) DESC")
    return [str(row["model"]) for row in rows]


def _checked(connection: sqlite3.Connection, valuation: Valuation) -> str:
    """The id of the problem that the valued trace belongs to. Raises BadInput unless the valuation fits."""
    name = valuation.by
    if not (name.strip() and len(name) <= MAX_NAME and name.isprintable()):
        raise BadInput(f"A value model's name has 1 to {MAX_NAME} printable characters, not {name[:40]!r}.")
    row = connection.execute(
        "SELECT problem_id, json_array_length(steps) AS num_steps FROM traces WHERE id = ?", [valuation.trace_id]
    ).fetchone()
    if row is None:
        raise BadInput("The valued solution is not in the store. Add it before its scores.")
    num_steps = row["num_steps"]
    if len(valuation.scores) != num_steps:
        raise BadInput(f"{len(valuation.scores)} scores were given for {num_steps} steps: one a step is needed.")
    if not all(math.isfinite(score) and 0 <= score <= 1 for score in valuation.scores):
        raise BadInput("A score is a number from 0 to 1.")
    if not 0 <= valuation.created < END_OF_TIME:
        raise BadInput("The valuation's time is not a number of seconds.")
    return str(row["problem_id"])
