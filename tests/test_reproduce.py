"""What `make reproduce` left in the repository, and that the README says the same."""

import json
from pathlib import Path

import pytest

from reasoner.errors import RunError
from training import reproduce
from training.recipes.report import read_recipe_report
from training.recipes.self_explore_settings import CONTROLS, PRESETS, check

ROOT = Path(__file__).parent.parent
ASSETS = ROOT / "assets" / "reproduce"
STAGES = {"sft", "self-explore", *CONTROLS}


def test_the_committed_report_has_every_stage_three_seeds_and_a_thousand_problems() -> None:
    raw = json.loads((ASSETS / "report.json").read_text())
    assert {row["stage"] for row in raw["rows"]} == STAGES
    for row in raw["rows"]:
        assert 0 <= row["low"] <= row["accuracy"] <= row["high"] <= 1
        assert row["problems"] >= 1000 and len(row["seeds"]) == (1 if row["stage"] == "sft" else 3)
    settings = PRESETS["reproduce"]
    assert raw["settings"]["model"] == "assets/model/solver" and settings.model.endswith("assets/model/solver")
    kept = {name: value for name, value in raw["settings"].items() if name not in ("out", "model")}
    assert kept == {name: json.loads(json.dumps(getattr(settings, name))) for name in kept}


def test_the_readme_shows_this_very_report() -> None:
    assert reproduce.headline(read_recipe_report(ASSETS)) in (ROOT / "README.md").read_text()


def test_a_report_is_kept_with_its_pictures(tmp_path: Path) -> None:
    reproduce.keep(ASSETS, tmp_path / "assets")
    assert sorted(path.name for path in (tmp_path / "assets").iterdir()) == [
        "accuracy-dark.svg", "accuracy-light.svg", "report.json", "table.md",
    ]  # fmt: skip
    with pytest.raises(RunError, match="has not come to its end"):
        reproduce.keep(tmp_path / "none", tmp_path / "assets")


def test_a_failure_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(settings: object) -> None:
        raise RunError("The disk is full.")

    monkeypatch.setattr(reproduce, "run", fail)
    assert reproduce.main([]) == 2 and capsys.readouterr().err == "The disk is full.\n"


def test_the_preset_can_be_meant() -> None:
    for settings in PRESETS.values():
        check(settings.__class__(**{**settings.__dict__, "out": "run"}))
