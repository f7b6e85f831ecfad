"""What Self-Explore is asked to do: the paper's numbers, the built-in solver's own beside them, variants and controls.

    Settings(model="deepseek-ai/deepseek-math-7b-base", problems="train.jsonl", held_out="test.jsonl", out="run")
    replace(PRESETS["built-in"], out="run")

Paper: Self-Explore, arXiv 2404.10346; its code: hbin0701/Self-Explore, folders scripts/gsm8k and gen.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Any

from reasoner.engines import BUILT_IN as BUILT_IN_MODEL
from reasoner.errors import BadInput
from reasoner.formats import FORMATS
from training.recipes.golds import GOLDS
from training.recipes.granular import CHOSEN
from training.recipes.means import AtOnce, Launcher, Logs, Quantize, Server
from training.recipes.outcome import RULES
from training.recipes.pits import PITS

CONTROLS = ("more-sft", "rft", "outcome-dpo", "random-step", "oracle-step")
OF_SAMPLES = ("outcome-dpo", "random-step", "oracle-step")
"""Controls that take the very wrong solutions that were sampled and explored: people label others."""


@dataclass(frozen=True)
class Settings:
    """Settings of the recipe; `python -m training recipe self-explore --help` is made from them."""

    model: Annotated[str, "the model to begin with: folder or Hugging Face id"]
    problems: Annotated[str, "file of problems that the app imports, or built-in:LEVEL:NUM:SEED for generated ones"]
    out: Annotated[str, "the recipe's folder; the same command again goes on in it"]
    held_out: Annotated[str, "problems to measure on, as --problems; none: nothing is measured. Generated ones have "
                             "built-in:LEVEL:1000:9003"] = ""  # fmt: skip
    format: Annotated[str, "how solutions are written (cot: the paper's)"] = "cot"
    rule: Annotated[str, "what is distinct and what is far: gsm8k or math, as the paper's code has it for each"] = (
        "gsm8k"
    )

    gold: Annotated[str, "how the solutions of generated problems are written: by the format's rule, or by habit "
                         "(cot; training/habits.py)"] = "rule"  # fmt: skip

    skip_sft: Annotated[bool, "the model given is fine-tuned on the problems' solutions already"] = False
    sft_epochs: Annotated[float, "of SFT and RFT (5: scripts/gsm8k/sft/run_ft.sh)"] = 5.0
    sft_learning_rate: Annotated[float, "of SFT and RFT (1e-5: run_ft.sh; 1e-6 for Mistral)"] = 1e-5
    sft_batch: Annotated[int, "rows a step of SFT and RFT (64: 16 on each of 4 GPUs, run_ft.sh)"] = 64
    sft_warm_up: Annotated[float, "share of the steps, 0-1 (0: run_ft.sh)"] = 0.0
    sft_optimizer: Annotated[str, "transformers' name (adamw_torch: its default, which run_ft.sh leaves)"] = (
        "adamw_torch"
    )
    rft_epochs: Annotated[float, "of RFT alone; 0: as SFT (the paper's code)"] = 0.0
    rft_learning_rate: Annotated[float, "of RFT and more-sft alone; 0: as SFT (the paper's code)"] = 0.0
    rft_from: Annotated[str, "RFT begins with the base model (run_rft.sh) or with the sft model"] = "base"

    max_problems: Annotated[int, "at most so many problems are sampled, drawn by the seed; 0: all (the paper's)"] = 0
    num_samples: Annotated[int, "solutions sampled a problem (100: §4.1)"] = 100
    temperature: Annotated[float, "of sampling and exploring (0.7: §4.1)"] = 0.7
    most: Annotated[int, "right and distinct solutions kept a problem (8: gen/get_rft_data.py)"] = 8
    k: Annotated[int, "completions of a prefix (4: §3.2)"] = 4
    pits: Annotated[str, "where the first pit is: linear (§3.2), adaptive, oracle, random, or person"] = "linear"
    explorer: Annotated[str, "who explores: the rft (§3.2) or the sft model; DPO begins with the rft model"] = "rft"
    chosen: Annotated[str, "remainder (§3.3) or step (Step-DPO, arXiv 2406.18629)"] = "remainder"
    differs: Annotated[bool, "a chosen that begins with the pit itself is passed over (ours)"] = False
    store: Annotated[str, "store with people's labels, for pits of persons"] = ""

    loss: Annotated[tuple[str, ...], "TRL's, summed (sigmoid: DPO, §4.1)"] = ("sigmoid",)
    beta: Annotated[float, "pull towards the reference (0.1: §4.1)"] = 0.1
    epochs: Annotated[float, "of DPO (3: §4.1)"] = 3.0
    learning_rate: Annotated[float, "of DPO (1e-6: §4.1; 1e-7 for Mistral)"] = 1e-6
    warm_up: Annotated[float, "share of DPO's steps, 0-1 (0.1: scripts/gsm8k/dpo/config.yaml)"] = 0.1
    batch: Annotated[int, "pairs a step of DPO (32: §4.1)"] = 32
    optimizer: Annotated[str, "of DPO (rmsprop: scripts/gsm8k/dpo/config.yaml)"] = "rmsprop"
    max_length: Annotated[int, "tokens of a pair's side with its prompt (384 GSM8K, 1,024 MATH: config.yaml)"] = 384
    max_pairs: Annotated[int, "at most so many pairs for DPO, drawn by the seed; 0: all (the paper's)"] = 0

    rank: Annotated[int, "LoRA rank of every training stage; 0: all weights (the paper's)"] = 0
    precision: Annotated[str, "auto, bf16 or fp32"] = "auto"
    seeds: Annotated[tuple[int, ...], "the line after SFT is repeated for each (the paper has one seed)"] = (0, 1, 2)
    seeds_at_once: Annotated[int, "seeds side by side, each a process with its share of the cores (ours)"] = 1
    sft_per_seed: Annotated[bool, "SFT is repeated for each seed as well"] = False
    controls: Annotated[tuple[str, ...], f"trained beside it, some of {', '.join(CONTROLS)}; or none"] = CONTROLS
    variants: Annotated[tuple[str, ...], "further rows, names from the recipe's table; or none"] = ("none",)
    measured_samples: Annotated[int, "samples a held-out problem, for pass@k and maj@k; 0: greedy alone"] = 8

    server: Server = ""
    launcher: Launcher = ""
    at_once: AtOnce = 0
    quantize: Quantize = ""
    logs: Logs = ""


VARIANTS: dict[str, dict[str, Any]] = {
    "step-dpo": {"chosen": "step"},
    "ipo": {"loss": ("ipo",)},
    "kto": {"loss": ("kto",)},
    "hinge": {"loss": ("hinge",)},
    "sigmoid+sft": {"loss": ("sigmoid", "sft")},
    "explorer-sft": {"explorer": "sft"},
    "linear": {"pits": "linear"},
    "adaptive": {"pits": "adaptive"},
    "person": {"pits": "person"},
    "random-step": {"pits": "random"},
    "oracle-step": {"pits": "oracle"},
}
"""A row of the report beside self-explore → what is different; the last two are controls."""

WORDS = {
    "sft": "fine-tuned on the problems' solutions",
    "more-sft": "the same, for as many updates as RFT and DPO take",
    "rft": "fine-tuned on its own right and distinct solutions",
    "outcome-dpo": "DPO: whole right against whole wrong solutions, of the same problems",
    "self-explore": "DPO: the first pit against a right way on",
    "random-step": "the same, the pit at a random step",
    "oracle-step": "the same, the pit where the oracle says it is",
    "step-dpo": "chosen is one step",
    "ipo": "the loss of IPO",
    "kto": "the loss of KTO",
    "hinge": "the hinge loss",
    "sigmoid+sft": "DPO's loss and that of chosen",
    "explorer-sft": "explored by the SFT model",
    "linear": "pits by linear search",
    "adaptive": "pits by adaptive search",
    "person": "pits by people",
}
"""Row of the report → what it is, in the order of the rows."""


BUILT_IN = Settings(
    model=BUILT_IN_MODEL,
    problems="built-in:easy:2000:5",  # of other seeds than it was pre-trained on
    out="",
    held_out="built-in:easy:1000:9003",
    format="transitions",  # what it writes best
    num_samples=16,  # half of its samples are right, so 16 have both kinds; 100 would take hours on two cores
    temperature=0.7,
    differs=True,  # its first lines are nearly all the same, so a tenth of the pairs would say nothing of their pit
    sft_epochs=3.0,
    sft_learning_rate=3e-4,  # a model a thousand times smaller than the paper's takes steps as much larger
    sft_batch=32,
    sft_warm_up=0.1,  # a large rate begins gently
    rft_from="sft",  # there is no base that knows the language but not the problems
    learning_rate=2e-5,
    batch=32,
    max_length=256,  # the context it was trained with
    measured_samples=8,
)
"""The built-in solver's own settings, each with its reason."""

