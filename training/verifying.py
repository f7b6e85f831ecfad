"""The lines that check and go back, and what of a path still stands after them (Kwai-STaR, arXiv 2411.04799, Table 1).

    verify_line("Ben has 26 more coins than Ana. Ben's coins = Ana's coins + 26", False)     "Verify: Ben … + 26 wrong"
    backtrack_line(2)                                       "Backtrack: to state 2"
    said_of("Verify: 41 + 26 = 67, so that is right")       True
    standing(["Formalize: …", "Solve Parent: …", "Verify: … wrong", "Backtrack: to state 1", "Solve Parent: …"])
                                                            [0, 4]

The paper has no wording for a Verify. Ours quotes what the problem says of the quantity just solved, reads it again as
an equation, then judges: the solver's mistakes are misreadings, and two equations are easier to compare than one with a
sentence (without the equation it called 3 % of wrong paths wrong). State 0 is the question; step i (0-based) leads from
state i to state i + 1.
"""

import re
from collections.abc import Sequence

from reasoner.actions import backtrack_target, explicit_action, without_action
from reasoner.records import Step
from reasoner.steps import tag_steps

RIGHT, WRONG = "right", "wrong"
WORDS = f"Verify: {RIGHT} {WRONG}\nBacktrack: to state"
"""All words that these lines need beside the problem's own: a solver of whole words must have them."""

_SAYS_WRONG = re.compile(
    r"\b(?:wrong|incorrect|mistaken|a mistake|an error|false|fails?|not (?:right|correct|true|equal)|doesn't)\b",
    re.IGNORECASE,
)
_SAYS_RIGHT = re.compile(r"\b(?:right|correct|true|holds|confirmed|matches|as expected|checks out)\b", re.IGNORECASE)


def verify_line(evidence: str, is_right: bool) -> str:
    """One line: what is looked at again, and the judgement."""
    return " ".join(["Verify:", *evidence.split(), RIGHT if is_right else WRONG])


def backtrack_line(state: int) -> str:
    """Back to an earlier state; 0 is the question."""
    return f"Backtrack: to state {state}"


def said_of(text: str) -> bool | None:
    """Does a Verify call the state right? None where it judges nothing, or is no Verify.

    Its last word decides, where that is one of ours: what it quotes may have any words in it.
    """
    if explicit_action(text) != "Verify":
        return None
    body = without_action(text).strip().rstrip(".!")
    last = body.rpartition(" ")[2].lower()
    if last in (RIGHT, WRONG):
        is_negated = last == RIGHT and body.lower().endswith("not right")
        return last == RIGHT and not is_negated
    if _SAYS_WRONG.search(body):
        return False
    return True if _SAYS_RIGHT.search(body) else None


def standing(texts: Sequence[str]) -> list[int]:
    """0-based steps of a path that still count at its end: those that a Backtrack took back do not, nor do the lines
    that check and go back themselves."""
    steps = tag_steps(texts)
    kept: list[int] = []
    for index, step in enumerate(steps):
        if step.action == "Backtrack":
            target = target_of(steps, index)
            kept = [one for one in kept if one < target]
        elif step.action != "Verify":
            kept.append(index)
    return kept


def target_of(steps: Sequence[Step], index: int) -> int:
    """The 0-based state that the Backtrack at `index` goes back to; where none can be told, it takes nothing back."""
    target = backtrack_target(steps, index)
    return index if target is None else target
