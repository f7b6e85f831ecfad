"""What a person sees of training: the tabs Train and Compare."""

from pathlib import Path

ASSETS = Path(__file__).resolve().parents[2] / "assets"
CSS_PATHS = [ASSETS / "training.css", ASSETS / "runs.css"]
