"""One prefix of a trace, continued by an engine and judged: what every search for a pit is made of.

    prompt = prefix_prompt(trace, 1)                   the question and steps 0 and 1, as the model is asked
    continue_prefix(engine, trace, problem, 1, 4)      Probe(step=1, completions=("…", …), recovered=(True, …), …)

A completion recovers when prefix and completion together reach the gold answer. A completion whose answer cannot be
read is no answer at all: it counts as not recovered, and its text is there to look at.

Two kinds of completions did not recover and still say nothing of the step before them: those cut at the limit of
tokens, and those that are empty although the solution is not over (a server's hiccup, or a model that gives up).
`tells` knows them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from reasoner.checks.answers import equal_answers
from reasoner.engines import Engine
from reasoner.errors import BadInput
from reasoner.exploring import Outcome
from reasoner.formats import Format
from reasoner.formats.prefixes import format_of, prefix_text, step_text
from reasoner.records import Completion, JudgedBy, Probe, Problem, Trace
from reasoner.rounds import complete

TEMPERATURE = 0.7  # Self-Explore §4


def why_not_explorable(
    engine: Engine, trace: Trace, problem: Problem, judged_by: JudgedBy = "gold", step: int = 0
) -> str:
    """Why this trace cannot be explored, for a person or a count of drops; empty when it can.

    judged_by "agreement": a gold answer is not needed. step: 0-based, of the prefix that has to fit the context.
    """
    if problem.id != trace.problem_id:
        return "it is a solution of another problem"
    if judged_by == "gold" and not has_gold(problem):
        return (
            "the problem's right answer is not known, so no completion can be judged; add the answer first, or explore "
            "by agreement of samples"
        )
    if not trace.steps:
        return "it has no steps"
    shortest = prefix_prompt(trace, step, question_part(engine, trace, problem))
    if engine.count_tokens(shortest) >= engine.context:
        return f"it is longer than the {engine.context:,} tokens that the model reads"
    return ""


def has_gold(problem: Problem) -> bool:
    """Is there an answer to judge completions by?"""
    return problem.answer is not None and bool(problem.answer.strip())


def continue_prefix(
    engine: Engine,
    trace: Trace,
    problem: Problem,
    step: int,
    num: int,
    temperature: float = TEMPERATURE,
    seed: int = 0,
) -> Probe:
    """`num` completions from the prefix that ends with `step` (0-based; -1 is the bare question), each judged.

    Completion i is the one that seed + i gives: going on with seed + num adds new ones to those there already.
    Raises BadInput when the trace cannot be explored or has no such step.
    """
    if not -1 <= step < max(1, len(trace.steps)):
        raise BadInput(f"The trace has steps 0 to {len(trace.steps) - 1}; there is no step {step}.")
    reason = why_not_explorable(engine, trace, problem, step=step)
    if reason:
        raise BadInput(f"Trace {trace.id} cannot be explored: {reason}.")
    prompt = prefix_prompt(trace, step, question_part(engine, trace, problem))
    writing, begun = format_of(trace), prefix_text(trace, step)
    [completions] = complete(engine, writing, [prompt], writing.sampling(num, temperature, seed), [begun])
    return probe_of(trace, problem, step, prompt, completions)


def question_part(engine: Engine, trace: Trace, problem: Problem) -> str:
    """What stands before the steps: the trace's own prompt where this model wrote it, else this model's rendering."""
    is_own = (trace.maker.engine, trace.maker.model) == (engine.maker.engine, engine.maker.model)
    if trace.prompt and is_own:
        return trace.prompt
    return engine.render(problem.question, format_of(trace).instruction, format_of(trace).tag)


def prefix_prompt(trace: Trace, step: int, question_part: str | None = None) -> str:
    """The text to continue: question part (the trace's own prompt if None), then steps 0..step."""
    return (trace.prompt if question_part is None else question_part) + prefix_text(trace, step)


def probe_of(trace: Trace, problem: Problem, step: int, prompt: str, completions: Sequence[Completion]) -> Probe:
    """The probe that these completions of `prompt` make, each compared with the gold answer."""
    writing = format_of(trace)
    probe = Probe(
        step=step,
        completions=tuple(writing.solution(completion.text) for completion in completions),
        recovered=(),
        num_tokens=sum(completion.num_tokens for completion in completions),
        prompt=prompt,
        is_cut=tuple(not completion.is_finished for completion in completions),
    )
    return judged(trace, problem, probe)


def judged(trace: Trace, problem: Problem, probe: Probe) -> Probe:
    """The probe with its completions compared with the problem's answer as it is now."""
    writing = format_of(trace)
    recovered = (_has_recovered(trace, problem, probe.step, text, writing) for text in probe.completions)
    return replace(probe, recovered=tuple(recovered))


def joined(first: Probe | None, second: Probe) -> Probe:
    """Two probes of one prefix as one."""
    if first is None:
        return second
    return replace(
        first,
        completions=first.completions + second.completions,
        recovered=first.recovered + second.recovered,
        num_tokens=first.num_tokens + second.num_tokens,
        is_cut=_cuts(first) + _cuts(second),
    )


def tells(trace: Trace, probe: Probe) -> list[bool]:
    """Of each completion: does it say anything of the prefix?

    One that recovered always does. One that did not says nothing when it was cut at the limit of tokens, or is empty
    before the solution's end: it never came to an answer.
    """
    is_end = probe.step == len(trace.steps) - 1
    rows = zip(probe.completions, probe.recovered, _cuts(probe), strict=True)
    return [recovered or (not cut and (is_end or bool(text.strip()))) for text, recovered, cut in rows]


def outcomes_of(trace: Trace, ends: Sequence[int], probe: Probe) -> list[Outcome]:
    """What each completion of a probe came to, and how many of the trace's next prefixes it passes through."""
    begun = prefix_text(trace, probe.step)
    later = [end for end in ends if end > probe.step]
    return [
        Outcome(recovered, repeated=_num_passed(trace, later, begun + text + "\n"))
        for recovered, text in zip(probe.recovered, probe.completions, strict=True)
    ]


def _num_passed(trace: Trace, ends: Iterable[int], whole: str) -> int:
    for number, end in enumerate(ends):
        if not whole.startswith(prefix_text(trace, end)):
            return number
    return len(list(ends))


def passing(trace: Trace, step: int, probes: Iterable[Probe], prompt: str) -> list[Probe]:
    """The completions of earlier prefixes that pass through the one that ends with `step`, cut there; or nothing."""
    begun = prefix_text(trace, step)
    found: list[tuple[str, bool, bool]] = []
    for probe in probes:
        if not probe.is_passing and 0 <= probe.step < step:
            before = prefix_text(trace, probe.step)
            rows = zip(probe.completions, probe.recovered, probe.is_cut, strict=True)
            found += [
                ((before + text).removeprefix(begun), recovered, cut)
                for text, recovered, cut in rows
                if (before + text).startswith(begun)
            ]
    if not found:
        return []
    texts, recovered, cuts = zip(*found, strict=True)
    return [Probe(step, texts, recovered, 0, prompt, cuts, is_passing=True)]


def lengths_of(engine: Engine, trace: Trace, ends: Sequence[int]) -> list[float]:
    """The tokens that the trace itself has after each prefix, and one for the end."""
    pieces = [engine.count_tokens(step_text(trace, step)) for step in range(len(trace.steps))]
    return [1.0 + sum(pieces[end + 1 :]) for end in ends]


def fitting(engine: Engine, trace: Trace, question: str, ends: Sequence[int]) -> int:
    """How many of the prefixes that end with `ends` leave room in the model's context."""
    if engine.count_tokens(prefix_prompt(trace, ends[-1], question)) < engine.context:
        return len(ends)
    low, high = 0, len(ends) - 1  # `low` of them are known to fit, prefix number `high` does not
    while low < high:
        middle = (low + high) // 2
        if engine.count_tokens(prefix_prompt(trace, ends[middle], question)) < engine.context:
            low = middle + 1
        else:
            high = middle
    return low


def _cuts(probe: Probe) -> tuple[bool, ...]:
    return probe.is_cut or (False,) * len(probe.completions)


def _has_recovered(trace: Trace, problem: Problem, step: int, text: str, writing: Format) -> bool:
    """Did prefix + completion reach the gold answer? A completion that adds nothing leaves the last step's answer."""
    last_word = text if text.strip() or step < 0 else trace.steps[step].text
    if writing.runs:
        last_word = prefix_text(trace, step) + text
    answer = writing.answer(last_word)
    return answer is not None and problem.answer is not None and equal_answers(problem.answer, answer) is True
