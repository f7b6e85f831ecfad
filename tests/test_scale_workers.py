"""Exploration by several workers: processes of this machine, Slurm's jobs, Ray's actors."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from reasoner.__main__ import main
from reasoner.scale import executors
from reasoner.scale.keeping import scan
from reasoner.scale.rows import batches, iter_rows, num_rows, read_row, shards
from reasoner.scale.settings import Settings
from reasoner.scale.tasks import input_of, is_done, task_folder, total
from tests.scale_help import PIT, rows, write_script, write_short, write_traces

pytest.importorskip("datatrove")
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
PYTHON = [sys.executable, "-m", "reasoner"]


def command(traces: Path, out: Path, model: str, *more: str) -> list[str]:
    about = ["--model", model, "--method", "linear", "-k", "1"]
    return ["explore", "--traces", str(traces), "--out", str(out), *about, *more]


def run(arguments: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PYTHON, *arguments], cwd=ROOT, capture_output=True, text=True, env={**os.environ, **environment}
    )


def ids_in(out: Path) -> list[str]:
    return sorted(row["trace_id"] for path in shards(out) for batch in batches(path, ["trace_id"]) for row in batch)


def counts_in(out: Path) -> dict[str, Any]:
    return total(out).values()


# ── this machine ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="children are looked up in /proc")
def test_two_workers_one_killed_and_the_other_does_its_part_too(tmp_path: Path) -> None:
    num, out = 2400, tmp_path / "out"
    traces, script = write_short(tmp_path, num)
    more = ["--executor", "local", "--workers", "2"]
    process = subprocess.Popen(
        [*PYTHON, *command(traces, out, script, *more)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not all(scan(task_folder(out, rank)).explored > 200 for rank in (0, 1)):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    victim = next(
        child for child in _children(process.pid) if Path(f"/proc/{child}/cmdline").read_bytes().endswith(b"\x001\x00")
    )
    os.kill(victim, signal.SIGKILL)
    printed, told = process.communicate()
    assert process.returncode == 0, told
    assert "Worker 1 was killed (signal 9)" in told and "Traceback" not in told
    assert f"{num:,} explored" in printed
    ids = ids_in(out)
    assert len(ids) == len(set(ids)) == num == counts_in(out)["explored"]
    assert counts_in(out)["explored_before"] > 0  # what the killed one had kept was not explored again


def test_all_workers_killed_and_a_rerun_does_exactly_the_rest(tmp_path: Path) -> None:
    num, out = 1500, tmp_path / "out"
    traces, script = write_short(tmp_path, num, unknown=(11,))
    arguments = command(traces, out, script, "--executor", "local", "--workers", "2", "--tasks", "3")
    process = subprocess.Popen(
        [*PYTHON, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while not scan(task_folder(out, 0)).explored > 100:
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = counts_in(out)
    assert 0 < before["explored"] < num and before["waiting"] > 0 and not before["is_complete"]
    done = run(arguments)
    after = counts_in(out)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert after["explored"] == num - 100 == len(set(ids_in(out))) == num_rows(out)
    assert after["num_failed"] == 100 and f"{after['num_failed']} failed" in done.stdout
    assert [is_done(out, rank) for rank in range(3)].count(False) == 1  # only the failed traces' task is tried again
    assert run(arguments).returncode == 1 and counts_in(out)["explored"] == num - 100


def test_a_task_gets_all_traces_of_a_problem_and_its_rows_are_as_they_were(tmp_path: Path) -> None:
    traces, script = write_traces(tmp_path / "a.jsonl", 250), write_script(tmp_path / "script.jsonl", 250)
    out = tmp_path / "out"
    assert run(command(traces, out, script, "--executor", "local", "--tasks", "2")).returncode == 0
    assert sum(input_of(out)["traces"]) == 250
    for rank in (0, 1):
        problems = {one.problem.id for one in iter_rows(task_folder(out, rank))}
        assert len(problems) * 100 >= len(ids_in(task_folder(out, rank)))
    assert ids_in(out) == sorted(one.id for one, _ in rows(250)) and read_row(out, 249).pit.step == PIT
    assert main(["explore", "--count", "--out", str(out)]) == 0


def test_what_must_stay_the_same_is_held_in_a_rerun(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    traces, script = write_traces(tmp_path / "a.jsonl", 20), write_script(tmp_path / "script.jsonl", 20)
    out = tmp_path / "out"
    more = ["--executor", "local", "--workers", "1"]
    assert main(command(traces, out, script, *more)) == 0
    capsys.readouterr()
    assert main(command(traces, out, script, *more, "--tasks", "2")) == 2
    assert "was split into 1 tasks, and that stays so" in capsys.readouterr().err
    assert main([*command(traces, out, script, *more), "-k", "3"]) == 2
    assert "k = 1, and now k is 3" in capsys.readouterr().err
    assert main(command(traces, tmp_path / "plain", script)) == 0
    assert main(command(traces, tmp_path / "plain", script, *more)) == 2
    assert "was explored without --executor" in capsys.readouterr().err
    assert main(command(traces, out, script)) == 2
    assert "was explored with --executor" in capsys.readouterr().err


def test_a_first_try_that_came_to_nothing_holds_nobody_to_its_settings(tmp_path: Path) -> None:
    traces, script = write_traces(tmp_path / "a.jsonl", 20), write_script(tmp_path / "script.jsonl", 20)
    for more in (["--executor", "local", "--workers", "1"], []):
        out = tmp_path / f"out{len(more)}"
        assert main([*command(tmp_path / "typo.jsonl", out, script, *more), "-k", "7"]) == 2
        assert main(command(traces, out, script, *more)) == 0


def test_an_engine_that_cannot_be_loaded_is_said_and_counted_as_not_done(tmp_path: Path) -> None:
    traces = write_traces(tmp_path / "a.jsonl", 20)
    done = run(command(traces, tmp_path / "out", "scripted:no-such-file", "--executor", "local", "--workers", "1"))
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "20 not done yet" in done.stdout and "no-such-file cannot be read" in done.stdout


def test_without_the_extra_its_name_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(executors.NEEDED, "local", ("no_such_library",))
    assert main(command(tmp_path / "a.jsonl", tmp_path / "out", "scripted:x", "--executor", "local")) == 2
    assert "needs no_such_library: pip install -e '.[scale]'" in capsys.readouterr().err


@pytest.mark.parametrize(("visible", "wanted"), [("2,5", ["2", "5", "2"]), ("", ["", "", ""])])
def test_each_local_worker_gets_one_gpu(visible: str, wanted: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    given = [executors._environment(index, 3)["CUDA_VISIBLE_DEVICES"] for index in range(3)]
    assert given == wanted


# ── clusters ─────────────────────────────────────────────────────────────────────────────────────────────────────────

SBATCH = """#!/bin/bash
# Stands for Slurm: keeps the script, and runs each job of its array here and now, one after another.
for script; do :; done
cp "$script" "$SLURM_LOG/$(ls "$SLURM_LOG" | wc -l).sh"
if grep -q launch_pickled_pipeline "$script"; then
  last=$(sed -n 's/^#SBATCH --array=0-\\([0-9]*\\).*/\\1/p' "$script")
  for index in $(seq 0 "$last"); do
    SLURM_ARRAY_TASK_ID=$index SLURM_NODELIST=here SLURM_JOB_ID=7 bash "$script" >&2 || true
  done
