"""Reviews of gold answers in the store: an append-only list of events, and what follows from it.

    gold of problem P is 7                        answer 7
    ada corrects it to 5        event 1           answer 5, source_answer 7; P's traces are judged again
    bob confirms                event 2           he saw 5
    ada undoes her review       event 3           answer 7 again; bob's word was on another answer and does not count

One gold answer is in force for everybody: that of the latest correction not undone, else the one that came with the
problem. All that hangs on it (verdicts, the problem's counters) changes in the same transaction.

Source: MARIO's authors had people review solutions, and wrong gold answers of GSM8K's training set were mended (arXiv
2401.08190 §3). The queue of what to review is in doubt.py.

Not covered: problems without any gold answer; there is nothing to doubt in them.
"""

import json
import sqlite3
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import Any, get_args

from reasoner.checks.answers import judge
from reasoner.errors import BadInput
from reasoner.records import GoldReview, Problem, ReviewKind, Trace, Verdict
from reasoner.store.rows import MAX_SHORT_TEXT, check_annotator, check_text, insert, to_problem

EVENT_COLUMNS = "event, review_id, problem_id, kind, answer_before, answer_after, annotator, note, created"
IN_FORCE = "pits.gold IS (SELECT answer FROM problems WHERE problems.id = pits.problem_id)"
"""Which pits speak of the gold answer in force: "recovered" says nothing of any other."""

Transaction = Callable[[], AbstractContextManager[sqlite3.Connection]]
REVIEW_KINDS: tuple[ReviewKind, ...] = get_args(ReviewKind)


def new_review(
    problem: Problem, kind: ReviewKind, annotator: str, answer: str | None = None, note: str = ""
) -> GoldReview:
    """A review of the gold answer in force, made now; `answer` is the right one where `kind` is "corrected"."""
    after = (answer or "").strip() if kind == "corrected" else problem.answer
    return GoldReview(uuid.uuid4().hex, problem.id, kind, problem.answer, after, annotator, note, time.time())


class Gold:
    """The reviews of one store: `store.gold`. Raises StoreError as the store's own methods do."""

    def __init__(self, reading: Transaction, writing: Transaction) -> None:
        self._reading = reading
        self._writing = writing

    def add(self, review: GoldReview) -> int:
        """Keep a review, and judge the problem's traces again where it corrects the gold answer.

        How many verdicts changed; on disk when this returns. Raises BadInput when the review does not fit its problem,
        or speaks of a gold answer that is no longer in force.
        """
        with self._reading() as connection:
            _warm(connection, review.problem_id, review.after)
        with self._writing() as connection:
            return _add(connection, review)

    def undo(self, annotator: str, problem_id: str | None = None) -> GoldReview | None:
        """Take back the annotator's latest review (of that problem), by one more event; None: there is none."""
        with self._writing() as connection:
            return _undo(connection, annotator, problem_id)

    def reviews(self, problem_id: str | None = None) -> dict[str, GoldReview]:
        """Problem id → the review that stands, of one problem or of all that have one."""
        with self._reading() as connection:
            return _standing(connection, problem_id)

    def events(self, problem_id: str | None = None) -> list[dict[str, Any]]:
        """Everything ever said about gold answers (of one problem), undone reviews and undos included, in order."""
        query = "SELECT * FROM gold_events WHERE ? IS NULL OR problem_id = ? ORDER BY seq"
        with self._reading() as connection:
            rows = connection.execute(query, [problem_id, problem_id]).fetchall()
        return [{"event": row["event"], "seq": row["seq"], **asdict(_to_review(row))} for row in rows]

    def counts(self) -> dict[str, dict[str, int]]:
        """Source → "confirmed", "corrected", "bad" → how many of its problems were reviewed so."""
        query = "SELECT source, gold_review, count(*) AS num FROM problems WHERE gold_review <> '' GROUP BY 1, 2"
        found: dict[str, dict[str, int]] = {}
        with self._reading() as connection:
            for row in connection.execute(query):
                found.setdefault(row["source"], dict.fromkeys(REVIEW_KINDS, 0))[row["gold_review"]] = row["num"]
        return found

    def source_answers(self) -> dict[str, str | None]:
        """Problem id → the answer it came with, of the problems whose gold answer was corrected."""
        query = "SELECT id, source_answer FROM problems WHERE gold_review <> '' AND source_answer IS NOT NULL"
        with self._reading() as connection:
            return {row["id"]: row["source_answer"] for row in connection.execute(query)}

    def unreviewed(self, formats: Sequence[str], min_formats: int) -> list[str]:
        """Problems that nobody has reviewed, with wrong answers in at least so many of `formats`, in order."""
        query = (
            "SELECT problems.id FROM (SELECT problem_id FROM traces WHERE status = 'wrong' "
            "AND format IN (SELECT value FROM json_each(?)) GROUP BY problem_id HAVING count(DISTINCT format) >= ?) "
            "AS found JOIN problems ON problems.id = found.problem_id WHERE gold_review = '' ORDER BY problems.seq"
        )
        with self._reading() as connection:
            return [row["id"] for row in connection.execute(query, [json.dumps(list(formats)), min_formats])]


