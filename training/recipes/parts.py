"""Stages that several recipes are made of: problems of several sources, sampling, fine-tuning, preferring, measuring.

    with opened(settings, "fdd") as line:
        choose(line, "built-in:easy:400:51,built-in:medium:200:51", "")
        solver = tune(line, "sft", "Fine-tuning on …", start, rows, Tuning(epochs=2.0), after=["rows"])
        measured = measured_row(line, "sft", solver, problems, Measuring(num_samples=8), 0, after=["sft"])

Each is one stage of the line (stages.py): done whole, passed over when it is done, never mixed with other settings.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from reasoner.errors import BadInput, RunError, WorkbenchError
from reasoner.formats import format_named
from reasoner.records import Problem
from reasoner.scale.keeping import Busy, locked
from training import dpo, sft
from training.recipes.begin import begin
from training.recipes.means import IN_THIS_PROCESS, Means
from training.recipes.measure import measure
from training.recipes.measured import Measured, read_measured
from training.recipes.problems import HELD_OUT, fingerprint, held_out_spec, read_source, split, write_problems
from training.recipes.sampling import count, fitting, sample_into
from training.recipes.solver import Solver, engine_of, trained
from training.recipes.stages import Line, Stage, Tally
from training.recipes.trainers import facts, train

Solvers = dict[str, dict[int, Solver]]
"""Row of the report → seed → its solver."""
SAMPLES = "samples.jsonl"


@dataclass(frozen=True, slots=True)
class Tuning:
    """How a stage is trained; None leaves the number that training/sft.py or dpo.py has."""

    epochs: float
    learning_rate: float
    batch: int
    rank: int  # of LoRA; 0: all weights
    seed: int = 0
    beta: float | None = None  # of preferences alone
    means: Means = IN_THIS_PROCESS


@contextmanager
def opened(settings: Any, recipe: str) -> Iterator[Line]:
    """The recipe's line while nobody else works in its folder; a failure is an event too."""
    if not settings.out:
        raise BadInput("Name a folder for the recipe with --out.")
    line = Line(Path(settings.out))
    try:
        with locked(line.folder):
            begin(line, recipe, settings)
            yield line
            line.events.write("done", message=f"{recipe} is done")
    except Busy as error:
        raise RunError(f"Another process works in {line.folder}: wait until it ends, or name another --out.") from error
    except WorkbenchError as error:
        line.events.write("failed", message=str(error))
        raise


def choose(line: Line, problems: str, held_out: str) -> None:
    """The stage `problems`, of one source or several with commas between them. Raises BadInput where there is none."""
    learnt = [spec.strip() for spec in problems.split(",") if spec.strip()]
    if not learnt:
        raise BadInput("Name problems to learn from with --problems: a file, or built-in:easy:1000:5.")
    measured = [spec.strip() for spec in held_out.split(",") if spec.strip()]
    measured = measured or list(dict.fromkeys(held_out_spec("", spec) for spec in learnt))

    def work(stage: Stage) -> Tally:
        found = {side: [read_source(spec) for spec in specs] for side, specs in sides.items()}
        each = {side: _once([p for read in reads for p in read.problems]) for side, reads in found.items()}
        to_learn, to_measure, dropped = split(each["to learn from"], each["held out"])
        for side, reads in found.items():
            for read in reads:
                for reason, num in read.dropped.items():
                    dropped[f"{side}: {reason}"] = dropped.get(f"{side}: {reason}", 0) + num
            again = sum(len(read.problems) for read in reads) - len(each[side])
            dropped |= {f"{side}: in another source too": again} if again else {}
        if not to_learn or not to_measure:
            raise BadInput(f"No problem {'to learn from' if not to_learn else 'to measure on'} has a gold answer.")
        write_problems(to_learn, stage.folder / "training.jsonl")
        write_problems(to_measure, stage.folder / "held_out.jsonl")
        rows = sum(read.rows for reads in found.values() for read in reads)
        told = {"to learn from": len(to_learn), "held out": len(to_measure)}
        return Tally(rows, len(to_learn) + len(to_measure), dropped, told)

    sides = {"to learn from": learnt, "held out": measured}
    uses = {side: [fingerprint(spec) for spec in specs] for side, specs in sides.items()}
    line.stage("problems", "Reading problems", work, uses=uses)


def held_out_of(num: int, *levels: str) -> str:
    """The specs of `num` held-out generated problems, of each level the same number."""
    seed = HELD_OUT.partition(":")[2]
    return ",".join(f"built-in:{level}:{num // len(levels)}:{seed}" for level in levels)


