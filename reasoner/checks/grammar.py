"""Which transitions break the grammar of actions.

    check_grammar(["Formalize: find x", "Summarize: the answer is 3"])
        [Finding(1, "grammar", "wrong", "Summarize before Solve Parent: the question is not solved yet", "Summarize")]

Only actions that steps name themselves count (actions.explicit_action): a plain chain of thought names none and
breaks nothing.

Source: the actions are Kwai-STaR's (arXiv 2411.04799, Table 1); it published no grammar, so this one is ours
(actions.illegal_steps).
"""

from collections.abc import Sequence

from reasoner.actions import explicit_action, illegal_steps
from reasoner.records import Finding


def check_grammar(step_texts: Sequence[str]) -> list[Finding]:
    """One finding for each step whose named action may not stand where it stands."""
    return [
        Finding(index, "grammar", "wrong", reason, found=explicit_action(step_texts[index]) or "")
        for index, reason in enumerate(illegal_steps(step_texts))
        if reason
    ]
