"""One side of a written equation as a program: names, units, spoken signs and products without a sign.

    names = Names()
    read_side(tokens("20% of Ben's coins"), names)      20 / 100 * (name "Ben's coins")

Words where a quantity is due are its name; words after a number are its unit and left out. What would change the value
("3 dozen", "26 more than", "half of") is refused: an equation read wrongly is worse than one not read.
"""

import re

from reasoner.checks.equation_tokens import Token
from reasoner.checks.expressions import FUNCTIONS, Program, Unreadable, program_of
from reasoner.equations.words import FILLER

_OPERATORS = {"×": "*", "·": "*", "⋅": "*", "∗": "*", "÷": "/", "⁄": "/", "−": "-", "–": "-", "^": "**"}
_SPOKEN = {"x": "*", "X": "*", "times": "*", "plus": "+", "minus": "-"}
_CHANGING = frozenset(
    [
        *("half", "twice", "thrice", "double", "triple", "quarter", "third", "dozen", "squared", "cubed"),
        *("hundred", "thousand", "million", "billion", "than", "more", "less", "fewer", "as"),
    ]
)
_UNITS = frozenset(["kg", "cm", "mm", "km", "ml", "min", "mins", "hr", "hrs", "lb", "lbs", "oz", "ft", "mph", "cents"])


class Names:
    """The names of one text: each is shown as it was first written there."""

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}

    def shown(self, name: str) -> str:
        """How `name` was first written: "Ben_coins" where "Ben's coins" came later."""
        return self._shown.setdefault(name_key(name), name)

    def has(self, name: str) -> bool:
        return name_key(name) in self._shown


def name_key(name: str) -> str:
    """The same for all ways to write one name: "Ben's coins", "ben_coins" → "ben_coins". Letters keep their case."""
    key = re.sub(r"['’]s?\b|['’]", "", name)
    key = re.sub(r"[\s_]+", "_", key).strip("_")
    return key if len(key) == 1 else key.casefold()


def read_side(side: list[Token], names: Names, other: list[Token] | None = None) -> Program:
    """The program of one side; `other` is the side it is equal to. Raises Unreadable."""
    unit = " ".join(token.text for token in other or ())
    writer = _Writer(side, names, name_key(unit))
    program = program_of(writer.written())
    return tuple(
        (kind, names.shown(writer.found[text]) if kind == "name" else text, count) for kind, text, count in program
    )


