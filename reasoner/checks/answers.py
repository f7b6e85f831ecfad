"""Is an answer right? The one equality of answers, used by import, exploration, pairs and evaluation alike.

    extract_answer("She makes 9 * 2 = 18 dollars.\\nThe answer is $18.")      "$18"
    equal_answers("1,000", "$1000.00")                                        True
    equal_answers("\\\\frac{3}{2}", "1 1/2")                                    True
    equal_answers("(x+1)^2", "x^2+2x+1")                                      True, by math-verify in a child process
    judge("18", "17")                                                         Verdict("wrong", "17", "17 is not 18")

Numbers are compared by the rules of numbers.py, plain expressions by identities.py; neither leaves this process. Other
LaTeX goes to math-verify (huggingface/math-verify 0.9) in a child that is killed after 5 seconds. What cannot be judged
is None, never wrong.

Not covered: units are not converted; answers over 2,000 characters are not judged.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from reasoner.checks.identities import same_expression
from reasoner.checks.numbers import MATH_WORDS, plain_text, read_clock, read_number, same_clock, same_number
from reasoner.checks.worker import BUSY, NotStarted, Question, Reply, Worker, answer_questions
from reasoner.records import Verdict

MAX_LENGTH = 2_000  # characters of an answer sent to math-verify
SECONDS = 5.0  # of computing, a comparison

_worker = Worker("from reasoner.checks.answers import serve; serve()", BUSY * SECONDS + 1)

_MARKER = re.compile(
    r"####|\\boxed\s*(?=\{)|(?:^|\n)[ \t]*A:|"
    r"(?:the\s+)?(?:final\s+|correct\s+)?answer(?:\s+is(?!\s+(?:not|wrong|right|correct|incorrect)\b)\s*:?|\s*:)",
    re.IGNORECASE,
)
_NUMBER_IN_TEXT = re.compile(
    r"(?<![\w.])[-−]?\s?[$€£]?\s?[-−]?(?:\d+\s+\d+/\d+|(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:\s*/\s*\d+(?:\.\d+)?)?|\.\d+)\s*\\?%?"
)
_FORMULA = re.compile(
    r"\$((?:[^$\\A-Za-z]|\\[A-Za-z]+|\\.|[A-Za-z]{1,2}(?![A-Za-z]))+)\$(?!\d)|\\\((.+?)\\\)|\\\[(.+?)\\\]"
)
_ONE_WAY = re.compile(r"[=<>,\[{]|\\(?:in|cup|cap|leq?|geq?)\b")  # math-verify reads these in one order better
_SENTENCE_END = re.compile(r"\.(?=\s|$)|[!?;](?=\s|$)|,\s+(?=[a-z])|\s+(?:because|since|so|which)\b")


def extract_answer(text: str) -> str | None:
    """The final answer in `text`, as written there; None when there is none.

    It stands after the last "####", "The answer is", "A:", "Answer:", or in the last \\\\boxed{}; else it is
    the last number.
    """
    last = None
    for match in _MARKER.finditer(text):
        last = match
    if last is not None:
        piece = (
            _braced(text, last.end())
            if "boxed" in last[0]
            else _after_marker(text[last.end() : last.end() + MAX_LENGTH])
        )
        if piece:
            return piece
    return _last_number(text)


def _braced(text: str, start: int) -> str | None:
    """The text between the brace at `start` (white space aside) and its partner."""
    start = text.find("{", start)
    depth = 0
    for index in range(start, min(len(text), start + MAX_LENGTH)):
        depth += {"{": 1, "}": -1}.get(text[index], 0)
        if depth == 0:
            return text[start + 1 : index].strip() or None
    return None


def _after_marker(text: str) -> str | None:
    """The answer at the start of what follows a marker: its line, less dress and explanation."""
    line = text.lstrip(" :*\t\n").split("\n", 1)[0].strip()
    boxed = re.search(r"\\boxed\s*(?=\{)", line)
    if boxed:
        return _braced(line, boxed.end())
    line = _undressed(line)
    if not line or read_number(line) is not None or read_clock(line) is not None:
        return line or None
    line = _SENTENCE_END.split(line, maxsplit=1)[0].strip()
    if read_number(line) is not None or "\\" in line:
        return line
    if "=" in line:  # "x = 5", "3 + 4 = 7": what stands last is the result
        return _after_marker(line.rsplit("=", 1)[1]) or line
    words = re.findall(r"[A-Za-z]{2,}", line.lower())
    numbers = _NUMBER_IN_TEXT.findall(line)
    if words and numbers and not MATH_WORDS.intersection(words):  # "that she has 18 eggs": prose around a number
        return str(numbers[0]).strip()
    return line or None


def _undressed(line: str) -> str:
    """`line` without bold signs, LaTeX's delimiters around its beginning, and "x =" before a value."""
    line = line.strip("*_` ").rstrip(".").strip()
    wrapped = _FORMULA.match(line)
    if wrapped:
        line = next(group for group in wrapped.groups() if group is not None).strip()
    return re.sub(r"^[A-Za-z]\s*=\s*(?=[-+\d.$\\(])", "", line)


