"""What Kwai-STaR is asked to do: our numbers, as the paper (arXiv 2411.04799) has none, and the built-in solver's.

    replace(PRESETS["built-in"], out="run")

The paper's hyperparameters are not published; where Self-Explore (arXiv 2404.10346) has a number for the same stage, it
is taken.
"""

from dataclasses import dataclass, replace
from typing import Annotated

from reasoner.engines import BUILT_IN as BUILT_IN_MODEL
from reasoner.errors import BadInput
from training.recipes.means import AtOnce, Launcher, Logs, Quantize, Server
from training.recipes.parts import held_out_of

SOURCES = ("oracle", "store", "explore")


@dataclass(frozen=True)
class Settings:
    """Settings of the recipe; `python -m training recipe kwai-star --help` is made from them."""

    model: Annotated[str, "the model to begin with: folder or Hugging Face id"]
    problems: Annotated[str, "file of problems, or built-in:LEVEL:NUM:SEED; several with commas between"]
    out: Annotated[str, "the recipe's folder; the same command again goes on in it"]
    held_out: Annotated[str, "problems to measure on, as --problems; empty: 1,000 generated ones of each level"] = ""

    teacher: Annotated[str, "writes right transitions where problems were not generated; empty: the model itself"] = ""
    teacher_server: Annotated[str, "OpenAI-compatible server of the teacher; empty: this process"] = ""
    slip_samples: Annotated[int, "solutions sampled a problem for their slips (ours)"] = 4
    most_slips: Annotated[int, "slips kept a problem (ours: as many as right paths)"] = 1
    bands: Annotated[int, "parts of the fundamental rows, the easiest first (ordered: §3; three: ours)"] = 3
    sft_epochs: Annotated[float, "passes over each part (ours)"] = 3.0
    sft_learning_rate: Annotated[float, "of SFT (ours: Self-Explore's, for 7 B and all weights)"] = 1e-5
    sft_batch: Annotated[int, "rows a step (ours: Self-Explore's)"] = 64
    sft_rank: Annotated[int, "LoRA rank of SFT; 0: all weights"] = 0

    source: Annotated[str, "of the pairs: oracle (generated problems), store (people's labels, pits), explore"] = (
        "oracle"
    )
    store: Annotated[str, "the store, for --source store; its labels and pits need traces written as transitions"] = ""
    num_samples: Annotated[int, "solutions sampled a problem by the fundamental model (ours)"] = 8
    temperature: Annotated[float, "of all sampling (0.7: Self-Explore's)"] = 0.7
    most_pairs: Annotated[int, "pairs a problem and kind (ours; the paper's 3 K come of 20 K solutions)"] = 1
    max_pairs: Annotated[int, "pairs that are trained on at most, drawn by the seed; 0: all"] = 0
    alarms: Annotated[str, "yes: pairs against calling a right state wrong too (ours); no"] = "yes"
    k: Annotated[int, "completions of a prefix, for --source explore (4: Self-Explore §3.2)"] = 4
    epochs: Annotated[float, "of DPO (ours: Self-Explore's)"] = 3.0
    learning_rate: Annotated[float, "of DPO (ours: Self-Explore's, for 7 B and all weights)"] = 1e-6
    beta: Annotated[float, "pull towards the reference (ours: Self-Explore's)"] = 0.1
    batch: Annotated[int, "pairs a step (ours: Self-Explore's)"] = 32
    rank: Annotated[int, "LoRA rank of DPO; 0: all weights"] = 0

    seeds: Annotated[tuple[int, ...], "everything after the problems is repeated for each (ours)"] = (0,)
    measured_samples: Annotated[int, "samples a held-out problem, for the majority vote"] = 8
    server: Server = ""
    launcher: Launcher = ""
    at_once: AtOnce = 0
    quantize: Quantize = ""
    logs: Logs = ""


BUILT_IN = Settings(
    model=BUILT_IN_MODEL,
    problems="built-in:easy:1200:61,built-in:medium:600:61",  # of other seeds than it was pre-trained on
    out="",
    held_out=held_out_of(400, "easy", "medium"),
    slip_samples=2,
    most_slips=2,  # more right lines than slips would teach to call everything right
    sft_epochs=1.0,  # new problems teach it to compare; the same ones again teach it the problems
    sft_learning_rate=2e-4,  # five new words must be learnt; 5e-4 made it miscalculate
    sft_batch=16,
    num_samples=1,
    max_pairs=300,
    epochs=1.0,
    learning_rate=1e-4,  # of its adapter: training/dpo.py
    batch=8,
    rank=16,
    measured_samples=5,  # a vote of three or five at the same tokens
)
"""The built-in solver's own settings: under a quarter of an hour on one core of its own."""

TINY = replace(
    BUILT_IN, problems="built-in:easy:12:61", held_out="built-in:easy:6:62", slip_samples=2, num_samples=2, bands=2,
    sft_epochs=1.0, epochs=1.0, measured_samples=2, batch=2, sft_batch=4,
)  # fmt: skip
PRESETS: dict[str, Settings] = {"built-in": BUILT_IN, "tiny": TINY}


def check(settings: Settings) -> None:
    """Raises BadInput for what cannot be meant, before anything is done."""
    if settings.source not in SOURCES:
        raise BadInput(f"--source must be one of {', '.join(SOURCES)}.")
    if settings.source == "store" and not settings.store:
        raise BadInput("Pairs of a store need its file: --store reasoner.sqlite.")
    if settings.alarms not in ("yes", "no"):
        raise BadInput("--alarms is yes or no.")
    for name in ("slip_samples", "most_slips", "bands", "num_samples", "most_pairs", "k", "batch", "sft_batch"):
        if getattr(settings, name) < 1:
            raise BadInput(f"--{name.replace('_', '-')} must be at least 1.")
    for name in ("sft_epochs", "epochs", "sft_learning_rate", "learning_rate", "beta", "temperature"):
        if not getattr(settings, name) > 0:
            raise BadInput(f"--{name.replace('_', '-')} must be above 0.")
    if settings.max_pairs < 0:
        raise BadInput("--max-pairs is a whole number from 0 on.")
    if not settings.seeds or len(set(settings.seeds)) < len(settings.seeds) or min(settings.seeds) < 0:
        raise BadInput("--seeds are different whole numbers from 0 on, at least one.")
