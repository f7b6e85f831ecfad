"""Rows that cannot be trained on, tokenizers without EOS or padding, memory that runs out: said, and nothing lost."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reasoner.errors import BadInput, EngineError, RunError
from tests.training_help import pairs, tiny_solver
from training import dpo
from training.lora import load_for_training, resolve
from training.memory import is_out_of_memory, parts_of
from training.order import ByLength
from training.pairs import write_pairs
from training.progress import latest, read_events


@pytest.fixture(scope="module")
def solver(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_solver(tmp_path_factory.mktemp("solver"))


@pytest.fixture
def args(solver: str, tmp_path: Path) -> dpo.Args:
    write_pairs(pairs(6), tmp_path / "pairs.jsonl")
    return dpo.Args(
        model=solver, pairs=str(tmp_path / "pairs.jsonl"), out=str(tmp_path / "run"), batch=6, epochs=1,
        loss=("sigmoid",), precision="fp32",
    )  # fmt: skip


def changed(solver: str, folder: Path, change: Callable[[dict[str, Any]], None]) -> str:
    """A copy of the solver whose tokenizer_config.json is another."""
    shutil.copytree(solver, folder)
    path = folder / "tokenizer_config.json"
    settings = json.loads(path.read_text())
    change(settings)
    path.write_text(json.dumps(settings))
    return str(folder)


def events_of(args: dpo.Args) -> list[dict[str, Any]]:
    return read_events(Path(args.out) / "events.jsonl")


def test_pairs_that_cannot_be_learnt_are_dropped_and_counted(args: dpo.Args) -> None:
    good = pairs(6)
    same = replace(good[0], rejected=good[0].chosen + "\n")
    long = replace(good[1], prompt=good[1].prompt * 20)
    write_pairs([*good[2:], same, long], Path(args.pairs))
    dpo.run(args)
    counts = latest(events_of(args), "counts")
    assert counts is not None and (counts["rows_in"], counts["rows_out"]) == (6, 4)
    assert counts["dropped"] == {"chosen and rejected are the same": 1, "longer than the model's context": 1}
    notes = [event["message"] for event in events_of(args) if event["kind"] == "note"]
    assert notes == ["There are 5 rows, fewer than the 6 of a step: a pass is one smaller step."]


def test_nothing_left_is_said_with_its_reason(args: dpo.Args, solver: str) -> None:
    same = [replace(pair, rejected=pair.chosen) for pair in pairs(2)]
    with pytest.raises(RunError, match="In all 2 pairs chosen and rejected are the same"):
        dpo.make_trainer(args, same, solver, "")
    long = [replace(pair, prompt=pair.prompt * 20) for pair in pairs(2)]
    with pytest.raises(RunError, match=r"All 2 pairs are longer than the model's context of 256 tokens"):
        dpo.make_trainer(args, long, solver, "")


def test_fewer_pairs_than_processes_are_refused(args: dpo.Args, solver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(RunError, match="2 rows cannot be shared by 3 processes"):
        dpo.make_trainer(args, pairs(2), solver, "")
    with pytest.raises(RunError, match="step's 8 rows cannot be shared by 3"):
        dpo.make_trainer(replace(args, batch=8), pairs(6), solver, "")


def test_a_tokenizer_without_eos_is_refused_with_what_to_do(solver: str, tmp_path: Path) -> None:
    model = changed(solver, tmp_path / "no-eos", lambda settings: settings.pop("eos_token"))
    with pytest.raises(EngineError, match=r'no end-of-sequence token.*"eos_token" in its tokenizer_config.json'):
        load_for_training(model, "")


def test_a_tokenizer_without_padding_pads_with_eos_which_is_still_learnt(
    args: dpo.Args, solver: str, tmp_path: Path
) -> None:
    model = changed(solver, tmp_path / "no-pad", lambda settings: settings.pop("pad_token"))
    trainer = dpo.make_trainer(args, pairs(6), model, "")
    tokenizer = trainer.processing_class
    assert tokenizer.pad_token_id == tokenizer.eos_token_id
    batch = next(iter(trainer.get_train_dataloader()))
    ends = (batch["input_ids"] == tokenizer.eos_token_id) & (batch["completion_mask"] == 1)
    assert ends.sum(dim=1).tolist() == [1] * 6 + [0] * 6  # chosen end, rejected do not, padding is not learnt
    trainer.train()


def test_an_adapter_of_another_model_is_refused_naming_both(args: dpo.Args, solver: str, tmp_path: Path) -> None:
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "some/other-7b"}))
    (adapter / "adapter_model.safetensors").write_bytes(b"")
    with pytest.raises(EngineError, match=f"made for the model some/other-7b, not for .*{Path(solver).name}"):
        dpo.run(replace(args, adapter=str(adapter)))
    assert resolve(str(adapter), "") == ("some/other-7b", str(adapter))


@pytest.mark.parametrize(
    "error, is_one",
    [
        (MemoryError(), True),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
            True,
        ),
        (RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
    ],
)
def test_which_errors_say_that_memory_ran_out(error: Exception, is_one: bool) -> None:
    assert is_out_of_memory(error) == is_one


def short_of_memory(trainer: Any, most: int) -> list[int]:
    """Let the trainer's model fail on batches of more than `most` pairs; the sizes that were tried."""
    tried = []
    real = trainer._compute_loss

    def compute(model: Any, inputs: dict[str, Any], *rest: Any) -> Any:
        num = len(inputs["ref_chosen_logps"])
        tried.append(num)
        loss = real(model, inputs, *rest)
        if num > most:
            loss.backward()  # leaves gradients behind, as running out in the middle does
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return loss

    trainer._compute_loss = compute
    return tried


