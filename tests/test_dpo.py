"""DPO on a tiny random solver: what is trained, on which tokens, and what survives when it goes wrong."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reasoner.errors import EngineError, RunError
from tests.training_help import pairs, tiny_solver
from training import dpo
from training.lora import load_for_training, resolve
from training.pair_trainer import placed
from training.pairs import write_pairs
from training.progress import EventLog, latest, read_events
from training.watch import Watch

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def solver(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_solver(tmp_path_factory.mktemp("solver"))


@pytest.fixture
def args(solver: str, tmp_path: Path) -> dpo.Args:
    write_pairs(pairs(6), tmp_path / "pairs.jsonl")
    return dpo.Args(model=solver, pairs=str(tmp_path / "pairs.jsonl"), out=str(tmp_path / "run"), batch=3, epochs=2)


def weights_of(folder: str) -> dict[str, Any]:
    """The weights of a model's safetensors file."""
    from safetensors.torch import load_file

    return load_file(Path(folder) / "model.safetensors")


def draw(batch: dict[str, Any], tokenizer: Any) -> list[str]:
    """A collated batch as text: one line a side, all that its last token sees, what the loss sees between « and »."""
    lines = []
    num_pairs = len(batch["tree_input_ids"])
    for number, (attended, learnt, places) in enumerate(
        zip(batch["attention_mask"], batch["completion_mask"], batch["tree_places"], strict=True)
    ):
        num_learnt = int(learnt.sum())
        assert int(attended.sum()) == num_learnt + 1  # the prompt's last token stands before them
        tree, seen = (batch[f"tree_{name}"][number % num_pairs] for name in ("input_ids", "attention_mask"))
        ids = tree[seen[0, places[num_learnt]]]
        first, second = tokenizer.decode(ids[:-num_learnt]), tokenizer.decode(ids[-num_learnt:])
        lines.append(f"{first}«{second}»".replace("\n", "⏎"))
    return lines


def test_training_moves_the_adapters_weights_and_only_they(args: dpo.Args, solver: str) -> None:
    import torch
    from safetensors.torch import load_file

    before = weights_of(solver)
    folder = dpo.run(args)
    after = weights_of(solver)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    moved = load_file(folder / "adapter_model.safetensors")
    assert moved and all(".lora_" in name for name in moved)
    assert all(tensor.abs().sum() > 0 for name, tensor in moved.items() if ".lora_B." in name)  # B begins at zero


def test_the_model_in_the_trainer_keeps_its_own_weights(args: dpo.Args, solver: str) -> None:
    import torch

    trainer = dpo.make_trainer(args, pairs(6), solver, "")
    frozen = {name: value.clone() for name, value in trainer.model.named_parameters() if "lora_" not in name}
    trainer.train()
    assert all(torch.equal(value, dict(trainer.model.named_parameters())[name]) for name, value in frozen.items())


def test_the_end_of_sequence_stands_on_chosen_only(args: dpo.Args, solver: str) -> None:
    """Self-Explore: rejected is an unfinished solution. TRL by itself ends both."""
    trainer = dpo.make_trainer(args, pairs(1), solver, "")
    [batch] = list(trainer.get_train_dataloader())
    question = (
        "Ana has 3 coins. Ben has 2 more coins than Ana. How many coins does Ben have?⏎Formalize: find Ben's coins⏎"
    )
    assert draw(batch, trainer.processing_class) == [
        f"{question}«Solve Parent: Ben's coins = 3 + 2 = 5⏎Summarize: the answer is 5 [EOS]»",
        f"{question}«Solve Parent: Ben's coins = 3 + 2 = 6⏎»",
    ]


def test_a_bare_correction_does_not_end_either(args: dpo.Args, solver: str) -> None:
    [whole] = pairs(1)
    bare = replace(whole, chosen="Solve Parent: Ben's coins = 3 + 2 = 5\n", is_whole=False)
    trainer = dpo.make_trainer(args, [bare], solver, "")
    chosen, rejected = draw(next(iter(trainer.get_train_dataloader())), trainer.processing_class)
    assert chosen.endswith("«Solve Parent: Ben's coins = 3 + 2 = 5⏎»")
    assert rejected.endswith("«Solve Parent: Ben's coins = 3 + 2 = 6⏎»")


