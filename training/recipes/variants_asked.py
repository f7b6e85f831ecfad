"""Variants of problems that nobody generated: an engine writes them, and its own samples must agree on the answer.

    found = asked_variants(engine, [(problem, "harder"), (problem, "numbers")], num=8, share=0.6, seed=0)
    found[0]        Problem(…, answer="75", source="harder than 3f…: 6 of 8 samples of M agree", solution="…")
    found[1]        "its samples do not agree: 3 of 8 at most"

FDD (arXiv 2411.14698) has a large model write harder problems and siblings of hard ones. No gold answer is known for
them: the answer is the one that most of `num` samples give, if at least `share` of all samples do, and the problem's
source says so. Such an answer may be wrong; where the generator knows the problem, training/variants.py is exact.
"""

from collections.abc import Sequence
from dataclasses import replace

from reasoner.engines import Engine
from reasoner.errors import BadInput
from reasoner.formats import format_named
from reasoner.records import Problem, Sampling, Trace, make_problem
from reasoner.solve import check_prompt, check_question, solve_many
from reasoner.votes import group_answers, majority

MAX_NEW_TOKENS = 400  # of a new problem. Ours: twice GSM8K's longest
INSTRUCTIONS = {
    "numbers": "Do not solve the problem. Write it again with other numbers, so that it still makes sense and has one "
    "answer. Change nothing else. Reply with the new problem alone, on one line.",
    "words": "Do not solve the problem. Write it again about other people and other things, in other words, with the "
    "same numbers and the same answer. Reply with the new problem alone, on one line.",
    "harder": "Do not solve the problem. Write a harder one from it, which needs exactly one more step of reasoning: "
    "add one more quantity that depends on those there are, and ask for it. Reply with the new problem alone, on one "
    "line.",
}
"""Kind of variant → what is asked (ours: the paper's prompts are not published)."""


def asked_variants(
    engine: Engine,
    jobs: Sequence[tuple[Problem, str]],
    *,
    num: int = 8,
    share: float = 0.6,
    temperature: float = 0.7,
    seed: int = 0,
    format: str = "cot",
) -> list[Problem | str]:
    """For each (problem, kind) a new problem with its agreed answer, or in words why there is none."""
    prompts: dict[int, str] = {}
    found: list[Problem | str] = [""] * len(jobs)
    for place, (problem, kind) in enumerate(jobs):
        try:
            prompt = engine.render(problem.question, INSTRUCTIONS[kind])
            check_prompt(engine, prompt)
            prompts[place] = prompt
        except BadInput as error:
            found[place] = f"it cannot be asked: {error}"
    sampling = Sampling(1, temperature, 1.0, MAX_NEW_TOKENS, ("\n",), seed)
    drawn = engine.complete(list(prompts.values()), sampling) if prompts else []
    made: dict[int, Problem] = {}
    for place, [completion] in zip(prompts, drawn, strict=True):
        old, _ = jobs[place]
        text = " ".join(completion.text.split())
        reason = _unusable(engine, old, text, completion.is_finished)
        if reason:
            found[place] = reason
        else:
            made[place] = make_problem(text, None, old.source, level=old.level)
    for place, answered in _answered(engine, made, jobs, num, share, temperature, seed, format).items():
        found[place] = answered
    return found


def _unusable(engine: Engine, old: Problem, text: str, is_finished: bool) -> str:
    """Why what the engine wrote is no new problem; empty where it is one."""
    try:
        check_question(text)
    except BadInput:
        return "what the engine wrote is no problem"
    if not is_finished:
        return "the new problem was cut at the limit of tokens"
    if " ".join(old.question.split()) == text:
        return "the new problem is the old one"
    if not any(mark in text for mark in "?."):
        return "what the engine wrote is no problem"
    return "words outside the model's vocabulary" if engine.unknown_words(text) else ""


def _answered(
    engine: Engine,
    made: dict[int, Problem],
    jobs: Sequence[tuple[Problem, str]],
    num: int,
    share: float,
    temperature: float,
    seed: int,
    format: str,
) -> dict[int, Problem | str]:
    """Each new problem with the answer that its samples agree on."""
    sampling = format_named(format).sampling(num, temperature, seed)
    problems = list({problem.id: problem for problem in made.values()}.values())
    by_problem: dict[str, list[Trace]] = {problem.id: [] for problem in problems}
    for trace in solve_many(engine, problems, format, sampling) if problems else ():
        by_problem[trace.problem_id].append(trace)
    found: dict[int, Problem | str] = {}
    for place, problem in made.items():
        old, kind = jobs[place]
        found[place] = _agreed(problem, by_problem[problem.id], num, share, f"{kind} of {old.id}", engine.maker.model)
    return found


def _agreed(problem: Problem, traces: Sequence[Trace], num: int, share: float, of: str, model: str) -> Problem | str:
    answered = [trace for trace in traces if trace.answer and trace.answer.strip()]
    groups = group_answers([trace.answer or "" for trace in answered])
    best = majority(groups)
    largest = len(groups[0]) if groups else 0
    if best is None or largest < share * num:
        return f"its samples do not agree: the commonest answer has less than {share:.0%}"
    shortest = min((answered[place] for place in groups[best]), key=lambda trace: (len(trace.text), trace.text))
    source = f"{of}: {largest} of {num} samples of {model} agree"
    return replace(
        problem,
        answer=shortest.answer,
        source=source[:200],
        solution=format_named(shortest.format).solution(shortest.text),
    )
