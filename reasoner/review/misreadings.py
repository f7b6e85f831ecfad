"""Steps that contradict the question: another thing asked, a relation turned round, a number or an owner exchanged.

    misreadings("Ben has 26 more coins than Ana. …", ("Ben's coins = Ana's coins - 26 = 41 - 26 = 15",))
        (Misreading(0, "misunderstanding", "the question says “Ben has 26 more coins than Ana.”"),)

Plans are held against what must be found on the way: one that leaves something out has a *step missing*. Only what the
patterns of readings.py read is held against anything; a step about owners in other sentences is passed over.

Not covered: quantities without an owner ("the total" aside); steps that name no quantity.
"""

import re
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache

from reasoner.actions import explicit_action, without_action
from reasoner.checks.sides import written
from reasoner.equations import Chain, chains
from reasoner.equations.runs import Side
from reasoner.review.readings import INVERSE, Readings, Relation, readings
from reasoner.review.repair_numbers import aligned, numbers_of

_OWNED = re.compile(r"\b([A-Z][a-z]+)['’]s\b")
_IN_CODE = re.compile(r"\b([A-Z][a-z]+)_([a-z]+)\b")


@dataclass(frozen=True, slots=True)
class Misreading:
    """One step's contradiction with the question."""

    step: int  # 0-based
    error_class: str  # "misunderstanding" or "step missing"
    words: str


@lru_cache(maxsize=8_192)
def misreadings(question: str, texts: tuple[str, ...]) -> tuple[Misreading, ...]:
    """All that the steps contradict, in their order."""
    reader = _Reader(readings(question))
    for index, text in enumerate(texts):
        reader.step(index, _IN_CODE.sub(r"\1's \2", text))
    return tuple(reader.found)


