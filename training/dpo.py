"""Preference fine-tuning on pairs: TRL's DPOTrainer with a LoRA adapter, the reference being the model without it.

    python -m training dpo --model assets/model/solver --pairs pairs.jsonl --out run
    torchrun --nproc_per_node 2 -m training dpo …          the same on two processes; the first one writes

Self-Explore, arXiv 2404.10346 §4.1 and its code: three epochs, beta 0.1, RMSprop, linear decay after a warm-up of a
tenth, EOS on chosen only, because rejected is an unfinished solution. TRL appends EOS to both sides of plain text; the
trailing one of rejected is taken off again from the tokenised rows, which `check_rows` verifies before any step.

Nothing is truncated: rows that the model cannot hold were dropped, and counted, when the pairs were made.

`rank` 0 trains all weights instead of an adapter; the reference is then the model as it was, by log-probabilities
computed before the first step, so that no second model is held in memory.

Not covered: quantised models.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from reasoner.errors import RunError
from reasoner.records import Pair
from training.careful import careful
from training.full import FOLDER, save_model
from training.lora import adapter_weights, load_for_training, lora_config, resolve, save_adapter
from training.pairs import read_pairs
from training.progress import EventLog
from training.watch import Watch, callback

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Trainer = Any
"""TRL's DPOTrainer, which carries no types."""


@dataclass(frozen=True)
class Args:
    """Settings of one DPO stage; `python -m training dpo --help` is made from them."""

    model: Annotated[str, "model folder, adapter folder or Hugging Face id"]
    pairs: Annotated[str, "JSONL file written by `python -m training pairs`"]
    out: Annotated[str, "run folder: events.jsonl, checkpoints and adapter/ (or model/) go there"]
    adapter: Annotated[str, "adapter to start from; empty: the model alone"] = ""
    epochs: Annotated[float, "passes over the pairs (3: Self-Explore, arXiv 2404.10346 §4.1)"] = 3.0
    beta: Annotated[float, "pull towards the reference (0.1: Self-Explore §4.1)"] = 0.1
    learning_rate: Annotated[
        float, "ours, for LoRA: 2e-4 broke more than it fixed; Self-Explore tunes 7 B with 1e-6"
    ] = 1e-4
    warm_up: Annotated[float, "share of the steps, 0-1 (0.1: Self-Explore's code)"] = 0.1
    batch: Annotated[int, "pairs a step, over all processes (ours: Self-Explore's 32 leaves too few steps)"] = 8
    optimizer: Annotated[str, "transformers' name (rmsprop: Self-Explore's code)"] = "rmsprop"
    loss: Annotated[tuple[str, ...], "TRL's, summed; sigmoid alone: Self-Explore; sft holds on to chosen (ours)"] = (
        "sigmoid",
        "sft",
    )
    rank: Annotated[int, "LoRA rank (ours); 0: train all weights, the result is model/ (the paper does)"] = 16
    alpha: Annotated[int, "LoRA alpha (ours: twice the rank)"] = 32
    seed: Annotated[int, "of the adapter's first weights and the order of pairs"] = 0
    max_seconds: Annotated[float, "stop after so many seconds and keep the adapter; 0: no bound"] = 0.0
    resume: Annotated[bool, "go on from the run folder's last checkpoint"] = False


