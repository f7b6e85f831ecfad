"""Are two expressions the same? Decided here, in microseconds, where exact values decide it.

    same_expression("(x+3)(x-8)", "x^2-5x-24")       True
    same_expression("3\\\\sqrt{13}", "\\\\sqrt{118}")      False: their values differ
    same_expression("3\\\\sqrt{13}", "\\\\sqrt{117}")      None: sixty equal digits are no proof

Rational functions of single letters are the same if they agree at two points drawn from 2**40 (Schwartz and Zippel: two
that differ, of degree d, agree at such a point by a chance of d in 2**40). Values with roots are compared to sixty
digits, which can only tell that they differ.

Not covered, and left to math-verify: decimals, i and e, equations, lists, units, "1/2x", which may mean two things.
"""

import decimal
import re
from decimal import Decimal
from fractions import Fraction

from reasoner.checks.expressions import Program, Unreadable, exact, fold, names_in
from reasoner.checks.relations import Names, read_expression

MAX_LETTERS = 200  # characters of either side
DIGITS = 60
_POINTS = (Fraction(755_287_434_907), Fraction(983_514_629_519))  # of the first letter; the others are beside it
_PLAIN = re.compile(r"(?:[A-Za-z0-9+\-*/^(){}\s√]|\\(?:cdot|times|pi))*")
_AMBIGUOUS = re.compile(r"/\s*[A-Za-z0-9]+\s*[A-Za-z({√]|[A-Za-z]\d|\d\s+\d|[A-Za-z]{2}\s*\(")
_TIMES = re.compile(r"\\(?:cdot|times)(?![A-Za-z])")


def same_expression(one: str, other: str) -> bool | None:
    """True, False, or None where this cannot tell."""
    try:
        first, second = _program(one), _program(other)
        names = sorted({*names_in(first), *names_in(second)})
        if len({name.lower() for name in names}) < len(names):
            return None  # x and X: one letter or two?
        has_root = any(kind == "sqrt" for kind, _, _ in (*first, *second))
        if has_root:
            return None if names or _nearly_same(first, second) else False
        return all(_value(first, names, point) == _value(second, names, point) for point in _POINTS)
    except (Unreadable, decimal.DecimalException):
        return None


def _program(text: str) -> Program:
    """The expression as a program over single letters. Raises Unreadable where this is no place for it."""
    if len(text) > MAX_LETTERS:
        raise Unreadable("too long")
    for _ in range(4):
        text = re.sub(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}", r"((\1)/(\2))", text)
        text = re.sub(r"\\sqrt\s*\{([^{}]*)\}", r"√(\1)", text)
    text = _TIMES.sub("*", text)
    if not _PLAIN.fullmatch(text) or _AMBIGUOUS.search(text):
        raise Unreadable("not plain")
    text = re.sub(r"\\pi(?![A-Za-z])", "π", text)
    text = re.sub(r"(?<=[^\W\d_])\s*(?=[^\W\d_√])", "*", text)  # xy is x times y
    text = re.sub(r"(?<=[\w)])\s*(?=√)", "*", text).replace("√", "sqrt")
    program = read_expression(text, Names())
    if any(len(name) != 1 or name in "ieIE" for name in names_in(program)):
        raise Unreadable("not letters")
    return program


def _value(program: Program, names: list[str], point: Fraction) -> Fraction | None:
    return exact(program, {name: point + 3**i for i, name in enumerate(names)})


def _nearly_same(one: Program, other: Program) -> bool:
    with decimal.localcontext(prec=DIGITS, Emax=400, Emin=-400):
        first, second = (fold(program, _decimal, _decimal_name, _apply) for program in (one, other))
        return abs(first - second) <= max(abs(first), abs(second)) * Decimal(10) ** (20 - DIGITS)


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)


def _decimal_name(name: str) -> Decimal:
    raise Unreadable(name)


def _apply(kind: str, values: list[Decimal]) -> Decimal:
    if kind == "sqrt":
        return values[0].sqrt()
    if kind == "neg":
        return -values[0]
    one, other = values
    match kind:
        case "+":
            return one + other
        case "-":
            return one - other
        case "*":
            return one * other
        case "/":
            return one / other
        case "**" if abs(other) <= 64:
            return one**other
    raise Unreadable(kind)
