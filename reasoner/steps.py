"""Text into steps, a step into one of the seven actions, and what a step establishes.

    split_steps("Formalize: find Cal's coins\\nSolve Parent: Cal's coins = 67 * 3 = 201\\nSummarize: the answer is 201")
        (Step("Formalize: find Cal's coins", "Formalize"), Step("Solve Parent: …", "Solve Parent"), Step("Summarize: …", "Summarize"))
    split_steps("Ben has 3 + 2 = 5 coins. The answer is 5.")      two steps, by sentence
    established("Solve Parent: Cal's coins = 67 * 3 = 201")       ("cal's coins=201",)

Lines are steps where there is more than one line (GSM8K: Self-Explore, arXiv 2404.10346 §3.2); else sentences are. The written
form "State N:" / "Action: …" / "Output: …" is Kwai-STaR's (arXiv 2411.04799). `split_math` is Self-Explore's rule for MATH.

The grammar of transitions (checks.grammar says why a step is illegal) is held only against traces that name their actions:
a plain chain of thought is never marked illegal for what we guess its actions to be.

Not covered: languages other than English; a numbered list inside one line.
"""

import re
from collections.abc import Sequence
from fractions import Fraction

from reasoner.records import ACTIONS, Step

_ACTION_NAMES = "|".join(
    re.escape(action).replace(r"\ ", r"[ _-]") for action in sorted(ACTIONS, key=len, reverse=True)
)
_PREFIX = re.compile(
    rf"\s*(?:State\s*\d+\s*:?\s*)?(?:(?:[-*\d.)]+|Step\s*\d+)\s*:?\s*)?(?:\*\*)?(?:Action\s*:\s*)?(?:\*\*)?(?P<name>{_ACTION_NAMES})\b(?:\*\*)?\s*(?P<end>:|\n|$)",
    re.IGNORECASE,
)
_BLOCK = re.compile(r"^[ \t]*State[ \t]*\d+[ \t]*:", re.IGNORECASE | re.MULTILINE)

_ABBREVIATIONS = frozenset(
    [
        "mr",
        "mrs",
        "ms",
        "dr",
        "prof",
        "st",
        "vs",
        "etc",
        "no",
        "fig",
        "eq",
        "approx",
        "e.g",
        "i.e",
        "cf",
        "al",
        "jr",
        "sr",
        "inc",
        "ltd",
        "co",
        "sq",
        "ft",
        "oz",
        "lb",
        "lbs",
        "hr",
        "hrs",
        "min",
        "mins",
        "sec",
        "a.m",
        "p.m",
        "u.s",
    ]
)
_NO_SUMMARY = re.compile(r"\bso the answer is (?:not|wrong)\b", re.IGNORECASE)
_SUMMARY = re.compile(
    r"^\s*####|\\boxed\s*\{|^\s*A:|^\s*(?:\*\*)?(?:(?:so|therefore|thus|hence),?\s+)?(?:the\s+)?(?:final\s+)?answer\b\s*(?:is\b|:)",
    re.IGNORECASE,
)
_BACKTRACK = re.compile(
    r"\b(?:go(?:ing)? back|backtrack(?:ing)?|mistake|return(?:ing)? to (?:state|step)|that(?:'s| is| was) (?:wrong|incorrect|not right)|redo|start over)\b",
    re.IGNORECASE,
)
_VERIFY = re.compile(
    r"\b(?:(?:double[- ]?)?check(?:ing|s)?\b(?! ?(?:book|out|er|ed))|verif(?:y|ies|ying|ication)|to confirm)\b",
    re.IGNORECASE,
)
_DECOMPOSE = re.compile(
    r"\b(?:we (?:need|have|want|must) (?:to )?(?:find|first|know)|let us|let's (?:break|first find|split|divide)|break (?:\w+ )?(?:down|into)|"
    r"first(?:ly)?,? (?:find|we)|the plan|plan:|step by step|sub-?(?:question|problem)s?|can be (?:written|divided|split) )",
    re.IGNORECASE,
)
_FORMALIZE = re.compile(
    r"\b(?:let \w+ (?:be|=|represent|denote)|given\b|we are (?:given|asked)|the (?:question|problem) (?:is|asks)|we know|we want)",
    re.IGNORECASE,
)
_HAS_RESULT = re.compile(r"=|\d\s*[-+*/×x]\s*\d")


def split_steps(text: str) -> tuple[Step, ...]:
    """`text` as steps with their actions: blocks, else lines where there are several, else sentences."""
    if _BLOCK.search(text):
        return tag_steps(_blocks(text))
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return tag_steps(lines if len(lines) > 1 else split_sentences(text))


def _blocks(text: str) -> list[str]:
    starts = [match.start() for match in _BLOCK.finditer(text)]
    before = [line.rstrip() for line in text[: starts[0]].splitlines() if line.strip()]
    ends = [*starts[1:], len(text)]
    return before + [text[start:end].strip() for start, end in zip(starts, ends, strict=True)]