class _Writer:
    """One side being written out in Python's signs, its names as n0, n1, …, so that Python's own grammar reads it."""

    def __init__(self, tokens: list[Token], names: Names, own_unit: str) -> None:
        self.tokens = tokens
        self.names = names
        self.own_unit = own_unit  # key of the words on the other side: "eggs = 16 eggs"
        self.index = 0
        self.out: list[str] = []
        self.found: dict[str, str] = {}  # n0 → the name as written
        self.is_due = True  # an operand is due
        self.functions: list[bool] = []  # of each open bracket: is it a function's?
        self.unit_end = -1  # index of the last word of the unit that was just left out
        self.is_price = False  # did a currency's sign stand before the last number?

    def written(self) -> str:
        if not self.tokens:
            raise Unreadable("a side of it is empty")
        while self.index < len(self.tokens):
            token = self.tokens[self.index]
            if token.kind == "currency":
                self.is_price = True
            else:
                (self._operand if self.is_due else self._after)(token)
            self.index += 1
        if self.is_due:
            raise Unreadable("it ends where a number or a name is due")
        return "".join(self.out)

    def _peek(self, offset: int = 1) -> Token | None:
        index = self.index + offset
        return self.tokens[index] if 0 <= index < len(self.tokens) else None

    # An operand is due.

    def _operand(self, token: Token) -> None:
        if token.kind in ("number", "mixed"):
            self._number(token)
        elif token.kind == "name":
            self._name(token)
        elif token.kind == "open":
            self._open(False)
        elif token.kind == "operator" and token.text in "+-−–":
            self.out.append("+" if token.text == "+" else "-")
        else:
            raise Unreadable(f'"{token.text}" stands where a number or a name is due')

    def _open(self, is_function: bool) -> None:
        self.functions.append(is_function)
        self.out.append("(")
        self.is_due = True

    def _number(self, token: Token) -> None:
        digits = token.text.replace(",", "")
        if len(digits) > 60:
            raise Unreadable("a number has too many digits")
        if token.kind == "mixed":
            digits = f"({digits.replace(' ', '+', 1)})"
        elif digits[0] == "0":  # Python knows no 007
            digits = digits.lstrip("0") if digits.lstrip("0")[:1].isdigit() else "0" + digits.lstrip("0")
        follows, after = self._peek(), self._peek(2)
        is_percent = follows is not None and (
            (follows.kind == "percent" and not _starts_operand(after)) or follows.text.lower() == "percent"
        )
        self.out.append(f"({digits}/100)" if is_percent else digits)
        self.index += is_percent
        self.is_due = False

    def _name(self, token: Token) -> None:
        """A function with its bracket, or the words of a name."""
        follows = self._peek()
        if token.text in FUNCTIONS and follows is not None and follows.kind == "open":
            self.out.append(token.text)
            self.index += 1
            self._open(True)
            return
        end = self._words_end(self.index)
        words = [word.text for word in self.tokens[self.index : end]]
        self.index = end - 1
        while len(words) > 1 and words[0].lower() in FILLER and words[0] != "A":
            words = words[1:]
        if len(words) > 1:
            _refuse(words[:1])
        elif words[0] in ("True", "False", "None"):
            raise Unreadable(f"{words[0]} is no number")
        identifiers = [word for word in words if "_" in word]
        if len(identifiers) > 1:
            raise Unreadable(f'"{identifiers[0]}" and "{identifiers[1]}" stand side by side')
        self._write_name(identifiers[0] if identifiers else " ".join(words))

    def _write_name(self, name: str) -> None:
        short = f"n{len(self.found)}"
        self.found[short] = name
        self.out.append(short)
        self.is_due = False

    def _words_end(self, index: int) -> int:
        """Where the words that begin at `index` end: at a spoken sign, or at anything else."""
        start = index
        while index < len(self.tokens) and self.tokens[index].kind == "name":
            if index > start and self._is_spoken(index):
                break
            index += 1
        return index

    def _is_spoken(self, index: int) -> bool:
        """Is this the "x" of "Ben's coins x 3", the "times" of "Ben's coins times 3"?"""
        after = self.tokens[index + 1] if index + 1 < len(self.tokens) else None
        return self.tokens[index].text in _SPOKEN and _starts_operand(after)

    # An operand has just been read.

    def _after(self, token: Token) -> None:
        if token.kind == "operator":
            self._operator(token)
        elif token.kind == "close" and self.functions:
            self.functions.pop()
            self.out.append(")")
        elif token.kind == "comma" and self.functions and self.functions[-1]:
            self._sign(",")
        elif token.kind == "percent" and _starts_operand(self._peek()):
            self._sign("%")
        elif token.kind == "name":
            self._word(token)
        elif token.kind == "open":
            self._bracket(token)
        else:
            raise Unreadable(f'"{token.text}" stands where a sign is due')

    def _sign(self, sign: str) -> None:
        self.out.append(sign)
        self.is_due = True
        self.is_price = False

    def _operator(self, token: Token) -> None:
        """A sign, or the "/" of a unit: "$2/egg", "60 miles/hour"."""
        before, follows = self._peek(-1), self._peek()
        is_unit = (
            token.text == "/"
            and (self.is_price or self.unit_end == self.index - 1)
            and before is not None
            and follows is not None
            and follows.kind == "name"
            and before.end == token.start
            and follows.start == token.end
            and len(follows.text) > 1
            and not self.names.has(follows.text)
            and "_" not in follows.text
        )
        if is_unit:
            self.index += 1
            self.unit_end = self.index
        else:
            self._sign(_OPERATORS.get(token.text, token.text))

    def _word(self, token: Token) -> None:
        """A word after an operand: a spoken sign, a factor, or a unit, which is left out."""
        if self._is_spoken(self.index):
            self._sign(_SPOKEN[token.text])
            return
        if token.text == "of" and _starts_operand(self._peek()) and self._is_share():
            self._sign("*")
            return
        before = self._peek(-1)
        assert before is not None
        end = self._words_end(self.index)
        words = [word.text for word in self.tokens[self.index : end]]
        is_glued = before.end == token.start and before.kind == "number" and token.text not in _UNITS
        is_letter = len(words) == 1 and len(token.text) == 1 and token.text not in ("a", "A")
        if is_glued or is_letter or "_" in token.text:
            self._sign("*")
            self._write_name(token.text)
            return
        _refuse(words)
        for phrase in (" ".join(words), *words):
            if "_" in phrase or (self.names.has(phrase) and name_key(phrase) != self.own_unit):
                raise Unreadable(f'"{phrase}" is a quantity after a number: write * for times')
        self.index = self.unit_end = end - 1

    def _is_share(self) -> bool:
        """Is what was read last "20%", "1/2" or "0.5", of which there is an "of"?"""
        last, slash = self._peek(-1), self._peek(-2)
        if last is None or last.kind in ("percent", "close") or last.text.lower() == "percent":
            return last is not None
        return last.kind == "number" and ("." in last.text or (slash is not None and slash.text == "/"))

    def _bracket(self, token: Token) -> None:
        """A bracket after an operand: a factor, or a unit ("12 (months)"), which is left out."""
        before = self._peek(-1)
        assert before is not None
        is_name = before.kind == "name" and len(before.text) > 1
        if is_name and before.end == token.start:
            raise Unreadable(f'"{before.text}(" is no function: write * for times')
        tokens = self.tokens
        close = next((i for i in range(self.index, len(tokens)) if tokens[i].kind == "close"), self.index)
        inside = tokens[self.index + 1 : close]
        phrase = " ".join(each.text for each in inside)
        if inside and all(each.kind == "name" for each in inside) and not self.names.has(phrase):
            self.index = close
        elif is_name:
            raise Unreadable(f'a bracket follows "{before.text}": write * for times')
        else:
            self.out.append("*")
            self._open(False)


def _refuse(words: list[str]) -> None:
    """Raises Unreadable where a word changes the value of what it stands by."""
    for word in words:
        if word.lower() in _CHANGING:
            raise Unreadable(f'"{word}" is not understood: write it in figures and signs')


def _starts_operand(token: Token | None) -> bool:
    return (
        token is not None
        and token.kind in ("number", "mixed", "name", "open", "currency")
        and token.text.lower() != "of"
    )
