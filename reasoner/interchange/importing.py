"""Files of other projects → the store: all of a file or nothing, unless the good rows alone are asked for.

import_file(store, Path("train.jsonl"))                 7473 kept
import_file(store, Path("train.jsonl"))                 0 kept, 7473 already there
import_file(store, Path("mine.jsonl"), keep_good=True)  98 kept, 2 dropped: label out of range
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reasoner.errors import BadInput
from reasoner.interchange.families import FAMILIES, family_named, recognise
from reasoner.interchange.family import Family
from reasoner.interchange.lines import Value, read_values
from reasoner.records import Counts
from reasoner.store import Row, Store
from reasoner.store.pits import check_pit
from reasoner.store.rows import check_label, check_problem, check_trace_size

MAX_MESSAGES = 100  # messages kept in the counts
UNKNOWN = "unknown format"
MAX_SHOWN = 10  # messages in the text of an error

Follow = Callable[[int], None]
"""Called now and then with the number of rows read so far."""
FOLLOW_EVERY = 500  # rows


@dataclass
class _Bad:
    """The rows that could not be used."""

    reasons: Counter[str] = field(default_factory=Counter)
    messages: list[str] = field(default_factory=list)

    def add(self, where: str, error: BadInput) -> None:
        text = str(error)
        self.reasons[text.partition(":")[0].strip()] += 1
        if len(self.messages) < MAX_MESSAGES:
            self.messages.append(f"{where}: {text}")


def import_file(
    store: Store, path: Path | str, format: str = "", keep_good: bool = False, follow: Follow | None = None
) -> Counts:
    """Import one file. `format` empty: it is recognised from the first row that can be read.

    Raises BadInput when the file cannot be used, or when any of its lines cannot and `keep_good` is not set.
    """
    path = Path(path)
    return import_values(store, read_values(path), _stem(path), format, keep_good, follow)


def import_values(
    store: Store,
    values: Iterable[Value],
    name: str,
    format: str = "",
    keep_good: bool = False,
    follow: Follow | None = None,
    unit: str = "line",
) -> Counts:
    """Import rows that were read already: (number, row or BadInput). `name` becomes part of the problems' source."""
    bad = _Bad()
    rows = list(_rows(values, name, format, bad, follow, unit))
    num_bad = bad.reasons.total()
    if not rows and set(bad.reasons) == {UNKNOWN}:
        raise BadInput(f"{name} cannot be imported. {bad.messages[0]}. Name the format with --format if it is one.")
    if num_bad and not (keep_good and rows):
        raise BadInput(_refusal(name, len(rows), num_bad, bad, unit))
    if not rows:
        raise BadInput(f"{name} holds no rows. Nothing was imported.")
    counts = store.add_rows(rows)
    messages = (*bad.messages, *counts.messages)[:MAX_MESSAGES]
    return Counts(counts.kept, counts.unchanged, dict(bad.reasons), messages)


def _rows(
    values: Iterable[Value], name: str, format: str, bad: _Bad, follow: Follow | None, unit: str
) -> Iterator[Row]:
    family = family_named(format) if format else None
    for count, (number, value) in enumerate(values, start=1):
        if follow and count % FOLLOW_EVERY == 0:
            follow(count)
        try:
            if isinstance(value, BadInput):
                raise value
            family = family or _recognised(value)
            row = _read(family, value, name)
        except BadInput as error:
            bad.add(f"{unit} {number}", error)
        else:
            yield row


def _recognised(value: Any) -> Family:
    family = recognise(value)
    if family is None:
        what = f"fields {', '.join(value)[:200]}" if isinstance(value, dict) else "no JSON object"
        raise BadInput(f"{UNKNOWN}: {what}. Known formats are {', '.join(FAMILIES)}")
    return family


def _read(family: Family, value: Any, name: str) -> Row:
    """One row's records, checked as the store will check them, so that a fault is found with its line's number."""
    if not isinstance(value, dict):
        raise BadInput("wrong kind of row: it is no JSON object")
    try:
        row = family.read(value, name)
    except UnicodeEncodeError as error:
        raise BadInput("broken text: it holds half a character (a lone surrogate)") from error
    problem, traces, labels = row[:3]
    try:
        check_problem(problem)
        num_steps = {}
        for trace in traces:
            check_trace_size(trace)
            num_steps[trace.id] = len(trace.steps)
        for label in labels:
            check_label(label, num_steps[label.trace_id])
        for pit in row[3] if len(row) == 4 else ():
            check_pit(pit, num_steps[pit.trace_id])
    except BadInput as error:
        raise BadInput(f"not acceptable: {error}") from error
    return row


def _refusal(name: str, num_good: int, num_bad: int, bad: _Bad, unit: str) -> str:
    """Why nothing was imported, with the first bad lines."""
    shown = "\n".join(f"  {message}" for message in bad.messages[:MAX_SHOWN])
    more = f"\n  … and {num_bad - MAX_SHOWN:,} more" if num_bad > MAX_SHOWN else ""
    advice = "Mend them, or keep the good ones alone (--keep-good)." if num_good else "No row of it can be used."
    head = f"{num_bad:,} of {num_good + num_bad:,} {unit}s of {name} are bad; nothing was imported."
    return f"{head}\n{shown}{more}\n{advice}"


def _stem(path: Path) -> str:
    """The file's name without its endings: "train.jsonl.gz" → "train"."""
    return path.name.split(".")[0] or path.name
