"""Fills an empty store with the built-in problems, so that a newcomer sees finished work at once.

`assets/problems.jsonl` (or `.jsonl.gz`) holds one problem with its presampled traces a line, as the records are:

    {"problem": {"id": "5f0c…", "question": "Ana has 3 coins. …", "answer": "5", "source": "built-in", …},
     "traces": [{"id": "91ab…", "problem_id": "5f0c…", "steps": [{"text": "…", "action": "Formalize"}], …}],
     "key_points": {"core_question": "How many …?", "points": ["Ana has 3 coins."], …} or null}

Seeding is one transaction, so a store is never half filled, and known ids are left alone, so doing it twice adds
nothing. A store that holds any problem already is never touched.

Not covered: labels and pits. The built-in file brings none, a newcomer makes the first.
"""

import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from reasoner.errors import BadInput
from reasoner.records import Counts, KeyPoints, Label, Maker, Problem, Step, Trace, Verdict
from reasoner.store import Store

ASSETS = Path(__file__).resolve().parent.parent / "assets"
FILES = (ASSETS / "problems.jsonl", ASSETS / "problems.jsonl.gz")


class Row(NamedTuple):
    """One problem that ships."""

    problem: Problem
    traces: list[Trace]
    key_points: KeyPoints | None = None


def built_in_file() -> Path | None:
    """The file of built-in problems, or None where a checkout has none."""
    return next((path for path in FILES if path.is_file()), None)


def seed(store: Store, path: Path | None = None) -> Counts:
    """Fill `store` from `path` (default: the built-in file) if it holds no problem yet; else nothing happens."""
    path = path or built_in_file()
    if path is None or store.stats()["problems"]:
        return Counts()
    no_labels: tuple[Label, ...] = ()
    rows = list(read_rows(path))
    counts = store.add_rows([(row.problem, row.traces, no_labels) for row in rows])
    for row in rows:
        if row.key_points:
            store.add_key_points(row.key_points)
    return counts


def write_rows(path: Path, rows: Iterable[Row]) -> int:
    """Write problems with their traces to `path`, gzipped if it ends in .gz; the number of lines written."""
    lines = [
        json.dumps({name: _plain(value) for name, value in row._asdict().items()}, ensure_ascii=False) for row in rows
    ]
    data = "".join(line + "\n" for line in lines).encode()
    # mtime=0: the same rows give the same bytes, whenever they are written.
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return len(lines)


def read_rows(path: Path) -> Iterator[Row]:
    """The problems and traces of a file that `write_rows` wrote. Raises BadInput with the line's number."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
            traces = [_trace(trace) for trace in fields["traces"]]
            yield Row(Problem(**fields["problem"]), traces, _key_points(fields.get("key_points")))
        except (ValueError, TypeError, KeyError) as error:
            reason = f"{path.name}, line {number}: not a built-in problem ({error})."
            raise BadInput(f"{reason} Restore the file, or start with --no-seed.") from error


def _plain(value: Problem | list[Trace] | KeyPoints | None) -> Any:
    return [asdict(one) for one in value] if isinstance(value, list) else value and asdict(value)


def _key_points(fields: dict[str, Any] | None) -> KeyPoints | None:
    return KeyPoints(**{**fields, "points": tuple(fields["points"])}) if fields else None


def _trace(fields: dict[str, Any]) -> Trace:
    parts = {
        "steps": tuple(Step(**step) for step in fields["steps"]),
        "verdict": Verdict(**fields["verdict"]),
        "maker": Maker(**fields["maker"]),
    }
    return Trace(**{**fields, **parts})
