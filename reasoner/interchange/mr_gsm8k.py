"""MR-GSM8K (arXiv 2312.17080, dvlab-research/MR-GSM8K), and MR-MATH, which has the same fields.

    {"uuid": "…", "question": "…", "ground_truth_solution": "…", "ground_truth_answer": "18",
     "model_output_steps": ["Step 1: …", "Step 2: …"], "model_output_solution_correctness": "wrong",
     "model_output_solution_first_error_step": "2", "model_output_solution_first_error_reason": "…",
     "model_output_answer_correctness": "wrong", "question_type": "original"}

The step is 1-based and a *string*, "N/A" where all are right. The reason becomes the label's note.
"""

from typing import Any

import reasoner.interchange.fields as fields
from reasoner.errors import BadInput
from reasoner.interchange.family import Family
from reasoner.interchange.fields import Fields, Row
from reasoner.records import Label, Maker, Trace, make_problem

NAME = "mr-gsm8k"
NONE = ("", "n/a", "na", "none", "null")


def recognise(row: Fields) -> bool:
    return "model_output_steps" in row


def read(row: Fields, stem: str) -> Row:
    """One problem with one labelled solution."""
    problem = make_problem(
        fields.text(row, "question"),
        fields.answer(row, "ground_truth_answer"),
        NAME,
        solution=fields.optional(row, "ground_truth_solution"),
        level=fields.optional(row, "question_type"),
    )
    given = row["model_output_steps"]
    lines = [line for line in given.splitlines() if line.strip()] if isinstance(given, str) else given
    maker = Maker("import", fields.optional(row, "model") or NAME)
    trace = fields.trace(problem, maker, texts=fields.steps(lines))
    return problem, [trace], [_label(row, trace)]


def _label(row: Fields, trace: Trace) -> Label:
    correctness = str(row.get("model_output_solution_correctness", "")).strip().lower()
    if correctness not in ("correct", "wrong", "true", "false"):
        raise BadInput("no label: “model_output_solution_correctness” must be correct or wrong")
    is_right = correctness in ("correct", "true")
    step = _step(row.get("model_output_solution_first_error_step"), len(trace.steps))
    reason = fields.optional(row, "model_output_solution_first_error_reason")
    note = "" if reason.strip().lower() in NONE else reason
    if is_right and step is not None:
        raise BadInput(f"label contradicts itself: the solution is correct, but step {step + 1} is its first error")
    if not is_right and step is None:
        return fields.label(trace, NAME, "unsure", note=note or "called wrong, but no step is named")
    return fields.first_wrong(trace, NAME, step, note=note)


def _step(value: Any, num_steps: int) -> int | None:
    """The 0-based step of a 1-based one, which may be a number or text."""
    if value is None or str(value).strip().lower() in NONE:
        return None
    try:
        number = int(str(value).strip())
    except ValueError:
        raise BadInput(f"label is no step number: {str(value)[:40]}") from None
    if not 1 <= number <= num_steps:
        raise BadInput(f"label out of range: step {number} (counted from 1) of {num_steps}")
    return number - 1


FAMILY = Family(NAME, "MR-GSM8K: first error step and its reason", recognise, read)
