"""Running text as tokens: numbers with their exact values, words, signs of arithmetic, calculator marks.

    tokenize("He sold 48/2 = <<48/2=24>>24 clips")      He · sold · 48 · / · 2 · = · <<48/2=24>> · 24 · clips

Commas in thousands, mixed numbers ("1 1/2", "1 and 1/2"), LaTeX's signs and units with a full stop ("sq. ft.") are
one token each. Figures that are no plain number ("0900", "16,0000") are "odd": seen, never judged.
"""

import re
from dataclasses import dataclass, field
from fractions import Fraction

MAX_DIGITS = 40  # of one number as written

_TOKEN = re.compile(
    r"""(?P<mark><<[^<>\n]*>>)
    |(?P<ordinal>\d+(?:st|nd|rd|th)\b)
    |(?P<mixed>\d{1,9}(?:[ ]\d{1,9}/\d{1,9}|[ ]and[ ]\$?\d{1,9}/\d{1,9}|[ ]and[ ]\(\d{1,9}/\d{1,9}\))(?![\d/,]|\.\d))
    |(?P<odd>\d+(?:,\d{3})*,(?:\d{1,2}|\d{4,})(?!\d)|0\d+(?![\d.])
      |\d+_\{?\w+\}?|(?<=[\d)])!(?=\S|\s[^A-Z])|\.{2,}|[…_@\#|<>~])
    |(?P<number>(?>\d{1,3}(?:(?:,(?:\\!)?|\{,\})\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:…|\.{2,3})?|\.\d+)
    |(?P<latex>\\[A-Za-z]+(?:_(?:\{[^{}\n]{1,20}\}|\w))?)
    |(?P<word>(?:sq|ft|oz|lbs?|hrs?|mins?|yds?)\.|[^\W\d_](?:[^\W\d_]|['’&.](?=[^\W\d_])|-(?=[^\W\d_]{2}))*['’]?(?:_(?:\{[^{}\n]{1,20}\}|\w))?)
    |(?P<equals>={1,2}(?!>)|≈|≅|~=)
    |(?P<ratio>(?<=\d):(?=\d))
    |(?P<operator>\*\*|[-+*/^×÷·⋅∗−–⁄])
    |(?P<open>[(\[{])|(?P<close>[)\]}])
    |(?P<percent>\\?%)|(?P<currency>\\?[$€£₹])|(?P<root>√)
    |(?P<dress>[°²³¢&]+|\\[,;! ]|\*{3,})
    |(?P<newline>\n)
    |(?P<stop>[^\s])""",
    re.VERBOSE,
)
_OPERATORS = {"×": "*", "·": "*", "⋅": "*", "∗": "*", "÷": "/", "⁄": "/", "−": "-", "–": "-", "**": "^"}
_LATEX_OPERATORS = {"\\times": "*", "\\cdot": "*", "\\ast": "*", "\\div": "/"}


def _commands(names: str) -> frozenset[str]:
    return frozenset("\\" + name for name in names.split())


_LATEX = {
    "dress": _commands("left right displaystyle text mathrm mbox mathbf textbf boxed big Big bigl bigr"),
    "stop": _commands("""
        quad qquad Rightarrow implies rightarrow to iff Leftrightarrow Longrightarrow longrightarrow begin end therefore
        because item
    """),
    "odd": _commands("""
        ne neq le leq ge geq lt gt equiv pm mp cup cap in ldots cdots dots binom sum prod int mod pmod bmod circ mid
        over choose
    """),
}
_LATEX_FRACTIONS = frozenset(["\\frac", "\\dfrac", "\\tfrac"])


@dataclass(slots=True)
class Token:
    """A piece of text: its kind, its canonical text, and where it stands."""

    kind: str  # number, odd, word, operator, equals, ratio, open, close, fraction, root, percent, currency, …
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
    digits = re.sub(r"[,{}\\!]", "", token.text).rstrip("….")
    if len(digits) > MAX_DIGITS:
        token.kind = "odd"
        return
    if digits.isdecimal():
        token.value = Fraction(int(digits))
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
        token.kind = next((kind for kind, names in _LATEX.items() if name in names), "word")
