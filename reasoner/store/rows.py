"""Rows of the store ⇄ records, and what a record must fulfil to be let in.

Not covered: whether a trace's or label's problem exists; the store looks that up itself.
"""

import json
import math
import sqlite3
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from reasoner.errors import BadInput
from reasoner.records import ERROR_CLASSES, LABEL_KINDS, Label, Maker, Pit, Probe, Problem, Step, Trace, Verdict

# Ours: far beyond any problem of the known data sets (the longest GSM8K question has 985 characters), and small
# enough that every list, graph and check stays quick.
MAX_QUESTION = 20_000  # characters
MAX_TRACE = 200_000  # characters of text, and of all steps together
MAX_STEPS = 1_000
MAX_SHORT_TEXT = 10_000  # characters of a note, a correction or an answer
END_OF_TIME = 253_402_300_800  # the year 10000, which no calendar here can write
MAX_NAME = 80  # characters of an annotator's name


def check_problem(problem: Problem) -> None:
    """Raise BadInput unless the problem may be kept."""
    check_text("question", problem.question, MAX_QUESTION)
    if not problem.question.strip():
        raise BadInput("The problem is empty. Type or give a question.")
    check_text("answer", problem.answer or "", MAX_SHORT_TEXT)
    check_text("source", problem.source, MAX_SHORT_TEXT)
    check_text("level", problem.level, MAX_SHORT_TEXT)
    check_text("solution", problem.solution, MAX_TRACE)
    check_text("spec", problem.spec, MAX_TRACE)


def check_trace_size(trace: Trace) -> None:
    """Raise BadInput unless the trace may be kept."""
    if len(trace.steps) > MAX_STEPS:
        raise BadInput(f"The solution has {len(trace.steps):,} steps; at most {MAX_STEPS:,} are taken.")
    check_text("solution", "\n".join(step.text for step in trace.steps), MAX_TRACE)
    check_text("text", trace.text, MAX_TRACE)
    check_text("prompt", trace.prompt, MAX_TRACE)
    check_text("answer", trace.answer or "", MAX_TRACE)
    maker = trace.maker
    check_text("maker", "".join((maker.engine, maker.model, maker.adapter, trace.format)), MAX_SHORT_TEXT)


def check_label(label: Label, num_steps: int) -> None:
    """Raise BadInput unless the label fits a trace of `num_steps` steps."""
    check_annotator(label.annotator)
    if label.kind not in LABEL_KINDS:
        raise BadInput(f"“{label.kind}” is no kind of label. Use one of: {', '.join(LABEL_KINDS)}.")
    if label.kind == "first_wrong":
        if label.step is None or not 0 <= label.step < num_steps:
            raise BadInput(f"The label names step {label.step}, but the steps are numbered 0 to {num_steps - 1}.")
    elif label.step is not None:
        raise BadInput(f"A label “{label.kind}” names no step, but this one names step {label.step}.")
    if label.error_class and label.error_class not in ERROR_CLASSES:
        raise BadInput(f"“{label.error_class}” is no error class. Use one of: {', '.join(ERROR_CLASSES)}.")
    check_text("correction", label.correction, MAX_SHORT_TEXT)
    check_text("note", label.note, MAX_SHORT_TEXT)
    check_text("id", label.id, MAX_NAME)
    if not (0 <= label.seconds < math.inf and 0 <= label.created < END_OF_TIME):
        raise BadInput("The label's times are not numbers of seconds.")


def check_annotator(name: str) -> None:
    """Raise BadInput unless `name` has 1 to 80 printable characters, not all of them blank."""
    if not (name.strip() and len(name) <= MAX_NAME and name.isprintable()):
        raise BadInput(f"A name for the annotator is needed: 1 to {MAX_NAME} printable characters.")


