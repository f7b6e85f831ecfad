"""The two signs that a problem was misunderstood: what no step ever used, and numbers that come from nowhere.

    question = "Ana has 41 coins. Ben has 26 more coins than Ana. Cal has 3 times as many coins as Ben. …"
    check_information(question, (Step("Ben's coins = 41 + 62 = 103"),))
        [Finding(0, "information", "unjudged", "62 comes from nowhere: …", "62")]
    unused(trace, problem, key_points)      [Unused(2, "Cal has 3 times as many coins as Ben.", 49, 88)]

A number comes from somewhere when the question tells it (in figures or words, `reasoner.told`), an earlier step or the
step's own arithmetic makes it, it is one of CONSTANTS, or it is one of these in another unit (`_UNITS`). It is named
once, where it first occurs.

Both are signs, not proofs, so a finding's status is "unjudged" and never counts as wrong: a step may count what the
question lists ("the three friends"), and a question may tell what is beside the point.

Source: "misunderstanding" is one of KPDD's error classes (arXiv 2407.10167); it publishes no check, so these are ours.
Not covered: a number of the question used in the wrong place.
"""

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from reasoner.actions import explicit_action
from reasoner.checks.figures import StepNumbers, step_numbers
from reasoner.places import content_words, locate
from reasoner.records import Finding, KeyPoints, Problem, Step, Trace
from reasoner.told import Told, told

CONSTANTS: dict[int, str] = {
    0: "nothing",
    1: "one of something",
    2: "half, double, a pair",
    7: "days a week",
    12: "months a year, a dozen, inches a foot",
    24: "hours a day",
    30: "days a month",
    31: "days of some months",
    52: "weeks a year",
    60: "minutes an hour, seconds a minute",
    100: "percent, cents a dollar, centimetres a metre",
    365: "days a year",
    1000: "grams a kilogram, metres a kilometre",
}
"""Numbers that need no source, and why."""

_UNITS = tuple(Fraction(number) for number in (7, 12, 24, 30, 52, 60, 100, 365, 1000))
_PLANS = ("Formalize", "Decompose")  # they restate the question; what only they mention was not used

Values = set[Fraction]


def check_information(question: str, steps: Sequence[Step], also_told: str = "") -> list[Finding]:
    """One finding for each number that comes from nowhere, where it first occurs.

    also_told: text whose numbers count as told too, such as the key points that a person wrote.
    """
    known = _told_values(f"{question}\n{also_told}")
    findings: list[Finding] = []
    for index, numbers in enumerate(_numbers(steps)):
        known |= numbers.made
        for number in numbers.taken:
            if any(_has_source(value, known) for value in number.values):
                known.update(number.values)
                continue
            known.update(number.values)
            findings.append(Finding(index, "information", "unjudged", _message(number.text), number.text))
    return findings


def _message(number: str) -> str:
    return f"{number} comes from nowhere: the question does not tell it, and no step before this one makes it"


def _numbers(steps: Sequence[Step]) -> Iterator[StepNumbers]:
    unknowns: frozenset[str] = frozenset()
    for step in steps:
        numbers = step_numbers(step, unknowns)
        unknowns |= numbers.unknowns
        yield numbers


def _told_values(question: str) -> Values:
    return {Fraction(number) for number in CONSTANTS} | {
        meaning for number in told(question) for meaning in number.meanings
    }


def _has_source(value: Fraction, known: Values) -> bool:
    if value in known or -value in known:
        return True
    if any(value * unit in known or value / unit in known for unit in _UNITS):
        return True
    return any(_is_rounded(value, other) for other in known)


def _is_rounded(value: Fraction, other: Fraction) -> bool:
    """Is `value` the decimal, or the whole number, that `other` rounds to?"""
    if other.denominator == 1:
        return False
    difference = abs(value - other)
    if value.denominator == 1:
        return difference < 1
    places = len(str(value.denominator)) - 1  # 0.33 is 33/100
    return difference <= Fraction(1, 10 ** max(places, 1))


# ── what no step used ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Unused:
    """A piece of information that no step of a trace ever used."""

    index: int | None  # 0-based index of the key point; None for a number of the question
    text: str  # the point, or the number as the question writes it
    start: int | None  # place in the question; None where it does not say so
    end: int | None


def unused(trace: Trace, problem: Problem, key_points: KeyPoints | None = None) -> list[Unused]:
    """The key points, or without them the numbers of the question, that no step of `trace` uses, in their order.

    What a step only plans with (Formalize, Decompose), or a variable that nothing reads again, is not used.
    """
    if key_points is None:
        return [
            Unused(None, number.text, number.start, number.end)
            for number in numbers_to_use(problem.question)
            if not number_is_used(number, trace.steps)
        ]
    found = [
        (index, point, locate(problem.question, point))
        for index, point in enumerate(key_points.points)
        if not uses(trace.steps, point)
    ]
    return [Unused(index, point, *(place or (None, None))) for index, point, place in found]


def uses(steps: Sequence[Step], point: str) -> bool:
    """Does any step use what `point` says: all of its numbers, or without numbers, its names?"""
    numbers = numbers_to_use(point)
    if numbers:
        return all(number_is_used(number, steps) for number in numbers)
    words = content_words(point)
    return any(2 * len(words & _step_words(step)) >= len(words) for step in steps if not _is_plan(step))


def numbers_to_use(text: str) -> list[Told]:
    """The numbers that a text tells and that a solution should need; "one" and "first" seldom are."""
    return [number for number in told(text) if number.value != 1 and number.text.lower() not in ("second", "third")]


def number_is_used(number: Told, steps: Sequence[Step]) -> bool:
    """Does any step use a number that the question tells?"""
    used = used_values(tuple(steps))
    return any(meaning in used for meaning in number.meanings if meaning not in (0, 1)) or number.value in used


@lru_cache(maxsize=4_096)
def used_values(steps: tuple[Step, ...]) -> Set[Fraction]:
    """The values of all numbers that steps calculate with or speak of."""
    kept = [(step, numbers) for step, numbers in zip(steps, _numbers(steps), strict=True) if not _is_plan(step)]
    lines = [line for step, _ in kept for line in step.text.splitlines()]
    used: Values = set()
    for _, numbers in kept:
        unread = {value for name, value in numbers.definitions if not _is_read(name, lines)}
        used.update(value for number in numbers.taken for value in number.values if value not in unread)
    used |= {
        value for step, _ in kept if step.kind == "words" for number in told(step.text) for value in [number.value]
    }
    return used


def _is_plan(step: Step) -> bool:
    return explicit_action(step.text) in _PLANS or step.kind == "output"


def _is_read(name: str, lines: Sequence[str]) -> bool:
    """Does a line other than its own definition, or declaration, have the variable?"""
    own = re.compile(rf"^\s*{re.escape(name)}\s*=\s*(?:-?[\d._]+|Variable\(\s*\))\s*$")
    return any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", line) and not own.match(line) for line in lines)


def _step_words(step: Step) -> frozenset[str]:
    return content_words(step.text.replace("_", " "))
