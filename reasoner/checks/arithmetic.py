"""Is every equation in a step true? No model, no eval: exact fractions, and tolerance for rounding.

    check_arithmetic(["Ben has 3 + 2 = 6 coins.", "Ana's coins = 6 * 2 = 12"])
        [Finding(0, "arithmetic", "wrong", "3 + 2 = 6 is wrong: it should be 5", "3 + 2 = 6", "5"),
         Finding(1, "arithmetic", "right", "6 * 2 = 12 is right", "6 * 2 = 12")]

Neighbouring sides of a chain are compared ("41 + 26 = 76" in "Ben's coins = Ana's coins + 26 = 41 + 26 = 76"). A quantity that an
earlier step has given a value ("A = 3 * 4 = 12") is held against it later ("A + B = 12 + 5"): a number copied wrongly is found.

What passes as right (all ours, so that a right step is practically never called wrong):
- a decimal result that the exact value rounds or is cut to; an integer result likewise, if it is off by at most 5 %;
- 0.33 for 1/3 inside an expression; "%" read as hundredths or not ("5 / 20 = 25%", "5 / 20 * 100 = 25%").
What is passed over, neither right nor wrong:
- values of names that no earlier step gave; a number with a unit alone on the left ("1 hour = 60 minutes");
- the running form "7 * 60 = 420 + 23 = 443", where words stand by the 420; other units with the usual factor between ("= 50 cents");
- the expression before a calculator mark <<…>> that holds and gives the result written after it.

Not covered: see equations.py; whether the equation is the one the question calls for.
"""

import re
from collections.abc import Sequence
from fractions import Fraction

from reasoner.equations import Chain, chains
from reasoner.phrases import Side
from reasoner.records import Finding

INTEGER_TOLERANCE = Fraction(5, 100)  # "100 / 6 = 16" is cut, "7 / 2 = 3" is wrong

_CONVERSIONS = frozenset(
    Fraction(factor)
    for factor in (
        2,
        3,
        4,
        5,
        7,
        8,
        10,
        12,
        16,
        20,
        24,
        25,
        30,
        36,
        52,
        60,
        100,
        360,
        365,
        1000,
        1440,
        1760,
        3600,
        5280,
        10**6,
        10**9,
    )
)
_UNIT_FAMILIES = re.compile(
    r"\b(cent|penn(?:y|ie)|nickel|dime|quarter|dollar|second|minute|hour|day|week|month|year|decade|inch|inche|feet|foot|ft|yard|mile|"
    r"ounce|oz|pound|lb|ton|gram|kg|kilogram|meter|cm|centimeter|km|kilometer|mm|liter|ml|milliliter|gallon|quart|pint|cup|tablespoon|"
    r"teaspoon|dozen|pair|hundred|thousand|million|billion|degree)e?s?\b"
)


def check_arithmetic(step_texts: Sequence[str]) -> list[Finding]:
    """One finding for each pair of neighbouring sides that can be compared, in the order of the text."""
    known: dict[str, Fraction] = {}
    findings: list[Finding] = []
    for step, text in enumerate(step_texts):
        if "=" not in text and "≈" not in text and "\\approx" not in text:
            continue
        seen: dict[tuple[str, str], Finding] = {}
        found = chains(text)
        marked = _results_of_marks(found)
        for chain in found:
            for left, right in _pairs(chain, known):
                if not chain.is_mark and marked.get(right.start) == right.value(known):
                    continue
                finding = _compare(step, left, right, known)
                if finding is not None:
                    seen.setdefault((re.sub(r"\s", "", finding.found), finding.status), finding)
            _learn(chain, known)
        findings += seen.values()
    return findings


def _results_of_marks(found: list[Chain]) -> dict[int, Fraction]:
    """Place right after each mark that holds → the value it gives. The text that repeats a mark loosely is not judged as well."""
    results: dict[int, Fraction] = {}
    for chain in found:
        if chain.is_mark and len(chain.sides) == 2:
            left, right = chain.sides
            value = right.value({})
            if value is not None and left.value({}) is not None and _is_equal(left, right, {}):
                results[right.end + len(">>")] = value
    return results


