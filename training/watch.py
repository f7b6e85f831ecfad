"""Follows one training loop: writes its figures to the event file, keeps the last good weights, says when to stop.

    {"kind": "train", "step": 3, "total": 75, "epoch": 0.12, "loss": 0.61, "margin": 0.19, "accuracy": 0.8,
     "logps_chosen": -11.2, "logps_rejected": -9.8, "rate": 4e-4, "seconds": 5.1, "seconds_left": 122.0}

The loop is stopped, and what was learnt until then kept, when the loss or a weight is no longer a finite number, or
when the run's seconds are over.
"""

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from training.progress import EventLog

if TYPE_CHECKING:
    import torch
    from transformers import TrainerCallback

FIGURES = {
    "loss": "loss",
    "rewards/margins": "margin",
    "rewards/accuracies": "accuracy",
    "logps/chosen": "logps_chosen",
    "logps/rejected": "logps_rejected",
    "mean_token_accuracy": "token_accuracy",
    "learning_rate": "rate",
    "grad_norm": "gradient",
    "epoch": "epoch",
}
"""TRL's names → ours."""

Weights = dict[str, "torch.Tensor"]


class Watch:
    """What happened in one loop. `snapshot` copies the trained weights; an empty one: no copy is needed."""

    def __init__(
        self,
        events: EventLog | None,
        snapshot: Callable[[], Weights],
        max_seconds: float = 0.0,
        should_stop: Callable[[], bool] = lambda: False,
        what: str = "adapter",
    ) -> None:
        self.events = events  # None on every process but the first
        self.snapshot = snapshot
        self.max_seconds = max_seconds  # 0: no bound
        self.should_stop = should_stop
        self.what = what  # is trained: "adapter" or "model"
        self.started = time.monotonic()
        self.first_step = 0
        self.good: Weights | None = None  # weights after the last step at which all was finite
        self.good_step = 0
        self.stopped = ""  # why the loop was ended early, for a person

    def begin(self, step: int, total: int) -> None:
        """The loop starts, or goes on, at `step`: then a checkpoint's weights are there, which are good."""
        self.started, self.first_step = time.monotonic(), step
        if step:
            self.good, self.good_step = self.snapshot(), step
        self._write("train_begin", step=step, total=total)

    def logged(self, step: int, total: int, figures: dict[str, Any]) -> bool:
        """Take one line of figures; False when the loop has to end here."""
        values = {ours: figures[theirs] for theirs, ours in FIGURES.items() if theirs in figures}
        seconds = time.monotonic() - self.started
        left = seconds / max(1, step - self.first_step) * (total - step)
        self._write("train", step=step, total=total, seconds=seconds, seconds_left=left, **values)
        weights = self.snapshot()
        if not (_is_finite(values) and all(bool(tensor.isfinite().all()) for tensor in weights.values())):
            has_good = self.good is not None
            kept = f"the {self.what} of step {self.good_step} is kept" if has_good else "nothing was learnt before it"
            self.stopped = f"The loss was no longer a number at step {step}: {kept}. Try a lower learning rate."
        else:
            self.good, self.good_step = weights, step
            if self.should_stop():
                self.stopped = f"Stopped at step {step} of {total}: the {self.what} so far is kept."
            elif self.max_seconds and seconds > self.max_seconds and step < total:
                self.stopped = (
                    f"The time bound of {self.max_seconds:.0f} seconds was reached at step {step} of {total}: "
                    f"the {self.what} so far is kept."
                )
        if self.stopped:
            self._write("stopped", step=step, message=self.stopped)
        return not self.stopped

    def _write(self, kind: str, **values: Any) -> None:
        if self.events is None:
            return
        self.events.write(kind, **values)
        if kind == "train":
            shown = "  ".join(f"{name} {value:.4g}" for name, value in values.items() if isinstance(value, float))
            print(f"step {values['step']}/{values['total']}  {shown}", flush=True)


def callback(watch: Watch) -> "TrainerCallback":
    """The watch as transformers' trainer wants it."""
    from transformers import TrainerCallback

    class WatchCallback(TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
            watch.begin(state.global_step, state.max_steps)

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **rest: Any) -> None:
            if logs and "loss" in logs and not watch.logged(state.global_step, state.max_steps, logs):
                control.should_training_stop = True

        def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
            control.should_save = control.should_save and not watch.stopped

    return WatchCallback()


def _is_finite(values: dict[str, Any]) -> bool:
    return all(math.isfinite(value) for value in values.values() if isinstance(value, int | float))
