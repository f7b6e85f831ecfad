"""The numbers that a text tells, in figures and in words, each with its place and all it may mean.

    told("Ben has twice as many, 20% of them are gold, and a third of 3 dozen …")
        "twice" {2} · "20%" {20, 1/5, 4/5, 6/5, 80 …} · "a third" {1/3, 2/3, 3 …} · "3 dozen" {3, 12, 36}

`meanings` are what a solution may write for it: of a share also its complement and its inverse, since "a third were
sold" is as well "/ 3" and "* 2/3"; of cents also dollars.

Not covered: languages other than English; what is told by counting ("Ana, Ben and Cal" are three); time that passes
between two clock times.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from reasoner.equations.tokens import Token, tokenize


def _table(text: str) -> dict[str, int]:
    """ "2: twice double; 3: thrice" → {"twice": 2, "double": 2, "thrice": 3}."""
    rows = [row.split(":") for row in text.split(";")]
    return {word: int(value) for value, words in rows for word in words.split()}


_CARDINALS = _table(
    "0: zero; 1: one; 2: two; 3: three; 4: four; 5: five; 6: six; 7: seven; 8: eight; 9: nine; 10: ten; 11: eleven;"
    "12: twelve; 13: thirteen; 14: fourteen; 15: fifteen; 16: sixteen; 17: seventeen; 18: eighteen; 19: nineteen;"
    "20: twenty; 30: thirty; 40: forty; 50: fifty; 60: sixty; 70: seventy; 80: eighty; 90: ninety"
)
_SCALES = _table("12: dozen dozens; 100: hundred; 1000: thousand; 1000000: million; 1000000000: billion")
_PARTS = _table(
    "2: half halves; 3: third thirds; 4: quarter quarters fourth fourths; 5: fifth fifths; 6: sixth sixths;"
    "7: seventh sevenths; 8: eighth eighths; 9: ninth ninths; 10: tenth tenths; 12: twelfth twelfths;"
    "20: twentieth twentieths; 100: hundredth hundredths"
)
_MULTIPLES = _table(
    "1: once single; 2: twice double doubled doubles doubling both couple pair pairs twin twins;"
    "3: thrice triple tripled triples tripling trio triplets; 4: quadruple quadrupled quadruples; 5: quintuple;"
    "10: decade decades; 14: fortnight; 100: century"
)
_COINS = _table("1: penny pennies; 5: nickel nickels; 10: dime dimes; 25: quarter quarters")  # in cents
_ORDINALS = {"first": 1, "second": 2}
_SUBWORD = re.compile(r"[^\W\d_]+")
_ORDINAL = re.compile(r"(\d+)(?:st|nd|rd|th)$")


@dataclass(frozen=True, slots=True)
class Told:
    """One number told by a text."""

    text: str  # as written there
    start: int  # place in the text
    end: int
    value: Fraction  # as written: 20 of "20%", 36 of "3 dozen"
    meanings: frozenset[Fraction]  # all that a solution may write for it, `value` included


@dataclass(frozen=True, slots=True)
class _Atom:
    """A number in figures, or a word that may be part of one."""

    word: str  # lower-cased; empty for figures and signs
    sign: str  # "%", "/", ":", "" …
    value: Fraction | None
    start: int
    end: int


@lru_cache(maxsize=8_192)
def told(text: str) -> tuple[Told, ...]:
    """The numbers of `text` in its order."""
    return tuple(_read(text, list(_atoms(text))))


def _atoms(text: str) -> Iterator[_Atom]:
    for token in tokenize(text):
        if token.kind == "word" and (match := _ORDINAL.match(token.text)):
            yield _Atom("", "th", Fraction(int(match[1])), token.start, token.end)
        elif token.kind == "word":
            for match in _SUBWORD.finditer(text, token.start, token.end):
                yield _Atom(match[0].lower(), "", None, match.start(), match.end())
        elif token.kind == "number":
            yield _Atom("", "", token.value, token.start, token.end)
        elif token.kind != "currency":
            yield _Atom("", "%" if token.kind == "percent" else _sign(token), None, token.start, token.end)


def _sign(token: Token) -> str:
    return token.text if token.kind in ("operator", "ratio") else "."


def _read(text: str, atoms: list[_Atom]) -> Iterator[Told]:
    index = 0
    while index < len(atoms):
        found, end = _figures(atoms, index) if atoms[index].value is not None else _words(atoms, index)
        if found is None:
            index += 1
            continue
        value, meanings = found
        start, stop = atoms[index].start, atoms[end - 1].end
        yield Told(text[start:stop], start, stop, value, frozenset(meanings | {value}))
        index = end


_Found = tuple[Fraction, set[Fraction]] | None


def _at(atoms: list[_Atom], index: int) -> _Atom:
    return atoms[index] if index < len(atoms) else _Atom("", "end", None, 0, 0)


def _figures(atoms: list[_Atom], index: int) -> tuple[_Found, int]:
    """A number in figures, and what belongs to it: "/ 4", "%", "million", "cents"."""
    value = atoms[index].value or Fraction(0)
    under = _at(atoms, index + 2).value
    if _at(atoms, index + 1).sign == "/" and under and _at(atoms, index + 2).end - atoms[index].start <= 12:
        return (value / under, share(value / under) | {value, under}), index + 3
    if value.denominator > 1 and not atoms[index].sign and 0 < value % 1 < 1:
        return _scaled(atoms, index + 1, value, {value % 1, 1 - value % 1, 1 + value})
    return _scaled(atoms, index + 1, value, set())


def _scaled(atoms: list[_Atom], index: int, value: Fraction, meanings: set[Fraction]) -> tuple[_Found, int]:
    """What stands after a number may make it a percentage, thousands, a mixed number or cents."""
    after = _at(atoms, index)
    if after.sign == "%" or after.word in ("percent", "percentage"):
        return (value, meanings | _percent(value)), index + 1
    if after.word == "per" and _at(atoms, index + 1).word == "cent":
        return (value, meanings | _percent(value)), index + 2
    if after.word in _SCALES:
        scale = _SCALES[after.word]
        return (value * scale, meanings | {value, Fraction(scale)}), index + 1
    if after.word in ("cent", "cents"):
        return (value, meanings | {value / 100}), index
    if after.word == "and" and _at(atoms, index + 1).word in ("a", "one") and _at(atoms, index + 2).word in _PARTS:
        part = Fraction(1, _PARTS[_at(atoms, index + 2).word])
        return (value + part, meanings | {value, part}), index + 3
    return (value, meanings), index


def _percent(value: Fraction) -> set[Fraction]:
    return {value / 100, 1 - value / 100, 1 + value / 100, 100 - value, 100 + value}


def share(value: Fraction) -> set[Fraction]:
    """What a solution may write for a share of something: 1/3 is also 2/3 that remain, 1 + 1/3, "/ 3" and 33.3 %."""
    over, under = Fraction(value.numerator), Fraction(value.denominator)
    return {value, 1 - value, 1 + value, over, under, abs(under - over), under + over, 100 * value} | (
        {1 / value} if value else set()
    )


def _words(atoms: list[_Atom], index: int) -> tuple[_Found, int]:
    """A number that begins with a word."""
    word, after = atoms[index].word, _at(atoms, index + 1).word
    if word in _CARDINALS:
        return _cardinal(atoms, index)
    if word in ("a", "an", "one") and after in _PARTS:
        return (Fraction(1, _PARTS[after]), share(Fraction(1, _PARTS[after])) | _coin(after)), index + 2
    if word in ("a", "an") and after in _SCALES:
        return (Fraction(_SCALES[after]), set()), index + 2
    if word == "half" and after in ("a", "the", "dozen") and "dozen" in (after, _at(atoms, index + 2).word):
        return (Fraction(6), {Fraction(1, 2), Fraction(12)}), index + (2 if after == "dozen" else 3)
    if word in _PARTS:
        return (Fraction(1, _PARTS[word]), share(Fraction(1, _PARTS[word])) | _coin(word)), index + 1
    for table in (_MULTIPLES, _SCALES, _ORDINALS):
        if word in table:
            return (Fraction(table[word]), set()), index + 1
    return ((Fraction(_COINS[word]), _coin(word)), index + 1) if word in _COINS else (None, index)


def _coin(word: str) -> set[Fraction]:
    return {Fraction(_COINS[word]), Fraction(_COINS[word], 100)} if word in _COINS else set()


def _cardinal(atoms: list[_Atom], index: int) -> tuple[_Found, int]:
    """Words such as "two hundred and fifty", "twenty-five", "two thirds", "three and a half"."""
    first = Fraction(_CARDINALS[atoms[index].word])
    whole, index = _whole(atoms, index)
    value, word = Fraction(whole), _at(atoms, index).word
    part = _PARTS.get(word, 0)
    if part and (value < part or word == "halves"):
        return (value / part, share(value / part) | {value} | _coin(word)), index + 1
    return _scaled(atoms, index, value, {first} - {value})


def _whole(atoms: list[_Atom], index: int) -> tuple[int, int]:
    """The whole number in words at `index`, and the index after it."""
    total = current = 0
    while (word := _at(atoms, index).word) in _CARDINALS or word in _SCALES or word == "and":
        follows = _at(atoms, index + 1).word
        value = _CARDINALS.get(word)
        if word == "and" and (current % 100 or not (total or current) or follows not in _CARDINALS):
            break
        if value is not None and (current % 10 or (current % 100 and value >= 10)):
            break  # "five six" are two numbers
        if value is not None:
            current += value
        elif word == "hundred":
            current = max(current, 1) * 100
        elif word in ("dozen", "dozens"):
            break  # _scaled knows what it may mean
        elif word in _SCALES:
            total, current = total + max(current, 1) * _SCALES[word], 0
        index += 1
    return total + current, index
