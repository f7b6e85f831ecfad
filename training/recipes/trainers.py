"""A recipe's training stages: SFT and DPO into the stage's folder, in this process or by a launcher.

    train("sft", sft.Args(model=…, out=str(stage.folder), rows=…))                  in this process
    train("dpo", args, Means("torchrun --nproc_per_node 8"))                        torchrun … -m training dpo …

Either way training goes on from the last checkpoint, and the events are in the folder's events.jsonl. Checkpoints are
deleted once the stage has its result. A launcher's processes end with this one, however it ends (Linux).
"""

import math
import shlex
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any

from reasoner.errors import RunError
from training import command_line, dpo, sft
from training.full import merged
from training.processes import end_with_parent
from training.progress import latest, read_events
from training.recipes.means import IN_THIS_PROCESS, Means
from training.recipes.solver import Solver, release, trained

RUNS: dict[str, Callable[[Any], Path]] = {"sft": sft.run, "dpo": dpo.run}
"""Name of `python -m training`'s stage → what does it."""
LOG, MERGED = "log.txt", "merged"
LAST_LINES = 3  # of a launcher's log, told when it failed


def train(kind: str, args: Any, means: Means = IN_THIS_PROCESS) -> Solver:
    """Train, or go on with it; what was trained. Raises RunError or EngineError with what to do next."""
    out = Path(args.out)
    args = replace(args, resume=True, at_once=means.at_once, quantize=means.quantize, logs=means.logs)
    if _has_result(out):  # killed after it was saved, which is done whole or not at all
        shutil.rmtree(out / "checkpoints", ignore_errors=True)
        return trained(out)
    release()
    if means.quantize and args.adapter:
        args = replace(args, model=merged(args.model, args.adapter, out / MERGED), adapter="")
    if means.launcher:
        _launch(kind, args, means.launcher)
    else:
        RUNS[kind](args)
        release()
    solver = trained(out)
    shutil.rmtree(out / "checkpoints", ignore_errors=True)
    return solver


def _has_result(out: Path) -> bool:
    try:
        return bool(trained(out).model)
    except RunError:
        return False


def facts(out: Path) -> dict[str, Any]:
    """What to say of a training stage: steps, last loss, margin and accuracy of the rewards, why it was stopped."""
    events = read_events(out / "events.jsonl")
    last = latest(events, "train") or {}
    found = {name: last[name] for name in ("step", "loss", "margin", "accuracy") if last.get(name) is not None}
    stopped = latest(events, "stopped")
    return found | ({"stopped": stopped["message"]} if stopped else {})


def num_updates(rows: int, batch: int, epochs: float) -> int:
    """Steps of the optimizer that training takes."""
    return max(1, math.ceil(epochs * math.ceil(rows / batch))) if rows else 0


def epochs_for(updates: int, rows: int, batch: int) -> float:
    """Epochs that come to so many steps."""
    return (updates - 0.5) / math.ceil(rows / batch)


def _launch(kind: str, args: Any, launcher: str) -> None:
    command = [*shlex.split(launcher), "-m", "training", kind, *options(args)]
    log = Path(args.out) / LOG
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        with log.open("ab") as file:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, preexec_fn=end_with_parent
            )
    except OSError as error:
        raise RunError(f"{command[0]} cannot be started ({error.strerror}): check --launcher.") from error
    try:
        status = process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    if status:
        said = "\n".join(log.read_text(encoding="utf-8", errors="replace").strip().split("\n")[-LAST_LINES:])
        raise RunError(f"Training failed (exit code {status}): {said}\nThe whole log is {log}.")


def options(args: Any) -> list[str]:
    """The command line that says these settings; those left at their default are left out."""
    given = {item.name: getattr(args, item.name) for item in fields(args)}
    defaults = {item.name: item.default for item in fields(args) if item.default is not MISSING}
    return command_line.options({name: value for name, value in given.items() if value != defaults.get(name, MISSING)})
