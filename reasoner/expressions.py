"""A safe reader of arithmetic in running text: tokens, and programs over exact fractions. No eval.

    tokenize("He sold 48/2 = <<48/2=24>>24 clips")      words, numbers and signs, each with its place in the text
    program = Program(); … ; program.value({})          Fraction(24), or None where it cannot be known

`Program` is an expression in postfix form, built from infix signs by precedence (Dijkstra's shunting-yard), without recursion:
a hundred thousand brackets cost what a hundred thousand words do. Powers and digits are bounded, so 9**9**9 is None, not a hang.

Not covered: logarithms, trigonometry, factorials, roots that are not rational.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

MAX_DIGITS = 40  # of one number as written
MAX_BITS = 4096  # of any value on the way; beyond it the value is unknown
MAX_POWER = 256

_TOKEN = re.compile(
    r"""(?P<mark><<[^<>\n]*>>)
    |(?P<ordinal>\d+(?:st|nd|rd|th)\b)
    |(?P<mixed>\d{1,9}(?:[ ]\d{1,9}/\d{1,9}|[ ]and[ ]\$?\d{1,9}/\d{1,9}|[ ]and[ ]\(\d{1,9}/\d{1,9}\))(?![\d/,]|\.\d))
    |(?P<odd>\d+(?:,\d{3})*,(?:\d{1,2}|\d{4,})(?!\d)|0\d+(?![\d.]))
    |(?P<number>(?>\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:…|\.{2,3})?|\.\d+)
    |(?P<latex>\\[A-Za-z]+)
    |(?P<word>(?:sq|ft|oz|lbs?|hrs?|mins?|yds?)\.|[^\W\d_](?:[^\W\d_]|['’&.](?=[^\W\d_])|-(?=[^\W\d_]{2}))*['’]?)
    |(?P<equals>={1,2}(?!>)|≈|≅|~=)
    |(?P<ratio>(?<=\d):(?=\d))
    |(?P<operator>\*\*|[-+*/^×÷·⋅∗−–⁄])
    |(?P<open>[(\[{])|(?P<close>[)\]}])
    |(?P<percent>\\?%)|(?P<currency>\\?[$€£₹])|(?P<root>√)
    |(?P<dress>[°²³¢_]+|\\[,;! ]|\*{3,})
    |(?P<newline>\n)
    |(?P<stop>[^\s])""",
    re.VERBOSE,
)
_OPERATORS = {"×": "*", "·": "*", "⋅": "*", "∗": "*", "÷": "/", "⁄": "/", "−": "-", "–": "-", "**": "^"}
_LATEX_OPERATORS = {"\\times": "*", "\\cdot": "*", "\\ast": "*", "\\div": "/"}
_LATEX_DRESS = frozenset(
    [
        "\\left",
        "\\right",
        "\\displaystyle",
        "\\quad",
        "\\qquad",
        "\\text",
        "\\mathrm",
        "\\mbox",
        "\\mathbf",
        "\\textbf",
        "\\boxed",
    ]
)
_LATEX_FRACTIONS = frozenset(["\\frac", "\\dfrac", "\\tfrac"])


@dataclass(slots=True)
class Token:
    """A piece of text: its kind, its canonical text, and where it stands."""

    kind: str  # number, word, operator, ratio, equals, open, close, fraction, percent, currency, root, odd, mark, dress, newline, stop
    text: str
    start: int
    end: int
    value: Fraction = field(default=Fraction(0))  # of a number
    num_decimals: int = 0  # of a number


def tokenize(text: str, start: int = 0, end: int | None = None) -> list[Token]:
    """The tokens of text[start:end], in order, in time proportional to its length."""
    tokens: list[Token] = []
    for match in _TOKEN.finditer(text, start, len(text) if end is None else end):
        kind = str(match.lastgroup)
        token = Token(kind, match[0], match.start(), match.end())
        if kind in ("number", "mixed"):
            _read_value(token)
        elif kind == "operator":
            token.text = _OPERATORS.get(token.text, token.text)
        elif kind == "latex":
            _read_latex(token)
        elif kind == "ordinal":
            token.kind = "word"
        tokens.append(token)
    return tokens


def _read_value(token: Token) -> None:
    if token.kind == "mixed":
        whole, over, under = (int(part) for part in re.findall(r"\d+", token.text))
        token.kind = "number" if 0 < over < under else "odd"
        token.value = whole + Fraction(over, max(under, 1))
        return
    digits = token.text.replace(",", "").rstrip("….")
    if len(digits) > MAX_DIGITS:
        token.kind = "odd"
        return
    token.value = Fraction("0" + digits if digits[0] == "." else digits)
    token.num_decimals = len(digits.partition(".")[2])


def _read_latex(token: Token) -> None:
    name = token.text
    if name in _LATEX_OPERATORS:
        token.kind, token.text = "operator", _LATEX_OPERATORS[name]
    elif name in ("\\approx", "\\simeq"):
        token.kind = "equals"
    elif name == "\\sqrt":
        token.kind = "root"
    elif name in _LATEX_FRACTIONS:
        token.kind = "fraction"
    else:
        token.kind = "dress" if name in _LATEX_DRESS else "word"


_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "neg": 3, "^": 4, "root": 5}
_PREFIX = ("neg", "root")

# (sign or "number" or "name" or "percent", value, decimals, name)
_Item = tuple[str, Fraction, int, str]


class Program:
    """An expression being read from left to right, then evaluated as often as needed under different readings."""

    __slots__ = ("_open", "_signs", "items", "names")

    def __init__(self) -> None:
        self.items: list[_Item] = []  # postfix
        self.names: list[str] = []  # quantities spoken of by name
        self._signs: list[str] = []
        self._open = 0

    def number(self, value: Fraction, num_decimals: int = 0) -> None:
        self.items.append(("number", value, num_decimals, ""))

    def name(self, name: str) -> None:
        self.items.append(("name", Fraction(0), 0, name))
        self.names.append(name)

    def percent(self) -> None:
        self.items.append(("percent", Fraction(0), 0, ""))

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

    def _emit(self) -> None:
        self.items.append((self._signs.pop(), Fraction(0), 0, ""))

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

    def value(self, known: Mapping[str, Fraction], percent: int = 100, snap: bool = False) -> Fraction | None:
        """Its exact value; None where a name is not in `known`, something is divided by zero, or numbers grow out of bounds.

        `percent`: what "%" divides by (1 reads "50%" as 50). `snap`: read 0.33 as the 1/3 that it was rounded from.
        """
        stack: list[Fraction] = []
        places = 0
        for kind, number, num_decimals, name in self.items:
            result: Fraction | None
            if kind == "number":
                result, places = snapped(number, num_decimals) if snap else number, num_decimals
            elif kind == "name":
                result = known.get(name)
            elif kind == "percent":
                result = stack.pop() / percent
                result = snapped(result, places + 2) if snap and percent == 100 else result
            elif kind in _PREFIX:
                result = -stack.pop() if kind == "neg" else _root(stack.pop())
            else:
                right = stack.pop()
                result = _apply(kind, stack.pop(), right)
            if result is None or result.numerator.bit_length() + result.denominator.bit_length() > MAX_BITS:
                return None
            stack.append(result)
        return stack[-1] if stack else None


def _apply(sign: str, left: Fraction, right: Fraction) -> Fraction | None:
    if sign == "+":
        return left + right
    if sign == "-":
        return left - right
    if sign == "*":
        return left * right
    if sign == "/":
        return left / right if right else None
    return _power(left, right)


def _power(base: Fraction, exponent: Fraction) -> Fraction | None:
    """base ** exponent, where that is rational and of bounded size."""
    if exponent == Fraction(1, 2):
        return _root(base)
    if exponent.denominator != 1 or abs(exponent) > MAX_POWER or (not base and exponent < 0):
        return None
    size = max(base.numerator.bit_length(), base.denominator.bit_length()) * abs(int(exponent))
    return Fraction(base ** int(exponent)) if size <= MAX_BITS else None


def _root(value: Fraction) -> Fraction | None:
    if value < 0:
        return None
    over, under = math.isqrt(value.numerator), math.isqrt(value.denominator)
    return Fraction(over, under) if over * over == value.numerator and under * under == value.denominator else None


_SIMPLE = sorted({Fraction(over, under) for under in (3, 6, 7, 9, 11, 12) for over in range(1, under)})


def snapped(value: Fraction, num_decimals: int) -> Fraction:
    """The simple fraction that a decimal of at least two places was rounded or cut from (0.33 → 1/3, 1.67 → 5/3), else itself."""
    if num_decimals < 2:
        return value
    whole, rest = divmod(abs(value), 1)
    step = Fraction(1, 10**num_decimals)
    for simple in _SIMPLE:
        if abs(simple - rest) < step and simple.denominator not in (1, 2, 4, 5):
            return (whole + simple) * (1 if value >= 0 else -1)
    return value
