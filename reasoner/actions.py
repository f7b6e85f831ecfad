"""Kwai-STaR's seven actions: which one a step is, and which may follow which.

    explicit_action("Verify: 41 + 26 = 67")                              "Verify"
    actions_of(["Ana has 3 coins.", "3 + 2 = 5", "The answer is 5."])    ["Formalize", "Solve Parent", "Summarize"]
    illegal_reasons(["Formalize", "Summarize"])                          ["", "Summarize before Solve Parent: …"]
    backtrack_target(steps, 4)                                           2: step 4 goes back to state 2

The actions are those of arXiv 2411.04799, Table 1. It published no grammar of transitions; ours is

    Formalize → Decompose → (Solve Subquestion)+ → Solve Parent → Summarize

with Verify anywhere after a solve, Backtrack only after a Verify and to an earlier state, and nothing after
Summarize. Formalize, Decompose and Solve Subquestion may be left out; after a Backtrack any action may follow but
Summarize and Verify.

The grammar is held only against actions that steps name themselves ("Verify: …"). What we guess from a plain chain of
thought breaks no rule: a guess is no ground to call a step illegal.

Not covered: languages other than English.
"""

import re
from collections.abc import Sequence, Set

from reasoner.records import ACTIONS, Step

_SOLVING = frozenset(["Solve Subquestion", "Solve Parent"])
_NAMES = "|".join(action.replace(" ", "[ _-]") for action in sorted(ACTIONS, key=len, reverse=True))
_PREFIX = re.compile(
    rf"""\s*(?:\#{{1,4}}\s*|[-*•]\s+|\d{{1,3}}[.)]\s+)?(?:(?:\*\*)?(?:State|Step)\s*\d{{1,4}}\s*[:.]?(?:\*\*)?[:.]?\s*)?
    (?:\*\*)?(?:Action\s*:\s*|Action\*\*\s*:\s*|Action:\*\*\s*)?(?:\*\*)?
    \[?(?P<name>{_NAMES})\]?(?:\*\*)?[ \t]*(?::(?:\*\*)?|\n|$)""",
    re.IGNORECASE | re.VERBOSE,
)

_OWN_NUMBER = re.compile(r"[\s#*]*(State|Step)\s*(\d{1,4})", re.IGNORECASE)
_NAMED = re.compile(r"\b(state|step)\s*(\d{1,4})\b", re.IGNORECASE)

SUMMARY = re.compile(
    r"^\s*####|\\boxed\s*\{|^\s*A:\s|^\s*(?:\*\*)?(?:(?:so|therefore|thus|hence|then),?\s+)?(?:the\s+)?(?:final\s+|correct\s+)?"
    r"answer\b\s*(?:is\b(?!\s+(?:not|wrong))|:)",
    re.IGNORECASE,
)
_BACKTRACK = re.compile(
    r"\b(?:go(?:ing)? back|backtrack(?:ing)?|(?:a|my|the) mistake|return(?:ing)? to (?:state|step)|start over|redo|"
    r"that(?:'s| is| was) (?:wrong|incorrect|not right))\b",
    re.IGNORECASE,
)
_VERIFY = re.compile(
    r"\b(?:let(?:'s| us| me) (?:double[- ]?)?check|(?:to|we(?: can)?) (?:double[- ]?)?check|"
    r"(?:double[- ])check(?:ing)?|checking|check:|"
    r"verif(?:y|ies|ying|ication)|to confirm)\b",
    re.IGNORECASE,
)
_DECOMPOSE = re.compile(
    r"\b(?:we (?:first )?(?:need|have|want) to (?:first )?(?:find|know|calculate|figure)|"
    r"let's (?:break|first find|split|divide)|break (?:\w+ ){0,3}(?:down|into)|first(?:ly)?,? (?:find|we)|"
    r"the plan|plan:|step by step|sub-?(?:question|problem)s?|"
    r"can be (?:written|divided|split)\b)",
    re.IGNORECASE,
)
_GIVEN = re.compile(
    r"\b(?:let \w+ (?:be|=|represent|denote)|given that|we are (?:given|asked|told)|"
    r"the (?:question|problem) (?:is|asks|says)|we know)\b",
    re.IGNORECASE,
)
_WORKS = re.compile(r"=\s*\$?\s*[-\d]|\d\s*[-+*/×÷]\s*\$?\d")


def explicit_action(text: str) -> str | None:
    """The action that a step names itself: "Verify: …", or "Action: Verify" in a block. None where it names none."""
    match = _PREFIX.match(text)
    if match is None:
        return None
    name = re.sub(r"[ _-]", " ", match["name"]).lower()
    return next(action for action in ACTIONS if action.lower() == name)


def without_action(text: str) -> str:
    """A step's text after the name of its action, "Output:" left out too."""
    match = _PREFIX.match(text)
    return (
        re.sub(r"^\s*(?:\*\*)?Output(?:\*\*)?\s*:(?:\*\*)?\s*", "", text[match.end() :], flags=re.IGNORECASE)
        if match
        else text
    )


