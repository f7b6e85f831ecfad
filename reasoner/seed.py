"""Fills an empty store with the built-in problems, so that a newcomer sees finished work at once.

`assets/problems.jsonl` (or `.jsonl.gz`) holds one problem with its presampled traces a line, as the records are:

    {"problem": {"id": "5f0c…", "question": "Ana has 3 coins. …", "answer": "5", "source": "built-in", …},
     "traces": [{"id": "91ab…", "problem_id": "5f0c…", "steps": [{"text": "…", "action": "Formalize"}], …}]}

Seeding is one transaction, so a store is never half filled, and known ids are left alone, so doing it twice adds
nothing. A store that holds any problem already is never touched.

Not covered: labels and pits. The built-in file brings none, a newcomer makes the first.
"""

import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from reasoner.errors import BadInput
from reasoner.records import Counts, Label, Maker, Problem, Step, Trace, Verdict
from reasoner.store import Store

ASSETS = Path(__file__).resolve().parent.parent / "assets"
FILES = (ASSETS / "problems.jsonl", ASSETS / "problems.jsonl.gz")

Row = tuple[Problem, list[Trace]]


def built_in_file() -> Path | None:
    """The file of built-in problems, or None where a checkout has none."""
    return next((path for path in FILES if path.is_file()), None)


def seed(store: Store, path: Path | None = None) -> Counts:
    """Fill `store` from `path` (default: the built-in file) if it holds no problem yet; else nothing happens."""
    path = path or built_in_file()
    if path is None or store.stats()["problems"]:
        return Counts()
    no_labels: tuple[Label, ...] = ()
    return store.add_rows([(problem, traces, no_labels) for problem, traces in read_rows(path)])


def write_rows(path: Path, rows: Iterable[Row]) -> int:
    """Write problems with their traces to `path`, gzipped if it ends in .gz; the number of lines written."""
    lines = [
        json.dumps({"problem": asdict(problem), "traces": [asdict(trace) for trace in traces]}, ensure_ascii=False)
        for problem, traces in rows
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
            yield Problem(**fields["problem"]), [_trace(trace) for trace in fields["traces"]]
        except (ValueError, TypeError, KeyError) as error:
            reason = f"{path.name}, line {number}: not a built-in problem ({error})."
            raise BadInput(f"{reason} Restore the file, or start with --no-seed.") from error


def _trace(fields: dict[str, Any]) -> Trace:
    parts = {
        "steps": tuple(Step(**step) for step in fields["steps"]),
        "verdict": Verdict(**fields["verdict"]),
        "maker": Maker(**fields["maker"]),
    }
    return Trace(**{**fields, **parts})
