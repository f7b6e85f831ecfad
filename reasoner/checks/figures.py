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
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from reasoner.equations import Chain, chains
from reasoner.equations.runs import Side
from reasoner.equations.tokens import Token, tokenize
from reasoner.records import Step

_LABELLING = frozenset("step state case equation part round no problem question example option day".split())  # noqa: SIM905
_STRINGS = re.compile(r"\"\"\".*?(?:\"\"\"|\Z)|'''.*?(?:'''|\Z)|\"[^\"\n]*\"|'[^'\n]*'|\#[^\n]*", re.DOTALL)
_ROUNDING = re.compile(r"\bround\s*\([^()\n]*,\s*(\d+)\s*\)")
_LITERAL = re.compile(r"(?<![\w.])(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?![\w.])")
_DEFINITION = re.compile(r"^\s*(?P<name>[^\W\d]\w*)\s*=\s*-?(?P<number>\d[\d_]*(?:\.\d*)?|\.\d+)\s*$", re.MULTILINE)
MAX_DIGITS = 40


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
    unknowns: frozenset[str] = frozenset()  # letters that its equations calculate with
    definitions: tuple[tuple[str, Fraction], ...] = ()  # code only: ("Ana_coins", 41) of "Ana_coins = 41"


def step_numbers(step: Step, unknowns: frozenset[str] = frozenset()) -> StepNumbers:
    """The numbers of `step`; `unknowns`: the letters that equations of earlier steps calculate with."""
    if step.kind == "words":
        return _of_words(step.text, unknowns)
    if step.kind == "output":
        return StepNumbers((), _numbers_in(step.text))
    return _of_code(step.text, step.outcome)


# ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=16_384)
def _of_words(text: str, unknowns: frozenset[str]) -> StepNumbers:
    made: set[Fraction] = set()
    made_spans: list[tuple[int, int]] = []
    letters: set[str] = set()
    for chain in chains(text):
        calculates = [side for side in chain.sides if _calculates(side)]
        own = {name for side in chain.sides for name in side.program.names if len(name) == 1}
        is_made = _makes(chain, calculates, own & unknowns)
        for side in chain.sides:
            value = side.value({})
            if value is not None and (is_made or side in calculates):
                made.add(value)
            if is_made and side.program.is_bare:
                made_spans.append((side.start, side.end))
        letters |= own if calculates else set()
    taken = [
        number
        for number in _written(text)
        if not any(start <= number.start < end for start, end in made_spans) and not _is_label(text, number)
    ]
    return StepNumbers(tuple(taken), frozenset(made), frozenset(letters))


def _calculates(side: Side) -> bool:
    return not side.program.is_bare and not side.label


def _makes(chain: Chain, calculates: list[Side], known_letters: set[str]) -> bool:
    """Is a number alone on a side of this chain the result of something?"""
    if known_letters:
        return True  # solving an equation that was stated before
    return any(not any(len(name) == 1 for name in side.program.names) for side in calculates)


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