@dataclass
class _Reader:
    """Steps being read one after the other; `values` are what they say of owners' quantities."""

    read: Readings
    found: list[Misreading] = field(default_factory=list)
    values: dict[str, Fraction] = field(default_factory=dict)  # "ben's coins" → 67

    def step(self, index: int, text: str) -> None:
        action, body = explicit_action(text), without_action(text)
        if action == "Formalize":
            self._say(index, self._goal(body))
        elif action == "Decompose":
            self._plan(index, body)
        else:
            for chain in chains(body):
                if not chain.is_mark:
                    self._say(index, self._chain(body, chain, action == "Solve Parent"))

    def _say(self, index: int, words: str, error_class: str = "misunderstanding") -> None:
        if words:
            self.found.append(Misreading(index, error_class, words))

    # ── what is asked, and the plan ──────────────────────────────────────────────────────────────────────────────

    def _goal(self, body: str) -> str:
        owners = [owner.lower() for owner in _OWNED.findall(body)]
        asked = " and ".join(owner.capitalize() for owner in self.read.asked)
        is_total = "total" in body.lower() or "together" in body.lower()
        if not self.read.asked or not (owners or is_total):
            return ""
        if is_total != self.read.is_total:
            return f"the question asks for {asked}" + (" together" if self.read.is_total else " alone")
        if not is_total and owners[0] not in self.read.asked:
            return f"the question asks for {asked}, not for {owners[0].capitalize()}"
        return ""

    def _plan(self, index: int, body: str) -> None:
        names = [name.strip() for name in body.split(",") if name.strip()]
        owners = [match[1].lower() for name in names if (match := _OWNED.search(name))]
        if not owners:
            return
        for owner, name in zip(owners, [name for name in names if _OWNED.search(name)], strict=True):
            if owner not in self.read.owners:
                self._say(index, f"the question does not speak of {name}")
            elif self._is_given(owner, name):
                self._say(index, f"{name} is told: there is nothing to find")
        if self.read.asked and not self.read.is_total and owners[0] not in self.read.asked:
            self._say(index, f"the plan does not start at what is asked, {self.read.asked[0].capitalize()}")
        needed = self.read.needed()
        for owner in sorted((needed or frozenset()) - set(owners)):
            self._say(index, f"{owner.capitalize()}'s must be found too", "step missing")
        for owner in self.read.asked:  # "Cal's share" is made of Cal's stamps, which must be found themselves
            said = self.read.of(owner)
            found = [one for one in said if one.kind not in ("own", "given")]
            is_plain = any(names[0].split()[-1].lower() in one.sentence.lower() for one in found)
            is_own = any(one.kind == "own" for one in said) and bool(found) and not is_plain
            if is_own and owner in owners and owners.count(owner) == 1 and not self.read.is_total:
                self._say(index, f"what {owner.capitalize()} has must be found first", "step missing")

    def _is_given(self, owner: str, name: str) -> bool:
        """Is this quantity told, rather than another one of the same owner?"""
        if self.read.given(owner) is None:
            return False
        thing = name.split()[-1].lower()
        sentence = next(one.sentence for one in self.read.of(owner) if one.kind == "given")
        has_own = any(one.kind == "own" for one in self.read.of(owner))
        return thing in sentence.lower() or not has_own

    # ── equations ────────────────────────────────────────────────────────────────────────────────────────────────

    def _chain(self, body: str, chain: Chain, is_parent: bool) -> str:
        label = chain.sides[0].label
        owner = _owner(label)
        if not label or (not owner and "total" not in label):
            return ""
        words = self._named(owner, label, is_parent) or self._relation(owner, label, chain)
        words = words or self._copied(body, chain)
        value = chain.sides[-1].value({})
        if value is not None:
            self.values[label] = value
        return words

    def _named(self, owner: str, label: str, is_parent: bool) -> str:
        if owner and owner not in self.read.owners:
            return f"the question does not speak of {label}"
        if is_parent and owner and self.read.asked and (owner not in self.read.asked or self.read.is_total):
            return f"the question asks for {' and '.join(map(str.capitalize, self.read.asked))}, not for {label}"
        return ""

    def _relation(self, owner: str, label: str, chain: Chain) -> str:
        """How the first calculation of a chain contradicts what the question says of its owner."""
        side = next((side for side in chain.sides[1:] if not side.program.is_bare and not side.label), None)
        if side is None or side.is_opaque:
            return ""
        names = list(side.program.names)
        signs = [item[0] for item in side.program.items if item[0] not in ("number", "name")]
        numbers = [Fraction(item[1]) for item in side.program.items if item[0] == "number"]
        if len(names) == 1 and len(numbers) == 1:
            return self._with_number(owner, label, side, (names[0], numbers[0]), signs)
        if len(names) == 2 and not numbers:
            return self._with_two(owner, names, signs)
        if not names and len(numbers) == 2:
            return self._in_figures(owner, numbers, signs)
        return ""

    def _with_number(self, owner: str, label: str, side: Side, operands: tuple[str, Fraction], signs: list[str]) -> str:
        """ "Ben's coins = Ana's coins + 26"."""
        name, number = operands
        other = _owner(name)
        if name == label:
            return f"{label} cannot be made of itself"
        if not (owner and other):
            return ""
        if owner == other:
            own = [one for one in self.read.of(owner) if one.kind in ("own", "rate")]
            is_said = any(number in one.numbers for one in own)
            return "" if is_said or not self.read.is_read(owner) else self._nobody_says(owner, number)
        comparisons = self.read.between(owner, other)
        is_first = side.program.items[0][0] == "name"
        for one in comparisons:
            sign = one.kind if one.subject == owner else INVERSE[one.kind]
            if signs == [sign] and number in one.numbers and (is_first or sign in ("+", "*")):
                return ""
        if comparisons:
            return f"the question says “{comparisons[0].sentence}”"
        if self.read.is_read(owner) and self.read.is_read(other):
            return f"the question does not compare {owner.capitalize()} with {other.capitalize()}"
        return ""

    def _nobody_says(self, owner: str, number: Fraction) -> str:
        return f"the question does not say {written(number)} of {owner.capitalize()}"

    def _with_two(self, owner: str, names: list[str], signs: list[str]) -> str:
        """ "Cal's coins = Ana's coins + Ben's coins"."""
        parts = {_owner(name) for name in names}
        if "" in parts or signs not in (["+"], ["-"]):
            return ""
        if not owner:
            is_asked = parts == set(self.read.asked) and signs == ["+"]
            return "" if is_asked or not self.read.is_total else "the question asks for other things together"
        sums = [one for one in self.read.relations if one.kind == "sum"]
        for one in sums:
            is_sum = one.subject == owner and set(one.others) == parts and signs == ["+"]
            is_part = {owner, *parts} == {one.subject, *one.others} and one.subject == _owner(names[0])
            if is_sum or (is_part and signs == ["-"]):
                return ""
        own = next((one for one in sums if one.subject == owner), None)
        if own is not None:
            return f"the question says “{own.sentence}”"
        is_read = self.read.is_read(owner) and len(parts) == 2
        return f"the question does not make {owner.capitalize()}'s of these two" if is_read else ""

    def _in_figures(self, owner: str, numbers: list[Fraction], signs: list[str]) -> str:
        """ "Milo's candles = 18 * 9", where two numbers are told of Milo, or one is another owner's value."""
        if not owner or not self.read.is_read(owner):
            return ""
        said = self.read.of(owner)
        rates = [one for one in said if one.kind == "rate"]
        if any(sorted(one.numbers) == sorted(numbers) and signs == ["*"] for one in rates):
            return ""
        if rates and len(said) == 1:
            return f"the question says “{rates[0].sentence}”"
        for one in self.read.relations:
            if owner in (one.subject, *one.others) and self._fits(owner, one, numbers, signs):
                return ""
        is_told = all(number in one.numbers for one in said for number in numbers) if said else False
        known = set(self.values.values()) | {value for one in self.read.owners if (value := self.read.given(one))}
        strange = [n for n in numbers if n not in known and not any(n in one.numbers for one in self._about(owner))]
        return self._nobody_says(owner, strange[0]) if strange and not is_told else ""

    def _about(self, owner: str) -> list[Relation]:
        return [one for one in self.read.relations if owner in (one.subject, *one.others)]

    def _fits(self, owner: str, one: Relation, numbers: list[Fraction], signs: list[str]) -> bool:
        """Is this what a sentence says, with the other owner's value in figures?"""
        if one.kind == "sum":
            return signs in (["+"], ["-"])
        if one.kind == "own":
            return any(number in numbers for number in one.numbers)
        if one.kind not in INVERSE or not one.numbers:
            return False
        sign = one.kind if one.subject == owner else INVERSE[one.kind]
        return signs == [sign] and one.numbers[0] in numbers

    def _copied(self, body: str, chain: Chain) -> str:
        """A figure that is not what the question tells of the name in its place."""
        for named, figures in zip(chain.sides[1:], chain.sides[2:], strict=False):
            twins = aligned(body, named, figures)
            for token in numbers_of(body, figures):
                name = twins.get(token.start)
                if not isinstance(name, str):
                    continue
                owner = _owner(name)
                value = self.values.get(name)
                if value is None and owner and self._is_given(owner, name):
                    value = self.read.given(owner)
                if value is not None and value != token.value:
                    return f"{name} is {written(value)}, not {token.text}"
        return ""


def _owner(name: str) -> str:
    """ "ben" of "ben's coins"; empty for a name without an owner."""
    match = re.match(r"([a-z]+)['’]s\b", name.lower())
    return match[1] if match else ""