fi
echo "Submitted batch job 7"
"""
SRUN = '#!/bin/bash\nwhile [[ "$1" == -* || "$1" == 1 ]]; do shift; done\nexec "$@"\n'
SCONTROL = "#!/bin/bash\necho here\n"


def test_slurm_gets_an_array_of_jobs_that_explores_each_task(tmp_path: Path) -> None:
    programs, log = tmp_path / "bin", tmp_path / "log"
    programs.mkdir()
    log.mkdir()
    for name, text in {"sbatch": SBATCH, "srun": SRUN, "scontrol": SCONTROL}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    traces, script = write_traces(tmp_path / "a.jsonl", 220), write_script(tmp_path / "script.jsonl", 220)
    out = tmp_path / "out"
    more = ["--executor", "slurm", "--workers", "2", "--tasks", "2", "--partition", "gpu", "--time", "2:00:00"]
    more += ["--gpus", "1", "--cpus", "8", "--memory", "6", "--qos", "high"]
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    done = run(command(traces, out, script, *more), PATH=path, SLURM_LOG=str(log))
    assert done.returncode == 0, done.stderr
    assert "Handed to Slurm as job 7" in done.stdout
    said = (log / "0.sh").read_text()
    wanted = ["partition=gpu", "time=2:00:00", "gpus=1", "cpus-per-task=8", "mem-per-cpu=6G", "qos=high", "array=0-1%2"]
    assert [line for line in wanted if f"#SBATCH --{line}\n" not in said] == []
    assert ids_in(out) == sorted(one.id for one, _ in rows(220)) and counts_in(out)["is_complete"]
    again = run(command(traces, out, script, *more), PATH=path, SLURM_LOG=str(log))
    assert again.returncode == 0 and "Handed" not in again.stdout and "220 explored" in again.stdout


def test_without_slurm_here_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    traces, script = write_traces(tmp_path / "a.jsonl", 5), write_script(tmp_path / "script.jsonl", 5)
    more = ["--executor", "slurm", "--partition", "gpu"]
    done = run(command(traces, tmp_path / "out", script, *more), PATH=str(tmp_path))
    assert done.returncode == 2 and "no sbatch here" in done.stderr and "Traceback" not in done.stderr


def test_the_ray_executor_explores_on_a_local_ray_of_two_workers(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    traces, script = write_traces(tmp_path / "a.jsonl", 220), write_script(tmp_path / "script.jsonl", 220, unknown=(2,))
    out = tmp_path / "out"
    arguments = command(traces, out, script, "--executor", "ray", "--workers", "2")
    done = run(arguments, RAY_ADDRESS="")
    assert done.returncode == 1, done.stderr  # a problem's 20 solutions failed
    said = counts_in(out)
    assert (said["explored"], said["num_failed"], said["waiting"]) == (200, 20, 0), done.stdout + done.stderr
    assert ids_in(out) == sorted(one.id for one, _ in rows(200))
    assert all((out / "logs" / "stats" / f"0000{rank}.json").is_file() for rank in (0, 1))
    assert sum(json.loads((task_folder(out, rank) / "counts.json").read_text())["explored"] for rank in (0, 1)) == 200


def test_the_settings_a_worker_reads_are_those_it_was_given(tmp_path: Path) -> None:
    settings = Settings(model="m", server="http://a,http://b", k=7, budget=100, judged_by="agreement")
    executors.write_plan(tmp_path, "run", settings, 5)
    assert executors.plan(tmp_path) == ("run", settings, 5)