def _once(problems: Sequence[Problem]) -> list[Problem]:
    return list({problem.id: problem for problem in problems}.values())


def sample(
    line: Line, name: str, words: str, solver: Solver, problems: Sequence[Problem], *, num: int, temperature: float,
    seed: int, after: Sequence[str], format: str = "transitions", server: str = "",
) -> Path:  # fmt: skip
    """The stage `name`: `num` solutions of each problem; the file of them."""

    def work(stage: Stage) -> Tally:
        engine, writing = engine_of(solver, server), format_named(format)
        prompts, dropped = fitting(engine, problems, writing)
        sampling = writing.sampling(num, temperature, seed=seed)
        sample_into(stage.folder / SAMPLES, engine, problems, prompts, writing, sampling, stage.progress)
        counts = count(stage.folder / SAMPLES)
        drawn = sum(times for status, times in counts.items() if "," not in status)
        return Tally(len(problems), drawn, dict(dropped), {"problems sampled": len(prompts)} | dict(counts))

    uses = {"num": num, "temperature": temperature, "seed": seed, "format": format}
    return line.stage(name, words, work, uses=uses, after=after).folder / SAMPLES


def tune(line: Line, name: str, words: str, start: Solver, rows: Path, tuning: Tuning, after: Sequence[str]) -> Solver:
    """The stage `name`: supervised fine-tuning of `start` on a file of rows."""

    def work(stage: Stage) -> Tally:
        args = sft.Args(
            model=start.model, adapter=start.adapter, out=str(stage.folder), rows=str(rows), epochs=tuning.epochs,
            learning_rate=tuning.learning_rate, batch=tuning.batch, rank=tuning.rank, seed=tuning.seed,
        )  # fmt: skip
        train("sft", args, tuning.means)
        return _tally(rows, stage)

    return trained(line.stage(name, words, work, uses=_uses(tuning), after=after).folder)


def prefer(
    line: Line, name: str, words: str, start: Solver, pairs: Path, tuning: Tuning, after: Sequence[str]
) -> Solver:
    """The stage `name`: DPO on a file of pairs, the reference being `start`."""

    def work(stage: Stage) -> Tally:
        args = dpo.Args(
            model=start.model, adapter=start.adapter, out=str(stage.folder), pairs=str(pairs), epochs=tuning.epochs,
            learning_rate=tuning.learning_rate, batch=tuning.batch, rank=tuning.rank, seed=tuning.seed,
            beta=dpo.Args.beta if tuning.beta is None else tuning.beta,
        )  # fmt: skip
        train("dpo", args, tuning.means)
        tally = _tally(pairs, stage)
        return replace(tally, facts=tally.facts | {"pairs": tally.rows_in})

    return trained(line.stage(name, words, work, uses=_uses(tuning), after=after).folder)


def _uses(tuning: Tuning) -> dict[str, Any]:
    """What decides the result: of the means only 4-bit weights."""
    own = {key: value for key, value in asdict(tuning).items() if key != "means"}
    return own | ({"quantize": tuning.means.quantize} if tuning.means.quantize else {})


def _tally(rows: Path, stage: Stage) -> Tally:
    with rows.open(encoding="utf-8") as file:
        num = sum(1 for line in file if line.strip())
    return Tally(num, num, facts=facts(stage.folder))


@dataclass(frozen=True, slots=True)
class Measuring:
    """How solvers are measured."""

    num_samples: int
    temperature: float = 0.7
    format: str = "transitions"
    server: str = ""


def measured_row(
    line: Line, name: str, solver: Solver, problems: Sequence[Problem], how: Measuring, seed: int, after: Sequence[str]
) -> Measured:
    """The stage measure/NAME: one solver on the problems, once greedily and by samples."""
    here = f"measure/{name}/seed-{seed}"

    def work(stage: Stage) -> Tally:
        found = measure(
            engine_of(solver, how.server), problems, format=how.format, num_samples=how.num_samples,
            temperature=how.temperature, seed=seed, folder=stage.folder, follow=stage.progress,
        )  # fmt: skip
        told = {"right": found.accuracy.successes, "judged": found.accuracy.total}
        dropped = {"could not be judged": found.num_unjudged} if found.num_unjudged else {}
        return Tally(len(problems), len(problems) - found.num_unjudged, dropped, told)

    uses = asdict(how) | {"seed": seed, "solver": Path(solver.name).name}
    uses = {key: value for key, value in uses.items() if key != "server"}
    return read_measured(line.stage(here, f"Measuring {name}", work, uses=uses, after=after).folder)