def is_summary(text: str) -> bool:
    """Does a step state the final answer?"""
    return explicit_action(text) == "Summarize" or bool(SUMMARY.search(text))


def actions_of(texts: Sequence[str]) -> list[str | None]:
    """The action of each step: the one it names, else the one its content and place suggest; None for an empty step."""
    guesses = [explicit_action(text) or _by_words(text, index) for index, text in enumerate(texts)]
    if any(guess == "Solve Parent" for guess in guesses):
        return guesses
    solving = [
        index
        for index, guess in enumerate(guesses)
        if guess == "Solve Subquestion" and not explicit_action(texts[index])
    ]
    if solving:  # the last step that solves, before the summary, solves the question itself
        guesses[solving[-1]] = "Solve Parent"
    return guesses


def _by_words(text: str, index: int) -> str | None:
    """The action that a step's words suggest, of all but Solve Parent, which only its place can tell."""
    if not text.strip():
        return None
    if SUMMARY.search(text):
        return "Summarize"
    if index and _BACKTRACK.search(text):
        return "Backtrack"
    if index and _VERIFY.search(text):
        return "Verify"
    has_work = bool(_WORKS.search(text))
    if not has_work and _DECOMPOSE.search(text):
        return "Decompose"
    if not has_work and (index == 0 or _GIVEN.search(text)):
        return "Formalize"
    return "Solve Subquestion"


def illegal_steps(texts: Sequence[str]) -> list[str]:
    """Why each step's named action may not stand where it stands, "" where it may or where none is named."""
    reasons = illegal_reasons([explicit_action(text) for text in texts])
    return [reason or _bad_target(texts[index], index) for index, reason in enumerate(reasons)]


def _bad_target(text: str, index: int) -> str:
    """Why a Backtrack may not go where it says. State 0 is the question; step i (0-based) starts at state i."""
    if explicit_action(text) != "Backtrack":
        return ""
    own = _OWN_NUMBER.match(text)
    here = int(own[2]) if own else index
    target = _NAMED.search(without_action(text))
    if target is None or int(target[2]) < here:
        return ""
    return f"Backtrack to {target[0].lower()}, which is not an earlier one"


def backtrack_target(steps: Sequence[Step], index: int) -> int | None:
    """The 0-based state to which the Backtrack at `index` goes back; None where it is none, or where none can be told.

    State 0 is the question; step i (0-based) starts at state i. It is the state that the Backtrack names, by the
    numbers of the blocks ("State 3:") where they have some; else the last correct one: before the last solve that was
    verified.
    """
    if steps[index].action != "Backtrack":
        return None
    named = _NAMED.search(without_action(steps[index].text))
    if named:
        target = _named_state([step.text for step in steps[:index]], named[1].lower(), int(named[2]))
        return target if target <= index else None
    verified = max((i for i in range(index) if steps[i].action == "Verify"), default=index)
    return max((i for i in range(verified) if steps[i].action in _SOLVING), default=None)


def _named_state(before: Sequence[str], noun: str, number: int) -> int:
    """Where the latest block of that number starts; without such numbers states count from 0, and steps from 1."""
    own = [_OWN_NUMBER.match(text) for text in before]
    same = [i for i, match in enumerate(own) if match and (match[1].lower(), int(match[2])) == (noun, number)]
    return same[-1] if same else (number if noun == "state" else max(number - 1, 0))


def illegal_reasons(actions: Sequence[str | None]) -> list[str]:
    """Why each action may not stand where it stands, "" where it may; None, no action named, always may."""
    reasons: list[str] = []
    ever: set[str] = set()
    done: set[str] = set()  # since the start or the last Backtrack
    previous = ""
    for action in actions:
        reasons.append(_illegal_reason(action, previous, ever, done) if action else "")
        if action:
            done = set() if action == "Backtrack" else done | {action}
            ever.add(action)
            previous = action
    return reasons


def _illegal_reason(action: str, previous: str, ever: Set[str], done: Set[str]) -> str:
    if "Summarize" in ever:
        return f"{action} after Summarize: the answer was already stated"
    if action == "Backtrack":
        return "" if previous == "Verify" else "Backtrack without a Verify right before it: nothing was found wrong"
    if action == "Verify":
        is_solved = bool(ever & _SOLVING) and previous != "Backtrack"
        return "" if is_solved else "Verify before anything is solved: there is nothing to check"
    if action == "Summarize":
        return "" if "Solve Parent" in done else "Summarize before Solve Parent: the question is not solved yet"
    if action == "Solve Subquestion" and "Solve Parent" in done:
        return "Solve Subquestion after Solve Parent: the question was already solved"
    if action in ("Formalize", "Decompose") and done & _SOLVING:
        return f"{action} after solving has begun: it belongs before the first solve, or after a Backtrack"
    if action == "Formalize" and "Decompose" in done:
        return "Formalize after Decompose: the question is written out before it is divided"
    return ""
