"""A bulk exploration opened for a person: how much there is, a page of rows at a time, rows taken into the store.

    opened = open_folder("explored")
    str(opened.counts)                                  "100,000 explored: 81,204 first pits, 18,796 without; …"
    page = read_page(opened, "unsure", start=0)         50 rows, and where the next page begins
    take(store, explored_rows(opened, [page.rows[0].number]))       problem, trace and pit into the store

Rows are numbered over all shards that can be read, in the order of rows.py. A shard that cannot be read (half copied,
of another program, of another version of First Pit) is left out, and counted by the reason.

Not covered: rows that a run under way still has in its journal; they are shown once they are a shard.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reasoner.errors import BadInput
from reasoner.records import Counts, Label, Pit, Problem, Trace, make_problem, make_trace
from reasoner.scale.counts import Counts as ExploredCounts
from reasoner.scale.rows import Explored, Values, damage_in_words, opened, record_of, schema
from reasoner.store import Store
from reasoner.store.pits import check_pit
from reasoner.store.queues import UNSURE_BELOW
from reasoner.store.rows import check_problem, check_trace_size

PAGE = 50  # rows
CHUNK = 200  # rows kept in one transaction
MAX_MESSAGES = 100
KINDS = {"all": "all", "found": "pit found", "none": "no pit", "unsure": "unsure"}
"""Which rows: name → title. Failed traces have no row; counts.json tells of them."""
_SEEN = (
    *("question", "source", "steps", "pit_step", "pit_posterior", "pit_completions", "pit_tokens", "pit_ended"),
    *("pit_judged_by", "pit_method", "trace_id"),
)


@dataclass(frozen=True, slots=True)
class Opened:
    """A folder, or uploaded files, of explored traces."""

    name: str
    shards: tuple[tuple[Path, int], ...]  # each with its number of rows
    counts: ExploredCounts | None  # what counts.json says; None where there is none
    left_out: dict[str, int] = field(default_factory=dict)  # reason → shards that cannot be read
    messages: tuple[str, ...] = ()
    is_under_way: bool = False  # a journal lies beside the shards

    @property
    def num_rows(self) -> int:
        return sum(num for _, num in self.shards)


@dataclass(frozen=True, slots=True)
class Summary:
    """What a list shows of one row."""

    number: int  # of the row, from 0
    trace_id: str
    question: str
    source: str
    num_steps: int
    step: int | None  # 0-based pit
    chance: float | None  # 0-1, what the posterior gives that word; None: no posterior
    completions: int
    tokens: int
    method: str
    judged_by: str
    ended: str


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, and the row to go on at; None at the end."""

    rows: tuple[Summary, ...]
    next_start: int | None


def open_folder(name: str) -> Opened:
    """The exploration in a folder. Raises BadInput when there is none in it, with what to do."""
    folder = Path(name.strip()).expanduser()
    if not name.strip():
        raise BadInput("Name the folder that `python -m reasoner explore --out` has written.")
    if not folder.exists():
        raise BadInput(f"There is no folder {folder}. Name one that `python -m reasoner explore --out` has written.")
    if not folder.is_dir():
        raise BadInput(f"{folder} is a file. Name the folder it lies in, or upload it.")
    try:
        found = sorted([*folder.glob("part-*.parquet"), *folder.glob("*/part-*.parquet")])  # one folder a task
        journals = [*folder.glob("journal-*.jsonl"), *folder.glob("*/journal-*.jsonl")]
    except OSError as error:
        raise BadInput(f"{folder} cannot be read: {error.strerror}.") from error
    counts = folder / "counts.json"
    return _opened(str(folder), found, counts if counts.is_file() else None, bool(journals))


def open_files(paths: Sequence[str | Path]) -> Opened:
    """The exploration in uploaded files: shards, and counts.json if it is among them."""
    given = sorted(map(Path, paths), key=lambda path: path.name)
    if not given:
        raise BadInput("No file is chosen. Drop the shards (part-….parquet) in the field above, and counts.json.")
    counts = [path for path in given if path.name == "counts.json"]
    return _opened("the uploaded files", [path for path in given if path not in counts], next(iter(counts), None))


