"""Traces out of files or a store, one after the other, and what cannot be read with its reason.

    for item in read_files([Path("wrong.jsonl.gz"), Path("more.parquet")]): …
        (trace, problem)                                    to be explored
        LeftOut("broken JSON: …", "wrong.jsonl, line 7")    not, and why

JSON Lines (gzipped or not) are of any format that `python -m reasoner import` reads, recognised by the first row; our
own plain one is the one that says everything. Parquet has the plain format's columns, as the shards of an exploration
have: what was explored once can be explored anew, by another method or model.

Not covered: labels in the files; they are passed over.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from reasoner.errors import BadInput
from reasoner.interchange.families import FAMILIES, recognise
from reasoner.interchange.family import Family
from reasoner.interchange.lines import Value, read_values
from reasoner.records import Problem, Trace
from reasoner.store import Store
from reasoner.store.rows import check_problem, check_trace_size

PAGE = 500  # problems of a store read at once
BATCH = 100  # rows of a Parquet file decoded at once


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row that cannot be explored."""

    reason: str  # up to a colon its kind, which is what is counted
    where: str = ""  # which row, for a person


Item: TypeAlias = tuple[Trace, Problem] | LeftOut


def read_files(paths: Iterable[Path]) -> Iterator[Item]:
    """All traces of all files. Raises BadInput when a file as a whole cannot be read."""
    for path in paths:
        is_parquet = path.suffix in (".parquet", ".pq")
        family: Family | None = FAMILIES["plain"] if is_parquet else None
        for number, value in _parquet_values(path) if is_parquet else read_values(path):
            where = f"{path.name}, {'row' if is_parquet else 'line'} {number}"
            family = family or recognise(value)
            yield from _items(family, value, path, where)


def _items(family: Family | None, value: Any, path: Path, where: str) -> Iterator[Item]:
    try:
        if isinstance(value, BadInput):
            raise value
        if not isinstance(value, dict) or family is None:
            raise BadInput(f"unknown format: not one of {', '.join(FAMILIES)}")
        problem, traces = family.read(value, path.name.split(".")[0])[:2]
        check_problem(problem)
        for trace in traces:
            check_trace_size(trace)
            _check_seed(trace)
    except UnicodeEncodeError:
        yield LeftOut("broken text: it holds half a character (a lone surrogate)", where)
    except BadInput as error:
        yield LeftOut(str(error), where)
    else:
        yield from ((trace, problem) for trace in traces)
        if not traces:
            yield LeftOut("it has no solution", where)


def _check_seed(trace: Trace) -> None:
    if abs(trace.maker.seed or 0) >= 2**63:
        raise BadInput("seed too large: it does not fit in 64 bits")


def _parquet_values(path: Path) -> Iterator[Value]:
    """The rows of a Parquet file, numbered from 1."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        for batch in pq.ParquetFile(path).iter_batches(batch_size=BATCH):
            for value in batch.to_pylist():
                number += 1
                yield number, value
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0][:200]
        raise BadInput(f"{path} cannot be read as Parquet: {reason}. Check its name, or make it anew.") from error


def read_store(store: Store, source: str = "") -> Iterator[Item]:
    """All wrong traces of the store, or of its problems of one source."""
    offset = 0
    while page := store.find_problems(source=source, verdict="wrong", limit=PAGE, offset=offset):
        offset += len(page)
        for row in page:
            wrong = (trace for trace in store.traces(row.problem.id) if trace.verdict.status == "wrong")
            yield from ((trace, row.problem) for trace in wrong)
