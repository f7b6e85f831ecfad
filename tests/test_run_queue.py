"""The queue: one run at a time on each device, in order, whoever starts them and whoever is killed."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from reasoner.errors import BadInput, RunError
from reasoner.store import Store
from tests import napping
from training import devices, jobs, processes, run_queue
from training.locks import Lock
from training.progress import read_events
from training.run_folder import QUEUED
from training.run_settings import Settings

PROGRAM = """
import sys; from pathlib import Path
from tests import napping; from training import jobs, processes
processes.COMMAND = napping.COMMAND
folder = Path(sys.argv[1])
print(jobs.start(jobs.Settings(store=str(folder / "store.sqlite")), folder))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(processes, "COMMAND", napping.COMMAND)
    monkeypatch.setenv("PYTHONPATH", str(processes.ROOT))
    Store(tmp_path / "store.sqlite").close()
    yield tmp_path
    for run in [*jobs.list_runs(tmp_path)]:
        (run.folder / QUEUED).unlink(missing_ok=True)
    for run in jobs.list_runs(tmp_path):
        jobs.cancel(tmp_path, run.id)


def settings(folder: Path, device: str = "") -> Settings:
    return Settings(store=str(folder / "store.sqlite"), device=device)


def wait(condition: Callable[[], object], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.03)


def state(folder: Path, run_id: str) -> str:
    return jobs.status(folder, run_id).state


def pid(folder: Path, run_id: str) -> int:
    return int(json.loads((folder / "runs" / run_id / "process.json").read_text())["pid"])


def finish(folder: Path, run_id: str) -> None:
    (folder / "runs" / run_id / "finish").touch()


def test_a_second_run_waits_and_starts_by_itself_in_order(folder: Path) -> None:
    first, second, third = (jobs.start(settings(folder), folder) for _ in range(3))
    wait(lambda: state(folder, first) == "running")
    waiting = jobs.status(folder, third)
    assert (waiting.state, waiting.is_live) == ("waiting", True) and "queue" in waiting.message
    assert [run.id for run in run_queue.ahead(jobs.list_runs(folder), waiting)] == sorted([first, second], reverse=True)
    finish(folder, first)
    wait(lambda: state(folder, second) == "running")  # nobody pumps here: the first run's process started it
    assert (state(folder, first), state(folder, third)) == ("done", "waiting")
    finish(folder, second)
    wait(lambda: state(folder, third) == "running")


def test_each_device_has_its_own_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    assert devices.devices() == ["cuda:0", "cuda:1", "cuda:all", "cpu"]
    assert devices.environment("cuda:1")["CUDA_VISIBLE_DEVICES"] == "7"
    assert devices.environment("cpu")["CUDA_VISIBLE_DEVICES"] == ""
    card, processor, other = (jobs.start(settings(folder, device), folder) for device in ("", "cpu", "cuda:0"))
    wait(lambda: (state(folder, card), state(folder, processor)) == ("running", "running"))
    assert (jobs.status(folder, card).device, state(folder, other)) == ("cuda:0", "waiting")
    finish(folder, processor)  # a run on the processor sees no card, and still leaves the cards' queue alone
    wait(lambda: state(folder, processor) == "done")
    time.sleep(0.3)
    assert (state(folder, other), jobs.status(folder, other).device) == ("waiting", "cuda:0")
    finish(folder, card)
    wait(lambda: state(folder, other) == "running")
    with pytest.raises(BadInput, match="no device 'cuda:2' here"):
        jobs.start(settings(folder, "cuda:2"), folder)


