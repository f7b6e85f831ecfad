"""Looking after runs: changed copies, deletion, disk; folders copied from elsewhere; who may do what on a Space."""

import json
import shlex
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import pytest

from reasoner.engines import BUILT_IN
from reasoner.errors import BadInput, RunError
from reasoner.space import GuestLimits
from reasoner.store import Store
from reasoner.whole_file import write_json
from reasoner.workbench import Workbench
from tests.run_help import made_up_run
from training import jobs, recipe_work, run_care, run_queue, run_rules
from training.api import TrainingApi
from training.progress import EventLog
from training.recipe_work import RecipeWork
from training.recipes.stages import Line, Tally
from training.run_command import command_of
from training.run_facts import FACTS, host, read_facts
from training.run_folder import broken, missing_paths, read_run
from training.run_process import do
from training.run_settings import Settings


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A data folder in which no run is ever started: what is started waits."""
    monkeypatch.setattr(jobs, "pump", lambda data_folder: [])
    with Store(tmp_path / "store.sqlite") as store:
        yield store


@pytest.fixture
def folder(store: Store) -> Path:
    return store.data_folder


def change(run: Path, **changes: Any) -> None:
    settings = json.loads((run / "settings.json").read_text())
    (run / "settings.json").write_text(json.dumps(settings | changes))


# ── copies ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_copy_has_the_settings_but_what_was_changed(store: Store, folder: Path) -> None:
    made_up_run(store, "one")
    change(folder / "runs" / "one", epochs=7.0, loss=["sigmoid"], model=BUILT_IN)
    new = jobs.status(folder, run_care.clone(folder, "one", {"epochs": "0.5", "loss": "sigmoid sft", "seed": "3"}))
    assert (new.settings.epochs, new.settings.loss, new.settings.seed) == (0.5, ("sigmoid", "sft"), 3)
    before = jobs.status(folder, "one").settings
    assert new.settings == replace(before, epochs=0.5, loss=("sigmoid", "sft"), seed=3)
    assert read_facts(new.folder)["clone_of"] == "one" and new.state == "waiting"


@pytest.mark.parametrize("changes", [{"epoch": "1"}, {"epochs": "many"}, {"epochs": "-1"}, {"kind": "value"}])
def test_a_copy_with_what_cannot_be_meant_is_refused_in_words(
    store: Store, folder: Path, changes: dict[str, str]
) -> None:
    made_up_run(store, "one")
    with pytest.raises(BadInput, match=r"\w+ .*"):
        run_care.clone(folder, "one", changes)
    assert len(jobs.list_runs(folder)) == 1


def test_runs_get_colours_of_their_own(store: Store, folder: Path) -> None:
    settings = Settings(store=str(store.path), model=BUILT_IN)
    ids = [jobs.start(settings, folder) for _ in range(9)]
    colours = [jobs.status(folder, run_id).colour for run_id in ids]
    assert sorted(colours[:8]) == list(range(8)) and colours[8] == 0


# ── disk and deletion ────────────────────────────────────────────────────────────────────────────────────────────────


def test_checkpoints_of_a_done_run_can_go_and_its_result_stays(store: Store, folder: Path) -> None:
    run = made_up_run(store, "one")
    for where in ("checkpoints/checkpoint-9", "seed-0/dpo/checkpoints/checkpoint-3"):
        (run / where).mkdir(parents=True)
        (run / where / "optimizer.pt").write_bytes(b"0" * 1000)
    use = run_care.use_of(run)
    assert use.checkpoints == 2000 and use.total > 2000
    assert run_care.free(folder, "one") == 2000
    assert run_care.use_of(run) == run_care.Use(use.total - 2000, 0)
    assert jobs.status(folder, "one").adapter is not None
    made_up_run(store, "two", is_done=False)
    with pytest.raises(RunError, match="needs its checkpoints"):
        run_care.free(folder, "two")


def test_a_run_is_deleted_whole_but_never_a_live_one(store: Store, folder: Path) -> None:
    made_up_run(store, "one")
    live = jobs.start(Settings(store=str(store.path), model=BUILT_IN), folder)
    with pytest.raises(RunError, match="cancel it first"):
        run_care.delete(folder, live, force=True)
    jobs.cancel(folder, live)
    run_care.delete(folder, live)
    run_care.delete(folder, "one")
    assert jobs.list_runs(folder) == [] and not list((folder / "runs").glob("*one*"))
    for name in ("one", "", "..", "../runs", ".queue.lock"):
        with pytest.raises(RunError, match="no run"):
            run_care.delete(folder, name)


def test_what_builds_on_a_result_is_said_before_it_is_deleted(store: Store, folder: Path) -> None:
    run = made_up_run(store, "one")
    other = made_up_run(store, "two")
    change(other, adapter=str(run / "adapter"))
    in_use = str(run / "adapter")
    assert run_care.dependents(folder, "one", in_use) == ["the solver in use", "run two"]
    with pytest.raises(RunError, match="the solver in use, run two built on"):
        run_care.delete(folder, "one", in_use)
    live = jobs.start(Settings(store=str(store.path), model=BUILT_IN, adapter=in_use), folder)
    with pytest.raises(RunError, match="going on built on: wait"):
        run_care.delete(folder, "one", in_use, force=True)
    jobs.cancel(folder, live)
    run_care.delete(folder, "one", in_use, force=True)
    assert not run.exists()


def test_a_deletion_that_was_killed_leaves_no_run_behind(store: Store, folder: Path) -> None:
    made_up_run(store, "one").rename(folder / "runs" / ".deleted-one-ab12")
    made_up_run(store, "two")
    assert [run.id for run in jobs.list_runs(folder)] == ["two"] and broken(folder) == []
    run_care.delete(folder, "two")
    assert [path.name for path in (folder / "runs").iterdir() if path.is_dir()] == []


# ── from elsewhere, by halves, of earlier versions ───────────────────────────────────────────────────────────────────


def test_a_run_of_an_earlier_version_is_a_run_as_any_other(store: Store, folder: Path) -> None:
    run = made_up_run(store, "2026-01-02-030405-ab12")
    settings = {"store": str(store.path), "model": BUILT_IN, "epochs": 2.0, "no_longer_known": 1}
    (run / "settings.json").write_text(json.dumps(settings))
    found = jobs.status(folder, run.name)
    assert (found.state, found.settings.epochs, found.settings.kind, found.device) == ("done", 2.0, "pairs", "cpu")
    assert time.strftime("%Y-%m-%d", time.localtime(found.created)) == "2026-01-02"


def test_a_run_of_another_machine_is_read_and_says_what_is_not_here(store: Store, folder: Path) -> None:
    run = made_up_run(store, "one", is_done=False)
    there = "/home/ada/project"
    change(
        run, store=f"{there}/store.sqlite", model=f"{there}/assets/model/solver", adapter=f"{there}/runs/two/adapter"
    )
    write_json({"host": "laptop-7", "device": "cuda:3", "colour": 5}, run / FACTS)
    write_json({"pid": 1, "began": 0.0, "host": "laptop-7"}, run / "process.json")
    found = jobs.status(folder, "one")
    assert (found.state, found.device, found.colour) == ("failed", "cpu", 5)
    assert "laptop-7" in found.message and "laptop-7" in found.notes[0]
    assert f"its store {there}/store.sqlite" in found.notes[1] and "clone" in found.notes[1]
    made_up_run(store, "two")
    settings = run_care.cloned(folder, "one", {})
    assert (settings.store, settings.model) == (str(store.path), BUILT_IN)
    assert settings.adapter == str(folder / "runs" / "two" / "adapter")


@pytest.mark.parametrize("lost", ["settings.json", "events.jsonl", "adapter/adapter_config.json", "report.json"])
def test_a_folder_copied_by_halves_never_hides_the_others(store: Store, folder: Path, lost: str) -> None:
    half = made_up_run(store, "half")
    made_up_run(store, "whole")
    (half / lost).unlink()
    runs = {run.id: run for run in jobs.list_runs(folder)}
    assert "whole" in runs
    if lost == "settings.json":
        assert "half" not in runs and broken(folder) == [
            ("half", "settings.json is missing: was it copied by halves? Copy it again, or delete it.")
        ]
        run_care.delete(folder, "half")
        assert broken(folder) == []
    else:
        assert runs["half"].state in ("done", "failed")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"epochs": 1}', "\x00\xff"])
def test_settings_that_are_no_settings_are_named_with_the_reason(store: Store, folder: Path, text: str) -> None:
    run = made_up_run(store, "odd")
    (run / "settings.json").write_text(text)
    assert jobs.list_runs(folder) == []
    ((name, why),) = broken(folder)
    assert name == "odd" and "cannot be read" in why and "copy it again" in why


def test_torn_adapter_weights_are_said(store: Store, folder: Path) -> None:
    run = made_up_run(store, "one")
    change(run, model=BUILT_IN)
    header = json.dumps({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
    whole = len(header).to_bytes(8, "little") + header + b"\0" * 16
    (run / "adapter" / "adapter_model.safetensors").write_bytes(whole)
    assert read_run(run).notes == ()
    (run / "adapter" / "adapter_model.safetensors").write_bytes(whole[:-1])
    assert "torn" in read_run(run).notes[0]


# ── recipes as runs ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Nap:
    """Settings of a recipe of two stages that learns nothing."""

    problems: Annotated[str, "what to learn from"]
    out: Annotated[str, "folder"]
    rows: Annotated[int, "rows"] = 10
    seeds: Annotated[tuple[int, ...], "seeds"] = (0,)


class Stand(NamedTuple):
    """A recipe, as training/recipes/__init__.py has them."""

    words: str
    settings: type[Any]
    run: Any
    presets: dict[str, Any]


def nap(settings: Nap) -> Path:
    line = Line(Path(settings.out))
    uses = {"rows": settings.rows}
    line.stage("sample", "Sampling", lambda stage: Tally(settings.rows, 7, {"wrong <b>": settings.rows - 7}), uses=uses)
    for seed in settings.seeds:
        if settings.rows == 13:
            raise RunError("13 rows bring bad luck.")
        line.stage(f"seed-{seed}/dpo", "DPO", lambda stage: Tally(7, 7), uses={"seed": seed}, after=("sample",))
    return line.folder / "report.json"


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Stand:
    stand = Stand("A nap", Nap, nap, {"short": Nap(problems="built-in:easy:9:1", out="", rows=8)})
    monkeypatch.setattr(recipe_work, "known_recipes", lambda: {"nap": stand})
    return stand


def asked(**values: Any) -> Settings:
    return Settings(store="", kind="recipe", recipe="nap", recipe_settings=json.dumps(values))


def test_a_recipe_is_a_run_with_stages_counts_and_an_end(folder: Path, recipe: Stand) -> None:
    run_id = jobs.start(asked(preset="short", seeds=[0, 1]), folder)
    assert do(RecipeWork(folder / "runs" / run_id)) == 0
    (folder / "runs" / run_id / "queued").unlink()
    run = jobs.status(folder, run_id)
    assert (run.state, run.stage, run.message) == ("done", "seed-1/dpo", "Done: 3 stages.")
    assert command_of(run.settings, "D") == "python -m training recipe nap --preset short --seeds 0 1 --out D"


def test_a_recipe_that_fails_says_why_and_goes_on_where_it_was(folder: Path, recipe: Stand) -> None:
    problems = folder / "problems.jsonl"
    problems.write_text("{}\n")
    run_id = jobs.start(asked(problems=str(problems), rows=13), folder)
    run = folder / "runs" / run_id
    assert do(RecipeWork(run)) == 1
    (run / "queued").unlink()
    assert jobs.status(folder, run_id).message == "13 rows bring bad luck."
    assert len(read_facts(run)["read"]["problems"]["sha256"]) == 64
    copy = jobs.status(folder, run_care.clone(folder, run_id, {"rows": "12", "device": "cpu"}))
    assert recipe_work.settings_for(copy.settings, copy.folder).rows == 12 and copy.settings.device == "cpu"


@pytest.mark.parametrize(
    ("values", "words"),
    [({}, "needs problems"), ({"preset": "long"}, "no preset"), ({"preset": "short", "row": 1}, "no setting 'row'"),
     ({"preset": "short", "rows": "many"}, "whole number")],
)  # fmt: skip
def test_a_recipe_that_cannot_be_meant_starts_nothing(
    folder: Path, recipe: Stand, values: dict[str, Any], words: str
) -> None:
    with pytest.raises(BadInput, match=words):
        jobs.start(asked(**values), folder)
    assert jobs.list_runs(folder) == []


def test_our_own_recipes_can_be_started_with_their_presets() -> None:
    for name, recipe in recipe_work.known_recipes().items():
        for preset in recipe.presets:
            settings = Settings(
                store="", kind="recipe", recipe=name, recipe_settings=json.dumps({recipe_work.PRESET: preset})
            )
            recipe_work.check(settings)
            values = recipe_work.defaults(recipe, preset)
            assert recipe_work.OUT not in values and values.keys() <= recipe_work.words_of(recipe.settings).keys()


# ── on a Space ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def shared(store: Store) -> Workbench:
    workbench = Workbench(store, model=BUILT_IN)
    workbench.guest_limits = GuestLimits()
    return workbench


def test_a_visitor_changes_their_own_runs_only(shared: Workbench, folder: Path) -> None:
    mine, other = run_rules.new_key(), run_rules.new_key()
    settings = Settings(store=str(shared.store.path), model=BUILT_IN)
    run = jobs.status(folder, run_rules.start(shared, settings, mine))
    assert mine not in (run.folder / FACTS).read_text()
    assert run_rules.may_change(shared, run, mine)
    for key in (other, "", None, 7, run.owner):
        assert not run_rules.may_change(shared, run, key)
    with pytest.raises(RunError, match="have a run going on"):
        run_rules.start(shared, settings, mine)
    with pytest.raises(RunError, match="your own machine"):
        run_rules.start(shared, asked(), other)
    for _ in range(run_rules.MAX_LIVE - 1):
        run_rules.start(shared, settings, run_rules.new_key())
    with pytest.raises(RunError, match="come back"):
        run_rules.start(shared, settings, run_rules.new_key())


def test_programs_on_a_space_cancel_with_the_key_they_were_given(shared: Workbench, folder: Path) -> None:
    api = TrainingApi(shared)
    started = api.start_training(max_pairs=5)
    for key in ("", "guess"):
        with pytest.raises(RunError, match="another visitor's"):
            api.cancel_training(started["run_id"], key)
    assert jobs.status(folder, started["run_id"]).is_live
    assert api.cancel_training(started["run_id"], started["key"])["state"] == "cancelled"


def test_on_ones_own_machine_everybody_may_everything(store: Store) -> None:
    run = read_run(made_up_run(store, "one"))
    assert run_rules.may_change(Workbench(store, model=BUILT_IN), run, "")


def test_a_run_that_waits_is_told_what_it_waits_for(store: Store, folder: Path) -> None:
    first, second = (jobs.start(Settings(store=str(store.path), model=BUILT_IN), folder) for _ in range(2))
    runs = jobs.list_runs(folder)
    assert [run.id for run in run_queue.ahead(runs, jobs.status(folder, second))] == [first]
    assert run_queue.ahead(runs, jobs.status(folder, first)) == []
    assert host() == read_facts(folder / "runs" / first)["host"]


def test_the_command_line_of_a_run_starts_the_same_run(folder: Path) -> None:
    from training.command_line import parse

    settings = Settings(
        store="a store/s.sqlite", model="m", epochs=1.5, learning_rate=1e-6, loss=("ipo",), device="cpu"
    )
    words = shlex.split(command_of(settings))
    assert words[:5] == ["python", "-m", "training", "jobs", "start"]
    assert parse(Settings, words[5:]) == settings
    assert asdict(settings)["recipe"] == ""
    EventLog(folder / "events.jsonl").write("done")


def test_the_command_line_of_every_recipe_means_what_was_asked(folder: Path) -> None:
    """As typed on the screen: text; a switch that the preset has on is turned off."""
    from training.recipes.command import PROGRAM, read_settings

    for name, known in recipe_work.known_recipes().items():
        kinds = recipe_work.types_of(known.settings)
        for preset in ["", *known.presets]:
            values: dict[str, Any] = {"seeds": "4, 5", "epochs": "2", "problems": "built-in:easy:7:1", "model": "m"}
            values |= {item: "no" for item, kind in kinds.items() if kind is bool}
            asked = {item: value for item, value in values.items() if item in kinds} | {recipe_work.PRESET: preset}
            settings = Settings(store="", kind="recipe", recipe=name, recipe_settings=json.dumps(asked))
            words = shlex.split(command_of(settings, "D"))
            assert " ".join(words[:5]) == f"{PROGRAM} {name}"
            assert read_settings(name, known, words[5:]) == recipe_work.settings_for(settings, Path("D"))


def test_a_copied_recipe_says_which_of_its_files_are_not_here(folder: Path, recipe: Stand) -> None:
    settings = asked(problems="/elsewhere/problems.jsonl", model="/home/other/assets/model/solver", rows=3)
    gone = {"problems": "/elsewhere/problems.jsonl", "model": "/home/other/assets/model/solver"}
    assert dict(missing_paths(settings)) == gone
    here = recipe_work.asked_of(run_care.here(settings, folder))
    assert here == {"problems": "/elsewhere/problems.jsonl", "model": BUILT_IN, "rows": 3}
