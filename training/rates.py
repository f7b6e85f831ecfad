"""How fast this machine trains: measured by every run, used for the estimate before the next one.

data folder/rates.json      {"solver": {"pairs_per_second": 29.0, "setup_seconds": 11.0}}

estimate(folder, "assets/model/solver", num_pairs=200, num_to_sample=30, passes=3)
Estimate(minutes=0.6, basis="measured on this machine by the last run of this model")
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reasoner.whole_file import write_json
from training.progress import Event, latest

SETUP_SECONDS = 20.0  # ours: loading the libraries, the model and the first batch on two cores
SECONDS_A_FLAG = 0.6  # ours: four completions of the built-in solver on two cores
PAIRS_PER_SECOND = 8.0  # ours: the built-in solver on two cores, to be conservative; replaced by the first run's own
BUILT_IN_BYTES = 10_000_000  # of the weights that PAIRS_PER_SECOND speaks of; time grows with the weights


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long a run's pairs and training will take, without the evaluation."""

    minutes: float
    basis: str  # where the figure comes from, for a person


def estimate(data_folder: Path, model: str, num_pairs: int, num_to_sample: int, passes: float) -> Estimate:
    """Minutes until the adapter is there: from this machine's own last run of the model if there was one."""
    known = _read(data_folder).get(_key(model))
    if known:
        speed, basis = float(known["pairs_per_second"]), "measured on this machine by the last run of this model"
    else:
        share = max(1.0, _weight(model) / BUILT_IN_BYTES)
        speed, basis = PAIRS_PER_SECOND / share, "a rough guess until the first run has measured this machine"
    seconds = SETUP_SECONDS + num_to_sample * SECONDS_A_FLAG + num_pairs * passes / max(speed, 1e-6)
    return Estimate(seconds / 60, basis)


def remember(data_folder: Path, model: str, events: list[Event]) -> None:
    """Keep the speed that a run's events tell."""
    trained = latest(events, "trained")
    if trained is None or not trained.get("pairs_per_second"):
        return
    rates = _read(data_folder) | {_key(model): {"pairs_per_second": trained["pairs_per_second"]}}
    write_json(rates, data_folder / "rates.json")


def _read(data_folder: Path) -> dict[str, Any]:
    try:
        rates = json.loads((data_folder / "rates.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # none yet, or torn: the guess stands in
        return {}
    return rates if isinstance(rates, dict) else {}


def _key(model: str) -> str:
    return Path(model).name


def _weight(model: str) -> int:
    """Bytes of a model folder's weights; a Hugging Face id that is not a folder counts as one billion."""
    sizes = [path.stat().st_size for path in Path(model).glob("*.safetensors")]
    return sum(sizes) if sizes else (BUILT_IN_BYTES if Path(model).is_dir() else 1_000_000_000)
