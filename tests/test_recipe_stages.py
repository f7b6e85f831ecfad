"""Stages on disk: passed over when whole, named when half copied, drawn however deep they lie."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from reasoner.errors import BadInput, RunError
from tests.self_explore_help import small
from tests.training_help import tiny_solver
from training import sft
from training.progress import read_events
from training.recipes import trainers
from training.recipes.report import read_recipe_report
from training.recipes.self_explore import run
from training.recipes.self_explore_settings import PRESETS, check
from training.recipes.stages import Line, Stage, Tally
from training.run_folder import Run
from training.run_settings import Settings
from training.tabs.stage_line import stages_html, stages_of


def write(stage: Stage) -> Tally:
    (stage.folder / "rows.jsonl").write_text("{}\n{}\n")
    return Tally(3, 2, {"wrong": 1}, {"pit at step 1": 2, "stopped": "The loss <b> was no number."})


def make(folder: Path) -> Line:
    line = Line(folder)
    line.stage("seed-0/train/self-explore", "Training", write, uses={"seed": 0})
    return line


def test_a_stage_whose_files_are_not_all_there_is_named(tmp_path: Path) -> None:
    make(tmp_path)
    make(tmp_path)  # whole: passed over
    rows = tmp_path / "seed-0" / "train" / "self-explore" / "rows.jsonl"
    rows.write_text("{}\n")
    with pytest.raises(RunError, match=r"rows.jsonl has 3 bytes instead of 6: copy the folder again, or delete"):
        make(tmp_path)
    rows.unlink()
    with pytest.raises(RunError, match=r"rows.jsonl is missing"):
        make(tmp_path)


def test_the_line_shows_stages_three_folders_deep_with_what_they_say(tmp_path: Path) -> None:
    make(tmp_path)
    settings = Settings(store="", kind="recipe", recipe="self-explore")
    run = Run("r", tmp_path, "done", "", "", 0.0, settings)
    (view,) = stages_of(run, read_events(tmp_path / "events.jsonl"))
    assert (view.name, view.state, view.rows_in, view.rows_out) == ("seed-0/train/self-explore", "done", 3, 2)
    drawn = stages_html([view])
    assert "The loss &lt;b&gt; was no number." in drawn and "<b>2</b> <span>pit at step 1</span>" in drawn


def test_a_training_that_was_saved_is_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed after the result was saved, before the stage's record was."""
    (tmp_path / "solver").mkdir()
    model, out = tiny_solver(tmp_path / "solver"), tmp_path / "sft"
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps({"prompt": f"{n} + 1?\n", "completion": f"{n + 1}"}) + "\n" for n in range(4)))
    args = sft.Args(model=model, rows=str(rows), out=str(out), epochs=1.0, batch=2, rank=0)
    first = trainers.train("sft", args)
    (out / "checkpoints" / "checkpoint-1").mkdir(parents=True)
    monkeypatch.setitem(trainers.RUNS, "sft", lambda args: pytest.fail("trained again"))
    assert trainers.train("sft", args) == first
    assert not (out / "checkpoints").exists()


def test_controls_of_the_same_solutions_need_sampled_ones(tmp_path: Path) -> None:
    settings = replace(PRESETS["built-in"], out="x", store="s.sqlite", pits="person")
    with pytest.raises(BadInput, match=r"outcome-dpo, random-step, oracle-step compare with sampled solutions"):
        check(settings)
    check(replace(settings, controls=("rft", "more-sft")))
    with pytest.raises(BadInput, match="--format cot"):
        check(replace(PRESETS["built-in"], out="x", gold="habit"))


def test_seeds_side_by_side_come_to_one_report(tmp_path: Path) -> None:
    (tmp_path / "solver").mkdir()
    settings = small(tiny_solver(tmp_path / "solver"), tmp_path)
    both = replace(settings, seeds=(0, 1), seeds_at_once=2, controls=("rft",))
    report = read_recipe_report(run(both))
    assert [(row.stage, len(row.seeds)) for row in report.rows] == [("sft", 1), ("rft", 2), ("self-explore", 2)]
    assert "seed-1/measure/self-explore: " in (tmp_path / "run" / "seed-1" / "log.txt").read_text()
    short = replace(both, max_length=9, out=str(tmp_path / "short"))
    with pytest.raises(RunError, match=r"Seed [01] stopped \(exit code 2\): There are no pairs to train on"):
        run(short)
