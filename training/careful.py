"""What every trainer of ours does beside TRL's or transformers': one subclass, made for any of their classes.

    Careful = careful(DPOTrainer)

- Rows of similar lengths share a batch, in an order that a resumed run repeats (training/order.py).
- A step whose gradients are no numbers is not made: the weights stay the last good ones, and the watch ends the loop.
- A step for which memory does not suffice is made in parts: the same rows, the same update, said once a halving.

Not covered: parts where several processes train together (the others would wait for ever): RunError says what to give.
"""

import contextlib
import gc
import math
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any

from reasoner.errors import RunError
from training.memory import is_out_of_memory, parts_of
from training.order import ByLength

if TYPE_CHECKING:
    from transformers import Trainer as Base
else:
    Base = object

TOKENS = ("prompt_ids", "chosen_ids", "rejected_ids", "completion_ids", "input_ids")
"""Columns of tokenised rows that are computed."""


class Careful(Base):
    """The rules above, over the trainer class that `careful` puts under it."""

    skips_bad_steps = True
    keeps_order = False  # of the rows as they are
    is_divisible = True  # is a batch's loss a mean over its rows, so that parts of it can be computed apart?
    num_parts = 1  # a step is made in
    share = 1.0  # of the step's rows that are in the part being computed

    def __init__(self, *given: Any, context: int = 0, **named: Any) -> None:
        self.context = context  # most tokens of a row; 0: no bound
        self.notes: list[str] = []  # for a person; train_and_save writes them down
        self.dropped: Counter[str] = Counter()  # rows, by reason
        super().__init__(*given, **named)

    def note(self, words: str) -> None:
        """Say something about the run to a person."""
        self.notes.append(words)

    def create_model_card(self, *given: Any, **named: Any) -> None:
        """None in every checkpoint: TRL would render one each time."""

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        if self.keeps_order:
            return super()._get_train_sampler(train_dataset)
        rows = self.train_dataset if train_dataset is None else train_dataset
        return ByLength(lengths_of(rows), rows_a_step(self.args), self.args.seed)

    def _clip_grad_norm(self, model: Any) -> Any:
        norm = super()._clip_grad_norm(model)  # of all processes' gradients, so all decide alike
        if not math.isfinite(float(norm)):
            model.zero_grad(set_to_none=True)  # the optimizer passes over weights without a gradient
        return norm

    def compute_loss(self, *given: Any, **named: Any) -> Any:
        loss: Any = super().compute_loss(*given, **named)
        return loss if self.share == 1.0 else loss * self.share

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> Any:
        rows = self.rows_in(inputs)
        while True:
            try:
                return self._in_parts(model, inputs, num_items_in_batch, rows)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                words = str(error).strip().split("\n")[0][:200]
            self._take_smaller_parts(model, rows, words)

    def rows_in(self, inputs: dict[str, Any]) -> int:
        return len(inputs["input_ids"])

    def _in_parts(self, model: Any, inputs: dict[str, Any], num_items: Any, rows: int) -> Any:
        if self.num_parts == 1:
            return super().training_step(model, inputs, num_items)
        is_mean = num_items is None or self.loss_is_scaled_for_ga is False  # else it is a sum over the step's items
        parts = parts_of(inputs, self.num_parts, rows)
        total: Any = 0.0
        try:
            for number, (part, size) in enumerate(parts, start=1):
                self.share = size / rows if is_mean else 1.0
                is_last = number == len(parts)
                apart = contextlib.nullcontext() if is_last else self.accelerator.no_sync(model)
                with apart:
                    total = total + super().training_step(model, part, num_items)
        finally:
            self.share = 1.0
        return total

    def _take_smaller_parts(self, model: Any, rows: int, words: str) -> None:
        import torch

        at_once = math.ceil(rows / self.num_parts)
        if at_once <= 1 or self.accelerator.num_processes > 1 or not self.is_divisible:
            fewer = f"give --at-once {max(1, at_once // 2)}" if self.is_divisible else "give a smaller --batch"
            advice = fewer if at_once > 1 else "give a smaller model, shorter rows, or a LoRA --rank"
            raise RunError(f"Memory ran out at {at_once} rows at once ({words}): {advice}.")
        model.zero_grad(set_to_none=True)  # what the failed try has left
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self.num_parts *= 2
        smaller = math.ceil(rows / self.num_parts)
        self.note(f"Memory ran out at {at_once} rows at once: {smaller} from now on, the same {rows} a step.")


@cache
def careful(trainer: type[Any]) -> type[Any]:
    """A subclass of transformers' Trainer, or of one of TRL's, that keeps to the rules above."""
    return type("Careful" + trainer.__name__, (Careful, trainer), {})


def lengths_of(rows: Any) -> list[int]:
    """How many tokens of each tokenised row are computed."""
    columns = [rows[name] for name in TOKENS if name in rows.column_names]
    return [sum(map(len, row)) for row in zip(*columns, strict=True)]


def rows_a_step(settings: Any) -> int:
    """Over all processes."""
    return int(settings.train_batch_size * settings.world_size * settings.gradient_accumulation_steps)
