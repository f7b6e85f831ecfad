"""A solution as a Python program that is run (KPDD-PoT, arXiv 2407.10167; PAL, arXiv 2211.10435).

    Ana_coins = 41
    Ben_coins = Ana_coins + 26
    answer = Ben_coins

Each statement is a step; its outcome is what running it gave: "Ben_coins = 67", what it printed, or "NameError: …",
where the program ends. The statements of PAL's `def solution():` are run one by one too. The answer is what the program
states last: by printing it, by setting `answer`, `ans` or `result`, by returning it, or as its last expression.

Not covered: the values inside loops and inside other functions; they are one step.
"""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from reasoner.checks.answers import extract_answer
from reasoner.checks.numbers import tidy_number
from reasoner.checks.python import Interpreter, Snippet, last_line
from reasoner.engines.prompts import STOP
from reasoner.formats.format import Format, Reading, before_stop
from reasoner.formats.statements import Piece, split_program
from reasoner.records import Step
from reasoner.steps import tag_steps

ANSWERS = ("answer", "ans", "result", "final_answer")  # variables that state the answer; the first three are PAL's
MAX_OUTCOME = 200  # characters of an outcome. Ours: what fits beside a step

INSTRUCTION = """Write a Python program that computes the answer, one short statement a line, every quantity in a \
variable whose name says what it is. Do not calculate in your head: let the program do it. The last line must be \
`answer = ...`. Write only the program, in a ```python block. For example, for "Ana has 3 coins. Ben has 2 more coins \
than Ana. How many coins does Ben have?":
```python
ana_coins = 3
ben_coins = ana_coins + 2
answer = ben_coins
```"""

_CONSTANT = re.compile(
    r"[\w.]+\s*(?::\s*\w+\s*)?=\s*[-+]?[\d_.]+(?:e[+-]?\d+)?\s*(?:#.*)?$|[\w.]+\s*=\s*['\"][^'\"]*['\"]\s*$"
)
_STATES = re.compile(rf"(?:{'|'.join(ANSWERS)})\s*=(?!=)|return\b|print\s*\(|[A-Za-z_]\w*(?:\(\))?\s*(?:#.*)?$")
_DEFINES = re.compile(r"(?:import|from|def|class|@)\b")


def parse(text: str) -> tuple[Step, ...]:
    """The statements of a program, and the words around it; nothing is run."""
    return _steps(split_program(before_stop(text, PROGRAM.stop)))


def answer(text: str) -> str | None:
    """What the program answers when it is run; None where it fails or states nothing."""
    return read(text).answer


@lru_cache(maxsize=4_096)
def read(text: str) -> Reading:
    """The statements with their outcomes, and the answer."""
    pieces = split_program(before_stop(text, PROGRAM.stop))
    if not any(piece.kind == "code" for piece in pieces):
        return Reading(_steps(pieces), None, "there is no program in it")
    with Interpreter() as python:
        run = _Run(python, len(pieces))
        run.all(pieces)
    steps = tuple(replace(step, outcome=outcome) for step, outcome in zip(_steps(pieces), run.outcomes, strict=True))
    if run.error:
        return Reading(steps, None, run.error)
    nothing = "" if run.answer else "the program states no answer: it prints none, returns none and sets no `answer`"
    return Reading(steps, run.answer, nothing)


