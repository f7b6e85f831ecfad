"""A text with code and outputs in it, as segments, each with its place.

    split_segments("Ben's coins:\\n<code>\\n41 + 26\\n</code>\\nOutput: 67\\nFinal Answer: 67")
        words "Ben's coins:" · code, body "41 + 26" · output, body "67" · words "Final Answer: 67"

Three ways of writing are read, and a text may mix them: MARIO's (arXiv 2401.08190) `<p>…</p> <code>…</code>
Output: …`, the same without <p>, and ToRA's (arXiv 2309.17452) fences, ```python and ```output.

An output that follows "Output:" is one line; where the text has <p> it goes on to the next tag. "Final Answer:" begins
a segment of its own. Time is proportional to the text's length.

Not covered: code in the middle of a sentence (`x = 1`); fences inside fences.
"""

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

CODE_LANGUAGES = ("python", "python3", "py", "sympy", "tool_code")

_OPENING = re.compile(r"<code>|^[ \t]*(?:```|~~~)[ \t]*(?P<language>[\w+-]*)[ \t]*$|^[ \t]*Output[ \t]*:", re.MULTILINE)
_FENCE_END = re.compile(r"^[ \t]*(?:```|~~~)[ \t]*$", re.MULTILINE)
_OUTPUT_END = re.compile(r"<p>|<code>|^[ \t]*(?:<p>[ \t]*)?Final Answer[ \t]*:", re.MULTILINE | re.IGNORECASE)
_FINAL = re.compile(r"^[ \t]*(?:<p>[ \t]*)?(?:\*\*)?Final Answer(?:\*\*)?[ \t]*:", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Segment:
    """One stretch of a text; white space around it belongs to none."""

    kind: Literal["words", "code", "output"]
    start: int  # text[start:end] is the segment, its tags or fences included
    end: int
    body: str  # what stands between the tags or fences; the words themselves
    is_closed: bool = True  # False: the text ends before its closing tag or fence
    is_fenced: bool = False  # ``` rather than <code>


def split_segments(text: str) -> list[Segment]:
    """The segments of `text`, in their order; only white space lies between them."""
    found: list[Segment] = []
    place = words_from = 0
    while match := _OPENING.search(text, place):
        after_code = bool(found) and found[-1].kind == "code"
        after_code = after_code and _lstripped(text, found[-1].end, match.start()) == match.start()
        segment = _segment(text, match, after_code)
        if segment is None:
            place = match.end()
            continue
        found += _words(text, words_from, segment.start)
        found.append(segment)
        place = words_from = segment.end
    return found + _words(text, words_from, len(text))


def _segment(text: str, match: re.Match[str], after_code: bool) -> Segment | None:
    """The code or output that begins here; None where these are only words."""
    if match[0] == "<code>":
        return _tagged(text, match)
    if match["language"] is None:
        return _told_output(text, match) if after_code else None
    language = match["language"].lower()
    if language in CODE_LANGUAGES or (not language and not after_code):
        return _fenced(text, match, "code")
    if language == "output" or after_code:
        return _fenced(text, match, "output")
    return None


def _tagged(text: str, match: re.Match[str]) -> Segment:
    end = text.find("</code>", match.end())
    if end < 0:
        return Segment("code", match.start(), _rstripped(text, len(text)), text[match.end() :].strip("\n"), False)
    return Segment("code", match.start(), end + len("</code>"), text[match.end() : end].strip("\n"))


def _fenced(text: str, match: re.Match[str], kind: Literal["code", "output"]) -> Segment:
    start = match.start() + len(match[0]) - len(match[0].lstrip())
    closing = _FENCE_END.search(text, match.end())
    if closing is None:
        end = max(_rstripped(text, len(text)), match.end())
        return Segment(kind, start, end, text[match.end() :].strip("\n"), False, True)
    body = text[match.end() : closing.start()].strip("\n")
    return Segment(kind, start, _rstripped(text, closing.end()), body, True, True)


def _told_output(text: str, match: re.Match[str]) -> Segment:
    """What follows "Output:": a fence, else the rest of the line, or in MARIO's writing all up to the next tag."""
    start = match.start() + len(match[0]) - len(match[0].lstrip())
    fence = re.compile(r"\s*(?:```|~~~)[ \t]*\w*[ \t]*$", re.MULTILINE).match(text, match.end())
    closing = _FENCE_END.search(text, fence.end()) if fence else None
    if fence and closing:
        return Segment("output", start, _rstripped(text, closing.end()), text[fence.end() : closing.start()].strip())
    if "<p>" in text:
        next_tag = _OUTPUT_END.search(text, match.end())
        end = next_tag.start() if next_tag else len(text)
    else:
        break_at = text.find("\n", match.end())
        end = len(text) if break_at < 0 else break_at
    end = max(_rstripped(text, end), match.end())
    return Segment("output", start, end, text[match.end() : end].strip())


def _words(text: str, start: int, end: int) -> list[Segment]:
    """The words between two places: one segment, and one more from "Final Answer:" on."""
    final = None
    for match in _FINAL.finditer(text, start, end):
        final = match
    cuts = [start, final.start(), end] if final else [start, end]
    stretches = [(_lstripped(text, a, b), _rstripped(text, b)) for a, b in pairwise(cuts)]
    return [Segment("words", a, b, text[a:b]) for a, b in stretches if a < b]


def _rstripped(text: str, end: int) -> int:
    """`end` moved back over white space."""
    while end > 0 and text[end - 1].isspace():
        end -= 1
    return end


def _lstripped(text: str, start: int, end: int) -> int:
    while start < end and text[start].isspace():
        start += 1
    return start
