"""What a step establishes: quantities with their values, the same ones however a format writes their names.

    quantities(Step("Ben's coins = 41 + 26 = 67"))                                   (Quantity("ben's coins", "67"),)
    quantities(Step("Ben_coins = Ana_coins + 26", kind="code", outcome="Ben_coins = 67"))    the same, from its outcome
    established("Solve Parent: Cal's coins = 67 * 3 = 201")                          ("cal coins=201",)
    same_name("Ben_coins") == same_name("Ben’s coins") == same_name("ben coins")     "ben coins"

Words are read as equations in running text (equations/). Statements, equations, declarations and constraints are read
from what executing them gave (`Step.outcome`), and where nothing was run, from their own text.

Not covered: names that differ in more than case, underscores and "'s" ("Ben's coins", "coins of Ben").
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from reasoner.actions import is_summary, without_action
from reasoner.equations import Chain, chains
from reasoner.equations.tokens import tokenize
from reasoner.records import Step

MAX_OUTCOME = 2_000
"""Characters of an outcome that are looked at (ours: values come first)."""

_POSSESSIVE = re.compile(r"['’]s?(?=[\W_]|$)")
_NUMBER = r"[-−]?\d[\d,_]*(?:\.\d+)?(?:/\d+)?"
_VALUE = re.compile(rf"(?P<name>[^\W\d]\w*(?:['’]s)?(?: \w+)*)\s*=\s*(?P<value>{_NUMBER})(?![\w.])")
_STATED = re.compile(rf"=\s*{_NUMBER}\s*(?:#.*)?$")
_FAILED = re.compile(
    r"\s*(?:[A-Za-z_.]*(?:Error|Exception|Interrupt|Exit)\b|UNSAT\b|AMBIG\b|time(?:d )?out\b|unreadable\b)",
    re.IGNORECASE,
)
_ANSWERS = frozenset(["answer", "final answer", "ans", "result"])
"""What the formats call what is asked: "Final Answer: 8", a program's `ans`, SatLM's `result`."""

_UNDERSCORE = re.compile(r"(?<=\w)_(?=\w)")


@dataclass(frozen=True, slots=True)
class Quantity:
    """One quantity that a step establishes."""

    name: str  # as written, small letters: "ben's coins", "ben_coins"; empty where only a value is known
    value: str  # canonical: "201", "0.5", "8/3"
    is_stated: bool = False  # stands there as a bare number, not worked out: "Ana_coins = 41"

    @property
    def key(self) -> str:
        """The same for the same quantity in every format: "ben coins=67", or "67" without a name."""
        return f"{same_name(self.name)}={self.value}" if self.name else self.value


@lru_cache(maxsize=65_536)
def quantities(step: Step) -> tuple[Quantity, ...]:
    """The quantities that `step` establishes. Plans, restatements and what failed give ()."""
    if step.kind == "words":
        return _of_words(step.text)
    if is_failure(step.outcome):
        return ()
    if step.outcome:
        return _of_outcome(step)
    if step.kind == "output":
        number = _canonical_text(step.text.strip())
        return (Quantity("", number),) if number else ()
    return _of_words(_UNDERSCORE.sub(" ", step.text))


@lru_cache(maxsize=65_536)
def established(step: Step | str) -> tuple[str, ...]:
    """The quantities that a step establishes, in a canonical form: ("ben coins=67",), or ("67",) without a name.

    Differently worded steps, and steps of different formats, that establish the same quantities give the same tuple.
    """
    found = _of_words(step) if isinstance(step, str) else quantities(step)
    return tuple(dict.fromkeys(quantity.key for quantity in found))


@lru_cache(maxsize=16_384)
def same_name(name: str) -> str:
    """One name for a quantity in every format: small letters, blanks for underscores, no possessive."""
    plain = " ".join(_POSSESSIVE.sub("", name.lower()).replace("_", " ").split())
    return "answer" if plain in _ANSWERS else plain


def is_failure(outcome: str) -> bool:
    """Does an outcome say that executing the step failed: "NameError: …", "UNSAT", "AMBIG", "timeout"?"""
    return bool(outcome) and _FAILED.match(outcome) is not None


@lru_cache(maxsize=65_536)
def _of_words(text: str) -> tuple[Quantity, ...]:
    body = without_action(text)
    found = [quantity for chain in chains(body) if not chain.is_mark and (quantity := _quantity(chain))]
    if not found and is_summary(text):
        numbers = [token for token in tokenize(body) if token.kind == "number"]
        found = [Quantity("answer", canonical(numbers[-1].value))] if numbers else []
    return tuple(dict.fromkeys(found))


def _of_outcome(step: Step) -> tuple[Quantity, ...]:
    """Values out of "Ben_coins = 67", one or several of them, or of a bare number."""
    is_stated = _STATED.search(step.text.strip()[:MAX_OUTCOME]) is not None and step.text.count("=") == 1
    found = [
        Quantity(match["name"].lower(), value, is_stated)
        for match in _VALUE.finditer(step.outcome[:MAX_OUTCOME])
        if (value := _canonical_text(match["value"]))
    ]
    if not found and (value := _canonical_text(step.outcome.strip())):
        found = [Quantity("", value)]
    return tuple(dict.fromkeys(found))


def _quantity(chain: Chain) -> Quantity | None:
    """What a chain says its name, or its calculation, is worth; None where it only relates unknowns."""
    first = chain.sides[0]
    value = chain.sides[-1].value({})
    if value is None or (first.program.names and not first.label):
        return None
    is_stated = bool(first.label) and len(chain.sides) == 2 and chain.sides[1].program.is_bare
    return Quantity(first.label.lower(), canonical(value), is_stated)


def _canonical_text(written: str) -> str:
    """The canonical form of a number as written, "" where it is none."""
    if not re.fullmatch(_NUMBER, written):
        return ""
    plain = re.sub(r"[,_]", "", written).replace("−", "-")
    if len(plain) > 60:
        return ""
    try:
        return canonical(Fraction(plain))
    except ZeroDivisionError:
        return ""


def canonical(value: Fraction) -> str:
    """One text for one value: "201", "0.5", "8/3"; decimals beyond six places are taken as rounded."""
    if value.denominator == 1:
        return str(value.numerator)
    if value.denominator <= 1000:
        decimal = Fraction(round(value * 10**6), 10**6)
        if decimal != value:
            return str(value)
    return f"{float(value):.6f}".rstrip("0")
