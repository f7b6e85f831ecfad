"""Where a number of a step may come from, other than an earlier step: the question, what everybody knows, counting.

    sources = Sources("Ana, Ben and Cal worked from 2 PM to 5 PM for $20 an hour, less 10%.")
    sources.has(Fraction(3), "the 3 friends")         counted: "Ana, Ben and Cal"; and 5 - 2
    sources.has(Fraction(9, 10), "")                  what 10% leaves
    sources.has(Fraction(60), "minutes an hour")      a fact, since its words are there
    sources.has(Fraction(62), "")                     False

Facts are believed only where one of their words stands in the question or the step: 12 needs a dozen, a month, a foot.

Not covered: facts of games, money other than dollars, geometry beyond what FACTS lists.
"""

import re
from collections.abc import Iterator, Set
from fractions import Fraction
from itertools import pairwise

from reasoner.told import told

ALWAYS = (0, 1, 2, 100, Fraction(1, 100))
"""Nothing; one of something; half, double, a pair; percent, cents a dollar."""

FACTS: dict[str, str] = {  # numbers → where one of these words stands
    "3": "yard|feet|foot|triang|tricycle",
    "4": "week|month|quart|gallon|leg|wheel|tire|car|square|rectang|side|season|year|dog|cat|cow|horse|paw",
    "5": "weekday|workday|school|monday|nickel|finger|week|pentagon",
    "6": "hexagon|insect|die|dice|sides|half a year|year",
    "7": "week|day|daily",
    "8": "octop|spider|octagon|pint|gallon|ounce|arachnid|work",
    "10": "decade|dime|finger|toe|centimet|millimet|cm|mm",
    "12": "month|year|annual|dozen|inch|foot|feet|noon|midnight|clock|a\\.?m|p\\.?m",
    "16": "ounce|pound|lb|cup|gallon",
    "24": "hour|day|daily|dozen",
    "25": "quarter|cent",
    "26": "letter|alphabet|week|biweekly|marathon",
    "28 29 30 31": "month|days?|" + "january|february|march|april|june|july|august|september|october|november|december",
    "36": "yard|inch|month|year",
    "48": "hour|day|month|year",
    "50": "state|half",
    "52": "week|year|annual|card|deck",
    "60": "minute|hour|second",
    "90": "angle|degree|right|minute|corner",
    "128": "ounce|gallon",
    "180": "triang|degree|angle|line|turn",
    "360": "degree|circle|rotat|spin|angle|turn",
    "365 366": "day|year|daily|annual",
    "1000": "kilo|kg|kw|watt|gram|met(?:er|re)|lit(?:er|re)|ml|km|ton|milli|thousand",
    "1440": "minute|day",
    "1760 5280": "mile|feet|yard",
    "2000": "ton|pound",
    "3600": "second|hour",
    "3.14 22/7": "circle|round|radius|diameter|circumference|pi\\b",
    "2.54": "inch|centimet",
    "1.6": "mile|kilomet|km",
}
UNITS = tuple(Fraction(number) for number in (7, 12, 24, 30, 52, 60, 100, 365, 1000))
"""Told in one unit, used in another: 2 hours are 120 minutes."""

_FACTS = [(Fraction(one), re.compile(rf"\b(?:{words})")) for ones, words in FACTS.items() for one in ones.split()]
_LIST = re.compile(
    r"(?<![\w'’$.])[\w'’$.]+(?:[ ][\w'’$.]+){0,4}(?:,[ ](?:and[ ]|or[ ])?[\w'’$.]+(?:[ ][\w'’$.]+){0,4})+"
)
_NAMES = re.compile(r"(?<!\w)[A-Z]\w+(?:,[ ][A-Z]\w+)*,?[ ](?:and|or|&)[ ](?:[a-z]+[ ])?[A-Z]\w+")
_SEPARATOR = re.compile(r",[ ](?:and[ ]|or[ ])?|[ ](?:and|or|&)[ ]")
_RANGE = re.compile(r"\b(?:to|until|till|through|and|at)\b|[-–]")
_DAYS = "monday tuesday wednesday thursday friday saturday sunday"
_DAY_RANGE = re.compile(rf"\b({_DAYS.replace(' ', '|')})s?\s+(?:to|through|until|till|-)\s+({_DAYS.replace(' ', '|')})")


class Sources:
    """What a question offers to its solutions."""

    def __init__(self, question: str) -> None:
        self.question = question.lower()
        self.told = frozenset(meaning for number in told(question) for meaning in number.meanings)
        self.counted = frozenset(_counted(question))

    def has(self, value: Fraction, step_text: str, made: Set[Fraction] = frozenset()) -> bool:
        """Does `value` come from somewhere? `made`: what steps have made so far."""
        if value < 0:
            value = -value
        if value in ALWAYS or value in self.told or value in self.counted or value in made:
            return True
        if any(value * unit in known or value / unit in known for unit in UNITS for known in (self.told, made)):
            return True
        if any(_is_rounded(value, other) for known in (self.told, made) for other in known if other.denominator > 1):
            return True
        text = step_text.lower()
        if any(value == fact and (words.search(self.question) or words.search(text)) for fact, words in _FACTS):
            return True
        return value.denominator == 1 and 3 <= value <= 12 and value in _counted(step_text)


def _is_rounded(value: Fraction, other: Fraction) -> bool:
    """Is `value` the decimal, or the whole number, that `other`, no whole number, rounds to?"""
    difference = abs(value - other)
    if value.denominator == 1:
        return difference < 1
    places = len(str(value.denominator)) - 1  # 0.33 is 33/100
    return difference <= Fraction(1, 10 ** max(places, 1))


def _counted(text: str) -> Iterator[Fraction]:
    """How many things a list names; how far it is from one number, or day of the week, to another."""
    for pattern in (_LIST, _NAMES):
        for match in pattern.finditer(text):
            yield Fraction(len(_SEPARATOR.findall(match[0])) + 1)
    for first, second in pairwise(told(text)):
        between = text[first.end : second.start]
        if len(between) <= 24 and _RANGE.search(between):
            distance = second.value - first.value
            yield from (distance, distance + 1, distance + 12)
    days = _DAYS.split()
    for match in _DAY_RANGE.finditer(text.lower()):
        yield Fraction((days.index(match[2]) - days.index(match[1])) % 7 + 1)
