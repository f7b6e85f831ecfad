"""How a corrected value flows on through a solution: by names and by numbers, equation by equation.

    flow = Flow("Ana has 41 coins. Ben has 26 more coins than Ana. Cal has 3 times as many as Ben. …")
    flow.step(0, "Ben's coins = 41 + 26 = 76")      76 → 67: 41 + 26 is 67
    flow.step(1, "Cal's coins = 76 * 3 = 228")      76 → 67: step 1 made it; 228 → 201: 67 * 3 is 201
    flow.step(2, "The answer is 228.")              228 → 201: step 2 made it

A number is *derived* from a wrong result when it has its value and could come from nowhere else: not from the question
(told.py), not from another equation of the solution, not from a constant that the words call for ("12 months"). What
stands under a name ("Ben's coins * 3 = 76 * 3") is derived for certain, and so is the last result said again as the
answer. A number that could come from two places is left, and said so.

Values are exact fractions; a result that was rounded is rounded again in the same way.

Not covered: numbers in words; rounded copies of a wrong result ("33" for 33.4).
"""

import re
from dataclasses import dataclass, field
from fractions import Fraction

from reasoner.actions import is_summary
from reasoner.checks.sides import is_equal, is_passed_over, written
from reasoner.equations import Chain, chains
from reasoner.equations.runs import Side
from reasoner.equations.tokens import Token
from reasoner.review.repair_numbers import (
    Values,
    aligned,
    all_numbers,
    as_before,
    in_figures,
    number_text,
    numbers_of,
    on_paper,
    python_of,
    rounds,
    value_of,
)
from reasoner.told import told

CONSTANTS: dict[int, str] = {
    7: "days a week",
    12: "months a year, a dozen, inches a foot",
    24: "hours a day",
    30: "days a month",
    52: "weeks a year",
    60: "minutes an hour, seconds a minute",
    100: "percent, cents a dollar, centimetres a metre",
    365: "days a year",
    1000: "grams a kilogram, metres a kilometre",
}
"""Numbers that may stand for themselves, and for what."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One number of one step that became another."""

    step: int  # 0-based
    start: int  # place in the step's text as it was
    end: int
    before: str
    after: str
    why: str  # for a person
    expression: str = ""  # what was computed for it, in Python; empty where a value was carried over
    computed: Fraction | None = None  # the expression's exact value


@dataclass(frozen=True, slots=True)
class Left:
    """A number that may have to change too, and why nobody can tell."""

    step: int  # 0-based
    start: int
    end: int
    text: str
    why: str


@dataclass(slots=True)
class _Made:
    """A wrong result and what it should have been."""

    value: Fraction
    step: int


@dataclass(slots=True)
class Flow:
    """The state of a repair, fed step by step."""

    question: str
    edits: list[Edit] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    _old: Values = field(default_factory=dict)  # what the solution says of named quantities
    _new: Values = field(default_factory=dict)  # what it should say
    _changed: dict[Fraction, list[_Made]] = field(default_factory=dict)  # wrong value → what it should be
    _stated: set[Fraction] = field(default_factory=set)  # results that stay as they are
    _last: tuple[Fraction, Fraction] | None = None  # the last result: as it was, as it is now
    _told: frozenset[Fraction] = frozenset()

    def __post_init__(self) -> None:
        self._told = frozenset(number.value for number in told(self.question))

    def read(self, text: str) -> None:
        """Take in a step that stays as it is."""
        for chain in chains(text):
            self._learn(chain, {})
            for side in chain.sides[1:]:
                value = side.value(self._old)
                if side.program.is_bare and value is not None:
                    self._stated.add(value)
                    self._last = (value, value)

    def step(self, index: int, text: str) -> str:
        """Put one step right; its new text."""
        done = _Step(self, index, text)
        done.run()
        edits = [done.edits[start] for start in sorted(done.edits)]
        self.edits += edits
        self.left += done.left
        return replaced(text, edits)

    def _learn(self, chain: Chain, new: dict[int, Fraction]) -> None:
        """Keep what a chain says that its name is worth, before and after (arithmetic._learn's rule)."""
        label = chain.sides[0].label
        if not label or not (len(label) > 1 or label.isupper()) or re.search(r"[\\_]", label):
            return
        side = chain.sides[-1]
        for known, value in ((self._old, side.value(self._old)), (self._new, value_of(side, self._new, new))):
            known.pop(label, None)
            if value is not None:
                known[label] = value

    def _source(self, value: Fraction, text: str) -> str:
        """Where else than from a wrong result `value` may come from; empty when from nowhere."""
        if value in self._told:
            return "the question tells this number too"
        if value in self._stated:
            return "another equation gives this number too"
        about = CONSTANTS.get(int(value)) if value.denominator == 1 else None
        words = re.findall(r"[a-z]{3,}", about or "")
        if any(re.search(rf"\b{word.rstrip('s')}", f"{self.question} {text}", re.IGNORECASE) for word in words):
            return f"it may stand for {about}"
        return ""


