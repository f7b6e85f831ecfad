"""The numbers of equations while they are put right: their places, their new values, how they are written.

    numbers_of(text, side)                          the number tokens of one side, in its program's order
    number_text(Fraction(1250), like "1,000")       "1,250"
    python_of(side, known, {})                      "67 * 3", with the values of names in their place

Part of repair_flow.py.

Not covered: numbers in words.
"""

import re
from fractions import Fraction
from math import ceil, floor

from reasoner.equations.program import Program
from reasoner.equations.runs import Side
from reasoner.equations.tokens import Token, tokenize

Values = dict[str, Fraction]
MAX_DIGITS = 40  # of a number written into a text
MAX_PLACES = 4  # decimals kept because the number before had them


def all_numbers(text: str) -> list[Token]:
    """The numbers of a text, those of calculator marks included, in order."""
    found: list[Token] = []
    for token in tokenize(text):
        if token.kind == "mark":
            found += [one for one in tokenize(text, token.start + 2, token.end - 2) if one.kind == "number"]
        elif token.kind == "number":
            found.append(token)
    return found


def numbers_of(text: str, side: Side) -> list[Token]:
    """The numbers of a side, calculator marks in it left out, in the order of its program's."""
    return [token for token in tokenize(text, side.start, side.end) if token.kind == "number"]


def aligned(text: str, named: Side, figures: Side) -> dict[int, str | int]:
    """Start of each number of "41 * 4" → what stands in its place in "Ana's coins * 5": a name, or a number's start."""
    if figures.program.names or not named.program.names or named.label:
        return {}
    shapes = [
        ["" if item[0] in ("number", "name") else item[0] for item in side.program.items] for side in (named, figures)
    ]
    tokens, own = numbers_of(text, figures), iter(numbers_of(text, named))
    operands = [item for item in named.program.items if item[0] in ("number", "name")]
    if shapes[0] != shapes[1] or len(tokens) != len(operands):
        return {}
    places: dict[int, str | int] = {}
    for token, item in zip(tokens, operands, strict=True):
        if item[0] == "name":
            places[token.start] = item[3]
        elif (twin := next(own, None)) is not None:
            places[token.start] = twin.start
    return places


def value_of(side: Side, known: Values, new: dict[int, Fraction]) -> Fraction | None:
    """The value of a side when some of its numbers (by their start) are others."""
    return None if side.is_opaque else _rebuilt(side, new).value(known)


def _rebuilt(side: Side, new: dict[int, Fraction]) -> Program:
    """The side's program with other numbers; needs the text only through `side.text`."""
    tokens = [token for token in tokenize(side.text) if token.kind == "number"]
    program = Program()
    places = iter(tokens)
    items: list[tuple[str, int | Fraction, int, str]] = []
    for item in side.program.items:
        token = next(places, None) if item[0] == "number" else None
        if token is not None and side.start + token.start in new:
            value = new[side.start + token.start]
            items.append(("number", value, 0, ""))
        else:
            items.append(item)
    program.items = items
    program.names = list(side.program.names)
    return program


def as_before(old: Fraction, said: Fraction, computed: Fraction, was_equal: bool) -> Fraction | None:
    """What `computed` becomes as `old` became `said`: the same, rounded, cut, or turned into another unit."""
    if old == said:
        return computed
    if not was_equal:
        return computed * said / old if old else None  # a conversion: "$0.25 * 2 = 50 cents"
    if old * 100 == said or old == said * 100:
        return computed * said / old  # percent
    if said.denominator == 1 and abs(old - said) < 1:
        nearest = Fraction(floor(computed + Fraction(1, 2)))
        if said == floor(old + Fraction(1, 2)):
            return nearest
        return Fraction(floor(computed) if said == floor(old) else ceil(computed))
    return computed


def on_paper(side: Side, token: Token, value: Fraction) -> Fraction:
    """The figure to write for a value: 25 for a quarter beside "%", without the sign that stands before it."""
    said = abs(side.program.value({}) or Fraction(0))
    figure = value * 100 if side.program.has_percent and said * 100 == token.value else value
    return -figure if any(item[0] == "neg" for item in side.program.items) else figure


def rounds(value: Fraction, token: Token) -> bool:
    """Is the number in the text what `value` rounds to at its decimals?"""
    return value.denominator != 1 and abs(value - token.value) < Fraction(1, 10 ** max(token.num_decimals, 1))


def number_text(value: Fraction, like: Token) -> str | None:
    """`value` written as the number that it replaces: its thousands commas, its decimals. None for a huge one."""
    places = like.num_decimals
    commas = "," if "," in like.text else ""
    if value.denominator == 1 and not places:
        text = format(value.numerator, commas)
        return text if len(text) <= MAX_DIGITS else None
    exact = _num_places(value)
    places = places if places <= MAX_PLACES else 0  # "28.333333333333332" was no choice of the writer's
    digits = max(places, exact) if exact is not None and exact <= 6 else max(places, 2)
    if abs(value) >= 10**MAX_DIGITS:
        return None
    scaled = abs(value) * 10**digits
    whole, rest = divmod(floor(scaled + Fraction(1, 2)), 10**digits)
    sign = "-" if value < 0 else ""
    return f"{sign}{format(whole, commas)}.{rest:0{digits}d}" if digits else f"{sign}{format(whole, commas)}"


def _num_places(value: Fraction) -> int | None:
    """Digits after the point that `value` takes exactly; None where it has no end."""
    under, places = value.denominator, 0
    while under % 10 == 0 or under % 2 == 0 or under % 5 == 0:
        under //= 10 if under % 10 == 0 else 2 if under % 2 == 0 else 5
        places += 1
    return places if under == 1 else None


# ── what was computed ────────────────────────────────────────────────────────────────────────────────────────────────


def python_of(side: Side, known: Values, new: dict[int, Fraction]) -> str:
    """The side as a Python expression with every name's value in its place: "(41 + 26)"; empty where it cannot be."""
    stack: list[str] = []
    for kind, number, _, name in _rebuilt(side, new).items:
        if kind == "number":
            stack.append(_literal(Fraction(number)))
        elif kind == "name":
            if name not in known:
                return ""
            stack.append(_literal(known[name]))
        elif kind == "percent":
            stack.append(f"({stack.pop()} / 100)")
        elif kind == "neg":
            stack.append(f"(-{stack.pop()})")
        elif kind == "root":
            stack.append(f"({stack.pop()} ** 0.5)")
        else:
            right = stack.pop()
            stack.append(f"({stack.pop()} {'**' if kind == '^' else kind} {right})")
    text = stack[-1] if stack else ""
    return text[1:-1] if text.startswith("(") and text.endswith(")") else text


def _literal(value: Fraction) -> str:
    places = _num_places(value)
    if value.denominator == 1:
        return str(value.numerator) if value >= 0 else f"({value.numerator})"
    if places is not None and places <= 12:
        return f"{float(value)!r}"
    return f"({value.numerator} / {value.denominator})"


def in_figures(text: str, side: Side, new: dict[int, Fraction]) -> str:
    """The side as it reads now: "67 * 3"."""
    parts, place = [], side.start
    for token in numbers_of(text, side):
        if token.start in new:
            parts += [text[place : token.start], number_text(new[token.start], token) or token.text]
            place = token.end
    return re.sub(r"<<[^<>]*>>", "", "".join([*parts, text[place : side.end]])).strip()