def split_sentences(text: str) -> list[str]:
    """Sentences of `text`, joined by one space the same words again. Decimals, abbreviations, initials and $LaTeX$ hold together."""
    pieces: list[str] = []
    start = 0
    for match in re.finditer(r"[.!?](?:[\"')\]”’$]|\\[)\]])*(?=\s)", text):
        if _ends_sentence(text, start, match):
            pieces.append(text[start : match.end()].strip())
            start = match.end()
    pieces.append(text[start:].strip())
    return [piece for piece in pieces if piece]


def _ends_sentence(text: str, start: int, match: re.Match[str]) -> bool:
    following = re.compile(r"\s*(\S)").match(text, match.end())
    if following is None or (following[1].islower() and match[0][0] == "."):
        return False
    sentence = text[start : match.end()]
    if sentence.count("$") - sentence.count("\\$") and _is_inside_latex(sentence):
        return False
    if match[0][0] != ".":
        return True
    word = re.search(r"([\w.]+)$", text[max(start, match.start() - 20) : match.start()])
    last = word[1].lower() if word else ""
    is_initial = (
        len(last) == 1 and last.isalpha() and last not in "i" and not _looks_like_unit_before(text, match.start())
    )
    return last not in _ABBREVIATIONS and not is_initial and not (last.isdigit() and sentence.strip() == f"{last}.")


def _looks_like_unit_before(text: str, end: int) -> bool:
    """Does a number stand before the single letter that ends at `end` ("5 m.", "x = y.")?"""
    return bool(re.search(r"[\d=+*/-]\s*\w$", text[max(0, end - 8) : end]))


def _is_inside_latex(sentence: str) -> bool:
    """Does `sentence` end between two LaTeX dollars? A dollar before a digit that is money ("$5 each") does not open LaTeX."""
    inside = False
    for match in re.finditer(r"(?<!\\)\$+", sentence):
        if inside or not re.match(r"\s?\d[\d,.]*(?:\s+[a-z]{2,}|[.,!?]?(?:\s|$))", sentence[match.end() :][:40]):
            inside = not inside
    return inside


def split_math(text: str, max_steps: int = 9, min_length: int = 20) -> tuple[Step, ...]:
    """Self-Explore's steps for MATH (arXiv 2404.10346, code hbin0701/Self-Explore): split at line breaks and after ".$ " / "$. ",
    pieces under `min_length` characters or 0.3 of the mean length join a neighbour, the shortest merge until at most `max_steps`;
    "The answer is …" stays a step of its own."""
    pieces = [
        piece.strip()
        for line in text.splitlines()
        for piece in re.split(r"(?<=\.\$) |(?<=\$\.) ", line)
        if piece.strip()
    ]
    last = [pieces.pop()] if pieces and _SUMMARY.search(pieces[-1]) else []
    if pieces:
        limit = max(float(min_length), 0.3 * sum(map(len, pieces)) / len(pieces))
        while len(pieces) > 1 and (min(map(len, pieces)) < limit or len(pieces) + len(last) > max_steps):
            shortest = min(range(len(pieces)), key=lambda index: len(pieces[index]))
            left = (
                shortest - 1
                if shortest and (shortest + 1 == len(pieces) or len(pieces[shortest - 1]) <= len(pieces[shortest + 1]))
                else shortest
            )
            pieces[left : left + 2] = [pieces[left] + " " + pieces[left + 1]]
    return tag_steps(pieces + last)


def tag_steps(texts: Sequence[str]) -> tuple[Step, ...]:
    """Steps with these very texts; action and legality filled in."""
    last_solving = _last_solving(texts)
    actions = [_action(text, index, last_solving) for index, text in enumerate(texts)]
    explicit = [explicit_action(text) for text in texts]
    legal = legality(explicit)
    return tuple(Step(text, action, is_legal) for text, action, is_legal in zip(texts, actions, legal, strict=True))


def explicit_action(text: str) -> str | None:
    """The action that a step names itself: "Verify: …", or "Action: Verify" in a block. None where it names none."""
    match = _PREFIX.match(text)
    if match is None:
        return None
    name = re.sub(r"[ _-]+", " ", match["name"]).lower()
    return next(action for action in ACTIONS if action.lower() == name)


def action_of(text: str, index: int, total: int) -> str | None:
    """The action of step `index` (0-based) of `total`: the one it names, else the one its content suggests.

    A step alone cannot tell whether it is the last that solves: that is guessed from its place. tag_steps sees all the steps and knows.
    """
    is_last_but_one = index == total - 2
    return _action(text, index, index if is_last_but_one or total == 1 else -1)


def _action(text: str, index: int, last_solving: int) -> str | None:
    named = explicit_action(text)
    if named is not None or not text.strip():
        return named
    if _SUMMARY.search(text) and not _NO_SUMMARY.search(text):
        return "Summarize"
    if _BACKTRACK.search(text):
        return "Backtrack"
    if index > 0 and _VERIFY.search(text):
        return "Verify"
    if index != last_solving and _DECOMPOSE.search(text) and not re.search(r"=\s*\$?\s*[-\d]", text):
        return "Decompose"
    if (index == 0 and not _HAS_RESULT.search(text)) or (_FORMALIZE.search(text) and index == 0):
        return "Formalize"
    return "Solve Parent" if index == last_solving else "Solve Subquestion"


