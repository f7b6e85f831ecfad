"""Runs in processes of their own: what a page sees, and what survives a kill."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import psutil
import pytest

from reasoner.errors import BadInput, RunError
from reasoner.records import Label
from reasoner.store import Store
from tests.training_help import RIGHT, WRONG, problem, tiny_solver, trace
from training import jobs
from training.processes import ROOT
from training.progress import EventLog, latest, read_events
from training.report import read_report
from training.run_facts import hash_file, read_facts
from training.work import Work, do


@pytest.fixture(scope="module")
def solver(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_solver(tmp_path_factory.mktemp("solver"))


def fill(store: Store, num: int, is_solvable: bool = True) -> None:
    """`num` problems with a flagged wrong trace and, if solvable, a right one that shares its first step."""
    for number in range(2, 2 + num):
        of = problem(number)
        store.add_problems([of])
        wrong = trace(of, WRONG.replace("+ 2 = 6", f"+ {number} = {number + 4}").replace("is 6", f"is {number + 4}"))
        right = trace(of, RIGHT.replace("+ 2 = 5", f"+ {number} = {number + 3}").replace("is 5", f"is {number + 3}"))
        store.add_traces([wrong, right] if is_solvable else [wrong])
        store.add_label(Label.of(wrong, kind="first_wrong", step=1, annotator="ada"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Store(tmp_path / "store.sqlite") as store:
        fill(store, 4)
    return tmp_path


@pytest.fixture
def settings(solver: str, folder: Path) -> Iterator[jobs.Settings]:
    yield jobs.Settings(
        store=str(folder / "store.sqlite"), model=solver, num_problems=2, epochs=1, batch=2, level="easy"
    )
    for run in jobs.list_runs(folder):  # no test leaves a process behind
        jobs.cancel(folder, run.id)


def wait(condition: Callable[[], object], seconds: float = 300) -> None:  # 10 when nothing else runs
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.1)


def finished(folder: Path, run_id: str) -> jobs.Run:
    wait(lambda: not jobs.status(folder, run_id).is_live)
    return jobs.status(folder, run_id)


@pytest.fixture
def sleeper() -> Iterator[int]:
    """The pid of a process that does nothing, in a session of its own as a run's is."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], start_new_session=True)
    yield process.pid
    process.kill()
    process.wait()


def made_up(folder: Path, settings: jobs.Settings, run_id: str = "run", pid: int | None = None) -> Path:
    """A run's folder as a process with `pid` would have it, without one being started."""
    run = folder / "runs" / run_id
    run.mkdir(parents=True)
    (run / "settings.json").write_text(json.dumps(asdict(settings)))
    if pid is not None:
        began = psutil.Process(pid).create_time()
        (run / "process.json").write_text(json.dumps({"pid": pid, "began": began}))
    return run


def test_a_run_goes_from_labels_to_a_report_in_a_process_of_its_own(folder: Path, settings: jobs.Settings) -> None:
    run_id = jobs.start(settings, folder)
    second = jobs.start(settings, folder)
    assert "queue" in jobs.status(folder, second).message  # tests/test_run_queue.py has the queue
    jobs.cancel(folder, second)
    written = json.loads((folder / "runs" / run_id / "process.json").read_text())
    assert (
        os.getsid(written["pid"]) == written["pid"] != os.getsid(0)
    )  # neither a closed page nor a stopped app ends it
    run = finished(folder, run_id)
    log = (run.folder / "log.txt").read_text()
    assert (run.state, run.adapter) == ("done", run.folder / "adapter"), log
    events = read_events(run.folder / "events.jsonl")
    assert [event["stage"] for event in events if event["kind"] == "stage"] == ["pairs", "train", "evaluate"]
    assert latest(events, "pairs")["counts"]["kept"] == 4  # type: ignore[index]
    report = read_report(run.folder / "report.json")
    assert (len(report.pits), report.num_problems + report.num_unjudged) == (4, 2)
    assert "Traceback" not in log and "Warning" not in log
    assert [one.state for one in jobs.list_runs(folder) if one.id != run_id] == ["cancelled"]
    facts = read_facts(run.folder)
    assert facts["read"]["store"]["labels"] == 4 and len(facts["read"]["store"]["snapshot"]) == 16
    assert facts["read"]["pairs.jsonl"]["sha256"] == hash_file(run.folder / "pairs.jsonl")
    assert (
        len(facts["read"]["model"]["sha256"]) == 64 and {"python", "code", "torch", "trl"} <= facts["versions"].keys()
    )
    assert jobs.active_run(folder) is None
    assert (folder / "rates.json").is_file()


