"""python -m reasoner explore: the first pits of the store's solutions, or of any number of traces into a folder.

    python -m reasoner explore --source gsm8k/test --limit 20
    python -m reasoner explore --trace 00ff00ff00ff00ff --method linear -k 8
    python -m reasoner explore --traces wrong.jsonl.gz more.parquet --out explored
    python -m reasoner explore --store mine.sqlite --out explored --executor local --workers 4

Without --out the pits go into the store. With it, traces come from files or are all wrong ones of the store, and the
explorations go into Parquet shards (reasoner/scale): killed at any moment, the same command goes on where it was.
Exit codes with --out: 0 all explored, 1 some traces failed or are not done yet, 2 could not be done.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from reasoner.errors import BadInput, WorkbenchError
from reasoner.records import Problem, Trace
from reasoner.scale.settings import Settings
from reasoner.store import Store

if TYPE_CHECKING:
    from reasoner.scale.counts import Counts
    from reasoner.scale.reading import Item

LIMIT = 10  # traces explored into the store where no --limit is given
SHOWN = 20  # messages of single traces and lines
TELL_EVERY = 10.0  # seconds between two lines of progress


def add_arguments(command: argparse.ArgumentParser) -> None:
    """All but the model's and the store's."""
    from reasoner.exploring import SEARCHES

    default = Settings()
    command.add_argument("--trace", action="append", default=[], metavar="ID", help="this solution (may be repeated)")
    command.add_argument("-k", type=int, default=default.k, metavar="K", help="completions a prefix (default: 4)")
    command.add_argument(
        "--method",
        default=default.method,
        choices=list(SEARCHES),
        help="adaptive: where a completion tells most, about as sure as linear with K (default); linear: prefix by "
        "prefix (Self-Explore); binary: halving (OmegaPRM)",
    )
    command.add_argument("--judged-by", default="gold", choices=["gold", "agreement"], help=_JUDGED_BY)
    command.add_argument("--budget", type=int, metavar="TOKENS", help="at most about so many tokens a solution")
    _add_bulk(command.add_argument_group("many traces"))
    _add_executor(command.add_argument_group("many workers (needs the extra “scale”)"))


_JUDGED_BY = "agreement: where the right answer is not known, the samples' common answer takes its place"


def _add_bulk(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "--traces", nargs="+", default=[], type=Path, metavar="FILE", help="JSON Lines (.gz too) or Parquet"
    )
    group.add_argument("--out", type=Path, metavar="DIR", help="explorations go here; a rerun goes on where it was")
    group.add_argument("--together", type=int, default=Settings().together, metavar="N", help="traces at a time")
    group.add_argument("--count", action="store_true", help="tell what DIR holds, and do nothing else")


def _add_executor(group: "argparse._ArgumentGroup") -> None:
    group.add_argument("--executor", default="", choices=["", "local", "slurm", "ray"], metavar="local|slurm|ray")
    group.add_argument("--workers", type=int, default=0, metavar="N", help="tasks at the same time (default: 2)")
    group.add_argument("--tasks", type=int, default=0, metavar="M", help="parts of the input (default: one a worker)")
    group.add_argument("--cpus", type=int, default=1, metavar="N", help="of a task (slurm, ray; default: 1)")
    group.add_argument("--gpus", type=int, default=0, metavar="N", help="of a task (slurm, ray; default: 0)")
    group.add_argument("--memory", type=int, default=4, metavar="GB", help="of each CPU (slurm, ray; default: 4)")
    group.add_argument("--partition", default="", metavar="NAME", help="slurm's, needed there")
    group.add_argument("--time", default="24:00:00", metavar="T", help="of a task (slurm; default: 24:00:00)")
    group.add_argument("--qos", default="", metavar="NAME", help="slurm's")


def run(options: argparse.Namespace) -> int:
    """Explore into the store, or into --out. Opens the store itself: files need none."""
    if options.count or options.out:
        return _into_folder(options)
    if options.traces or options.executor:
        options.command.error("name a folder for the explorations with --out")
    with _store(options) as store:
        return _into_store(store, options)


def _store(options: argparse.Namespace) -> Store:
    return Store(options.store) if options.store else Store.open_default()


def settings_of(options: argparse.Namespace) -> Settings:
    """Raises BadInput where they make no sense."""
    if options.k < 1 or options.together < 1 or (options.budget or 0) < 0:
        raise BadInput("-k and --together are at least 1, --budget at least 0.")
    about = (options.temperature, options.seed, options.judged_by, options.budget, options.together)
    return Settings(
        options.model or Settings().model, options.adapter, options.server, options.method, options.k, *about
    )


# ── into the store ───────────────────────────────────────────────────────────────────────────────────────────────────


def _into_store(store: Store, options: argparse.Namespace) -> int:
    from reasoner.explore import pits_of

    settings = settings_of(options)
    engine = settings.engine()

    def leave_out(trace: Trace, reason: str) -> None:
        print(f"trace {trace.id} is left out: {reason}", file=sys.stderr)

    for pit in settings.explore(engine, _chosen_traces(store, options), pits_of(store), leave_out):
        store.add_pit(pit)
        found = "none of the prefixes tried is a pit" if pit.step is None else f"first pit: step {pit.step}"
        num = sum(len(probe.completions) for probe in pit.probes)
        print(f"trace {pit.trace_id}: {found} (completions: {num}, prefixes: {len(pit.probes)})")
    return 0


def _chosen_traces(store: Store, options: argparse.Namespace) -> list[tuple[Trace, Problem]]:
    """The named solutions, else the first wrong ones that nobody has explored."""
    if options.trace:
        named = [store.trace(trace_id) for trace_id in options.trace]
        if None in named:
            options.command.error(f"there is no solution {options.trace[named.index(None)]} in the store")
        return [(trace, store.problem(trace.problem_id)) for trace in named if trace]  # type: ignore[misc]
    limit = LIMIT if options.limit is None else options.limit
    rows = store.find_problems(source=options.source, verdict="wrong", limit=10 * limit)
    found = [
        (trace, row.problem)
        for row in rows
        for trace in store.traces(row.problem.id)
        if trace.verdict.status == "wrong" and not store.pits(trace_id=trace.id)
    ]
    return found[:limit]


# ── into a folder ────────────────────────────────────────────────────────────────────────────────────────────────────


def _into_folder(options: argparse.Namespace) -> int:
    from reasoner.scale.bulk import explore_into
    from reasoner.scale.counts import Counts
    from reasoner.scale.executors import count, explore_by
    from reasoner.scale.tasks import num_tasks

    if options.trace:
        options.command.error("--trace explores into the store: leave --out out")
    if not options.out:
        options.command.error("name the folder to count with --out")
    if options.count:
        return _told(count(options.out), options)
    settings = settings_of(options)
    if options.executor:
        code = _told(explore_by(options, settings, lambda: _items(options)), options)
        return 0 if options.executor == "slurm" else code  # handed over; --count tells what became of it
    if num_tasks(options.out):
        raise BadInput(f"{options.out} was explored with --executor. Go on so, or name another folder with --out.")
    engine, counts, told = settings.engine(), Counts(), time.monotonic()
    try:
        for _ in explore_into(options.out, engine, _items(options), settings, counts):
            if time.monotonic() - told > TELL_EVERY:
                told = time.monotonic()
                print(f"{counts.explored:,} explored, {counts.found:,} first pits …", file=sys.stderr, flush=True)
    except WorkbenchError:
        counts.stopped = ""  # the error says it
        _told(counts, options)
        raise
    return _told(counts, options)


def _items(options: argparse.Namespace) -> "Iterator[Item]":
    """The traces of --traces, else the wrong ones of the store; at most --limit of them."""
    from reasoner.scale.reading import read_files, read_store

    if options.traces:
        yield from islice(read_files(options.traces), options.limit)
    else:
        with _store(options) as store:
            yield from islice(read_store(store, options.source), options.limit)


def _told(counts: "Counts", options: argparse.Namespace) -> int:
    """Print the counts; the exit code that they mean."""
    for message in counts.messages[:SHOWN]:
        print(f"  {message}", file=sys.stderr)
    if len(counts.messages) > SHOWN:
        print(f"  … and more; counts.json has the first {len(counts.messages)}", file=sys.stderr)
    print(f"{options.out}: {counts}")
    return 0 if counts.is_complete else 1
