"""Preference fine-tuning on pairs: TRL's DPOTrainer with a LoRA adapter, the reference being the model without it.

    python -m training dpo --model assets/model/solver --pairs pairs.jsonl --out run
    torchrun --nproc_per_node 2 -m training dpo …          the same on two processes; the first one writes

Self-Explore, arXiv 2404.10346 §4.1 and its code: three epochs, beta 0.1, RMSprop, linear decay after a warm-up of a
tenth, EOS on chosen only, because rejected is an unfinished solution. TRL appends EOS to both sides of plain text; the
trailing one of rejected is taken off again from the tokenised rows, which `check_rows` verifies before any step.

Nothing is truncated: rows that the model cannot hold were dropped, and counted, when the pairs were made.

`rank` 0 trains all weights instead of an adapter; the reference is then the model as it was, by log-probabilities
computed before the first step, so that no second model is held in memory.

KTO (training/kto.py) takes the same pairs, as rows of one side each. What is done for speed, for memory and against bad
input is in training/pair_trainer.py, shared_prompts.py and careful.py.

Not covered: weights of summed losses; a reference other than the model that training starts from.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from reasoner.errors import BadInput, RunError
from reasoner.records import Pair
from training.kto import kto_trainer, unpaired
from training.loop import (
    check_rows_enough,
    last_checkpoint,
    result_folder,
    say_counts,
    say_speed,
    train_and_save,
    trainer_settings,
)
from training.lora import context_of, load_for_training, lora_config, quantized, resolve
from training.pair_trainer import check_rows, end_where_solutions_end, pair_trainer
from training.pairs import read_pairs

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Trainer = Any
"""TRL's DPOTrainer or KTOTrainer, which carry no types."""

__all__ = ["Args", "check_rows", "end_where_solutions_end", "last_checkpoint", "make_trainer", "run"]

SAME = "chosen and rejected are the same"


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
    loss: Annotated[
        tuple[str, ...], "TRL's, summed (or kto alone); sigmoid: Self-Explore; sft holds on to chosen (ours)"
    ] = (
        "sigmoid",
        "sft",
    )
    rank: Annotated[int, "LoRA rank (ours); 0: train all weights, the result is model/ (the paper does)"] = 16
    alpha: Annotated[int, "LoRA alpha (ours: twice the rank)"] = 32
    seed: Annotated[int, "of the adapter's first weights and the order of pairs"] = 0
    max_seconds: Annotated[float, "stop after so many seconds and keep the adapter; 0: no bound"] = 0.0
    precision: Annotated[str, "auto (bf16 where the machine has it), bf16 or fp32"] = "auto"
    at_once: Annotated[int, "pairs a process computes at once; 0: all of its step, fewer when memory runs out"] = 0
    label_smoothing: Annotated[float, "share of pairs taken to be wrong way round, 0-0.5 (sigmoid, robust)"] = 0.0
    logs: Annotated[str, "figures also to tensorboard or trackio, in the run folder"] = ""
    quantize: Annotated[str, "4bit: QLoRA, on a CUDA GPU"] = ""
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
    num = len(trainer.train_dataset) // (2 if is_kto(args) else 1)
    events = train_and_save(args, trainer, base, start, should_stop)
    say_counts(events, len(pairs), trainer, num)
    if not should_stop():
        say_speed(events, trainer, num)
    trainer.accelerator.wait_for_everyone()
    trainer.accelerator.end_training()
    return out / result_folder(args)


def is_kto(args: Args) -> bool:
    """Is the loss KTO's? Raises BadInput for a sum of it and another, which TRL has no trainer for."""
    if "kto" in args.loss and len(args.loss) > 1:
        raise BadInput(f"KTO cannot be summed with {', '.join(set(args.loss) - {'kto'})}: give --loss kto alone.")
    return "kto" in args.loss


def make_trainer(args: Args, pairs: Sequence[Pair], base: str, start: str) -> Trainer:
    """The trainer over tokenised pairs, EOS on chosen only."""
    from transformers import PrinterCallback

    differing = [pair for pair in pairs if pair.chosen.strip() != pair.rejected.strip()]
    if not differing:
        raise RunError(f"In all {len(pairs)} pairs {SAME}: nothing can be learnt from them.")
    few = check_rows_enough(len(differing), args.batch)
    settings = trainer_settings(args)
    model, tokenizer = load_for_training(base, start, quantized(args))
    common = {
        "model": model,
        "processing_class": tokenizer,
        "peft_config": lora_config(args.rank, args.alpha) if args.rank else None,
        "context": context_of(model),
    }
    trainer: Trainer = (_kto if is_kto(args) else _dpo)(args, settings, differing, common)
    if len(differing) < len(pairs):
        trainer.dropped[SAME] += len(pairs) - len(differing)
    if few:
        trainer.note(few)
    if args.at_once:
        trainer.num_parts = -(-settings["per_device_train_batch_size"] // args.at_once)
    trainer.remove_callback(PrinterCallback)  # the watch prints
    return trainer


def _dpo(args: Args, settings: dict[str, Any], pairs: Sequence[Pair], common: dict[str, Any]) -> Trainer:
    from datasets import Dataset
    from trl import DPOConfig  # type: ignore[attr-defined]

    prompts = [without_bos(pair.prompt, common["processing_class"]) for pair in pairs]
    rows = [
        {"prompt": prompt, "chosen": pair.chosen, "rejected": pair.rejected, "is_whole": pair.is_whole}
        for prompt, pair in zip(prompts, pairs, strict=True)
    ]
    config = DPOConfig(
        **settings,
        beta=args.beta,
        loss_type=list(args.loss),
        label_smoothing=args.label_smoothing,
        max_length=None,
        precompute_ref_log_probs=True,
        precompute_ref_batch_size=4 * settings["per_device_train_batch_size"],
    )
    return pair_trainer()(args=config, train_dataset=Dataset.from_list(rows), **common)


def _kto(args: Args, settings: dict[str, Any], pairs: Sequence[Pair], common: dict[str, Any]) -> Trainer:
    from trl import KTOConfig  # type: ignore[attr-defined]

    at_once = settings["per_device_train_batch_size"]
    prompts = [without_bos(pair.prompt, common["processing_class"]) for pair in pairs]
    config = KTOConfig(
        **settings | {"per_device_train_batch_size": 2 * at_once},
        beta=args.beta,
        loss_type="kto",
        max_length=None,
        pad_to_multiple_of=16,
        precompute_ref_log_probs=True,
        precompute_ref_batch_size=4 * at_once,
    )
    return kto_trainer()(args=config, train_dataset=unpaired(pairs, prompts, at_once, args.seed), **common)


def without_bos(prompt: str, tokenizer: "PreTrainedTokenizerBase") -> str:
    """A rendered chat template may begin with BOS, and the tokenizer adds it again: take the written one away."""
    bos = tokenizer.bos_token
    if bos and prompt.startswith(bos) and tokenizer("a")["input_ids"][:1] == [tokenizer.bos_token_id]:
        return prompt.removeprefix(bos)
    return prompt
