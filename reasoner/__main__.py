"""python -m reasoner import | export | score | solve | explore | keypoints | gold | queue: the screen, from the shell.

    python -m reasoner import train.jsonl more.jsonl --keep-good
    python -m reasoner import --hub openai/gsm8k --config main --split test
    python -m reasoner export --as processbench --out labels.jsonl
    python -m reasoner score --detector arithmetic --json
    python -m reasoner solve "Ana has 3 coins. Ben has 2 more coins than Ana. How many coins does Ben have?"
    python -m reasoner explore --source gsm8k/test --limit 20
    python -m reasoner explore --traces wrong.jsonl.gz --out explored
    python -m reasoner keypoints --all
    python -m reasoner gold
    python -m reasoner queue disagree

Every command takes --store FILE (default: REASONER_STORE, else the user's data folder). Exit codes: 0 done, 1 done
but some traces failed (explore --out), 2 could not be done, with the reason on standard error.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from reasoner.errors import WorkbenchError
from reasoner.records import Counts, Problem, Trace
from reasoner.store import Store


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    options = _parser().parse_args(arguments)
    try:
        if "run_alone" in options:  # it opens the store itself, where it needs one
            return int(options.run_alone(options))
        with Store(options.store) if options.store else Store.open_default() as store:
            return int(options.run(store, options))
    except WorkbenchError as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:  # whoever read our output has enough: `… | head`
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        print("Stopped. What was saved until now is kept.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m reasoner", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (_add_import, _add_export, _add_score, _add_solve, _add_explore, _add_keypoints, _add_gold, _add_queue):
        command = add(commands)
        command.add_argument(
            "--store", metavar="FILE", help="the store (default: REASONER_STORE, else your data folder)"
        )
    return parser


Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


# ── import, export ───────────────────────────────────────────────────────────────────────────────────────────────────


def _add_import(commands: Commands) -> argparse.ArgumentParser:
    from reasoner.interchange import FAMILIES

    formats = "\n".join(f"  {family.name:18} {family.title}" for family in FAMILIES.values())
    command = commands.add_parser(
        "import",
        help="bring problems, solutions and labels from files",
        description="Bring problems, solutions and labels from files (JSON, JSON Lines, gzipped or not).",
        epilog=f"formats, recognised by content:\n{formats}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("files", nargs="*", metavar="FILE", type=Path)
    command.add_argument("--format", default="", choices=["", *FAMILIES], metavar="F", help="the files' format")
    command.add_argument("--keep-good", action="store_true", help="import the good lines of a file with bad ones")
    command.add_argument("--hub", metavar="NAME", help="a data set of the Hugging Face Hub, or a local folder of one")
    command.add_argument("--split", default="train", help="of the data set (default: train)")
    command.add_argument("--config", default="", help="of the data set, where it has several")
    command.add_argument("--limit", type=int, default=0, metavar="N", help="only the first N rows of the data set")
    command.set_defaults(run=_import, command=command)
    return command


def _import(store: Store, options: argparse.Namespace) -> int:
    from reasoner.interchange import import_file, import_hub

    if not options.files and not options.hub:
        options.command.error("name a FILE or a data set with --hub")
    for path in options.files:
        _report(str(path), import_file(store, path, options.format, options.keep_good))
    if options.hub:
        about = {"split": options.split, "config": options.config, "limit": options.limit}
        counts = import_hub(store, options.hub, format=options.format, keep_good=options.keep_good, **about)
        _report(options.hub, counts)
    stats = ", ".join(f"{count:,} {name}" for name, count in store.stats().items())
    print(f"{store.path} holds {stats}.")
    return 0


def _report(name: str, counts: Counts) -> None:
    print(f"{name}: {counts}")
    for message in counts.messages:
        print(f"  {message}", file=sys.stderr)


def _add_export(commands: Commands) -> argparse.ArgumentParser:
    from reasoner.interchange import PAIR_SHAPES, SHAPES

    titles = {shape.name: shape.title for shape in SHAPES.values()}
    titles |= {"preference": "pairs for TRL: prompt, chosen, rejected", "stepwise-pairs": "pairs for TRL, step by step"}
    shapes = "\n".join(f"  {name:18} {title}" for name, title in titles.items())
    command = commands.add_parser(
        "export",
        help="take labels and pairs away, for other tools",
        description="Take labels and pairs away, as JSON Lines.",
        epilog=f"shapes:\n{shapes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--as", dest="shape", required=True, choices=[*SHAPES, *PAIR_SHAPES], metavar="SHAPE")
    command.add_argument("--out", required=True, metavar="FILE", help="“-” for standard output")
    command.add_argument("--pairs", type=Path, metavar="FILE", help="pairs, as `python -m training pairs` writes them")
    command.set_defaults(run=_export, command=command)
    return command


def _export(store: Store, options: argparse.Namespace) -> int:
    from reasoner.interchange.exporting import PAIR_SHAPES, as_text, shape_named, write_lines
    from reasoner.interchange.trl import read_pairs

    if options.shape in PAIR_SHAPES and not options.pairs:
        options.command.error(f"--as {options.shape} needs --pairs FILE: make it with `python -m training pairs`")
    is_of_pairs = options.shape in PAIR_SHAPES
    rows = (
        PAIR_SHAPES[options.shape](read_pairs(options.pairs)) if is_of_pairs else shape_named(options.shape).rows(store)
    )
    if options.out == "-":
        text, counts = as_text(rows)
        sys.stdout.write(text)
    else:
        counts = write_lines(rows, Path(options.out))
    print(f"{options.out}: {counts}", file=sys.stderr)
    return 0


# ── score, solve, explore ────────────────────────────────────────────────────────────────────────────────────────────


def _add_score(commands: Commands) -> argparse.ArgumentParser:
    from reasoner import score_command

    command = commands.add_parser("score", help="compare a detector of first wrong steps with the labels in the store")
    score_command.add_arguments(command)
    _add_model(command)
    command.set_defaults(run=score_command.run, command=command, limit=0)
    return command


def _add_model(command: argparse.ArgumentParser) -> None:
    command.add_argument("--model", default="", help="a folder or a Hugging Face id (default: the built-in solver)")
    command.add_argument("--adapter", default="", metavar="FOLDER", help="a LoRA adapter of that model")
    command.add_argument("--server", default="", metavar="URL[,URL…]", help="OpenAI-compatible endpoints")
    command.add_argument("--temperature", type=float, default=0.7, help="0 is greedy (default: 0.7)")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--source", default="", help="problems of this source only")
    command.add_argument("--limit", type=int, default=10, metavar="N", help="at most so many (default: 10)")


_FORMATS = "transitions (default), cot, program, text_code, equations or specification: how solutions are written"


def _add_solve(commands: Commands) -> argparse.ArgumentParser:
    from reasoner.keypoints import GIVEN

    command = commands.add_parser("solve", help="sample solutions of a typed question, or of problems in the store")
    command.add_argument("question", nargs="?", default="", help="the problem's text; left out: problems in the store")
    command.add_argument("--answer", default=None, help="the question's right answer, if you know it")
    command.add_argument("--format", default="transitions", metavar="F", help=_FORMATS)
    command.add_argument("--num", type=int, default=1, metavar="N", help="solutions a problem (default: 1)")
    command.add_argument(
        "--key-points", default="none", choices=GIVEN, help="give the solver key points: whose (default: none)"
    )
    _add_model(command)
    command.set_defaults(run=_solve, command=command)
    return command


def _solve(store: Store, options: argparse.Namespace) -> int:
    from reasoner.engines import BUILT_IN, load_engine
    from reasoner.formats import format_named
    from reasoner.keypoints import given
    from reasoner.records import make_problem
    from reasoner.solve import solve

    sampling = format_named(options.format).sampling(options.num, options.temperature, options.seed)
    engine = load_engine(options.model or BUILT_IN, options.adapter, options.server)
    if options.question:
        problem = make_problem(options.question, options.answer, "typed")
        store.add_problems([problem])
        problems: list[Problem] = [store.problem(problem.id) or problem]
    else:
        problems = [row.problem for row in store.find_problems(source=options.source, limit=options.limit)]
    for problem in problems:
        print(problem.question)
        hint = given(store, engine, problem, options.key_points, options.seed)
        if hint is None and options.key_points != "none":
            print("  (nobody has written key points for this problem: solved without)", file=sys.stderr)
        for trace in solve(engine, problem, options.format, sampling, hint):
            store.add_traces([trace])
            _print_trace(trace)
    return 0


def _print_trace(trace: Trace) -> None:
    print(f"\n  trace {trace.id}: {trace.verdict.status} ({trace.verdict.reason})")
    for i, step in enumerate(trace.steps):
        print(f"  {i:3}  " + step.text.replace("\n", "\n       "))
        if step.outcome:
            print("       → " + step.outcome.replace("\n", "\n         "))


def _add_keypoints(commands: Commands) -> argparse.ArgumentParser:
    from reasoner import keypoints_command

    command = commands.add_parser("keypoints", help="extract what problems ask and what they tell, and keep it")
    keypoints_command.add_arguments(command)
    _add_model(command)
    command.set_defaults(run=keypoints_command.run, command=command, temperature=0.0, limit=0)
    return command


def _add_gold(commands: Commands) -> argparse.ArgumentParser:
    from reasoner.review import gold_command

    command = commands.add_parser("gold", help="gold answers in doubt, and what people said of them")
    gold_command.add_arguments(command)
    command.set_defaults(run=gold_command.run, command=command)
    return command


def _add_queue(commands: Commands) -> argparse.ArgumentParser:
    from reasoner.review import queue_command

    command = commands.add_parser("queue", help="where person and machine disagree, and where the machine is unsure")
    queue_command.add_arguments(command)
    command.set_defaults(run=queue_command.run, command=command)
    return command


def _add_explore(commands: Commands) -> argparse.ArgumentParser:
    from reasoner import explore_command

    command = commands.add_parser("explore", help="find the first pit of wrong solutions by sampling")
    _add_model(command)
    explore_command.add_arguments(command)
    command.set_defaults(run_alone=explore_command.run, command=command, limit=None)
    return command


if __name__ == "__main__":
    sys.exit(main())
