"""Reading one number as people write it in answers: ``$1,000.00``, ``50\\%``, ``1 1/2``, ``\\frac{3}{2}``, ``12:30
pm``.

    read_number("$1,000.00")      Quantity(value=Fraction(1000), is_percent=False, num_decimals=2)
    read_number("1 1/2 cups")     Quantity(value=Fraction(3, 2), is_percent=False, num_decimals=None)
    read_number("2k+2")           None: an expression, not a number
    same_number(a, b)             are two quantities the same answer?

Rules, all symmetric:

- Units, currency signs and thousands commas are ignored ("5 hours" = "5"); "5 million" is 5,000,000.
- Percent as in MARIO_EVAL (arXiv 2401.08190): "50%" is the same as both "50" and "0.5".
- Integers and fractions are exact. A decimal of at least two places is also the same as a number that rounds to it,
  if that number is written more finely and the two differ by at most 1e-3 of their size (MARIO_EVAL's tolerance), or
  if that number is a fraction without an end in decimals: 3.14 = 3.1416 and 0.33 = 1/3, but 2.75 is not 2.754 and 12
  is not 12.4.
- Clock times ("12:30") are the same only as times; am and pm count where both are written.

Not covered: conversion between units (50 cents and $0.50), Roman numerals, number words above 99.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

MAX_LENGTH = 80  # characters; anything longer is prose, not a number
RELATIVE_TOLERANCE = Fraction(1, 1000)  # MARIO_EVAL, arXiv 2401.08190

_SCALES = {"hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_UNITS_OF_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
)
_UNITS_OF_WORDS += "seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_WORDS: dict[str, int] = {word: value for value, word in enumerate(_UNITS_OF_WORDS.split())}
_WORDS |= {word: 10 * value for value, word in enumerate(_TENS.split(), start=2)}
_WORDS |= {f"{ten}-{one}": _WORDS[ten] + _WORDS[one] for ten in _TENS.split() for one in _UNITS_OF_WORDS.split()[1:10]}

# Words after a number that make it an expression rather than a number with a unit.
MATH_WORDS = frozenset(
    ["pi", "sqrt", "sin", "cos", "tan", "log", "ln", "exp", "theta", "alpha", "beta", "infinity", "inf"]
)
_NOT_UNITS = MATH_WORDS | {"mod", "choose", "or", "and", "plus", "minus", "times"}
_ONE_LETTER_UNITS = frozenset("mgshlLJNWVF")

_FRACTION = re.compile(r"\\[dt]?frac\s*(?:\{\s*(-?\d+)\s*\}|(\d))\s*(?:\{\s*(-?\d+)\s*\}|(\d))")
_WRAPPED_WORDS = re.compile(r"\\(?:text|mathrm|mbox|textbf|mathbf|operatorname)\s*\{([^{}]*)\}")
_PLAIN = str.maketrans(
    {
        "−": "-",
        "–": "-",
        "﹣": "-",
        "’": "'",
        "½": " 1/2",
        "¼": " 1/4",
        "¾": " 3/4",
        "⅓": " 1/3",
        "⅔": " 2/3",
        "\u00a0": " ",
    }
)
_DIGITS = r"(?:\d{1,3}(?:,\d{3})+|\d+)"
_NUMBER = re.compile(
    rf"""\s*(?P<sign>[-+]?)\s*(?:US)?\s*[$€£¥₹]?\s*(?P<sign2>[-+]?)\s*
    (?:(?P<mixed>\d+)\s+(?P<mixed_over>\d+)/(?P<mixed_under>\d+)
      |(?P<over>{_DIGITS}(?:\.\d+)?|\.\d+)\s*/\s*(?P<under>-?\d+(?:\.\d+)?)
      |(?P<digits>{_DIGITS}(?:\.\d+)?|\.\d+)(?P<power>[eE][-+]?\d{{1,2}}(?![A-Za-z0-9])|\s*(?:\\times|\\cdot|[x×*·])\s*10\s*\^\s*\{{?-?\d{{1,2}}\}}?)?)
    (?P<rest>.*)""",
    re.VERBOSE | re.DOTALL,
)
_UNIT = re.compile(r"\s*(?:[A-Za-z°'.$€£¥₹/ -]|\^\{?[23]\}?|[²³])*\s*")
_CLOCK = re.compile(
    r"(?P<hour>\d{1,2})(?::(?P<minute>\d\d))?(?::\d\d)?\s*(?P<half>[ap])?\.?(?(half)m\b\.?)(?:\s+o'clock)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number as written."""

    value: Fraction  # a percentage keeps its own number: 50 for "50%"
    is_percent: bool = False
    num_decimals: int | None = None  # digits written after the point; None for integers and fractions


def plain_text(text: str) -> str:
    """`text` without the LaTeX that only dresses it: "$\\\\frac{3}{2}$" → "3/2", "50\\\\%" → "50%"."""
    text = text.translate(_PLAIN).strip()
    if "\\" in text or "{" in text:
        text = _FRACTION.sub(lambda m: f" {m[1] or m[2]}/{m[3] or m[4]}", text)
        text = _WRAPPED_WORDS.sub(r" \1 ", text)
        text = text.replace("\\%", "%").replace("\\$", "$").replace("{,}", ",").replace("^\\circ", " degrees")
        text = re.sub(r"\\[!,;: ]|\\(?:left|right|displaystyle)(?![a-zA-Z])|\\[()\[\]]", "", text)
        text = text.replace("^{\\circ}", " degrees")
    text = text.strip().strip("*`_ ")
    if len(text) > 2 and text[0] == text[-1] == "$":
        text = text[1:-1]
    return text.rstrip(".:;,!? ").strip()


