"""A pair's prompt computed once: TRL's own losses and gradients, to rounding; and what happens where it cannot be."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from reasoner.engines import BUILT_IN
from tests.bench.bench_train import made_pairs
from tests.tiny_model import make_model
from tests.training_help import pairs
from training import dpo
from training.loop import trainer_settings
from training.lora import load_for_training, lora_config
from training.shared_prompts import TreeCollator

SIDES = ("prompt", "chosen", "rejected")


def args(folder: Path, model: str, **rest: Any) -> dpo.Args:
    return dpo.Args(model=model, pairs="", out=str(folder), batch=4, precision="fp32", **rest)


def plain_trl(asked: dpo.Args, rows: Any, own: Any) -> Any:
    """TRL's trainer over the same tokenised rows, the reference computed by it, nothing shared."""
    import trl
    from datasets import Dataset

    class OnlyTokenised(trl.DPOTrainer):  # type: ignore[name-defined, misc]
        def _prepare_dataset(self, dataset: Any, *rest: Any) -> Any:
            return dataset

    model, tokenizer = load_for_training(asked.model, "")
    settings = trl.DPOConfig(**trainer_settings(asked), max_length=None)  # type: ignore[attr-defined]
    data = Dataset.from_list([{f"{name}_ids": row[f"{name}_ids"] for name in SIDES} for row in rows])
    lora = lora_config(asked.rank, asked.alpha)
    trainer: Any = OnlyTokenised(
        model=model, args=settings, train_dataset=data, processing_class=tokenizer, peft_config=lora
    )
    trainer.model.load_state_dict(own.model.state_dict())
    return trainer


def loss_and_gradients(trainer: Any, rows: Sequence[dict[str, Any]]) -> tuple[float, dict[str, Any]]:
    trainer.model.zero_grad()
    trainer.model.train()
    inputs = trainer.data_collator(rows)
    loss = trainer.compute_loss(trainer.model, inputs)
    loss.backward()
    return float(loss.detach()), {n: p.grad.clone() for n, p in trainer.model.named_parameters() if p.grad is not None}


def stir(trainer: Any) -> None:
    """Weights of an adapter that has learnt something: the loss is elsewhere than at its beginning."""
    import torch

    torch.manual_seed(3)
    for name, value in trainer.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(value, std=0.02)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """Our trainer and TRL's over the same pairs, on the built-in solver with the same adapter."""
    asked = args(tmp_path_factory.mktemp("run"), BUILT_IN, rank=4, alpha=8)
    ours = dpo.make_trainer(asked, made_pairs("easy", 4), BUILT_IN, "")
    assert not ours.why_not_shared and isinstance(ours.data_collator, TreeCollator)
    stir(ours)
    return ours, plain_trl(asked, list(ours.train_dataset), ours)


@pytest.mark.parametrize("loss", [["sigmoid"], ["ipo"], ["hinge"], ["sft"], ["sigmoid", "sft"], ["robust"]])
def test_on_the_real_solver_losses_and_gradients_are_trls(loss: list[str], both: tuple[Any, Any]) -> None:
    import torch

    rows = list(both[0].train_dataset)
    for trainer in both:
        trainer.loss_types, trainer.loss_weights = loss, [1.0] * len(loss)
    (found, our_gradients), (expected, gradients) = (loss_and_gradients(trainer, rows) for trainer in both)
    assert found == pytest.approx(expected, rel=1e-4)
    assert our_gradients.keys() == gradients.keys()
    scale = max(float(value.abs().max()) for value in gradients.values())
    for name, value in gradients.items():
        assert torch.allclose(our_gradients[name], value, rtol=1e-3, atol=1e-4 * scale), name


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_other_architectures_share_too(kind: str, tmp_path: Path) -> None:
    model = str(make_model(tmp_path / kind, kind))
    trainer = dpo.make_trainer(args(tmp_path / "run", model), pairs(4), model, "")
    assert trainer.why_not_shared == ""


def test_a_sliding_window_falls_back_and_says_so(tmp_path: Path) -> None:
    """Its mask would not be the tree's: log-probabilities are off, so the prompts are computed twice, as by TRL."""
    model = str(make_model(tmp_path / "mistral", "mistral"))
    trainer = dpo.make_trainer(args(tmp_path / "run", model, epochs=1), pairs(4), model, "")
    assert "off by" in trainer.why_not_shared and not isinstance(trainer.data_collator, TreeCollator)
    trainer.train()


def test_a_tree_is_the_prompt_and_both_sides_and_each_side_knows_its_place() -> None:
    row = {"prompt_ids": [5, 6, 7], "chosen_ids": [8, 9, 2], "rejected_ids": [4]}
    batch = TreeCollator(pad=0)([row])
    tree = batch["tree_input_ids"][0]
    assert tree.tolist()[:7] == [5, 6, 7, 8, 9, 2, 4] and not tree[7:].any() and len(tree) == 16
    assert batch["tree_position_ids"][0].tolist()[:7] == [0, 1, 2, 3, 4, 5, 3]
    seen = batch["tree_attention_mask"][0, 0].int().tolist()
    assert [line[:7] for line in seen[:7]] == [
        [1, 0, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0, 0],
        [1, 1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 1, 0, 0],
        [1, 1, 1, 1, 1, 1, 0],
        [1, 1, 1, 0, 0, 0, 1],
    ]
    assert batch["input_ids"].tolist() == [[7, 8, 9, 2], [7, 4, 0, 0]]
    assert batch["tree_places"].tolist() == [[2, 3, 4, 5], [2, 6, 0, 0]]
    assert batch["completion_mask"].tolist() == [[0, 1, 1, 1], [0, 1, 0, 0]]
