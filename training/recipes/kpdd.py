"""KPDD, top to bottom (arXiv 2407.10167): key points and solutions of a teacher, distilled into a small model.

    python -m training recipe kpdd --preset built-in --out runs/kpdd
    python -m training recipe kpdd --model M --problems train.jsonl --held-out test.jsonl --teacher-server URL --out DIR

    problems        what is learnt from, and what is measured on
    teach           the teacher's key points, its solution in words (CoT) and as a program (PoT), where both are right
    rows/NAME       what each student learns, student/NAME     SFT on it, as many updates each
        cot, pot            question → solution
        kp-cot, kp-pot      question → key points; question and key points → solution
    key-points/…    a student's own key points of the held-out problems
    measure, report CoT against PoT, with key points and without; errors by KPDD's classes: calculation,
                    misunderstanding, step missing

A student with key points is asked twice, as in the paper: for its key points, then to solve with them given. Where it
writes none that can be read, it solves without. One model does both here; the paper fine-tunes one for each of its
three stages. Not published, so ours: all hyperparameters.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

from reasoner.engines import BUILT_IN as BUILT_IN_MODEL
from reasoner.engines import Engine, load_engine
from reasoner.errors import BadInput, RunError
from reasoner.formats import FORMATS
from reasoner.keypoints import INSTRUCTION, TAG, as_text, extract_many, with_key_points
from reasoner.records import KeyPoints, Problem
from training.lora import resolve
from training.recipes.begin import held_out_problems, training_problems
from training.recipes.in_chunks import in_chunks
from training.recipes.kpdd_teacher import lessons, read_lessons
from training.recipes.means import AtOnce, Launcher, Logs, Quantize, means_of
from training.recipes.measured import Measured
from training.recipes.paper_report import Story, report
from training.recipes.parts import Measuring, Tuning, choose, held_out_of, measured_row, opened, tune
from training.recipes.problems import write_lines
from training.recipes.sampling import SEEDS_APART
from training.recipes.solver import Solver, engine_of
from training.recipes.stages import Line, Stage, Tally
from training.recipes.trainers import epochs_for, num_updates


@dataclass(frozen=True, slots=True)
class Student:
    """One row of the report."""

    format: str
    words: str
    has_key_points: bool


STUDENTS = {
    "cot": Student("cot", "taught to solve in words", False),
    "pot": Student("program", "taught to solve as a program", False),
    "kp-cot": Student("cot", "taught key points, then to solve in words", True),
    "kp-pot": Student("program", "taught key points, then to solve as a program", True),
}
UNTAUGHT = {"base cot": "cot", "base pot": "pot"}
"""Rows of the model as it was → the student whose format they have."""


@dataclass(frozen=True)
class Settings:
    """Settings of the recipe; `python -m training recipe kpdd --help` is made from them."""

    model: Annotated[str, "the student: folder or Hugging Face id"]
    problems: Annotated[str, "file of problems, or built-in:LEVEL:NUM:SEED; several with commas between"]
    out: Annotated[str, "the recipe's folder; the same command again goes on in it"]
    held_out: Annotated[str, "problems to measure on, as --problems; empty: 1,000 generated ones of each level"] = ""

    teacher: Annotated[str, "who teaches problems that were not generated: folder, id, or the server's model"] = ""
    teacher_server: Annotated[str, "OpenAI-compatible server of the teacher; empty: this process"] = ""
    tries: Annotated[
        int, "solutions a problem and format, of which the first right one is taught; 1 is greedy (ours)"
    ] = 1
    temperature: Annotated[float, "of the teacher's tries and of measuring (0.7: Self-Explore's)"] = 0.7

    epochs: Annotated[float, "passes of the students with key points; the others make as many updates (ours)"] = 5.0
    learning_rate: Annotated[float, "of SFT (ours: Self-Explore's, for 7 B and all weights)"] = 1e-5
    batch: Annotated[int, "rows a step (ours: Self-Explore's)"] = 64
    rank: Annotated[int, "LoRA rank; 0: all weights (the paper's)"] = 0

    seeds: Annotated[tuple[int, ...], "students are trained once for each (ours)"] = (0,)
    measured_samples: Annotated[int, "samples a held-out problem; 0: greedy alone"] = 4
    launcher: Launcher = ""
    at_once: AtOnce = 0
    quantize: Quantize = ""
    logs: Logs = ""


BUILT_IN = Settings(
    model=BUILT_IN_MODEL,
    problems="built-in:easy:350:71,built-in:medium:200:71",  # of other seeds than it was pre-trained on
    out="",
    held_out=held_out_of(400, "easy", "medium"),
    epochs=1.0,
    learning_rate=2e-4,  # a model a thousand times smaller takes steps as much larger
    batch=16,
    measured_samples=0,
)
"""The built-in solver's own settings: under a quarter of an hour on one core of its own."""