def _pairs(chain: Chain, known: dict[str, Fraction]) -> list[tuple[Side, Side]]:
    """Neighbouring sides whose values are known; one that has none is passed over."""
    sides = chain.sides
    first = sides[0]
    if first.program.is_share and (first.has_lead or first.unit) or (first.label and len(first.label) > 1):
        sides = sides[
            1:
        ]  # "5 dozen = 5 * 12", "Day 1 = 5 + 2", "Total = 8": a name or another unit, not a value to hold against
    valued = [side for side in sides if side.value(known) is not None]
    return list(zip(valued, valued[1:], strict=False))


def _compare(step: int, left: Side, right: Side, known: dict[str, Fraction]) -> Finding | None:
    if left.program.is_bare and right.program.is_bare and (left.unit or right.unit or left.has_lead):
        return None  # "60 minutes = 1 hour"
    found = f"{left.text} = {right.text}"
    if _is_equal(left, right, known):
        return Finding(step, "arithmetic", "right", f"{found} is right", found)
    left_value, right_value = left.value(known), right.value(known)
    assert left_value is not None and right_value is not None
    if _is_running(left_value, right) or _is_conversion(left_value, right_value, left, right):
        return None
    expected = written(right_value if left.program.is_bare and not right.program.is_bare else left_value)
    return Finding(step, "arithmetic", "wrong", f"{found} is wrong: it should be {expected}", found, expected)


def _is_equal(left: Side, right: Side, known: dict[str, Fraction]) -> bool:
    one, other = left.value(known), right.value(known)
    if one == other:
        return True
    has_percent = left.program.has_percent or right.program.has_percent
    for percent in (100, 1) if has_percent else (100,):
        for snap in (False, True):
            one, other = left.value(known, percent, snap), right.value(known, percent, snap)
            if (
                one is not None
                and other is not None
                and (_rounds_to(one, other, right) or _rounds_to(other, one, left))
            ):
                return True
    return False


def _rounds_to(exact: Fraction, result: Fraction, side: Side) -> bool:
    """Is `result`, the value of `side`, what `exact` rounds or is cut to?"""
    difference = abs(exact - result)
    if not difference:
        return True
    if not side.program.is_bare:
        return False
    places = side.program.num_decimals
    if places:
        hundredths = 2 if side.program.has_percent and difference < 1 and abs(result) < 2 else 0
        return difference < Fraction(1, 10 ** (places + hundredths))
    return exact.denominator != 1 and difference < 1 and difference <= INTEGER_TOLERANCE * abs(exact)


def _is_running(left_value: Fraction, right: Side) -> bool:
    """ "7 * 60 = 420 seconds + 23 seconds": the left side equals only the number that the right side starts with."""
    return left_value in right.leading_values and right.has_words


def _is_conversion(left_value: Fraction, right_value: Fraction, left: Side, right: Side) -> bool:
    """Do the sides speak of different units of one kind, with a usual factor between them?"""
    units = [set(_UNIT_FAMILIES.findall(side.text.lower())) for side in (left, right)]
    money = [
        units_of | ({"dollar"} if "$" in side.text else set())
        for units_of, side in zip(units, (left, right), strict=True)
    ]
    if len(units[0] | units[1] | money[0] | money[1]) < 2:
        return False
    if any(len(of) > 1 and re.search(r"\s[-+]\s", side.text) for of, side in zip(units, (left, right), strict=True)):
        return True  # "4 pounds - 6 ounces = 58 ounces"
    if not left_value or not right_value or not (money[0] ^ money[1]):
        return False
    ratio = abs(left_value / right_value)
    return ratio in _CONVERSIONS or 1 / ratio in _CONVERSIONS


def _learn(chain: Chain, known: dict[str, Fraction]) -> None:
    """Keep what the chain says that its name is worth: its last value."""
    label = chain.sides[0].label
    if not label:
        return
    values = [side.value(known) for side in chain.sides[1:]]
    if values[-1] is not None:
        known[label] = values[-1]
    else:
        known.pop(label, None)


def written(value: Fraction) -> str:
    """A value for a person: "201", "0.25", "1/3"."""
    if value.denominator == 1:
        return str(value.numerator)
    decimal = f"{float(value):.6f}".rstrip("0")
    return decimal if Fraction(decimal) == value else f"{value.numerator}/{value.denominator}"
