"""Fields of a foreign row, read with their kind checked, and the records made from them.

    text(row, "question")             "Ana has 3 coins. …"     or BadInput("no text in “question”")
    index(2, num_steps=4)             2                        or BadInput("label out of range: …")

A message's part before the colon is its kind; the counts of dropped rows are kept by it.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from reasoner.checks.answers import extract_answer, judge
from reasoner.errors import BadInput
from reasoner.formats import FORMATS, Format, Reading
from reasoner.records import Label, LabelKind, Maker, Problem, Trace, Verdict, content_id, make_trace
from reasoner.steps import split_steps, tag_steps
from reasoner.store import Row

__all__ = ["Row"]

Fields = dict[str, Any]


def text(row: Fields, key: str) -> str:
    """A text that must be there and not be blank."""
    value = row.get(key)
    if not isinstance(value, str):
        raise BadInput(f"no text in “{key}”" if value is None else f"wrong kind of value: “{key}” is no text")
    if not value.strip():
        raise BadInput("empty problem" if key in ("question", "problem", "input") else f"empty text: “{key}”")
    return value


def answer(row: Fields, key: str) -> str | None:
    """A text or a number that may be missing."""
    value = row.get(key)
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadInput(f"wrong kind of value: “{key}” is neither text nor a number")
    return str(int(value)) if value == int(value) else repr(value)


def optional(row: Fields, key: str) -> str:
    """A text that may be missing; then it is empty."""
    value = row.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadInput(f"wrong kind of value: “{key}” is no text")
    return value


def seconds(row: Fields, key: str) -> float:
    """A number of seconds, 0 where it is missing."""
    value = row.get(key)
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadInput(f"wrong kind of value: “{key}” is no number")
    return float(value)


def steps(value: Any) -> list[str]:
    """Step texts as given: a list of texts, or of lists that hold one text each (MR-MATH writes them so)."""
    if not isinstance(value, list) or not value:
        raise BadInput("no steps: a list of texts is needed")
    texts = [item[0] if isinstance(item, list) and len(item) == 1 else item for item in value]
    if not all(isinstance(item, str) for item in texts):
        raise BadInput("wrong kind of value: a step is no text")
    return texts


def index(value: Any, num_steps: int) -> int:
    """A 0-based step number that must be in range."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadInput(f"label is no step number: {str(value)[:40]}")
    if not 0 <= value < num_steps:
        raise BadInput(f"label out of range: step {value} (counted from 0) of {num_steps}")
    return value


def source(name: str, stem: str) -> str:
    """The source of a file's problems: the format and the file's own name, the format not said twice.

    ("gsm8k", "train") → "gsm8k/train"; ("prm800k", "prm800k-phase1") → "prm800k/phase1"; ("gsm8k", "gsm8k") → "gsm8k"
    """
    own = stem[len(name) :].strip("-_ ") if stem.lower().startswith(name) else stem
    return f"{name}/{own}" if own else name


def timestamp(value: Any) -> float:
    """Seconds since 1970 of an ISO date (UTC where it names no zone) or a number; now where there is none."""
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    try:
        when = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return time.time()
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def trace(
    problem: Problem,
    maker: Maker,
    *,
    texts: Sequence[str] = (),
    text: str = "",
    found: str | None = None,
    verdict: Verdict | None = None,
    prompt: str = "",
    format: str = "cot",
    created: float | None = None,
    outcomes: Sequence[str] = (),
) -> Trace:
    """An imported solution: given steps (`texts`) kept as they are, or `text` split; its answer extracted and judged.

    A solution in a format that runs is run, unless the file says what its steps gave (`outcomes`).
    `found` and `verdict` are what the file itself says; they win.
    """
    whole = text or "\n".join(texts)
    reading = _reading(FORMATS[format], whole, texts, outcomes)
    if verdict is None:
        found = reading.answer if found is None else found
        why_none = Verdict("unjudged", None, f"no answer: {reading.error}")
        verdict = why_none if found is None and reading.error else judge(problem.answer, found)
    return make_trace(
        problem,
        prompt=prompt,
        text=whole,
        steps=reading.steps,
        answer=found,
        verdict=verdict,
        maker=maker,
        format=format,
        created=created,
    )


def _reading(format: Format, whole: str, texts: Sequence[str], outcomes: Sequence[str]) -> Reading:
    """What an imported solution says: its steps are `texts` where these are given."""
    if not format.runs:
        return Reading(tag_steps(texts) if texts else split_steps(whole), extract_answer(whole))
    steps = format.parse(whole)
    is_known = bool(outcomes) and len(outcomes) == len(texts)
    reading = Reading(steps, None) if is_known else format.reading(whole)
    if texts and [step.text for step in steps] != list(texts):
        reading = replace(reading, steps=tag_steps(texts))
    if is_known:
        told = zip(reading.steps, outcomes, strict=True)
        reading = replace(reading, steps=tuple(replace(step, outcome=outcome) for step, outcome in told))
    return reading


def unfinished_trace(problem: Problem, maker: Maker, texts: Sequence[str]) -> Trace:
    """An imported solution that stops before its end: what numbers it holds are no answer."""
    verdict = Verdict("unjudged", None, "the solution stops before its end")
    return trace(problem, maker, texts=texts, verdict=verdict)


def label(
    of: Trace,
    annotator: str,
    kind: LabelKind,
    step: int | None = None,
    created: float | None = None,
    **rest: Any,
) -> Label:
    """An imported judgement. Its id follows from its content, so that importing it twice adds nothing."""
    made = Label.of(of, kind=kind, step=step, annotator=annotator, **rest)
    identity = content_id("label", of.id, annotator, kind, str(step), made.error_class, made.correction, made.note)
    return replace(made, id=identity, created=made.created if created is None else created)


def first_wrong(of: Trace, annotator: str, step: int | None, **rest: Any) -> Label:
    """The label that a first wrong step (None: all right) means."""
    return label(of, annotator, "all_right" if step is None else "first_wrong", step, **rest)


def step_texts(of: Trace) -> list[str]:
    return [step.text for step in of.steps]
