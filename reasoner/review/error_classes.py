"""Which class is an error of? Proposed from the checks alone: calculation, misunderstanding, step missing, or none.

    found = propose(trace, problem)
    found.error_class     "calculation"
    found.step            1, 0-based; None where only the whole solution shows it
    found.reasons         ("41 + 26 = 76 is wrong: it should be 67",)

The classes are KPDD's (arXiv 2407.10167), which publishes no way to tell them apart; the signs are ours:

    misunderstanding   a step contradicts a sentence of the question (misreadings.py), or a number is copied wrongly or
                       comes from nowhere
    calculation        an equation does not hold, or the answer is not the result that was found
    step missing       a plan without what is needed; information that no step used, in a solution with a wrong answer
    ""                 could not tell: no sign was found

A step that contradicts the question *and* calculates wrongly is a misunderstanding: computed rightly it would still be
wrong. A proposal is never stored: it follows from the trace and the problem. What a person says of it is in their label
(Label.error_class), beside which the proposal is shown.

Not covered: questions in other words than readings.py knows; there most misunderstandings end as "could not tell".
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from reasoner.actions import is_summary
from reasoner.checks import check_trace
from reasoner.checks.answers import equal_answers
from reasoner.checks.information import check_information, unused
from reasoner.equations import chains
from reasoner.records import KeyPoints, Problem, Trace
from reasoner.review.misreadings import misreadings

COULD_NOT_TELL = "could not tell"
CLASSES = ("calculation", "misunderstanding", "step missing", COULD_NOT_TELL)
"""What is counted in reports, in this order."""


@dataclass(frozen=True, slots=True)
class Sign:
    """One sign of an error in one step."""

    step: int  # 0-based
    error_class: str
    words: str
    is_weak: bool = False  # a sign and no more: counts where no other one is in its step


@dataclass(frozen=True, slots=True)
class Proposal:
    """The class that a machine proposes for the first wrong step of one trace."""

    error_class: str  # one of records.ERROR_CLASSES, or "" for "could not tell"
    step: int | None  # 0-based: the step that was asked about, else the first one with a sign
    reasons: tuple[str, ...]  # for a person

    @property
    def words(self) -> str:
        """ "calculation: 41 + 26 = 76 is wrong: it should be 67"."""
        return f"{self.error_class or COULD_NOT_TELL}: {'; '.join(self.reasons)}"


def propose(trace: Trace, problem: Problem, step: int | None = None, key_points: KeyPoints | None = None) -> Proposal:
    """The class of the error at `step` (0-based), else of the first step with a sign of one."""
    found = sorted(signs(trace, problem), key=lambda sign: (sign.step, sign.is_weak))
    if step is None:
        step = next((sign.step for sign in found if not sign.is_weak), None)
        step = next((sign.step for sign in found), None) if step is None else step
    here = [sign for sign in found if sign.step == step]
    here = [sign for sign in here if not sign.is_weak] or here
    for error_class in ("misunderstanding", "step missing", "calculation"):
        reasons = tuple(dict.fromkeys(sign.words for sign in here if sign.error_class == error_class))
        if reasons:
            return Proposal(error_class, step, reasons)
    if trace.verdict.status == "wrong":
        left_out = unused(trace, problem, key_points)
        if left_out:
            return Proposal(
                "step missing", step, (f"no step uses {'; '.join(f'“{one.text}”' for one in left_out[:3])}",)
            )
    return Proposal("", step, ("no check finds a sign of what went wrong",))


def signs(trace: Trace, problem: Problem) -> Iterator[Sign]:
    """Every sign of an error in a trace's steps."""
    texts = tuple(step.text for step in trace.steps)
    for found in misreadings(problem.question, texts):
        yield Sign(found.step, found.error_class, found.words)
    for finding in check_trace(trace):
        if finding.check == "arithmetic" and finding.status == "wrong":
            is_copied = re.search(r"\d\s*[-+*/×÷x^]\s*[\d$(]", finding.found.rpartition("=")[2]) is not None
            yield Sign(finding.step, "misunderstanding" if is_copied else "calculation", finding.message)
    for finding in check_information(problem.question, trace.steps):
        if is_summary(texts[finding.step]):
            continue  # an answer out of nowhere says nothing of how it came about
        yield Sign(finding.step, "misunderstanding", finding.message, is_weak=True)
    yield from _answer_sign(trace)


def _answer_sign(trace: Trace) -> Iterator[Sign]:
    """The answer said is not the result that the last equation found."""
    results = [chain.sides[-1].value({}) for step in trace.steps[:-1] for chain in chains(step.text)]
    last = next((value for value in reversed(results) if value is not None), None)
    if last is None or trace.answer is None or len(trace.steps) < 2 or not is_summary(trace.steps[-1].text):
        return
    meant = (last, 100 * last, -last, Fraction(round(last)))  # "12/20 x 100% = 60%"; a sign; rounded
    if all(equal_answers(str(value), trace.answer) is False for value in meant):
        words = f"the answer said, {trace.answer}, is not the last result"
        yield Sign(len(trace.steps) - 1, "calculation", words, is_weak=True)


def count_classes(rows: Iterable[tuple[Trace, Problem]]) -> dict[str, int]:
    """How many wrong ones of some traces are proposed for each of CLASSES."""
    found = Counter(
        propose(trace, problem).error_class or COULD_NOT_TELL
        for trace, problem in rows
        if trace.verdict.status == "wrong"
    )
    return {name: found[name] for name in CLASSES}


def proposal_json(trace: Trace, problem: Problem, step: int | None = None) -> dict[str, Any]:
    """What a page draws of a proposal: {"error_class": one of ERROR_CLASSES or "", "step", "reasons", "words"}.

    `step`: the step that the person has flagged; None lets the machine choose. Nothing is stored.
    """
    found = propose(trace, problem, step)
    return {
        "error_class": found.error_class,
        "step": found.step,
        "reasons": list(found.reasons),
        "words": found.words,
    }