TINY = replace(
    BUILT_IN, problems="built-in:easy:6:71", held_out="built-in:easy:4:72", epochs=1.0, batch=6, measured_samples=0
)
PRESETS: dict[str, Settings] = {"built-in": BUILT_IN, "tiny": TINY}


def check(settings: Settings) -> None:
    """Raises BadInput for what cannot be meant, before anything is done."""
    for name in ("tries", "batch"):
        if getattr(settings, name) < 1:
            raise BadInput(f"--{name} must be at least 1.")
    for name in ("epochs", "learning_rate", "temperature"):
        if not getattr(settings, name) > 0:
            raise BadInput(f"--{name.replace('_', '-')} must be above 0.")
    if not settings.seeds or len(set(settings.seeds)) < len(settings.seeds) or min(settings.seeds) < 0:
        raise BadInput("--seeds are different whole numbers from 0 on, at least one.")


def run(settings: Settings) -> Path:
    """Do the whole line, or go on with it; the report. Raises WorkbenchError with what to do next."""
    check(settings)
    with opened(settings, "kpdd") as line:
        choose(line, settings.problems, settings.held_out)
        _teach(line, settings)
        base = Solver(*resolve(settings.model, ""))
        rows = {name: _rows(line, name, base) for name in STUDENTS}
        measured: dict[str, dict[int, Measured]] = {}
        for seed in settings.seeds:
            for name, own in UNTAUGHT.items():
                how = Measuring(settings.measured_samples, settings.temperature, STUDENTS[own].format)
                found = measured_row(line, name, base, held_out_problems(line), how, seed, ["problems"])
                measured.setdefault(name, {})[seed] = found
            for name in STUDENTS:
                solver = _student(line, settings, name, rows, base, seed)
                measured.setdefault(name, {})[seed] = _measured(line, settings, name, solver, seed)
        return report(line, "KPDD", measured, _story(line, settings))


def _teach(line: Line, settings: Settings) -> None:
    """The stage `teach`: what the teacher shows of each problem."""

    def work(stage: Stage) -> Tally:
        problems = training_problems(line)
        engine = None
        if settings.teacher or settings.teacher_server:
            engine = load_engine(settings.teacher, "", settings.teacher_server)
        found, dropped = lessons(stage, problems, engine, settings.tries, settings.temperature, SEEDS_APART)
        if not found:
            raise RunError(f"The teacher has nothing to teach: {dict(dropped)}.")
        return Tally(len(problems), len(found), dict(dropped), {"teacher": engine.maker.model if engine else "gold"})

    names = ("teacher", "tries", "temperature")
    line.stage("teach", "The teacher's key points and solutions", work, after=["problems"],
               uses={name: getattr(settings, name) for name in names})  # fmt: skip


def _rows(line: Line, name: str, base: Solver) -> Path:
    """The stage rows/NAME: what one student learns; its file."""
    student = STUDENTS[name]
    writing = FORMATS[student.format]

    def work(stage: Stage) -> Tally:
        engine, dropped, rows = engine_of(base), Counter[str](), list[dict[str, str]]()
        problems = {problem.id: problem for problem in training_problems(line)}
        found = read_lessons(line.folder / "teach" / "lessons.jsonl")
        for lesson in found:
            question, given = problems[lesson.problem_id].question, lesson.key_points
            if student.has_key_points:
                prompt = engine.render(question, INSTRUCTION, TAG)
                _add(rows, engine, prompt, as_text(given), dropped)
                question = with_key_points(question, given)
            prompt = engine.render(question, writing.instruction, writing.tag)
            _add(rows, engine, prompt, lesson.solutions[student.format], dropped)
        if not rows:
            raise RunError(f"There is nothing that {name} could learn: {dict(dropped)}.")
        write_lines(rows, stage.folder / "rows.jsonl")
        num = len(found) * (2 if student.has_key_points else 1)
        return Tally(num, len(rows), dict(dropped))

    done = line.stage(f"rows/{name}", f"What {name} learns", work, uses={"model": base.name}, after=["teach"])
    return done.folder / "rows.jsonl"