def check_text(what: str, text: str, limit: int) -> None:
    """Raise BadInput unless `text` has at most `limit` characters, all of them valid."""
    if len(text) > limit:
        raise BadInput(f"The {what} has {len(text):,} characters; at most {limit:,} are taken. Shorten it.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadInput(f"The {what} holds half a character (a lone surrogate at {error.start}).") from error


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@lru_cache(maxsize=1024)
def _maker(maker: Maker) -> str:
    return _json(asdict(maker))


def problem_values(problem: Problem) -> tuple[Any, ...]:
    """In the order of PROBLEM_COLUMNS."""
    rest = (problem.answer, problem.level, problem.solution, problem.spec)
    return (problem.id, problem.source, problem.question, *rest)


PROBLEM_COLUMNS = "id, source, question, answer, level, solution, spec"
TRACE_COLUMNS = "id, problem_id, status, format, answer, extracted, reason, maker, created, steps, prompt, text"
EVENT_COLUMNS = (
    "event, label_id, trace_id, problem_id, annotator, created, kind, step, error_class, correction, note, seconds, "
    "seen_steps"
)
PIT_COLUMNS = "id, trace_id, problem_id, step, method, k, maker, created, seconds, probes, posterior, judged_by, ended"


def to_problem(row: sqlite3.Row) -> Problem:
    return Problem(
        id=row["id"],
        question=row["question"],
        answer=row["answer"],
        source=row["source"],
        solution=row["solution"],
        level=row["level"],
        spec=row["spec"],
    )


def trace_values(trace: Trace) -> tuple[Any, ...]:
    """In the order of TRACE_COLUMNS."""
    steps = _json([_step_row(step) for step in trace.steps])
    verdict = trace.verdict
    head = (trace.id, trace.problem_id, verdict.status, trace.format, trace.answer, verdict.extracted, verdict.reason)
    return (*head, _maker(trace.maker), trace.created, steps, trace.prompt, trace.text)


def _step_row(step: Step) -> list[Any]:
    """[text, action, is_legal], and [kind, outcome] after them where they say something."""
    row = [step.text, step.action, step.is_legal]
    return row if step.kind == "words" and not step.outcome else [*row, step.kind, step.outcome]


def to_trace(row: sqlite3.Row) -> Trace:
    return Trace(
        id=row["id"],
        problem_id=row["problem_id"],
        steps=tuple(Step(text, action, bool(legal), *rest) for text, action, legal, *rest in json.loads(row["steps"])),
        prompt=row["prompt"],
        text=row["text"],
        format=row["format"],
        answer=row["answer"],
        verdict=Verdict(row["status"], row["extracted"], row["reason"]),
        maker=Maker(**json.loads(row["maker"])),
        created=row["created"],
    )


def event_values(event: str, label: Label, created: float) -> tuple[Any, ...]:
    """In the order of EVENT_COLUMNS. `event` is "label" or "undo", made at `created`."""
    head = (event, label.id, label.trace_id, label.problem_id, label.annotator, created, label.kind, label.step)
    texts = (label.error_class, label.correction, label.note)
    return (*head, *texts, label.seconds, _json(list(label.seen_steps)))


def to_label(row: sqlite3.Row) -> Label:
    return Label(
        id=row["label_id"],
        trace_id=row["trace_id"],
        problem_id=row["problem_id"],
        kind=row["kind"],
        step=row["step"],
        annotator=row["annotator"],
        error_class=row["error_class"],
        correction=row["correction"],
        note=row["note"],
        created=row["created"],
        seconds=row["seconds"],
        seen_steps=tuple(json.loads(row["seen_steps"])),
    )


def to_event(row: sqlite3.Row) -> dict[str, Any]:
    """A label event as plain values: the columns' names, `seen_steps` as a list."""
    return {**dict(row), "seen_steps": json.loads(row["seen_steps"])}


def pit_values(pit: Pit) -> tuple[Any, ...]:
    """In the order of PIT_COLUMNS."""
    probes = _json([asdict(probe) for probe in pit.probes])
    head = (pit.id, pit.trace_id, pit.problem_id, pit.step, pit.method, pit.k)
    found = (_json(pit.posterior), pit.judged_by, pit.ended)
    return (*head, _maker(pit.maker), pit.created, pit.seconds, probes, *found)


def to_pit(row: sqlite3.Row) -> Pit:
    return Pit(
        id=row["id"],
        trace_id=row["trace_id"],
        problem_id=row["problem_id"],
        step=row["step"],
        method=row["method"],
        k=row["k"],
        probes=tuple(_to_probe(probe) for probe in json.loads(row["probes"])),
        maker=Maker(**json.loads(row["maker"])),
        created=row["created"],
        seconds=row["seconds"],
        posterior=tuple(json.loads(row["posterior"])),
        judged_by=row["judged_by"],
        ended=row["ended"],
    )


def _to_probe(values: dict[str, Any]) -> Probe:
    found: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in values.items()}
    return Probe(**found)


def placeholders(columns: str) -> str:
    """`"a, b"` → `"?, ?"`."""
    return ", ".join("?" for _ in columns.split(","))


def insert(table: str, columns: str, rest: str = "") -> str:
    """The statement that inserts one row, `rest` added."""
    return f"INSERT INTO {table} ({columns}) VALUES ({placeholders(columns)}) {rest}"
