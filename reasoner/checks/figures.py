"""The numbers of a step: those it takes from somewhere, and those its own arithmetic makes.

    step_numbers(Step("Ben has 41 + 26 = 67 coins, which is 3 fewer than Cal."))
        taken 41, 26, 3    made 67
    step_numbers(Step("Ben_coins = Ana_coins + 26", kind="code", outcome="Ben_coins = 67"))
        taken 26           made 67

In words a number alone beside an "=" is made where something is calculated in that equation, else taken ("Ana's coins
= 41"); numbers in running text are taken. In code, equations and specifications every literal is taken, and what
running it gave is made.

Not covered: number words in steps ("three times five"); algebra, where every number after the first equation in an
unknown is held for made.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from reasoner.equations import chains
from reasoner.equations.program import Program
from reasoner.equations.runs import Side
from reasoner.equations.tokens import Token, tokenize
from reasoner.records import Step

_LABELLING = frozenset("step state case equation part round no problem question example option day".split())  # noqa: SIM905
_STRINGS = re.compile(r"\"\"\".*?(?:\"\"\"|\Z)|'''.*?(?:'''|\Z)|\"[^\"\n]*\"|'[^'\n]*'|\#[^\n]*", re.DOTALL)
_ROUNDING = re.compile(r"\bround\s*\([^()\n]*,\s*(\d+)\s*\)")
_LITERAL = re.compile(r"(?<![\w.])(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?![\w.])")
_DEFINITION = re.compile(r"^\s*(?P<name>[^\W\d]\w*)\s*=\s*-?(?P<number>\d[\d_]*(?:\.\d*)?|\.\d+)\s*$", re.MULTILINE)
_LETTER = re.compile(
    r"\blet(?:'s|’s)?\s+(?:\w+\s+){0,4}?(?P<let>[B-HJ-Zb-z])\b|(?<![A-Za-z'’.])(?P<before>[A-Za-z])\s*[-+*/=<>≥≤×(]"
    r"|[-+*/=<>≥≤×]\s*\d*(?P<after>[A-Za-z])(?![A-Za-z'’.])|(?<=\d)(?P<glued>[b-fh-jnp-rt-z])(?![A-Za-z'’.])",
    re.IGNORECASE,
)
_SIGN = re.compile(r"[xX]\s*[$(]?\s*[\d.]")
MAX_DIGITS = 40
MAX_ITEMS = 60  # of an expression whose parts are worked out one by one


@dataclass(frozen=True, slots=True)
class Taken:
    """A number that a step takes from somewhere."""

    text: str  # as written
    start: int  # place in the step's text
    end: int
    values: tuple[Fraction, ...]  # "20%" is 20 or 1/5


@dataclass(frozen=True, slots=True)
class StepNumbers:
    """The numbers of one step."""

    taken: tuple[Taken, ...]
    made: frozenset[Fraction]
    unknowns: frozenset[str] = frozenset()  # letters of algebra
    definitions: tuple[tuple[str, Fraction], ...] = ()  # code only: ("Ana_coins", 41) of "Ana_coins = 41"


def step_numbers(step: Step, unknowns: frozenset[str] = frozenset()) -> StepNumbers:
    """The numbers of `step`; `unknowns`: the letters that equations of earlier steps calculate with."""
    if step.kind == "words":
        return _of_words(step.text, unknowns)
    if step.kind == "output":
        return StepNumbers((), _numbers_in(step.text))
    return _of_code(step.text, step.outcome)


def all_numbers(steps: Iterable[Step]) -> Iterator[StepNumbers]:
    """The numbers of each step in turn, what earlier ones call unknown being known to the later."""
    unknowns: frozenset[str] = frozenset()
    for step in steps:
        numbers = step_numbers(step, unknowns)
        unknowns |= numbers.unknowns
        yield numbers


# ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=16_384)
def _of_words(text: str, unknowns: frozenset[str]) -> StepNumbers:
    made: set[Fraction] = set()
    made_spans: list[tuple[int, int]] = []
    letters = frozenset(_letters(text))
    for chain in chains(text):
        calculates = [side for side in chain.sides if _calculates(side)]
        is_solved = bool(unknowns and chain.sides[0].label)  # "x = 15", after equations in x
        is_made = is_solved or any(not any(len(name) == 1 for name in side.program.names) for side in calculates)
        for side in chain.sides:
            made |= _values(side) if is_made or side in calculates else set()
            if is_made and side.program.is_bare:
                made_spans.append((side.start, side.end))
    taken = [
        number
        for number in _written(text)
        if not any(start <= number.start < end for start, end in made_spans) and not _is_label(text, number)
    ]
    if letters & unknowns:  # solving an equation that was stated before
        made.update(value for number in taken for value in number.values)
    return StepNumbers(tuple(taken), frozenset(made), letters)


def _calculates(side: Side) -> bool:
    return not side.program.is_bare and not side.label


def _values(side: Side) -> set[Fraction]:
    """What a side is worth, and all that is worked out on the way: 42 / 3 + 16 is worth 30, and 14 on the way."""
    if side.is_opaque or side.program.names or len(side.program.items) > MAX_ITEMS:
        return set()
    found: set[Fraction] = set()
    for end, item in enumerate(side.program.items, start=1):
        if item[0] != "number" or end == len(side.program.items):
            part = Program()
            part.items = side.program.items[:end]
            value = part.value({})
            found |= {value} if value is not None else set()
    return found


def _letters(text: str) -> Iterator[str]:
    """The unknowns of algebra: the x of "let x be", "x + 3" and "2x = 8"; not the sign in "3 x 4"."""
    for match in _LETTER.finditer(text):
        letter = match[match.lastgroup or 0]
        is_sign = letter in "xX" and _SIGN.match(text, match.start(match.lastgroup or 0))
        if not is_sign:
            yield letter


def _written(text: str) -> Iterator[Taken]:
    tokens = [
        inner
        for token in tokenize(text)
        for inner in (tokenize(text, token.start + 2, token.end - 2) if token.kind == "mark" else [token])
    ]
    for index, token in enumerate(tokens):
        if token.kind == "number":
            after = tokens[index + 1] if index + 1 < len(tokens) else None
            is_percent = after is not None and (after.kind == "percent" or after.text.lower() == "percent")
            values = (token.value, token.value / 100) if is_percent else (token.value,)
            yield Taken(token.text, token.start, token.end, values)


def _is_label(text: str, number: Taken) -> bool:
    """ "Step 3", "State 2:", "1." and "2)" at the start of a line number something; they tell nothing."""
    before = text[max(0, number.start - 12) : number.start]
    line_start = before.rpartition("\n")[2] if "\n" in before else before if number.start <= 12 else "…"
    if not line_start.strip(" \t#*-(") and text[number.end : number.end + 2].strip() in (".", ")", "):", ".*", ":"):
        return True
    word = re.search(r"([A-Za-z]+)[\s.#]*$", before)
    return bool(word and word[1].lower() in _LABELLING)


# ── code, equations, specifications ──────────────────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=16_384)
def _of_code(text: str, outcome: str) -> StepNumbers:
    blank = _STRINGS.sub(lambda match: " " * len(match[0]), text)
    blank = _ROUNDING.sub(lambda match: match[0][: -len(match[1]) - 1] + " " * len(match[1]) + ")", blank)
    taken = [
        Taken(match[0], match.start(), match.end(), (_value(match[0]),))
        for match in _LITERAL.finditer(blank)
        if len(match[0]) <= MAX_DIGITS
    ]
    definitions = [
        (match["name"], _value(match["number"]))
        for match in _DEFINITION.finditer(blank)
        if len(match["number"]) <= MAX_DIGITS
    ]
    return StepNumbers(tuple(taken), _numbers_in(outcome), definitions=tuple(definitions))


def _value(literal: str) -> Fraction:
    return Fraction("0" + literal.replace("_", "").rstrip("."))


def _numbers_in(text: str) -> frozenset[Fraction]:
    return frozenset(token.value for token in tokenize(text) if _is_number(token))


def _is_number(token: Token) -> bool:
    return token.kind == "number"
