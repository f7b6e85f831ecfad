"""Labels in the store: an append-only list of events, and what follows from it.

    ada labels trace T "first wrong: step 1"    event 1   live: 1
    ada labels T again, "all right"             event 2   live: 2
    ada undoes                                  event 3   live: 1 again
    bob labels T "unsure"                       event 4   live: 1 (ada), 4 (bob)

A label is *live* when it is its annotator's latest one on that trace that was not undone.
"""

import sqlite3
import time
from dataclasses import replace
from typing import Any

from reasoner.errors import BadInput
from reasoner.records import Label
from reasoner.store.rows import EVENT_COLUMNS, check_label, event_values, insert, to_event, to_label, to_trace


def add_label(connection: sqlite3.Connection, label: Label) -> bool:
    """Append the label; False when its id is there already. Raises BadInput when it does not fit its trace."""
    row = connection.execute("SELECT * FROM traces WHERE id = ?", [label.trace_id]).fetchone()
    if row is None:
        raise BadInput("This solution is not in the store any more. Reload the page and choose it again.")
    trace = to_trace(row)
    if label.problem_id != trace.problem_id:
        raise BadInput("The label's problem is not the one that its solution belongs to.")
    check_label(label, len(trace.steps))
    if connection.execute("SELECT 1 FROM label_events WHERE label_id = ?", [label.id]).fetchone():
        return False
    if not label.seen_steps:
        label = replace(label, seen_steps=tuple(step.text for step in trace.steps))
    connection.execute(insert("label_events", EVENT_COLUMNS), event_values("label", label, label.created))
    _refresh(connection, label.trace_id, label.annotator)
    return True


def undo_label(connection: sqlite3.Connection, annotator: str, trace_id: str | None) -> Label | None:
    """Undo the annotator's latest live label (on that trace, if one is named); None when there is none."""
    query = (
        "SELECT label_events.* FROM live_labels JOIN label_events USING (seq) "
        "WHERE live_labels.annotator = ? AND (? IS NULL OR live_labels.trace_id = ?) ORDER BY seq DESC LIMIT 1"
    )
    row = connection.execute(query, [annotator, trace_id, trace_id]).fetchone()
    if row is None:
        return None
    label = to_label(row)
    connection.execute(insert("label_events", EVENT_COLUMNS), event_values("undo", label, time.time()))
    _refresh(connection, label.trace_id, annotator)
    return label


def _refresh(connection: sqlite3.Connection, trace_id: str, annotator: str) -> None:
    """Work out again what is live on one trace for one annotator, and the trace's count of labels."""
    key = [trace_id, annotator]
    connection.execute("DELETE FROM live_labels WHERE trace_id = ? AND annotator = ?", key)
    connection.execute(
        "INSERT INTO live_labels (trace_id, annotator, seq, is_skip) "
        "SELECT trace_id, annotator, seq, kind = 'skip' FROM label_events AS made "
        "WHERE trace_id = ? AND annotator = ? AND event = 'label' AND NOT EXISTS "
        "(SELECT 1 FROM label_events AS undone WHERE undone.label_id = made.label_id AND undone.event = 'undo') "
        "ORDER BY seq DESC LIMIT 1",
        key,
    )
    connection.execute(
        "UPDATE traces SET num_labels = (SELECT count(*) FROM live_labels WHERE trace_id = ? AND NOT is_skip) "
        "WHERE id = ?",
        [trace_id, trace_id],
    )


def labels(
    connection: sqlite3.Connection, trace_id: str | None, problem_id: str | None, annotator: str | None
) -> list[Label]:
    """The live labels, oldest first, of one trace, one problem, one annotator, or all."""
    given = {
        "live_labels.trace_id = ?": trace_id,
        "live_labels.trace_id IN (SELECT id FROM traces WHERE problem_id = ?)": problem_id,
        "live_labels.annotator = ?": annotator,
    }
    conditions = [condition for condition, value in given.items() if value is not None]
    values = [value for value in given.values() if value is not None]
    where = " AND ".join(conditions) or "1"
    rows = connection.execute(
        f"SELECT label_events.* FROM live_labels JOIN label_events USING (seq) WHERE {where} ORDER BY live_labels.seq",
        values,
    )
    return [to_label(row) for row in rows]


def events_since(connection: sqlite3.Connection, seq: int) -> list[dict[str, Any]]:
    """Every label event after number `seq`, in order."""
    rows = connection.execute("SELECT * FROM label_events WHERE seq > ? ORDER BY seq", [seq])
    return [to_event(row) for row in rows]
