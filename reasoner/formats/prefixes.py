"""The text of a solution's first steps, to be continued; and where such a prefix may end.

    prefix_text(trace, 1)       the text up to and with step 1, and a line break
    step_text(trace, 1)         what stands between the prefix that ends with step 0 and that which ends with step 1
    stops(trace)                [0, 2, 3]: the steps with which a prefix may end

Lines of words are put together again, a line each. In programs what stands between the steps matters (fences, the line
of `def`), so there prefixes are cut out of the text itself.

An output is not the model's: it belongs to the code before it, so no prefix ends between the two.
"""

from collections.abc import Sequence

from reasoner.formats import FORMATS, Format
from reasoner.records import Step, Trace


def format_of(trace: Trace) -> Format:
    """The format a trace is written in; plain words for formats that are not ours (imported traces)."""
    return FORMATS.get(trace.format, FORMATS["cot"])


def prefix_text(trace: Trace, step: int) -> str:
    """The solution up to and with `step` (0-based), ended by a line break; empty for -1."""
    if step < 0:
        return ""
    end = _end(trace.text, trace.steps[: step + 1]) if format_of(trace).runs else None
    if end is None:
        return "".join(one.text + "\n" for one in trace.steps[: step + 1])
    return trace.text[:end] + "\n"


def step_text(trace: Trace, step: int) -> str:
    """What `step` adds to the prefix before it: its text with what stands right before it, and a line break."""
    return prefix_text(trace, step)[len(prefix_text(trace, step - 1)) :]


def stops(trace: Trace) -> list[int]:
    """The steps (0-based) with which a prefix may end: all but those that an output follows."""
    follows = [step.kind == "output" for step in trace.steps[1:]] + [False]
    return [index for index, is_before_output in enumerate(follows) if not is_before_output]


def _end(text: str, steps: Sequence[Step]) -> int | None:
    """Where the last of these steps ends in `text`; None where it does not hold them one after the other."""
    place = 0
    for step in steps:
        start = text.find(step.text, place)
        if start < 0:
            return None
        place = start + len(step.text)
    return place