@pytest.mark.slow
def test_a_cancelled_run_ends_with_all_its_processes_and_can_be_resumed(folder: Path, settings: jobs.Settings) -> None:
    run_id = jobs.start(replace(settings, epochs=4000), folder)
    run = folder / "runs" / run_id
    wait(lambda: latest(read_events(run / "events.jsonl"), "train"))
    pid = json.loads((run / "process.json").read_text())["pid"]
    jobs.cancel(folder, run_id)
    cancelled = jobs.status(folder, run_id)
    assert cancelled.state == "cancelled"
    assert "kept" in cancelled.message
    assert cancelled.adapter is not None
    assert not psutil.pid_exists(pid)
    (run / "settings.json").write_text(json.dumps(asdict(replace(settings, epochs=1))))
    jobs.resume(folder, run_id)
    assert finished(folder, run_id).state == "done"


def test_a_killed_run_is_seen_as_such(folder: Path, settings: jobs.Settings) -> None:
    run_id = jobs.start(replace(settings, epochs=4000), folder)
    run = folder / "runs" / run_id
    wait(lambda: latest(read_events(run / "events.jsonl"), "stage"))
    os.killpg(json.loads((run / "process.json").read_text())["pid"], signal.SIGKILL)
    gone = finished(folder, run_id)
    assert gone.state == "failed"
    assert "Resume" in gone.message
    assert jobs.active_run(folder) is None


def test_zero_usable_pairs_fail_with_their_counts(folder: Path, settings: jobs.Settings) -> None:
    with Store(folder / "empty.sqlite") as store:
        of = problem()
        store.add_problems([of])
        wrong = trace(of, WRONG)
        store.add_traces([wrong])
        store.add_label(Label.of(wrong, kind="unsure", annotator="ada"))
    run = made_up(folder, replace(settings, store=str(folder / "empty.sqlite")))
    assert do(Work(run)) == 1
    failed = jobs.status(folder, "run")
    assert failed.state == "failed"
    assert "No usable pairs" in failed.message and "1 dropped: marked unsure" in failed.message


def test_a_missing_model_is_the_runs_message_not_a_traceback(
    folder: Path, settings: jobs.Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    run = made_up(folder, replace(settings, model=str(folder / "nowhere")))
    assert do(Work(run)) == 1
    assert "nowhere" in jobs.status(folder, "run").message
    assert "Traceback" not in capfd.readouterr().err


def test_pits_are_looked_for_where_nobody_has_judged(folder: Path, settings: jobs.Settings) -> None:
    """A random solver never recovers: each unjudged wrong trace gets a pit, and each judged one none."""
    with Store(folder / "store.sqlite") as store:
        of = problem(20)
        store.add_problems([of])
        store.add_traces([trace(of, WRONG)])
        work = Work(made_up(folder, replace(settings, num_explore=5)))
        work.explore()
        assert [pit.problem_id for pit in store.pits()] == [of.id]
        assert latest(read_events(work.events.path), "progress")["total"] == 1  # type: ignore[index]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0),
        ("epochs", float("nan")),
        ("learning_rate", -1),
        ("batch", "8"),
        ("origin", "x"),
        ("loss", ("rm -rf",)),
    ],
)
def test_values_that_cannot_be_meant_start_nothing(
    folder: Path, settings: jobs.Settings, name: str, value: object
) -> None:
    with pytest.raises(BadInput, match=name.replace("_", " ").capitalize()):
        jobs.start(replace(settings, **{name: value}), folder)  # type: ignore[arg-type]
    assert jobs.list_runs(folder) == []


