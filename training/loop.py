"""What the trainers' stages share: settings of the loop, one watched run of it, its result saved, checkpoints found."""

import importlib.util
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reasoner.errors import BadInput, RunError
from training.full import FOLDER, save_model
from training.lora import adapter_weights, save_adapter
from training.precision import is_bf16
from training.progress import EventLog
from training.watch import Watch, callback

Trainer = Any
"""TRL's or transformers' trainer, which carry no types."""

STATE = "trainer_state.json"  # of a checkpoint, written last
LOGS = ("", "tensorboard", "trackio")


def train_and_save(
    args: Any, trainer: Trainer, base: str, start: str, should_stop: Callable[[], bool], folder: str = ""
) -> EventLog | None:
    """Run a stage's trainer under a watch and save what it learnt; the event file, None but in the first process.

    `args` is the stage's Args; `folder` is where in `args.out` the result goes. Raises RunError when no step was made
    or the weights were never good.
    """
    check_world(trainer)
    out = Path(args.out)
    is_first = trainer.is_world_process_zero()
    events = EventLog(out / "events.jsonl") if is_first else None
    _tell(trainer, events)
    is_full, is_careful = args.rank == 0, getattr(trainer, "skips_bad_steps", False)
    if is_full and start and trainer.is_fsdp_enabled:
        raise RunError("Sharded training of all weights cannot start from an adapter: merge it into a model first.")
    snapshot = dict if is_careful else lambda: adapter_weights(trainer.model)
    watch = Watch(events, snapshot, args.max_seconds, should_stop, "model" if is_full else "adapter")
    trainer.add_callback(callback(watch))
    _run(trainer, last_checkpoint(out) if args.resume else None, watch, args.epochs)
    if watch.good is None:
        raise RunError(watch.stopped or "Training ended before its first step: are there fewer rows than processes?")
    where = out / (folder or result_folder(args))
    if is_full:
        save_model(trainer, base, where)
        return events
    weights = _gathered(trainer) if is_careful else watch.good
    if is_first:
        save_adapter(weights, trainer.model.peft_config["default"], where, start, base)
    return events


def _run(trainer: Trainer, checkpoint: str | None, watch: Watch, epochs: float) -> None:
    """The loop. One that was killed after its last step, before its result was saved, has only its weights to load."""
    last = json.loads((Path(checkpoint) / STATE).read_text(encoding="utf-8")) if checkpoint else {}
    is_over = bool(last) and last["global_step"] >= last["max_steps"] and last["num_train_epochs"] >= epochs
    if is_over and not trainer.is_fsdp_enabled:  # sharded ones are loaded by the loop itself
        trainer._load_from_checkpoint(checkpoint)
        trainer.state.global_step = last["global_step"]
        watch.begin(last["global_step"], last["max_steps"])
    else:
        trainer.train(resume_from_checkpoint=checkpoint)


def _gathered(trainer: Trainer) -> dict[str, Any]:
    """The adapter's weights, on the CPU; a collective call where they are sharded. RunError for what is no number."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    state = trainer.accelerator.get_state_dict(trainer.model) if trainer.is_fsdp_enabled else None
    weights = adapter_weights(model, state)
    if not all(bool(tensor.isfinite().all()) for tensor in weights.values()):
        raise RunError("The weights are no longer numbers, so no adapter was saved: try a lower learning rate.")
    return weights


def _tell(trainer: Trainer, events: EventLog | None) -> None:
    """What a careful trainer says to a person goes to the events and the log, what it said until now too."""

    def note(words: str) -> None:
        if events is not None:
            events.write("note", message=words)
            print(words, flush=True)

    for words in getattr(trainer, "notes", ()):
        note(words)
    trainer.note = note


def result_folder(args: Any) -> str:
    """The name of what a stage makes, in its run folder: "model" where all weights are trained."""
    return "adapter" if args.rank else FOLDER


def num_processes() -> int:
    """How many were launched together (torchrun and accelerate say so)."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def trainer_settings(args: Any) -> dict[str, Any]:
    """What all stages tell transformers' trainer. `args` is the stage's Args. Raises RunError or BadInput."""
    import torch

    num = num_processes()
    has_gpu = torch.cuda.is_available()
    if args.batch % num:
        raise RunError(f"A step's {args.batch} rows cannot be shared by {num} processes: give a multiple with --batch.")
    return {
        "output_dir": str(Path(args.out) / "checkpoints"),
        "num_train_epochs": args.epochs,
        "per_device_train_batch_size": args.batch // num,
        "learning_rate": args.learning_rate,
        "lr_scheduler_type": "linear",
        "warmup_steps": args.warm_up,  # below 1: a share of the steps
        "optim": args.optimizer,
        "seed": args.seed,
        "bf16": is_bf16(getattr(args, "precision", "auto" if has_gpu else "fp32")),
        "use_cpu": not has_gpu,
        "ddp_backend": None if has_gpu or num == 1 else "gloo",
        "activation_checkpointing": False,
        "dataloader_pin_memory": has_gpu,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # else a NaN loss is reported as the last finite one
        "save_strategy": "steps",
        "save_steps": 0.1,  # a share of the steps
        "save_total_limit": 2,
        "disable_tqdm": True,
        **_logs(getattr(args, "logs", ""), Path(args.out)),
    }