def _last_number(text: str) -> str | None:
    tail = text[-20_000:]
    numbers = _NUMBER_IN_TEXT.findall(tail)
    return str(numbers[-1]).strip() if numbers else None


def equal_answers(gold: str, answer: str) -> bool | None:
    """Are two answers the same? None where that cannot be judged (empty, words against a number, out of time)."""
    try:
        return _equal(gold.strip(), answer.strip())
    except NotStarted:
        return None


@lru_cache(maxsize=65_536)
def _equal(gold: str, answer: str) -> bool | None:
    gold_plain, answer_plain = plain_text(gold[: MAX_LENGTH + 1]), plain_text(answer[: MAX_LENGTH + 1])
    if not gold_plain or not answer_plain:
        return None
    if ":" in gold_plain or ":" in answer_plain:
        one, other = read_clock(gold), read_clock(answer)
        if one is not None and other is not None:
            return same_clock(one, other)
        if (one or other) and (read_number(gold) or read_number(answer)):
            return False  # a time of day is no bare number
    gold_number, answer_number = read_number(gold), read_number(answer)
    if gold_number is not None and answer_number is not None:
        return same_number(gold_number, answer_number)
    if _squeeze(gold_plain) == _squeeze(answer_plain):
        return True
    if _is_words(gold_plain) or _is_words(answer_plain):
        both = _is_words(gold_plain) and _is_words(answer_plain)
        short = max(len(gold_plain.split()), len(answer_plain.split())) <= 2
        return False if both and short else None
    if max(len(gold), len(answer)) > MAX_LENGTH:
        return None
    same = same_expression(gold_plain, answer_plain)
    return _ask(gold_plain, answer_plain) if same is None else same


def _squeeze(text: str) -> str:
    """`text` for comparison as words: "(C)" and "c" are the same, so are "x = 5" and "x=5"."""
    return re.sub(r"\s+", "", text).strip("()").casefold()


def _is_words(text: str) -> bool:
    """Plain words without any mathematics in them?"""
    words = re.findall(r"[A-Za-z]+", text)
    return not re.search(r"[\d\\^_=+*/{}|<>\[\]]", text) and any(len(word) > 1 for word in words)


def _ask(gold: str, answer: str) -> bool | None:
    reply = _worker.ask({"gold": gold, "answer": answer})
    equal = reply.get("equal") if reply else None
    return equal if isinstance(equal, bool) else None


def judge(gold: str | None, answer: str | None) -> Verdict:
    """The verdict of `answer` against `gold`, with the reason in words."""
    if gold is None or not gold.strip():
        return Verdict("unjudged", answer, "the right answer is not known")
    if answer is None or not answer.strip():
        return Verdict("unjudged", None, "no answer was found in the text")
    equal = equal_answers(gold, answer)
    if equal is None:
        return Verdict("unjudged", answer, f"could not compare {_short(answer)} with {_short(gold)}")
    if equal:
        same = gold.strip() == answer.strip()
        return Verdict(
            "right", answer, f"{_short(answer)} is right" if same else f"{_short(answer)} is the same as {_short(gold)}"
        )
    return Verdict("wrong", answer, f"{_short(answer)} is not {_short(gold)}")


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "…"


def serve() -> None:
    """The child's program: {"gold", "answer"} in, {"equal": true | false | null} out."""
    answer_questions(_load, SECONDS)


def _load() -> Callable[[Question], Reply]:
    from math_verify import parse, verify

    def compare(question: Question) -> Reply:
        sides = [parse(f"${question[side]}$", parsing_timeout=None) for side in ("gold", "answer")]
        if not all(sides):
            return {"equal": None}
        gold, answer = sides
        equal = verify(gold, answer, timeout_seconds=None)
        if not equal and any(_ONE_WAY.search(text) for text in question.values()):
            equal = verify(answer, gold, timeout_seconds=None)
        return {"equal": bool(equal)}

    return compare