def run(args: Args, should_stop: Callable[[], bool] = lambda: False) -> Path:
    """Train and return the adapter's or model's folder; `should_stop` is asked after every step.

    What was learnt when it says so is kept. Raises RunError or EngineError with what to do next.
    """
    pairs = read_pairs(Path(args.pairs))
    if not pairs:
        raise RunError("There are no pairs to train on: flag first wrong steps or explore wrong traces first.")
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    base, start = resolve(args.model, args.adapter)
    trainer = make_trainer(args, pairs, base, start)
    events = train_and_save(args, trainer, base, start, should_stop)
    if not should_stop():
        _say_speed(events, trainer, len(pairs))
    trainer.accelerator.wait_for_everyone()
    trainer.accelerator.end_training()
    return out / result_folder(args)


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
    is_full = args.rank == 0
    snapshot = dict if is_full else lambda: adapter_weights(trainer.model)
    watch = Watch(events, snapshot, args.max_seconds, should_stop, "model" if is_full else "adapter")
    trainer.add_callback(callback(watch))
    trainer.train(resume_from_checkpoint=last_checkpoint(out) if args.resume else None)
    if watch.good is None:
        raise RunError(watch.stopped or "Training ended before its first step: are there fewer rows than processes?")
    where = out / (folder or result_folder(args))
    if is_full:
        save_model(trainer, base, where)
    elif is_first:
        save_adapter(watch.good, trainer.model.peft_config["default"], where, start, base)
    return events


def result_folder(args: Any) -> str:
    """The name of what a stage makes, in its run folder: "model" where all weights are trained."""
    return "adapter" if args.rank else FOLDER


def make_trainer(args: Args, pairs: Sequence[Pair], base: str, start: str) -> Trainer:
    """The trainer over tokenised pairs, EOS on chosen only."""
    from transformers import PrinterCallback
    from trl import DPOConfig

    model, tokenizer = load_for_training(base, start)
    settings = DPOConfig(
        **trainer_settings(args),
        beta=args.beta,
        loss_type=list(args.loss),
        max_length=None,
        precompute_ref_log_probs=True,
        precompute_ref_batch_size=4 * args.batch,
    )
    trainer: Trainer = _trainer_class()(
        model=model,
        args=settings,
        train_dataset=_dataset(pairs, tokenizer),
        processing_class=tokenizer,
        peft_config=lora_config(args.rank, args.alpha) if args.rank else None,
    )
    trainer.remove_callback(PrinterCallback)  # the watch prints
    return trainer


@cache
def _trainer_class() -> type[Trainer]:
    """TRL's DPOTrainer over pairs whose ends are right before anything is computed from them."""
    from trl import DPOTrainer  # type: ignore[attr-defined]

    class PairTrainer(careful(DPOTrainer)):  # type: ignore[misc]
        def _prepare_dataset(self, dataset: Any, processing_class: Any, *rest: Any) -> Any:
            eos = processing_class.eos_token_id
            rows = super()._prepare_dataset(dataset, processing_class, *rest)
            rows = rows.map(lambda row: end_where_solutions_end(row, eos))
            check_rows(rows, eos)
            return rows

        def _precompute_ref_logps(self, dataset: Any, name: str, batch_size: int) -> Any:
            return with_reference(self, dataset, batch_size)

    return PairTrainer


def with_reference(trainer: Trainer, rows: Any, batch_size: int) -> Any:
    """The rows with the reference's log-probabilities, computed on all processes. Kept in memory, in no file."""
    import torch
    from torch.utils.data import DataLoader

    loader = DataLoader(rows, batch_size=batch_size, collate_fn=trainer.data_collator, shuffle=False)
    found: tuple[list[Any], list[Any]] = ([], [])
    for batch in trainer.accelerator.prepare(loader):
        sides = trainer.compute_ref_log_probs(trainer.ref_model or trainer.model, batch)
        for side, values in zip(found, trainer.accelerator.gather_for_metrics(sides), strict=True):
            side.append(values.float().cpu())
    chosen, rejected = (torch.cat(side).tolist() for side in found)
    return rows.add_column("ref_chosen_logps", chosen).add_column("ref_rejected_logps", rejected)


def _dataset(pairs: Sequence[Pair], tokenizer: "PreTrainedTokenizerBase") -> Any:
    from datasets import Dataset

    rows = [
        {"prompt": without_bos(pair.prompt, tokenizer), "chosen": pair.chosen, "rejected": pair.rejected,
         "is_whole": pair.is_whole}
        for pair in pairs
    ]  # fmt: skip
    return Dataset.from_list(rows)


