"""Traces as a value model learns from them: text, where each step ends, and what each step is worth.

    rows, counts = collect_rows(store, engine, target="outcome")
    rows[0].ends, rows[0].targets        (28, 74, 101), (0.0, 0.0, 0.0)         of a wrong trace
    with target="steps", first wrong step 1:            (1.0, 0.0, 0.0)

outcome    every step of a trace carries the trace's outcome (OVM, arXiv 2311.09724: the minimum of the loss is then the
           chance of a right answer, seen from that state; its code puts the outcome on every token)
steps      what people said: the steps before the first wrong one are worth 1, it and all after it 0; all right: 1
both       what people said where they said it, else the outcome

Not covered: machine pits as step labels; they are estimates of the same value, by sampling.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from reasoner.engines import Engine
from reasoner.errors import BadInput
from reasoner.explore import format_of, question_part
from reasoner.records import Counts, Label, Problem, Trace, content_id
from reasoner.store import Store

TARGETS = ("outcome", "steps", "both")


@dataclass(frozen=True, slots=True)
class Solution:
    """A trace as a model reads it."""

    prompt: str  # what stands before the solution
    text: str  # the solution
    ends: tuple[int, ...]  # where each step ends: characters of `text` before the next step; the last is all of it


@dataclass(frozen=True, slots=True)
class ValueRow:
    """One trace to learn from."""

    problem_id: str
    trace_id: str
    solution: Solution
    targets: tuple[float, ...]  # 0-1, one a step
    is_right: bool | None  # the trace's outcome; None where it could not be judged
    num: int = 1  # how often this very solution was sampled: it counts so often, but is read once


def solution_of(engine: Engine, trace: Trace, problem: Problem) -> Solution:
    """The trace's text and where its steps end in it; where they are not found there, the steps line by line."""
    prompt = question_part(engine, trace, problem)
    text = format_of(trace).solution(trace.text)
    starts = _starts(text, [step.text for step in trace.steps])
    if starts is None:
        lines = [step.text for step in trace.steps]
        text = "\n".join(lines)
        starts = [sum(len(line) + 1 for line in lines[:number]) for number in range(len(lines))]
    return Solution(prompt, text, (*starts[1:], len(text)))


def _starts(text: str, steps: Sequence[str]) -> list[int] | None:
    """Where each step begins in `text`, one after the other; None when one is not there."""
    starts, place = [], 0
    for step in steps:
        found = text.find(step.strip(), place)
        if found < 0:
            return None
        starts.append(found)
        place = found + len(step.strip())
    return starts


def why_not_readable(engine: Engine, solution: Solution) -> str:
    """Why the model cannot value this solution, for a count of drops; empty when it can."""
    if not solution.text.strip() or not solution.ends:
        return "it has no steps"
    whole = solution.prompt + solution.text
    if engine.unknown_words(whole):
        return "has words outside the model's vocabulary"
    if engine.count_tokens(whole) + 1 >= engine.context:  # the end-of-sequence token
        return "longer than the model's context"
    return ""


def collect_rows(store: Store, engine: Engine, target: str = "outcome") -> tuple[list[ValueRow], Counts]:
    """The store's usable traces, problem by problem, the same ones as one row; and the dropped ones by reason."""
    if target not in TARGETS:
        raise BadInput(f"--target must be one of {', '.join(TARGETS)}, not {target!r:.40}.")
    labels: dict[str, list[Label]] = defaultdict(list)
    for label in store.labels():
        labels[label.trace_id].append(label)
    bad = {label.problem_id for found in labels.values() for label in found if label.kind == "bad_problem"}
    rows: list[ValueRow] = []
    dropped: Counter[str] = Counter()
    for problem in problems_of(store):
        seen: dict[tuple[str, str, tuple[float, ...]], ValueRow] = {}
        for trace in store.traces(problem.id):
            row = _row(engine, trace, problem, labels[trace.id], target)
            if problem.id in bad:
                dropped["its problem was marked bad"] += 1
            elif isinstance(row, str):
                dropped[row] += 1
            else:
                key = row.solution.prompt, row.solution.text, row.targets
                seen[key] = replace(row, num=seen[key].num + 1) if key in seen else row
        rows += seen.values()
    return rows, Counts(sum(row.num for row in rows), 0, dict(dropped))


def problems_of(store: Store) -> Iterator[Problem]:
    """Every problem of the store, in the order they came in."""
    page = 1_000
    for offset in range(0, store.count_problems(), page):
        for found in store.find_problems(limit=page, offset=offset):
            yield found.problem


def _row(engine: Engine, trace: Trace, problem: Problem, labels: Sequence[Label], target: str) -> ValueRow | str:
    """The row that a trace gives, or why it gives none."""
    if not trace.steps:
        return "it has no steps"
    targets: tuple[float, ...] | str = "no one has judged its steps"
    if target != "outcome":
        targets = _by_people(labels, len(trace.steps))
    if isinstance(targets, str) and target != "steps":
        targets = _by_outcome(trace)
    if isinstance(targets, str):
        return targets
    solution = solution_of(engine, trace, problem)
    reason = why_not_readable(engine, solution)
    status = trace.verdict.status
    is_right = None if status == "unjudged" else status == "right"
    return reason or ValueRow(problem.id, trace.id, solution, targets, is_right)


def _by_outcome(trace: Trace) -> tuple[float, ...] | str:
    status = trace.verdict.status
    if status == "unjudged":
        return "its answer could not be judged"
    return (float(status == "right"),) * len(trace.steps)


def _by_people(labels: Sequence[Label], num_steps: int) -> tuple[float, ...] | str:
    """What people said of the steps: the most named first wrong step, the earliest of equals, as for pairs."""
    told = [label for label in labels if label.kind in ("first_wrong", "all_right")]
    if not told:
        return "no one has judged its steps" if not labels else "marked unsure, skipped or bad problem"
    if len({label.kind for label in told}) > 1:
        return "annotators disagree on whether it has a wrong step"
    votes = Counter(label.step for label in told)
    step = min(votes, key=lambda one: (-votes[one], one or 0))
    if step is None:
        return (1.0,) * num_steps
    if not 0 <= step < num_steps:
        return "its step is not in the trace"
    return (1.0,) * step + (0.0,) * (num_steps - step)


def split_by_problem(rows: Sequence[ValueRow], share: float, seed: int) -> tuple[list[ValueRow], list[ValueRow]]:
    """(train, held out): `share` (0-1) of the problems, chosen by `seed`, with all their rows; none on both sides."""
    order = sorted({row.problem_id for row in rows}, key=lambda problem_id: content_id("split", str(seed), problem_id))
    kept_out = set(order[: round(share * len(order))])
    train = [row for row in rows if row.problem_id not in kept_out]
    return train, [row for row in rows if row.problem_id in kept_out]
