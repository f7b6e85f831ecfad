"""Pairs a second and peak memory of our DPO run against the plain TRL script with the same settings.

    python -m tests.bench.bench_train                    → build/bench/train.json
    python -m tests.bench.bench_train --repeats 3 --pairs 256 --precisions fp32 bf16

The same model, pairs, loss, batch, passes, optimizer, precision and checkpoints; each run in a process of its own, ours
and TRL's in turn, on one core, so that a processor second is a second of a machine with nothing else to do. Seconds are
from before the model is loaded until the result is saved (imports excluded); memory is
the process's largest resident set. The pairs need no sampling: generated problems, chosen the gold remainder, rejected
its first step with another result. TRL's script ends rejected with EOS too, as TRL does; that is one token a pair.
"""

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from reasoner.engines import BUILT_IN
from reasoner.records import Pair
from training import dpo
from training.loop import trainer_settings
from training.pairs import read_pairs, write_pairs
from training.wordproblems import gold_transitions, problem_set

OUT = Path("build/bench/train.json")
RANKS = (16, 0)
SIDES = ("trl", "ours")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=BUILT_IN)
    parser.add_argument("--pairs", type=int, default=64, help="how many")
    parser.add_argument("--epochs", type=float, default=2)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--level", default="medium")
    parser.add_argument("--repeats", type=int, default=1, help="runs of each side and row")
    parser.add_argument("--child", default="", help="one run, of this side, printed as JSON")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--precisions", nargs="+", default=["auto"], help="auto, fp32, bf16: a row each")
    parser.add_argument("--folder", default="")
    args = parser.parse_args()
    if args.child:
        print(json.dumps(child(args)))
        return
    with TemporaryDirectory() as folder:
        write_pairs(made_pairs(args.level, args.pairs), Path(folder) / "pairs.jsonl")
        rows = [measure(args, rank, precision, Path(folder)) for precision in args.precisions for rank in RANKS]
    OUT.parent.mkdir(parents=True, exist_ok=True)
    asked = {name: getattr(args, name) for name in ("model", "pairs", "epochs", "batch", "level", "repeats")}
    OUT.write_text(json.dumps({"settings": asked, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    show(rows)
    if slower := [row["training"] for row in rows if row["times_as_fast"] < 1]:
        raise SystemExit(f"slower than the plain script: {', '.join(slower)}")


def made_pairs(level: str, num: int, seed: int = 5) -> list[Pair]:
    """One pair a problem: a random step of its gold solution, with another result."""
    rng = random.Random(seed)
    pairs = []
    for problem in problem_set(level, num, seed):
        lines = gold_transitions(problem).split("\n")
        step = rng.choice([i for i, line in enumerate(lines) if line.startswith("Solve")])
        start, value = lines[step].rsplit(" ", 1)
        prompt = "\n".join([problem.question, *lines[:step]]) + "\n"
        wrong = f"{start} {int(value) + rng.choice([-10, -1, 1, 10])}\n"
        chosen = "\n".join(lines[step:])
        pairs.append(Pair(problem.id, problem.id, "t", step, prompt, chosen, wrong, "machine", "made", "remainder"))
    return pairs


def measure(args: argparse.Namespace, rank: int, precision: str, folder: Path) -> dict[str, Any]:
    """Both sides in turn, medians and their ratios."""
    runs: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    for number in range(args.repeats):
        for side in SIDES if number % 2 == 0 else reversed(SIDES):
            command = [sys.executable, "-m", "tests.bench.bench_train", "--child", side, "--rank", str(rank)]
            command += ["--precision", precision, "--folder", str(folder), "--model", args.model]
            command += ["--epochs", str(args.epochs), "--batch", str(args.batch)]
            alone = os.environ | {"OMP_NUM_THREADS": "1"}
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=alone)
            runs[side].append(json.loads(done.stdout.splitlines()[-1]))
            print(f"rank {rank} {precision} {side}: {runs[side][-1]}", file=sys.stderr, flush=True)
    found: dict[str, Any] = {"training": f"LoRA {rank}" if rank else "full", "precision": precision}
    for side in SIDES:
        for name in ("pairs_per_second", "pairs_per_processor_second", "peak_mb"):
            found[f"{side}_{name}"] = statistics.median(run[name] for run in runs[side])
    found["times_as_fast"] = found["ours_pairs_per_processor_second"] / found["trl_pairs_per_processor_second"]
    found["times_as_fast_by_the_clock"] = found["ours_pairs_per_second"] / found["trl_pairs_per_second"]
    found["memory"] = found["ours_peak_mb"] / found["trl_peak_mb"]
    return found


def child(args: argparse.Namespace) -> dict[str, float]:
    """One run in this process."""
    import datasets
    import peft
    import torch
    import trl  # type: ignore[import-untyped]

    assert datasets and peft and torch and trl  # imported before the clock starts
    folder = Path(args.folder)
    pairs = read_pairs(folder / "pairs.jsonl")
    settings = dpo.Args(
        model=args.model,
        pairs=str(folder / "pairs.jsonl"),
        out=str(folder / f"{args.child}-{time.time_ns()}"),
        epochs=args.epochs,
        batch=args.batch,
        rank=args.rank,
        learning_rate=1e-4 if args.rank else 1e-6,
        precision=args.precision,
    )
    began, began_processor = time.monotonic(), time.process_time()
    if args.child == "ours":
        dpo.run(settings)
    else:
        plain_script(settings, pairs)
    seconds, processor = time.monotonic() - began, time.process_time() - began_processor
    num = len(pairs) * args.epochs
    return {
        "pairs_per_second": num / seconds,
        "pairs_per_processor_second": num / processor,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def plain_script(args: dpo.Args, pairs: Sequence[Pair]) -> None:
    """What TRL's documentation would have one write."""
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig, DPOTrainer  # type: ignore[attr-defined]

    model = AutoModelForCausalLM.from_pretrained(args.model, dtype="float32")
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    rows = [{"prompt": pair.prompt, "chosen": pair.chosen, "rejected": pair.rejected} for pair in pairs]
    lora = LoraConfig(r=args.rank, lora_alpha=args.alpha, target_modules="all-linear") if args.rank else None
    settings = DPOConfig(**trainer_settings(args), beta=args.beta, loss_type=list(args.loss), max_length=None)
    trainer: Any = DPOTrainer(
        model=model, args=settings, train_dataset=Dataset.from_list(rows), processing_class=tokenizer, peft_config=lora
    )
    trainer.train()
    trainer.save_model(str(Path(args.out) / "result"))


def show(rows: Sequence[dict[str, Any]]) -> None:
    print("pairs a processor second, the same ratio by the clock, and the largest resident set")
    print(
        f"{'training':<9} {'precision':<9} {'TRL':>6} {'ours':>6} {'times':>6} {'clock':>6} "
        f"{'TRL MB':>7} {'ours':>6} {'share':>6}"
    )
    for row in rows:
        theirs, ours = (row[f"{side}_pairs_per_processor_second"] for side in SIDES)
        print(
            f"{row['training']:<9} {row['precision']:<9} {theirs:>6.1f} {ours:>6.1f} {row['times_as_fast']:>6.2f} "
            f"{row['times_as_fast_by_the_clock']:>6.2f} "
            f"{row['trl_peak_mb']:>7.0f} {row['ours_peak_mb']:>6.0f} {row['memory']:>6.2f}"
        )


if __name__ == "__main__":
    main()
