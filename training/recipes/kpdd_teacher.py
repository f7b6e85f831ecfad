"""What a teacher shows of each problem: key points, and right solutions in words and as a program.

    lesson = Lesson(problem_id, "How many coins does Cal have?", ("Cal has …",), {"cot": "…", "program": "…"})

KPDD (arXiv 2407.10167 §3): a large model extracts the core question, then the problem-solving information, then writes
the solution with both at hand. Here the generator is the teacher of its own problems; of others it is an engine that is
asked with DUP's words (reasoner/keypoints.py) and then to solve with its key points given. Solutions that do not reach
the gold answer are not taught; a problem without key points, or without one right solution in every format, is dropped
as a whole, so that all students learn from the same problems.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from reasoner.engines import Engine
from reasoner.formats import FORMATS
from reasoner.keypoints import extract_many
from reasoner.records import KeyPoints, Problem
from reasoner.solve import solve_many
from training.recipes.in_chunks import in_chunks
from training.recipes.problems import read_lines
from training.recipes.stages import Stage
from training.solutions import gold_key_points, gold_solution

FORMATS_TAUGHT = ("cot", "program")  # KPDD-CoT and KPDD-PoT
CHUNK = 32  # problems asked together. Ours: a killed run loses so many


@dataclass(frozen=True, slots=True)
class Lesson:
    """One problem as the teacher sees it."""

    problem_id: str
    core_question: str
    points: tuple[str, ...]
    solutions: dict[str, str]  # format → text
    reason: str = ""  # why it is not taught; empty where it is

    @property
    def key_points(self) -> KeyPoints:
        return KeyPoints(self.problem_id, self.core_question, self.points, by="teacher")


def lessons(
    stage: Stage, problems: Sequence[Problem], teacher: Engine | None, tries: int, temperature: float, seed: int
) -> tuple[list[Lesson], Counter[str]]:
    """The problems that can be taught, and why others cannot. `teacher` None: the generator's gold.

    tries: solutions a problem and format of which the first right one is taught; one is greedy.
    """

    def work(some: Sequence[Problem]) -> list[dict[str, Any]]:
        made = [_gold(one) for one in some] if teacher is None else _asked(teacher, some, tries, temperature, seed)
        return [asdict(one) for one in made]

    rows = in_chunks(stage.folder / "lessons.jsonl", problems, work, CHUNK, stage.progress)
    found = [lesson_of(row) for row in rows]
    dropped = Counter(one.reason for one in found if one.reason)
    return [one for one in found if not one.reason], dropped


def lesson_of(row: Mapping[str, Any]) -> Lesson:
    """From its JSON values."""
    return Lesson(**{**row, "points": tuple(row["points"])})


def read_lessons(path: Path) -> list[Lesson]:
    """Those of a file that are taught."""
    return [one for row in read_lines(path) if not (one := lesson_of(row)).reason]


def _gold(problem: Problem) -> Lesson:
    if not problem.spec:
        return Lesson(problem.id, "", (), {}, "it was not generated: name a --teacher")
    points = gold_key_points(problem)
    solutions = {name: gold_solution(problem, name) for name in FORMATS_TAUGHT}
    return Lesson(problem.id, points.core_question, points.points, solutions)


def _asked(engine: Engine, problems: Sequence[Problem], tries: int, temperature: float, seed: int) -> list[Lesson]:
    points = dict(zip([one.id for one in problems], extract_many(engine, problems, seed), strict=True))
    known = {problem_id: found for problem_id, found in points.items() if isinstance(found, KeyPoints)}
    asked = [problem for problem in problems if problem.id in known]
    solutions: dict[str, dict[str, str]] = {problem.id: {} for problem in asked}
    failed: dict[str, str] = {}
    for name in FORMATS_TAUGHT:
        sampling = FORMATS[name].sampling(tries, temperature if tries > 1 else 0.0, seed)
        statuses: dict[str, list[str]] = {problem.id: [] for problem in asked}
        for trace in solve_many(engine, asked, name, sampling, known) if asked else ():
            statuses[trace.problem_id].append("no answer" if trace.answer is None else trace.verdict.status)
            if trace.verdict.status == "right":
                solutions[trace.problem_id].setdefault(name, FORMATS[name].solution(trace.text))
        for problem_id, own in statuses.items():
            if name not in solutions[problem_id]:
                worst = next((one for one in ("wrong", "no answer") if one in own), "unjudged")
                failed.setdefault(problem_id, f"no right solution in {name}: {worst}")
    return [_lesson(problem, known.get(problem.id), solutions.get(problem.id, {}), failed) for problem in problems]


def _lesson(problem: Problem, points: KeyPoints | None, solutions: dict[str, str], failed: dict[str, str]) -> Lesson:
    if points is None:
        return Lesson(problem.id, "", (), {}, "no key points could be read in the teacher's answer")
    return Lesson(problem.id, points.core_question, points.points, solutions, failed.get(problem.id, ""))