def _opened(name: str, paths: Sequence[Path], counts: Path | None, is_under_way: bool = False) -> Opened:
    shards, reasons, messages = list[tuple[Path, int]](), Counter[str](), list[str]()
    for path in paths:
        try:
            shards.append((path, _checked(path).metadata.num_rows))
        except BadInput as error:
            reasons[_reason(str(error))] += 1
            messages.append(str(error).replace(str(path), path.name))
    told = None
    if counts is not None:
        try:
            told = ExploredCounts.of(json.loads(counts.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            messages.append("counts.json cannot be read: what failed is not known.")
    if not shards:
        why = f" {messages[0]}" if messages else ""
        what = "Its run has not finished a shard yet; wait a little." if is_under_way else (
            "Name the folder that `python -m reasoner explore --out` has written, or its shards (part-….parquet)."
        )  # fmt: skip
        raise BadInput(f"There are no explored traces in {name}.{why} {what}")
    return Opened(name, tuple(shards), told, dict(reasons), tuple(messages[:MAX_MESSAGES]), is_under_way)


def _reason(message: str) -> str:
    for words in ("damaged", "another version", "no shard of explored traces", "cannot be read"):
        if words in message:
            return words
    return "cannot be used"


def _checked(path: Path) -> Any:
    """The shard's file. Raises BadInput unless it has our columns, of our types."""
    file = opened(path)
    own = file.schema_arrow
    for wanted in schema():
        if own.field(wanted.name).type != wanted.type:
            raise BadInput(
                f"{path} was written by another version of First Pit: its column “{wanted.name[:80]}” is of another "
                "kind. Open it with that version, or explore again."
            )
    return file


def _kind_is(row: Values, kind: str) -> bool:
    if kind == "found":
        return row["pit_step"] is not None
    if kind == "none":
        return row["pit_step"] is None
    if kind == "unsure":
        if not row["pit_completions"]:  # nothing was tried: that is the prior
            return False
        first, second = [*sorted(row["pit_posterior"] or (), reverse=True)[:2], None, None][:2]
        return first is not None and second is not None and first - second < UNSURE_BELOW
    return True


def _groups(opened: Opened, start: int, columns: Sequence[str] | None) -> Iterator[tuple[int, list[Values]]]:
    """(number of its first row, its rows) of each group that has rows from `start` on."""
    number = 0
    for path, num in opened.shards:
        if number + num <= start:
            number += num
            continue
        file = _checked(path)
        for group in range(file.metadata.num_row_groups):
            size = file.metadata.row_group(group).num_rows
            if number + size > start:
                with damage_in_words(path):
                    rows = file.read_row_group(group, columns=list(columns) if columns else None).to_pylist()
                yield number, rows
            number += size


def read_page(opened: Opened, kind: str = "all", start: int = 0, limit: int = PAGE) -> Page:
    """The first `limit` rows of that kind from row `start` on. Raises BadInput when a shard has gone bad meanwhile."""
    if kind not in KINDS:
        raise BadInput(f"There are no rows “{str(kind)[:40]}”. Choose one of: {', '.join(KINDS)}.")
    found: list[Summary] = []
    for first, rows in _groups(opened, start, _SEEN):
        for number, row in enumerate(rows, first):
            if number < start or not _kind_is(row, kind):
                continue
            if len(found) == limit:
                return Page(tuple(found), number)
            found.append(_summary(number, row))
    return Page(tuple(found), None)


def _summary(number: int, row: Values) -> Summary:
    step, posterior = row["pit_step"], row["pit_posterior"] or []
    place = -1 if step is None else step
    return Summary(
        number=number,
        trace_id=str(row["trace_id"]),
        question=str(row["question"]),
        source=str(row["source"]),
        num_steps=len(row["steps"] or ()),
        step=step,
        chance=posterior[place] if posterior and place < len(posterior) else None,
        completions=row["pit_completions"] or 0,
        tokens=row["pit_tokens"] or 0,
        method=str(row["pit_method"]),
        judged_by=str(row["pit_judged_by"]),
        ended=str(row["pit_ended"] or ""),
    )


def explored_rows(opened: Opened, numbers: Iterable[int]) -> Iterator[Explored | BadInput]:
    """These rows, whole, in their order; a row that cannot be used as a BadInput in its place."""
    wanted = sorted(set(numbers))
    for first, rows in _groups(opened, wanted[0], None) if wanted else ():
        while wanted and wanted[0] < first + len(rows):
            number = wanted.pop(0)
            yield _whole(rows[number - first], number)
        if not wanted:
            return


def matching_rows(opened: Opened, kind: str, start: int, num: int) -> Iterator[Explored | BadInput]:
    """The first `num` rows of that kind from row `start` on, whole."""
    page = read_page(opened, kind, start, num)
    return explored_rows(opened, [row.number for row in page.rows])


def _whole(row: Values, number: int) -> Explored | BadInput:
    """A row's records, checked as the store will check them, under the ids that follow from what they hold."""
    try:
        explored = record_of(row)
        problem, trace, pit = explored.problem, explored.trace, explored.pit
        check_problem(problem)
        check_trace_size(trace)
        check_pit(pit, len(trace.steps))
        same_problem = make_problem(problem.question, problem.answer, problem.source)
        same_trace = make_trace(
            same_problem, prompt=trace.prompt, text=trace.text, steps=trace.steps, answer=trace.answer,
            verdict=trace.verdict, maker=trace.maker, format=trace.format,
        )  # fmt: skip
    except BadInput as error:
        return BadInput(f"not acceptable: row {number}: {error}")
    except (TypeError, ValueError, KeyError, AttributeError):
        return BadInput(f"not whole: row {number} lacks something that a trace or a pit needs")
    if (problem.id, trace.id, pit.trace_id) != (same_problem.id, same_trace.id, same_trace.id):
        return BadInput(f"wrong name: row {number} has an id that does not follow from what it holds")
    return explored


def take(store: Store, rows: Iterable[Explored | BadInput]) -> Counts:
    """Keep rows; what was there already, and why a row was left out, is counted."""
    kept = unchanged = 0
    dropped, messages = Counter[str](), list[str]()
    chunk: list[tuple[Problem, Sequence[Trace], Sequence[Label], Sequence[Pit]]] = []

    def keep() -> None:
        nonlocal kept, unchanged
        counts = store.add_rows(chunk)
        kept, unchanged = kept + counts.kept, unchanged + counts.unchanged
        messages.extend(counts.messages)
        chunk.clear()

    for row in rows:
        if isinstance(row, BadInput):
            dropped[str(row).partition(":")[0]] += 1
            messages.append(str(row))
            continue
        chunk.append((row.problem, [row.trace], (), [row.pit]))
        if len(chunk) >= CHUNK:
            keep()
    if chunk:
        keep()
    return Counts(kept, unchanged, dict(dropped), tuple(messages[:MAX_MESSAGES]))
