"""A calculation error in a solution put right by computing it, and the rest of the solution as it would have gone.

    found = repair(trace, problem)
    found.trace.steps[1].text      "Cal's coins = 67 * 3 = 201"      (was "… = 76 * 3 = 228")
    found.changes[1].why           "step 1 makes 67"
    found.words                    "76 should be 67 (step 1): 41 + 26 is 67. 3 more numbers follow from it. …"

From the first wrong equation on (or from the step that is asked for), every result is computed again, and every number
that is derived from a wrong result becomes what it should have been (repair_flow.py says how, and what is left as it
cannot be known). Each computation is run by the interpreter besides (checks/python.py); where the two differ, nothing
is repaired. The gold answer is not looked at, but a solution whose answer is right is never touched.

The repaired trace is a new one: its maker's engine is "repair", its model the one that wrote the solution.

Not covered: formats that are executed, where an interpreter has computed all along; errors of understanding.
"""

from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import Any

from reasoner.checks import check_trace
from reasoner.checks.answers import judge
from reasoner.checks.python import run_snippets
from reasoner.checks.sides import written
from reasoner.errors import BadInput, WorkbenchError
from reasoner.formats import FORMATS
from reasoner.records import Maker, Problem, Step, Trace, make_trace
from reasoner.review.agreement import REPAIR
from reasoner.review.repair_flow import Edit, Flow, Left

ENGINE = REPAIR  # in the maker: such a trace has no vote of its own


@dataclass(frozen=True, slots=True)
class Change:
    """One number that became another, with its place before and after."""

    step: int  # 0-based
    start: int  # place in the step's text as it was
    end: int
    new_start: int  # place in the step's text as it is now
    new_end: int
    before: str
    after: str
    why: str
    expression: str  # what the interpreter computed for it; empty where a value was carried over


@dataclass(frozen=True, slots=True)
class Repaired:
    """What became of one solution."""

    of: str  # id of the trace that was repaired
    trace: Trace | None  # the solution as it would have gone; None where there was nothing to repair
    changes: tuple[Change, ...] = ()
    left: tuple[Left, ...] = ()  # numbers that may have to change too
    words: str = ""


def repair(trace: Trace, problem: Problem, step: int | None = None) -> Repaired:
    """Repair `trace` from its first calculation error on, or from `step` (0-based).

    Raises BadInput when there is no such step. A trace of `None` in the result, with words, says that there was nothing
    to repair, or that it could not be done.
    """
    if step is not None and not 0 <= step < len(trace.steps):
        raise BadInput(f"The solution's steps are numbered 0 to {len(trace.steps) - 1}; there is no step {step}.")
    if trace.verdict.status == "right":
        return Repaired(trace.id, None, words="The answer is right: nothing is changed.")
    writing = FORMATS.get(trace.format)
    if writing is None or writing.runs:
        return Repaired(trace.id, None, words="This format is executed: there is no calculation of the writer's own.")
    first = _first_error(trace, step)
    if first is None:
        where = "No equation of it" if step is None else f"No equation of step {step + 1}"
        return Repaired(trace.id, None, words=f"{where} is wrong: there is nothing to compute again.")
    flow = Flow(problem.question)
    texts = []
    for index, one in enumerate(trace.steps):
        if index < first:
            flow.read(one.text)
        texts.append(one.text if index < first else flow.step(index, one.text))
    if not flow.edits:
        return Repaired(trace.id, None, (), tuple(flow.left), "The equation cannot be put right by computing it again.")
    disagreement = _interpreter_disagrees(flow.edits)
    if disagreement:
        return Repaired(trace.id, None, (), tuple(flow.left), disagreement)
    repaired = _new_trace(trace, problem, texts)
    return Repaired(trace.id, repaired, _changes(flow.edits), tuple(flow.left), _in_words(trace, repaired, flow))


def _first_error(trace: Trace, step: int | None) -> int | None:
    """The step with the first wrong equation, or `step` if it has one."""
    wrong = [found.step for found in check_trace(trace) if found.check == "arithmetic" and found.status == "wrong"]
    return min(wrong, default=None) if step is None else (step if step in wrong else None)