def without_bos(prompt: str, tokenizer: "PreTrainedTokenizerBase") -> str:
    """A rendered chat template may begin with BOS, and the tokenizer adds it again: take the written one away."""
    bos = tokenizer.bos_token
    if bos and prompt.startswith(bos) and tokenizer("a")["input_ids"][:1] == [tokenizer.bos_token_id]:
        return prompt.removeprefix(bos)
    return prompt


def end_where_solutions_end(row: dict[str, Any], eos: int) -> dict[str, Any]:
    """A tokenised row without EOS on rejected, nor on a chosen that does not end the solution."""
    for side, is_ended in (("chosen_ids", row["is_whole"]), ("rejected_ids", False)):
        if not is_ended and row[side] and row[side][-1] == eos:
            row[side] = row[side][:-1]
    return row


def check_rows(rows: Any, eos: int) -> None:
    """Raises RunError unless exactly the whole chosen sides end with EOS and no side is empty."""
    for row in rows:
        has_eos = row["chosen_ids"][-1:] == [eos]
        if has_eos != row["is_whole"] or eos in row["rejected_ids"] or not row["rejected_ids"] or not row["chosen_ids"]:
            raise RunError(
                "The tokenizer does not keep its end-of-sequence token apart from the text, so a pair's ends cannot be "
                "told: train another model, or report this one."
            )


def trainer_settings(args: Any) -> dict[str, Any]:
    """What both stages tell transformers' trainer. `args` is the stage's Args."""
    import torch

    num_processes = int(os.environ.get("WORLD_SIZE", "1"))
    has_gpu = torch.cuda.is_available()
    return {
        "output_dir": str(Path(args.out) / "checkpoints"),
        "num_train_epochs": args.epochs,
        "per_device_train_batch_size": max(1, args.batch // num_processes),
        "learning_rate": args.learning_rate,
        "lr_scheduler_type": "linear",
        "warmup_steps": args.warm_up,  # below 1: a share of the steps
        "optim": args.optimizer,
        "seed": args.seed,
        "bf16": has_gpu and torch.cuda.is_bf16_supported(),
        "use_cpu": not has_gpu,
        "ddp_backend": None if has_gpu or num_processes == 1 else "gloo",
        "gradient_checkpointing": False,
        "dataloader_pin_memory": has_gpu,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # else a NaN loss is reported as the last finite one
        "save_strategy": "steps",
        "save_steps": 0.1,  # a share of the steps
        "save_total_limit": 2,
        "report_to": "none",
        "disable_tqdm": True,
    }


def check_world(trainer: Trainer) -> None:
    """Raises RunError when fewer processes train together than were launched: each would write its own adapter."""
    launched = int(os.environ.get("WORLD_SIZE", "1"))
    if trainer.accelerator.num_processes != launched:
        raise RunError(
            f"{launched} processes were launched and {trainer.accelerator.num_processes} train together: "
            "start them with torchrun --nproc_per_node N -m training dpo …"
        )


def last_checkpoint(out: Path) -> str | None:
    """The newest whole checkpoint of a run folder, or None."""
    whole = [path for path in (out / "checkpoints").glob("checkpoint-*") if (path / "trainer_state.json").is_file()]
    return str(max(whole, key=lambda path: int(path.name.rsplit("-", 1)[1]))) if whole else None


def _say_speed(events: EventLog | None, trainer: Trainer, num_pairs: int) -> None:
    history = trainer.state.log_history
    seconds = next((row["train_runtime"] for row in reversed(history) if "train_runtime" in row), 0.0)
    if events is not None and seconds:
        passes = float(trainer.state.epoch or 0.0)
        events.write(
            "trained",
            seconds=seconds,
            pairs=num_pairs,
            pairs_per_second=num_pairs * passes / seconds,
            processes=trainer.accelerator.num_processes,
            steps=trainer.state.global_step,
        )
