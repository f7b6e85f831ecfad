"""A solution as state transitions, one line each, its action named first (Kwai-STaR, arXiv 2411.04799, Table 1).

    Formalize: find Ben's coins
    Decompose: Ana's coins
    Solve Subquestion: Ana's coins = 3
    Solve Parent: Ben's coins = Ana's coins + 2 = 3 + 2 = 5
    Summarize: the answer is 5

The paper writes blocks of "State N:" / "Action: …" / "Output: …"; these are read as well. "Verify: …" checks a state,
and "Backtrack: to state 2" goes back to an earlier one (actions.backtrack_target).
"""

from reasoner.checks.answers import extract_answer
from reasoner.engines.prompts import STOP
from reasoner.formats.format import Format, before_stop
from reasoner.records import Step
from reasoner.steps import split_steps

INSTRUCTION = """Solve the problem as a chain of state transitions, one transition a line, each line beginning with \
its action: first 'Formalize: ' what is asked, then 'Decompose: ' the quantities needed, then one line \
'Solve Subquestion: ' for each of them with its equation, then 'Solve Parent: ' with the equation of what is asked, \
and last 'Summarize: the answer is N'. After a solve you may check it in a line 'Verify: '; if it was wrong, write \
'Backtrack: to state N', where state 0 is the question and each line leads to the next state, and go on from there. \
Write nothing else. For example, for "Ana has 3 coins. Ben has 2 more coins than Ana. How many coins does Ben have?":
Formalize: find Ben's coins
Decompose: Ana's coins
Solve Subquestion: Ana's coins = 3
Solve Parent: Ben's coins = Ana's coins + 2 = 3 + 2 = 5
Summarize: the answer is 5"""


def parse(text: str) -> tuple[Step, ...]:
    """The transitions of a completion, its actions told and checked against the grammar."""
    return split_steps(before_stop(text, TRANSITIONS.stop))


def answer(text: str) -> str | None:
    """The answer that Summarize states, or that the text ends on."""
    return extract_answer(before_stop(text, TRANSITIONS.stop))


TRANSITIONS = Format(
    name="transitions",
    title="State transitions",
    instruction=INSTRUCTION,
    stop=(STOP,),
    max_new_tokens=400,
    parse=parse,
    answer=answer,
    tag="Transitions",
)
