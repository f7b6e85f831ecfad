"""The store's labels (or all of it) → JSON Lines for other people's tools, every row with its label's provenance.

    export_file(store, "processbench", Path("labels.jsonl"))      212 kept, 9 dropped: ProcessBench has no place for …

A file is written whole or not at all. Several annotators' labels of one solution are several rows.

Gold answers are those in force: what people have corrected is exported corrected, and a row of a reviewed problem says
so under "gold_review", with the answer that it came with. A problem reviewed as bad has no row in other tools' shapes.
"""

import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import reasoner.interchange.pits as pits
import reasoner.interchange.plain as plain
import reasoner.interchange.prm800k as prm800k
import reasoner.interchange.processbench as processbench
import reasoner.interchange.trl as trl
from reasoner.errors import BadInput, StoreError
from reasoner.records import Counts, Label, Pair, Problem, Trace
from reasoner.store import Store

Item = dict[str, Any] | str
"""A row to write, or the reason why there is none."""
PAGE = 500  # problems read at once


@dataclass(frozen=True, slots=True)
class Shape:
    """One shape that the store can be written in."""

    name: str  # what --as takes
    title: str  # for a person, one line
    rows: Callable[[Store], Iterator[Item]]


class _Reviews:
    """What people have said of the store's gold answers, read once."""

    def __init__(self, store: Store) -> None:
        self._reviews = store.gold.reviews()
        self._came_with = store.gold.source_answers()

    def is_bad(self, problem: Problem) -> bool:
        """Was the problem itself reviewed as bad?"""
        return problem.id in self._reviews and self._reviews[problem.id].kind == "bad"

    def noted(self, item: Item, problem: Problem) -> Item:
        """A row that says what became of its gold answer, if anybody has reviewed it."""
        review = self._reviews.get(problem.id)
        if review is None or isinstance(item, str):
            return item
        note = {"kind": review.kind, "came_with": self._came_with.get(problem.id, problem.answer)}
        about = {"annotator": review.annotator, "note": review.note, "created": review.created}
        return {**item, "gold_review": {**note, **about}}


def _each_label(
    write: Callable[[Problem, Trace, Label], Item], has_bad: bool = False
) -> Callable[[Store], Iterator[Item]]:
    """The rows that `write` makes of all live labels, those of bad problems only where `has_bad`."""

    def rows(store: Store) -> Iterator[Item]:
        reviews = _Reviews(store)
        for label in store.labels():
            problem, trace = store.problem(label.problem_id), store.trace(label.trace_id)
            if problem and trace:  # the store's foreign keys see to it
                is_left_out = reviews.is_bad(problem) and not has_bad
                item = "its problem was reviewed as bad" if is_left_out else write(problem, trace, label)
                yield reviews.noted(item, problem)

    return rows


def _everything(store: Store) -> Iterator[Item]:
    """Every problem, every solution, every live label, in the plain format."""
    reviews, offset = _Reviews(store), 0
    while page := store.find_problems(limit=PAGE, offset=offset):
        offset += len(page)
        for row in page:
            yield from (reviews.noted(item, row.problem) for item in _of_problem(store, row.problem))


def _of_problem(store: Store, problem: Problem) -> Iterator[Item]:
    traces, labels = store.traces(problem.id), store.labels(problem_id=problem.id)
    if not traces:
        yield plain.write(problem, None, None)
    for trace in traces:
        own = [label for label in labels if label.trace_id == trace.id]
        yield from (plain.write(problem, trace, label) for label in own or (None,))


def _pits(store: Store) -> Iterator[Item]:
    """Every pit that was explored with the gold answer in force, with its solution and its evidence."""
    reviews = _Reviews(store)
    for pit in store.iter_pits():
        problem, trace = store.problem(pit.problem_id), store.trace(pit.trace_id)
        if problem and trace:  # the store's foreign keys see to it
            yield reviews.noted(pits.write(problem, trace, pit), problem)


def _reviews(store: Store) -> Iterator[Item]:
    """Every review of a gold answer, with its problem's question and source."""
    for event in store.gold.events():
        problem = store.problem(event["problem_id"])
        if problem:
            yield {"question": problem.question, "source": problem.source, **event}


def _events(store: Store) -> Iterator[Item]:
    yield from store.label_events()


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("labels", "labels, in the plain format (can be imported again)", _each_label(plain.write, has_bad=True)),
        Shape("plain", "all problems, solutions and labels, in the plain format", _everything),
        Shape("events", "every label event, undone ones and undos included", _events),
        Shape("gold-reviews", "every review of a gold answer, undone ones and undos included", _reviews),
        Shape("pits", "first pits that machines found, with their evidence (can be imported again)", _pits),
        Shape("processbench", "labels as ProcessBench has them", _each_label(processbench.write)),
        Shape("prm800k", "labels as PRM800K (phase 2) has them", _each_label(prm800k.write)),
        Shape("stepwise", "labels for TRL: prompt, completions[], labels[]", _each_label(trl.write)),
    )
}


PAIR_SHAPES: dict[str, Callable[[Iterable[Pair]], Iterator[dict[str, Any]]]] = {
    "preference": trl.write_preference,
    "stepwise-pairs": trl.write_stepwise,
}
"""The shapes of preference pairs, for TRL. Pairs come from `python -m training pairs`."""


def export_pairs(pairs: Iterable[Pair], shape: str, path: Path | str) -> Counts:
    """Write preference pairs in TRL's shape of that name."""
    if shape not in PAIR_SHAPES:
        raise BadInput(f"There is no shape “{shape}” for pairs. There are: {', '.join(PAIR_SHAPES)}.")
    return write_lines(PAIR_SHAPES[shape](pairs), Path(path))


def shape_named(name: str) -> Shape:
    """Raises BadInput when there is no such shape."""
    if name not in SHAPES:
        raise BadInput(f"There is no shape “{name}” to export. There are: {', '.join([*SHAPES, *PAIR_SHAPES])}.")
    return SHAPES[name]


def export_file(store: Store, shape: str, path: Path | str) -> Counts:
    """Write the store to `path` in the named shape; the counts tell what had no place in it."""
    return write_lines(shape_named(shape).rows(store), Path(path))


def export_text(store: Store, shape: str) -> tuple[str, Counts]:
    """The same as one text."""
    return as_text(shape_named(shape).rows(store))


def as_text(items: Iterable[Item]) -> tuple[str, Counts]:
    """Rows as JSON Lines."""
    dropped: Counter[str] = Counter()
    lines = list(_lines(items, dropped))
    return "".join(lines), Counts(len(lines), 0, dict(dropped))


def write_lines(items: Iterable[Item], path: Path) -> Counts:
    """Write rows as JSON Lines, whole or not at all. Raises StoreError when the place cannot be written."""
    dropped: Counter[str] = Counter()
    kept = 0
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent or ".")
        try:
            with open(handle, "w", encoding="utf-8") as file:
                for line in _lines(items, dropped):
                    file.write(line)
                    kept += 1
            os.chmod(name, 0o644)
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written: {error.strerror or error}. Name another place with --out."
        ) from error
    return Counts(kept, 0, dict(dropped))


def _lines(items: Iterable[Item], dropped: Counter[str]) -> Iterator[str]:
    for item in items:
        if isinstance(item, str):
            dropped[item] += 1
        else:
            yield json.dumps(item, ensure_ascii=False) + "\n"
