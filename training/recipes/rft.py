"""The RFT set: of every problem the right and distinct samples, at most 8 (Self-Explore, arXiv 2404.10346 §3.1).

    kept = DISTINCT["gsm8k"](solved.of("right"), seed=0)[:MOST]

Distinct by the rule that the paper's code has for each data set (hbin0701/Self-Explore, gen/get_rft_data.py):

gsm8k   every <<lhs=rhs>> of a solution must hold within 1e-3; two with the same list of equations are one, and kept is
        that which is farther from the problem's other solutions (edit distance in characters)
math    a solution is kept whose edit distance to each kept one, over its length and half the other's, is above 0.2; in
        an order drawn by the seed

Ours: a solution without marks is read by the equations that its text has ("Ben's coins = 3 + 2 = 5"), none of which may
be wrong; one without any equation is itself.
"""

import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction

from rapidfuzz.distance.Levenshtein import distance

from reasoner.checks.arithmetic import check_arithmetic
from reasoner.checks.expressions import Unreadable, exact, program_of
from training.recipes.sampling import Sample, Solved
from training.sft import MOST_A_PROBLEM, Row

TOLERANCE = Fraction(1, 1000)  # gen/get_rft_data.py: 1e-3
APART = 0.2  # gen/get_rft_data.py, MATH
_MARK = re.compile(r"<<([^<>]*)>>")

Distinct = Callable[[Sequence[Sample], int, Counter[str]], list[Sample]]
"""(right samples, seed, dropped by reason) → those to keep, in their order."""


def rft_rows(solved: Solved, rule: str, seed: int, dropped: Counter[str], most: int = MOST_A_PROBLEM) -> list[Row]:
    """The problem's rows of the RFT set; what is left out is counted into `dropped`, samples of one text once."""
    right = solved.of("right")
    kept = DISTINCT[rule](right, seed, dropped)
    if len(kept) > most:
        dropped[f"over {most} of a problem"] += len(kept) - most
    for status in ("wrong", "no answer", "not judged"):
        dropped[f"its answer is {status}" if status == "wrong" else status] += len(solved.of(status))
    return [{"prompt": solved.prompt, "completion": sample.text} for sample in kept[:most]]


def by_equations(samples: Sequence[Sample], seed: int, dropped: Counter[str]) -> list[Sample]:
    """GSM8K's rule: one solution for each list of equations."""
    kept: dict[str, Sample] = {}
    for sample in samples:
        equations = equations_of(sample.text)
        if equations is None:
            dropped["right, but one of its equations is wrong"] += 1
            continue
        key = "|".join(equations).replace(" ", "") or " ".join(sample.text.split())
        if key not in kept:
            kept[key] = sample
            continue
        dropped["right, but with the same equations as another"] += 1
        others = [other.text for known, other in kept.items() if known != key]
        if _sum(sample.text, others) > _sum(kept[key].text, others):
            kept[key] = sample
    return list(kept.values())


def by_distance(samples: Sequence[Sample], seed: int, dropped: Counter[str]) -> list[Sample]:
    """MATH's rule: solutions that are apart from one another."""
    order = sorted(samples, key=lambda sample: sample.text)
    random.Random(seed).shuffle(order)
    kept: list[Sample] = []
    for sample in order:
        if all(distance(sample.text, one.text) / (len(sample.text) + len(one.text) // 2) > APART for one in kept):
            kept.append(sample)
        else:
            dropped["right, but nearly the same as another"] += 1
    return kept


DISTINCT: dict[str, Distinct] = {"gsm8k": by_equations, "math": by_distance}
"""Data set whose rule it is → the rule."""


def equations_of(text: str) -> list[str] | None:
    """The equations of a solution, as written: its marks, else what the arithmetic check reads. None: one is wrong."""
    marks: list[str] = _MARK.findall(text)
    if marks:
        return marks if all(_holds(mark) for mark in marks) else None
    findings = check_arithmetic(text.split("\n"))
    if any(finding.status == "wrong" for finding in findings):
        return None
    return [finding.found for finding in findings]


def _holds(mark: str) -> bool:
    """Is "48/2=24" true within 1e-3? False where it cannot be read, as in the paper's code."""
    left, sign, right = mark.partition("=")
    try:
        one, other = exact(program_of(left.strip()), {}), exact(program_of(right.strip()), {})
    except (Unreadable, ArithmeticError):
        return False
    return bool(sign) and one is not None and other is not None and abs(one - other) < TOLERANCE


def _sum(text: str, others: Sequence[str]) -> int:
    return sum(distance(text, other) for other in others)
