"""Where in a question something is said: a key point tied to its place in the text.

    question = "Ana has 41 coins. Ben has 26 more coins than Ana."
    locate(question, "Ana has 41 coins.")               (0, 17)     exactly so
    locate(question, "ana has 41  coins")               (0, 17)     case, blanks and punctuation aside
    locate(question, "Ben owns 26 coins more than Ana") (18, 49)    the sentence or clause most like it
    locate(question, "Ben has 30 coins.")               None        no such number there: nothing in the text says so

A sentence, a clause, or two neighbouring sentences pass for saying a point when they tell every number of it and share
at least half of its words (`ENOUGH`; three quarters of those of a point without numbers, since numbers are what ties a
point down). Words are compared by their stems, small words left out; numbers by what they may mean ("three" is 3).

None means "not in the text", the sign of an invented condition. Not covered: a point that adds up what the text tells.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from reasoner.sentences import split_sentences
from reasoner.told import told

ENOUGH = 0.5  # share of a point's words that its place must have. Ours: tried on extractions by two real models
ENOUGH_WITHOUT_NUMBERS = 0.75

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_CLAUSE = re.compile(r"[,;:](?=\s)|\s(?=(?:and|but|while|which|if|then|so|who|when|after|before)\s)")
_PIECE = re.compile(r"\w+")
_SMALL = frozenset(
    """a an and are as at be been but by did do does for from had has have he her his i if in into is it its many more
    much of on or our she so than that the their them then there they this to was we were what when which who will with
    you your each every per how""".split()  # noqa: SIM905
)

Place = tuple[int, int]
"""(start, end) in the question."""


def locate(question: str, point: str) -> Place | None:
    """Where `question` says `point`; None where nothing in it does."""
    point = point.strip()
    if not point:
        return None
    exact = re.search(rf"(?<!\w){re.escape(point)}(?!\w)", question)
    if exact:
        return exact.span()
    return _same_pieces(question, point) or _most_like(question, point)


def locate_core(question: str, core: str) -> Place | None:
    """Where `question` asks `core`: like `locate`, but a question stands where one is asked, so that is tried first."""
    asked = [place for place in sentences(question) if question[slice(*place)].rstrip("\"'”’) ").endswith("?")]
    words = content_words(core)
    shared = {place: len(words & content_words(question[slice(*place)])) for place in asked}
    best = max(reversed(asked), key=shared.__getitem__, default=None)
    is_same = best is not None and shared[best] >= ENOUGH * min(len(words), len(content_words(question[slice(*best)])))
    return best if is_same and core.strip() else locate(question, core)


def _same_pieces(question: str, point: str) -> Place | None:
    """The place with the same words and figures, whatever stands between them."""
    wanted = [match[0].casefold() for match in _PIECE.finditer(point)]
    pieces = list(_PIECE.finditer(question))
    words = [match[0].casefold() for match in pieces]
    for index in range(len(words) - len(wanted) + 1 if wanted else 0):
        if words[index] == wanted[0] and words[index : index + len(wanted)] == wanted:
            return pieces[index].start(), _with_stop(question, pieces[index + len(wanted) - 1].end())
    return None


def _with_stop(question: str, end: int) -> int:
    return end + 1 if question[end : end + 1] in (".", "?", "!") else end


def _most_like(question: str, point: str) -> Place | None:
    words, numbers = content_words(point), told(point)
    enough = ENOUGH if numbers else ENOUGH_WITHOUT_NUMBERS
    best, best_likeness = None, 0.0
    for start, end in _candidates(question):
        text = question[start:end]
        there = told(text)
        if not all(any(number.value in other.meanings for other in there) for number in numbers):
            continue
        own = content_words(text)
        shared = len(words & own)
        if shared < enough * len(words):
            continue
        likeness = (2 * shared + len(numbers)) / (len(words) + len(own) + (len(numbers) + len(there)) / 2 or 1)
        if likeness > best_likeness:
            best, best_likeness = (start, end), likeness
    return best


@lru_cache(maxsize=4_096)
def _candidates(question: str) -> tuple[Place, ...]:
    """Clauses, sentences, and pairs of neighbouring sentences."""
    whole = sentences(question)
    pairs = [(first[0], second[1]) for first, second in pairwise(whole)]
    parts = [clause for sentence in whole for clause in clauses(question, sentence)]
    return tuple(dict.fromkeys([*parts, *whole, *pairs]))


def sentences(question: str) -> list[Place]:
    """Where the sentences of `question` stand."""
    places, start = [], 0
    for sentence in split_sentences(question):
        start = question.find(sentence, start)
        places.append((start, start + len(sentence)))
        start += len(sentence)
    return places


def clauses(question: str, sentence: Place) -> list[Place]:
    """Where the clauses of one sentence stand, joining words at their beginning included."""
    return list(_clauses(question, *sentence))


def _clauses(question: str, start: int, stop: int) -> Iterator[Place]:
    for match in _CLAUSE.finditer(question, start, stop):
        if match.start() > start:
            yield start, match.end() if match[0].strip() else match.start()
        start = match.end()
        while start < stop and question[start].isspace():
            start += 1
    if start < stop:
        yield start, stop


@lru_cache(maxsize=16_384)
def content_words(text: str) -> frozenset[str]:
    """The stems of its words that say something: "Ben's coins" and "the coin of Ben" both give {"ben", "coin"}."""
    words = (match[0].lower() for match in _WORD.finditer(text))
    return frozenset(_stem(word) for word in words if word not in _SMALL)


def _stem(word: str) -> str:
    word = re.sub(r"['’](?:s|re|ll|ve|d|t)?$", "", word)
    for ending in ("ies", "es", "s", "ing", "ed", "ly"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)] + ("y" if ending == "ies" else "")
    return word.rstrip("e") if len(word) > 3 else word
