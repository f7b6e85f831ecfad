"""Key points: what a problem asks, and the list of what it tells that bears on it, before any solution is written.

    Core question: How many coins does Cal have?
    - Cal has 3 times as many coins as Ben.
    - Ben has 26 more coins than Ana.
    - Ana has 41 coins.

    key_points = extract(engine, problem)                 a model's, KPDD's first two stages in one completion
    key_points = rules(problem)                           without a model: the last question, every clause with a number
    solve(engine, problem, key_points=key_points)         the solver is given them as a hint, in any format
    panel(problem, key_points, traces)                    what a screen shows of them

Source: KPDD (arXiv 2407.10167: core question, problem-solving information, solution) and DUP (arXiv 2404.14963;
WHU-ZQH/DUP main.py), whose two requests are asked here in one, with its words; the built-in solver is asked by its tag.

Not covered: whether the points are enough to solve the problem; other languages than English.
"""

import re
import time
from collections.abc import Iterator, Sequence
from typing import Any

from reasoner.checks.information import check_information, number_is_used, numbers_to_use, unused
from reasoner.engines import Engine
from reasoner.engines.prompts import STOP
from reasoner.errors import EngineError
from reasoner.keypoints_text import read_key_points, written
from reasoner.places import clauses, locate, locate_core, sentences
from reasoner.records import KeyPoints, Origin, Problem, Sampling, Trace
from reasoner.store import Store
from reasoner.store.keypoints import latest
from reasoner.store.rows import MAX_NAME
from reasoner.told import told

__all__ = [
    *("GIVEN", "TAG", "as_text", "extract", "extract_many", "locate", "panel", "read_key_points", "rules"),
    *("given", "with_key_points"),
]

TAG = "Key points"
INSTRUCTION = (
    "Do not solve the problem. Please extract its core question, only the most comprehensive and detailed one, on one "
    "line that begins with 'Core question: '. Then extract the most useful information related to the core question, "
    "only what the problem itself says, and list it one by one, each on a line of its own that begins with '- '."
)
MAX_NEW_TOKENS = 320  # ours: four times the longest of the built-in problems' lists
_ASKS = re.compile(
    r"(?:(?:and|then|so)\s+)?(?:how|what|which|who|whose|when|where|calculate|find|determine|compute|express|give)\b",
    re.I,
)
GIVEN = ("none", "machine", "person", "rules")
"""Whose key points may be given to the solver."""
MANY = 64  # problems a batch of extract_many: few enough to show progress


def extract(engine: Engine, problem: Problem, seed: int = 0, temperature: float = 0.0) -> KeyPoints:
    """The key points a model finds in `problem`. Raises EngineError when its answer holds none.

    temperature: DUP samples at 0; then the seed changes nothing.
    """
    [found] = extract_many(engine, [problem], seed, temperature)
    if isinstance(found, str):
        raise EngineError(found)
    return found


def extract_many(
    engine: Engine, problems: Sequence[Problem], seed: int = 0, temperature: float = 0.0
) -> Iterator[KeyPoints | str]:
    """For each problem its key points, or in words why the model's answer held none."""
    sampling = Sampling(1, temperature, 1.0, MAX_NEW_TOKENS, (STOP,), seed)
    for start in range(0, len(problems), MANY):
        chunk = problems[start : start + MANY]
        prompts = [engine.render(problem.question, INSTRUCTION, TAG) for problem in chunk]
        for problem, [completion] in zip(chunk, engine.complete(prompts, sampling), strict=True):
            yield _of_completion(engine, problem, completion.text)


def _of_completion(engine: Engine, problem: Problem, text: str) -> KeyPoints | str:
    found = read_key_points(text.split(STOP)[0])
    name = (engine.maker.model or engine.maker.engine)[:MAX_NAME]
    if not found.points:
        said = " ".join(text.split())[:80]
        return (
            f"{name} wrote no key points that can be read: “{said}…”. Write them yourself, or begin with those that "
            "the rules find."
        )
    return _made(problem, found.core_question, found.points, name, "machine")


def rules(problem: Problem) -> KeyPoints:
    """Key points without a model: the last sentence that asks, and every clause that tells a number."""
    question = problem.question
    places = sentences(question)
    asked = [place for place in places if question[slice(*place)].rstrip("\"'”’) ").endswith("?")] or places[-1:]
    core = question[slice(*asked[-1])] if asked else ""
    points = [
        question[slice(*clause)].strip(" ,;:")
        for place in places
        for clause in ([place] if place not in asked[-1:] else _conditions(question, place))
        if _tells(question[slice(*clause)])
    ]
    return _made(problem, core, tuple(dict.fromkeys(points)), "rules", "rules")


