"""Text into sentences, and into the pieces that Self-Explore trained on for MATH.

    split_sentences("Dr. Ana has 3.5 kg. Ben has $x = 2. $ He eats it.")      three sentences
    split_math("We have $x=5.$ So $y=6$. The answer is 6.")      at most nine pieces, the answer on its own

Decimals, abbreviations, initials, list numbers and LaTeX hold together. Time is proportional to the text's length.

Not covered: languages other than English; sentences that begin with a small letter.
"""

import re
from bisect import bisect_right

_LATEX_LENGTH = 400  # characters that a formula may have inside a line
_ABBREVIATIONS = frozenset(
    """mr mrs ms dr prof st vs etc no fig eq approx e.g i.e cf al jr sr inc ltd co sq ft oz lb lbs hr hrs min mins sec
    a.m p.m u.s""".split()  # noqa: SIM905
)
_END = re.compile(r"[.!?](?:[\"')\]”’$]|\\[)\]])*(?=\s)")
_DOLLAR = re.compile(rf"(?<!\\)\$(?P<body>[^$\n]{{1,{_LATEX_LENGTH}}})(?<!\\)\$(?!\d)")
_BRACKETS = re.compile(rf"\\\(.{{0,{_LATEX_LENGTH}}}?\\\)|\\\[.{{0,{_LATEX_LENGTH}}}?\\\]", re.DOTALL)
_FOLLOWING = re.compile(r"\s*(\S)")
_LAST_WORD = re.compile(r"[\w.]+$")
_UNIT_LETTER = re.compile(r"[\d=+*/-]\s*\w$")


def split_sentences(text: str) -> list[str]:
    """The sentences of `text`, white space at their ends left out."""
    formulas = _formulas(text)
    pieces: list[str] = []
    start = 0
    for match in _END.finditer(text):
        if not _is_inside(formulas, match) and _ends_sentence(text, start, match):
            pieces.append(text[start : match.end()].strip())
            start = match.end()
    pieces.append(text[start:].strip())
    return [piece for piece in pieces if piece]


def _formulas(text: str) -> list[tuple[int, int]]:
    """Where LaTeX stands in `text`: sorted, (start, end). A price ("$5 each and $6") is no LaTeX."""
    spans = [match.span() for match in _BRACKETS.finditer(text)]
    place = text.find("$")
    while place >= 0:
        match = _DOLLAR.match(text, place)
        if match and ("\\" in match["body"] or not re.search(r"[A-Za-z]{2,}", match["body"])):
            spans.append(match.span())
            place = match.end() - 1
        place = text.find("$", place + 1)
    return sorted(spans)


def _is_inside(formulas: list[tuple[int, int]], match: re.Match[str]) -> bool:
    """Does a full stop stand inside a formula, which goes on after it?"""
    index = bisect_right(formulas, (match.start(), 0)) - 1
    return index >= 0 and match.end() < formulas[index][1]


def _ends_sentence(text: str, start: int, match: re.Match[str]) -> bool:
    following = _FOLLOWING.match(text, match.end())
    if following is None:
        return False
    if match[0][0] != ".":
        return True
    if following[1].islower():
        return False
    before = text[max(start, match.start() - 20) : match.start()]
    word = _LAST_WORD.search(before)
    last = word[0].lower() if word else ""
    is_initial = len(last) == 1 and before[-1].isupper() and not _UNIT_LETTER.search(before)
    is_list_number = last.isdigit() and before.strip() == last
    return last not in _ABBREVIATIONS and not is_initial and not is_list_number


def split_math(text: str, max_pieces: int = 9, min_length: int = 20) -> list[str]:
    """Self-Explore's pieces for MATH (arXiv 2404.10346; its code, as papers describe it).

    Split at line breaks and after ".$ " and "$. "; a piece under `min_length` characters, or under 0.3 of the mean
    length, joins a neighbour; the shortest go on joining until at most `max_pieces`. "The answer …" stays on its own.
    Not done: halving long pieces at a connective when there are three or fewer.
    """
    lines = (piece for line in text.splitlines() for piece in re.split(r"(?<=\.\$) |(?<=\$\.) ", line))
    pieces = [piece.strip() for piece in lines if piece.strip()]
    is_answer = bool(pieces) and re.match(r"(?:so |therefore,? )?the (?:final )?answer", pieces[-1], re.IGNORECASE)
    answer = [pieces.pop()] if is_answer else []
    limit = max(float(min_length), 0.3 * sum(map(len, pieces)) / max(len(pieces), 1))
    pieces = _joined(pieces[:1_000], limit, max_pieces - len(answer)) + pieces[1_000:]
    return pieces + answer


def _joined(pieces: list[str], limit: float, max_pieces: int) -> list[str]:
    while len(pieces) > 1:
        shortest = min(range(len(pieces)), key=lambda index: len(pieces[index]))
        if len(pieces[shortest]) >= limit and len(pieces) <= max_pieces:
            break
        has_left, has_right = shortest > 0, shortest + 1 < len(pieces)
        goes_left = has_left and (not has_right or len(pieces[shortest - 1]) <= len(pieces[shortest + 1]))
        first = shortest - 1 if goes_left else shortest
        pieces = [*pieces[:first], f"{pieces[first]} {pieces[first + 1]}", *pieces[first + 2 :]]
    return pieces
