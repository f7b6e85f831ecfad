"""PRM800K (arXiv 2305.20050, openai/prm800k), phases 1 and 2, in and out.

    {"labeler": "e90a…", "timestamp": "2022-07-30T23:23:32", "question": {"problem": "…", "ground_truth_answer": "29"},
     "label": {"steps": [{"completions": [{"text": "…", "rating": -1}, …], "human_completion": null,
                          "chosen_completion": 0}, …], "total_time": 293250, "finish_reason": "found_error"}}

What the labeler walked is one trace: `pre_generated_steps` where the file gives them (phase 2, which stops at the
first error), else at each step the chosen completion, or the labeler's own. Its first rating of -1 is its first wrong
step. A completion rated -1 that was not walked on is a trace of its own: the steps before it and that completion; what
the labeler took instead is its correction. `total_time` is in milliseconds.

Not covered: the ratings 0 and +1 apart from one another (both mean "not wrong").
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any

import reasoner.interchange.fields as fields
from reasoner.errors import BadInput
from reasoner.interchange.family import Family
from reasoner.interchange.fields import Fields, Row
from reasoner.records import Label, LabelKind, Maker, Problem, Trace, make_problem

NAME = "prm800k"
GENERATOR = Maker("import", "PRM800K generator")
FINISH: dict[str, LabelKind] = {"solution": "all_right", "give_up": "unsure", "bad_problem": "bad_problem"}


def recognise(row: Fields) -> bool:
    return isinstance(row.get("label"), dict) and isinstance(row.get("question"), dict)


@dataclass(frozen=True, slots=True)
class _Step:
    """One step as it was labelled."""

    walked: str  # the text that the labeler went on from; empty where they went on from none
    is_wrong: bool  # is that text rated -1?
    rejected: tuple[str, ...]  # other texts rated -1
    better: str  # a text not rated -1 to take instead of a wrong one, empty if there is none


def read(row: Fields, stem: str) -> Row:
    """One problem, the walked trace with its label, and one labelled trace for each rejected completion."""
    question, label = row.get("question"), row.get("label")
    if not isinstance(question, dict) or not isinstance(label, dict) or not isinstance(label.get("steps"), list):
        raise BadInput("no label: “question” and “label” must be objects, “label” with a list of “steps”")
    source = fields.source(NAME, stem)
    solution = fields.optional(question, "ground_truth_solution")
    answer = fields.answer(question, "ground_truth_answer")
    problem = make_problem(fields.text(question, "problem"), answer, source, solution=solution)
    given = question.get("pre_generated_steps")
    whole = fields.steps(given) if given else []
    if len(label["steps"]) > len(whole) > 0:
        raise BadInput(f"label out of range: {len(label['steps'])} steps are rated, {len(whole)} are given")
    steps = [_read_step(step, whole[i] if whole else None) for i, step in enumerate(label["steps"])]
    about = {
        "annotator": f"{NAME}:{(fields.optional(row, 'labeler') or 'unknown').removeprefix(NAME + ':')}",
        "created": fields.timestamp(row.get("timestamp")),
        "note": "quality control question" if row.get("is_quality_control_question") else "",
    }
    main = _main_trace(problem, question, label, steps, whole)
    traces, labels = [], list[Label]()
    if main:
        traces.append(main)
        labels.append(_main_label(main, label, steps, about))
    for trace, side_label in _rejected(problem, steps, about):
        traces.append(trace)
        labels.append(side_label)
    return problem, traces, labels


def _read_step(step: Any, given: str | None) -> _Step:
    """`given`: the step's text in the pre-generated solution, where there is one."""
    if not isinstance(step, dict):
        raise BadInput("wrong kind of value: a step of the label is no object")
    completions = [item for item in step.get("completions") or [] if isinstance(item, dict)]
    ratings = {_text(item): item.get("rating") for item in completions}
    if any(rating not in (-1, 0, 1, None) for rating in ratings.values()):
        raise BadInput("label is no rating: only -1, 0, 1 and null are")
    human = step.get("human_completion")
    better = _text(human) if isinstance(human, dict) else ""
    better = better or next((text for text, rating in ratings.items() if rating == 1), "")
    walked = _walked(step, completions, human)
    if given is not None:  # its own text may differ from the rated one in white space
        walked = given if given in ratings or not completions else _text(completions[0])
    wrong = [text for text, rating in ratings.items() if rating == -1 and text.strip() and text != walked]
    return _Step(walked, ratings.get(walked) == -1, tuple(wrong), better)