REPRODUCE = replace(
    BUILT_IN,
    problems="built-in:chain:2400:5",
    held_out="built-in:chain:1000:9003",
    format="cot",
    gold="habit",  # solutions that differ in how they are written, as people's do, so that there is something to choose
    sft_epochs=5.0,
    sft_learning_rate=1e-3,  # longer problems are new to it: at 3e-4 one equation in seven stays wrong
    rft_epochs=3.0,  # one pass over 1,300 rows changes nothing
    rft_learning_rate=2e-4,  # its own solutions are what it writes already; 1e-3 again would undo what SFT learnt last
    rule="math",  # gsm8k's pairs what is written most differently: then outcome-DPO learns the way of writing (LOG.md)
    max_problems=1600,
    num_samples=4,
    max_pairs=640,  # 20 steps a pass; three passes, the paper's
    learning_rate=1e-5,  # at 2e-5 outcome-DPO breaks as much as it mends
    measured_samples=3,
    seeds_at_once=3,  # processes of one thread share two cores better than one of two threads does
)
"""`make reproduce`: three seeds and all controls on two cores in under an hour (training/habits.py, assets/LOG.md)."""

PRESETS: dict[str, Settings] = {"built-in": BUILT_IN, "reproduce": REPRODUCE}

CHOICES: dict[str, tuple[str, ...]] = {
    "format": tuple(FORMATS),
    "rule": tuple(RULES),
    "gold": tuple(GOLDS),
    "rft_from": ("base", "sft"),
    "explorer": ("rft", "sft"),
    "pits": PITS,
    "chosen": CHOSEN,
    "precision": ("auto", "bf16", "fp32"),
}
AT_LEAST: dict[str, float] = {
    "num_samples": 2,
    "most": 1,
    "k": 1,
    "batch": 1,
    "sft_batch": 1,
    "max_length": 8,
    "max_pairs": 0,
    "seeds_at_once": 1,
    "max_problems": 0,
    "rank": 0,
    "temperature": 1e-3,
    "beta": 1e-6,
    "epochs": 1e-3,
    "sft_epochs": 1e-3,
    "warm_up": 0,
    "sft_warm_up": 0,
    "learning_rate": 1e-12,
    "sft_learning_rate": 1e-12,
    "rft_epochs": 0,
    "rft_learning_rate": 0,
    "measured_samples": 0,
}


