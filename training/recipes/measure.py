"""How well one solver does on held-out problems: greedily, and by several samples a problem. One JSONL row a problem.

    measured = measure(engine, problems, num_samples=8, temperature=0.7, seed=0, folder=Path("DIR/seed-0/base"))
    measured.accuracy                 Interval(rate=0.66, low=0.62, high=0.70, successes=330, total=500)
    measured.outcomes[0].greedy       "right" | "not right" | "unjudged"
    measured.outcomes[0].right        (True, False, None, …): of each sample; None where it could not be judged

    DIR/seed-0/base/measured.jsonl    first what was asked for, then a row a problem

Rows are written in chunks, and a run that was killed goes on after the last whole one. A solution without an answer, to
a problem whose answer is known, is not right (as everywhere here); what cannot be judged is counted apart, never as
wrong. Samples are drawn with seeds of their own for every `seed`, so that three seeds of one solver share none.

The first error of a greedy solution that is not right has KPDD's class (arXiv 2407.10167): told by the step oracle
where the problem was generated, else proposed by the checks. Both are marked, they are not the same measure.

Not covered: two processes that write one file.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from reasoner.engines import Engine
from reasoner.errors import BadInput
from reasoner.formats import Format, format_named
from reasoner.records import Completion, Problem, Trace, content_id
from reasoner.review.error_classes import CLASSES, COULD_NOT_TELL, propose
from reasoner.rounds import complete
from reasoner.solve import check_prompt, check_question, trace_of
from reasoner.votes import group_answers
from training.oracle import error_class
from training.recipes.measured import FILE, Asked, Measured, Outcome, Rows, Status, measured_of, read_measured

__all__ = ["Measured", "Outcome", "measure", "read_measured"]

CHUNK = 2048  # completions between two writes. Ours: batches of the local engine stay full, little is lost by a kill
SEED_STRIDE = 100_003  # ours: sample i of seed s has seed s * SEED_STRIDE + i, engines count samples up from the seed

Follow = Callable[[int, int], None]
"""Called with (problems done, problems in all)."""


def measure(
    engine: Engine,
    problems: Sequence[Problem],
    *,
    format: str = "transitions",
    num_samples: int = 8,
    temperature: float = 0.7,
    seed: int = 0,
    folder: Path | None = None,
    follow: Follow | None = None,
) -> Measured:
    """Solve each problem once greedily and `num_samples` times at `temperature` (0: greedily alone).

    folder: where measured.jsonl is kept; a call with the same arguments goes on with it, None writes nothing.
    A problem given twice is measured once. Raises BadInput, RunError (a file of other settings), EngineError.
    """
    if num_samples < 0 or temperature < 0:
        raise BadInput("The number of samples and the temperature are at least 0.")
    began = time.perf_counter()
    problems = list({problem.id: problem for problem in problems}.values())
    writing = format_named(format)
    asked = _asked(engine, problems, format, num_samples, temperature, seed)
    rows = Rows(folder / FILE if folder else None, asked)
    left = [problem for problem in problems if problem.id not in rows.found]
    size = max(1, CHUNK // (num_samples + 1))
    if follow and problems:
        follow(len(problems) - len(left), len(problems))
    for start in range(0, len(left), size):
        rows.add(_outcomes(engine, left[start : start + size], writing, num_samples, temperature, seed))
        if follow:
            follow(len(rows.found), len(problems))
    outcomes = tuple(rows.found[problem.id] for problem in problems)
    return replace(measured_of(asked, outcomes), seconds=time.perf_counter() - began)


def _outcomes(
    engine: Engine, problems: Sequence[Problem], writing: Format, num: int, temperature: float, seed: int
) -> list[Outcome]:
    """One an asked problem, all of them together in two calls of the engine."""
    prompts: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for problem in problems:
        try:
            check_question(problem.question)
            prompt = engine.render(problem.question, writing.instruction, writing.tag)
            check_prompt(engine, prompt)
            prompts[problem.id] = prompt
        except BadInput as error:
            reasons[problem.id] = str(error)
    asked = list(prompts.values())
    greedy = writing.sampling(num=1, temperature=0.0, seed=0)
    sampling = writing.sampling(num=num, temperature=temperature, seed=seed * SEED_STRIDE)
    firsts = complete(engine, writing, asked, greedy) if asked else []
    samples = complete(engine, writing, asked, sampling) if asked and num else [[] for _ in asked]
    drawn = dict(zip(prompts, zip(firsts, samples, strict=True), strict=True))
    outcomes = []
    for problem in problems:
        if problem.id in reasons:
            outcomes.append(Outcome(problem.id, problem.level, "unjudged", reason=reasons[problem.id]))
            continue
        [first], several = drawn[problem.id]
        trace = trace_of(engine, problem, writing, prompts[problem.id], first, greedy)
        traces = [trace_of(engine, problem, writing, prompts[problem.id], one, sampling) for one in several]
        outcomes.append(_outcome(problem, trace, first, traces, several))
    return outcomes


def _outcome(
    problem: Problem, trace: Trace, first: Completion, traces: Sequence[Trace], several: Sequence[Completion]
) -> Outcome:
    status = status_of(problem, trace)
    by: Literal["oracle", "machine", ""]
    by, found = first_error(problem, trace) if status == "not right" else ("", "")
    texts = {" ".join(one.text.split()) for one in several}
    rights = tuple(_is_right(status_of(problem, one)) for one in traces)
    return Outcome(
        problem_id=problem.id,
        level=problem.level,
        greedy=status,
        reason=trace.verdict.reason if status == "unjudged" else "",
        text=first.text,
        answer=trace.answer,
        tokens=first.num_tokens,
        error_class=found,
        error_by=by,
        right=rights,
        groups=_groups(traces),
        num_distinct=len(texts),
        sampled_tokens=sum(one.num_tokens for one in several),
    )


def status_of(problem: Problem, trace: Trace) -> Status:
    """A solution that comes to no answer is not right where one is known; what cannot be compared is unjudged."""
    if trace.verdict.status == "unjudged":
        is_known = bool(problem.answer and problem.answer.strip())
        has_answer = bool(trace.answer and trace.answer.strip())
        return "unjudged" if has_answer or not is_known else "not right"
    return "right" if trace.verdict.status == "right" else "not right"


def first_error(problem: Problem, trace: Trace) -> tuple[Literal["oracle", "machine"], str]:
    """Who tells it, and the class of a solution's first error."""
    if problem.spec.strip():
        told = error_class(problem, [step.text for step in trace.steps])
        return "oracle", told if told in CLASSES else COULD_NOT_TELL
    return "machine", propose(trace, problem).error_class or COULD_NOT_TELL


def _is_right(status: Status) -> bool | None:
    return None if status == "unjudged" else status == "right"


def _groups(traces: Sequence[Trace]) -> tuple[int, ...]:
    answered = [place for place, trace in enumerate(traces) if trace.answer and trace.answer.strip()]
    groups = [-1] * len(traces)
    for number, members in enumerate(group_answers([traces[place].answer or "" for place in answered])):
        for member in members:
            groups[answered[member]] = number
    return tuple(groups)


def _asked(
    engine: Engine, problems: Sequence[Problem], format: str, num_samples: int, temperature: float, seed: int
) -> Asked:
    """What a file of rows depends on: its first line."""
    return {
        "measured": 1,
        "model": engine.maker.model,
        "adapter": engine.maker.adapter,
        "format": format,
        "num_samples": num_samples,
        "temperature": temperature,
        "seed": seed,
        "num_problems": len(problems),
        "problems": content_id("problems", *(part for one in problems for part in (one.id, one.answer or ""))),
    }