@dataclass
class _Run:
    """A program on its way, statement by statement."""

    python: Interpreter
    num_pieces: int
    outcomes: list[str] = field(default_factory=list)
    answer: str | None = None
    error: str = ""

    def all(self, pieces: Sequence[Piece]) -> None:
        """Run the pieces until one fails."""
        self.outcomes = [""] * self.num_pieces
        inside = ""  # the function whose body is being run
        last = max(place for place, piece in enumerate(pieces) if piece.kind == "code")
        has_left = False  # the function returned from inside a statement: the rest of its body is not for us to run
        for place, piece in enumerate(pieces):
            if piece.kind != "code" or self.error:
                continue
            if piece.whole:
                inside, has_left = piece.whole, False
            elif inside and not piece.in_function:
                self.python.run(inside)  # what comes after a function may call it
                inside, has_left = "", False
            if piece.error:
                self.error = self.outcomes[place] = piece.error
            elif piece.leaves and not has_left:
                has_left = True
                self.one(place, Piece("", "code", f"{inside}\nsolution()", is_return=True), is_last=True)
            elif not has_left and piece.code:
                self.one(place, piece, place == last)

    def one(self, place: int, piece: Piece, is_last: bool) -> None:
        """Run one piece, and take from it what it says of the answer."""
        snippet = self.python.run(piece.code)
        self.error = snippet.error
        self.outcomes[place] = outcome_of(snippet, piece.is_return)
        for name in ANSWERS:
            if name in snippet.variables:
                self.answer = plain_value(snippet.variables[name])
        printed = last_line(snippet.output)
        if printed and (number := extract_answer(printed) or (None if self.answer else printed)):
            self.answer = tidy_number(number)
        if snippet.value and (piece.is_return or (is_last and not printed)):
            self.answer = plain_value(snippet.value)


def outcome_of(snippet: Snippet, is_return: bool = False) -> str:
    """What a snippet gave, in one line for a person."""
    printed = [line.strip() for line in snippet.output.splitlines() if line.strip()]
    values = [f"{name} = {value}" for name, value in snippet.variables.items()]
    value = [f"returns {snippet.value}" if is_return else snippet.value] if snippet.value else []
    error = [snippet.error] if snippet.error else []
    told = "; ".join([*error, *([", ".join(values)] if values else []), *printed, *value])
    return told if len(told) <= MAX_OUTCOME else told[: MAX_OUTCOME - 1] + "…"


def plain_value(written: str) -> str | None:
    """A value as an answer is written: "67", "8/3" for Fraction(8, 3), the one thing in a list; None for None."""
    written = written.strip()
    while inner := re.fullmatch(
        r"\[([^\[\],]+)\]|\{([^{},:]+)\}|\(([^(),]+),?\)|(?:np\.)?(?:float|int)\d+\((.+)\)", written
    ):
        written = next(group for group in inner.groups() if group is not None).strip()
    fraction = re.fullmatch(r"Fraction\((-?\d+), (\d+)\)", written)
    if fraction:
        return f"{fraction[1]}/{fraction[2]}"
    decimal = re.fullmatch(r"Decimal\('(.+)'\)", written)
    if decimal:
        return decimal[1]
    if written[:1] in "'\"" and len(written) > 1:
        try:
            return str(ast.literal_eval(written)).strip() or None
        except (ValueError, SyntaxError, MemoryError):
            return written  # it was cut
    return None if written in ("None", "") else tidy_number(written)


def _steps(pieces: Sequence[Piece]) -> tuple[Step, ...]:
    """Words keep the action they name; code is told by what it does: 41 is given, a sum solves, `answer` summarizes."""
    worded = tag_steps([piece.text if piece.kind == "words" else "" for piece in pieces])
    actions = [
        step.action if piece.kind == "words" else _action(piece) for piece, step in zip(pieces, worded, strict=True)
    ]
    solving = [place for place, action in enumerate(actions) if action == "Solve Subquestion"]
    if solving:
        actions[solving[-1]] = "Solve Parent"
    return tuple(Step(piece.text, action, kind=piece.kind) for piece, action in zip(pieces, actions, strict=True))


def _action(piece: Piece) -> str | None:
    code = "\n".join(line for line in piece.text.strip().split("\n") if not line.strip().startswith("#")).strip()
    if not code or _DEFINES.match(code):
        return None
    if _CONSTANT.match(code):
        return "Formalize"
    return "Summarize" if _STATES.match(code) else "Solve Subquestion"


PROGRAM = Format(
    name="program",
    title="Program",
    instruction=INSTRUCTION,
    stop=(STOP,),
    max_new_tokens=512,  # PAL's harness (reasoning-machines/pal) gives 600 to GSM8K's; ours are shorter
    parse=parse,
    answer=answer,
    tag="Program",
    runs=True,
    read=read,
)
