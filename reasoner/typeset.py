r"""Text of people and models as HTML that is safe to insert: escaped, LaTeX typeset, quantities marked.

    typeset("She has $2^3$ = 8 eggs")
    'She has <math>…</math> = <span class="quantity" data-quantity="8">8</span> eggs'

Everything is escaped except what is built here: `<math>` from LaTeX between `$…$`, `$$…$$`, `\(…\)`, `\[…\]`, and
`<span>`s around quantities (numbers, number words, the names given) so that the screen can light up the same quantity
everywhere. latex2mathml lets `<script>` and `href` through, so its tree is rebuilt here from a list of allowed tags and
attributes. LaTeX that it cannot read stays as it was written.

A `$` starts LaTeX only by Pandoc's rule (no space inside the dollars, no digit after the last one) and if what stands
between looks like mathematics: "$5 and $6" is money.

Not covered: LaTeX environments outside dollars, macros, `\ce`; formulas of more than 2,000 characters.
"""

import html
import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from xml.etree.ElementTree import Element

from reasoner.quantities import same_name

MAX_FORMULA = 2_000
"""Characters of one formula; longer ones are shown as written (ours: far above any in MATH or PRM800K)."""

MAX_NAMES = 300
"""Names of quantities looked for in one text (ours)."""

_SMALL = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen twenty"""
NUMBER_WORDS = {word: str(value) for value, word in enumerate(_SMALL.split())} | {
    "thirty": "30",
    "forty": "40",
    "fifty": "50",
    "sixty": "60",
    "hundred": "100",
    "dozen": "12",
}

_ALLOWED = """math mrow mi mn mo mtext mspace ms mfrac msqrt mroot mstyle merror mpadded mphantom menclose
msub msup msubsup munder mover munderover mmultiscripts mprescripts none mtable mtr mtd mlabeledtr"""
_TAGS = frozenset(_ALLOWED.split())
_ATTRIBUTES = {
    "display": re.compile(r"inline|block"),
    "mathvariant": re.compile(r"[a-z-]{1,30}"),
    "stretchy": re.compile(r"true|false"),
    "fence": re.compile(r"true|false"),
    "separator": re.compile(r"true|false"),
    "accent": re.compile(r"true|false"),
    "notation": re.compile(r"[a-z ]{1,60}"),
    "linethickness": re.compile(r"[0-9.]{1,6}(?:px|em|ex|pt)?"),
    "width": re.compile(r"-?[0-9.]{1,6}(?:px|em|ex|pt)"),
    "columnalign": re.compile(r"[a-z ]{1,60}"),
    "rowspacing": re.compile(r"[0-9.]{1,6}(?:px|em|ex|pt)"),
    "minsize": re.compile(r"[0-9.]{1,6}(?:px|em|ex|pt)?"),
    "maxsize": re.compile(r"[0-9.]{1,6}(?:px|em|ex|pt)?"),
}
_FORMULA = re.compile(
    r"\$\$(?P<double>[^$]{1,2000}?)\$\$"
    r"|\\\((?P<round>.{1,2000}?)\\\)"
    r"|\\\[(?P<square>.{1,2000}?)\\\]"
    r"|(?P<bare>\\boxed\{[^{}$]{1,200}\})"
    r"|(?<![\\$])\$(?P<single>(?!\s)[^$\n]{1,2000}?(?<![\s\\]))\$(?!\d)",
    re.DOTALL,
)
_LOOKS_LIKE_LATEX = re.compile(r"[\\^_{]")
_PLAIN_FORMULA = re.compile(r"(?=[^a-zA-Z]*[a-zA-Z])(?!.*[a-zA-Z]{2})[\w\s+\-*/=().,<>|!']+")
_CALCULATOR = r"<<[^<>]{0,200}>>"
_NUMBER = r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?(?!\d)|(?<![\w.])\.\d+"


def typeset(text: str, names: Collection[str] = ()) -> str:
    """`text` as HTML. `names` are quantities ("ben's coins") to be marked beside numbers, whatever their case."""
    return _typeset(text, tuple(sorted(names, key=lambda name: (-len(name), name))[:MAX_NAMES]))


@lru_cache(maxsize=4096)
def _typeset(text: str, names: tuple[str, ...]) -> str:
    words = _words(names)
    parts = []
    end = 0
    for match in _FORMULA.finditer(text):
        formula = next(group for group in match.groups() if group is not None)
        is_block = match["double"] is not None or match["square"] is not None
        made = to_mathml(formula, is_block) if match["single"] is None or _is_formula(formula) else None
        if made is not None:
            parts += [_mark(text[end : match.start()], words), made]
            end = match.end()
    return "".join([*parts, _mark(text[end:], words)])


def quantity_of(written: str) -> str:
    """One name for a quantity however it is written: "1,000" and "1000" are "1000", "three" is "3".

    A name is the same in words and in code: "Ben's coins" and "Ben_coins" are "ben coins".
    """
    plain = same_name(written.replace(",", "")) if not written[:1].isdigit() else written.replace(",", "")
    plain = NUMBER_WORDS.get(plain, plain)
    if re.fullmatch(r"\d*\.\d+", plain):
        plain = plain.rstrip("0").rstrip(".") or "0"
    return plain


@lru_cache(maxsize=4096)
def to_mathml(formula: str, is_block: bool = False) -> str | None:
    """`formula` (LaTeX without its dollars) as a safe `<math>` element, or None where it cannot be read."""
    from latex2mathml.converter import convert_to_element

    if len(formula) > MAX_FORMULA or _depth(formula) > 40:
        return None
    try:
        tree = convert_to_element(formula, display="block" if is_block else "inline")
    except Exception:  # noqa: BLE001 - a foreign parser of hostile text raises anything, StopIteration included
        return None
    return "".join(_safe(tree))


def _safe(element: Element) -> Iterator[str]:
    """The element written anew: allowed tags and attributes only, every text escaped."""
    tag = element.tag if element.tag in _TAGS else "mrow"
    kept = "".join(
        f' {name}="{html.escape(value)}"'
        for name, value in element.attrib.items()
        if name in _ATTRIBUTES and _ATTRIBUTES[name].fullmatch(value)
    )
    yield f"<{tag}{kept}>"
    if element.text:
        yield html.escape(html.unescape(element.text))
    for child in element:
        yield from _safe(child)
        if child.tail:
            yield html.escape(html.unescape(child.tail))
    yield f"</{tag}>"


def _depth(formula: str) -> int:
    """How deep braces and scripts nest, roughly: a foreign recursive parser must not be fed thousands of them."""
    depth = deepest = 0
    for sign in formula:
        depth += (sign in "{[(") - (sign in "}])")
        deepest = max(deepest, depth)
    return max(deepest, formula.count("\\left") // 2)


def _is_formula(inside: str) -> bool:
    return bool(_LOOKS_LIKE_LATEX.search(inside) or _PLAIN_FORMULA.fullmatch(inside))


@lru_cache(maxsize=64)
def _words(names: tuple[str, ...]) -> re.Pattern[str]:
    """One pattern for calculator marks, the names, numbers and number words, in this order."""
    known = "|".join(dict.fromkeys(_spellings(name) for name in names))
    return re.compile(
        rf"(?P<calculator>{_CALCULATOR})"
        + (rf"|(?<!\w)(?P<name>{known})(?!\w)" if known else r"|(?P<name>(?!))")
        + rf"|(?P<number>{_NUMBER})|\b(?P<word>{'|'.join(NUMBER_WORDS)})\b",
        re.IGNORECASE,
    )


def _spellings(name: str) -> str:
    """A pattern for a name however it is spelt: "ben's coins", "Ben’s coins", "Ben_coins"."""
    parts = [re.escape(part) for part in same_name(name).split()]
    return r"(?:['’]s?)?[ _]".join(parts)


def _mark(text: str, words: re.Pattern[str]) -> str:
    """`text` escaped, its quantities in spans."""
    parts = []
    end = 0
    for match in words.finditer(text):
        parts.append(html.escape(text[end : match.start()]))
        written = html.escape(match.group())
        if match["calculator"] is not None:
            parts.append(f'<span class="calculator">{written}</span>')
        else:
            quantity = html.escape(quantity_of(match.group()))
            parts.append(f'<span class="quantity" data-quantity="{quantity}">{written}</span>')
        end = match.end()
    return "".join([*parts, html.escape(text[end:])])
