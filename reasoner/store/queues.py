"""Two queues for the annotator, asked of the store: "person and machine disagree", and "the machine is unsure".

    store.queues.counts("ada")                   {"disagree": 3, "unsure": 41, "kept": 1, "without_posterior": 0}
    store.queues.disagreements("ada")            [Disagreement(person=1, machine=3, chance=0.97, …), …]
    store.queues.keep("ada", trace_id)           ada has looked at it and keeps her label: it leaves the queue
    store.queues.unsure("ada")                   [Unsure(margin=0.02, …), …]: traces that ada has not judged

A person's word is a live label that names the first wrong step, or says that all are right. The machine's word is the
latest pit of that trace, explored with the gold answer in force; a search that ended before it could say has none.
The tables behind it follow labels, pits and gold answers by triggers (migration 0006), so that asking is cheap.

Not covered: two people who disagree with each other (score.py counts those); pits without a posterior, of which only
the number is told, since nothing says how sure they are.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import reasoner.store.agreement as store_agreement
from reasoner.store.find import Filters
from reasoner.store.rows import check_annotator

UNSURE_BELOW = 0.5
"""A posterior whose likeliest place is less than this ahead of the next one is unsure. Ours: 3 to 1, or less."""
NONE = -1  # how the tables write "no step"

_NO_FILTERS = Filters()
_OF_TRACE = "CROSS JOIN traces ON traces.id = {0}.trace_id CROSS JOIN problems ON problems.id = {0}.problem_id"
_SEEN = "problems.question, problems.source, traces.format, json_array_length(traces.steps) AS num_steps"
_COMPARED = (  # the keys are found on an index alone, and only their rows are read whole
    f"SELECT compared.*, {_SEEN}, (SELECT posterior FROM pits WHERE seq = pit) AS posterior FROM ({{}}) AS keys "
    "CROSS JOIN compared ON compared.trace_id = keys.trace_id AND compared.annotator = keys.annotator "
    f"{_OF_TRACE.format('compared')} ORDER BY compared.chance DESC, compared.trace_id, compared.annotator"
)
_LATEST = (
    f"SELECT latest_pits.*, {_SEEN} FROM ({{}}) AS keys CROSS JOIN latest_pits USING (trace_id) "
    f"{_OF_TRACE.format('latest_pits')} ORDER BY latest_pits.margin, latest_pits.trace_id"
)

Transaction = Callable[[], AbstractContextManager[sqlite3.Connection]]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A person's word and the machine's on one trace. None as a step: "none is wrong", "none is the pit"."""

    problem_id: str
    trace_id: str
    annotator: str
    person: int | None  # 0-based first wrong step
    machine: int | None  # 0-based pit
    chance: float | None  # 0-1, what the machine's posterior gives its own word; None: it has no posterior
    person_chance: float | None  # 0-1, what it gives the person's word
    is_kept: bool  # the person has looked at the contradiction and keeps the label
    question: str
    source: str
    format: str
    num_steps: int

    @property
    def differs(self) -> bool:
        """False where the person has changed their mind, or a newer pit agrees."""
        return self.person != self.machine

    @property
    def step(self) -> int:
        """0-based step in question: the earlier of the two, since the first wrong step is asked for."""
        return min(step for step in (self.person, self.machine, self.num_steps - 1) if step is not None)


@dataclass(frozen=True, slots=True)
class Unsure:
    """An explored trace whose pit may be at several places."""

    problem_id: str
    trace_id: str
    best_step: int | None  # 0-based, the likeliest pit; None: no step
    best_chance: float  # 0-1
    margin: float  # 0-1, how far ahead of the next likeliest place
    question: str
    source: str
    format: str
    num_steps: int


