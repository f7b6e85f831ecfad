"""By what means a recipe's stages are trained, whatever they learn: processes, memory, figures elsewhere.

    class Settings:
        launcher: Launcher = ""         fields that every recipe has, in its words
    train("dpo", args, means_of(settings))

Of these only 4-bit weights change what is learnt.
"""

from dataclasses import dataclass
from typing import Annotated, Any

Launcher = Annotated[
    str, "starts training: “torchrun --nproc_per_node 8”, “accelerate launch --config_file F”; empty: in this process"
]
Server = Annotated[
    str,
    "OpenAI-compatible servers that sample and explore, or the command that starts one for each model, as "
    "“{serve} --port {port}” starts vLLM; empty: this process",
]
AtOnce = Annotated[int, "rows a process computes at once; 0: all of its step, fewer when memory runs out"]
Quantize = Annotated[str, "4bit: QLoRA, on a CUDA GPU; needs a rank"]
Logs = Annotated[str, "figures also to tensorboard or trackio, in each stage's folder"]


@dataclass(frozen=True, slots=True)
class Means:
    """How training is done."""

    launcher: str = ""
    at_once: int = 0
    quantize: str = ""
    logs: str = ""


IN_THIS_PROCESS = Means()


def means_of(settings: Any) -> Means:
    """Those of a recipe's settings."""
    return Means(settings.launcher, settings.at_once, settings.quantize, settings.logs)