def test_rows_whose_ends_cannot_be_told_stop_the_run_before_it_begins() -> None:
    row = {"chosen_ids": [5, 9], "rejected_ids": [6, 9], "is_whole": True}
    with pytest.raises(RunError, match="end-of-sequence"):
        dpo.check_rows([row], eos=9)
    dpo.check_rows([dpo.end_where_solutions_end(dict(row), eos=9)], eos=9)


def test_a_rendered_prompt_gets_no_second_beginning(solver: str, tmp_path: Path) -> None:
    from tokenizers.processors import TemplateProcessing
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(solver)
    tokenizer.add_special_tokens({"bos_token": "[BOS]"})
    bos = tokenizer.bos_token_id
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single="[BOS] $A", special_tokens=[("[BOS]", bos)])
    ids = tokenizer(dpo.without_bos("[BOS]Ana has 3 coins.\n", tokenizer))["input_ids"]
    assert ids.count(bos) == 1
    assert dpo.without_bos("Ana has 3 coins.\n", tokenizer) == "Ana has 3 coins.\n"


def test_the_reference_is_the_model_without_the_adapter(args: dpo.Args) -> None:
    """At the first step both are the same, so there is no margin and the loss is ln 2."""
    dpo.run(replace(args, loss=("sigmoid",)))
    first = next(event for event in read_events(Path(args.out) / "events.jsonl") if event["kind"] == "train")
    assert first["margin"] == pytest.approx(0, abs=1e-2)  # the batches differ, so the rounding does
    assert first["loss"] == pytest.approx(0.6931, abs=5e-3)


def test_every_step_is_an_event_with_its_figures(args: dpo.Args) -> None:
    dpo.run(args)
    events = read_events(Path(args.out) / "events.jsonl")
    steps = [event for event in events if event["kind"] == "train"]
    assert [event["step"] for event in steps] == [1, 2, 3, 4]
    assert {"loss", "margin", "accuracy", "logps_chosen", "seconds_left", "total"} <= steps[0].keys()
    assert steps[-1]["seconds_left"] == 0
    assert latest(events, "trained")["pairs"] == 6  # type: ignore[index]


def test_an_interrupted_run_goes_on_from_its_checkpoint(args: dpo.Args) -> None:
    asked = iter([False, True, True, True, True])
    dpo.run(args, lambda: next(asked))
    assert latest(read_events(Path(args.out) / "events.jsonl"), "trained") is None
    dpo.run(replace(args, resume=True))
    events = read_events(Path(args.out) / "events.jsonl")
    assert [event["step"] for event in events if event["kind"] == "train"] == [1, 2, 3, 4]
    assert latest(events, "trained")["steps"] == 4  # type: ignore[index]


def test_an_adapter_trained_from_another_works_on_the_model_as_shipped(
    args: dpo.Args, solver: str, tmp_path: Path
) -> None:
    """Both updates in one: the merged model of the sum is the merged model of one after the other."""
    import torch
    from peft import PeftModel

    first = dpo.run(replace(args, out=str(tmp_path / "first")))
    both = dpo.run(replace(args, out=str(tmp_path / "second"), adapter=str(first), learning_rate=1e-3))
    merged, tokenizer = load_for_training(solver, str(first))
    trainer = dpo.make_trainer(replace(args, learning_rate=1e-3), pairs(6), solver, str(first))
    assert torch.allclose(trainer.model.get_base_model().model.layers[0].mlp.up_proj.base_layer.weight,
                          merged.model.layers[0].mlp.up_proj.weight)  # fmt: skip
    trainer.train()
    one_after_the_other = trainer.model.merge_and_unload()
    plain, _ = load_for_training(solver, "")
    summed = PeftModel.from_pretrained(plain, str(both)).merge_and_unload()
    ids = tokenizer("Ana has 3 coins.\n", return_tensors="pt")["input_ids"]
    assert torch.allclose(summed(ids).logits, one_after_the_other(ids).logits, atol=1e-4)


def test_a_model_folder_that_is_an_adapter_is_merged_into_its_base_first(
    args: dpo.Args, solver: str, tmp_path: Path
) -> None:
    first = dpo.run(replace(args, out=str(tmp_path / "first")))
    assert resolve(str(first), "") == (solver, str(first))
    with pytest.raises(RunError, match="an adapter already"):
        resolve(str(first), "another")


