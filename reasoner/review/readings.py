"""What a question's sentences say of named quantities, where a few patterns can tell: for finding misread steps.

    read = readings("Ana has 41 coins. Ben has 26 more coins than Ana. How many coins does Ben have?")
    read.relations      (Relation("given", "ana", (), (41,)), Relation("+", "ben", ("ana",), (26,)))
    read.asked          ("ben",)
    read.needed()       {"ben"}: what must be found on the way to what is asked; None where the patterns cannot tell

Kinds of relation: "given" (a value is told), "rate" (two numbers told), "+" "-" "*" "/" (compared with another owner),
"sum" (of two others), "own" (something made of one's own: prices, shares, what is left).

Ours, and no parser: a sentence that fits no pattern has no relation, and nothing is concluded from that.

Not covered: pronouns; owners that are no single capitalized word; languages other than English.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from reasoner.sentences import split_sentences
from reasoner.told import told

INVERSE = {"+": "-", "-": "+", "*": "/", "/": "*"}

_NOT_OWNERS = frozenset(
    """
    how what which who when where why if the a an there each every it its he she they his her their working compared of
    in on at for from to and but so then after before both all one two three four five six seven eight nine ten i
    """.split()  # noqa: SIM905
)
_OWNER = re.compile(r"\b[A-Z][a-z]+\b")
_MORE = re.compile(r"\b(?:more|longer|farther|further|older|taller|heavier|higher|extra)\b")
_LESS = re.compile(r"\b(?:fewer|less|younger|shorter|lighter|lower)\b")
_TIMES = re.compile(r"\b(?:twice|thrice|times|double|triple)\b")
_PART = re.compile(r"\b(?:half|third|quarter|fourth|fifth|sixth|eighth|tenth)\b")
_RATE = re.compile(r"\b(?:each|every|per|an hour|a day|a week|at \$)", re.IGNORECASE)
_OWN = re.compile(
    r"%|\b(?:equally|boxes of|into|gives? away|loses|lost|eats|ate|sells|sold|of the|rest|each)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Relation:
    """What one sentence says of one owner."""

    kind: str  # "given", "rate", "+", "-", "*", "/", "sum", "own"
    subject: str  # lower-case owner
    others: tuple[str, ...]
    numbers: tuple[Fraction, ...]
    sentence: str


@dataclass(frozen=True, slots=True)
class Readings:
    """What the patterns find in one question."""

    relations: tuple[Relation, ...]
    owners: frozenset[str]
    asked: tuple[str, ...]  # owners in the sentence that asks
    is_total: bool  # what two of them have together is asked
    unread: frozenset[str]  # owners in sentences that fit no pattern

    def is_read(self, owner: str) -> bool:
        """Does every sentence that names this owner fit a pattern, so that what none says is not said?"""
        return owner in self.owners and owner not in self.unread

    def between(self, one: str, other: str) -> list[Relation]:
        """The comparisons of these two owners, either way round."""
        pair = {one, other}
        return [rel for rel in self.relations if rel.kind in INVERSE and {rel.subject, *rel.others} == pair]

    def of(self, owner: str) -> list[Relation]:
        """What is said of an owner as the subject."""
        return [relation for relation in self.relations if relation.subject == owner]

    def given(self, owner: str) -> Fraction | None:
        """The value told of an owner; None where none, or several, are."""
        said = [relation.numbers[0] for relation in self.of(owner) if relation.kind == "given"]
        return said[0] if len(said) == 1 else None

    def needed(self) -> frozenset[str] | None:
        """The owners whose quantity has to be found for what is asked; None where that cannot be told."""
        parents = self._derived()
        if not self.asked or any(owner not in parents for owner in self.asked):
            return None
        needed: set[str] = set()
        waiting = list(self.asked)
        while waiting:
            owner = waiting.pop()
            if owner not in needed:
                needed.add(owner)
                waiting += parents[owner]
        return frozenset(owner for owner in needed if self.given(owner) is None)

    def _derived(self) -> dict[str, tuple[str, ...]]:
        """Owner → the owners that it is found from, for all that can be found from what is told."""
        found: dict[str, tuple[str, ...]] = {
            relation.subject: () for relation in self.relations if relation.kind in ("given", "rate")
        }
        has_grown = True
        while has_grown:
            has_grown = False
            for relation in self.relations:
                everybody = (relation.subject, *relation.others)
                unknown = [owner for owner in everybody if owner not in found]
                if relation.others and len(unknown) == 1:
                    found[unknown[0]] = tuple(owner for owner in everybody if owner != unknown[0])
                    has_grown = True
        return found


@lru_cache(maxsize=4_096)
def readings(question: str) -> Readings:
    """What the patterns find in `question`."""
    sentences = split_sentences(question)
    asking = [sentence for sentence in sentences if sentence.rstrip().endswith("?")]
    owners = frozenset(owner for sentence in sentences for owner in _owners(sentence))
    said = {sentence: _relations(sentence) for sentence in sentences if sentence not in asking}
    relations = tuple(relation for found in said.values() for relation in found)
    unread = frozenset(owner for sentence, found in said.items() if not found for owner in _owners(sentence))
    asked = tuple(_owners(asking[-1])) if asking else ()
    is_total = len(asked) > 1 and bool(re.search(r"\b(?:together|in all|in total|altogether)\b", asking[-1]))
    return Readings(relations, owners, asked, is_total, unread)


def _owners(sentence: str) -> list[str]:
    """The capitalized words that may be names, in order, each once."""
    found = (word.lower() for word in _OWNER.findall(sentence))
    return list(dict.fromkeys(word for word in found if word not in _NOT_OWNERS))


def _relations(sentence: str) -> list[Relation]:
    owners = _owners(sentence)
    numbers = tuple(number.value for number in told(sentence))
    if len(owners) == 3 and re.search(r"\btogether\b", sentence):
        pair = re.search(r"([A-Z][a-z]+) and ([A-Z][a-z]+) together", sentence)
        if pair:
            parts = (pair[1].lower(), pair[2].lower())
            return [Relation("sum", owner, parts, (), sentence) for owner in owners if owner not in parts]
    if len(owners) == 2:
        return _comparison(sentence, owners, numbers)
    if len(owners) == 1 and numbers:
        if len(numbers) == 2 and _RATE.search(sentence):
            return [Relation("rate", owners[0], (), numbers, sentence)]
        kind = "own" if _OWN.search(sentence) or len(numbers) > 1 else "given"
        return [Relation(kind, owners[0], (), numbers, sentence)]
    return []


def _comparison(sentence: str, owners: list[str], numbers: tuple[Fraction, ...]) -> list[Relation]:
    """ "Ben has 26 more coins than Ana", "Compared with Ana, Ben has …", "Ben has 3 times as many coins as Ana"."""
    after = re.search(r"\b(?:than|as)\s+([A-Z][a-z]+)\b(?!.*\b(?:than|as)\s+[A-Z])", sentence)
    compared = re.search(r"\b[Cc]ompared (?:with|to) ([A-Z][a-z]+)", sentence)
    match = compared or after
    if match is None or match[1].lower() not in owners:
        return []
    other = match[1].lower()
    subject = next(owner for owner in owners if owner != other)
    told_parts = [number for number in told(sentence) if _PART.search(number.text)]
    if told_parts and re.search(r"\bas\b", sentence) and not _TIMES.search(sentence):
        value = told_parts[0].value
        return [Relation("/", subject, (other,), (1 / value if 0 < value < 1 else value,), sentence)]
    if len(numbers) != 1:
        return []
    signs = (("*", _TIMES), ("+", _MORE), ("-", _LESS))
    sign = next((sign for sign, pattern in signs if pattern.search(sentence)), "")
    return [Relation(sign, subject, (other,), numbers, sentence)] if sign else []