def judged_again(connection: sqlite3.Connection, trace: Trace) -> Verdict:
    """The verdict of a trace that comes in: where people have corrected the problem's gold, theirs counts."""
    query = "SELECT answer FROM problems WHERE id = ? AND source_answer IS NOT NULL"
    row = connection.execute(query, [trace.problem_id]).fetchone()
    return trace.verdict if row is None or trace.answer is None else judge(row["answer"], trace.answer)


def _add(connection: sqlite3.Connection, review: GoldReview) -> int:
    _check(connection, review)
    if connection.execute("SELECT 1 FROM gold_events WHERE review_id = ?", [review.id]).fetchone():
        return 0
    connection.execute(insert("gold_events", EVENT_COLUMNS), _values("review", review, review.created))
    return _refresh(connection, review.problem_id)


def _undo(connection: sqlite3.Connection, annotator: str, problem_id: str | None) -> GoldReview | None:
    row = connection.execute(
        "SELECT * FROM gold_events AS made WHERE event = 'review' AND annotator = ? "
        "AND (? IS NULL OR problem_id = ?) AND NOT EXISTS (SELECT 1 FROM gold_events AS undone "
        "WHERE undone.review_id = made.review_id AND undone.event = 'undo') ORDER BY seq DESC LIMIT 1",
        [annotator, problem_id, problem_id],
    ).fetchone()
    if row is None:
        return None
    review = _to_review(row)
    connection.execute(insert("gold_events", EVENT_COLUMNS), _values("undo", review, time.time()))
    _refresh(connection, review.problem_id)
    return review


def _standing(connection: sqlite3.Connection, problem_id: str | None) -> dict[str, GoldReview]:
    where = "problems.id = ?" if problem_id else "problems.gold_review <> ''"
    rows = connection.execute(
        "SELECT gold_events.* FROM problems JOIN gold_events ON gold_events.problem_id = problems.id "
        f"WHERE {where} ORDER BY gold_events.seq",
        [problem_id] if problem_id else [],
    ).fetchall()
    grouped: dict[str, list[sqlite3.Row]] = {}
    for row in rows:
        grouped.setdefault(row["problem_id"], []).append(row)
    found = {key: _in_force(_live(own), own[0]["answer_before"])[0] for key, own in grouped.items()}
    return {key: review for key, review in found.items() if review is not None}


def _warm(connection: sqlite3.Connection, problem_id: str, gold: str | None) -> None:
    """Compare a problem's answers with `gold` ahead of time: the write lock then waits for no child process."""
    for row in connection.execute("SELECT DISTINCT answer FROM traces WHERE problem_id = ?", [problem_id]):
        judge(gold, row["answer"])


