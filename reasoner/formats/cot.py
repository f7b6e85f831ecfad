"""A solution in plain words, one step a line (chain of thought, arXiv 2201.11903).

Ben has 3 + 2 = 5 coins.
The answer is 5.
"""

from reasoner.checks.answers import extract_answer
from reasoner.engines.prompts import STOP
from reasoner.formats.format import Format, before_stop
from reasoner.records import Step
from reasoner.steps import split_steps

INSTRUCTION = (
    "Think step by step. Write one short step a line, with its equation, and end with a line "
    "'The answer is N.' where N is the answer alone."
)


def parse(text: str) -> tuple[Step, ...]:
    """The steps of a completion: its lines, or its sentences when it is one line."""
    return split_steps(before_stop(text, COT.stop))


def answer(text: str) -> str | None:
    """The answer the text states, or the last number in it."""
    return extract_answer(before_stop(text, COT.stop))


COT = Format(
    name="cot",
    title="Chain of thought",
    instruction=INSTRUCTION,
    stop=(STOP,),
    max_new_tokens=512,  # Self-Explore, arXiv 2404.10346 §4, for GSM8K
    parse=parse,
    answer=answer,
    tag="Words",
)
