"""What every trainer of ours does beside TRL's or transformers': one subclass, made for any of their classes.

    Careful = careful(DPOTrainer)

A step whose gradients are no numbers is not made: the weights stay the last good ones, and the watch ends the loop.
"""

import math
from functools import cache
from typing import Any


@cache
def careful(trainer: type[Any]) -> type[Any]:
    """A subclass of transformers' Trainer, or of one of TRL's, that keeps to the rules above."""

    class Careful(trainer):  # type: ignore[misc]
        def _clip_grad_norm(self, model: Any) -> Any:
            norm = super()._clip_grad_norm(model)  # of all processes' gradients, so all decide alike
            if not math.isfinite(float(norm)):
                model.zero_grad(set_to_none=True)  # the optimizer passes over weights without a gradient
            return norm

    return Careful