def _add(rows: list[dict[str, str]], engine: Engine, prompt: str, text: str, dropped: Counter[str]) -> None:
    if engine.unknown_words(prompt + text):
        dropped["words outside the model's vocabulary"] += 1
    elif engine.count_tokens(prompt + text) >= engine.context:
        dropped["longer than the model's context"] += 1
    else:
        rows.append({"prompt": prompt, "completion": text})


def _student(line: Line, settings: Settings, name: str, rows: dict[str, Path], base: Solver, seed: int) -> Solver:
    """The stage student/NAME: SFT, as many updates as the students with key points make."""
    own, most = (line.done[f"rows/{one}"].tally.rows_out for one in (name, "kp-cot"))
    updates = num_updates(most, settings.batch, settings.epochs)
    epochs = epochs_for(updates, own, settings.batch)
    tuning = Tuning(epochs, settings.learning_rate, settings.batch, settings.rank, seed, means=means_of(settings))
    words = f"Distilling {name}, {updates} updates"
    return tune(line, f"seed-{seed}/student/{name}", words, base, rows[name], tuning, [f"rows/{name}"])


def _measured(line: Line, settings: Settings, name: str, solver: Solver, seed: int) -> Measured:
    """The student on the held-out problems; with its own key points given where it has been taught them."""
    problems, after = held_out_problems(line), ["problems", f"seed-{seed}/student/{name}"]
    if STUDENTS[name].has_key_points:
        after = [*after, f"seed-{seed}/key-points/{name}"]
        problems = _with_own_key_points(line, after[-1], name, solver, problems, after[:2])
    how = Measuring(settings.measured_samples, settings.temperature, STUDENTS[name].format)
    return measured_row(line, name, solver, problems, how, seed, after)


def _with_own_key_points(
    line: Line, stage_name: str, name: str, solver: Solver, problems: list[Problem], after: list[str]
) -> list[Problem]:
    """The problems with the student's own key points after the question, their ids unchanged."""

    def work(stage: Stage) -> Tally:
        engine = engine_of(solver)

        def ask(some: Sequence[Problem]) -> list[dict[str, object]]:
            return [_key_points_row(found) for found in extract_many(engine, some)]

        rows = in_chunks(stage.folder / "key_points.jsonl", problems, ask, 64, stage.progress)
        unread = sum(not row["points"] for row in rows)
        return Tally(len(rows), len(rows) - unread, {"none could be read: solved without": unread} if unread else {})

    line.stage(stage_name, f"{name}'s own key points", work, uses={}, after=after)
    rows = in_chunks(line.folder / stage_name / "key_points.jsonl", problems, lambda some: [])
    asked = []
    for problem, row in zip(problems, rows, strict=True):
        points = KeyPoints(problem.id, row["core_question"], tuple(row["points"]), by=name)
        question = with_key_points(problem.question, points) if points.points else problem.question
        asked.append(replace(problem, question=question))
    return asked


def _key_points_row(found: KeyPoints | str) -> dict[str, object]:
    if isinstance(found, str):
        return {"core_question": "", "points": [], "reason": found}
    return {"core_question": found.core_question, "points": list(found.points)}


def _story(line: Line, settings: Settings) -> Story:
    """What the report says beside its rows."""
    story = Story(words={name: student.words for name, student in STUDENTS.items()})
    story.words |= {name: f"the model as it was, {own}" for name, own in UNTAUGHT.items()}
    story.trained = {name: [f"seed-{seed}/student/{name}" for seed in settings.seeds] for name in STUDENTS}
    taught = line.done["teach"].tally
    story.figures["teach"] = asdict(taught)
    story.notes.append(
        f"The teacher ({taught.facts['teacher']}) taught {taught.rows_out:,} of {taught.rows_in:,} problems."
    )
    for name, done in line.done.items():
        if "/key-points/" in name:
            story.notes.append(f"{name}: {done.tally.rows_out:,} of {done.tally.rows_in:,} could be read.")
    return story
