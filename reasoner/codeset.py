"""Code, equations and constraints as HTML that is safe to insert: escaped, lightly coloured, quantities marked.

    codeset("Ben_coins = Ana_coins + 26  # two more")
    '<span class="quantity" data-quantity="ben coins">Ben_coins</span> = … <span class="code-comment"># two more</span>'

Colour is by kind of token only (keyword, string, comment), told by one pattern; nothing is parsed and nothing is run.
Numbers and names are marked as `typeset` marks them, so that the same quantity lights up in words and in code.

Not covered: strings over several lines; languages other than Python and what looks like it.
"""

import html
import re
from collections.abc import Collection
from functools import lru_cache

from reasoner.quantities import same_name
from reasoner.typeset import quantity_of

_KEYWORDS = """and as assert break class continue def del elif else except False finally for from global if import in is
lambda None nonlocal not or pass raise return True try while with yield Variable solve ForAll Exists"""
_TOKEN = re.compile(
    r"(?P<comment>\#[^\n]*)"
    r"|(?P<string>\"[^\"\n]{0,2000}\"|'[^'\n]{0,2000}')"
    rf"|(?P<keyword>\b(?:{'|'.join(_KEYWORDS.split())})\b)"
    r"|(?P<name>[^\W\d]\w*)"
    r"|(?P<number>\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)"
)


def codeset(text: str, names: Collection[str] = ()) -> str:
    """`text` as HTML; line breaks and blanks stay. `names` are quantities, whose other spellings are marked as well."""
    return _codeset(text, _same_names(names if isinstance(names, frozenset) else frozenset(names)))


@lru_cache(maxsize=256)
def _same_names(names: frozenset[str]) -> frozenset[str]:
    return frozenset(same_name(name) for name in names)


@lru_cache(maxsize=8192)
def _codeset(text: str, known: frozenset[str]) -> str:
    parts = []
    end = 0
    for match in _TOKEN.finditer(text):
        parts.append(html.escape(text[end : match.start()]))
        parts.append(_token(str(match.lastgroup), match.group(), known))
        end = match.end()
    return "".join([*parts, html.escape(text[end:])])


def _token(kind: str, written: str, known: frozenset[str]) -> str:
    shown = html.escape(written)
    if kind == "number":
        return f'<span class="quantity" data-quantity="{html.escape(quantity_of(written))}">{shown}</span>'
    if kind == "name":
        name = same_name(written)
        return f'<span class="quantity" data-quantity="{html.escape(name)}">{shown}</span>' if name in known else shown
    return f'<span class="code-{kind}">{shown}</span>'
