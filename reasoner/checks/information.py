"""The two signs that a problem was misunderstood: what no step ever used, and numbers that come from nowhere.

    question = "Ana has 41 coins. Ben has 26 more coins than Ana. Cal has 3 times as many coins as Ben. …"
    check_information(question, (Step("Ben's coins = 41 + 62 = 103"),))
        [Finding(0, "information", "unjudged", "62 comes from nowhere: …", "62")]
    unused(trace, problem, key_points)      [Unused(2, "Cal has 3 times as many coins as Ben.", 49, 88)]

A number comes from somewhere when the question tells it (in figures or words) or counts it, an earlier step or the
step's own arithmetic makes it, everybody knows it, or it is one of these in another unit or rounded (`sources`). One
that comes from nowhere is named once, where it first occurs.

Both are signs, not proofs, so a finding's status is "unjudged" and never counts as wrong: a step may count what the
question lists ("the three friends"), and a question may tell what is beside the point.

Measured (tests/bench/bench_information.py): of GSM8K's gold solutions 0.9 % of steps are flagged, many of them rightly;
64 % of numbers replaced by others of as many digits are caught. On the built-in problems' traces, judged by the step
oracle, an unused gold key point gives away 55 % of the misunderstandings and 99 % of the missing steps, and no right
trace; numbers from nowhere only 1.5 %, since that solver mixes up what the question tells rather than inventing.

Source: "misunderstanding" is one of KPDD's error classes (arXiv 2407.10167); it publishes no check, so these are ours.
Not covered: a number of the question used in the wrong place.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

from reasoner.checks.figures import all_numbers
from reasoner.checks.sources import Sources
from reasoner.checks.use import Unused, number_is_used, numbers_to_use, unused
from reasoner.records import Finding, Step

__all__ = ["Unused", "check_information", "number_is_used", "numbers_to_use", "unused"]

MAX_NUMBERS = 300  # of one step that are looked at; ours: no step we know has a tenth of it


def check_information(question: str, steps: Sequence[Step], also_told: str = "") -> list[Finding]:
    """One finding for each number that comes from nowhere, where it first occurs.

    also_told: text whose numbers count as told too, such as the key points that a person wrote.
    """
    return list(_check(f"{question}\n{also_told}", tuple(steps)))


@lru_cache(maxsize=16_384)
def _check(text: str, steps: tuple[Step, ...]) -> tuple[Finding, ...]:
    sources = _sources(text)
    known: set[Fraction] = set()
    findings: list[Finding] = []
    for index, (step, numbers) in enumerate(zip(steps, all_numbers(steps), strict=True)):
        known |= numbers.made
        for number in numbers.taken[:MAX_NUMBERS]:
            if not any(sources.has(value, step.text, known) for value in number.values):
                findings.append(Finding(index, "information", "unjudged", _message(number.text), number.text))
            known.update(number.values)  # named once
    return tuple(findings)


_sources = lru_cache(maxsize=1_024)(Sources)


def _message(number: str) -> str:
    return f"{number} comes from nowhere: the question does not tell it, and no step before this one makes it"