def _text(completion: Fields) -> str:
    return fields.optional(completion, "text")


def _walked(step: Fields, completions: list[Fields], human: Any) -> str:
    chosen = step.get("chosen_completion")
    if chosen is not None:
        return _text(completions[fields.index(chosen, len(completions))])
    if isinstance(human, dict):
        return _text(human)
    # The last step of a solution in which an error was found: the model's own completion is the first.
    return _text(completions[0]) if completions and completions[0].get("rating") == -1 else ""


def _main_trace(
    problem: Problem, question: Fields, label: Fields, steps: list[_Step], whole: list[str]
) -> Trace | None:
    if whole:
        return fields.trace(problem, GENERATOR, texts=whole, found=fields.answer(question, "pre_generated_answer"))
    walked = [step.walked for step in takewhile(lambda step: step.walked, steps)]
    if not walked:
        return None
    is_finished = label.get("finish_reason") == "solution"
    made = fields.trace if is_finished else fields.unfinished_trace
    return made(problem, GENERATOR, texts=walked)


def _main_label(trace: Trace, label: Fields, steps: list[_Step], about: Fields) -> Label:
    reason = label.get("finish_reason")
    about = {**about, "seconds": fields.seconds(label, "total_time") / 1000}
    for i, step in enumerate(steps[: len(trace.steps)]):
        if step.is_wrong:
            return fields.first_wrong(trace, step=i, correction=step.better, **about)
    if reason not in FINISH:
        raise BadInput(f"label contradicts itself: finish_reason is {str(reason)[:40]}, but no step is rated -1")
    return fields.label(trace, kind=FINISH[reason], **about)


def _rejected(problem: Problem, steps: list[_Step], about: Fields) -> Iterator[tuple[Trace, Label]]:
    """A trace for each completion that was rejected and not walked on, up to the first wrong step."""
    walked: list[str] = []
    for i, step in enumerate(steps):
        for text in step.rejected:
            trace = fields.unfinished_trace(problem, GENERATOR, [*walked, text])
            correction = step.better if step.is_wrong or not step.walked else step.walked
            yield trace, fields.first_wrong(trace, step=i, correction=correction, **about)
        if step.is_wrong or not step.walked:
            return
        walked.append(step.walked)


def write(problem: Problem, trace: Trace, label: Label) -> dict[str, Any] | str:
    """The row of one label in phase 2's shape, or why there is none."""
    finish = {kind: reason for reason, kind in FINISH.items()} | {"first_wrong": "found_error"}
    if label.kind not in finish:
        return f"PRM800K has no place for a label “{label.kind}”"
    texts = fields.step_texts(trace)
    last = {"first_wrong": (label.step or 0) + 1, "all_right": len(texts)}.get(label.kind, 0)
    steps = [_write_step(text, 1, "") for text in texts[:last]]
    if label.kind == "first_wrong":
        steps[-1] = _write_step(texts[last - 1], -1, label.correction)
    return {
        "labeler": label.annotator,
        "timestamp": datetime.fromtimestamp(label.created, UTC).replace(tzinfo=None).isoformat(),
        "generation": None,
        "is_quality_control_question": False,
        "is_initial_screening_question": False,
        "question": {
            "problem": problem.question,
            "ground_truth_solution": problem.solution,
            "ground_truth_answer": problem.answer,
            "pre_generated_steps": texts,
            "pre_generated_answer": trace.answer,
            "pre_generated_verifier_score": None,
        },
        "label": {
            "steps": steps,
            "total_time": round(label.seconds * 1000),
            "finish_reason": finish[label.kind],
        },
    }


def _write_step(text: str, rating: int, correction: str) -> dict[str, Any]:
    human = {"text": correction, "rating": None, "source": "human", "flagged": False} if correction else None
    return {
        "completions": [{"text": text, "rating": rating, "flagged": None}],
        "human_completion": human,
        "chosen_completion": None if rating == -1 else 0,
    }


FAMILY = Family(NAME, "PRM800K: a rating per step", recognise, read)
