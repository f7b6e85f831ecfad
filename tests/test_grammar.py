"""The grammar of transitions: what may follow what, and the words for what may not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoner.actions import illegal_reasons
from reasoner.checks.grammar import check_grammar
from reasoner.records import ACTIONS
from reasoner.steps import tag_steps

F, D, S, P, V, B, Z = ACTIONS

LEGAL = [
    [F, D, S, P, Z],
    [F, D, S, S, S, P, Z],
    [F, D, P, Z],
    [S, P, Z],
    [P, Z],
    [F, D, S, V, S, P, V, Z],
    [F, D, S, V, B, S, P, Z],
    [F, D, S, P, V, B, D, S, P, Z],
    [F, D, S, P, V, B, F, D, S, P, Z],
    [F, None, S, None, P, Z],
    [],
]


@pytest.mark.parametrize("actions", LEGAL)
def test_legal_orders_pass(actions: list[str | None]) -> None:
    assert not any(illegal_reasons(actions))


@pytest.mark.parametrize(
    ("actions", "wrong", "words"),
    [
        ([F, Z], 1, "not solved yet"),
        ([F, D, S, Z], 3, "not solved yet"),
        ([P, Z, V], 2, "already stated"),
        ([P, Z, Z], 2, "already stated"),
        ([V, P, Z], 0, "nothing to check"),
        ([F, D, V], 2, "nothing to check"),
        ([S, B, P], 1, "Verify right before"),
        ([S, F, P], 1, "before the first solve"),
        ([S, D, P], 1, "before the first solve"),
        ([D, F, P], 1, "before it is divided"),
        ([P, S, Z], 1, "already solved"),
        ([P, V, B, Z], 3, "not solved yet"),
    ],
)
def test_an_illegal_order_is_named(actions: list[str], wrong: int, words: str) -> None:
    reasons = illegal_reasons(actions)
    assert words in reasons[wrong]
    assert not any(reasons[:wrong])


def test_a_finding_names_the_step_and_the_action() -> None:
    (finding,) = check_grammar(["Formalize: find x", "Summarize: the answer is 3"])
    assert (finding.step, finding.check, finding.status, finding.found) == (1, "grammar", "wrong", "Summarize")


@pytest.mark.parametrize(
    ("target", "is_legal"), [("state 1", True), ("step 2", True), ("state 3", False), ("the start", True)]
)
def test_a_backtrack_goes_to_an_earlier_state(target: str, is_legal: bool) -> None:
    texts = ["Solve Subquestion: x = 3", "Solve Parent: y = 4", "Verify: y is not 4", f"Backtrack: to {target}"]
    assert (check_grammar(texts) == []) is is_legal
    block = f"State 9:\nAction: Backtrack\nOutput: return to {target}"
    assert check_grammar([*texts[:3], block]) == []


def test_guessed_actions_break_no_rule() -> None:
    texts = ["The answer is 3.", "I made a mistake.", "Let me check: 3 + 4 = 7.", "We need to find x."]
    assert check_grammar(texts) == []


@given(st.lists(st.sampled_from([*ACTIONS, None]), max_size=12))
def test_steps_and_findings_agree_on_what_is_legal(actions: list[str | None]) -> None:
    texts = [f"{action}: 1" if action else "so 1" for action in actions]
    illegal = {finding.step for finding in check_grammar(texts)}
    assert [index for index, step in enumerate(tag_steps(texts)) if not step.is_legal] == sorted(illegal)