def _refresh(connection: sqlite3.Connection, problem_id: str) -> int:
    """Work out again which gold answer and review are in force, and the verdicts; how many of these changed."""
    (before,) = connection.execute("SELECT answer FROM problems WHERE id = ?", [problem_id]).fetchone()
    made = connection.execute("SELECT * FROM gold_events WHERE problem_id = ? ORDER BY seq", [problem_id]).fetchall()
    source_answer = made[0]["answer_before"]  # the first review saw what came with the problem
    review, answer = _in_force(_live(made), source_answer)
    connection.execute(
        "UPDATE problems SET answer = ?, gold_review = ?, source_answer = ? WHERE id = ?",
        [answer, review.kind if review else "", None if answer == source_answer else source_answer, problem_id],
    )
    return 0 if answer == before else _judge_all(connection, problem_id, answer)


def _judge_all(connection: sqlite3.Connection, problem_id: str, gold: str | None) -> int:
    """Judge a problem's traces by another gold answer. One without an answer keeps its verdict, with the reason why."""
    rows = connection.execute(
        "SELECT seq, answer, status, reason FROM traces WHERE problem_id = ? AND answer IS NOT NULL", [problem_id]
    ).fetchall()
    num_changed = 0
    for row in rows:
        verdict = judge(gold, row["answer"])
        num_changed += verdict.status != row["status"]
        connection.execute(
            "UPDATE traces SET status = ?, extracted = ?, reason = ? WHERE seq = ?",
            [verdict.status, verdict.extracted, verdict.reason, row["seq"]],
        )
    return num_changed


def _live(rows: list[sqlite3.Row]) -> list[GoldReview]:
    """The reviews that were not undone, oldest first."""
    undone = {row["review_id"] for row in rows if row["event"] == "undo"}
    return [_to_review(row) for row in rows if row["event"] == "review" and row["review_id"] not in undone]


def _in_force(live: list[GoldReview], source_answer: str | None) -> tuple[GoldReview | None, str | None]:
    """The review that stands, and the gold answer in force.

    "bad" stands if it was said last; else the correction, where one has changed the answer; else who confirmed this
    very answer last.
    """
    corrections = [review for review in live if review.kind == "corrected"]
    answer = corrections[-1].after if corrections else source_answer
    if live and live[-1].kind == "bad":
        return live[-1], answer
    if answer != source_answer:
        return corrections[-1], answer
    confirming = [review for review in live if review.kind == "confirmed" and review.before == answer]
    return (confirming[-1] if confirming else None), answer


def _check(connection: sqlite3.Connection, review: GoldReview) -> None:
    check_annotator(review.annotator)
    if review.kind not in REVIEW_KINDS:
        raise BadInput(f"“{review.kind}” is no review of a gold answer. Use one of: {', '.join(REVIEW_KINDS)}.")
    row = connection.execute("SELECT * FROM problems WHERE id = ?", [review.problem_id]).fetchone()
    if row is None:
        raise BadInput("The reviewed problem is not in the store any more. Reload the page and choose it again.")
    problem = to_problem(row)
    if problem.answer is None:
        raise BadInput("This problem has no gold answer, so there is nothing to review.")
    if review.before != problem.answer:
        raise BadInput(f"The gold answer is {problem.answer[:60]} by now. Reload the page and look at it again.")
    if review.kind == "corrected" and not (review.after or "").strip():
        raise BadInput("A correction needs the right answer. Type it, or confirm the gold answer.")
    if review.kind == "corrected" and (review.after or "").strip() == problem.answer.strip():
        raise BadInput(f"{problem.answer[:60]} is the gold answer already. Confirm it, or type another one.")
    check_text("answer", review.after or "", MAX_SHORT_TEXT)
    check_text("note", review.note, MAX_SHORT_TEXT)


def _values(event: str, review: GoldReview, created: float) -> tuple[Any, ...]:
    """In the order of EVENT_COLUMNS."""
    said = (review.problem_id, review.kind, review.before, review.after, review.annotator, review.note)
    return (event, review.id, *said, created)


def _to_review(row: sqlite3.Row) -> GoldReview:
    return GoldReview(
        id=row["review_id"],
        problem_id=row["problem_id"],
        kind=row["kind"],
        before=row["answer_before"],
        after=row["answer_after"],
        annotator=row["annotator"],
        note=row["note"],
        created=row["created"],
    )
