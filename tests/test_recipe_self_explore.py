"""Self-Explore from start to finish on a tiny solver: every stage, a kill at any moment, other settings, bad input."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reasoner.errors import BadInput, RunError, WorkbenchError
from tests.self_explore_help import small
from tests.training_help import tiny_solver
from training.__main__ import main
from training.pairs import read_pairs
from training.progress import read_events
from training.recipes import RECIPES, recipe_named
from training.recipes.command import command_line, read_settings
from training.recipes.means import Means
from training.recipes.problems import read_lines
from training.recipes.report import read_recipe_report
from training.recipes.self_explore import Settings, run
from training.recipes.self_explore_settings import BUILT_IN, VARIANTS, WORDS, check, rows_of
from training.recipes.solver import Solver, reader_of, serve_command, trained
from training.recipes.stages import read_stage
from training.recipes.trainers import options, train
from training.sft import Args

ROOT = Path(__file__).parent.parent
ALONE = {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore", "TOKENIZERS_PARALLELISM": "false"}
SAME = (  # what an unbroken run and one that was killed must have in common, byte for byte
    "sft-set/rows.jsonl",
    "seed-0/sample/samples.jsonl",
    "seed-0/rft-set/rows.jsonl",
    "seed-0/outcome-pairs/pairs.jsonl",
    "seed-0/pairs/linear/pairs.jsonl",
    "seed-0/train/self-explore/model/model.safetensors",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("recipe")
    tiny_solver(found / "solver")
    return found


@pytest.fixture(scope="module")
def settings(folder: Path) -> Settings:
    return small(str(folder / "solver"), folder)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Sums come out the same here and in a process that is told to use one thread."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def done(settings: Settings) -> Path:
    """The whole recipe, by the command; its folder."""
    assert main(["recipe", "self-explore", *options(settings)]) == 0
    return Path(settings.out)


def command(settings: Settings) -> list[str]:
    return [sys.executable, "-m", "training", "recipe", "self-explore", *options(settings)]


def test_every_stage_counts_what_came_in_went_out_and_was_dropped(done: Path) -> None:
    for path in done.rglob("stage.json"):
        name = str(path.parent.relative_to(done))
        stage = read_stage(path.parent, name)
        assert stage is not None
        tally = stage.tally
        if name.endswith(("rft-set", "/linear", "/random", "/oracle", "/outcome", "sft-set")) and "explore" not in name:
            assert tally.rows_in == tally.rows_out + sum(tally.dropped.values()), name
    kinds = {event["kind"] for event in read_events(done / "events.jsonl")}
    assert {"stage", "progress", "counts", "done"} <= kinds
    asked = json.loads((done / "recipe.json").read_text())
    assert asked["recipe"] == "self-explore" and asked["settings"]["k"] == 2 and "torch" in asked["versions"]


def test_pairs_are_as_the_paper_has_them(done: Path) -> None:
    outcome = {pair.trace_id: pair for pair in read_pairs(done / "seed-0/outcome-pairs/pairs.jsonl")}
    granular = read_pairs(done / "seed-0/pairs/linear/pairs.jsonl")
    assert granular
    for pair in granular:
        own = outcome[pair.trace_id]
        assert (own.prompt + own.rejected + "\n").startswith(pair.prompt + pair.rejected)
        assert pair.is_whole and pair.rejected.strip() and pair.step == pair.prompt.count("\n") - 1
        assert own.chosen == pair.chosen if pair.step == 0 else True
    same = read_pairs(done / "seed-0/pairs/outcome/pairs.jsonl")
    assert {pair.trace_id for pair in same} == {pair.trace_id for pair in granular}
    rows = read_lines(done / "seed-0/rft-set/rows.jsonl")
    assert len({(row["prompt"], row["completion"]) for row in rows}) == len(rows)


def test_the_report_has_a_row_for_every_solver(done: Path) -> None:
    report = read_recipe_report(done)
    names = [row.stage for row in report.rows]
    assert names[:5] == ["sft", "more-sft", "rft", "outcome-dpo", "self-explore"] and "random-step" in names
    assert "oracle-step" not in names and any("oracle-step" in note for note in report.notes)  # no DAG in the file
    rows = {row.stage: row for row in report.rows}
    assert rows["sft"].problems == 6 and rows["self-explore"].pairs == rows["outcome-dpo"].pairs
    assert "sft" in rows["self-explore"].against
    more, rft, explore = (rows[name].updates for name in ("more-sft", "rft", "self-explore"))
    assert more == rft + explore  # type: ignore[operator]


def test_the_same_command_again_does_nothing_and_other_settings_are_refused(done: Path, settings: Settings) -> None:
    before = {path: path.stat().st_mtime_ns for path in done.rglob("*.safetensors")}
    run(settings)
    assert {path: path.stat().st_mtime_ns for path in done.rglob("*.safetensors")} == before
    with pytest.raises(RunError, match=r"seed-0/sample.*\(num_samples\)"):
        run(replace(settings, num_samples=25))
    with pytest.raises(RunError, match=r"seed-0/train/self-explore.*beta"):
        run(replace(settings, beta=0.2))
    Path(settings.problems).write_text(Path(settings.problems).read_text() + "\n")
    try:
        with pytest.raises(RunError, match="problems"):
            run(settings)
    finally:
        Path(settings.problems).write_text(Path(settings.problems).read_text()[:-1])
    assert [event for event in read_events(done / "events.jsonl") if event["kind"] == "failed"]


def killed_when(settings: Settings, is_time: Callable[[Path], bool]) -> None:
    """Start the recipe and kill it with SIGKILL as soon as its folder looks so."""
    process = subprocess.Popen(
        command(settings), cwd=ROOT, env=os.environ | ALONE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + 300
    while not is_time(Path(settings.out)):
        assert process.poll() is None and time.monotonic() < until, "it ended before it could be killed"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_a_line_killed_in_training_and_in_sampling_comes_to_the_same_files(done: Path, settings: Settings) -> None:
    again = replace(settings, out=settings.out + "-killed", controls=("none",), held_out="none")
    out = Path(again.out)
    killed_when(again, lambda folder: any((folder / "seed-0" / "rft" / "checkpoints").glob("checkpoint-*/*state.json")))
    samples = out / "seed-0/sample/samples.jsonl"
    samples.write_bytes(samples.read_bytes()[:-30])  # and as if it had been killed while it sampled
    for name in ("sample", "rft-set", "rft", "outcome-pairs"):
        (out / "seed-0" / name / "stage.json").unlink(missing_ok=True)
    run(again)
    for name in SAME:
        assert (out / name).read_bytes() == (done / name).read_bytes(), name


# ── settings and words ───────────────────────────────────────────────────────────────────────────────────────────────


def bad(**changes: object) -> Settings:
    return replace(Settings(model="m", problems="p", out="o"), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rule": "gsm9k"}, "--rule must be one of gsm8k, math"),
        ({"pits": "psychic"}, "linear, adaptive, oracle, random, person"),
        ({"k": 0}, "--k must be at least 1"),
        ({"temperature": 0.0}, "--temperature must be at least"),
        ({"learning_rate": float("nan")}, "--learning-rate must be at least"),
        ({"variants": ("ipo", "dpo2")}, "no variants dpo2"),
        ({"controls": ("placebo",)}, "no controls placebo"),
        ({"seeds": (1, 1)}, "different whole numbers"),
        ({"pits": "person"}, "--store"),
        ({"out": ""}, "--out"),
    ],
)
def test_what_cannot_be_meant_is_told_before_anything_is_done(changes: dict[str, object], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        check(bad(**changes))


def test_the_papers_numbers_are_the_defaults() -> None:
    default = bad()
    assert (default.num_samples, default.temperature, default.most, default.k) == (100, 0.7, 8, 4)
    assert (default.beta, default.epochs, default.learning_rate, default.batch) == (0.1, 3.0, 1e-6, 32)
    assert (default.optimizer, default.warm_up, default.max_length, default.loss) == ("rmsprop", 0.1, 384, ("sigmoid",))
    assert (default.pits, default.explorer, default.chosen, default.rank) == ("linear", "rft", "remainder", 0)
    check(default)
    check(replace(BUILT_IN, out="run", variants=tuple(name for name in VARIANTS if name != "person")))


def test_a_variant_differs_in_one_thing_and_none_is_trained_twice() -> None:
    rows = rows_of(bad(variants=("linear", "step-dpo", "random-step"), controls=("random-step",)))
    assert list(rows) == ["self-explore", "random-step", "step-dpo"]  # linear is what self-explore is already
    for name, changes in VARIANTS.items():
        assert len(changes) == 1 and name in WORDS


def test_the_command_line_starts_from_a_preset_and_what_is_given_counts() -> None:
    recipe = recipe_named("self-explore")
    found = read_settings("self-explore", recipe, ["--preset", "built-in", "--out", "run", "--k", "4", "--seeds", "5"])
    assert found == replace(BUILT_IN, out="run", k=4, seeds=(5,))
    line = command_line("self-explore", found)
    assert read_settings("self-explore", recipe, line.split()[5:]) == found
    with pytest.raises(BadInput, match="no preset"):
        read_settings("self-explore", recipe, ["--preset", "gpt", "--out", "run"])


def test_the_shell_lists_recipes_and_says_what_is_wrong_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipe", "--list"]) == 0
    listed = capsys.readouterr().out
    assert all(f"{name} " in listed for name in RECIPES)
    assert main(["recipe", "self-reflect"]) == 2
    assert "There is no recipe “self-reflect”" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["recipe", "self-explore", "--out", "x"])
    assert ended.value.code == 2 and "--model" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["recipe", "self-explore", "--help"])
    assert ended.value.code == 0 and "§3.2" in capsys.readouterr().out


def test_a_model_that_is_not_there_is_told_in_words(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(WorkbenchError, match="no model folder"):
        run(replace(settings, model=str(tmp_path / "none"), out=str(tmp_path / "run")))
    failed = [event for event in read_events(tmp_path / "run/events.jsonl") if event["kind"] == "failed"]
    assert "no model folder" in failed[0]["message"]


# ── solvers and trainers ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_reader_counts_and_renders_as_the_engine_does(folder: Path) -> None:
    from reasoner.engines import load_engine

    solver = Solver(str(folder / "solver"))
    reader, engine = reader_of(solver), load_engine(solver.model)
    text = "Ana has 3 coins. Ben has 2 more coins than Ana."
    assert reader.render(text, "Solve it.", "Program") == engine.render(text, "Solve it.", "Program")
    assert (reader.count_tokens(text), reader.context) == (engine.count_tokens(text), engine.context)
    assert reader.unknown_words("Ana has 3 zebras.") == engine.unknown_words("Ana has 3 zebras.") != []


def test_what_was_trained_is_found_and_served(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no trained model"):
        trained(tmp_path)
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "org/base", "r": 40}))
    assert trained(tmp_path) == Solver("org/base", str(adapter))
    assert "--max-lora-rank 64" in serve_command(trained(tmp_path)) and str(adapter) in serve_command(trained(tmp_path))
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    assert trained(tmp_path) == Solver(str(tmp_path / "model"))


def test_a_launcher_trains_in_a_process_of_its_own(folder: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"prompt": "Ana has 3 coins.\n", "completion": "Summarize: the answer is 5"}) + "\n")
    args = Args(model=str(folder / "solver"), out=str(tmp_path / "run"), rows=str(rows), epochs=1.0, rank=0)
    with pytest.raises(RunError, match="cannot be started"):
        train("sft", args, Means("no-such-launcher --n 8"))
    with pytest.raises(RunError, match=r"Training failed \(exit code 1\)"):
        train("sft", args, Means("false"))
    assert train("sft", args, Means(sys.executable)) == Solver(str(tmp_path / "run" / "model"))
    assert not (tmp_path / "run" / "checkpoints").exists()
    assert [event["step"] for event in read_events(tmp_path / "run/events.jsonl") if event["kind"] == "train"] == [1]
