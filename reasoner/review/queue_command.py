"""python -m reasoner queue: where person and machine disagree, and where the machine is unsure.

    python -m reasoner queue disagree                         everybody's contradictions, the most certain first
    python -m reasoner queue disagree --by ada --kept         those that ada has looked at and keeps
    python -m reasoner queue disagree --by ada --keep 91ab…   she has looked at this one and keeps her label
    python -m reasoner queue disagree --by ada --put-back 91ab…
    python -m reasoner queue unsure --by ada                  explored traces that she has not judged
    python -m reasoner queue agreement                        how often people and the machine say the same

What the machine believes of an unsure trace is told only with --show, so that one may judge blind. With --json one
JSON object. Steps are 0-based.
"""

import argparse
import json
from dataclasses import asdict

from reasoner.errors import BadInput
from reasoner.review.machine import agreement, how_sure, in_words, named, table
from reasoner.store import Store
from reasoner.store.find import Filters
from reasoner.store.queues import Unsure

WHICH = ("disagree", "unsure", "agreement")


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The options of `python -m reasoner queue`."""
    command.add_argument("which", choices=WHICH, help="the queue, or how often people and the machine agree")
    command.add_argument("--by", default="", metavar="NAME", help="whose queue (default: everybody's)")
    settle = command.add_mutually_exclusive_group()
    settle.add_argument("--keep", default="", metavar="ID", help="NAME has looked at this trace and keeps the label")
    settle.add_argument("--put-back", default="", metavar="ID", help="take that back")
    settle.add_argument("--kept", action="store_true", help="list what was looked at and kept instead")
    command.add_argument("--show", action="store_true", help="of unsure traces, show what the machine believes")
    command.add_argument("--source", default="", help="problems of this source only")
    command.add_argument("--limit", type=int, default=20, metavar="N", help="at most so many (default: 20)")
    command.add_argument("--offset", type=int, default=0, metavar="N", help="after the first N")
    command.add_argument("--json", action="store_true", help="print one JSON object")


def run(store: Store, options: argparse.Namespace) -> int:
    """Settle one trace if one is named, else list the queue."""
    if options.limit < 1 or options.offset < 0:
        raise BadInput("--limit is 1 or more, --offset 0 or more.")
    if options.keep or options.put_back:
        return _settle(store, options)
    if options.which == "agreement":
        rows = agreement(store)
        print(json.dumps({"agreement": rows}) if options.json else table(rows))
        return 0
    return _unsure(store, options) if options.which == "unsure" else _disagree(store, options)


def _settle(store: Store, options: argparse.Namespace) -> int:
    if options.keep:
        is_done = store.queues.keep(options.by, options.keep)
        said = (
            "Kept: it has left the queue." if is_done else f"Trace {options.keep[:80]} is not in {options.by}'s queue."
        )
    else:
        is_done = store.queues.put_back(options.by, options.put_back)
        said = "Back in the queue." if is_done else f"{options.by} has not kept trace {options.put_back[:80]}."
    print(json.dumps({"is_done": is_done, "message": said}) if options.json else said)
    return 0


def _disagree(store: Store, options: argparse.Namespace) -> int:
    filters, queues = Filters(source=options.source), store.queues
    total = queues.num_disagreements(options.by, filters, options.kept)
    found = queues.disagreements(options.by, options.limit, options.offset, filters, options.kept)
    if options.json:
        queue = [asdict(one) | {"words": in_words(one)} for one in found]
        print(json.dumps({"total": total, "queue": queue, "counts": queues.counts(options.by)}))
        return 0
    lines = [f"{one.trace_id}  {in_words(one)}\n    {_shown(one.question)}" for one in found]
    _print(f"{total:,} {'kept' if options.kept else 'to look at'}", lines, total - options.offset - len(found))
    return 0


def _unsure(store: Store, options: argparse.Namespace) -> int:
    filters, queues = Filters(source=options.source), store.queues
    counts, total = queues.counts(options.by), queues.num_unsure(options.by, filters)
    found = queues.unsure(options.by, options.limit, options.offset, filters)
    if options.json:
        queue = [_blind(one) if not options.show else asdict(one) for one in found]
        print(json.dumps({"total": total, "queue": queue, "counts": counts}))
        return 0
    lines = [
        one.trace_id
        + (f"  {named(one.best_step)}, {how_sure(one.best_chance)}, margin {one.margin:.2f}" if options.show else "")
        + f"\n    {_shown(one.question)}"
        for one in found
    ]
    head = f"{total:,} unsure"
    if counts["without_posterior"]:
        head += f" ({counts['without_posterior']:,} more were explored by a method that says not how sure it is)"
    _print(head, lines, total - options.offset - len(found))
    return 0


def _blind(one: Unsure) -> dict[str, object]:
    return {name: value for name, value in asdict(one).items() if name not in ("best_step", "best_chance", "margin")}


def _print(head: str, lines: list[str], more: int) -> None:
    print(head)
    for line in lines:
        print(line)
    if more > 0:
        print(f"… and {more:,} more (--limit, --offset).")


def _shown(question: str) -> str:
    text = " ".join(question.split())
    return text if len(text) <= 110 else text[:109] + "…"
