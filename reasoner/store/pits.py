"""Pits that come from files: kept under their own ids, so that bringing the same file twice adds nothing.

    store.add_rows([(problem, [trace], [], [pit])])         an exported or bulk-explored pit with all it stands on
    for pit in iter_pits(store._reading, page=200): …       all pits in force, some in memory at a time

A pit's evidence speaks of the gold answer that it was explored with. Where the store's is another one by now, the pit
is kept and has no word, as if the gold answer had been corrected here.

Not covered: pits that are found here; `Store.add_pit` makes those the latest of their traces.
"""

import math
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from reasoner.errors import BadInput
from reasoner.records import Pit, Problem
from reasoner.store.gold import IN_FORCE
from reasoner.store.rows import (
    END_OF_TIME,
    MAX_NAME,
    MAX_SHORT_TEXT,
    MAX_TRACE,
    PIT_COLUMNS,
    check_text,
    insert,
    pit_values,
    to_pit,
)

MAX_K = 10_000
MAX_EVIDENCE = 20_000_000  # characters of all completions and prompts. Ours: 500 steps × 64 completions of 500
SUMS_TO_ONE = 0.01  # how far a posterior's sum may be off, for numbers that a file has rounded

Connection = Callable[[], AbstractContextManager[sqlite3.Connection]]


def import_pit(connection: sqlite3.Connection, pit: Pit, problem: Problem) -> bool:
    """Keep a pit that was explored with `problem`'s answer; False when its id is there already.

    Raises BadInput when its trace is unknown or it does not fit it.
    """
    row = connection.execute(
        "SELECT problem_id, json_array_length(steps) AS num_steps, (SELECT answer FROM problems "
        "WHERE problems.id = traces.problem_id) AS answer FROM traces WHERE id = ?",
        [pit.trace_id],
    ).fetchone()
    if row is None or row["problem_id"] != pit.problem_id:
        raise BadInput("The explored solution is not in the store. Add it before its pit.")
    check_pit(pit, row["num_steps"])
    statement = insert("pits", PIT_COLUMNS, "ON CONFLICT (id) DO NOTHING")
    is_new = connection.execute(statement, pit_values(pit)).rowcount > 0
    if is_new and problem.answer != row["answer"]:
        connection.execute("UPDATE pits SET gold = ? WHERE id = ?", [problem.answer, pit.id])
    return is_new


def check_pit(pit: Pit, num_steps: int) -> None:
    """Raise BadInput unless the pit fits a trace of `num_steps` steps."""
    for name, value in (("id", pit.id), ("method", pit.method)):
        if not value.strip():
            raise BadInput(f"The pit has no {name}.")
        check_text(name, value, MAX_NAME)
    if pit.step is not None and not 0 <= pit.step < num_steps:
        raise BadInput(f"The pit is step {pit.step}, but the steps are numbered 0 to {num_steps - 1}.")
    if pit.judged_by not in ("gold", "agreement"):
        raise BadInput(f"A pit is judged by gold or by agreement, not by “{pit.judged_by[:40]}”.")
    if pit.posterior:
        is_fine = all(math.isfinite(chance) and 0 <= chance <= 1 for chance in pit.posterior)
        if not is_fine or abs(sum(pit.posterior) - 1) > SUMS_TO_ONE:
            raise BadInput("The pit's posterior is no list of chances that sum to 1.")
        if len(pit.posterior) != num_steps + 1:
            raise BadInput(f"The posterior has {len(pit.posterior)} chances: one a step and one for none are needed.")
    if not (1 <= pit.k <= MAX_K and 0 <= pit.created < END_OF_TIME and 0 <= pit.seconds < math.inf):
        raise BadInput("The pit's k or its times are no numbers that can be.")
    check_text("reason why the search ended", pit.ended, MAX_SHORT_TEXT)
    _check_probes(pit, num_steps)


def _check_probes(pit: Pit, num_steps: int) -> None:
    size = 0
    for probe in pit.probes:
        if not -1 <= probe.step < num_steps:
            raise BadInput(f"A probe continues from step {probe.step}, which the solution does not have.")
        is_cut = probe.is_cut or (False,) * len(probe.completions)
        if not len(probe.completions) == len(probe.recovered) == len(is_cut):
            raise BadInput("A probe does not say of each completion whether it recovered.")
        if probe.num_tokens < 0:
            raise BadInput("A probe has fewer than no tokens.")
        for text in (*probe.completions, probe.prompt):
            check_text("completion", text, MAX_TRACE)
            size += len(text)
    if size > MAX_EVIDENCE:
        raise BadInput(f"The pit's completions have {size:,} characters; at most {MAX_EVIDENCE:,} are taken.")


def iter_pits(reading: Connection, page: int = 100) -> Iterator[Pit]:
    """All pits that were explored with the gold answer in force, oldest first, `page` of them in memory at a time."""
    last = 0
    while True:
        with reading() as connection:
            rows = connection.execute(
                f"SELECT * FROM pits WHERE seq > ? AND {IN_FORCE} ORDER BY seq LIMIT ?", [last, page]
            ).fetchall()
        yield from map(to_pit, rows)
        if len(rows) < page:
            return
        last = rows[-1]["seq"]