def _last_solving(texts: Sequence[str]) -> int:
    """0-based index of the last step that solves, the one before the summary; -1 where there is none."""
    for index in range(len(texts) - 1, -1, -1):
        text = texts[index]
        if (
            explicit_action(text) is None
            and not _SUMMARY.search(text)
            and not _VERIFY.search(text)
            and not _BACKTRACK.search(text)
        ):
            return index
    return -1


def legality(actions: Sequence[str | None]) -> list[bool]:
    """May each action stand where it stands? `actions` as named by the steps themselves; None passes."""
    return [reason == "" for reason in illegal_reasons(actions)]


def illegal_reasons(actions: Sequence[str | None]) -> list[str]:
    """Why each action may not stand where it stands, "" where it may.

    Formalize → Decompose → (Solve Subquestion)+ → Solve Parent → Summarize; Verify anywhere after a solve; Backtrack only after a
    Verify; nothing after Summarize. Formalize and Decompose may be left out. Ours: Kwai-STaR published no grammar.
    """
    reasons: list[str] = []
    done: list[str] = []
    for action in actions:
        reasons.append(_illegal_reason(action, done) if action else "")
        if action:
            done.append(action)
    return reasons


def _illegal_reason(action: str, done: Sequence[str]) -> str:
    previous = done[-1] if done else ""
    has_solved = any(earlier.startswith("Solve") for earlier in done)
    if "Summarize" in done:
        return f"{action} after Summarize: the answer was already stated"
    if action in ("Formalize", "Decompose") and has_solved and previous != "Backtrack":
        return f"{action} after solving has begun: it belongs before the first Solve, or after a Backtrack"
    if action == "Formalize" and "Decompose" in done and previous != "Backtrack":
        return "Formalize after Decompose: the question is written out before it is divided"
    if action == "Verify" and not has_solved:
        return "Verify before anything is solved: there is nothing to check yet"
    if action == "Backtrack" and "Verify" not in done[-1:]:
        return "Backtrack without a Verify right before it: nothing was found wrong"
    if action == "Solve Subquestion" and previous == "Solve Parent":
        return "Solve Subquestion after Solve Parent: the question was already solved"
    if action == "Summarize" and "Solve Parent" not in done:
        return "Summarize before Solve Parent: the question is not solved yet"
    return ""


_RESULT = re.compile(
    r"=\s*(?P<value>(?>[-−]?\s*[$€£]?\s*[-−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:\s*/\s*\d+)?))(?!\s*[-+*/×÷^=(]|\s+[xX]\s+\d|[\d.]\d|[A-Za-z]*\s*=)"
)
_LABEL = re.compile(r"([A-Za-z][A-Za-z' ]*?)\s*=(?!=)")
_MARK = re.compile(r"<<[^<>]*>>")


def established(step_text: str) -> tuple[str, ...]:
    """The quantities that a step establishes, in a canonical form: ("ben's coins=67",), or ("67",) where no label is written.

    Differently worded steps that establish the same quantities give the same tuple. Plans and restatements give ().
    """
    body = _without_prefix(_MARK.sub("", step_text).replace("’", "'"))
    found: list[str] = []
    start = 0
    for match in _RESULT.finditer(body):
        value = _canonical(match["value"])
        label = _label(body[start : match.end()])
        if value:
            found.append(f"{label}={value}" if label else value)
        start = match.end()
    if not found and (explicit_action(step_text) == "Summarize" or _SUMMARY.search(step_text)):
        number = re.findall(r"[-−]?\$?\d[\d,]*(?:\.\d+)?", body)
        value = _canonical(number[-1]) if number else ""
        found = [f"answer={value}"] if value else []
    return tuple(dict.fromkeys(found))


def _without_prefix(text: str) -> str:
    match = _PREFIX.match(text)
    if match is None:
        return text
    return re.sub(r"^\s*Output\s*:\s*", "", text[match.end() :], flags=re.IGNORECASE)


def _label(piece: str) -> str:
    """The label before the first "=" of `piece`, lower-cased, or "" where that side is an expression or a sentence."""
    sentence = re.split(r"[.;:!?,](?=\s)|\n", piece.rsplit("=", 1)[0] + "=")
    for part in sentence:
        match = _LABEL.match(part.strip())
        if match and len(match[1].split()) <= 6:
            return " ".join(match[1].lower().split())
    return ""


def _canonical(value: str) -> str:
    """ "$1,000.50" → "1000.5"; "6/4" → "3/2"."""
    text = re.sub(r"[\s,$€£]", "", value).replace("−", "-")
    if len(text) > 50:
        return text
    try:
        number = Fraction(text)
    except (ValueError, ZeroDivisionError):
        return ""
    if number.denominator == 1:
        return str(number.numerator)
    decimal = f"{float(number):.6f}".rstrip("0")
    return decimal if Fraction(decimal) == number else str(number)
