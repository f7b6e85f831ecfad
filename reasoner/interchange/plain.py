"""Our own plain JSON Lines, in and out; what we export, we import again to the same records.

Only `question` is needed; one row is a problem, or a problem with one solution, or that with one label:

    {"question": "Ana has 3 coins. …", "answer": "5", "steps": ["Ben has 3 + 2 = 6 coins.", "The answer is 6."],
     "first_wrong_step": 0, "annotator": "ada", "model": "my-model", "source": "my-file"}

    question (or problem)   text
    answer                  gold answer, text or number
    steps | text            one solution: a list of step texts, or one text that is split into steps
    first_wrong_step        0-based; -1 or null: all steps are right; absent: nobody has said
    annotator               who said so; "imported" if absent
    model                   who wrote the solution
    source, solution, level where the problem is from, its gold solution, its difficulty
    kind                    a label without a step: "unsure", "bad_problem", "skip" ("first_wrong", "all_right")
    error_class, correction, note, seconds, created     of the label
    final_answer            the solution's answer, where its text does not tell
    verdict                 "right", "wrong": is that answer right? Used where the gold answer is not known
    label_id                the label's own name, in what we exported; the same label is not taken twice
    prompt, format, maker   the exact prompt of the solution, how it is written ("cot", "program" …), sampling
    outcomes                what executing each step gave, one text a step; left out: programs are run when imported
"""

from dataclasses import asdict, replace
from typing import Any, cast

import reasoner.interchange.fields as fields
from reasoner.errors import BadInput
from reasoner.formats import FORMATS
from reasoner.interchange.family import Family
from reasoner.interchange.fields import Fields, Row
from reasoner.records import LABEL_KINDS, Label, LabelKind, Maker, Problem, Trace, Verdict, make_problem

NAME = "plain"
ANNOTATOR = "imported"


def recognise(row: Fields) -> bool:
    return isinstance(row.get("question"), str) or isinstance(row.get("problem"), str)


def read(row: Fields, stem: str) -> Row:
    """One problem, with its solution and label if there are any."""
    question = fields.text(row, "question" if "question" in row else "problem")
    about = {key: fields.optional(row, key) for key in ("solution", "level", "spec")}
    problem = make_problem(question, fields.answer(row, "answer"), fields.optional(row, "source") or stem, **about)
    text, steps = fields.optional(row, "text"), row.get("steps")
    if steps is None and not text.strip():
        if "first_wrong_step" in row or "kind" in row:
            raise BadInput("label without a solution: “steps” or “text” is missing")
        return problem, [], []
    trace = fields.trace(
        problem,
        maker_of(row),
        texts=fields.steps(steps) if steps is not None else (),
        text=text,
        found=fields.answer(row, "final_answer"),
        verdict=_verdict(row, problem),
        prompt=fields.optional(row, "prompt"),
        format=_format(row),
        outcomes=_outcomes(row),
    )
    label = _label(row, trace)
    return problem, [trace], [label] if label else []


def _format(row: Fields) -> str:
    name = fields.optional(row, "format") or "cot"
    if name not in FORMATS:
        raise BadInput(f"unknown way of writing: “format” is {name[:40]}, not one of {', '.join(FORMATS)}")
    return name


def _outcomes(row: Fields) -> list[str]:
    """What executing each step gave; none where the file does not say."""
    outcomes = row.get("outcomes") or []
    if not isinstance(outcomes, list) or not all(isinstance(outcome, str) for outcome in outcomes):
        raise BadInput("wrong kind of value: “outcomes” is no list of texts, one a step")
    return outcomes


def _verdict(row: Fields, problem: Problem) -> Verdict | None:
    """The file's own verdict where ours cannot be had: the gold answer is not known."""
    status = row.get("verdict")
    if problem.answer is not None or status not in ("right", "wrong"):
        return None
    return Verdict(status, fields.answer(row, "final_answer"), f"the file says {status}")


def maker_of(row: Fields) -> Maker:
    """Who made what the row holds; "import" where it does not say."""
    given = row.get("maker")
    if given is None:
        return Maker("import", fields.optional(row, "model"))
    if not isinstance(given, dict):
        raise BadInput("wrong kind of value: “maker” is no object")
    engine, model, adapter = (fields.optional(given, key) for key in ("engine", "model", "adapter"))
    seed, temperature, top_p = (given.get(key) for key in ("seed", "temperature", "top_p"))
    numbers_are_fine = isinstance(seed, int | None) and all(
        isinstance(n, int | float | None) for n in (temperature, top_p)
    )
    if not numbers_are_fine:
        raise BadInput("wrong kind of value: “maker” has a seed, temperature or top_p that is no number")
    return Maker(engine or "import", model, adapter, seed, temperature, top_p)


def _label(row: Fields, trace: Trace) -> Label | None:
    kind, value = fields.optional(row, "kind"), row.get("first_wrong_step")
    names_step = "first_wrong_step" in row
    if not kind and not names_step:
        return None
    if kind and kind not in LABEL_KINDS:
        raise BadInput(f"label is no kind of label: “{kind[:40]}” is none of {', '.join(LABEL_KINDS)}")
    about: dict[str, Any] = {key: fields.optional(row, key) for key in ("error_class", "correction", "note")}
    about |= {"seconds": fields.seconds(row, "seconds"), "created": fields.timestamp(row.get("created"))}
    annotator = fields.optional(row, "annotator") or ANNOTATOR
    if kind in ("", "first_wrong", "all_right"):
        is_right = value is None or (value == -1 and not isinstance(value, bool))
        step = None if is_right else fields.index(value, len(trace.steps))
        if kind and (kind == "all_right") != (step is None):
            raise BadInput(f"label contradicts itself: kind is {kind}, first_wrong_step is {str(value)[:40]}")
        label = fields.first_wrong(trace, annotator, step, **about)
    elif names_step:
        raise BadInput(f"label contradicts itself: kind is {kind}, which names no step")
    else:
        label = fields.label(trace, annotator, cast(LabelKind, kind), **about)
    own_id = fields.optional(row, "label_id")
    return replace(label, id=own_id) if own_id else label


def write(problem: Problem, trace: Trace | None, label: Label | None) -> dict[str, Any]:
    """The row of one problem, with one solution and one label where they are given."""
    row: dict[str, Any] = {"question": problem.question, "answer": problem.answer, "source": problem.source}
    row |= {key: getattr(problem, key) for key in ("solution", "level", "spec") if getattr(problem, key)}
    if trace is None:
        return row
    row |= {
        "steps": fields.step_texts(trace),
        "text": trace.text,
        "prompt": trace.prompt,
        "format": trace.format,
        "final_answer": trace.answer,
        "verdict": trace.verdict.status,
        "model": trace.maker.model,
        "maker": asdict(trace.maker),
        "trace_id": trace.id,
    }
    if any(step.outcome for step in trace.steps):
        row["outcomes"] = [step.outcome for step in trace.steps]
    if label is None:
        return row
    if label.kind in ("first_wrong", "all_right"):
        row["first_wrong_step"] = -1 if label.step is None else label.step
    row |= {key: getattr(label, key) for key in ("kind", "annotator", "error_class", "correction", "note")}
    return {**row, "created": label.created, "seconds": label.seconds, "label_id": label.id}


FAMILY = Family(NAME, "plain JSON Lines: question, answer, steps or text …", recognise, read)
