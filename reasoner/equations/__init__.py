"""The equations written in running text: chains of sides, each with its exact value.

    chains("so 3 apples + 4 apples = $<<3+4=7>>7. Then Ben's coins = 7 + 2 = 9")
        [3+4 = 7] (the mark), [3 apples + 4 apples = $7], [Ben's coins = 7 + 2 = 9]

Rules for words between numbers:
- after a number, words are its unit ("3 eggs + 4 eggs", "$2/egg", "12 (months)"), unless a joining word such as "and"
  begins new text;
- before a number, words are running text ("so she eats 3 + 4 = 7" is 3 + 4 = 7);
- words where an operand is due are a quantity's name ("Ana's coins + 26"): its value is known if an earlier chain
  stated it;
- "x" between two operands is times, elsewhere a name; "20% of 80" and "1/2 of 10" are products.

Not covered: number words ("three plus four"), unit conversion, inequalities.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from reasoner.equations.runs import Side, read_runs
from reasoner.equations.tokens import Token, tokenize

_CLAUSE_END = re.compile(r"[,;:?!](?=\s)|\n|\Z")
_EQUALS = re.compile(r"=|≈|≅|\\approx|\\simeq")


@dataclass(slots=True)
class Chain:
    """Sides joined by "=": side i is said to equal side i + 1."""

    sides: list[Side]
    is_mark: bool = False  # from a calculator mark <<…>>


def chains(text: str) -> list[Chain]:
    """All the chains of equations in `text`, calculator marks first."""
    marks: list[Chain] = []
    written: list[Chain] = []
    for start, end in _clauses(text):
        tokens = tokenize(text, start, end)
        for token in tokens:
            if token.kind == "mark" and "=" in token.text:
                inner = tokenize(text, token.start + 2, token.end - 2)
                marks += [Chain(chain.sides, True) for chain in _chains(text, inner)]
        written += _chains(text, [token for token in tokens if token.kind != "mark"])
    return marks + written


def _clauses(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of the clauses of `text` in which two things are said to be equal: the others need no reading."""
    start = 0
    for match in _CLAUSE_END.finditer(text):
        if _EQUALS.search(text, start, match.end()):
            yield start, match.end()
        start = match.end()


def _chains(text: str, tokens: list[Token]) -> Iterator[Chain]:
    for segment in _segments(tokens):
        sides: list[list[Token]] = [[]]
        for token in segment:
            if token.kind == "equals":
                sides.append([])
            else:
                sides[-1].append(token)
        if len(sides) > 1:
            yield from _join(text, sides)


def _segments(tokens: list[Token]) -> Iterator[list[Token]]:
    """Runs of tokens between marks of punctuation."""
    segment: list[Token] = []
    for token in tokens:
        if token.kind in ("stop", "newline"):
            yield segment
            segment = []
        elif token.kind != "dress":
            segment.append(token)
    yield segment


def _join(text: str, sides: list[list[Token]]) -> Iterator[Chain]:
    """Chains from the sides of one segment.

    A side that is two things ("7 eggs and 3 + 4") ends one chain and begins the next.
    """
    current: list[Side] = []
    for number, tokens in enumerate(sides):
        runs = read_runs(text, tokens)
        head = runs[0] if runs and number and runs[0].begin == tokens[0].start else None
        tail = runs[-1] if runs and runs[-1].end == tokens[-1].end else None
        if head is not None and current:
            head.is_opaque |= head.has_lead  # "= the number in each of 3 boxes"
            current.append(head)
        if head is None or tail is not head:
            if len(current) > 1:
                yield Chain(current)
            current = [tail] if tail is not None else []
    if len(current) > 1:
        yield Chain(current)
