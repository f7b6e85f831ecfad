"""When two sides of an equation pass for equal, and when they are not compared at all.

    100 / 3 = 33.33        right: rounded                   7 / 2 = 3            wrong
    100 / 3 = 33           right: cut to a whole number     7 / 2 = <<7/2=3.5>>3 right: the mark shows what was rounded
    12 * 0.33 = 4          right: 0.33 stands for 1/3       0.1 + 0.2 = 0.30000000000000004   right: a float
    5 / 20 = 25%           right, and so is 5 / 20 * 100 = 25%

Passed over, neither right nor wrong:
- a number with a unit on either side and no calculation ("60 minutes = 1 hour");
- the running form "7 * 60 = 420 seconds + 23 seconds = 443", where words stand by the numbers;
- different units of one kind with a usual factor between them ("$0.25 * 2 = 50 cents").

All ours, so that a right step is practically never called wrong (measured on GSM8K's gold solutions).
"""

import re
from collections.abc import Mapping
from fractions import Fraction

from reasoner.equations.runs import Side

INTEGER_TOLERANCE = Fraction(5, 100)  # "100 / 6 = 16" is cut, "7 / 2 = 3" is wrong
FLOAT_TOLERANCE = Fraction(1, 10**9)  # relative, where decimals are written to eight places or more
FLOAT_PLACES = 8

_CONVERSIONS = frozenset(  # cents in coins, days, inches, ounces, minutes, grams …
    map(
        Fraction,
        (
            *(2, 3, 4, 5, 7, 8, 10, 12, 16, 20, 24, 25, 30, 36, 52, 60, 100, 360, 365, 1000, 1440, 1760, 3600, 5280),
            *(10**6, 10**9),
        ),
    )
)
_UNITS = re.compile(
    r"\b(cent|penn(?:y|ie)|nickel|dime|quarter|dollar|second|minute|hour|day|week|month|year|decade|inch|feet|foot|ft|yard|mile|"
    r"ounce|oz|pound|lb|ton|gram|kg|kilogram|meter|cm|centimeter|km|kilometer|mm|liter|ml|milliliter|gallon|quart|pint|cup|"
    r"tablespoon|teaspoon|dozen|pair|hundred|thousand|million|billion|degree)e?s?\b"
)


def is_equal(left: Side, right: Side, known: Mapping[str, Fraction]) -> bool:
    """Do two sides with known values pass for equal?"""
    one, other = left.value(known), right.value(known)
    if one == other:
        return True
    has_percent = left.program.has_percent or right.program.has_percent
    can_snap = left.program.can_snap or right.program.can_snap
    for percent in (100, 1) if has_percent else (100,):
        for snap in (False, True) if can_snap else (False,):
            one, other = left.value(known, percent, snap), right.value(known, percent, snap)
            if one is not None and other is not None and (rounds_to(one, other, right) or rounds_to(other, one, left)):
                return True
    return False


def rounds_to(exact: Fraction, result: Fraction, side: Side) -> bool:
    """Is `result`, the value of `side`, what `exact` rounds or is cut to?"""
    difference = abs(exact - result)
    places = side.program.num_decimals
    if not difference or (places >= FLOAT_PLACES and difference <= FLOAT_TOLERANCE * max(abs(exact), Fraction(1))):
        return True
    if not side.program.is_bare:
        return False
    if places:
        hundredths = 2 if side.program.has_percent and abs(result) < 2 else 0
        return difference < Fraction(1, 10 ** (places + hundredths))
    return exact.denominator != 1 and difference < 1 and difference <= INTEGER_TOLERANCE * abs(exact)


def is_same_result(mark: Side, text: Side) -> bool:
    """Is the result in the text that of the calculator mark before it, rounded to any whole number perhaps?"""
    one, other = mark.value({}), text.value({})
    if one is None or other is None:
        return False
    is_rounded = one.denominator != 1 and other.denominator == 1 and abs(one - other) < 1
    return one == other or is_rounded or rounds_to(one, other, text) or one == other * 100


def is_passed_over(left: Side, right: Side, known: Mapping[str, Fraction]) -> bool:
    """Is this inequality of values no sign of an error?"""
    if left.program.is_bare and right.program.is_bare and (left.has_words or right.has_words or left.has_lead):
        return True
    left_value, right_value = left.value(known), right.value(known)
    if left_value is None or right_value is None:
        return True
    if left_value in right.leading_values and right.has_words:
        return True
    if "remainder" in right.unit or "remaining" in right.unit:  # "13 / 6 = 2 with a remainder of 1"
        return True
    return _is_conversion(left_value, right_value, left, right)


def _is_conversion(left_value: Fraction, right_value: Fraction, left: Side, right: Side) -> bool:
    """Do the sides speak of different units of one kind, with a usual factor between them?"""
    units = [_units(left), _units(right)]
    if units[0] == units[1] and len(units[0]) < 2:
        return False
    if any(len(of) > 1 and re.search(r"\s[-+]\s", side.text) for of, side in zip(units, (left, right), strict=True)):
        return True  # "4 pounds - 6 ounces = 58 ounces"
    if not left_value or not right_value or units[0] == units[1] or not (units[0] and units[1]):
        return False
    ratio = abs(left_value / right_value)
    return ratio in _CONVERSIONS or 1 / ratio in _CONVERSIONS


def _units(side: Side) -> set[str]:
    return set(_UNITS.findall(side.text.lower())) | ({"dollar"} if "$" in side.text else set())


def lost_number(named: Side, figures: Side) -> Fraction | None:
    """The number in "Ana's coins * 5" that "41 * 4", the same calculation all in figures, does not have."""
    sides = (named, figures)
    if figures.program.names or any(side.is_opaque or side.program.has_percent for side in sides):
        return None
    shapes = [["" if item[0] in ("number", "name") else item[0] for item in side.program.items] for side in sides]
    if shapes[0] != shapes[1]:
        return None
    numbers = [[Fraction(item[1]) for item in side.program.items if item[0] == "number"] for side in sides]
    return next((number for number in numbers[0] if number not in numbers[1]), None)


def written(value: Fraction) -> str:
    """A value for a person: "201", "0.25", "8/3 (about 2.67)"."""
    if value.denominator == 1:
        return (
            str(value.numerator)
            if abs(value) < 10**15
            else f"{float(value):.6g}"
            if abs(value) < 10**300
            else "a huge number"
        )
    decimal = f"{float(value):.6f}".rstrip("0") if abs(value) < 10**15 else f"{float(value):.6g}"
    if Fraction(decimal) == value:
        return decimal
    if value.denominator < 1000:
        return f"{value.numerator}/{value.denominator} (about {float(value):.4g})"
    return f"about {float(value):.6g}"