def test_a_launcher_has_every_card_and_waits_for_each(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    assert devices.environment("cuda:all")["CUDA_VISIBLE_DEVICES"] == "4,7"
    first = jobs.start(settings(folder, "cuda:1"), folder)
    wait(lambda: state(folder, first) == "running")
    every = jobs.start(settings(folder, "cuda:all"), folder)
    late = jobs.start(settings(folder, "cuda:0"), folder)  # its card is free, and it came later
    time.sleep(0.5)
    assert (state(folder, every), state(folder, late)) == ("waiting", "waiting")
    assert [run.id for run in run_queue.ahead(jobs.list_runs(folder), jobs.status(folder, every))] == [first]
    finish(folder, first)
    wait(lambda: state(folder, every) == "running")
    assert state(folder, late) == "waiting"
    finish(folder, every)
    wait(lambda: state(folder, late) == "running")


def test_processes_that_start_at_once_do_not_share_a_device(folder: Path) -> None:
    racing = [
        subprocess.Popen([sys.executable, "-c", PROGRAM, str(folder)], cwd=processes.ROOT, stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    ids = [process.communicate(timeout=60)[0].decode().strip() for process in racing]
    wait(lambda: [state(folder, run_id) for run_id in ids].count("running") == 1)
    for _ in range(3):
        running = next(run_id for run_id in ids if state(folder, run_id) == "running")
        assert sum(processes.find(folder / "runs" / run_id) is not None for run_id in ids) == 1
        finish(folder, running)
        wait(lambda: state(folder, running) == "done")  # noqa: B023
        left = [run_id for run_id in ids if state(folder, run_id) != "done"]
        wait(lambda: not left or "running" in [state(folder, run_id) for run_id in left])  # noqa: B023
    began = {run_id: read_events(folder / "runs" / run_id / "events.jsonl") for run_id in ids}
    spans = sorted((events[0]["time"], events[-1]["time"]) for events in began.values())
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))


def test_a_run_started_behind_the_queues_back_waits_for_the_device(folder: Path) -> None:
    held = Lock(folder / "runs" / ".cpu.lock")
    held.take()
    run_id = jobs.start(settings(folder, "cpu"), folder)
    time.sleep(1.5)
    assert state(folder, run_id) == "waiting"
    held.release()
    wait(lambda: state(folder, run_id) == "running")


def test_one_run_is_never_done_by_two_processes(folder: Path) -> None:
    run_id = jobs.start(settings(folder), folder)
    wait(lambda: state(folder, run_id) == "running")
    second = subprocess.run([*napping.COMMAND, str(folder / "runs" / run_id)], cwd=processes.ROOT, timeout=30)
    assert second.returncode == 0 and state(folder, run_id) == "running"
    assert [event["kind"] for event in read_events(folder / "runs" / run_id / "events.jsonl")] == ["stage"]


def test_a_killed_trainer_frees_the_device_for_the_next_look(folder: Path) -> None:
    first, second = (jobs.start(settings(folder), folder) for _ in range(2))
    wait(lambda: state(folder, first) == "running")
    os.killpg(pid(folder, first), signal.SIGKILL)
    wait(lambda: state(folder, first) == "failed")
    assert state(folder, second) == "waiting"
    run_queue.keep_pumping(folder)  # what the app does
    wait(lambda: state(folder, second) == "running")
    jobs.resume(folder, first)
    assert state(folder, first) == "waiting"  # behind the one that goes on
    finish(folder, second)
    wait(lambda: state(folder, first) == "running")


KILLED = {
    "before it is a run": "os.rename = lambda *_: os.kill(os.getpid(), 9)",
    "before it has a process": "processes.launch = lambda *_: os.kill(os.getpid(), 9)",
    "before it is out of the queue": (
        "launch = processes.launch\nprocesses.launch = lambda *a: launch(*a) or os.kill(os.getpid(), 9)"
    ),
    "before its process is noted": "processes._write = lambda *_: os.kill(os.getpid(), 9)",
}


@pytest.mark.parametrize("when", KILLED)
def test_a_program_killed_while_it_starts_a_run_leaves_no_half_run(folder: Path, when: str) -> None:
    program = PROGRAM.replace("folder =", f"import os\n{KILLED[when]}\nfolder =", 1)
    killed = subprocess.run([sys.executable, "-c", program, str(folder)], cwd=processes.ROOT, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    runs = jobs.list_runs(folder)
    assert len(runs) == (0 if when == "before it is a run" else 1)
    run_id = runs[0].id if runs else jobs.start(settings(folder), folder)
    run_queue.pump(folder)
    wait(lambda: state(folder, run_id) == "running")
    finish(folder, run_id)
    wait(lambda: state(folder, run_id) == "done")
    assert [event["kind"] for event in read_events(folder / "runs" / run_id / "events.jsonl")] == ["stage", "done"]
    assert not (folder / "runs" / run_id / QUEUED).exists()


def test_a_waiting_run_can_be_cancelled_and_comes_back_at_the_end(folder: Path) -> None:
    first, second, third = (jobs.start(settings(folder), folder) for _ in range(3))
    jobs.cancel(folder, second)
    assert state(folder, second) == "cancelled"
    with pytest.raises(RunError, match="going on"):
        jobs.resume(folder, third)
    jobs.resume(folder, second)
    finish(folder, first)
    wait(lambda: state(folder, third) == "running")
    assert state(folder, second) == "waiting"
    jobs.cancel(folder, third)  # and the next one starts
    wait(lambda: state(folder, second) == "running")


def test_a_process_that_cannot_be_started_is_the_runs_message(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "COMMAND", ("/no/such/python",))
    run_id = jobs.start(settings(folder), folder)
    failed = jobs.status(folder, run_id)
    assert failed.state == "failed" and "could not be started" in failed.message


def test_a_lock_is_held_by_one_thread_and_let_go(tmp_path: Path) -> None:
    lock, other = Lock(tmp_path / "lock"), Lock(tmp_path / "lock")
    assert lock.take() and not other.take(wait=False)
    taken = threading.Thread(target=other.take)
    taken.start()
    lock.release()
    taken.join(5)
    assert not taken.is_alive() and not lock.take(wait=False)
    other.release()
