"""Exploration by several workers: on this machine, on a Slurm cluster, on a Ray cluster.

    explore_by(options, settings, items)         splits the input once, starts the workers, counts what became of it

local     processes of this machine. One that is killed loses nothing: the others take its task over
slurm     an array of jobs, handed to sbatch; --count tells how far they are, and the same command starts what is left
          (a task that a job has in hand is locked: another job leaves it alone)
ray       actors of the cluster at RAY_ADDRESS, else of a Ray started here

Pipelines are datatrove's, and so is whom they run on. Its own pool of local workers waits for ever when one of them is
killed: ours are plain processes, each of which runs one task after another.

Not covered: the engines' own parallelism (vLLM over several GPUs is a server, given by --server).
"""

import argparse
import glob
import importlib.util
import logging
import os
import shlex
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from reasoner.engines import SCRIPTED
from reasoner.errors import BadInput, RunError
from reasoner.scale.counts import Counts
from reasoner.scale.keeping import kept_in, locked
from reasoner.scale.reading import Item
from reasoner.scale.settings import HELD, Settings, hold, read_json, write_json
from reasoner.scale.step import pipeline_of
from reasoner.scale.tasks import counts_of, is_done, num_tasks, split, total

ROOT = Path(__file__).parent.parent.parent  # where `reasoner` is imported from
LOGS = "logs"  # datatrove's, and the workers' output
PLAN = "run.json"  # what local workers are to do
WORKERS = 2
NEEDED = {"local": ("datatrove", "orjson"), "slurm": ("datatrove", "orjson"), "ray": ("datatrove", "orjson", "ray")}


def count(out: Path) -> Counts:
    """What a folder holds, whoever explores into it."""
    if not out.is_dir():
        raise BadInput(f"There is no folder {out}.")
    return total(out) if num_tasks(out) else counts_of(out)


def explore_by(options: argparse.Namespace, settings: Settings, items: Callable[[], Iterable[Item]]) -> Counts:
    """Explore `items` by --executor. Raises BadInput, RunError or StoreError; otherwise returns the counts so far."""
    out: Path = options.out.absolute()
    settings = _from_anywhere(settings)
    missing = [name for name in NEEDED[options.executor] if importlib.util.find_spec(name) is None]
    if missing:
        raise BadInput(
            f"--executor {options.executor} needs {', '.join(missing)}: pip install -e '.[scale]' -c constraints.txt"
        )
    if options.executor == "slurm" and not options.partition:
        raise BadInput("--executor slurm needs --partition: the name of one of the cluster's.")
    workers = options.workers or WORKERS
    if workers < 1:
        raise BadInput("--workers is at least 1.")
    with locked(out):
        if kept_in(out):
            raise BadInput(f"{out} was explored without --executor. Go on so, or name another folder with --out.")
        if not num_tasks(out):
            split(items(), out, options.tasks or workers)
            (out / HELD).unlink(missing_ok=True)  # of a run without --executor that came to nothing
        tasks = num_tasks(out)
        if options.tasks not in (0, tasks):
            raise BadInput(f"{out} was split into {tasks} tasks, and that stays so: leave --tasks out.")
        hold(out, _held(options, settings))
        waiting = _forget_unfinished(out, tasks)
        if waiting:
            _START[options.executor](out, settings, tasks, min(workers, waiting), options)
    return total(out)


def _from_anywhere(settings: Settings) -> Settings:
    """The same, its files named so that a worker finds them whatever its folder is."""
    if settings.model.startswith(SCRIPTED):
        model = SCRIPTED + str(Path(settings.model.removeprefix(SCRIPTED)).absolute())
    else:
        model = _absolute(settings.model)
    return replace(settings, model=model, adapter=_absolute(settings.adapter))


def _absolute(name: str) -> str:
    return str(Path(name).absolute()) if name and Path(name).exists() else name


