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

Source: "misunderstanding" is one of KPDD's error classes (arXiv 2407.10167); it publishes no check, so these are ours.
Not covered: a number of the question used in the wrong place.
"""

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from reasoner.actions import explicit_action, without_action
from reasoner.checks.figures import StepNumbers, step_numbers
from reasoner.checks.sources import Sources
from reasoner.equations import chains
from reasoner.places import content_words, locate
from reasoner.records import Finding, KeyPoints, Problem, Step, Trace
from reasoner.told import Told, told

_NAME = re.compile(r"(?<![^\W_])[A-Z][^\W\d_]+")
_DEFINES = re.compile(r"[^=\n]+=\s*\$?-?[\d.,]+\W*")
MAX_NUMBERS = 300  # of one step that are looked at; ours: no step we know has a tenth of it
_USED_IN = (12, 60, 100, 1000)  # "30 minutes" are used as 0.5 hours, "5 feet" as 60 inches
_PLANS = ("Formalize", "Decompose")  # they restate the question; what only they mention was not used


def check_information(question: str, steps: Sequence[Step], also_told: str = "") -> list[Finding]:
    """One finding for each number that comes from nowhere, where it first occurs.

    also_told: text whose numbers count as told too, such as the key points that a person wrote.
    """
    sources = _sources(f"{question}\n{also_told}")
    known: set[Fraction] = set()
    findings: list[Finding] = []
    for index, (step, numbers) in enumerate(zip(steps, _numbers(steps), strict=True)):
        known |= numbers.made
        for number in numbers.taken[:MAX_NUMBERS]:
            if not any(sources.has(value, step.text, known) for value in number.values):
                findings.append(Finding(index, "information", "unjudged", _message(number.text), number.text))
            known.update(number.values)  # named once
    return findings


_sources = lru_cache(maxsize=1_024)(Sources)


def _message(number: str) -> str:
    return f"{number} comes from nowhere: the question does not tell it, and no step before this one makes it"


def _numbers(steps: Sequence[Step]) -> Iterator[StepNumbers]:
    unknowns: frozenset[str] = frozenset()
    for step in steps:
        numbers = step_numbers(step, unknowns)
        unknowns |= numbers.unknowns
        yield numbers


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
        if not uses(trace.steps, point, problem.question)
    ]
    return [Unused(index, point, *(place or (None, None))) for index, point, place in found]


def uses(steps: Sequence[Step], point: str, question: str = "") -> bool:
    """Does any step use what `point` says: all of its numbers, or without numbers, its names or words?

    A step about other people or things of the `question` than the point's uses the same number for something else.
    """
    numbers, names = numbers_to_use(point), names_in(question)
    own = names & frozenset(_NAME.findall(point))
    kept = [step for step in steps if not _is_plan(step)]
    if numbers:
        fitting = tuple(step for step in kept if not own or _fits(step, own, names))
        return all(number_is_used(number, fitting) for number in numbers)
    words = content_words(point)
    return any(
        2 * len(words & _step_words(step)) >= len(words) or (own and _named(step, names) and _named(step, names) <= own)
        for step in kept
    )


def _fits(step: Step, own: Set[str], names: Set[str]) -> bool:
    """May a step be using a point that names `own`?

    A point of one name tells a value ("Ana has 41 coins"): only "Ben's coins = 41" is sure to be something else. One of
    several tells a relation, and an equation of quantities with names must be between these. Prose names its subject.
    """
    named = _named(step, names)
    if not _names_quantities(step):
        return len(named) < 2 or bool(named & own)
    if len(own) == 1 and not _DEFINES.fullmatch(without_action(step.text).strip()):
        return True
    return len(named & own) >= min(len(named), len(own), 2)


def _named(step: Step, names: Set[str]) -> Set[str]:
    return names & frozenset(_NAME.findall(step.text.replace("_", " ")))


def _names_quantities(step: Step) -> bool:
    return step.kind != "words" or any(chain.sides[0].label for chain in chains(step.text))


@lru_cache(maxsize=4_096)
def names_in(text: str) -> frozenset[str]:
    """Its capitalised words that it writes in no other way: "Ana", "Monday"; not "He", nor "Each" beside "each"."""
    small = frozenset(re.findall(r"(?<![\w'’])[a-z]+", text))
    return frozenset(
        word
        for word in _NAME.findall(text)
        if word.lower() not in small and (content_words(word) or re.search(rf"[a-z,] {word}\b", text))
    )


def numbers_to_use(text: str) -> list[Told]:
    """The numbers that a text tells and that a solution should need; "one" and "first" seldom are."""
    return [number for number in told(text) if number.value != 1 and number.text.lower() not in ("second", "third")]


def number_is_used(number: Told, steps: Sequence[Step]) -> bool:
    """Does any step use a number that the question tells?"""
    used = used_values(tuple(steps))
    meanings = [meaning for meaning in number.meanings if meaning not in (0, 1)]
    if number.value in used or any(meaning in used for meaning in meanings):
        return True
    return any(number.value * unit in used or number.value / unit in used for unit in _USED_IN)


@lru_cache(maxsize=4_096)
def used_values(steps: tuple[Step, ...]) -> Set[Fraction]:
    """The values of all numbers that steps calculate with or speak of."""
    kept = [(step, numbers) for step, numbers in zip(steps, _numbers(steps), strict=True) if not _is_plan(step)]
    lines = [line for step, _ in kept for line in step.text.splitlines()]
    used: set[Fraction] = set()
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
