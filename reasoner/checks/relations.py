"""Equations as models and people write them, line by line: what is equal to what, as programs.

    read_line("2. **Ben's coins** = Ana_coins \\times 3  # three times as many", Names())
        [Relation("==", (name "Ben's coins"), (name "Ana_coins", number 3, "*"))]

A line may carry a number, a bullet, bold signs, dollar signs, a comment and words before its equation; a chain
"a = 2 + 3 = 5" is two relations. Names are identifiers (Ben_coins), letters (x, α, x_1) or words (Ben's coins);
"Ben's coins" and "Ben_coins" are one name, shown as first written. Words after a number are its unit. × · ÷ − ^, 20%,
"20% of", 2x, thousands' commas, \\frac, \\times and the like are read; so are < ≤ > ≥ ≠.

Not covered: number words ("three"), "half of", units that are to be converted.
"""

import re
from dataclasses import dataclass

from reasoner.checks.expressions import FUNCTIONS, MAX_LENGTH, Program, Unreadable, program_of
from reasoner.equations.words import FILLER, JOINING

_TOKEN = re.compile(
    r"""(?P<mixed>\d{1,6}[ ]\d{1,6}/\d{1,6}(?![\d/.,]))
    |(?P<number>\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+\.?\d*(?:[eE][-+]?\d{1,2}(?!\w))?|\.\d+)
    |(?P<name>[^\W\d](?:\w|['’](?=\w))*['’]?)
    |(?P<sign>==|<=|>=|!=|:=|[=<>≤≥≠≈])
    |(?P<operator>\*\*|//|[-+*/^×·⋅∗÷⁄−–])
    |(?P<open>[(\[{])|(?P<close>[)\]}])
    |(?P<percent>%)|(?P<comma>,)|(?P<stop>[:;.!?](?=\s|$)|\n)|(?P<dress>[$€£₹"“”&…]|\s+)|(?P<odd>.)""",
    re.VERBOSE,
)
_OPERATORS = {"×": "*", "·": "*", "⋅": "*", "∗": "*", "÷": "/", "⁄": "/", "−": "-", "–": "-", "^": "**"}
_SIGNS = {"=": "==", ":=": "==", "≈": "==", "≤": "<=", "≥": ">=", "≠": "!="}
_SPOKEN = {"x": "*", "X": "*", "times": "*", "plus": "+", "minus": "-", "of": "*"}
_LATEX = (
    (re.compile(r"\\(?:text|mathrm|mathbf|textbf|operatorname|mbox|boxed)\s*\{([^{}]*)\}"), r" \1 "),
    (re.compile(r"\\(?:times|cdot|ast)\b"), "*"),
    (re.compile(r"\\div\b"), "/"),
    (re.compile(r"\\leq?\b"), "<="),
    (re.compile(r"\\geq?\b"), ">="),
    (re.compile(r"\\neq?\b"), "!="),
    (re.compile(r"\\(?:left|right|displaystyle|quad|qquad)\b|\\[,;:! ]|\\\\|\\[()\[\]]"), " "),
    (re.compile(r"\{,\}"), ","),
    (re.compile(r"\\([%$_&#])"), r"\1"),
    (re.compile(r"_\{(\w+)\}"), r"_\1"),
    (re.compile(r"\\sqrt\s*\{([^{}]*)\}"), r"sqrt(\1)"),
)
_CHANGING = frozenset(["half", "twice", "thrice", "double", "triple", "quarter", "third", "dozen", "squared"])
_CHANGING |= frozenset(["hundred", "thousand", "million", "billion"])
_FRACTION = re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_GREEK = re.compile(r"\\([A-Za-z]+)")
_LEAD = re.compile(
    r"^\s*(?:[-*•+]\s+|\(?\d{1,3}[.)]\s+|\(\d{1,3}\)\s+|(?:Equation|Eq\.?|Step)\s*\(?\d{0,3}\)?\s*[:.]\s*)+", re.I
)
_BOLD = re.compile(r"(?:^|(?<=[\s:(]))\*\*(?=[^\W\d])([^*\n]+)\*\*(?=$|[\s:.,=)])")
_COMMENT = re.compile(r"(?:^|\s)(?:#|//\s).*$")


@dataclass(frozen=True, slots=True)
class Relation:
    """Two sides and the sign between them: ==, !=, <, <=, >, >=."""

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


