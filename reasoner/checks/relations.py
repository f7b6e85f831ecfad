"""Equations as models and people write them, line by line: what is equal to what, as programs.

    read_line("2. **Ben's coins** = Ana_coins \\times 3  # three times as many", Names())
        [Relation("==", (name "Ben's coins"), (name "Ana_coins", number 3, "*"))]

A line may carry a number, a bullet, bold signs, dollar signs, a comment and words before its equation; a chain
"a = 2 + 3 = 5" is two relations. Names are identifiers (Ben_coins), letters (x, α, x_1) or words (Ben's coins);
"Ben's coins" and "Ben_coins" are one name, shown as first written. Words after a number are its unit. × · ÷ − ^, 20%,
"20% of", 2x, thousands' commas, \\frac, \\times and the like are read; so are < ≤ > ≥ ≠.

Not covered: number words ("three"), "half of", units that are to be converted.
"""

from dataclasses import dataclass

from reasoner.checks.equation_sides import Names, name_key, read_side
from reasoner.checks.equation_tokens import Token, tokens
from reasoner.checks.expressions import MAX_LENGTH, Program, Unreadable

__all__ = ["Names", "Relation", "name_key", "read_expression", "read_line"]

_SIGNS = {"=": "==", ":=": "==", "≤": "<=", "≥": ">=", "≠": "!="}
_LEADING = frozenset(
    [
        *("so", "then", "thus", "hence", "therefore", "now", "and", "but", "also", "finally", "next", "first", "where"),
        *(
            "we",
            "have",
            "get",
            "know",
            "that",
            "since",
            "because",
            "given",
            "let",
            "let's",
            "if",
            "this",
            "it",
            "means",
        ),
        *("gives", "follows", "similarly", "which"),
    ]
)


@dataclass(frozen=True, slots=True)
class Relation:
    """Two sides and the sign between them: ==, !=, <, <=, >, >=; "≈" where the right side may be rounded."""

    sign: str
    left: Program
    right: Program

    @property
    def names(self) -> tuple[str, ...]:
        """The names on both sides, each once, in order."""
        return tuple(dict.fromkeys(text for kind, text, _ in (*self.left, *self.right) if kind == "name"))

    @property
    def defined(self) -> str | None:
        """The name that is all of one side, the left before the right."""
        for side in (self.left, self.right):
            if self.sign == "==" and len(side) == 1 and side[0][0] == "name":
                return side[0][1]
        return None


def read_line(line: str, names: Names) -> list[Relation]:
    """The relations that a line states; empty where it states none. Raises Unreadable."""
    if len(line) > MAX_LENGTH:
        raise Unreadable(f"the line has {len(line):,} characters, at most {MAX_LENGTH:,} are read")
    if not any(sign in line for sign in ("=", "<", ">", "≤", "≥", "≠", "≈", "\\")):
        return []
    return [relation for clause in _clauses(tokens(line)) for relation in _chain(clause, names)]


def read_expression(text: str, names: Names) -> Program:
    """The program of an expression without any sign between sides. Raises Unreadable."""
    return read_side([token for token in tokens(text[: MAX_LENGTH + 1]) if token.kind != "stop"], names)


def _chain(clause: list[Token], names: Names) -> list[Relation]:
    """The relations of one clause. In "x = 10 / 3 = 3.33" the last may be rounded: plain numbers are on both sides."""
    sides: list[list[Token]] = [[]]
    signs = []
    for token in clause:
        if token.kind == "sign":
            signs.append(_SIGNS.get(token.text, token.text))
            sides.append([])
        else:
            sides[-1].append(token)
    if "==" in signs and not set(signs) <= {"==", "≈"}:
        raise Unreadable("an equation and a comparison stand in one chain: write two lines")
    sides[0] = _without_lead(sides[0])
    programs = [read_side(side, names, sides[i - 1] if i else sides[1]) for i, side in enumerate(sides)]
    relations = []
    for i, sign in enumerate(signs):
        relation = Relation(sign, programs[i], programs[i + 1])
        is_defining = sign == "≈" and len(signs) == 1  # "x ≈ 3.33" says all that is known of x
        is_rounded = sign == "==" and not relation.names
        relations.append(Relation("==" if is_defining else "≈" if is_rounded else sign, relation.left, relation.right))
    return relations


def _clauses(line: list[Token]) -> list[list[Token]]:
    """The parts between marks of punctuation that have a sign in them."""
    clauses: list[list[Token]] = [[]]
    depth = 0
    for token in line:
        depth += {"open": 1, "close": -1}.get(token.kind, 0)
        if token.kind == "stop" or (token.kind == "comma" and depth <= 0):
            clauses.append([])
        else:
            clauses[-1].append(token)
    found = [clause for clause in clauses if any(token.kind == "sign" for token in clause)]
    if found and any(_is_item(clause) for clause in clauses):
        raise Unreadable("a list stands beside the equation: write one equation a line")
    return found


def _is_item(clause: list[Token]) -> bool:
    """Is this the "a" or the "4" of "a, b = 3, 4"?"""
    is_name = len(clause) == 1 and clause[0].kind == "name" and (len(clause[0].text) == 1 or "_" in clause[0].text)
    return is_name or (bool(clause) and all(token.kind in ("number", "mixed", "currency") for token in clause))


def _without_lead(side: list[Token]) -> list[Token]:
    """A left side without the words that lead to it: "so we have Ben_coins" is Ben_coins."""
    start = 0
    while start < len(side) - 1 and side[start].kind == "name" and side[start].text.lower() in _LEADING:
        start += 1
    return side[start:]