def _interpreter_disagrees(edits: list[Edit]) -> str:
    """Why the interpreter and exact arithmetic differ on some result; empty where they agree on all."""
    computed = [(edit.expression, edit.computed) for edit in edits if edit.expression and edit.computed is not None]
    try:
        snippets = run_snippets([expression for expression, _ in computed])
    except WorkbenchError as error:
        return f"The interpreter cannot be asked, so nothing is changed: {error}"
    for (expression, value), snippet in zip(computed, snippets, strict=True):
        if snippet.error or not _is_close(snippet.value, value):
            said = snippet.error or snippet.value
            return f"The interpreter computes {said} for {expression}, not {written(value)}: nothing is changed."
    return ""


def _is_close(one: str, other: Fraction) -> bool:
    """The same but for what a float cannot hold?"""
    try:
        return abs(Fraction(one) - other) <= abs(other) / 10**9
    except (ValueError, ZeroDivisionError):
        return False


def _new_trace(trace: Trace, problem: Problem, texts: list[str]) -> Trace:
    steps: list[Step] = [replace(step, text=text) for step, text in zip(trace.steps, texts, strict=True)]
    whole = _whole_text(trace, texts)
    writing = FORMATS[trace.format]
    answer = writing.answer(whole)
    return make_trace(
        problem,
        prompt=trace.prompt,
        text=whole,
        steps=steps,
        answer=answer,
        verdict=judge(problem.answer, answer),
        maker=Maker(ENGINE, trace.maker.model, trace.maker.adapter),
        format=trace.format,
    )


def _whole_text(trace: Trace, texts: list[str]) -> str:
    """The trace's text with its steps' texts exchanged, all between them as it was."""
    parts, place = [], 0
    for step, text in zip(trace.steps, texts, strict=True):
        start = trace.text.find(step.text, place)
        if start < 0:
            return "\n".join(texts)
        parts += [trace.text[place:start], text]
        place = start + len(step.text)
    return "".join([*parts, trace.text[place:]])


def _changes(edits: list[Edit]) -> tuple[Change, ...]:
    """The edits with their places in the new text, in order."""
    found: list[Change] = []
    shift, step = 0, -1
    for edit in edits:
        shift = 0 if edit.step != step else shift
        step = edit.step
        start = edit.start + shift
        shift += len(edit.after) - (edit.end - edit.start)
        found.append(
            Change(
                edit.step,
                edit.start,
                edit.end,
                start,
                start + len(edit.after),
                edit.before,
                edit.after,
                edit.why,
                edit.expression,
            )
        )
    return tuple(found)


def _in_words(trace: Trace, repaired: Trace, flow: Flow) -> str:
    first, *rest = flow.edits
    words = [f"{first.before} should be {first.after} (step {first.step + 1}): {first.why}."]
    if rest:
        words.append(f"{len(rest)} more {'number follows' if len(rest) == 1 else 'numbers follow'} from there.")
    if flow.left:
        words.append(f"{len(flow.left)} left as they are, since nobody can tell where they come from.")
    before, after = trace.answer or "none", repaired.answer or "none"
    if before == after:
        words.append(f"The answer stays {after}.")
    else:
        words.append(f"The answer was {before} and becomes {after}: {repaired.verdict.status}.")
    return " ".join(words)


def repair_panel(trace: Trace, problem: Problem, step: int | None = None) -> dict[str, Any]:
    """What a page draws of a repair, JSON-ready. Nothing is stored.

    {"of": trace id, "words", "trace_id": id of the repaired trace or null, "answer", "verdict": "right" …,
     "steps": [{"before": text, "after": text, "changes": [{"start", "end", "new_start", "new_end", "before", "after",
                "why", "expression"}], "left": [{"start", "end", "text", "why"}]}]}

    Texts are as models wrote them: escape them. `start` and `end` are places in "before", `new_start` in "after".
    """
    found = repair(trace, problem, step)
    texts = [one.text for one in (found.trace or trace).steps]
    return {
        "of": trace.id,
        "words": found.words,
        "trace_id": found.trace.id if found.trace else None,
        "answer": found.trace.answer if found.trace else trace.answer,
        "verdict": (found.trace or trace).verdict.status,
        "steps": [
            {
                "before": one.text,
                "after": texts[index],
                "changes": [_without_step(change) for change in found.changes if change.step == index],
                "left": [_without_step(left) for left in found.left if left.step == index],
            }
            for index, one in enumerate(trace.steps)
        ],
    }


def _without_step(item: Change | Left) -> dict[str, Any]:
    return {key: value for key, value in asdict(item).items() if key != "step"}
