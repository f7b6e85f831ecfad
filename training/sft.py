"""Supervised fine-tuning on right solutions: TRL's SFTTrainer with a LoRA adapter, loss on the solution alone.

    python -m training sft --model assets/model/solver --rows right.jsonl --out run

    {"prompt": "Ana has 3 coins. …\\n", "completion": "Formalize: find Ben's coins\\n…\\nSummarize: the answer is 5"}

Self-Explore's first stages (arXiv 2404.10346 §3.1) tune on solutions, then on the model's own right and distinct ones,
at most 8 a problem; `right_rows` takes such rows from a store. EOS ends every completion. `rank` 0 trains all weights.

Not covered: GSM8K's filter of distinct equation lists.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from reasoner.errors import BadInput, RunError
from reasoner.store import Store
from training.careful import careful
from training.dpo import without_bos
from training.loop import (
    check_rows_enough,
    result_folder,
    say_counts,
    say_speed,
    train_and_save,
    trainer_settings,
)
from training.lora import context_of, load_for_training, lora_config, quantized, resolve
from training.pair_trainer import TOO_LONG

MOST_A_PROBLEM = 8  # Self-Explore, arXiv 2404.10346 §3.1

Row = dict[str, str]
"""{"prompt": …, "completion": …}"""


@dataclass(frozen=True)
class Args:
    """Settings of one SFT stage; `python -m training sft --help` is made from them."""

    model: Annotated[str, "model folder, adapter folder or Hugging Face id"]
    out: Annotated[str, "run folder: events.jsonl, checkpoints and adapter/ (or model/) go there"]
    rows: Annotated[str, "JSONL of {prompt, completion}; empty: the right traces of --store"] = ""
    store: Annotated[str, "store whose right traces are learnt from, where no --rows are given"] = ""
    adapter: Annotated[str, "adapter to start from; empty: the model alone"] = ""
    epochs: Annotated[float, "passes over the rows (ours)"] = 2.0
    learning_rate: Annotated[float, "of the adapter (ours)"] = 5e-4
    warm_up: Annotated[float, "share of the steps, 0-1 (ours)"] = 0.1
    batch: Annotated[int, "rows a step, over all processes (ours)"] = 16
    optimizer: Annotated[str, "transformers' name (ours)"] = "adamw_torch"
    rank: Annotated[int, "LoRA rank (ours); 0: train all weights, the result is model/ (the paper does)"] = 16
    alpha: Annotated[int, "LoRA alpha (ours: twice the rank)"] = 32
    seed: Annotated[int, "of the adapter's first weights and the order of rows"] = 0
    max_seconds: Annotated[float, "stop after so many seconds and keep the adapter; 0: no bound"] = 0.0
    precision: Annotated[str, "auto (bf16 where the machine has it), bf16 or fp32"] = "auto"
    at_once: Annotated[int, "rows a process computes at once; 0: all of its step, fewer when memory runs out"] = 0
    logs: Annotated[str, "figures also to tensorboard or trackio, in the run folder"] = ""
    quantize: Annotated[str, "4bit: QLoRA, on a CUDA GPU"] = ""
    resume: Annotated[bool, "go on from the run folder's last checkpoint"] = False


def run(args: Args, should_stop: Callable[[], bool] = lambda: False) -> Path:
    """Train and return the adapter's or model's folder. Raises a WorkbenchError with what to do next."""
    rows = _rows(args)
    if not rows:
        raise RunError("There are no right solutions to learn from: sample some, or give a file with --rows.")
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    base, start = resolve(args.model, args.adapter)
    trainer = make_trainer(args, rows, base, start)
    num = len(trainer.train_dataset)
    events = train_and_save(args, trainer, base, start, should_stop)
    say_counts(events, len(rows), trainer, num)
    if not should_stop():
        say_speed(events, trainer, num, "rows")
    trainer.accelerator.wait_for_everyone()
    trainer.accelerator.end_training()
    return out / result_folder(args)


def right_rows(store: Store) -> list[Row]:
    """The store's right traces that have a prompt, distinct ones, at most 8 a problem."""
    rows: dict[str, list[Row]] = defaultdict(list)
    for found in store.find_problems(verdict="right", limit=store.count_problems(verdict="right")):
        for trace in store.traces(found.problem.id):
            row = {"prompt": trace.prompt, "completion": trace.text.rstrip()}
            kept = rows[trace.problem_id]
            if trace.verdict.status == "right" and trace.prompt and row not in kept and len(kept) < MOST_A_PROBLEM:
                kept.append(row)
    return [row for kept in rows.values() for row in kept]


def read_rows(path: Path) -> list[Row]:
    """Rows of {prompt, completion}. Raises BadInput naming the first line that is none."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"The rows at {path} cannot be read ({error}).") from error
    rows = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            rows.append(_row(json.loads(line)))
        except ValueError as error:
            raise BadInput(f"{path.name}, line {number}: expected prompt and completion ({error}).") from error
    return rows


def _row(raw: object) -> Row:
    """The prompt and completion of one line; ValueError where they are no text or there is nothing to learn."""
    values = [raw.get(name) for name in ("prompt", "completion")] if isinstance(raw, dict) else []
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) != 2 or not texts[1].strip():
        raise ValueError("both are texts, and a completion is not empty")
    return {"prompt": texts[0], "completion": texts[1]}


def _rows(args: Args) -> list[Row]:
    if args.rows:
        return read_rows(Path(args.rows))
    if args.store and not Path(args.store).is_file():
        raise RunError(f"There is no store at {args.store}: give the file the workbench was started with, or --rows.")
    with Store(args.store) if args.store else Store.open_default() as store:
        return right_rows(store)


def make_trainer(args: Args, rows: Sequence[Row], base: str, start: str) -> Any:
    """The trainer over the rows; the loss is on the completions alone, each ended by EOS."""
    from datasets import Dataset
    from transformers import PrinterCallback
    from trl import SFTConfig, SFTTrainer  # type: ignore[attr-defined]

    few = check_rows_enough(len(rows), args.batch)
    settings = trainer_settings(args)
    model, tokenizer = load_for_training(base, start, quantized(args))
    prompts = [without_bos(row["prompt"], tokenizer) for row in rows]
    data = [{"prompt": prompt, "completion": row["completion"]} for prompt, row in zip(prompts, rows, strict=True)]
    trainer: Any = careful(SFTTrainer)(
        model=model,
        args=SFTConfig(**settings, completion_only_loss=True, max_length=None, pad_to_multiple_of=16),
        train_dataset=Dataset.from_list(data),
        processing_class=tokenizer,
        peft_config=lora_config(args.rank, args.alpha) if args.rank else None,
    )
    trainer.remove_callback(PrinterCallback)  # the watch prints
    if few:
        trainer.note(few)
    if args.at_once:
        trainer.num_parts = -(-settings["per_device_train_batch_size"] // args.at_once)
    _drop_too_long(trainer, context_of(model))
    return trainer


def _drop_too_long(trainer: Any, context: int) -> None:
    """Nothing is truncated, a solution must have its end: rows that the model cannot hold are dropped and counted."""
    lengths = [len(ids) for ids in trainer.train_dataset["input_ids"]]
    fitting = [i for i, length in enumerate(lengths) if not context or length <= context]
    if not fitting:
        raise RunError(
            f"All {len(lengths)} rows are longer than the model's context of {context} tokens (the longest has "
            f"{max(lengths)} tokens): train a model with a longer context."
        )
    if len(fitting) < len(lengths):
        trainer.dropped[TOO_LONG] += len(lengths) - len(fitting)
        trainer.train_dataset = trainer.train_dataset.select(fitting)
