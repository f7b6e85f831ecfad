"""A line of equations as tokens: its dress taken off (numbering, bold, comments, LaTeX), its signs told apart.

tokens("2. **x** = 3 \\times y  # so")      x · = · 3 · * · y
"""

import re
from dataclasses import dataclass

from reasoner.checks.expressions import Unreadable

_TOKEN = re.compile(
    r"""(?P<mixed>\d{1,6}[ ]\d{1,6}/\d{1,6}(?![\d/.,]))
    |(?P<number>\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+\.?\d*(?:[eE][-+]?\d{1,2}(?!\w))?|\.\d+)
    |(?P<name>[^\W\d](?:\w|['’](?=\w))*['’]?)
    |(?P<sign>==|<=|>=|!=|:=|[=<>≤≥≠≈])
    |(?P<operator>\*\*|//|[-+*/^×·⋅∗÷⁄−–])
    |(?P<open>[(\[{])|(?P<close>[)\]}])
    |(?P<percent>%)|(?P<comma>,)|(?P<stop>[:;.!?](?=\s|$)|\n)|(?P<currency>[$€£₹])
    |(?P<dress>["“”&…]|\s+)|(?P<odd>.)""",
    re.VERBOSE,
)
_LATEX = (
    (re.compile(r"\\(?:text|mathrm|mathbf|textbf|operatorname|mbox|boxed)\s*\{([^{}]*)\}"), r" \1 "),
    (re.compile(r"\\(?:times|cdot|ast)(?![A-Za-z])"), "*"),
    (re.compile(r"\\div(?![A-Za-z])"), "/"),
    (re.compile(r"\\leq?(?![A-Za-z])"), "<="),
    (re.compile(r"\\geq?(?![A-Za-z])"), ">="),
    (re.compile(r"\\neq?(?![A-Za-z])"), "!="),
    (re.compile(r"\\approx(?![A-Za-z])"), "≈"),
    (re.compile(r"\\tag\s*\{[^{}]*\}"), ""),
    (re.compile(r"\\(?:left|right|displaystyle|quad|qquad)(?![A-Za-z])|\\[,;:! ]|\\\\|\\[()\[\]]"), " "),
    (re.compile(r"\{,\}"), ","),
    (re.compile(r"\\([%$_&#])"), r"\1"),
    (re.compile(r"_\{(\w+)\}"), r"_\1"),
    (re.compile(r"\\sqrt\s*\{([^{}]*)\}"), r"sqrt(\1)"),
)
_FRACTION = re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_LEAD = re.compile(
    r"^\s*(?:[-*•+]\s+|\(?\d{1,3}[.)]\s+|\(?[a-z]\)\s+(?=[\w(])|(?:Equation|Eq\.?|Step)\s*\(?\d{0,3}\)?\s*[:.]\s*)+",
    re.IGNORECASE,
)
_BOLD = re.compile(r"(?:^|(?<=[\s:(]))\*\*(?=[^\W\d])([^*\n]+)\*\*(?=$|[\s:.,=)])")
_COMMENT = re.compile(r"(?:^|\s)#.*$", re.MULTILINE)
_LABEL = re.compile(r"[\w)}\]]\s+\(\d{1,2}\)\s*$")


@dataclass(slots=True)
class Token:
    """A piece of a line: its kind (a group's name above), its text, and its place."""

    kind: str
    text: str
    start: int
    end: int


def tokens(line: str) -> list[Token]:
    """The tokens of one line, in order. Raises Unreadable."""
    line = _BOLD.sub(r" \1 ", _LEAD.sub("", _COMMENT.sub("", line)))
    for pattern, replacement in _LATEX:
        line = pattern.sub(replacement, line)
    for _ in range(10):
        if "frac" not in line:
            break
        line = _FRACTION.sub(r"((\1)/(\2))", line)
    line = _COMMAND.sub(r"\1", line).replace("`", " ")
    if _LABEL.search(line):
        raise Unreadable("the number in brackets at its end may be a label or a factor: write * for times")
    found = [Token(str(match.lastgroup), match[0], match.start(), match.end()) for match in _TOKEN.finditer(line)]
    return [token for token in found if token.kind != "dress"]
