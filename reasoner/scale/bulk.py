"""Exploration of any number of traces into a folder: streamed, kept as it goes, gone on with where it was killed.

    counts = Counts()
    for explored in explore_into(Path("explored"), engine, read_files(paths), settings, counts):
        …                                       each one once it is kept
    counts.failed                               {"the server does not answer": 12}: a rerun tries those again

A window of `settings.together` traces is explored at a time, and memory does not grow with their number. When the
engine fails, what was found is kept and the window's unfinished traces are tried again: one alone, then twice as many
each time that it goes well. So one trace that no engine can explore fails alone. When several in a row fail alone and
the engine cannot answer a question either that it has answered before, it is taken for dead and the run ends. Failed
traces are not kept: a rerun tries them again.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from reasoner.engines import Engine
from reasoner.errors import RunError, StoreError, WorkbenchError
from reasoner.explore import Interrupted, continue_prefix, why_not_explorable
from reasoner.records import JudgedBy, Pit, Problem, Trace
from reasoner.scale.counts import Counts
from reasoner.scale.ids import Ids
from reasoner.scale.keeping import Output, kept_in, locked
from reasoner.scale.reading import Item, LeftOut
from reasoner.scale.rows import Explored
from reasoner.scale.settings import Settings, hold, write_json

COUNTS = "counts.json"
FAILURES = 3  # traces that fail alone, one after the other, until the engine is looked at. Ours
OTHER_SEED = 1_000_003  # added to a seed, so that an engine cannot answer with what it has kept

Row = tuple[Trace, Problem]


@dataclass(frozen=True, slots=True)
class Failed:
    """A trace that the engine failed at, alone."""

    trace: Trace
    reason: str


class EngineIsDead(RunError):
    """The engine failed at several traces in a row. `unfinished` are those of its window that were not tried again."""

    def __init__(self, message: str, unfinished: list[Trace]) -> None:
        super().__init__(message)
        self.unfinished = unfinished


def explore_into(
    folder: Path, engine: Engine, items: Iterable[Item], settings: Settings, counts: Counts
) -> Iterator[Explored]:
    """Explore what `folder` does not hold yet; each exploration is yielded once it is kept. `counts` follow.

    Raises BadInput when the folder was begun with other settings or another run writes in it, StoreError when it cannot
    be written, and RunError when the engine is dead; whatever happens, counts.json says how far it got.
    """
    broken: list[Exception] = []
    with locked(folder):
        hold(folder, settings.held(engine), is_begun=bool(kept_in(folder)))
        try:
            with Output(folder, counts) as output:
                save(counts, folder)
                wanted = _wanted(engine, items, settings.judged_by, output, counts, broken)
                for outcome in _attempts(engine, wanted, settings, output.example()):
                    if isinstance(outcome, Failed):
                        counts.fail(outcome.reason, outcome.trace.id)
                    else:
                        output.keep(outcome)
                        yield outcome
            if broken:
                raise broken[0]
            counts.is_complete = not counts.failed
        except WorkbenchError as error:
            counts.stopped = str(error)
            for trace in error.unfinished if isinstance(error, EngineIsDead) else ():
                counts.fail("not tried again, as the engine failed at several others", trace.id)
            raise
        finally:
            save(counts, folder)


def save(counts: Counts, folder: Path) -> None:
    """Write counts.json; on a full disk there is none, which is said."""
    try:
        write_json(counts.values(), folder / COUNTS)
    except StoreError as error:
        counts.stopped = counts.stopped or str(error)


def _wanted(
    engine: Engine,
    items: Iterable[Item],
    judged_by: JudgedBy,
    output: Output,
    counts: Counts,
    broken: list[Exception],
) -> Iterator[Row]:
    """The traces to explore, each once; all others are counted by why they are left out.

    An error of reading ends the rows and goes into `broken`: what was read before it is explored first.
    """
    seen = Ids()
    try:
        for item in items:
            if isinstance(item, LeftOut):
                counts.leave_out(item.reason, item.where)
                continue
            trace, problem = item
            if not seen.add(trace.id):
                counts.leave_out("the same solution again")
            elif trace.id not in output.kept:
                reason = "its answer is right" if trace.verdict.status == "right" else ""
                reason = reason or why_not_explorable(engine, trace, problem, judged_by)
                if reason:
                    counts.leave_out(reason)
                else:
                    yield trace, problem
    except Exception as error:  # noqa: BLE001  it is raised once the window is done
        broken.append(error)


def _attempts(engine: Engine, rows: Iterator[Row], settings: Settings, good: Row | None) -> Iterator[Explored | Failed]:
    """Every row explored or failed; `good` is one that could be explored. Raises EngineIsDead."""
    again: deque[Row] = deque()  # of a window that the engine failed at
    partial: dict[str, list[Pit]] = {}  # problem → what was sampled for them until then; it is not sampled again
    num, in_a_row = settings.together, 0
    while True:
        group = [again.popleft() for _ in range(min(num, len(again)))]
        going: dict[str, Row] = {}
        try:
            for pit in _pits(engine, group or rows, settings, going, partial):
                trace, problem = good = going.pop(pit.trace_id)
                in_a_row = 0
                yield Explored(problem, trace, pit)
            if not group:
                return
            num = min(2 * num, settings.together)
        except Exception as error:  # whatever one trace of very many does, the others are explored
            unfinished, num, words = list(going.values()), 1, _words(error)
            if len(unfinished) > 1:
                again.extendleft(reversed(unfinished))
                partial = _by_problem(error)
                continue
            yield from (Failed(trace, words) for trace, _ in unfinished)
            in_a_row += 1
            if in_a_row % FAILURES == 0 and not _answers(engine, good, settings):
                advice = "See to it, then run the same command again: it goes on where it stopped."
                message = f"Exploring failed at {in_a_row} traces in a row, the last time with: {words} {advice}"
                raise EngineIsDead(message, [trace for trace, _ in again]) from error


def _answers(engine: Engine, good: Row | None, settings: Settings) -> bool:
    """Does the engine still answer a question that it has answered before?"""
    if good is None:
        return False
    try:
        continue_prefix(engine, *good, -1, 1, settings.temperature, settings.seed + OTHER_SEED)
    except Exception:  # noqa: BLE001  what it raises has been raised before, and was counted then
        return False
    return True


def _words(error: Exception) -> str:
    """What to tell a person: errors of ours speak for themselves."""
    return str(error) if isinstance(error, WorkbenchError) else f"{type(error).__name__}: {error}"


def _by_problem(error: Exception) -> dict[str, list[Pit]]:
    found: dict[str, list[Pit]] = {}
    for pit in error.partial if isinstance(error, Interrupted) else ():
        found.setdefault(pit.problem_id, []).append(pit)
    return found


def _pits(
    engine: Engine, rows: Iterable[Row], settings: Settings, going: dict[str, Row], partial: dict[str, list[Pit]]
) -> Iterator[Pit]:
    """The pits of `rows`, whatever order they are found in; `going` holds those that were begun."""

    def begun() -> Iterator[Row]:
        for row in rows:
            going[row[0].id] = row
            yield row

    return settings.explore(engine, begun(), (lambda problem: partial.get(problem.id, ())) if partial else None)
