"""Training all weights: a model folder like the source, whole or not at all, and the last good weights on NaN."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reasoner.engines import load_engine
from reasoner.errors import RunError
from tests.tiny_model import make_adapter
from tests.training_help import pairs, problem, tiny_solver
from training import dpo, full, sft
from training.lora import resolve
from training.pairs import write_pairs
from training.progress import latest, read_events


@pytest.fixture(scope="module")
def solver(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_solver(tmp_path_factory.mktemp("solver"))


@pytest.fixture
def args(solver: str, tmp_path: Path) -> dpo.Args:
    write_pairs(pairs(6), tmp_path / "pairs.jsonl")
    return dpo.Args(
        model=solver, pairs=str(tmp_path / "pairs.jsonl"), out=str(tmp_path / "run"), batch=3, epochs=2, rank=0,
        loss=("sigmoid",), learning_rate=1e-3,
    )  # fmt: skip


def weights_of(folder: Path | str) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(Path(folder) / "model.safetensors")


def test_all_weights_move_and_the_result_loads_as_the_source_does(args: dpo.Args, solver: str) -> None:
    import torch

    folder = dpo.run(args)
    assert folder == Path(args.out) / "model" and resolve(str(folder), "") == (str(folder), "")
    before, after = weights_of(solver), weights_of(folder)
    assert before.keys() == after.keys()
    assert {tensor.dtype for tensor in after.values()} == {torch.bfloat16}
    moved = [name for name in before if not torch.equal(before[name], after[name])]
    assert len(moved) > len(before) / 2  # a norm's weights may round back
    config = json.loads((folder / "config.json").read_text())
    assert config == json.loads((Path(solver) / "config.json").read_text())
    assert config["first_pit"] == {"prompt": "plain", "format": "transitions"}
    engine = load_engine(str(folder))
    assert engine.maker.model == "run"
    assert not list(Path(args.out).glob("*.partial"))


def test_the_reference_is_the_model_before_training(args: dpo.Args) -> None:
    dpo.run(args)
    steps = [event for event in read_events(Path(args.out) / "events.jsonl") if event["kind"] == "train"]
    assert steps[0]["loss"] == pytest.approx(0.6931, abs=1e-3)
    assert steps[0]["margin"] == pytest.approx(0, abs=1e-3)
    assert steps[-1]["margin"] > steps[0]["margin"]


def test_no_second_model_is_held(args: dpo.Args, solver: str) -> None:
    trainer = dpo.make_trainer(args, pairs(6), solver, "")
    assert trainer.ref_model is None
    assert {"ref_chosen_logps", "ref_rejected_logps"} <= set(trainer.train_dataset.column_names)


def test_a_diverging_run_ends_by_itself_with_the_last_good_weights(args: dpo.Args, solver: str) -> None:
    folder = dpo.run(replace(args, learning_rate=1e30, warm_up=0.0))
    message = latest(read_events(Path(args.out) / "events.jsonl"), "stopped")["message"]  # type: ignore[index]
    assert "no longer a number" in message and "the model of step 1 is kept" in message
    assert all(tensor.isfinite().all() for tensor in weights_of(folder).values())


def test_a_step_without_finite_gradients_is_not_made(args: dpo.Args, solver: str) -> None:
    """The weights after it are those before it, to the bit."""
    import torch

    trainer = dpo.make_trainer(args, pairs(6), solver, "")
    before = {name: value.detach().clone() for name, value in trainer.model.named_parameters()}
    real = trainer.compute_loss
    trainer.compute_loss = lambda *given, **named: real(*given, **named) * float("nan")
    trainer.train()
    assert all(torch.equal(before[name], value) for name, value in trainer.model.named_parameters())


def test_solutions_are_learnt_by_all_weights_from_an_adapter_too(args: dpo.Args, solver: str, tmp_path: Path) -> None:
    rows = [{"prompt": problem(number).question + "\n", "completion": f"the answer is {3 + number}"} for number in
            range(2, 6)]  # fmt: skip
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    stage = sft.Args(model=solver, rows=str(tmp_path / "rows.jsonl"), out=str(tmp_path / "first"), batch=4, epochs=1)
    adapter = sft.run(stage)
    both = sft.run(replace(stage, model=str(adapter), out=str(tmp_path / "second"), rank=0, epochs=6))
    assert both.name == "model"
    steps = [event for event in read_events(tmp_path / "second" / "events.jsonl") if event["kind"] == "train"]
    assert steps[-1]["loss"] < steps[0]["loss"]


def test_an_adapter_is_merged_once_for_training_that_cannot_take_it_in(solver: str, tmp_path: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    adapter = make_adapter(Path(solver), tmp_path / "adapter")
    folder = full.merged(solver, str(adapter), tmp_path / "merged")
    written = (Path(folder) / "model.safetensors").stat().st_mtime_ns
    assert full.merged(solver, str(adapter), tmp_path / "merged") == folder
    assert (Path(folder) / "model.safetensors").stat().st_mtime_ns == written
    tokens = torch.tensor([[5, 6, 7, 8]])
    base = AutoModelForCausalLM.from_pretrained(solver, dtype=torch.float32)
    plain = base(tokens).logits
    both = PeftModel.from_pretrained(base, str(adapter))(tokens).logits
    found = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)(tokens).logits
    assert (found - both).abs().max() < 0.1 * (plain - both).abs().max()  # rounded to the source's bfloat16
    assert not list(tmp_path.glob("*.partial"))


def test_a_model_saved_again_replaces_the_old_one_whole(tmp_path: Path) -> None:
    for number in (1, 2):
        partial = tmp_path / "model.partial"
        partial.mkdir()
        (partial / f"{number}.txt").write_text("")
        full._put(partial, tmp_path / "model")
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "2.txt"]


def test_weights_that_are_no_numbers_are_not_saved(args: dpo.Args, solver: str, tmp_path: Path) -> None:
    trainer = dpo.make_trainer(args, pairs(3), solver, "")
    next(iter(trainer.model.parameters())).data.fill_(float("nan"))
    with pytest.raises(RunError, match="no longer numbers"):
        full.save_model(trainer, solver, tmp_path / "model")
    assert not (tmp_path / "model").exists()
