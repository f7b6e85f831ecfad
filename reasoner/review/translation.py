"""A chain of thought made into a program, run, and its answer held against the words'.

    found = translate(engine, problem, trace)
    found.words       "Its translation into a program gives 67, where the words say 41."
    store.add_traces([found.trace])

A chat model is told to translate this very solution, with one worked example (after arXiv 2410.05318, which keeps what
both ways of writing agree on). The built-in solver takes no instructions: the program that it writes for the same
question is a second solution, not a translation, and the words say so.

Not covered: whether the program really says what the chain of thought says; its steps stand beside it for a person.
"""

from dataclasses import dataclass, replace

from reasoner.checks.answers import equal_answers
from reasoner.engines import Engine
from reasoner.errors import BadInput
from reasoner.formats import FORMATS
from reasoner.records import Problem, Trace
from reasoner.review.agreement import short
from reasoner.solve import check_prompt, check_question, trace_of

INSTRUCTION = """Translate the solution below into a Python program, step by step and exactly as it stands: the same \
numbers, the same operations, the same order. Do not correct it, even where you find it wrong; let Python compute the \
results. Store the final result in a variable named answer. Write the program alone.

Example
Question: A pen costs 3 dollars and a pad costs 2 dollars more. What do a pen and two pads cost?
Solution: A pad costs 3 + 2 = 5 dollars. Two pads cost 5 * 2 = 10 dollars. The answer is 10.
Program:
pen = 3
pad = pen + 2
two_pads = pad * 2
answer = two_pads"""
"""How a chat model is asked to translate. The worked example leaves the pen out as its solution does: a translator that
solves the question instead would give itself away. Ours, after arXiv 2410.05318."""


@dataclass(frozen=True, slots=True)
class Translation:
    """A program made of a chain of thought (or beside it), and whether both give the same answer."""

    trace: Trace  # the program, run; format "program"
    of: str  # id of the chain of thought
    is_translation: bool  # False: a second solution of the same question, by a model that takes no instructions
    agrees: bool | None  # None: one of them has no answer, or they cannot be compared
    words: str


def translate(engine: Engine, problem: Problem, trace: Trace, seed: int = 0) -> Translation:
    """Ask `engine` for a program that says what `trace` says, greedily, and run it. Nothing is stored.

    Raises BadInput (not in words; question and solution too long for the model) and EngineError, as solving does.
    """
    own = FORMATS.get(trace.format)
    if own is not None and own.runs:
        raise BadInput("This solution is executed as it stands. Only solutions in words are made into a program.")
    writing = FORMATS["program"]
    check_question(problem.question)
    prompt = engine.render(f"Question: {problem.question}\nSolution: {_told(trace)}\nProgram:", INSTRUCTION)
    is_translation = INSTRUCTION.split("\n")[0] in prompt  # a plain model is not told any
    if not is_translation:
        prompt = engine.render(problem.question, writing.instruction, writing.tag)
    check_prompt(engine, prompt)
    sampling = replace(writing.sampling(num=1, temperature=0.0), seed=seed)
    [[completion]] = engine.complete([prompt], sampling)
    program = trace_of(engine, problem, writing, prompt, completion, sampling)
    agrees = None
    if trace.answer is not None and program.answer is not None:
        agrees = equal_answers(trace.answer, program.answer)
    return Translation(program, trace.id, is_translation, agrees, _in_words(trace, program, is_translation, agrees))


def _told(trace: Trace) -> str:
    return "\n".join(step.text for step in trace.steps)


def _in_words(trace: Trace, program: Trace, is_translation: bool, agrees: bool | None) -> str:
    what = "Its translation into a program" if is_translation else "A second solution, written as a program,"
    because = "" if is_translation else " (this model does not translate: it solved the question again)"
    if program.answer is None:
        return f"{what} gave no answer: {program.verdict.reason}{because}."
    if agrees is None:
        return f"{what} gives {short(program.answer)}, which could not be compared{because}."
    if agrees:
        return f"{what} gives {short(program.answer)} too{because}."
    return f"{what} gives {short(program.answer)}, where the words say {short(trace.answer or '')}{because}."
