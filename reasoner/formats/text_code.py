"""A solution of words, code and the interpreter's outputs in turn (MARIO, arXiv 2401.08190; ToRA, arXiv 2309.17452).

    Ben's coins = Ana's coins + 26
    <code>
    Ben_coins = 41 + 26
    Ben_coins
    </code>
    Output: 67
    Final Answer: 67

A block of words, a block of code, an output: each is one step. While it is written, generation pauses at the end of the
code, the code is run, and its output is put in (reasoner/rounds.py). Reading runs the code once more: the outcome of a
code step is what it gave now; an output that says something else was not the interpreter's, or not of this code, and
its outcome says so. The answer is what the words after the last output state.

Not covered: code whose output is another at each run (random numbers, the time).
"""

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from reasoner.checks.answers import extract_answer
from reasoner.checks.python import Interpreter, Snippet
from reasoner.engines.prompts import STOP
from reasoner.formats.format import Format, Reading, before_stop
from reasoner.formats.segments import Segment, split_segments
from reasoner.records import Step
from reasoner.steps import tag_steps

MAX_OUTPUT = 500  # characters of an output that are put into a solution. Ours: room is left for the solution itself
TOLERANCE = 1e-6  # relative, for numbers in two outputs. Ours: versions of Python round the last digit differently
DIFFERS = "not what the code gives: "  # how the outcome begins of an output that the re-run does not confirm

INSTRUCTION = """Solve the problem in turns of words, Python code and its output. First say in one short line what \
you compute, then write the code between <code> and </code>, its last line the value you want to see. Stop there: the \
code is run for you, and its output is put after "Output:". Never write an output yourself. Names stay known from one \
block to the next. When you know the answer, write a last line "Final Answer: N". For example, for "Ana has 3 coins. \
Ben has 2 more coins than Ana. How many coins does Ben have?":
Ben's coins = Ana's coins + 2
<code>
Ben_coins = 3 + 2
Ben_coins
</code>
Output: 5
Final Answer: 5"""

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_ERROR = re.compile(r"\b([A-Z]\w*(?:Error|Exception|Iteration|Interrupt|Exit))\b")
_FINAL = re.compile(r"Final Answer(?:\*\*)?[ \t]*:", re.IGNORECASE)


def parse(text: str) -> tuple[Step, ...]:
    """The blocks of a completion; nothing is run."""
    text = before_stop(text, TEXT_CODE.stop)
    return _steps(text, split_segments(text))


def answer(text: str) -> str | None:
    """The answer that the words after the last output state; None where they state none, or where there are none."""
    text = before_stop(text, TEXT_CODE.stop)
    words = []
    for segment in reversed(split_segments(text)):
        if segment.kind != "words":
            break
        words.append(segment.body)
    said = re.sub(r"</?p>", "\n", "\n".join(reversed(words)))
    final = _FINAL.split(said)
    return extract_answer(f"Answer: {final[-1].strip()}" if len(final) > 1 else said)


@lru_cache(maxsize=4_096)
def read(text: str) -> Reading:
    """The blocks with what running the code gives now, and the answer."""
    text = before_stop(text, TEXT_CODE.stop)
    segments = split_segments(text)
    outcomes = rerun(segments)
    steps = tuple(
        replace(step, outcome=outcome) for step, outcome in zip(_steps(text, segments), outcomes, strict=True)
    )
    stated = answer(text)
    return Reading(steps, stated, "" if stated else _why_none(segments, outcomes))


def rerun(segments: Sequence[Segment]) -> list[str]:
    """What each block gives: the output of the code, "not what the code gives: …" of another output, else ""."""
    outcomes, given = [""] * len(segments), None
    if not any(segment.kind == "code" for segment in segments):
        return outcomes
    with Interpreter() as python:
        for place, segment in enumerate(segments):
            if segment.kind == "code":
                snippet = python.run(segment.body)
                given = output_of(snippet)
                outcomes[place] = output_of(replace(snippet, output="")) if snippet.error else given
            elif segment.kind == "output" and given is not None:
                is_same = same_output(segment.body, given) or same_output(segment.body, one_line(given))
                outcomes[place] = "" if is_same else DIFFERS + (given or "nothing")
    return outcomes


def output_of(snippet: Snippet, limit: int = MAX_OUTPUT) -> str:
    """What an interpreter shows of a snippet: what was printed, the value of the last expression, the error."""
    shown = [snippet.output.strip("\n").rstrip(), snippet.value, snippet.error]
    text = "\n".join(one for one in shown if one)
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def one_line(output: str) -> str:
    """An output as it follows "Output:", where a line break would end it."""
    return "; ".join(line.strip() for line in output.splitlines() if line.strip())


def interpreter_spans(text: str, before: str = "") -> list[tuple[int, int]]:
    """(start, end) of the stretches of `text` that the interpreter wrote, with the line break that ends them.

    For training: nothing there is to be learnt, nor rejected. `before` is the solution that `text` goes on with.
    """
    shift, whole = len(before), before + text
    spans = []
    for segment in split_segments(whole):
        if segment.kind == "output" and segment.end > shift:
            end = segment.end + (whole[segment.end : segment.end + 1] == "\n")
            spans.append((max(segment.start - shift, 0), end - shift))
    return spans


def same_output(recorded: str, given: str) -> bool:
    """Do two outputs say the same? Numbers may differ in the last digit, errors in their words."""
    one, other = " ".join(recorded.split()), " ".join(given.split())
    if one == other:
        return True
    errors = [_ERROR.findall(one), _ERROR.findall(other)]
    if all(errors):
        return errors[0][-1] == errors[1][-1]
    if _NUMBER.sub("#", one) != _NUMBER.sub("#", other):
        return False
    pairs = zip(_NUMBER.findall(one), _NUMBER.findall(other), strict=True)
    return all(math.isclose(float(a), float(b), rel_tol=TOLERANCE) for a, b in pairs)


def _why_none(segments: Sequence[Segment], outcomes: Sequence[str]) -> str:
    failed = [outcome for segment, outcome in zip(segments, outcomes, strict=True) if segment.kind == "code"]
    if failed and _ERROR.search(failed[-1]):
        return failed[-1].split("\n")[-1]
    return "it states no final answer"


def _steps(text: str, segments: Sequence[Segment]) -> tuple[Step, ...]:
    """Words keep the action they name or suggest, code solves, an output does nothing by itself."""
    said = [text[segment.start : segment.end] for segment in segments]
    is_code = [segment.kind == "code" for segment in segments]
    worded = tag_steps([one if segment.kind == "words" else "" for one, segment in zip(said, segments, strict=True)])
    actions = ["Solve Subquestion" if code else step.action for code, step in zip(is_code, worded, strict=True)]
    if any(is_code):
        actions = [
            "Decompose" if action in ("Solve Subquestion", "Solve Parent") and not code else action
            for action, code in zip(actions, is_code, strict=True)
        ]
        actions[max(place for place, code in enumerate(is_code) if code)] = "Solve Parent"
    return tuple(
        Step(one, action, step.is_legal, kind=segment.kind)
        for one, action, step, segment in zip(said, actions, worded, segments, strict=True)
    )


TEXT_CODE = Format(
    name="text_code",
    title="Words and code",
    instruction=INSTRUCTION,
    stop=(STOP,),
    max_new_tokens=768,  # Ours: MARIO's blocks take about 60 tokens, and there are up to 8
    parse=parse,
    answer=answer,
    tag="Words and code",
    runs=True,
    read=read,
    code_ends=("</code>", "```output", "\n```\n"),
)
