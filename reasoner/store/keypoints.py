"""Key points in the store: an append-only list for each problem, and which of them the solver is given.

    store.add_key_points(KeyPoints(problem.id, "How many has Ben?", ("Ana has 3 coins.",), "ada", now, "person"))
    store.key_points(problem.id)                      the whole history, oldest first
    latest(store.key_points(problem.id))              in force: a person's last edit, else a model's, else the rules'
    latest(store.key_points(problem.id), "machine")   a model's last extraction

An edit is one more row with who made it and when; undo is to save an earlier row's words again.

Not covered: two people's edits side by side. The later one is in force; both stay in the history.
"""

import json
import sqlite3
from collections.abc import Sequence

from reasoner.errors import BadInput
from reasoner.records import KeyPoints, Origin
from reasoner.store.rows import END_OF_TIME, MAX_NAME, check_text, insert

# Ours: GSM8K's longest list of an extraction by GPT-4 has about a dozen points, none of them 300 characters long.
MAX_POINTS = 60
MAX_POINT = 2_000  # characters of one point, or of the core question
ORIGINS: tuple[Origin, ...] = ("person", "machine", "rules")
"""Whose word counts most comes first."""


def add_key_points(connection: sqlite3.Connection, key_points: KeyPoints) -> bool:
    """Append; False when the last of this origin are the same already. Raises BadInput when they do not fit."""
    _check(key_points)
    if not connection.execute("SELECT 1 FROM problems WHERE id = ?", [key_points.problem_id]).fetchone():
        raise BadInput("The key points' problem is not in the store. Add the problem first.")
    points = json.dumps(list(key_points.points), ensure_ascii=False)
    said = (key_points.origin, key_points.by, key_points.core_question, points)
    last = connection.execute(
        "SELECT origin, made_by, core_question, points FROM key_points WHERE problem_id = ? AND origin = ? "
        "ORDER BY seq DESC LIMIT 1",
        [key_points.problem_id, key_points.origin],
    ).fetchone()
    if last is not None and tuple(last) == said:
        return False
    connection.execute(
        insert("key_points", "problem_id, created, origin, made_by, core_question, points"),
        [key_points.problem_id, key_points.created, *said],
    )
    return True


def key_points(connection: sqlite3.Connection, problem_id: str | None) -> list[KeyPoints]:
    """All key points ever kept of one problem, or of all, oldest first."""
    rows = connection.execute(
        "SELECT * FROM key_points WHERE ? IS NULL OR problem_id = ? ORDER BY seq", [problem_id, problem_id]
    )
    return [_to_key_points(row) for row in rows]


def latest(history: Sequence[KeyPoints], origin: str = "") -> KeyPoints | None:
    """The key points in force: a person's last, else a machine's, else the rules'; or only those of one `origin`."""
    for wanted in (origin,) if origin else ORIGINS:
        own = [one for one in history if one.origin == wanted]
        if own:
            return own[-1]
    return None


def _to_key_points(row: sqlite3.Row) -> KeyPoints:
    points = tuple(json.loads(row["points"]))
    return KeyPoints(row["problem_id"], row["core_question"], points, row["made_by"], row["created"], row["origin"])


def _check(key_points: KeyPoints) -> None:
    if key_points.origin not in ORIGINS:
        raise BadInput(f"“{key_points.origin}” makes no key points. Use one of: {', '.join(ORIGINS)}.")
    name = key_points.by
    if not (name.strip() and len(name) <= MAX_NAME and name.isprintable()):
        raise BadInput(f"Whose key points are these? A name has 1 to {MAX_NAME} printable characters.")
    if not key_points.core_question.strip() and not key_points.points:
        raise BadInput("The key points are empty: write the core question, or at least one point.")
    if len(key_points.points) > MAX_POINTS:
        raise BadInput(f"{len(key_points.points):,} key points are too many; at most {MAX_POINTS} are taken.")
    check_text("core question", key_points.core_question, MAX_POINT)
    for number, point in enumerate(key_points.points, start=1):
        if not point.strip():
            raise BadInput(f"Key point {number} is empty. Write it, or take it out.")
        check_text(f"key point {number}", point, MAX_POINT)
    if not 0 <= key_points.created < END_OF_TIME:
        raise BadInput("The key points' time is not a number of seconds.")
