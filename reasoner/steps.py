"""Text into steps, each with its action; and what a step establishes.

    split_steps("Formalize: find Cal's coins\\nSolve Parent: Cal's coins = 67 * 3 = 201\\nSummarize: the answer is 201")
        (Step("Formalize: find Cal's coins", "Formalize"), Step("Solve Parent: …", "Solve Parent"), …)
    split_steps("Ben has 3 + 2 = 5 coins. The answer is 5.")      two steps, by sentence
    established("Solve Parent: Cal's coins = 67 * 3 = 201")       ("cal coins=201",): quantities.py says how

Lines are steps where there is more than one (GSM8K: Self-Explore, arXiv 2404.10346 §3.2), else sentences are. The
written form "State N:" / "Action: …" / "Output: …" is Kwai-STaR's (arXiv 2411.04799): one block, one step, with the
numbers or without.
sentences.split_math is Self-Explore's rule for MATH. actions.py says what the actions are and which transitions are
legal.

Not covered: several numbered steps on one line.
"""

import re
from collections.abc import Sequence

from reasoner.actions import actions_of, explicit_action, illegal_steps
from reasoner.quantities import established
from reasoner.records import Step
from reasoner.sentences import split_sentences

__all__ = ["action_of", "established", "split_steps", "tag_steps"]

_BLOCK = re.compile(
    r"^[ \t]*(?:\#{1,4}[ \t]*)?(?:\*\*)?State[ \t]*\d{1,4}[ \t]*(?:\*\*)?[ \t]*(?::|$)", re.IGNORECASE | re.MULTILINE
)
_ACTION = re.compile(r"^[ \t]*(?:\*\*)?Action(?:\*\*)?[ \t]*:", re.IGNORECASE | re.MULTILINE)
_OUTPUT = re.compile(r"^[ \t]*(?:\*\*)?Output(?:\*\*)?[ \t]*:", re.IGNORECASE | re.MULTILINE)


def split_steps(text: str) -> tuple[Step, ...]:
    """`text` as steps with their actions: blocks, else lines where there are several, else sentences."""
    if _BLOCK.search(text):
        return tag_steps(_blocks(text, _BLOCK))
    if _ACTION.search(text) and _OUTPUT.search(text):
        return tag_steps(_blocks(text, _ACTION))
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return tag_steps(lines if len(lines) > 1 else split_sentences(text))


def _blocks(text: str, beginning: re.Pattern[str]) -> list[str]:
    """Each "State N:", or "Action:", up to the next; lines before the first are steps of their own."""
    starts = [match.start() for match in beginning.finditer(text)]
    before = [line.rstrip() for line in text[: starts[0]].splitlines() if line.strip()]
    ends = [*starts[1:], len(text)]
    return before + [text[start:end].strip() for start, end in zip(starts, ends, strict=True)]


def tag_steps(texts: Sequence[str]) -> tuple[Step, ...]:
    """Steps with these very texts; their actions and whether those are legal filled in."""
    return tuple(
        Step(text, action, not reason)
        for text, action, reason in zip(texts, actions_of(texts), illegal_steps(texts), strict=True)
    )


def action_of(text: str, index: int, total: int) -> str | None:
    """The action of step `index` (0-based) of `total` from this step alone; tag_steps sees all and knows better."""
    action = actions_of([""] * index + [text])[-1]
    is_guessed = action == "Solve Parent" and explicit_action(text) is None
    return "Solve Subquestion" if is_guessed and total > 1 and index < total - 2 else action
