"""python -m reasoner gold: gold answers in doubt, and what people said of them.

    python -m reasoner gold                                              the queue, and the counts by source
    python -m reasoner gold --correct 91ab… --answer 5 --by ada          5 is right; every trace is judged again
    python -m reasoner gold --confirm 91ab… --by ada
    python -m reasoner gold --bad 91ab… --by ada --note "no question in it"
    python -m reasoner gold --undo 91ab… --by ada

With --json the queue and the counts are one JSON object.
"""

import argparse
import json

from reasoner.errors import BadInput
from reasoner.records import ReviewKind
from reasoner.review.doubt import MIN_FORMATS, MIN_TRACES, Doubt, gold_report, in_doubt
from reasoner.store import Store
from reasoner.store.gold import new_review


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The options of `python -m reasoner gold`."""
    said = command.add_mutually_exclusive_group()
    said.add_argument("--confirm", metavar="ID", default="", help="the gold answer of this problem is right")
    said.add_argument("--correct", metavar="ID", default="", help="it is wrong: --answer is the right one")
    said.add_argument("--bad", metavar="ID", default="", help="the problem itself is bad")
    said.add_argument("--undo", metavar="ID", default="", help="take back your latest review of this problem")
    command.add_argument("--answer", default="", help="the right answer, with --correct")
    command.add_argument("--by", default="", metavar="NAME", help="who says so")
    command.add_argument("--note", default="", help="anything worth remembering")
    command.add_argument(
        "--min-formats",
        type=int,
        default=MIN_FORMATS,
        metavar="N",
        help=f"executed formats that must agree against gold (default: {MIN_FORMATS})",
    )
    command.add_argument(
        "--min-traces",
        type=int,
        default=MIN_TRACES,
        metavar="N",
        help=f"executed solutions behind them (default: {MIN_TRACES})",
    )
    command.add_argument("--limit", type=int, default=20, metavar="N", help="of the queue (default: 20)")
    command.add_argument("--json", action="store_true", help="print one JSON object")


def run(store: Store, options: argparse.Namespace) -> int:
    """Keep a review if one is given, else list what waits."""
    if min(options.min_formats, options.min_traces, options.limit) < 1:
        raise BadInput("--min-formats, --min-traces and --limit are 1 or more.")
    for kind in ("confirm", "correct", "bad"):
        problem_id = getattr(options, kind)
        if problem_id:
            return _review(store, problem_id, kind, options)
    if options.undo:
        undone = store.gold.undo(options.by, options.undo)
        print(f"Taken back: {undone.kind}." if undone else f"{options.by} has not reviewed {options.undo}.")
        return 0
    return _list(store, options)


def _review(store: Store, problem_id: str, said: str, options: argparse.Namespace) -> int:
    kinds: dict[str, ReviewKind] = {"confirm": "confirmed", "correct": "corrected", "bad": "bad"}
    problem = store.problem(problem_id)
    if problem is None:
        raise BadInput(f"There is no problem {problem_id[:80]} in the store. `python -m reasoner gold` lists ids.")
    num_changed = store.gold.add(new_review(problem, kinds[said], options.by, options.answer, options.note))
    now = store.problem(problem_id)
    print(f"{kinds[said]}: gold is {now.answer if now else None}; {num_changed} verdicts changed.")
    return 0


def _list(store: Store, options: argparse.Namespace) -> int:
    found = list(in_doubt(store, options.min_formats, options.min_traces))
    found.sort(key=lambda doubt: doubt.strength, reverse=True)
    if options.json:
        queue = [_json(doubt) for doubt in found[: options.limit]]
        print(json.dumps({"num_in_doubt": len(found), "queue": queue, "counts": store.gold.counts()}))
        return 0
    print(gold_report(store))
    words = {0: "No gold answer is in doubt.", 1: "1 gold answer is in doubt."}
    print(words.get(len(found), f"{len(found)} gold answers are in doubt."))
    for doubt in found[: options.limit]:
        print(f"\n{doubt.problem.id} ({doubt.problem.source}): {' '.join(doubt.problem.question.split())}")
        print(f"  {doubt.words}")
    if len(found) > options.limit:
        print(f"\n… and {len(found) - options.limit} more (--limit).")
    return 0


def _json(doubt: Doubt) -> dict[str, object]:
    return {
        "problem_id": doubt.problem.id,
        "source": doubt.problem.source,
        "question": doubt.problem.question,
        "gold": doubt.problem.answer,
        "answer": doubt.answer,
        "formats": list(doubt.formats),
        "trace_ids": list(doubt.trace_ids),
        "gold_trace_ids": list(doubt.gold_trace_ids),
        "words": doubt.words,
    }