class TestWatch:
    def watch(self, tmp_path: Path, **rest: Any) -> tuple[Watch, list[float]]:
        import torch

        weight = [0.0]
        return Watch(EventLog(tmp_path / "events.jsonl"), lambda: {"w": torch.tensor(weight)}, **rest), weight

    def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_good_weights(self, tmp_path: Path) -> None:
        watch, weight = self.watch(tmp_path)
        weight[0] = 1.0
        assert watch.logged(1, 9, {"loss": 0.7})
        weight[0] = 2.0
        assert not watch.logged(2, 9, {"loss": float("nan")})
        assert watch.good is not None and float(watch.good["w"]) == 1.0
        assert "step 1 is kept" in watch.stopped
        assert "lower learning rate" in latest(read_events(tmp_path / "events.jsonl"), "stopped")["message"]  # type: ignore[index]

    def test_weights_that_are_no_numbers_are_never_the_good_ones(self, tmp_path: Path) -> None:
        watch, weight = self.watch(tmp_path)
        weight[0] = float("inf")
        assert not watch.logged(1, 9, {"loss": 0.7})
        assert watch.good is None

    def test_the_time_bound_ends_the_loop_and_keeps_what_was_learnt(self, tmp_path: Path) -> None:
        watch, _ = self.watch(tmp_path, max_seconds=1e-9)
        assert not watch.logged(1, 9, {"loss": 0.7})
        assert "time bound" in watch.stopped
        assert watch.good is not None


def test_a_diverging_run_ends_by_itself_with_the_last_good_adapter(args: dpo.Args) -> None:
    from safetensors.torch import load_file

    folder = dpo.run(replace(args, learning_rate=1e30, warm_up=0.0))
    events = read_events(Path(args.out) / "events.jsonl")
    assert "no longer a number" in latest(events, "stopped")["message"]  # type: ignore[index]
    assert all(tensor.isfinite().all() for tensor in load_file(folder / "adapter_model.safetensors").values())


def test_nothing_to_train_on_is_said(args: dpo.Args) -> None:
    Path(args.pairs).write_text("")
    with pytest.raises(RunError, match="no pairs"):
        dpo.run(args)


def test_a_missing_model_is_said(args: dpo.Args, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="cannot be loaded for training"):
        dpo.run(replace(args, model=str(tmp_path / "nowhere")))


def test_a_model_without_safetensors_is_refused(args: dpo.Args, solver: str, tmp_path: Path) -> None:
    import shutil

    import torch

    folder = tmp_path / "pickled"
    shutil.copytree(solver, folder)
    torch.save({}, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(EngineError, match="safetensors"):
        dpo.run(replace(args, model=str(folder)))


@pytest.mark.slow
def test_two_processes_train_one_adapter(args: dpo.Args) -> None:
    """torchrun on the same command: a world of two, the first one writes, losses as of one process."""
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "-m", "training", "dpo"]
    command += ["--model", args.model, "--pairs", args.pairs, "--out", args.out, "--batch", "2", "--epochs", "1"]
    command += ["--loss", "sigmoid", "--precision", "fp32", "--learning-rate", "1e-3"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    events = read_events(Path(args.out) / "events.jsonl")
    assert [event["step"] for event in events if event["kind"] == "train"] == [1, 2, 3]
    assert latest(events, "trained")["processes"] == 2  # type: ignore[index]
    assert (Path(args.out) / "adapter" / "adapter_model.safetensors").is_file()
    alone = replace(args, out=args.out + "-alone", batch=2, epochs=1, loss=("sigmoid",), precision="fp32",
                    learning_rate=1e-3)  # fmt: skip
    dpo.run(alone)
    losses = [
        [event["loss"] for event in found if event["kind"] == "train"]
        for found in (events, read_events(Path(alone.out) / "events.jsonl"))
    ]
    assert losses[0] == pytest.approx(losses[1], abs=1e-4) and losses[1][-1] != losses[1][0]


def test_a_model_that_waits_to_be_sharded_is_placed_for_the_reference_alone() -> None:
    import torch

    model = torch.nn.Linear(2, 2)
    moves: list[str] = []
    model.to = lambda device: moves.append(str(device))  # type: ignore[method-assign, assignment]
    with placed(model, torch.device("cpu")):
        assert moves == []
    with placed(model, torch.device("cuda", 3)):
        assert moves == ["cuda:3"]
    assert moves == ["cuda:3", "cpu"]
