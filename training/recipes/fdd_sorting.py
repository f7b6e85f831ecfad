"""Which problems are easy for a solver and which are hard, by how often its samples recover, with intervals.

    sorted_ = sort(solved, easy=0.5, hard=0.5)
    sorted_["3f…"]      Difficulty("easy", Interval(rate=1.0, low=0.61, high=1.0, successes=6, total=6))

Easy: the 95 % interval lies above `easy`. Hard: it lies below `hard`. Between them nobody knows yet, and no variant is
made. With 6 samples easy means 6 of 6 right, hard 0 of 6; with 8 samples 7 or 8, and 0 or 1.

FDD (arXiv 2411.14698) sorts by whether a model solves a problem; the intervals are ours.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reasoner.intervals import wilson
from reasoner.records import Interval, Problem
from training.recipes.sampling import Solved
from training.variants import harder, reword, vary_numbers

KINDS = {"easy": ("harder",), "hard": ("numbers", "words"), "unsure": ()}
"""What is made of a problem: a harder one of an easy one; two siblings of a hard one."""
EXACT = {"harder": harder, "numbers": vary_numbers, "words": reword}


@dataclass(frozen=True, slots=True)
class Difficulty:
    """How hard one problem is for one solver."""

    name: str  # "easy", "hard" or "unsure"
    recovered: Interval


def sort(solved: Iterable[Solved], easy: float, hard: float) -> dict[str, Difficulty]:
    """Problem id → its difficulty. What could not be judged is left out; no answer is not right."""
    found = {}
    for one in solved:
        judged = [sample for sample in one.samples if sample.status != "not judged"]
        right = sum(sample.times for sample in judged if sample.status == "right")
        rate = wilson(right, sum(sample.times for sample in judged))
        name = "easy" if rate.low > easy else "hard" if rate.high < hard else "unsure"
        found[one.problem] = Difficulty(name if judged else "unsure", rate)
    return found


def jobs_of(
    problems: Sequence[Problem], difficulties: dict[str, Difficulty], most: int, dropped: Counter[str]
) -> list[tuple[Problem, str]]:
    """(problem, kind of variant) of one round; where `most` bounds them, evenly from all of them."""
    jobs = []
    for problem in problems:
        found = difficulties.get(problem.id)
        if found is None:
            dropped["it was not sampled"] += 1
        elif not KINDS[found.name]:
            dropped["neither easy nor hard for sure"] += 1
        else:
            jobs += [(problem, kind) for kind in KINDS[found.name]]
    if most and len(jobs) > most:
        dropped["over the number of new problems of a round"] += len(jobs) - most
        stride = len(jobs) / most
        jobs = [jobs[int(place * stride)] for place in range(most)]
    return jobs
