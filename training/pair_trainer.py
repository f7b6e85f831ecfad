"""TRL's DPOTrainer over our pairs: right ends, reference log-probabilities computed once, prompts computed once.

    trainer = pair_trainer()(model=…, args=DPOConfig(…, precompute_ref_log_probs=True), train_dataset=rows, …)

The loss is TRL's own. What is not: rows lose TRL's EOS where they do not end a solution, before anything is computed
from them; rows that cannot be learnt are dropped and counted; the reference's log-probabilities are kept in memory, in
the rows, instead of in a temporary file a process; batches are trees (training/shared_prompts.py) where the model takes
them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from reasoner.errors import RunError
from training.careful import careful, lengths_of
from training.memory import is_out_of_memory
from training.shared_prompts import TreeCollator, answer_trees, why_not_shared

Trainer = Any
"""TRL's DPOTrainer, which carries no types."""

TOO_LONG = "longer than the model's context"


@cache
def pair_trainer() -> type[Trainer]:
    """The class, made when TRL is first needed."""
    from trl import DPOTrainer  # type: ignore[attr-defined]
    from trl.trainer.dpo_trainer import DataCollatorForPreference

    class PairTrainer(careful(DPOTrainer)):  # type: ignore[misc]
        why_not_shared = ""  # why prompts are computed twice, where they are

        def _prepare_dataset(self, dataset: Any, processing_class: Any, *rest: Any) -> Any:
            eos = processing_class.eos_token_id
            rows = super()._prepare_dataset(dataset, processing_class, *rest)
            rows = rows.map(lambda row: end_where_solutions_end(row, eos))
            check_rows(rows, eos)
            return only_fitting(rows, self.context, self.dropped)

        def _precompute_ref_logps(self, dataset: Any, name: str, batch_size: int) -> Any:
            pad = self.processing_class.pad_token_id
            plain = DataCollatorForPreference(pad_token_id=pad, pad_to_multiple_of=16)  # as TreeCollator
            trees = TreeCollator(pad)
            for model in filter(None, (self.model, self.ref_model)):
                answer_trees(getattr(model, "get_base_model", lambda model=model: model)())
            self.why_not_shared = why_not_shared(self, dataset, plain, trees)
            if self.why_not_shared:
                self.note(f"Prompts are computed twice, for chosen and for rejected: {self.why_not_shared}.")
            self.data_collator = plain if self.why_not_shared else trees
            return with_reference(self, dataset, batch_size)

        def rows_in(self, inputs: dict[str, Any]) -> int:
            return len(inputs["ref_chosen_logps"])

    return PairTrainer


def only_fitting(rows: Any, context: int, dropped: Any) -> Any:
    """Tokenised pairs of at most `context` tokens (0: no bound), the others counted. RunError when none is left."""
    if not context:
        return rows
    sides = [rows[name] for name in ("chosen_ids", "rejected_ids", "completion_ids") if name in rows.column_names]
    longest = [max(map(len, row)) for row in zip(*sides, strict=True)]
    lengths = [len(prompt) + length for prompt, length in zip(rows["prompt_ids"], longest, strict=True)]
    fitting = [i for i, length in enumerate(lengths) if length <= context]
    if len(fitting) < len(rows):
        dropped[TOO_LONG] += len(rows) - len(fitting)
    if not fitting:
        raise RunError(
            f"All {len(rows)} pairs are longer than the model's context of {context} tokens (the longest has "
            f"{max(lengths)}): train a model with a longer context."
        )
    return rows.select(fitting)


PAIR = ("ref_chosen_logps", "ref_rejected_logps")


def with_reference(trainer: Trainer, rows: Any, batch_size: int, names: tuple[str, str] = PAIR) -> Any:
    """The rows with the reference's log-probabilities, computed on all processes, rows of similar lengths together."""
    while True:
        try:
            return _with_reference(trainer, rows, batch_size, names)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or trainer.accelerator.num_processes > 1:
                raise
            if batch_size == 1:
                raise RunError("Memory runs out at one pair: give a smaller model, or shorter pairs.") from error
        batch_size = max(1, batch_size // 2)
        trainer.note(f"Memory ran out with the reference's log-probabilities: {batch_size} pairs at once.")


def _with_reference(trainer: Trainer, rows: Any, batch_size: int, names: tuple[str, str]) -> Any:
    import torch
    from torch.utils.data import DataLoader

    lengths = lengths_of(rows)
    by_length = sorted(range(len(rows)), key=lengths.__getitem__)
    loader = DataLoader(rows.select(by_length), batch_size=batch_size, collate_fn=trainer.data_collator, shuffle=False)
    found: tuple[list[Any], list[Any]] = ([], [])
    model = trainer.ref_model or trainer.model
    with placed(model, trainer.accelerator.device):
        for batch in trainer.accelerator.prepare(loader):
            sides = trainer.compute_ref_log_probs(model, batch)
            for side, values in zip(found, trainer.accelerator.gather_for_metrics(sides), strict=True):
                side.append(values.float().cpu())
    order = torch.tensor(by_length).argsort()
    for name, side in zip(names, found, strict=True):
        rows = rows.add_column(name, torch.cat(side)[order].tolist())
    return rows


@contextmanager
def placed(model: Any, device: Any) -> Iterator[None]:
    """The model on the device for a while: one that is to be sharded waits on the processor until its loop begins."""
    home = next(model.parameters()).device
    if home.type == device.type:
        yield
        return
    model.to(device)
    try:
        yield
    finally:
        model.to(home)


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
