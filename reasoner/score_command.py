"""`python -m reasoner score`: a detector of first wrong steps against the labels in the store.

python -m reasoner score --detector arithmetic --json
python -m reasoner score --detector explore --server http://127.0.0.1:8000 --limit 100
"""

import argparse
import json

from reasoner.exploring import SEARCHES
from reasoner.score import DETECTORS, EXPLORE, Exploring, score, table
from reasoner.store import Store


def add_arguments(command: argparse.ArgumentParser) -> None:
    """What `score` takes, besides the model's own arguments."""
    names = ", ".join([*DETECTORS, EXPLORE])
    command.add_argument("--detector", required=True, metavar="NAME", help=f"one of {names}")
    command.add_argument("--with-answer", action="store_true", help="let the detector know whether the answer is right")
    command.add_argument("--json", action="store_true", help="print one JSON object")
    explore = command.add_argument_group("the detector explore", "samples completions of each solution's prefixes")
    explore.add_argument("--method", default="adaptive", choices=list(SEARCHES), help="(default: adaptive)")
    explore.add_argument("-k", type=int, default=4, metavar="K", help="completions a prefix (default: 4)")
    explore.add_argument(
        "--judged-by",
        default="gold",
        choices=["gold", "agreement"],
        help="completions are compared with the gold answer, or with what most samples of the question say",
    )


def run(store: Store, options: argparse.Namespace) -> int:
    """Score, and print it."""
    exploring = _exploring(options) if options.detector == EXPLORE else None
    result = score(store, options.detector, options.with_answer, exploring)
    print(json.dumps(result) if options.json else table(result))
    return 0


def _exploring(options: argparse.Namespace) -> Exploring:
    from reasoner.engines import BUILT_IN, load_engine

    engine = load_engine(options.model or BUILT_IN, options.adapter, options.server)
    sampling = (options.k, options.temperature, options.seed)
    return Exploring(engine, options.method, *sampling, options.judged_by, options.limit, options.source)
