"""What a solution uses of what its problem tells: numbers and key points, by values and by names.

    unused(trace, problem, key_points)      [Unused(2, "Cal has 3 times as many coins as Ben.", 49, 88)]
    unused(trace, problem)                  the same of the question's numbers: [Unused(None, "3", 57, 58)]

A number is used where a step calculates with it or speaks of it. Not used is what a step only plans with (Formalize,
Decompose) or gives to a variable that nothing reads again. A key point is used where a step uses its numbers, unless
the step is about other people or things: "Ben's coins = Ana's coins + 5" uses nothing of "Cal has 5 more than Dan."

Not covered: a point used with the wrong operation; the same number told twice about the same people.
"""

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from reasoner.actions import explicit_action, without_action
from reasoner.checks.figures import all_numbers
from reasoner.equations import chains
from reasoner.places import content_words, locate
from reasoner.records import KeyPoints, Problem, Step, Trace
from reasoner.told import Told, told

_NAME = re.compile(r"(?<![^\W_])[A-Z][^\W\d_]+")
_IDENTIFIER = re.compile(r"[^\W\d]\w*")
_GIVES = re.compile(r"\s*[^\W\d]\w*\s*=\s*(?:-?[\d._]+|Variable\(\s*\))\s*")  # "Ana_coins = 41", a declaration
_DEFINES = re.compile(r"[^=\n]+=\s*\$?-?[\d.,]+\W*")
_PLANS = ("Formalize", "Decompose")  # they restate the question
_UNITS = (12, 60, 100, 1000)  # "30 minutes" are used as 0.5 hours, "5 feet" as 60 inches


@dataclass(frozen=True, slots=True)
class Unused:
    """A piece of information that no step of a trace ever used."""

    index: int | None  # 0-based index of the key point; None for a number of the question
    text: str  # the point, or the number as the question writes it
    start: int | None  # place in the question; None where it does not say so
    end: int | None


@dataclass(frozen=True, slots=True)
class Use:
    """What one step uses."""

    values: frozenset[Fraction]
    names: Set[str]  # of the question's people and things
    words: Set[str]
    is_of_quantities: bool  # an equation, or code, of quantities with names; else prose
    is_definition: bool  # "Ana's coins = 41", and nothing else


def unused(trace: Trace, problem: Problem, key_points: KeyPoints | None = None) -> list[Unused]:
    """The key points, or without them the numbers of the question, that no step of `trace` uses, in their order."""
    if key_points is None:
        return [
            Unused(None, number.text, number.start, number.end)
            for number in numbers_to_use(problem.question)
            if not number_is_used(number, trace.steps, problem.question)
        ]
    found = [
        (index, point, locate(problem.question, point))
        for index, point in enumerate(key_points.points)
        if not point_is_used(point, trace.steps, problem.question)
    ]
    return [Unused(index, point, *(place or (None, None))) for index, point, place in found]


def numbers_to_use(text: str) -> list[Told]:
    """The numbers that a text tells and that a solution should need; "one" and "first" seldom are."""
    return [number for number in told(text) if number.value != 1 and number.text.lower() not in ("second", "third")]


def number_is_used(number: Told, steps: Sequence[Step], question: str) -> bool:
    """Does any step use a number that the question tells?"""
    return any(_has(use, number) for use in _uses(tuple(steps), question))


def point_is_used(point: str, steps: Sequence[Step], question: str) -> bool:
    """Do steps use what `point` says: all of its numbers, or where it has none, its names or half of its words?"""
    uses = _uses(tuple(steps), question)
    numbers, own = numbers_to_use(point), names_in(question) & frozenset(_NAME.findall(point))
    if numbers:
        return all(any(_has(use, number) and _is_about(use, own) for use in uses) for number in numbers)
    words = content_words(point)
    return any(2 * len(words & use.words) >= len(words) or (use.names and use.names <= own) for use in uses)


def _has(use: Use, number: Told) -> bool:
    return not use.values.isdisjoint(_accepted(number))


@lru_cache(maxsize=8_192)
def _accepted(number: Told) -> frozenset[Fraction]:
    """The values that count as a use of `number`."""
    in_units = {number.value * unit for unit in _UNITS} | {number.value / unit for unit in _UNITS}
    return frozenset({number.value} | (number.meanings - {0, 1}) | in_units)


def _is_about(use: Use, own: Set[str]) -> bool:
    """May a step be using a point that names `own`?

    A point of one name tells a value ("Ana has 41 coins"): only "Ben's coins = 41" is sure to be something else. One of
    several tells a relation, and an equation of quantities with names must be between these. Prose names its subject.
    """
    if not own:
        return True
    if not use.is_of_quantities:
        return len(use.names) < 2 or bool(use.names & own)
    if len(own) == 1 and not use.is_definition:
        return True
    return len(use.names & own) >= min(len(use.names), len(own), 2)


@lru_cache(maxsize=4_096)
def names_in(text: str) -> frozenset[str]:
    """Its capitalised words that it writes in no other way: "Ana", "Monday"; not "He", nor "Each" beside "each"."""
    small = frozenset(re.findall(r"(?<![\w'’])[a-z]+", text))
    inside = frozenset(re.findall(r"(?<=[a-z,] )[A-Z][^\W\d_]+", text))  # not at the start of a sentence: "than Will"
    return frozenset(
        word for word in _NAME.findall(text) if word.lower() not in small and (content_words(word) or word in inside)
    )


@lru_cache(maxsize=4_096)
def _uses(steps: tuple[Step, ...], question: str) -> tuple[Use, ...]:
    """What each step uses; plans and outputs are left out."""
    names = names_in(question)
    kept = [(step, numbers) for step, numbers in zip(steps, all_numbers(steps), strict=True) if not _is_plan(step)]
    read = _read_names([step for step, _ in kept])
    found = []
    for step, numbers in kept:
        unread = {value for name, value in numbers.definitions if name not in read}
        values = {value for number in numbers.taken for value in number.values} - unread
        found.append(_use(step, frozenset(values), names))
    return tuple(found)


def _is_plan(step: Step) -> bool:
    return explicit_action(step.text) in _PLANS or step.kind == "output"


def _read_names(steps: Sequence[Step]) -> Set[str]:
    """The variables that code, equations and constraints do something with, beyond giving them a number."""
    lines = (line for step in steps if step.kind != "words" for line in step.text.splitlines())
    return {name for line in lines if not _GIVES.fullmatch(line) for name in _IDENTIFIER.findall(line)}


@lru_cache(maxsize=16_384)
def _use(step: Step, values: frozenset[Fraction], names: frozenset[str]) -> Use:
    spaced = step.text.replace("_", " ")
    is_words = step.kind == "words"
    return Use(
        values | {number.value for number in told(step.text)} if is_words else values,
        names & frozenset(_NAME.findall(spaced)),
        content_words(spaced),
        not is_words or any(chain.sides[0].label for chain in chains(step.text)),
        bool(_DEFINES.fullmatch(without_action(step.text).strip())),
    )
