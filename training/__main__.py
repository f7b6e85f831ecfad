"""python -m training pairs | sft | dpo | evaluate | value | rerank | recipe | jobs

    python -m training pairs --out pairs.jsonl                     labels and pits → preference pairs, with all drops
    python -m training dpo --model M --pairs pairs.jsonl --out run the pairs → an adapter
    python -m training evaluate --adapter run/adapter --num 500    the adapter → before/after on held-out problems
    python -m training value --store S --out value-1               right and wrong traces → a value model
    python -m training rerank --value value-1 --num 16             does it choose better than a majority vote?
    python -m training recipe self-explore --preset built-in --out run      a paper's recipe, start to finish
    python -m training jobs start | list | cancel ID | resume ID …  any of them in a process of its own (jobs --help)

What the Train tab does, from the shell. Exit code 0, or 2 with one line that says what to do.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from reasoner.engines import load_engine
from reasoner.errors import WorkbenchError
from reasoner.store import Store
from training import dpo, evaluate, rerank, sft, value
from training.command_line import add_options, settings_of
from training.jobs_command import add_jobs, run_jobs
from training.pairs import collect_pairs, write_pairs
from training.recipes.command import run as recipe_command
from training.value_model import is_value_model


@dataclass(frozen=True)
class PairsArgs:
    """Settings of `python -m training pairs`."""

    out: Annotated[str, "JSONL file to write"] = "pairs.jsonl"
    store: Annotated[str, "the store (default: REASONER_STORE, else your data folder)"] = ""
    model: Annotated[str, "samples right remainders for people's flags; empty: those flags are dropped"] = ""
    adapter: Annotated[str, "adapter of that model"] = ""
    server: Annotated[str, "an OpenAI-compatible server instead; several with commas between"] = ""
    origin: Annotated[str, "whose flags: person, machine or both"] = "both"
    annotator: Annotated[str, "this person's labels only"] = ""
    max_pairs: Annotated[int, "at most so many; 0: no bound"] = 0
    seed: Annotated[int, "of the sampling"] = 0
    json: Annotated[bool, "print the counts as JSON"] = False


def open_store(path: str) -> Store:
    """The named store, else the default one."""
    return Store(path) if path else Store.open_default()


def run_pairs(args: PairsArgs) -> None:
    engine = load_engine(args.model, args.adapter, args.server) if args.model or args.server else None
    with open_store(args.store) as store:
        pairs, counts = collect_pairs(
            store, engine, origin=args.origin, annotator=args.annotator, max_pairs=args.max_pairs, seed=args.seed
        )
    write_pairs(pairs, Path(args.out))
    print(json.dumps(asdict(counts)) if args.json else f"{args.out}: {counts}")


def run_dpo(args: dpo.Args) -> None:
    _tell(dpo.run(args))


def _tell(folder: Path) -> None:
    """Where the result is: an adapter, or a model of all weights. Said once, however many processes trained."""
    if os.environ.get("RANK", "0") == "0":
        print(f"{folder.name}: {folder}")


def run_sft(args: sft.Args) -> None:
    _tell(sft.run(args))


def run_evaluate(args: evaluate.Args) -> None:
    report = evaluate.run(args, follow=None if args.json else show_progress)
    print(json.dumps(asdict(report), ensure_ascii=False) if args.json else report.sentence())
    if not args.json:
        for row in report.levels:
            print(f"  {row.level}: {row.before.rate:.1%} → {row.after.rate:.1%} of {row.before.total}")
        for said in report.errors_sentences():
            print(f"  {said}")


def run_value(args: value.Args) -> None:
    follow = None if args.json else (lambda done, total: show_progress("scored", done, total))
    if not (args.score and is_value_model(args.out)):
        report = value.run(args, follow=follow)
        print(json.dumps(asdict(report), ensure_ascii=False) if args.json else report.sentence())
    if args.score:
        counts = value.score(args, follow)
        print(json.dumps(asdict(counts)) if args.json else f"scored: {counts}")


def run_rerank(args: rerank.Args) -> None:
    report = rerank.run(args, follow=None if args.json else show_progress)
    if args.json:
        print(json.dumps(asdict(report), ensure_ascii=False))
        return
    for line in report.lines():
        print(line)
    print(report.sentence())


def show_progress(side: str, done: int, total: int) -> None:
    print(f"\r{side}: {done}/{total}", end="" if done < total else "\n", file=sys.stderr, flush=True)


STAGES: dict[str, tuple[type[Any], Callable[[Any], None], str]] = {
    "pairs": (PairsArgs, run_pairs, "labels and pits → preference pairs"),
    "sft": (sft.Args, run_sft, "right solutions → an adapter"),
    "dpo": (dpo.Args, run_dpo, "preference pairs → an adapter"),
    "evaluate": (evaluate.Args, run_evaluate, "an adapter → before/after on held-out problems"),
    "value": (value.Args, run_value, "right and wrong traces → a value model, and scores of states"),
    "rerank": (rerank.Args, run_rerank, "several samples a problem: majority against the best by value"),
}
"""Each stage's settings, what it does with them, and its help."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training", description="From labels to a measured adapter.")
    commands = parser.add_subparsers(dest="stage", required=True, metavar=" | ".join([*STAGES, "recipe", "jobs"]))
    for name, (settings, _, words) in STAGES.items():
        add_options(commands.add_parser(name, help=words, description=words), settings)
    add_jobs(commands.add_parser("jobs", help="runs in processes of their own: start, queue, clone, delete"))
    commands.add_parser("recipe", help="a paper's recipe, start to finish", add_help=False)
    given = list(sys.argv[1:] if arguments is None else arguments)
    is_recipe = given[:1] == ["recipe"]  # its options are known when its name is
    parsed = parser.parse_args(given[:1] if is_recipe else given)
    try:
        if is_recipe:
            recipe_command(given[1:])
            return 0
        if parsed.stage == "jobs":
            return run_jobs(parsed)
        settings, run, _ = STAGES[parsed.stage]
        run(settings_of(settings, parsed))
    except WorkbenchError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:  # a file that is gone, a full disk
        print(f"A file could not be read or written ({error}). The same command goes on where it was.", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