def read_number(text: str) -> Quantity | None:
    """The number that `text` is, unit and dress aside; None where it is anything else."""
    if not text or len(text) > MAX_LENGTH:
        return None
    text = plain_text(text)
    text = re.sub(r"^[A-Za-z]\s*=\s*", "", text)  # "x = 5" answers 5
    word = _WORDS.get(text.lower().split(" ")[0]) if text[:1].isalpha() else None
    if word is not None:
        return Quantity(Fraction(word)) if _is_unit(text[len(text.split(" ")[0]) :]) else None
    match = _NUMBER.match(text)
    if match is None or (match["sign"] and match["sign2"]):
        return None
    value, num_decimals = _value(match)
    if value is None:
        return None
    rest = match["rest"].strip()
    is_percent = rest.startswith("%") or rest.lower().startswith("percent")
    rest = re.sub(r"^(?:%|percent)", "", rest, flags=re.IGNORECASE)
    scale = _SCALES.get(rest.split(" ")[0].lower(), 1) if rest else 1
    if not _is_unit(match["rest"] if not is_percent else rest):
        return None
    if "-" in (match["sign"], match["sign2"]):
        value = -value
    return Quantity(value * scale, is_percent, num_decimals if scale == 1 else None)


def _value(match: re.Match[str]) -> tuple[Fraction | None, int | None]:
    """The unsigned value of a _NUMBER match, and how many decimals it is written with."""
    if match["mixed"]:
        under = int(match["mixed_under"])
        return (int(match["mixed"]) + Fraction(int(match["mixed_over"]), under) if under else None), None
    if match["over"]:
        under_value = Fraction(match["under"])
        return (Fraction(match["over"].replace(",", "")) / under_value if under_value else None), None
    digits = match["digits"].replace(",", "")
    value = Fraction("0" + digits if digits.startswith(".") else digits.rstrip("."))
    num_decimals = len(digits.split(".")[1]) if "." in digits else None
    if match["power"]:
        written = re.search(r"-?\d+(?=\}?$)", match["power"].replace("+", ""))
        if written is None:
            return None, None
        exponent = int(written[0])
        finest = (num_decimals or 0) - exponent  # 2.0107e-06 is written to the tenth decimal
        return value * Fraction(10) ** exponent, finest if finest > 0 else None
    return value, num_decimals


def tidy_number(written: str) -> str:
    """A float as people write it, without the noise of binary arithmetic: 418826.80000000005 → 418826.8, 67.0 → 67."""
    if not re.fullmatch(r"-?\d+\.\d+(?:e[-+]?\d+)?", written):
        return written
    value = float(written)
    if value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return min(f"{value:.13g}" if abs(value) < 1e10 else f"{value:.15g}", written, key=len)


def _is_unit(rest: str) -> bool:
    """Is what follows a number nothing but a unit ("apples", " per hour", " cm^2")?"""
    if not rest.strip():
        return True
    if not _UNIT.fullmatch(rest) or re.search(r"\.\s+[A-Z]", rest):
        return False
    words = re.findall(r"[A-Za-z]+", rest)
    if any(word.lower() in _NOT_UNITS for word in words):
        return False
    if words and len(words[0]) == 1:  # "2k", "5 x" are algebra, "5 m" is a length
        return words[0] in _ONE_LETTER_UNITS or (len(words) > 1 and words[0] in "apAP")
    return len(words) <= 8


def read_clock(text: str) -> tuple[int, str] | None:
    """Minutes since midnight and "a", "p" or "": "12:30 pm" → (750, "p"). None where no time of day is written."""
    match = _CLOCK.fullmatch(plain_text(text)) if len(text) <= MAX_LENGTH else None
    if match is None or (match["minute"] is None and match["half"] is None):
        return None
    hour, minute, half = int(match["hour"]), int(match["minute"] or 0), (match["half"] or "").lower()
    if hour > 24 or minute > 59 or (half and not 1 <= hour <= 12):
        return None
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    return hour * 60 + minute, half


def same_clock(one: tuple[int, str], other: tuple[int, str]) -> bool:
    """Are two times of day the same? Where only one says am or pm, half a day apart is the same."""
    half_day = 12 * 60
    if bool(one[1]) == bool(other[1]):
        return one[0] == other[0]
    return one[0] % half_day == other[0] % half_day


def same_number(one: Quantity, other: Quantity) -> bool:
    """Are two quantities the same answer, by the rules above? Symmetric."""
    if one.is_percent == other.is_percent:
        return _same_value(one, other)
    percent, plain = (one, other) if one.is_percent else (other, one)
    decimals = None if percent.num_decimals is None else percent.num_decimals + 2
    as_rate = Quantity(percent.value / 100, False, decimals)
    return _same_value(percent, plain) or _same_value(as_rate, plain)


def _same_value(one: Quantity, other: Quantity) -> bool:
    if one.value == other.value:
        return True
    return _rounds_to(one, other) or _rounds_to(other, one)


def _rounds_to(fine: Quantity, coarse: Quantity) -> bool:
    """Is `coarse` a decimal that `fine` rounds (or is cut) to?"""
    if coarse.num_decimals is None or coarse.num_decimals < 2:
        return False
    step = Fraction(1, 10**coarse.num_decimals)
    difference = abs(fine.value - coarse.value)
    if difference >= step or (difference > step / 2 and abs(fine.value) < abs(coarse.value)):
        return False
    if fine.num_decimals is None:
        return not _ends_in_decimals(fine.value)
    is_finer = fine.num_decimals > coarse.num_decimals
    return is_finer and difference <= RELATIVE_TOLERANCE * max(abs(fine.value), abs(coarse.value))


def _ends_in_decimals(value: Fraction) -> bool:
    under = value.denominator
    for prime in (2, 5):
        while under % prime == 0:
            under //= prime
    return under == 1
