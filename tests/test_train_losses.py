"""Every loss on offer trains: the margin between chosen and rejected grows. And bfloat16 gives the same losses."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reasoner.errors import BadInput, RunError
from tests.training_help import pairs, tiny_solver
from training import dpo, kto
from training.pairs import write_pairs
from training.precision import has_bf16, is_bf16
from training.progress import latest, read_events


@pytest.fixture(scope="module")
def solver(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_solver(tmp_path_factory.mktemp("solver"))


@pytest.fixture
def args(solver: str, tmp_path: Path) -> dpo.Args:
    write_pairs(pairs(6), tmp_path / "pairs.jsonl")
    return dpo.Args(
        model=solver, pairs=str(tmp_path / "pairs.jsonl"), out=str(tmp_path / "run"), batch=6, epochs=8,
        learning_rate=2e-3, precision="fp32",
    )  # fmt: skip


def steps_of(args: dpo.Args) -> list[dict[str, Any]]:
    return [event for event in read_events(Path(args.out) / "events.jsonl") if event["kind"] == "train"]


@pytest.mark.parametrize("loss", ["sigmoid", "ipo", "hinge", "sigmoid sft", "robust", "kto"])
def test_the_margin_grows(loss: str, args: dpo.Args) -> None:
    smoothing = 0.1 if loss == "robust" else 0.0
    asked = replace(args, loss=tuple(loss.split()), label_smoothing=smoothing)
    folder = dpo.run(asked)
    assert (folder / "adapter_model.safetensors").is_file()
    steps = steps_of(asked)
    assert len(steps) == 8
    assert steps[0]["margin"] == pytest.approx(0, abs=1e-3) and steps[-1]["margin"] > 0.02
    assert steps[-1]["loss"] < steps[0]["loss"]
    assert latest(read_events(Path(args.out) / "events.jsonl"), "trained")["pairs"] == 6  # type: ignore[index]


def test_kto_rows_end_as_pairs_do_and_are_put_to_other_questions(args: dpo.Args, solver: str) -> None:
    trainer = dpo.make_trainer(replace(args, loss=("kto",), batch=3), pairs(6), solver, "")
    rows, eos = trainer.train_dataset, trainer.processing_class.eos_token_id
    assert rows["label"] == [True] * 3 + [False] * 3 + [True] * 3 + [False] * 3
    assert [ids[-1] == eos for ids in rows["completion_ids"]] == rows["label"]
    own, other = rows["completion_ids"][:6], rows["KL_completion_ids"][:6]
    assert other == [own[-1], *own[:-1]]
    prompts = rows["prompt_ids"][:6]
    assert all(prompts[i] != prompts[i - 1] for i in range(6))
    assert {"ref_logps", "ref_KL_logps"} <= set(rows.column_names)


def test_kto_needs_two_pairs_a_step_and_no_other_loss(args: dpo.Args, solver: str) -> None:
    with pytest.raises(RunError, match="larger --batch"):
        dpo.make_trainer(replace(args, loss=("kto",), batch=1), pairs(6), solver, "")
    with pytest.raises(BadInput, match="cannot be summed with sft"):
        dpo.make_trainer(replace(args, loss=("kto", "sft")), pairs(6), solver, "")


def test_a_row_whose_end_cannot_be_told_stops_the_run() -> None:
    with pytest.raises(RunError, match="end-of-sequence"):
        kto.end({"completion_ids": [5, 9, 6], "ends": False}, eos=9)
    assert kto.end({"completion_ids": [5, 9], "ends": False}, eos=9)["completion_ids"] == [5]
    assert kto.end({"completion_ids": [5, 9], "ends": True}, eos=9)["completion_ids"] == [5, 9]


def test_bfloat16_is_really_computed_in_and_losses_agree(args: dpo.Args, solver: str) -> None:
    import torch

    losses = {}
    for precision in ("fp32", "bf16"):
        seen = set()
        asked = replace(args, precision=precision, out=f"{args.out}-{precision}", loss=("sigmoid", "sft"), epochs=4)
        trainer = dpo.make_trainer(asked, pairs(6), solver, "")
        layer = trainer.model.get_base_model().model.layers[0].mlp.up_proj.base_layer
        layer.register_forward_hook(lambda module, given, found, seen=seen: seen.add(found.dtype))
        trainer.train()
        assert seen == {torch.bfloat16 if precision == "bf16" else torch.float32}
        assert all(value.dtype == torch.float32 for value in trainer.model.parameters())
        losses[precision] = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    assert losses["bf16"] == pytest.approx(losses["fp32"], rel=0.01)


def test_auto_is_what_the_machine_has() -> None:
    assert is_bf16("auto") == has_bf16() and is_bf16("bf16") and not is_bf16("fp32")
    with pytest.raises(BadInput, match="auto, bf16, fp32"):
        is_bf16("fp8")