def _held(options: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """What must stay the same in a rerun."""
    values = asdict(settings) | {"limit": options.limit, "source": options.source}
    values["input"] = ", ".join(str(path.absolute()) for path in options.traces) or "the store"
    return {name: value for name, value in values.items() if name not in ("server", "together")}


def _forget_unfinished(out: Path, tasks: int) -> int:
    """Take from datatrove's completed tasks those in which traces failed; how many tasks are to be done."""
    unfinished = [rank for rank in range(tasks) if not is_done(out, rank)]
    for rank in unfinished:
        (out / LOGS / "completions" / f"{rank:05d}").unlink(missing_ok=True)
    return len(unfinished)


# ── this machine ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _run_local(out: Path, settings: Settings, tasks: int, workers: int, options: argparse.Namespace) -> None:
    write_plan(out, uuid.uuid4().hex, settings, tasks)
    (out / LOGS).mkdir(parents=True, exist_ok=True)
    processes = []
    try:
        for index in range(workers):
            with (out / LOGS / f"worker-{index}.log").open("ab") as log:
                command = [sys.executable, "-m", "reasoner.scale.worker", str(out), str(index)]
                about: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
                processes.append(subprocess.Popen(command, env=_environment(index, workers), **about))
        for index, process in enumerate(processes):
            if process.wait():
                log_file = out / LOGS / f"worker-{index}.log"
                how = f"was killed (signal {-process.returncode})" if process.returncode < 0 else "failed"
                print(f"Worker {index} {how}; see {log_file}.", file=sys.stderr)
    finally:
        for process in processes:
            if process.poll() is None:
                process.terminate()


def _environment(index: int, workers: int) -> dict[str, str]:
    """A worker's share of the machine: its threads, and one of the GPUs where there are any."""
    threads = str(max(1, (os.cpu_count() or 1) // workers))
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    own = {"OMP_NUM_THREADS": threads, **os.environ, "PYTHONPATH": path}
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    gpus = named.split(",") if named else [] if named == "" else sorted(map(_number, glob.glob("/dev/nvidia[0-9]*")))
    if gpus:
        own["CUDA_VISIBLE_DEVICES"] = gpus[index % len(gpus)]
    return own


def _number(device: str) -> str:
    return device.removeprefix("/dev/nvidia")


def write_plan(out: Path, run: str, settings: Settings, tasks: int) -> None:
    """What `plan` reads."""
    write_json({"run": run, "settings": asdict(settings), "tasks": tasks}, out / PLAN)


def plan(out: Path) -> tuple[str, Settings, int]:
    """What a local worker is to do: the run's name, its settings, the number of tasks."""
    values = read_json(out / PLAN)
    return values["run"], Settings(**values["settings"]), values["tasks"]


# ── clusters ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _run_slurm(out: Path, settings: Settings, tasks: int, workers: int, options: argparse.Namespace) -> None:
    from datatrove.executor import SlurmPipelineExecutor

    _be_quiet()
    # the jobs' shell has neither our virtual environment nor our modules
    lines = [f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH"]
    lines += [f"export PYTHONPATH={shlex.quote(str(ROOT))}:${{PYTHONPATH:-}}"]
    executor = SlurmPipelineExecutor(
        pipeline_of(out, settings),
        tasks=tasks,
        time=options.time,
        partition=options.partition,
        cpus_per_task=options.cpus,
        mem_per_cpu_gb=options.memory,
        gpus_per_task=options.gpus,
        workers=workers,
        job_name="first-pit",
        qos=options.qos or None,
        env_command="\n".join(lines),
        logging_dir=str(out / LOGS),
    )
    try:
        executor.run()
    except FileNotFoundError as error:
        raise BadInput("There is no sbatch here. Run the command on a login node of the Slurm cluster.") from error
    except subprocess.CalledProcessError as error:
        raise RunError(f"sbatch refused the jobs (exit code {error.returncode}); what it said is above.") from error
    print(f"Handed to Slurm as job {executor.job_id}. Run the same command with --count to see how far it is.")


def _run_ray(out: Path, settings: Settings, tasks: int, workers: int, options: argparse.Namespace) -> None:
    import ray
    from datatrove.executor import RayPipelineExecutor

    _be_quiet()
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    os.environ.setdefault("RAY_worker_register_timeout_seconds", "300")  # 60 are too few on a very busy machine
    environment = {"env_vars": {"PYTHONPATH": str(ROOT)}}
    local = {} if os.environ.get("RAY_ADDRESS") else {"num_cpus": workers * options.cpus, "include_dashboard": False}
    try:
        ray.init(runtime_env=environment, log_to_driver=False, logging_level=logging.WARNING, **local)
    except (ConnectionError, OSError, ValueError) as error:
        raise RunError(f"Ray cannot be reached: {error}. See to RAY_ADDRESS, or leave it out.") from error
    try:
        RayPipelineExecutor(
            pipeline_of(out, settings),
            tasks=tasks,
            workers=workers,
            cpus_per_task=options.cpus,
            mem_per_cpu_gb=options.memory if os.environ.get("RAY_ADDRESS") else 0,
            gpus_per_task=options.gpus,
            logging_dir=str(out / LOGS),
        ).run()
    finally:
        ray.shutdown()


def _be_quiet() -> None:
    """datatrove tells of every step on standard error; what matters is in its log files."""
    from loguru import logger

    logger.remove()
    logger.add(sys.stderr, level="ERROR")


_START: dict[str, Callable[[Path, Settings, int, int, argparse.Namespace], None]] = {
    "local": _run_local,
    "slurm": _run_slurm,
    "ray": _run_ray,
}