def _logs(logs: str, out: Path) -> dict[str, Any]:
    """Where the figures go beside events.jsonl. Raises BadInput, or RunError for what is not installed."""
    if logs not in LOGS:
        raise BadInput(f"Logs must be tensorboard, trackio or nothing, not {logs!r:.40}.")
    if not logs:
        return {"report_to": "none"}
    if importlib.util.find_spec(logs) is None:
        raise RunError(f'{logs} is not installed: pip install -e ".[logs]" -c constraints.txt, or leave --logs out.')
    folder = str((out / logs).resolve())
    os.environ.update({"TENSORBOARD_LOGGING_DIR": folder} if logs == "tensorboard" else {"TRACKIO_DIR": folder})
    return {"report_to": logs, "project": "first-pit", "run_name": out.resolve().name}


def check_world(trainer: Trainer) -> None:
    """Raises RunError when fewer processes train together than were launched: each would write its own adapter."""
    launched = num_processes()
    if trainer.accelerator.num_processes != launched:
        raise RunError(
            f"{launched} processes were launched and {trainer.accelerator.num_processes} train together: "
            "start them with torchrun --nproc_per_node N -m training dpo …"
        )


def check_rows_enough(num: int, batch: int) -> str:
    """What to say to a person of `num` rows in steps of `batch`, or nothing. RunError: fewer than processes."""
    if num < num_processes():
        raise RunError(f"{num} rows cannot be shared by {num_processes()} processes: start fewer, or bring more rows.")
    return f"There are {num} rows, fewer than the {batch} of a step: a pass is one smaller step." if num < batch else ""


def last_checkpoint(out: Path) -> str | None:
    """The newest whole checkpoint of a run folder, or None."""
    whole = [path for path in (out / "checkpoints").glob("checkpoint-*") if _is_whole(path / STATE)]
    return str(max(whole, key=lambda path: int(path.name.rsplit("-", 1)[1]))) if whole else None


def _is_whole(state: Path) -> bool:
    try:
        return isinstance(json.loads(state.read_text(encoding="utf-8")), dict)
    except (OSError, ValueError):  # killed while it was written
        return False


def say_counts(events: EventLog | None, rows_in: int, trainer: Trainer, rows_out: int) -> None:
    """What became of the rows, as the recipes' stages say it."""
    dropped = dict(trainer.dropped)
    if events is not None:
        events.write("counts", stage="train", rows_in=rows_in, rows_out=rows_out, dropped=dropped)
        for reason, num in dropped.items():
            print(f"dropped: {num} {reason}", flush=True)


def say_speed(events: EventLog | None, trainer: Trainer, num_rows: int, name: str = "pairs") -> None:
    """The "trained" event: seconds, steps, processes, rows and rows a second (`name` and `name`_per_second)."""
    history = trainer.state.log_history
    seconds = next((row["train_runtime"] for row in reversed(history) if "train_runtime" in row), 0.0)
    if events is None or not seconds:
        return
    passes = float(trainer.state.epoch or 0.0)
    events.write(
        "trained",
        seconds=seconds,
        processes=trainer.accelerator.num_processes,
        steps=trainer.state.global_step,
        precision="bf16" if trainer.args.bf16 else "fp32",
        **{name: num_rows, f"{name}_per_second": num_rows * passes / seconds},
    )
