"""Is every equation in a step true? No model, no eval: exact fractions, and tolerance for rounding.

    check_arithmetic(["Ben has 3 + 2 = 6 coins.", "Ana's coins = 6 * 2 = 12"])
        [Finding(0, "arithmetic", "wrong", "3 + 2 = 6 coins is wrong: it should be 5", "3 + 2 = 6 coins", "5"),
         Finding(1, "arithmetic", "right", "6 * 2 = 12 is right", "6 * 2 = 12")]

Neighbouring sides of a chain are compared: "41 + 26 = 76" in "Ben's coins = Ana's coins + 26 = 41 + 26 = 76". A
quantity that an earlier step has given a value ("A = 3 * 4 = 12") is held against it later ("A + B = 12 + 5"), so
that a number copied wrongly is found; so is one in "Ben's coins = Ana's coins * 5 = 41 * 4", whatever Ana has. What
sides pass for equal, and which are not compared, is in sides.py.

A calculator mark (GSM8K's <<3+2=5>>) and the text that repeats it are one equation, judged once.

Not covered: see reasoner.equations; whether the equation is the one that the question calls for.
"""

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction

from reasoner.checks.sides import is_equal, is_passed_over, is_same_result, lost_number, written
from reasoner.equations import Chain, chains
from reasoner.equations.runs import Side
from reasoner.records import Finding

_Known = dict[str, Fraction]
_MARK = re.compile(r"<<[^<>]*>>")


def check_arithmetic(step_texts: Sequence[str]) -> list[Finding]:
    """One finding for each pair of neighbouring sides that can be compared, in the order of the text."""
    known: _Known = {}
    findings: list[Finding] = []
    for step, text in enumerate(step_texts):
        findings += _check_step(step, text, known)
    return findings


def _check_step(step: int, text: str, known: _Known) -> list[Finding]:
    """The findings of one step; `known` learns what the step says of named quantities."""
    found = chains(text)
    marks = {chain.sides[0].start - len("<<"): chain for chain in found if chain.is_mark}
    placed: dict[int, Finding] = {}
    for chain in found:
        for left, right in _pairs(chain, known):
            finding = _compare(step, text, left, right, known)
            mark = None if chain.is_mark else marks.get(text.find("<<", left.end, right.end))
            if mark is not None and is_same_result(mark.sides[-1], right):
                _merge(placed, mark.sides[0].start, finding)
            elif finding is not None:
                placed[left.start] = finding
        for left, right in zip(chain.sides[1:], chain.sides[2:], strict=False):
            lost = lost_number(left, right) if chain.sides[0].label and left.value(known) is None else None
            if lost is not None:
                placed[left.start] = _lost(step, text, left, right, written(lost))
        _learn(chain, known)
    return [placed[place] for place in sorted(placed)]


def _lost(step: int, text: str, left: Side, right: Side, lost: str) -> Finding:
    shown = _shortened(f"{left.text} = {right.text}")
    message = f"{shown} is wrong: the {lost} became another number"
    return Finding(step, "arithmetic", "wrong", message, text[left.start : right.end], lost)


def _merge(placed: dict[int, Finding], place: int, finding: Finding | None) -> None:
    """Text and mark are one equation: the mark was computed, the text is read. The text is quoted where both agree."""
    marked = placed.get(place)
    if finding is not None and (marked is None or finding.status == marked.status):
        placed[place] = finding


def _pairs(chain: Chain, known: _Known) -> Iterator[tuple[Side, Side]]:
    """Neighbouring sides whose values are known; one that has none is passed over."""
    first = chain.sides[0]
    is_named = len(first.label) > 1  # a second "Total = 9" gives the name a new value; "A" has one for good
    is_loose = first.program.is_share and bool(first.has_lead or first.unit)  # "5 dozen = 5 * 12", "Day 1 = 5 + 2"
    before: Side | None = None
    for side in chain.sides[1:] if is_named or is_loose else chain.sides:
        if side.value(known) is None:
            continue
        is_contradiction = (
            before is first and first.program.is_bare and side.program.is_bare
        )  # "so 0 = 12: no solution"
        if before is not None and not is_contradiction:
            yield before, side
        before = side


def _compare(step: int, text: str, left: Side, right: Side, known: _Known) -> Finding | None:
    found = text[left.start : right.end]
    shown = _shortened(_MARK.sub("", f"{left.text} = {right.text}"))
    if is_equal(left, right, known):
        return Finding(step, "arithmetic", "right", f"{shown} is right", found)
    if is_passed_over(left, right, known):
        return None
    should_be = right if left.program.is_bare and not right.program.is_bare else left
    value = should_be.value(known)
    assert value is not None
    names = dict.fromkeys(should_be.program.names)
    because = ", ".join(f"{_as_written(name, should_be.text)} is {written(known[name])}" for name in names)
    message = f"{shown} is wrong: it should be {written(value)}" + (f", as {because}" if because else "")
    return Finding(step, "arithmetic", "wrong", message, found, written(value))


def _as_written(name: str, text: str) -> str:
    start = text.lower().replace("’", "'").find(name.lower())
    return text[start : start + len(name)] if start >= 0 else name


def _shortened(text: str) -> str:
    return text if len(text) <= 160 else f"{text[:78]} … {text[-78:]}"


def _learn(chain: Chain, known: _Known) -> None:
    """Keep what the chain says that its name is worth: its last value.

    Not of x or \\lambda, which take several values on the way: such equations are to be solved, not to be checked.
    """
    label = chain.sides[0].label
    if label and (len(label) > 1 or label.isupper()) and not re.search(r"[\\_]", label):
        value = chain.sides[-1].value(known)
        if value is None:
            known.pop(label, None)
        else:
            known[label] = value