def check(settings: Settings) -> None:
    """Raises BadInput for what cannot be meant, before anything is done."""
    for name, choices in CHOICES.items():
        if getattr(settings, name) not in choices:
            raise BadInput(f"--{name.replace('_', '-')} must be one of {', '.join(choices)}.")
    for name, least in AT_LEAST.items():
        if not getattr(settings, name) >= least:
            raise BadInput(f"--{name.replace('_', '-')} must be at least {least:g}.")
    for name, known in (("controls", CONTROLS), ("variants", tuple(VARIANTS))):
        unknown = [one for one in getattr(settings, name) if one not in (*known, "none")]
        if unknown:
            raise BadInput(f"There are no {name} {', '.join(unknown)}: choose some of {', '.join(known)}, or none.")
    if settings.gold == "habit" and settings.format != "cot":
        raise BadInput("--gold habit writes chains of thought: give --format cot with it.")
    if not settings.out:
        raise BadInput("Name a folder for the recipe with --out.")
    if not settings.seeds or len(set(settings.seeds)) < len(settings.seeds) or min(settings.seeds) < 0:
        raise BadInput("--seeds are different whole numbers from 0 on, at least one.")
    if not settings.store and (settings.pits == "person" or "person" in settings.variants):
        raise BadInput("Pits of persons come from a store: name it with --store.")
    if settings.pits == "person" and (unfit := [name for name in settings.controls if name in OF_SAMPLES]):
        raise BadInput(
            f"{', '.join(unfit)} compare with sampled solutions, and people's labels are of the store's own: give "
            "--controls more-sft rft with --pits person, or keep the pits and give --variants person."
        )


def rows_of(settings: Settings) -> dict[str, Settings]:
    """Name of each row that is trained on granular pairs → its settings; self-explore first, none twice."""
    names = [name for name in (*settings.controls, *settings.variants) if name in VARIANTS]
    rows = {"self-explore": settings}
    for name in dict.fromkeys(names):
        changed = replace(settings, **VARIANTS[name])
        if changed not in rows.values():
            rows[name] = changed
    return rows
