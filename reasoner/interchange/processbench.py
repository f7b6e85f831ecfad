"""ProcessBench (arXiv 2412.06559, Qwen/ProcessBench), in and out.

    {"id": "gsm8k-0", "generator": "Qwen2-7B-Instruct", "problem": "…", "steps": ["…", "…"],
     "final_answer_correct": false, "label": 1}

`label` is the 0-based first wrong step, -1 where all are right. The file gives no gold answer, only whether the
solution's own is right; that becomes the verdict.
"""

from typing import Any

import reasoner.interchange.fields as fields
from reasoner.checks.answers import extract_answer
from reasoner.errors import BadInput
from reasoner.interchange.family import Family
from reasoner.interchange.fields import Fields, Row
from reasoner.records import Label, Maker, Problem, Trace, Verdict, make_problem

NAME = "processbench"


def recognise(row: Fields) -> bool:
    return {"problem", "steps", "label"} <= row.keys() and not isinstance(row["label"], dict)


def read(row: Fields, stem: str) -> Row:
    """One problem with one labelled solution."""
    problem = make_problem(fields.text(row, "problem"), None, fields.source(NAME, stem))
    texts = fields.steps(row.get("steps"))
    maker = Maker("import", fields.optional(row, "generator"))
    answer = extract_answer("\n".join(texts))
    trace = fields.trace(problem, maker, texts=texts, found=answer, verdict=_verdict(row, answer))
    value = row.get("label")
    step = None if value == -1 and not isinstance(value, bool) else fields.index(value, len(texts))
    annotator = fields.optional(row, "annotator") or NAME
    return problem, [trace], [fields.first_wrong(trace, annotator, step)]


def _verdict(row: Fields, answer: str | None) -> Verdict:
    is_right = row.get("final_answer_correct")
    if is_right is None:
        return Verdict("unjudged", answer, "the file does not say whether the answer is right")
    if not isinstance(is_right, bool | int):
        raise BadInput("wrong kind of value: “final_answer_correct” is neither true nor false")
    return Verdict("right" if is_right else "wrong", answer, f"ProcessBench says {'right' if is_right else 'wrong'}")


def write(problem: Problem, trace: Trace, label: Label) -> dict[str, Any] | str:
    """The row of one label, or why there is none."""
    if label.kind not in ("first_wrong", "all_right"):
        return f"ProcessBench has no place for a label “{label.kind}”"
    status = trace.verdict.status
    return {
        "id": label.id,
        "generator": trace.maker.model or trace.maker.engine,
        "problem": problem.question,
        "steps": fields.step_texts(trace),
        "final_answer_correct": None if status == "unjudged" else status == "right",
        "label": -1 if label.step is None else label.step,
        "annotator": label.annotator,
        "created": label.created,
    }


FAMILY = Family(NAME, "ProcessBench: first wrong step", recognise, read)