@pytest.mark.parametrize("model", ["scripted:tour.jsonl"])
def test_only_a_local_model_can_be_trained(folder: Path, settings: jobs.Settings, model: str) -> None:
    with pytest.raises(RunError, match="cannot be trained here"):
        jobs.start(replace(settings, model=model), folder)


def test_a_store_that_is_not_there_is_said(folder: Path, settings: jobs.Settings) -> None:
    with pytest.raises(RunError, match="no store"):
        jobs.start(replace(settings, store=str(folder / "none.sqlite")), folder)


def test_a_full_disk_is_said(folder: Path, settings: jobs.Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(RunError, match="disk full"):
        jobs.start(settings, folder)


def test_a_disk_that_fills_while_training_is_the_runs_message(folder: Path, settings: jobs.Settings) -> None:
    class Full(Work):
        def run(self) -> None:
            raise OSError(28, "No space left on device")

    run = made_up(folder, settings)
    assert do(Full(run)) == 1
    assert "disk is full" in jobs.status(folder, "run").message


def test_a_pid_that_another_process_has_now_is_not_the_run(folder: Path, settings: jobs.Settings, sleeper: int) -> None:
    run = made_up(folder, settings, pid=sleeper)
    assert jobs.status(folder, "run").state == "waiting"
    began = psutil.Process(sleeper).create_time() - 1000
    (run / "process.json").write_text(json.dumps({"pid": sleeper, "began": began}))
    assert jobs.status(folder, "run").state == "failed"


def test_the_state_is_told_by_files_alone(folder: Path, settings: jobs.Settings, sleeper: int) -> None:
    """Another program sees what this one sees."""
    run = made_up(folder, settings, pid=sleeper)
    EventLog(run / "events.jsonl").write("stage", stage="train", message="Fine-tuning …")
    code = (
        f"from training import jobs; from pathlib import Path; print(jobs.status(Path({str(folder)!r}), 'run').state)"
    )
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert seen.stdout.strip() == jobs.status(folder, "run").state == "running"


@pytest.mark.parametrize("run_id", ["", "none", "../runs", "/etc"])
def test_a_run_that_is_not_there_is_said(folder: Path, run_id: str) -> None:
    with pytest.raises(RunError, match="no run"):
        jobs.status(folder, run_id)


def test_a_run_with_broken_settings_does_not_hide_the_others(
    folder: Path, settings: jobs.Settings, sleeper: int
) -> None:
    broken = made_up(folder, settings, "broken")
    (broken / "settings.json").write_text("{")
    made_up(folder, settings, "whole", pid=sleeper)
    assert [run.id for run in jobs.list_runs(folder)] == ["whole"]


def test_torn_and_foreign_lines_of_an_event_file_are_passed_over(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    log.write("train", loss=float("nan"), text="line\u2028separator")
    with log.path.open("a") as file:
        file.write('[1]\n{"kind": "tor')
    log.write("done")
    first, last = read_events(log.path)
    assert (first["loss"], first["text"], last["kind"]) == (None, "line\u2028separator", "done")


def test_the_command_line_starts_lists_and_cancels(
    folder: Path, settings: jobs.Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    from training.__main__ import main

    options = ["--store", settings.store, "--model", settings.model, "--epochs", "4000", "--num-problems", "0"]
    assert main(["jobs", "start", *options]) == 0
    run_id = capsys.readouterr().out.strip()
    assert main(["jobs", "--data-folder", str(folder), "cancel", run_id]) == 0
    assert "cancelled" in capsys.readouterr().out
    assert main(["jobs", "--data-folder", str(folder), "show", "nothing"]) == 2
    assert "no run" in capsys.readouterr().err
