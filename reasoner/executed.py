"""Solutions with code, run again: does the code run, and does it print what is recorded?

    first_failure(trace)    Failure(step=1, reason="NameError: …"): the first step that fails, or whose output differs
    outputs_again(store)    {"agree": 99, "outputs": 100, "disagree": [{"trace": "3f…", "step": 2, "reason": "…"}]}

For the detector `python`: a program's first wrong step is the first that fails; in words and code it is the first
block whose recorded output is not what it gives, or that fails. Code that fails as is recorded agrees, and is still a
failure.

Not covered: code that runs and computes the wrong thing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reasoner.formats import FORMATS
from reasoner.formats.text_code import DIFFERS
from reasoner.quantities import is_failure
from reasoner.records import Step, Trace
from reasoner.store import Store

AT_ONCE = 200  # problems read from the store together


@dataclass(frozen=True, slots=True)
class Failure:
    """A step of code that fails, or that does not give what is recorded."""

    step: int  # 0-based; of code, never of its output
    reason: str  # for a person


def has_code(trace: Trace) -> bool:
    """Is there anything in it that Python runs?"""
    return any(step.kind == "code" for step in trace.steps)


def first_failure(trace: Trace) -> Failure | None:
    """The first step of code that fails or gives another output than recorded; None where there is none."""
    return next(failures(run_again(trace)), None)


def run_again(trace: Trace) -> tuple[Step, ...]:
    """The trace's steps with what they give now; as they are where the text cannot be told apart into them again."""
    format = FORMATS.get(trace.format)
    if format is None or not format.runs:
        return trace.steps
    steps = format.reading(trace.text).steps
    return steps if [step.text for step in steps] == [step.text for step in trace.steps] else trace.steps


def failures(steps: tuple[Step, ...]) -> Iterator[Failure]:
    """What is wrong with the code of these steps, in their order."""
    for index, step in enumerate(steps):
        if step.kind == "code" and is_failure(step.outcome):
            yield Failure(index, step.outcome)
        elif differs(step) and index:
            yield Failure(index - 1, f"the output says {_short(step.text)}, which is {step.outcome}")


def differs(step: Step) -> bool:
    """Is it an output that the code does not give?"""
    return step.kind == "output" and step.outcome.startswith(DIFFERS)


def outputs_again(store: Store) -> dict[str, Any]:
    """How many recorded outputs of all solutions in the store come out again, and which do not, with the reason."""
    total, disagree = 0, []
    for trace in _traces(store):
        if trace.format != "text_code":
            continue
        for index, step in enumerate(run_again(trace)):
            total += step.kind == "output"
            if differs(step):
                reason = f"the output says {_short(step.text)}, which is {step.outcome}"
                disagree.append({"trace": trace.id, "step": index, "reason": reason})
    return {"agree": total - len(disagree), "outputs": total, "disagree": disagree}


def _traces(store: Store) -> Iterator[Trace]:
    start = 0
    while rows := store.find_problems(limit=AT_ONCE, offset=start):
        for row in rows:
            yield from store.traces(row.problem.id)
        start += len(rows)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 100 else line[:99] + "…"
