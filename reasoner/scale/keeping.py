"""A folder that explored traces are kept in, so that a kill at any moment neither repeats nor loses one.

    with Output(folder, counts) as output:
        output.keep(explored)          in the journal when this returns
        trace.id in output.kept        True, also in the next run

part-00000.parquet         a shard: written whole under another name, synced, then renamed
journal-00001.jsonl        what is explored since, one row a line; becomes part-00001.parquet when it is long enough

A journal whose shard is there is done with: the shard was renamed before the journal was deleted. A journal's last line
without a line break was being written when the run was killed: its trace is explored again.

Not covered: a machine that loses power may lose the journal's last seconds; those traces are explored again.
"""

import errno
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from reasoner.errors import BadInput, StoreError
from reasoner.records import Problem, Trace
from reasoner.scale.counts import COUNTED, Counts
from reasoner.scale.ids import Ids
from reasoner.scale.rows import ROWS_A_GROUP, SHARD, Explored, Values, batches, rows_of, schema, shards, trace_of

ROWS_A_SHARD = 1000  # ours: some megabytes, held in memory until they are written
BYTES_A_SHARD = 32_000_000  # of the journal: long traces fill a shard with fewer rows
JOURNAL = "journal-{:05}.jsonl"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Busy(BadInput):
    """Another process writes in the folder."""


class Output:
    """One folder, open for adding. Raises StoreError when it cannot be written, BadInput when a shard is damaged."""

    def __init__(self, folder: Path, counts: Counts, rows_a_shard: int = ROWS_A_SHARD) -> None:
        self.folder, self.counts = folder, counts
        self.kept = Ids()  # of all traces in the folder
        self._rows_a_shard = rows_a_shard
        self._rows: list[Values] = []  # those of the journal
        self._size = 0  # bytes of the journal
        self._journal: IO[bytes] | None = None
        with _words(folder, self):
            folder.mkdir(parents=True, exist_ok=True)
            for left in folder.glob(".*.partial"):
                left.unlink()
        there = shards(folder)
        for path in there:
            for row in (row for batch in batches(path, COUNTED) for row in batch):
                self._known(row)
        self._number = 1 + int(there[-1].stem.partition("-")[2]) if there else 0  # of the shard to come
        with _words(folder, self):
            self._take_up()

    def _known(self, row: Values) -> None:
        if self.kept.add(row["trace_id"]):
            self.counts.add_row(row)

    def _take_up(self) -> None:
        """Read the journal that a run has left, cut off a line it did not finish, drop those that became shards."""
        path = self.folder / JOURNAL.format(self._number)
        for old in self.folder.glob("journal-*.jsonl"):
            if old != path:
                old.unlink()
        self._journal = path.open("a+b", buffering=0)
        self._journal.seek(0)
        end = 0
        for line in self._journal.read().splitlines(keepends=True):
            row = _row(line)
            if row is None:
                break
            end += len(line)
            self._rows.append(row)
            self._known(row)
        self._journal.truncate(end)
        self._size = end

    def keep(self, explored: Explored) -> None:
        """Keep one exploration; a kill after this returns does not lose it."""
        row = rows_of(explored)
        with _words(self.folder, self):
            self._append((json.dumps(row) + "\n").encode())
            self._rows.append(row)
            self.kept.add(explored.trace.id)
            self.counts.add_pit(explored.pit)
            if len(self._rows) >= self._rows_a_shard or self._size >= BYTES_A_SHARD:
                self._write_shard()

    def example(self) -> tuple[Trace, Problem] | None:
        """A trace that was explored; None where there is none yet."""
        if self._rows:
            return trace_of(self._rows[0])
        first = next(iter(shards(self.folder)), None)
        return trace_of(next(batches(first))[0]) if first else None

    def _append(self, line: bytes) -> None:
        """The whole line at the journal's end, or nothing."""
        assert self._journal
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[self._journal.write(rest) :]
        except OSError:
            self._journal.truncate(self._size)
            raise
        self._size += len(line)

    def _write_shard(self) -> None:
        """The journal's rows as a shard, then a new journal."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        assert self._journal
        path = self.folder / SHARD.format(self._number)
        partial = path.with_name(f".{path.name}.partial")
        try:
            table = pa.Table.from_pylist(self._rows, schema=schema())
            with partial.open("wb") as file:
                pq.write_table(table, file, row_group_size=ROWS_A_GROUP, compression="zstd")
                file.flush()
                os.fsync(file.fileno())
            partial.rename(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        _sync(self.folder)
        self._journal.close()
        (self.folder / JOURNAL.format(self._number)).unlink()
        self._number, self._size = self._number + 1, 0
        self._rows.clear()
        self._journal = (self.folder / JOURNAL.format(self._number)).open("ab", buffering=0)

    def close(self) -> None:
        """Make the journal a shard, however short."""
        if not self._journal:
            return
        with _words(self.folder, self):
            if self._rows:
                self._write_shard()
            self._journal.close()
            (self.folder / JOURNAL.format(self._number)).unlink(missing_ok=True)
        self._journal = None

    def __enter__(self) -> "Output":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trail: TracebackType | None
    ) -> None:
        if isinstance(error, StoreError) and self._journal:  # the disk is full: the journal has all of it
            self._journal.close()
        else:
            self.close()


def kept_in(folder: Path) -> list[Path]:
    """The files in which a folder keeps explorations; those of its tasks are not among them."""
    return [*folder.glob("part-*.parquet"), *folder.glob("journal-*.jsonl")]


def scan(folder: Path) -> Counts:
    """The counts of what a folder holds, looked at without touching it, whoever writes in it."""
    counts, known = Counts(), Ids()
    if not folder.is_dir():
        return counts
    rows: Iterator[Values] = (row for path in shards(folder) for batch in batches(path, COUNTED) for row in batch)
    journals = (line for path in sorted(folder.glob("journal-*.jsonl")) for line in _lines(path))
    for row in chain(rows, filter(None, map(_row, journals))):
        if known.add(row["trace_id"]):
            counts.add_row(row)
    return counts


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:  # it has just become a shard
        return []


def _row(line: bytes) -> Values | None:
    """The row of a journal's line; None where it was not finished."""
    try:
        row = json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def _sync(folder: Path) -> None:
    """See to it that a rename in `folder` outlives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _words(folder: Path, output: Output) -> Iterator[None]:
    """Errors of the disk, said so that a person knows what to do."""
    try:
        yield
    except OSError as error:
        what = "The disk is full, or a limit on file sizes is met" if error.errno in FULL else error.strerror or error
        raise StoreError(
            f"{folder} cannot be written: {what}. {output.counts.explored:,} explored traces are kept there. Make "
            "room, then run the same command again: it goes on where it stopped."
        ) from error


_held: dict[Path, Any] = {}  # the locks of this process, so that one who holds a folder may open it again


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Only this process writes in `folder` for the length of the block. Raises Busy where another one does.

    The system lets go of the lock when the process ends, however it ends. A child does not inherit it.
    """
    folder = folder.absolute()
    if folder in _held:
        yield
        return
    with _lock_file(folder) as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Busy(
                f"Another run is exploring into {folder}. Wait until it ends, or name another folder with --out."
            ) from error
        except OSError:
            pass  # a file system without locks: nothing is held, and nothing can be known
        _held[folder] = file
        try:
            yield
        finally:
            del _held[folder]


@contextmanager
def _lock_file(folder: Path) -> Iterator[IO[bytes]]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("ab")
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {error.strerror}. Name another folder with --out.") from error
    with file:
        yield file
