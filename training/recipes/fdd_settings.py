"""What FDD rounds are asked to do: numbers of our own, and the built-in solver's own beside them (arXiv 2411.14698).

replace(PRESETS["built-in"], out="run")
"""

from dataclasses import dataclass, replace
from typing import Annotated

from reasoner.engines import BUILT_IN as BUILT_IN_MODEL
from reasoner.errors import BadInput
from reasoner.formats import format_named
from training.recipes.means import AtOnce, Launcher, Logs, Quantize, Server
from training.recipes.parts import held_out_of

LEARN = ("gold", "rft")
CONTROLS = ("same", "fresh")


@dataclass(frozen=True)
class Settings:
    """Settings of the recipe; `python -m training recipe fdd --help` is made from them."""

    model: Annotated[str, "the model to begin with: folder or Hugging Face id"]
    problems: Annotated[str, "file of problems, or built-in:LEVEL:NUM:SEED; several with commas between"]
    out: Annotated[str, "the recipe's folder; the same command again goes on in it"]
    held_out: Annotated[str, "problems to measure on, as --problems; empty: 1,000 generated ones of each level"] = ""
    format: Annotated[str, "how solutions are written"] = "transitions"

    rounds: Annotated[int, "how often problems are sorted, varied and learnt (ours)"] = 3
    num_samples: Annotated[int, "solutions sampled a problem for its difficulty (ours)"] = 8
    temperature: Annotated[float, "of all sampling (0.7: Self-Explore's)"] = 0.7
    easy: Annotated[float, "easy: the recovery's interval lies above, 0-1 (ours)"] = 0.5
    hard: Annotated[float, "hard: the recovery's interval lies below, 0-1 (ours)"] = 0.5
    most_new: Annotated[int, "new problems of a round at most; 0: no bound"] = 0
    writer: Annotated[
        str, "who varies problems that were not generated: folder, id, the server's model; empty: --model"
    ] = ""
    writer_server: Annotated[str, "OpenAI-compatible server of the writer; empty: this process"] = ""
    share: Annotated[float, "of the writer's samples that must agree on a new problem's answer, 0-1 (ours)"] = 0.6

    learn: Annotated[str, "gold solutions, or rft: the solver's own right and distinct samples"] = "gold"
    epochs: Annotated[float, "passes a round over all problems so far (ours)"] = 2.0
    learning_rate: Annotated[float, "of SFT (ours: Self-Explore's, for 7 B and all weights)"] = 1e-5
    batch: Annotated[int, "rows a step (ours: Self-Explore's)"] = 64
    rank: Annotated[int, "LoRA rank; 0: all weights"] = 0
    controls: Annotated[tuple[str, ...], "same, fresh (generated problems only), or none"] = CONTROLS

    seed: Annotated[int, "of sampling, variants and training"] = 0
    measured_samples: Annotated[int, "samples a held-out problem; 0: greedy alone"] = 4
    server: Server = ""
    launcher: Launcher = ""
    at_once: AtOnce = 0
    quantize: Quantize = ""
    logs: Logs = ""


BUILT_IN = Settings(
    model=BUILT_IN_MODEL,
    problems="built-in:easy:200:51,built-in:medium:100:51",  # of other seeds than it was pre-trained on
    out="",
    held_out=held_out_of(400, "easy", "medium"),
    rounds=2,
    num_samples=6,  # all right is easy, none right is hard
    epochs=1.0,
    learning_rate=2e-4,  # a model a thousand times smaller takes steps as much larger
    batch=16,
    controls=("fresh",),
    measured_samples=0,
)
"""The built-in solver's own settings: under a quarter of an hour on one core of its own."""

TINY = replace(
    BUILT_IN, problems="built-in:easy:6:51", held_out="built-in:easy:4:52", rounds=1, num_samples=4, batch=6,
    epochs=1.0, easy=0.4, hard=0.6, measured_samples=0, controls=("none",),
)  # fmt: skip
PRESETS: dict[str, Settings] = {"built-in": BUILT_IN, "tiny": TINY}


def check(settings: Settings) -> None:
    """Raises BadInput for what cannot be meant, before anything is done."""
    if settings.learn not in LEARN:
        raise BadInput(f"--learn must be one of {', '.join(LEARN)}.")
    if unknown := [one for one in settings.controls if one not in (*CONTROLS, "none")]:
        raise BadInput(f"There are no controls {', '.join(unknown)}: choose some of {', '.join(CONTROLS)}, or none.")
    for name in ("rounds", "num_samples", "batch"):
        if getattr(settings, name) < 1:
            raise BadInput(f"--{name.replace('_', '-')} must be at least 1.")
    for name in ("epochs", "learning_rate", "temperature", "share"):
        if not getattr(settings, name) > 0:
            raise BadInput(f"--{name.replace('_', '-')} must be above 0.")
    if not (0 <= settings.easy < 1 and 0 < settings.hard <= 1 and settings.share <= 1):
        raise BadInput("--easy, --hard and --share are between 0 and 1.")
    if settings.seed < 0 or settings.most_new < 0:
        raise BadInput("--seed and --most-new are whole numbers from 0 on.")
    format_named(settings.format)
