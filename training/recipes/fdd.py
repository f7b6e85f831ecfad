"""FDD rounds, top to bottom (arXiv 2411.14698): easy problems become harder, hard ones get siblings.

    python -m training recipe fdd --preset built-in --out runs/fdd
    python -m training recipe fdd --model M --problems train.jsonl --held-out test.jsonl --writer-server URL --out DIR

    problems            what is learnt from, and what is measured on
    round-N/sample      n solutions of every problem by the solver of the round before
    round-N/variants    easy, hard or unsure by their recovery (fdd_sorting.py); a harder problem of each easy one,
                        other numbers and other words of each hard one; by the DAG where the problem was generated,
                        else by an engine whose samples agree on the answer (variants_asked.py)
    round-N/rows        solutions of all problems so far: gold, or the solver's own right ones (--learn rft)
    round-N/sft         fine-tuning on them, from the solver of the round before
    same, fresh         controls, as many updates in as many rounds: the problems of the start alone; and with as many
                        newly generated ones of the same levels instead of variants
    measure, report     a row a round, and the rows of easy, hard and unsure problems

Not published in a form that could be followed, so ours: the sorting by intervals, the wording of the requests, all
hyperparameters.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from reasoner.engines import Engine, load_engine
from reasoner.errors import BadInput, RunError
from reasoner.formats import format_named
from reasoner.records import Problem
from training.lora import resolve
from training.recipes.begin import held_out_problems, training_problems
from training.recipes.fdd_settings import PRESETS, Settings, check
from training.recipes.fdd_sorting import EXACT, jobs_of, sort
from training.recipes.golds import gold_rows
from training.recipes.in_chunks import in_chunks
from training.recipes.means import means_of
from training.recipes.measured import Measured
from training.recipes.paper_report import Story, report
from training.recipes.parts import Measuring, Tuning, choose, measured_row, opened, sample, tune
from training.recipes.problems import load_problems, write_lines, write_problems
from training.recipes.rft import rft_rows
from training.recipes.sampling import SEEDS_APART, fitting, read_samples
from training.recipes.solver import Solver, engine_of
from training.recipes.stages import Line, Stage, Tally
from training.recipes.trainers import epochs_for, num_updates
from training.recipes.variants_asked import asked_variants
from training.wordproblems import problem_set

__all__ = ["PRESETS", "Settings", "run"]

FRESH_SEED = 57  # of the control's problems: other ones than anywhere else


def run(settings: Settings) -> Path:
    """Do the whole line, or go on with it; the report. Raises WorkbenchError with what to do next."""
    check(settings)
    with opened(settings, "fdd") as line:
        choose(line, settings.problems, settings.held_out)
        base = Solver(*resolve(settings.model, ""))
        solvers: dict[str, tuple[Solver, str]] = {"base": (base, "problems")}
        for number in range(1, settings.rounds + 1):
            last, after = solvers["base" if number == 1 else f"round-{number - 1}"]
            solvers[f"round-{number}"] = _Round(line, settings, number).run(last, after)
        for control in settings.controls:
            if control != "none":
                solvers |= _control(line, settings, control, base)
        how = Measuring(settings.measured_samples, settings.temperature, settings.format, settings.server)
        held_out = held_out_problems(line)
        measured: dict[str, dict[int, Measured]] = {
            name: {settings.seed: measured_row(line, name, solver, held_out, how, settings.seed, ["problems", after])}
            for name, (solver, after) in solvers.items()
        }
        return report(line, "FDD rounds", measured, _story(line, solvers))


class _Round:
    """One round's stages; names of stages are folders in the recipe's folder."""

    def __init__(self, line: Line, settings: Settings, number: int) -> None:
        self.line, self.settings, self.number = line, settings, number
        self.here = f"round-{number}/"
        before = "problems/training.jsonl" if number == 1 else f"round-{number - 1}/variants/all.jsonl"
        self.problems = load_problems(line.folder / before)
        self.seed = (settings.seed * 100 + number) * SEEDS_APART

    def run(self, solver: Solver, after: str) -> tuple[Solver, str]:
        """The solver after this round, and the stage that made it."""
        settings = self.settings
        known = after if self.number == 1 else f"round-{self.number - 1}/variants"
        words = (
            f"Round {self.number}: sampling {settings.num_samples} solutions of each of {len(self.problems):,} problems"
        )
        samples = sample(
            self.line, f"{self.here}sample", words, solver, self.problems, num=settings.num_samples,
            temperature=settings.temperature, seed=self.seed, after=list(dict.fromkeys([after, known])),
            format=settings.format, server=settings.server,
        )  # fmt: skip
        self._variants(samples)
        rows = self._rows(solver, samples)
        tuning = tuning_of(settings, settings.epochs)
        words = f"Round {self.number}: fine-tuning on the solutions of all problems"
        name = f"{self.here}sft"
        return tune(self.line, name, words, solver, rows, tuning, [f"{self.here}rows", after]), name

    def _variants(self, samples: Path) -> None:
        settings = self.settings

        def work(stage: Stage) -> Tally:
            dropped = Counter[str]()
            difficulties = sort(read_samples(samples), settings.easy, settings.hard)
            jobs = jobs_of(self.problems, difficulties, settings.most_new, dropped)
            made = self._made(stage, jobs)
            known = {problem.id for problem in (*self.problems, *held_out_problems(self.line))}
            new: dict[str, Problem] = {}
            kinds = Counter[str]()
            for (_, kind), row in zip(jobs, made, strict=True):
                problem = Problem(**row["problem"]) if row["problem"] else None
                reason = row["reason"] or (
                    "the same question is there already" if problem and problem.id in known else ""
                )
                if reason or problem is None:
                    dropped[reason] += 1
                    continue
                known.add(problem.id)
                new[problem.id] = problem
                kinds[kind] += 1
            lines = [{"problem": one, **asdict(found)} for one, found in difficulties.items()]
            write_lines(lines, stage.folder / "sorted.jsonl")
            write_problems([*self.problems, *new.values()], stage.folder / "all.jsonl")
            names = Counter(found.name for found in difficulties.values())
            told = {"sorted": dict(names), "new": dict(kinds), "levels": dict(Counter(p.level for p in new.values()))}
            return Tally(len(self.problems), len(self.problems) + len(new), dict(dropped), told)

        names = ("easy", "hard", "most_new", "writer", "share", "temperature")
        uses = {name: getattr(settings, name) for name in names} | {"seed": self.seed}
        words = f"Round {self.number}: harder ones of the easy, siblings of the hard"
        self.line.stage(f"{self.here}variants", words, work, uses=uses, after=[f"{self.here}sample"])

    def _made(self, stage: Stage, jobs: Sequence[tuple[Problem, str]]) -> list[dict[str, Any]]:
        """A row a job: the new problem, or why there is none."""
        settings = self.settings
        needs_writer = any(not problem.spec for problem, _ in jobs)
        writer = None
        if needs_writer:
            writer = load_engine(settings.writer or settings.model, "", settings.writer_server)

        def work(some: Sequence[tuple[Problem, str]]) -> list[dict[str, Any]]:
            asked = [job for job in some if not job[0].spec]
            answers = iter(self._asked(writer, asked)) if writer is not None else iter(())
            made = (_exact(*job, self.seed) if job[0].spec else next(answers) for job in some)
            return [_row(one) for one in made]

        return in_chunks(stage.folder / "made.jsonl", jobs, work, 32, stage.progress)

    def _asked(self, writer: Engine, jobs: Sequence[tuple[Problem, str]]) -> list[Problem | str]:
        own = self.settings
        how: dict[str, Any] = {
            "num": own.num_samples,
            "share": own.share,
            "temperature": own.temperature,
            "seed": self.seed,
        }
        return asked_variants(writer, jobs, **how) if jobs else []

    def _rows(self, solver: Solver, samples: Path) -> Path:
        """What is learnt in this round: solutions of every problem so far."""
        sampled, after = [samples], [f"{self.here}variants", f"{self.here}sample"]
        if self.settings.learn == "rft":
            sampled.append(self._sample_new(solver))
            after.append(f"{self.here}sample-new")

        def work(stage: Stage) -> Tally:
            problems = load_problems(self.line.folder / f"{self.here}variants" / "all.jsonl")
            engine, writing = engine_of(solver), format_named(self.settings.format)
            prompts, dropped = fitting(engine, problems, writing)
            if self.settings.learn == "gold":
                rows: list[dict[str, str]] = gold_rows(problems, prompts, engine, self.settings.format, dropped)
            else:
                solved = (one for path in sampled for one in read_samples(path))
                rows = [row for one in solved for row in rft_rows(one, "gsm8k", self.settings.seed, dropped)]
            if not rows:
                raise RunError(f"There is no right solution to learn from: {dict(dropped)}.")
            write_lines(rows, stage.folder / "rows.jsonl")
            return Tally(len(problems), len(rows), {reason: num for reason, num in dropped.items() if num})

        words = f"Round {self.number}: right solutions of all problems"
        uses = {"learn": self.settings.learn, "format": self.settings.format}
        return self.line.stage(f"{self.here}rows", words, work, uses=uses, after=after).folder / "rows.jsonl"

    def _sample_new(self, solver: Solver) -> Path:
        """Solutions of the new problems by the solver that learns from its own."""
        known = {problem.id for problem in self.problems}
        everything = load_problems(self.line.folder / f"{self.here}variants" / "all.jsonl")
        new = [problem for problem in everything if problem.id not in known]
        own = self.settings
        words = f"Round {self.number}: sampling {own.num_samples} solutions of each of {len(new):,} new problems"
        return sample(
            self.line, f"{self.here}sample-new", words, solver, new, num=own.num_samples, temperature=own.temperature,
            seed=self.seed, after=[f"{self.here}variants"], format=own.format, server=own.server,
        )  # fmt: skip


def tuning_of(settings: Settings, epochs: float) -> Tuning:
    """How every round is trained."""
    return Tuning(
        epochs, settings.learning_rate, settings.batch, settings.rank, settings.seed, means=means_of(settings)
    )


def _exact(problem: Problem, kind: str, seed: int) -> Problem | str:
    try:
        return EXACT[kind](problem, seed)
    except BadInput as error:
        return str(error).partition(":")[0].partition("(")[0].strip()[:100]


def _row(made: Problem | str) -> dict[str, Any]:
    return {"problem": None, "reason": made} if isinstance(made, str) else {"problem": asdict(made), "reason": ""}


def _control(line: Line, settings: Settings, control: str, base: Solver) -> dict[str, tuple[Solver, str]]:
    """As many rounds of as many updates, on the problems of the start, or with newly generated ones beside them."""
    solver, after, found = base, "problems", {}
    for number in range(1, settings.rounds + 1):
        num = line.done[f"round-{number}/rows"].tally.rows_out
        name, folder = f"{control}-{number}", line.folder / f"{control}-{number}" / "rows"

        def work(stage: Stage, num: int = num, start: Solver = solver) -> Tally:
            problems = training_problems(line)
            if control == "fresh":
                problems += _fresh(problems, num - len(problems), held_out_problems(line))
            engine = engine_of(start)
            prompts, dropped = fitting(engine, problems, format_named(settings.format))
            rows = gold_rows(problems, prompts, engine, settings.format, dropped)
            if not rows:
                raise RunError(f"There is no solution for the control to learn from: {dict(dropped)}.")
            write_lines(rows, stage.folder / "rows.jsonl")
            return Tally(len(problems), len(rows), dict(dropped))

        words = f"Control {control}, round {number}: its solutions"
        line.stage(f"{name}/rows", words, work, uses={"num": num}, after=["problems", f"round-{number}/rows"])
        own = line.done[f"{name}/rows"].tally.rows_out
        updates = num_updates(num, settings.batch, settings.epochs)
        tuning = tuning_of(settings, epochs_for(updates, own, settings.batch))
        words = f"Control {control}, round {number}: {updates} updates too"
        solver = tune(line, f"{name}/sft", words, solver, folder / "rows.jsonl", tuning, [f"{name}/rows", after])
        after = f"{name}/sft"
        found[name] = (solver, after)
    return found


def _fresh(problems: Sequence[Problem], num: int, held_out: Sequence[Problem]) -> list[Problem]:
    """`num` newly generated problems of the same levels in the same proportion, none of them known."""
    known = {problem.id for problem in (*problems, *held_out)}
    levels = Counter(problem.level for problem in problems if problem.spec)
    found: list[Problem] = []
    for level, share in levels.items():
        wanted = round(max(0, num) * share / sum(levels.values()))
        made = problem_set(level, wanted + len(known), FRESH_SEED) if wanted else []
        found += [problem for problem in made if problem.id not in known][:wanted]
    return found


def _story(line: Line, solvers: dict[str, tuple[Solver, str]]) -> Story:
    """What the report says beside its rows."""
    story = Story(words={"base": "the model as it was"})
    for name, (_, stage) in solvers.items():
        if name == "base":
            continue
        story.trained[name] = [stage]
        kind, _, number = name.partition("-")
        if kind == "round":
            tally = line.done[f"{name}/variants"].tally
            story.figures[name] = asdict(tally)
            sorted_ = ", ".join(f"{num:,} {what}" for what, num in sorted(tally.facts["sorted"].items()))
            new = ", ".join(f"{num:,} {what}" for what, num in sorted(tally.facts["new"].items())) or "nothing"
            story.notes.append(f"Round {number}: {tally.rows_in:,} problems are {sorted_}; new: {new}.")
            story.words[name] = f"after round {number}"
        else:
            story.words[name] = f"control {kind}, as many updates as round {number}"
    return story
