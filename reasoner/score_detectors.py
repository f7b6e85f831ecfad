"""Detectors of first wrong steps that need no model: one function each.

    DETECTORS["arithmetic"](trace, problem, False)      2: step 2 holds the first equation that is wrong

A detector is a function (trace, problem, with_answer) → 0-based first wrong step | None | Unjudged.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reasoner.checks import check_trace
from reasoner.checks.answers import judge
from reasoner.checks.information import check_information
from reasoner.errors import BadInput
from reasoner.executed import first_failure, has_code, outputs_again
from reasoner.records import Problem, Trace
from reasoner.store import Store


@dataclass(frozen=True, slots=True)
class Unjudged:
    """A detector's word that it cannot tell."""

    reason: str


Detection = int | Unjudged | None
Detector = Callable[[Trace, Problem, bool], Detection]


def arithmetic(trace: Trace, problem: Problem, with_answer: bool) -> Detection:
    """The first step with an equation that does not hold."""
    wrong = (found.step for found in check_trace(trace) if found.check == "arithmetic" and found.status == "wrong")
    return min(wrong, default=None)


def grammar(trace: Trace, problem: Problem, with_answer: bool) -> Detection:
    """The first step whose action may not stand there."""
    wrong = (found.step for found in check_trace(trace) if found.check == "grammar" and found.status == "wrong")
    return min(wrong, default=None)


def information(trace: Trace, problem: Problem, with_answer: bool) -> Detection:
    """The first step with a number that comes from nowhere: a sign of misunderstanding, not a proof."""
    found = check_information(problem.question, trace.steps)
    return min((finding.step for finding in found), default=None)


def python(trace: Trace, problem: Problem, with_answer: bool) -> Detection:
    """The first step of code that fails when it is run again, or whose recorded output is another."""
    if not has_code(trace):
        return Unjudged("there is no code in it")
    failure = first_failure(trace)
    return failure.step if failure else None


def middle(trace: Trace, problem: Problem, with_answer: bool) -> Detection:
    """The middle step of every trace, which a detector must beat. With the answer: only where the answer is wrong."""
    return answer(trace, problem, True) if with_answer else (len(trace.steps) - 1) // 2


def answer(trace: Trace, problem: Problem, with_answer: bool) -> Detection:
    """The middle step where the final answer is wrong, none where it is right."""
    if not with_answer:
        raise BadInput('the detector "answer" looks at the gold answer: say so with --with-answer')
    verdict = judge(problem.answer, trace.answer)
    if verdict.status == "unjudged":
        return Unjudged(verdict.reason)
    return (len(trace.steps) - 1) // 2 if verdict.status == "wrong" else None


def arithmetic_and_answer(trace: Trace, problem: Problem, with_answer: bool) -> Detection:
    """The first step whose arithmetic is wrong, else what the answer says."""
    found = arithmetic(trace, problem, with_answer)
    by_answer = answer(trace, problem, with_answer)
    return found if found is not None else by_answer


DETECTORS: dict[str, Detector] = {
    "arithmetic": arithmetic,
    "grammar": grammar,
    "information": information,
    "python": python,
    "answer": answer,
    "arithmetic+answer": arithmetic_and_answer,
    "baseline-middle": middle,
}
MEASURES: dict[str, Callable[[Store], dict[str, Any]]] = {"python": outputs_again}
"""What else a detector can say of all solutions in the store, labelled or not."""
LOOKS_AT_ANSWER = ("answer", "arithmetic+answer", "baseline-middle")
