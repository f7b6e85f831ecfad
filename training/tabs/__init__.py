"""What a person sees of training: the tabs Train and Compare."""

from pathlib import Path

CSS_PATHS = [Path(__file__).resolve().parents[2] / "assets" / "training.css"]
