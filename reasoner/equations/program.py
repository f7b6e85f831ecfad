"""Expressions as programs over exact fractions: read from left to right, evaluated as often as needed. No eval.

    program = Program()
    program.number(Fraction(2)); program.sign("+"); program.number(Fraction(3)); program.finish()
    program.value({})      Fraction(5); None where it cannot be known

`Program` is an expression in postfix form, built from infix signs by precedence (Dijkstra's shunting-yard), without
recursion: a hundred thousand brackets cost what a hundred thousand words do. Powers and digits are bounded, so
9**9**9 is None, not a hang.

Not covered: logarithms, trigonometry, factorials, roots that are not rational.
"""

import math
from collections.abc import Mapping
from fractions import Fraction

MAX_BITS = 4096  # of any value on the way; beyond it the value is unknown
MAX_POWER = 256

_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "neg": 3, "^": 4, "root": 5}
_PREFIX = ("neg", "root")

_Number = int | Fraction  # whole values are kept as int, which is much the faster
# (sign or "number" or "name" or "percent", value, decimals, name)
_Item = tuple[str, _Number, int, str]


class Program:
    """An expression being read from left to right, then evaluated as often as needed under different readings."""

    __slots__ = ("_signs", "_values", "items", "names")

    def __init__(self) -> None:
        self.items: list[_Item] = []  # postfix
        self.names: list[str] = []  # quantities spoken of by name
        self._signs: list[str] = []
        self._values: dict[tuple[int, bool], Fraction | None] = {}

    def number(self, value: Fraction, num_decimals: int = 0) -> None:
        self.items.append(("number", _slim(value), num_decimals, ""))

    def name(self, name: str) -> None:
        self.items.append(("name", 0, 0, name))
        self.names.append(name)

    def percent(self) -> None:
        self.items.append(("percent", 0, 0, ""))

    def sign(self, sign: str) -> None:
        """Take a sign: a binary one, or "neg" or "root" before an operand."""
        if sign not in _PREFIX:
            rank = _PRECEDENCE[sign]
            while self._signs and self._signs[-1] != "(":
                above = _PRECEDENCE[self._signs[-1]]
                if above < rank or (above == rank and sign == "^"):
                    break
                self._emit()
        self._signs.append(sign)

    def open(self) -> None:
        self._signs.append("(")

    def close(self) -> None:
        while self._signs[-1] != "(":
            self._emit()
        self._signs.pop()

    def finish(self) -> None:
        """No more is to come."""
        while self._signs:
            self._emit()
        self._values.clear()

    def _emit(self) -> None:
        self.items.append((self._signs.pop(), 0, 0, ""))

    @property
    def is_bare(self) -> bool:
        """A lone number, signed or a percentage perhaps: no operation in it."""
        return all(item[0] in ("number", "neg", "percent") for item in self.items) and bool(self.items)

    @property
    def is_share(self) -> bool:
        """A lone number, or a proper fraction such as 1/2."""
        if [item[0] for item in self.items] != ["number", "number", "/"]:
            return self.is_bare
        return 0 < self.items[0][1] < self.items[1][1]

    @property
    def has_percent(self) -> bool:
        return any(item[0] == "percent" for item in self.items)

    @property
    def num_decimals(self) -> int:
        """The most digits after a point in any of its numbers."""
        return max((item[2] for item in self.items), default=0)

    @property
    def can_snap(self) -> bool:
        """Is a number in it that may be rounded from a simple fraction?"""
        return self.has_percent or self.num_decimals >= 2

    def value(self, known: Mapping[str, Fraction], percent: int = 100, snap: bool = False) -> Fraction | None:
        """Its exact value; None where a name is not `known`, zero divides, or numbers grow out of bounds.

        `percent`: what "%" divides by (1 reads "50%" as 50). `snap`: read 0.33 as the 1/3 that it was rounded from.
        """
        if self.names:
            return self._evaluate(known, percent, snap)
        key = (percent, snap)
        if key not in self._values:
            self._values[key] = self._evaluate(known, percent, snap)
        return self._values[key]

    def _evaluate(self, known: Mapping[str, Fraction], percent: int, snap: bool) -> Fraction | None:
        stack: list[_Number] = []
        places = 0
        for kind, number, num_decimals, name in self.items:
            result: _Number | None
            if kind == "number":
                result, places = (_slim(snapped(Fraction(number), num_decimals)) if snap else number), num_decimals
            elif kind == "name":
                result = known.get(name)
            elif kind == "percent":
                result = Fraction(stack.pop()) / percent
                result = snapped(result, places + 2) if snap and percent == 100 else result
            elif kind in _PREFIX:
                result = -stack.pop() if kind == "neg" else root(stack.pop())
            else:
                right = stack.pop()
                result = _apply(kind, stack.pop(), right)
            if result is None or result.numerator.bit_length() + result.denominator.bit_length() > MAX_BITS:
                return None
            stack.append(result)
        return Fraction(stack[-1]) if stack else None


def _slim(value: Fraction) -> _Number:
    return value.numerator if value.denominator == 1 else value


def _apply(sign: str, left: _Number, right: _Number) -> _Number | None:
    if sign == "+":
        return left + right
    if sign == "-":
        return left - right
    if sign == "*":
        return left * right
    if sign == "/":
        return _slim(Fraction(left) / right) if right else None
    return power(Fraction(left), Fraction(right))


def power(base: Fraction, exponent: Fraction) -> Fraction | None:
    """base ** exponent; None where that is not rational or of unbounded size."""
    if exponent == Fraction(1, 2):
        return root(base)
    if exponent.denominator != 1 or abs(exponent) > MAX_POWER or (not base and exponent < 0):
        return None
    size = max(base.numerator.bit_length(), base.denominator.bit_length()) * abs(int(exponent))
    return Fraction(base ** int(exponent)) if size <= MAX_BITS else None


def root(value: _Number) -> Fraction | None:
    if value < 0:
        return None
    over, under = math.isqrt(value.numerator), math.isqrt(value.denominator)
    return Fraction(over, under) if over * over == value.numerator and under * under == value.denominator else None


_SIMPLE = sorted({Fraction(over, under) for under in (3, 6, 7, 9, 11, 12) for over in range(1, under)})


def snapped(value: Fraction, num_decimals: int) -> Fraction:
    """The simple fraction that a decimal of two places or more was rounded or cut from (0.33 → 1/3), else itself."""
    if num_decimals < 2:
        return value
    whole, rest = divmod(abs(value), 1)
    step = Fraction(1, 10**num_decimals)
    for simple in _SIMPLE:
        if abs(simple - rest) < step and simple.denominator not in (1, 2, 4, 5):
            return (whole + simple) * (1 if value >= 0 else -1)
    return value