def test_out_of_memory_makes_smaller_parts_of_the_same_step(args: dpo.Args, solver: str) -> None:
    """The weights after the run are those of a run with enough memory."""
    import torch

    asked = replace(args, epochs=2, optimizer="sgd", learning_rate=1.0, warm_up=0.0)  # others make rounding large
    trainers = [dpo.make_trainer(asked, pairs(6), solver, "") for _ in range(2)]
    tried = short_of_memory(trainers[1], most=2)
    for trainer in trainers:
        trainer.train()
    assert tried == [6, 3, 1, 2, 1, 2, 1, 2, 1, 2]
    assert trainers[1].notes == [
        "Memory ran out at 6 rows at once: 3 from now on, the same 6 a step.",
        "Memory ran out at 3 rows at once: 2 from now on, the same 6 a step.",
    ]
    losses = [[row["loss"] for row in trainer.state.log_history if "loss" in row] for trainer in trainers]
    assert losses[1] == pytest.approx(losses[0], abs=2e-4)
    for (name, value), (_, other) in zip(*(trainer.model.named_parameters() for trainer in trainers), strict=True):
        assert torch.allclose(value, other, atol=1e-5), name
    assert losses[0][1] < losses[0][0] - 1e-3  # something was learnt


def test_memory_that_does_not_suffice_for_one_pair_ends_the_run_with_words(args: dpo.Args, solver: str) -> None:
    trainer = dpo.make_trainer(args, pairs(6), solver, "")
    short_of_memory(trainer, most=0)
    with pytest.raises(RunError, match=r"Memory ran out at 1 rows at once .*: give a smaller model"):
        trainer.train()


def test_rows_at_once_may_be_asked_for(args: dpo.Args, solver: str) -> None:
    trainer = dpo.make_trainer(replace(args, at_once=2), pairs(6), solver, "")
    tried = short_of_memory(trainer, most=2)
    trainer.train()
    assert tried == [2, 2, 2] and not trainer.notes


def test_parts_keep_pairs_together() -> None:
    import torch

    batch = {"ids": torch.arange(10), "ref": torch.arange(5), "beta": 0.1}
    (first, two), (second, three) = parts_of(batch, 2, rows=5)
    assert (two, three) == (2, 3)
    assert first["ids"].tolist() == [0, 1, 5, 6] and second["ids"].tolist() == [2, 3, 4, 7, 8, 9]
    assert second["ref"].tolist() == [2, 3, 4] and first["beta"] == 0.1


class TestOrder:
    LENGTHS = [(i * 37) % 101 for i in range(500)]

    def test_every_row_once_a_pass_and_passes_differ(self) -> None:
        order = ByLength(self.LENGTHS, 8, seed=0)
        first = list(order)
        order.set_epoch(1)
        second = list(order)
        assert sorted(first) == sorted(second) == list(range(500)) and first != second
        order.set_epoch(0)
        assert list(order) == first

    def test_little_is_padding(self) -> None:
        def wasted(rows: list[int]) -> float:
            steps = [[self.LENGTHS[row] for row in rows[i : i + 8]] for i in range(0, 496, 8)]
            return 1 - sum(map(sum, steps)) / sum(8 * max(step) for step in steps)

        assert wasted(list(ByLength(self.LENGTHS, 8, seed=0))) < 0.1 < 0.3 < wasted(list(range(500)))


def test_four_bits_need_a_gpu_and_an_adapter(args: dpo.Args, solver: str) -> None:
    import torch

    if not torch.cuda.is_available():
        with pytest.raises(RunError, match="needs a CUDA GPU"):
            dpo.make_trainer(replace(args, quantize="4bit"), pairs(6), solver, "")
    with pytest.raises(RunError, match="give a --rank"):
        dpo.make_trainer(replace(args, quantize="4bit", rank=0), pairs(6), solver, "")
    with pytest.raises(BadInput, match="4bit or nothing"):
        dpo.make_trainer(replace(args, quantize="8bit"), pairs(6), solver, "")


def test_logs_that_are_not_installed_name_what_to_install(
    args: dpo.Args, solver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RunError, match=r"trackio is not installed: pip install .*\[logs\]"):
        dpo.make_trainer(replace(args, logs="trackio"), pairs(6), solver, "")
    with pytest.raises(BadInput, match="tensorboard, trackio or nothing"):
        dpo.make_trainer(replace(args, logs="wandb"), pairs(6), solver, "")


def test_figures_go_to_tensorboard_on_request(args: dpo.Args) -> None:
    pytest.importorskip("tensorboard")
    dpo.run(replace(args, logs="tensorboard"))
    assert list((Path(args.out) / "tensorboard").rglob("events.out.tfevents.*"))