def _tells(clause: str) -> bool:
    """Does a clause tell a number that may matter? "One" and "first" in words seldom do."""
    return bool(numbers_to_use(clause)) or any(number.text == "1" for number in told(clause))


def _conditions(question: str, asked: tuple[int, int]) -> list[tuple[int, int]]:
    """The clauses of the sentence that asks, but not the one that asks: "If he sells 3, how many are left?"."""
    parts = clauses(question, asked)
    return [part for part in parts if not _ASKS.match(question[slice(*part)])] if len(parts) > 1 else []


def _made(problem: Problem, core: str, points: Sequence[str], by: str, origin: Origin) -> KeyPoints:
    return KeyPoints(problem.id, core, tuple(points), by, time.time(), origin)


def with_key_points(question: str, key_points: KeyPoints | None) -> str:
    """The question with its key points as a hint, to be rendered in its place; the question alone for None.

    A plain model's prompt is one line, so it reads "<question> Key points: <core question> - <point> - <point>".
    """
    if key_points is None:
        return question
    head = f"Key points: {_on_one_line(key_points.core_question)}".strip()
    return "\n".join([question.strip(), head, *(f"- {_on_one_line(point)}" for point in key_points.points)])


def given(store: Store, engine: Engine, problem: Problem, whose: str, seed: int = 0) -> KeyPoints | None:
    """The key points that the solver is given: kept ones of that origin, else made now (and kept); None for "none".

    A person's are never made up: None where nobody has written any. Raises EngineError as `extract` does.
    """
    if whose == "none":
        return None
    if whose == "rules":
        return rules(problem)
    found = latest(store.key_points(problem.id), whose)
    if found is None and whose == "machine":
        found = extract(engine, problem, seed)
        store.add_key_points(found)
    return found


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def as_text(key_points: KeyPoints) -> str:
    """As the built-in solver writes them, and as `read_key_points` reads them back."""
    return written(_on_one_line(key_points.core_question), [_on_one_line(point) for point in key_points.points])


# ── on screen ────────────────────────────────────────────────────────────────────────────────────────────────────────


def panel(problem: Problem, key_points: KeyPoints | None, traces: Sequence[Trace]) -> dict[str, Any]:
    """What a screen shows of a problem's key points, as plain JSON values; places are (start, end) in the question.

    {"core": {"text", "start", "end"} | None, "by", "origin", "created",
     "points": [{"text", "start", "end", "used_by": [trace ids]}],
     "unused": {trace id: [0-based indices of the points that no step of it uses]},
     "numbers": [{"text", "start", "end", "used_by": [trace ids]}]       every number the question tells
     "nowhere": {trace id: [{"step": 0-based, "text": "62", "message"}]}  numbers in steps that come from nowhere}

    start and end are null for a point that the question does not say: an invented condition perhaps. Without key
    points "core" is null and "points" empty; the numbers are there all the same.
    """
    left_out = {trace.id: [one.index for one in unused(trace, problem, key_points)] for trace in traces}
    return {
        **_head(problem, key_points),
        "points": [
            {**_placed(point, locate(problem.question, point)), "used_by": _without(left_out, index)}
            for index, point in enumerate(key_points.points if key_points else ())
        ],
        "unused": left_out if key_points else {trace.id: [] for trace in traces},
        "numbers": [
            {
                **_placed(number.text, (number.start, number.end)),
                "used_by": [trace.id for trace in traces if number_is_used(number, trace.steps, problem.question)],
            }
            for number in numbers_to_use(problem.question)
        ],
        "nowhere": {
            trace.id: [
                {"step": finding.step, "text": finding.found, "message": finding.message}
                for finding in check_information(problem.question, trace.steps)
            ]
            for trace in traces
        },
    }


def _head(problem: Problem, key_points: KeyPoints | None) -> dict[str, Any]:
    if key_points is None:
        return {"core": None, "by": "", "origin": "", "created": 0.0}
    core = key_points.core_question
    placed = _placed(core, locate_core(problem.question, core)) if core else None
    return {"core": placed, "by": key_points.by, "origin": key_points.origin, "created": key_points.created}


def _placed(text: str, place: tuple[int, int] | None) -> dict[str, Any]:
    start, end = place or (None, None)
    return {"text": text, "start": start, "end": end}


def _without(left_out: dict[str, list[int | None]], index: int) -> list[str]:
    return [trace_id for trace_id, indices in left_out.items() if index not in indices]
