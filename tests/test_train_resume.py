"""A run killed at any step goes on as if it had not been: the same rows, the same losses, to the bit."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.training_help import pairs, tiny_solver
from training.loop import last_checkpoint
from training.pairs import write_pairs
from training.progress import read_events

ROOT = Path(__file__).resolve().parents[1]
CHILD = """
import json, os, signal, sys
from pathlib import Path
from training import dpo
from training.pair_trainer import pair_trainer

folder, die_at, resume = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "resume"
Trainer = pair_trainer()
real = Trainer.training_step

def training_step(self, model, inputs, *rest):
    step = self.state.global_step + 1
    if step == die_at:
        os.kill(os.getpid(), signal.SIGKILL)
    with open(folder + "/rows.jsonl", "a") as file:
        file.write(json.dumps([step, inputs["tree_input_ids"].tolist()]) + "\\n")
    return real(self, model, inputs, *rest)

Trainer.training_step = training_step
if die_at == -1:  # after the last step, before anything is saved
    import training.loop
    training.loop.save_adapter = lambda *rest: os.kill(os.getpid(), signal.SIGKILL)
dpo.run(dpo.Args(model=sys.argv[4], pairs=sys.argv[5], out=folder, batch=3, epochs=float(sys.argv[6]), rank=4,
                 learning_rate=1e-3, resume=resume))
"""


def train(folder: Path, die_at: int, resume: bool, model: str, epochs: float = 2.0) -> int:
    """The child's exit code: -9 where it was killed at the beginning of step `die_at`."""
    folder.mkdir(exist_ok=True)
    write_pairs(pairs(15), folder / "pairs.jsonl")
    command = [sys.executable, "-c", CHILD, str(folder), str(die_at), "resume" if resume else "new", model]
    command += [str(folder / "pairs.jsonl"), str(epochs)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=500).returncode


def story(folder: Path) -> list[tuple[int, Any, Any]]:
    """(step, loss, rows) as they ended up: a step made twice counts as it was made last."""
    losses = {
        event["step"]: event["loss"] for event in read_events(folder / "events.jsonl") if event["kind"] == "train"
    }
    rows = dict(json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines())
    return [(step, losses[step], rows[step]) for step in sorted(losses)]


@pytest.mark.slow
def test_a_killed_run_goes_on_with_the_same_rows_and_losses(tmp_path: Path) -> None:
    """Killed in the second pass, after a checkpoint in its middle."""
    (tmp_path / "solver").mkdir()
    model = tiny_solver(tmp_path / "solver")
    assert train(tmp_path / "whole", 0, False, model) == 0
    assert train(tmp_path / "broken", 9, False, model) == -signal.SIGKILL
    assert train(tmp_path / "broken", 0, True, model) == 0
    whole, broken = story(tmp_path / "whole"), story(tmp_path / "broken")
    assert [step for step, _, _ in whole] == list(range(1, 11))
    assert broken == whole
    passes = [[row for _, _, rows in part for row in rows] for part in (whole[:5], whole[5:])]
    assert passes[0] != passes[1]


@pytest.mark.slow
def test_a_run_killed_before_its_result_was_saved_saves_it(tmp_path: Path) -> None:
    """One and a half passes: a loop that is taken up again after its last step must not make one more."""
    (tmp_path / "solver").mkdir()
    model = tiny_solver(tmp_path / "solver")
    assert train(tmp_path / "whole", 0, False, model, epochs=1.5) == 0
    assert train(tmp_path / "broken", -1, False, model, epochs=1.5) == -signal.SIGKILL
    assert not (tmp_path / "broken" / "adapter").exists()
    assert train(tmp_path / "broken", 0, True, model, epochs=1.5) == 0
    assert story(tmp_path / "broken") == story(tmp_path / "whole")
    weights = [(tmp_path / name / "adapter" / "adapter_model.safetensors").read_bytes() for name in ("whole", "broken")]
    assert weights[0] == weights[1]


def test_a_checkpoint_half_written_is_not_gone_on_from(tmp_path: Path) -> None:
    for step, state in ((2, "{}"), (4, '{"global_step": 4, "log_h')):
        folder = tmp_path / "checkpoints" / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        (folder / "trainer_state.json").write_text(state)
    (tmp_path / "checkpoints" / "checkpoint-6").mkdir()
    assert last_checkpoint(tmp_path) == str(tmp_path / "checkpoints" / "checkpoint-2")