class Queues:
    """The queues of one store: `store.queues`. Raises StoreError as the store's own methods do."""

    def __init__(self, reading: Transaction, writing: Transaction) -> None:
        self._reading = reading
        self._writing = writing

    def counts(self, annotator: str = "") -> dict[str, int]:
        """How many traces wait for this annotator ("": for anybody) in each queue, are kept, or tell no chances."""
        judged = (
            "SELECT count(*) FROM live_labels CROSS JOIN latest_pits ON latest_pits.trace_id = live_labels.trace_id "
            f"WHERE live_labels.annotator = ? AND latest_pits.margin < {UNSURE_BELOW}"
        )
        unsure = self._count(f"SELECT count(*) FROM latest_pits WHERE margin < {UNSURE_BELOW}", [])
        return {
            "disagree": self.num_disagreements(annotator),
            "unsure": unsure - (self._count(judged, [annotator]) if annotator else 0),
            "kept": self.num_disagreements(annotator, kept=True),
            "without_posterior": self._count("SELECT count(*) FROM latest_pits WHERE margin IS NULL", []),
        }

    def disagreements(
        self,
        annotator: str = "",
        limit: int = 50,
        offset: int = 0,
        filters: Filters = _NO_FILTERS,
        kept: bool = False,
    ) -> list[Disagreement]:
        """Where this person ("": anybody) and the machine differ, the machine's most certain contradictions first.

        kept: those that the person has looked at and keeps, instead.
        """
        keys, values = self._differing(annotator, filters, kept)
        keys += " ORDER BY compared.chance DESC, compared.trace_id, compared.annotator LIMIT ? OFFSET ?"
        rows = self._all(_COMPARED.format(keys), [*values, max(0, limit), max(0, offset)])
        return [_to_disagreement(row) for row in rows]

    def num_disagreements(self, annotator: str = "", filters: Filters = _NO_FILTERS, kept: bool = False) -> int:
        """How many there are, whatever the page."""
        keys, values = self._differing(annotator, filters, kept)
        return self._count(f"SELECT count(*) FROM ({keys})", values)

    def next_disagreement(
        self, annotator: str, after: str | None = None, filters: Filters = _NO_FILTERS
    ) -> Disagreement | None:
        """The one that follows trace `after` in the queue's order, else its first; None when the queue is empty."""
        keys, values = self._differing(annotator, filters, False)
        order = "ORDER BY compared.chance DESC, compared.trace_id, compared.annotator LIMIT 1"
        below = f"{keys} AND compared.chance <= ? AND (compared.chance < ? OR compared.trace_id > ?) {order}"
        at = self._all("SELECT ifnull(chance, -1) AS at FROM latest_pits WHERE trace_id = ?", [after])
        rows = self._all(_COMPARED.format(below), [*values, at[0]["at"], at[0]["at"], after]) if at else []
        rows = rows or self._all(_COMPARED.format(f"{keys} {order}"), values)
        return _to_disagreement(rows[0]) if rows else None

    def unsure(
        self, annotator: str = "", limit: int = 50, offset: int = 0, filters: Filters = _NO_FILTERS
    ) -> list[Unsure]:
        """Explored traces that this person has not judged and of whose pit the machine is unsure, most unsure first."""
        keys, values = self._unjudged(annotator, filters)
        keys += " ORDER BY latest_pits.margin, latest_pits.trace_id LIMIT ? OFFSET ?"
        return [_to_unsure(row) for row in self._all(_LATEST.format(keys), [*values, max(0, limit), max(0, offset)])]

    def num_unsure(self, annotator: str = "", filters: Filters = _NO_FILTERS) -> int:
        """How many there are, whatever the page."""
        keys, values = self._unjudged(annotator, filters)
        return self._count(f"SELECT count(*) FROM ({keys})", values)

    def next_unsure(self, annotator: str, after: str | None = None, filters: Filters = _NO_FILTERS) -> Unsure | None:
        """The one that follows trace `after` in the queue's order, else its first; None when the queue is empty."""
        keys, values = self._unjudged(annotator, filters)
        order = "ORDER BY latest_pits.margin, latest_pits.trace_id LIMIT 1"
        below = f"{keys} AND latest_pits.margin >= ? AND (latest_pits.margin > ? OR latest_pits.trace_id > ?) {order}"
        at = self._all("SELECT ifnull(margin, -1) AS at FROM latest_pits WHERE trace_id = ?", [after])
        rows = self._all(_LATEST.format(below), [*values, at[0]["at"], at[0]["at"], after]) if at else []
        rows = rows or self._all(_LATEST.format(f"{keys} {order}"), values)
        return _to_unsure(rows[0]) if rows else None

    def comparison(self, annotator: str, trace_id: str) -> Disagreement | None:
        """This person's word on a trace beside the machine's, equal or not; None unless both have spoken."""
        rows = self._all(_COMPARED.format("SELECT ? AS trace_id, ? AS annotator"), [trace_id, annotator])
        return _to_disagreement(rows[0]) if rows else None

    def keep(self, annotator: str, trace_id: str) -> bool:
        """The person has looked and keeps the label: the trace leaves the queue. False: it was not in it."""
        return self._look(annotator, trace_id, is_kept=True)

    def put_back(self, annotator: str, trace_id: str) -> bool:
        """Take `keep` back, by one more event. False: it was not kept."""
        return self._look(annotator, trace_id, is_kept=False)

    def words(self) -> list[tuple[str, int | None, int | None, int]]:
        """(annotator, person's step, machine's step, on how many traces), wherever both have spoken."""
        rows = self._all("SELECT annotator, person, machine, count(*) AS num FROM compared GROUP BY 1, 2, 3", [])
        return [(row["annotator"], _step(row["person"]), _step(row["machine"]), row["num"]) for row in rows]

    def _differing(self, annotator: str, filters: Filters, kept: bool) -> tuple[str, list[Any]]:
        """The query for the keys of `compared` that are meant, to be ordered, and its values."""
        joins, where, values = self._filtered("compared", filters)
        keys = f"SELECT compared.trace_id, compared.annotator FROM compared {joins} WHERE compared.differs = 1 "
        keys += f"AND compared.is_kept = {int(kept)} AND {where}"
        return (f"{keys} AND compared.annotator = ?", [*values, annotator]) if annotator else (keys, values)

    def _unjudged(self, annotator: str, filters: Filters) -> tuple[str, list[Any]]:
        """The query for the keys of `latest_pits` that are meant, to be ordered, and its values."""
        joins, where, values = self._filtered("latest_pits", filters)
        keys = (
            f"SELECT latest_pits.trace_id FROM latest_pits {joins} WHERE latest_pits.margin < {UNSURE_BELOW} "
            "AND NOT EXISTS (SELECT 1 FROM live_labels AS judged WHERE judged.trace_id = latest_pits.trace_id "
            f"AND judged.annotator = ?) AND {where}"
        )
        return keys, [annotator, *values]

    def _filtered(self, table: str, filters: Filters) -> tuple[str, str, list[Any]]:
        """What the list's filters join, demand, and its values; the one by verdict holds for the trace itself."""
        if filters == _NO_FILTERS:
            return "", "1", []
        if filters.agreement:
            store_agreement.refresh(self._reading, self._writing)
        where, values = filters.where()
        if filters.verdict:
            where, values = f"{where} AND traces.status = ?", [*values, filters.verdict]
        return _OF_TRACE.format(table), where, values

    def _all(self, query: str, values: Sequence[Any]) -> list[sqlite3.Row]:
        with self._reading() as connection:
            return connection.execute(query, values).fetchall()

    def _count(self, query: str, values: Sequence[Any]) -> int:
        return int(self._all(query, values)[0][0])

    def _look(self, annotator: str, trace_id: str, is_kept: bool) -> bool:
        check_annotator(annotator)
        with self._writing() as connection:
            row = connection.execute(
                "SELECT label, pit FROM compared WHERE trace_id = ? AND annotator = ? AND is_kept = ? AND differs",
                [trace_id, annotator, not is_kept],
            ).fetchone()
            if row is None:
                return False
            pair = [row["label"], row["pit"]]
            connection.execute(
                "INSERT INTO looked_events (event, trace_id, annotator, label, pit, created) VALUES (?, ?, ?, ?, ?, ?)",
                ["keep" if is_kept else "undo", trace_id, annotator, *pair, time.time()],
            )
            change = (
                "INSERT OR IGNORE INTO looked_at (label, pit) VALUES (?, ?)"
                if is_kept
                else "DELETE FROM looked_at WHERE label = ? AND pit = ?"
            )
            connection.execute(change, pair)
            connection.execute(
                "UPDATE compared SET is_kept = ? WHERE trace_id = ? AND annotator = ?", [is_kept, trace_id, annotator]
            )
        return True


def _step(number: int) -> int | None:
    return None if number == NONE else number


def _to_disagreement(row: sqlite3.Row) -> Disagreement:
    posterior, person = json.loads(row["posterior"]), row["person"]
    return Disagreement(
        problem_id=row["problem_id"],
        trace_id=row["trace_id"],
        annotator=row["annotator"],
        person=_step(person),
        machine=_step(row["machine"]),
        chance=row["chance"] if row["chance"] >= 0 else None,
        person_chance=posterior[person] if posterior else None,
        is_kept=bool(row["is_kept"]),
        question=row["question"],
        source=row["source"],
        format=row["format"],
        num_steps=row["num_steps"],
    )


def _to_unsure(row: sqlite3.Row) -> Unsure:
    return Unsure(
        problem_id=row["problem_id"],
        trace_id=row["trace_id"],
        best_step=_step(row["best_step"]),
        best_chance=row["best_chance"],
        margin=row["margin"],
        question=row["question"],
        source=row["source"],
        format=row["format"],
        num_steps=row["num_steps"],
    )