def read_line(line: str, names: Names) -> list[Relation]:
    """The relations that a line states; empty where it states none. Raises Unreadable."""
    if len(line) > MAX_LENGTH:
        raise Unreadable(f"the line has {len(line):,} characters, at most {MAX_LENGTH:,} are read")
    return [relation for clause in _clauses(_tokens(line)) for relation in _chain(clause, names)]


def _chain(clause: list["_Token"], names: Names) -> list[Relation]:
    sides: list[list[_Token]] = [[]]
    signs = []
    for token in clause:
        if token.kind == "sign":
            signs.append(_SIGNS.get(token.text, token.text))
            sides.append([])
        else:
            sides[-1].append(token)
    sides[0] = _without_lead(sides[0])
    programs = [_side(side, names) for side in sides]
    return [Relation(sign, programs[i], programs[i + 1]) for i, sign in enumerate(signs)]


def read_expression(text: str, names: Names) -> Program:
    """The program of an expression without any sign between sides. Raises Unreadable."""
    return _side([token for token in _tokens(text[: MAX_LENGTH + 1]) if token.kind != "stop"], names)


@dataclass(slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


def _tokens(line: str) -> list[_Token]:
    line = _BOLD.sub(r" \1 ", _LEAD.sub("", _COMMENT.sub("", line)))
    for pattern, replacement in _LATEX:
        line = pattern.sub(replacement, line)
    for _ in range(10):
        if "frac" not in line:
            break
        line = _FRACTION.sub(r"((\1)/(\2))", line)
    line = _GREEK.sub(r"\1", line).replace("`", " ")
    tokens = [_Token(str(match.lastgroup), match[0], match.start(), match.end()) for match in _TOKEN.finditer(line)]
    return [token for token in tokens if token.kind != "dress"]


def _clauses(tokens: list[_Token]) -> list[list[_Token]]:
    """The parts between marks of punctuation that have a sign in them."""
    clauses: list[list[_Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += {"open": 1, "close": -1}.get(token.kind, 0)
        if token.kind == "stop" or (token.kind == "comma" and depth <= 0):
            clauses.append([])
        else:
            clauses[-1].append(token)
    return [clause for clause in clauses if any(token.kind == "sign" for token in clause)]


def _without_lead(side: list[_Token]) -> list[_Token]:
    """A left side without the running text before it: "so we have Ben_coins" is Ben_coins."""
    start = 0
    for index, token in enumerate(side[:-1]):
        if token.kind == "name" and (token.text.lower() in JOINING or token.text.lower() == "let"):
            start = index + 1
    return side[start:]


def _side(tokens: list[_Token], names: Names) -> Program:
    return tuple(
        (kind, names.shown(found[text]), count) if kind == "name" else (kind, text, count)
        for found, program in [_Writer(tokens, names).program()]
        for kind, text, count in program
    )


class _Writer:
    """One side being written out in Python's signs, its names as n0, n1, …, so that Python's own grammar reads it."""

    def __init__(self, tokens: list[_Token], names: Names) -> None:
        self.tokens = tokens
        self.names = names
        self.index = 0
        self.out: list[str] = []
        self.found: dict[str, str] = {}  # n0 → the name as written
        self.is_due = True  # an operand is due
        self.functions: list[bool] = []  # of each open bracket: is it a function's?

    def program(self) -> tuple[dict[str, str], Program]:
        if not self.tokens:
            raise Unreadable("a side of it is empty")
        while self.index < len(self.tokens):
            (self._operand if self.is_due else self._after)(self.tokens[self.index])
            self.index += 1
        if self.is_due:
            raise Unreadable("it ends where a number or a name is due")
        return self.found, program_of("".join(self.out))

    def _peek(self, offset: int = 1) -> _Token | None:
        index = self.index + offset
        return self.tokens[index] if 0 <= index < len(self.tokens) else None

    def _operand(self, token: _Token) -> None:
        if token.kind in ("number", "mixed"):
            self._write_number(token)
        elif token.kind == "name":
            self._write_name(token)
        elif token.kind == "open":
            self._open(False)
        elif token.kind == "operator" and token.text in "+-−–":
            self.out.append("-" if token.text != "+" else "+")
        elif token.kind == "close" and self.out and self.out[-1] == ",":
            raise Unreadable("a bracket closes where a number or a name is due")
        else:
            raise Unreadable(f'"{token.text}" stands where a number or a name is due')

    def _open(self, is_function: bool) -> None:
        self.functions.append(is_function)
        self.out.append("(")
        self.is_due = True

    def _write_number(self, token: _Token) -> None:
        digits = token.text.replace(",", "")
        if len(digits) > 60:
            raise Unreadable("a number has too many digits")
        if token.kind == "mixed":
            digits = f"({digits.replace(' ', '+', 1)})"
        else:
            digits = digits.lstrip("0") if digits[0] == "0" and digits.lstrip("0")[:1].isdigit() else digits
        follows, after = self._peek(), self._peek(2)
        is_percent = follows is not None and (
            (follows.kind == "percent" and not _starts_operand(after)) or follows.text.lower() == "percent"
        )
        self.out.append(f"({digits}/100)" if is_percent else digits)
        self.index += is_percent
        self.is_due = False

    def _write_name(self, token: _Token) -> None:
        follows = self._peek()
        if token.text in FUNCTIONS and follows is not None and follows.kind == "open":
            self.out.append(token.text)
            self.index += 1
            self._open(True)
            return
        words = [token.text]
        while (follows := self._peek()) is not None and follows.kind == "name" and not self._is_spoken_sign(follows):
            words.append(follows.text)
            self.index += 1
        while len(words) > 1 and words[0].lower() in FILLER and words[0] != "A":
            words = words[1:]
        _refuse_number_words(words[:1] if len(words) > 1 else [])
        name = " ".join(words)
        short = f"n{len(self.found)}"
        self.found[short] = name
        self.out.append(short)
        self.is_due = False

    def _is_spoken_sign(self, token: _Token) -> bool:
        """Is this the "x" of "Ben's coins x 3", the "times" of "Ben's coins times 3"?"""
        after = self.tokens[self.tokens.index(token) + 1 :][:1]
        return token.text in _SPOKEN and token.text != "of" and _starts_operand(after[0] if after else None)

    def _after(self, token: _Token) -> None:
        if token.kind == "operator":
            self._write_sign(_OPERATORS.get(token.text, token.text))
        elif token.kind == "close" and self.functions:
            self.functions.pop()
            self.out.append(")")
        elif token.kind == "comma" and self.functions and self.functions[-1]:
            self._write_sign(",")
        elif token.kind == "percent" and _starts_operand(self._peek()):
            self._write_sign("%")
        elif token.kind == "name":
            self._after_word(token)
        elif token.kind == "open":
            self._after_open(token)
        else:
            raise Unreadable(f'"{token.text}" stands where a sign is due')

    def _write_sign(self, sign: str) -> None:
        self.out.append(sign)
        self.is_due = True

    def _after_word(self, token: _Token) -> None:
        """A word after an operand: a spoken sign, a factor, or a unit, which is left out."""
        if token.text in _SPOKEN and _starts_operand(self._peek()):
            self._write_sign(_SPOKEN[token.text])
            return
        before = self._peek(-1)
        is_glued = before is not None and before.end == token.start and before.kind == "number"
        end = self.index
        while end < len(self.tokens) and self.tokens[end].kind == "name" and not self._is_spoken_sign(self.tokens[end]):
            end += 1
        phrase = " ".join(word.text for word in self.tokens[self.index : end])
        is_one_letter = len(token.text) == 1 and token.text not in ("a", "A") and end == self.index + 1
        if is_glued or is_one_letter or "_" in token.text or self.names.has(phrase):
            self._write_sign("*")
            self._write_name(token)
        else:
            _refuse_number_words(phrase.split())
            self.index = end - 1

    def _after_open(self, token: _Token) -> None:
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
            return
        if is_name:
            raise Unreadable(f'a bracket follows "{before.text}": write * for times')
        self.out.append("*")
        self._open(False)


def _refuse_number_words(words: list[str]) -> None:
    for word in words:
        if word.lower() in _CHANGING:
            raise Unreadable(f'"{word}" is not read as a number: write it in figures')


def _starts_operand(token: _Token | None) -> bool:
    return token is not None and token.kind in ("number", "mixed", "name", "open") and token.text.lower() != "of"