@dataclass(slots=True)
class _Step:
    """One step being put right. Values by the place of their number in the text."""

    flow: Flow
    index: int
    text: str
    edits: dict[int, Edit] = field(default_factory=dict)  # by the start of their number
    left: list[Left] = field(default_factory=list)
    new: dict[int, Fraction] = field(default_factory=dict)  # start of a number → its exact value from now on

    def run(self) -> None:
        found = chains(self.text)
        order = sorted(
            (self._start(side), number, place)
            for number, chain in enumerate(found)
            for place, side in enumerate(chain.sides)
        )
        inside = {token.start for chain in found for side in chain.sides for token in numbers_of(self.text, side)}
        loose = [token for token in all_numbers(self.text) if token.start not in inside]
        for start, number, place in order:
            while loose and loose[0].start < start:
                self._carry(loose.pop(0))
            chain = found[number]
            self._side(chain, place)
            if place == len(chain.sides) - 1:
                self.flow._learn(chain, self.new)
        for token in loose:
            self._carry(token)

    def _start(self, side: Side) -> int:
        """Where its first number stands: a calculator mark may come between "$" and that."""
        return next((token.start for token in numbers_of(self.text, side)), side.start)

    def _side(self, chain: Chain, place: int) -> None:
        """One side: its numbers carried over, or, where it is a result, computed again."""
        side = chain.sides[place]
        before = next((one for one in reversed(chain.sides[:place]) if self._old(one) is not None), None)
        if (
            place
            and side.program.is_bare
            and before is not None
            and not (before.program.is_bare and before.label == "")
        ):
            self._result(before, side)
            return
        twins = aligned(self.text, before, side) if before is not None else {}
        for token in numbers_of(self.text, side):
            if token.start in twins:
                self._copy(token, twins[token.start])
            else:
                self._carry(token)
        if place == 1 and len(chain.sides) == 2 and chain.sides[0].program.is_bare and not side.program.is_bare:
            self._result(side, chain.sides[0])  # "15 coins = 7 + 8": the result stands first

    def _old(self, side: Side) -> Fraction | None:
        return side.value(self.flow._old)

    def _copy(self, token: Token, item: "str | int") -> None:
        """A number that stands for a name, or for a number, of the side before it."""
        if isinstance(item, int):
            value, why = self.new.get(item), "as before it"
            if value is None:
                value = next(one.value for one in all_numbers(self.text) if one.start == item)
        else:
            named, why = self.flow._new.get(item), f"{item} is {{}}"
            if named is None:
                self._carry(token)
                return
            value = named
        if value != token.value and not rounds(value, token):
            self._write(token, value, why.format(written(value)))

    def _carry(self, token: Token) -> None:
        """A number that nothing computes: another one if it is derived from a wrong result."""
        made = self.flow._changed.get(token.value)
        if not made:
            return
        source = self.flow._source(token.value, self.text)
        is_answer = self._is_answer(token) and self.flow._last is not None and self.flow._last[0] == token.value
        if is_answer and self.flow._last is not None:
            if self.flow._last[1] != token.value:
                self._write(token, self.flow._last[1], "the last result, said again")
        elif source or len({one.value for one in made}) > 1:
            why = source or "two wrong results had this value"
            self.left.append(Left(self.index, token.start, token.end, token.text, why))
        else:
            self._write(token, made[-1].value, f"step {made[-1].step + 1} makes {written(made[-1].value)}")

    def _is_answer(self, token: Token) -> bool:
        """Is this the number that states the final answer?"""
        numbers = all_numbers(self.text)
        return bool(numbers) and numbers[-1].start == token.start and (is_summary(self.text) or _states(self.text))

    def _result(self, left: Side, side: Side) -> None:
        """A number that `left` computes."""
        tokens = numbers_of(self.text, side)
        old, computed, said = self._old(left), value_of(left, self.flow._new, self.new), side.value(self.flow._old)
        if old is None or computed is None or said is None or len(tokens) != 1 or (left.label and old != said):
            for token in tokens:  # a name that gets a new value is carried on, too
                self._carry(token)
            return
        token, was_equal = tokens[0], is_equal(left, side, self.flow._old)
        value: Fraction | None = said
        if not was_equal and not is_passed_over(left, side, self.flow._old):
            value = computed
        elif computed != old:
            value = as_before(old, said, computed, was_equal)
        if value is None:
            why = f"it is no plain result of {left.text.strip()}, which changed"
            self.left.append(Left(self.index, token.start, token.end, token.text, why))
            return
        self.flow._last = (token.value, token.value if value == said else on_paper(side, token, value))
        if value == said:
            self.flow._stated.add(token.value)
            return
        why = f"{in_figures(self.text, left, self.new)} is {written(computed)}"
        expression = python_of(left, self.flow._new, self.new)
        if self._write(token, self.flow._last[1], why, (expression, computed)):
            self.flow._changed.setdefault(token.value, []).append(_Made(self.flow._last[1], self.index))

    def _write(
        self, token: Token, value: Fraction, why: str, computed: tuple[str, Fraction | None] = ("", None)
    ) -> bool:
        after = number_text(value, token)
        if after is None or (value < 0 and self.text[: token.start].rstrip().endswith(("-", "−"))):
            self.left.append(
                Left(self.index, token.start, token.end, token.text, f"{written(value)} cannot stand here")
            )
            return False
        self.new[token.start] = value
        if after != token.text:
            self.edits[token.start] = Edit(self.index, token.start, token.end, token.text, after, why, *computed)
        return True


def _states(text: str) -> bool:
    return bool(re.search(r"####|\\boxed|^\s*A:|\banswer\b", text, re.IGNORECASE | re.MULTILINE))


def replaced(text: str, edits: list[Edit]) -> str:
    """`text` with its numbers put right."""
    parts, place = [], 0
    for edit in sorted(edits, key=lambda edit: edit.start):
        parts += [text[place : edit.start], edit.after]
        place = edit.end
    return "".join([*parts, text[place:]])
