"""python -m reasoner keypoints: key points of problems in the store, extracted and kept.

python -m reasoner keypoints --problem 5f0c…        of one problem; printed too
python -m reasoner keypoints --all --by rules       of all problems that have none by the rules yet

12 kept, 3 already there, 1 dropped: no key points could be read
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence

from reasoner.engines import BUILT_IN, Engine, load_engine
from reasoner.errors import BadInput
from reasoner.keypoints import as_text, extract_many, rules
from reasoner.records import Counts, KeyPoints, Problem
from reasoner.store import Store

PAGE = 500  # problems read from the store at once


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The command's own arguments; the model's are added by the caller."""
    command.add_argument("--problem", action="append", default=[], metavar="ID", help="this problem (may be repeated)")
    command.add_argument("--all", action="store_true", help="all problems that have none of this kind yet")
    command.add_argument(
        "--by", default="machine", choices=["machine", "rules"], help="extracted by the model, or without one by rules"
    )
    command.add_argument("--again", action="store_true", help="with --all: also those that have some already")


def run(store: Store, options: argparse.Namespace) -> int:
    """Extract, keep, and say what became of each problem."""
    if bool(options.problem) == options.all:
        raise BadInput("Say which problems: --problem ID (may be repeated), or --all.")
    problems = list(_all(store, options)) if options.all else [_named(store, name) for name in options.problem]
    engine = None
    if options.by == "machine" and problems:
        engine = load_engine(options.model or BUILT_IN, options.adapter, options.server)
    counts = keep(store, _found(engine, problems, options.seed, options.temperature), is_shown=not options.all)
    print(counts)
    for message in counts.messages:
        print(f"  {message}", file=sys.stderr)
    return 0


def keep(store: Store, found: Iterable[KeyPoints | str], is_shown: bool = False) -> Counts:
    """Save key points as they come; those that are words say why there are none."""
    kept = unchanged = dropped = 0
    messages: list[str] = []
    for one in found:
        if isinstance(one, str):
            dropped += 1
            messages.append(one)
            continue
        is_new = store.add_key_points(one)
        kept, unchanged = kept + is_new, unchanged + (not is_new)
        if is_shown:
            print(as_text(one))
    reasons = {"no key points could be read": dropped} if dropped else {}
    return Counts(kept, unchanged, reasons, tuple(messages[:100]))


def _found(
    engine: Engine | None, problems: Sequence[Problem], seed: int, temperature: float
) -> Iterator[KeyPoints | str]:
    if engine is None:
        return (rules(problem) for problem in problems)
    return extract_many(engine, problems, seed, temperature)


def _named(store: Store, problem_id: str) -> Problem:
    problem = store.problem(problem_id)
    if problem is None:
        raise BadInput(f"There is no problem {problem_id} in the store.")
    return problem


def _all(store: Store, options: argparse.Namespace) -> Iterator[Problem]:
    offset = num = 0
    has_some = set() if options.again else {one.problem_id for one in store.key_points() if one.origin == options.by}
    while rows := store.find_problems(source=options.source, limit=PAGE, offset=offset):
        offset += PAGE
        for row in rows:
            if row.problem.id not in has_some and (not options.limit or num < options.limit):
                num += 1
                yield row.problem
