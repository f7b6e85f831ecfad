"""SFT on a tiny random solver: what is trained, on which tokens, from which traces, and what is said otherwise."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reasoner.errors import BadInput, EngineError, RunError
from reasoner.store import Store
from tests.training_help import QUESTION, RIGHT, WRONG, problem, tiny_solver, trace
from training import sft
from training.progress import latest, read_events

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def solver(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_solver(tmp_path_factory.mktemp("solver"))


def solution(number: int) -> str:
    """The right solution of `problem(number)`."""
    return RIGHT.replace("+ 2 = 5", f"+ {number} = {3 + number}").replace("is 5", f"is {3 + number}")


def write(path: Path, rows: list[sft.Row]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


@pytest.fixture
def args(solver: str, tmp_path: Path) -> sft.Args:
    rows = [{"prompt": problem(number).question + "\n", "completion": solution(number)} for number in range(2, 8)]
    return sft.Args(
        model=solver, rows=write(tmp_path / "right.jsonl", rows), out=str(tmp_path / "run"), batch=3, epochs=2
    )


def weights_of(folder: Path, name: str = "model.safetensors") -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(folder / name)


def draw(batch: dict[str, Any], tokenizer: Any) -> list[str]:
    """A collated batch as text: one line a row, what the loss sees between « and »."""
    lines = []
    for ids, attended, labels in zip(batch["input_ids"], batch["attention_mask"], batch["labels"], strict=True):
        length = int(attended.sum())
        learnt = labels != -100
        start = int(learnt.int().argmax())
        assert bool(learnt[start:length].all()) and int(learnt.sum()) == length - start
        assert bool((labels[start:length] == ids[start:length]).all())
        first, second = tokenizer.decode(ids[:start]), tokenizer.decode(ids[start:length])
        lines.append(f"{first}«{second}»".replace("\n", "⏎"))
    return lines


def test_training_moves_the_adapters_weights_and_only_they(args: sft.Args, solver: str) -> None:
    import torch

    before = weights_of(Path(solver))
    folder = sft.run(args)
    after = weights_of(Path(solver))
    assert all(torch.equal(before[name], after[name]) for name in before)
    moved = weights_of(folder, "adapter_model.safetensors")
    assert moved and all(".lora_" in name for name in moved)
    assert all(tensor.abs().sum() > 0 for name, tensor in moved.items() if ".lora_B." in name)  # B begins at zero


def test_the_model_in_the_trainer_keeps_its_own_weights(args: sft.Args, solver: str) -> None:
    import torch

    trainer = sft.make_trainer(args, sft.read_rows(Path(args.rows)), solver, "")
    frozen = {name: value.clone() for name, value in trainer.model.named_parameters() if "lora_" not in name}
    trainer.train()
    after = dict(trainer.model.named_parameters())
    assert frozen and all(torch.equal(value, after[name]) for name, value in frozen.items())
    assert all("lora_" in name for name, value in after.items() if value.requires_grad)


def test_the_loss_is_on_the_solution_alone_and_the_solution_ends(args: sft.Args, solver: str) -> None:
    rows = [{"prompt": QUESTION + "\n", "completion": RIGHT}]
    trainer = sft.make_trainer(args, rows, solver, "")
    [batch] = list(trainer.get_train_dataloader())
    right = RIGHT.replace("\n", "⏎")
    assert draw(batch, trainer.processing_class) == [f"{QUESTION}⏎«{right} [EOS]»"]


def test_shorter_rows_are_padded_and_the_padding_is_not_learnt(args: sft.Args, solver: str) -> None:
    short = "Summarize: the answer is 5"
    rows = [{"prompt": QUESTION + "\n", "completion": RIGHT}, {"prompt": QUESTION + "\n", "completion": short}]
    trainer = sft.make_trainer(args, rows, solver, "")
    [batch] = list(trainer.get_train_dataloader())
    assert sorted(line.split("«")[1] for line in draw(batch, trainer.processing_class)) == sorted(
        [RIGHT.replace("\n", "⏎") + " [EOS]»", f"{short} [EOS]»"]
    )


def test_the_solutions_become_likelier_and_every_step_is_an_event(args: sft.Args) -> None:
    sft.run(replace(args, epochs=8, learning_rate=2e-2))
    steps = [event for event in read_events(Path(args.out) / "events.jsonl") if event["kind"] == "train"]
    assert [event["step"] for event in steps] == list(range(1, 17))
    assert {"loss", "token_accuracy", "seconds_left", "total"} <= steps[0].keys()
    losses = [event["loss"] for event in steps]
    assert losses[-1] < losses[0] - 0.2


def test_a_stopped_run_keeps_its_adapter_and_goes_on_from_its_checkpoint(args: sft.Args) -> None:
    asked = iter([False, True, True, True, True])
    folder = sft.run(args, lambda: next(asked))
    assert (folder / "adapter_config.json").is_file()
    assert "Stopped at step 2 of 4" in latest(read_events(Path(args.out) / "events.jsonl"), "stopped")["message"]  # type: ignore[index]
    sft.run(replace(args, resume=True))
    steps = [event["step"] for event in read_events(Path(args.out) / "events.jsonl") if event["kind"] == "train"]
    assert steps == [1, 2, 3, 4]


def test_an_adapter_trained_from_another_works_on_the_model_as_shipped(
    args: sft.Args, solver: str, tmp_path: Path
) -> None:
    from peft import PeftConfig

    first = sft.run(replace(args, out=str(tmp_path / "first")))
    both = sft.run(replace(args, out=str(tmp_path / "second"), adapter=str(first)))
    config: Any = PeftConfig.from_pretrained(str(both))
    assert (config.base_model_name_or_path, config.r) == (solver, 2 * args.rank)


class TestRightRows:
    """What a store gives to learn from."""

    def rows(self, tmp_path: Path, texts: list[str], prompt: str | None = None) -> list[sft.Row]:
        of = problem()
        with Store(tmp_path / "store.sqlite") as store:
            store.add_problems([of])
            store.add_traces([trace(of, text, seed, prompt) for seed, text in enumerate(texts)])
            return sft.right_rows(store)

    def test_only_right_solutions_are_learnt_from(self, tmp_path: Path) -> None:
        assert self.rows(tmp_path, [WRONG, RIGHT]) == [{"prompt": QUESTION + "\n", "completion": RIGHT}]

    def test_the_same_solution_twice_is_one_row(self, tmp_path: Path) -> None:
        assert len(self.rows(tmp_path, [RIGHT, RIGHT])) == 1

    def test_a_problem_gives_at_most_eight(self, tmp_path: Path) -> None:
        texts = [RIGHT.replace("find", "find " * times) for times in range(1, 12)]
        assert len(self.rows(tmp_path, texts)) == sft.MOST_A_PROBLEM == 8

    def test_a_trace_without_its_prompt_is_not_learnt_from(self, tmp_path: Path) -> None:
        assert self.rows(tmp_path, [RIGHT], prompt="") == []


def test_a_store_of_right_traces_is_enough(args: sft.Args, tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with Store(path) as store:
        store.add_problems([problem()])
        store.add_traces([trace(problem(), RIGHT)])
    folder = sft.run(replace(args, rows="", store=str(path), epochs=1))
    assert (folder / "adapter_model.safetensors").is_file()


def test_nothing_right_to_learn_from_is_said(args: sft.Args, tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with Store(path) as store:
        store.add_problems([problem()])
        store.add_traces([trace(problem(), WRONG)])
    with pytest.raises(RunError, match="no right solutions to learn from: sample some"):
        sft.run(replace(args, rows="", store=str(path)))
    with pytest.raises(RunError, match="no right solutions"):
        sft.run(replace(args, rows=write(tmp_path / "empty.jsonl", [])))
    assert not Path(args.out).exists()


def test_a_store_that_is_not_there_is_said_and_not_made(args: sft.Args, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no store at"):
        sft.run(replace(args, rows="", store=str(tmp_path / "none.sqlite")))
    assert not (tmp_path / "none.sqlite").exists()


def test_a_solution_longer_than_the_model_holds_is_dropped_and_counted_not_cut(args: sft.Args, tmp_path: Path) -> None:
    long, short = ({"prompt": QUESTION + "\n", "completion": RIGHT * num} for num in (30, 1))
    with pytest.raises(RunError, match=r"context of 256 tokens .the longest has \d+ tokens"):
        sft.run(replace(args, rows=write(tmp_path / "long.jsonl", [long])))
    sft.run(replace(args, rows=write(tmp_path / "both.jsonl", [long, short, short])))
    counts = latest(read_events(Path(args.out) / "events.jsonl"), "counts")
    assert counts is not None and (counts["rows_in"], counts["rows_out"]) == (3, 2)
    assert counts["dropped"] == {"longer than the model's context": 1}


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "7",
        '["prompt", "completion"]',
        '{"prompt": "…"}',
        '{"prompt": "…", "completion": 5}',
        '{"prompt": "…", "completion": " "}',
    ],
)
def test_a_row_that_is_none_is_named_with_its_line(args: sft.Args, line: str) -> None:
    with Path(args.rows).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    with pytest.raises(BadInput, match=r"right\.jsonl, line 8: .*prompt and completion"):
        sft.run(args)


def test_a_file_that_is_not_there_is_said(args: sft.Args, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        sft.run(replace(args, rows=str(tmp_path / "none.jsonl")))


def test_a_missing_model_is_said(args: sft.Args, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="cannot be loaded for training"):
        sft.run(replace(args, model=str(tmp_path / "nowhere")))


def test_the_command_line_has_every_setting() -> None:
    command = [sys.executable, "-m", "training", "sft", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert {"--model", "--rows", "--store", "--out", "--max-seconds"} <= set(done.stdout.split())


def test_the_command_line_trains(args: sft.Args, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    from training.__main__ import main

    options = ["sft", "--model", args.model, "--out", args.out, "--epochs", "1"]
    assert main([*options, "--rows", args.rows]) == 0
    assert capsys.readouterr().out.endswith(f"adapter: {Path(args.out) / 'adapter'}\n")
    assert main([*options, "--rows", write(tmp_path / "empty.jsonl", [])]) == 2
    assert "no right solutions" in capsys.readouterr().err
