"""The step oracle: is each step of any solution to a generated problem true? The DAG it was made from knows.

    >>> problem = generate("easy", seed=4)                                                   # doctest: +SKIP
    >>> [v.status for v in judge_steps(problem, problem.solution.splitlines())]              # doctest: +SKIP
    ['right', 'right', 'right', 'right', 'right']

A step is wrong when it states an untrue value of a quantity, names a quantity the problem does not have, asks for
another goal, plans without a quantity that is needed or with one that is given, or ends in another answer. Otherwise
it is right: a true value of an irrelevant quantity does no harm. A step that says nothing of the DAG ("could not
judge") is never wrong.

The error classes are KPDD's (arXiv 2407.10167): a true expression with an untrue result is a *calculation* error, an
untrue expression a *misunderstanding*, a plan without what is needed a *step missing*.

Code, equations and specifications are judged line by line as the sentence they stand for: "Ben_coins = Ana_coins + 26"
is "Ben's coins = Ana's coins + 26". What an interpreter printed is nobody's step.

A Verify is right when what it says of the path before it is: a path is wrong while one of its steps is that no
Backtrack took back (training/verifying.py). A Backtrack states nothing.

Not covered: values told in words ("a dozen"), two quantities in one step, pronouns, loops and functions.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from reasoner.records import ACTIONS, Problem, Verdict
from training.verifying import said_of, standing
from training.wordproblems import Quantity, apply, computed, quantities_of

_ACTION = re.compile(r"^\s*(" + "|".join(ACTIONS) + r")\s*:\s*")
_NUMBER = r"\d+(?:\.\d+)?"
_BINARY = re.compile(rf"^({_NUMBER})\s*([-+×*x/÷])\s*({_NUMBER})$")
_TOLD = {  # a relation as a problem tells it, of a value and, where there is one, a number
    re.compile(rf"^({_NUMBER}) more than ({_NUMBER})$"): "+",
    re.compile(rf"^({_NUMBER}) (?:fewer|less) than ({_NUMBER})$"): "-",
    re.compile(rf"^({_NUMBER}|twice)(?: times)? as (?:many|much) as ({_NUMBER})$"): "×",
    re.compile(rf"^(half|a third|a quarter|a fifth) (?:of|as many as|as much as) ({_NUMBER})$"): "/",
}
_OF = re.compile(r"\bthe ([a-z]+) of ([A-Z][a-z]+)\b")  # "the coins of Ana"
_SPOKEN = {"twice": 2, "half": 2, "a third": 3, "a quarter": 4, "a fifth": 5}
_PERCENT = re.compile(rf"^({_NUMBER})\s*%\s*of\s*({_NUMBER})$")
_ANSWER = re.compile(rf"\b(?:answer is|Final Answer:) \$?({_NUMBER})")
_VARIABLE = re.compile(r"\b([A-Z][a-z]+)_([a-z]+)\b")
_SAYS_NOTHING = re.compile(
    r"^(?:</?code>|Output:.*|solve\(.*\)|[\w' ]+ = Variable\(\)|[A-Z][a-z]+'s [a-z]+|the total)$"
)
_ASKED = ("answer", "result")  # the variables that hold what is asked


@dataclass(frozen=True)
class Judgement:
    """One step's verdict and, if wrong, its error class."""

    verdict: Verdict
    error_class: str = ""


class _Truth:
    """What is true of one problem, read from its spec once."""

    def __init__(self, problem: Problem) -> None:
        quantities, self.goal = quantities_of(problem)
        self.by_name = {quantity.name: quantity for quantity in quantities}
        self.needed = [quantity.name for quantity in computed(quantities, self.goal)]
        names = sorted(self.by_name, key=len, reverse=True)
        self.mention = re.compile("|".join(map(re.escape, names)))

    def named(self, text: str) -> Quantity | None:
        return self.by_name.get(text.strip())

    def evaluate(self, part: str) -> float | None:
        """The true value of "Ana's coins + 26" or "41 + 26"; None when it cannot be read."""
        part = _OF.sub(r"\2's \1", part)
        filled = self.mention.sub(lambda match: str(self.by_name[match[0]].value), part)
        return evaluate(filled)


def evaluate(part: str) -> float | None:
    """The value of "67", of one operation ("41 + 26", "20% of 80"), or of one that is told ("26 more than 41").

    None for anything else.
    """
    text = part.strip().rstrip(".").replace("$", "").replace(",", "")
    if re.fullmatch(_NUMBER, text):
        return float(text)
    if percent := _PERCENT.match(text):
        return float(percent[1]) * float(percent[2]) / 100
    first, operator, second = _operation(text)
    if not operator:
        return None
    if operator in "/÷":
        return first / second if second else None
    return float(apply({"*": "×", "x": "×"}.get(operator, operator), (first, second)))  # type: ignore[arg-type]


def _operation(text: str) -> tuple[float, str, float]:
    """(first, operator, second) of one operation between two numbers; no operator where there is none."""
    if binary := _BINARY.match(text):
        return float(binary[1]), binary[2], float(binary[3])
    for told, operator in _TOLD.items():
        if found := told.match(text):
            return float(found[2]), operator, float(_SPOKEN.get(found[1], 0) or found[1])
    return 0.0, "", 0.0


def judge_steps(problem: Problem, step_texts: Sequence[str]) -> list[Judgement]:
    """One judgement a step. ValueError for a problem that was not generated here."""
    truth = _Truth(problem)
    judged = [_judge(truth, text) for text in step_texts]
    for index, text in enumerate(step_texts):
        action = _ACTION.match(text)
        if action and action[1] == "Backtrack":
            judged[index] = _unjudged("it states nothing")
        elif action and action[1] == "Verify" and said_of(text) is not None:
            judged[index] = _check(said_of(text) is True, step_texts[:index], judged[:index])
    return judged


def _check(says_right: bool, before: Sequence[str], judged: Sequence[Judgement]) -> Judgement:
    """Of a Verify, which says that all is right so far, or that something is not."""
    wrong = next((index for index in standing(before) if judged[index].verdict.status == "wrong"), None)
    if says_right is (wrong is None):
        return _right("so it is")
    where = "every step before it is right" if wrong is None else f"step {wrong + 1} is wrong"
    return _wrong(where, "misunderstanding")


def oracle(problem: Problem, step_texts: Sequence[str]) -> list[Verdict]:
    """One verdict a step: right, wrong, or unjudged where the step says nothing of the DAG."""
    return [judgement.verdict for judgement in judge_steps(problem, step_texts)]


def first_wrong_step(problem: Problem, step_texts: Sequence[str]) -> int | None:
    """The 0-based first wrong step; None when no step is wrong."""
    verdicts = oracle(problem, step_texts)
    return next((index for index, verdict in enumerate(verdicts) if verdict.status == "wrong"), None)


def _judge(truth: _Truth, text: str) -> Judgement:
    """A step of several lines is wrong where its first wrong line is, right when a line is right and none is wrong."""
    if "_" not in text and "\n" not in text and not _is_code_of_total(text):
        return _judge_line(truth, text)
    judgements = [_judge_line(truth, in_words(line)) for line in text.splitlines() if line.strip()]
    for status in ("wrong", "right"):
        if found := [judgement for judgement in judgements if judgement.verdict.status == status]:
            return found[0]
    return judgements[0] if judgements else _unjudged("the step is empty")


def _is_code_of_total(text: str) -> bool:
    return bool(re.match(r"\s*(?:(?:answer|result) = )?total\b", text))


def in_words(line: str) -> str:
    """ "Ben_coins = Ana_coins * 20 / 100" → "Ben's coins = 20% of Ana's coins"."""
    words = _VARIABLE.sub(r"\1's \2", line.strip()).replace(" == ", " = ").replace(" * ", " × ")
    if _VARIABLE.search(line) or _is_code_of_total(line):
        words = re.sub(r"(?<!the )\btotal\b", "the total", words)
    return re.sub(r"= (.+?) × (\d+) / 100$", r"= \2% of \1", words)


def _judge_line(truth: _Truth, text: str) -> Judgement:
    action_match = _ACTION.match(text)
    action, body = (action_match[1], text[action_match.end() :]) if action_match else ("", text)
    if answer := _ANSWER.search(body):
        return _value(truth, truth.goal, float(answer[1]), "the answer")
    if action == "Formalize":
        return _goal(truth, body)
    if action == "Decompose":
        return _plan(truth, body)
    if _SAYS_NOTHING.match(body) and "=" not in body.removesuffix("= Variable()"):
        return _unjudged("this line says nothing of its own")
    asked, equals, rest = body.partition(" = ")
    if equals and asked.strip() in _ASKED:
        return _goal(truth, rest)
    if "=" in body:
        return _equation(truth, action, body)
    return _sentence(truth, body)


def _right(reason: str) -> Judgement:
    return Judgement(Verdict("right", reason=reason))


def _wrong(reason: str, error_class: str) -> Judgement:
    return Judgement(Verdict("wrong", reason=reason), error_class)


def _unjudged(reason: str) -> Judgement:
    return Judgement(Verdict("unjudged", reason=reason))


def _goal(truth: _Truth, body: str) -> Judgement:
    wanted = re.sub(r"^find\s+", "", body.strip())
    if wanted == truth.goal.name:
        return _right("this is what is asked")
    return _wrong(f"the question asks for {truth.goal.name}, not for {wanted}", "misunderstanding")


def _plan(truth: _Truth, body: str) -> Judgement:
    """A plan is right when it starts at the goal, has every needed quantity, and none that is given or not there."""
    names = [name.strip() for name in body.split(",") if name.strip()]
    for name in names:
        quantity = truth.named(name)
        if quantity is None:
            return _wrong(f"the problem has no {name}", "misunderstanding")
        if quantity.operator == "given":
            return _wrong(f"{name} is given: there is nothing to find", "misunderstanding")
    if not names or names[0] != truth.goal.name:
        return _wrong(f"the plan does not start at {truth.goal.name}", "misunderstanding")
    missing = [name for name in truth.needed if name not in names]
    if missing:
        return _wrong(f"{missing[-1]} must be found too", "step missing")
    return _right("the plan has all that is needed")


def _equation(truth: _Truth, action: str, body: str) -> Judgement:
    name, *parts = [part.strip() for part in body.split("=")]
    quantity = truth.named(name)
    if quantity is None:
        if _is_name(name):
            return _wrong(f"the problem has no {name}", "misunderstanding")
        judgement = _numbers([name, *parts])
        return judgement if judgement.verdict.status != "unjudged" else _sentence(truth, body)
    if action == "Solve Parent" and quantity.name != truth.goal.name:
        return _wrong(f"the question asks for {truth.goal.name}, not for {quantity.name}", "misunderstanding")
    values = [truth.evaluate(part) for part in parts]
    if values[-1] is None:
        return _unjudged("no value could be read")
    for part, value in zip(parts[:-1], values[:-1], strict=True):
        if value is not None and value != quantity.value:
            return _wrong(f"{quantity.name} is not {part}: it is {quantity.value}", "misunderstanding")
    is_worked = len(parts) > 1 and _is_number(parts[-1])  # a number without working was read, not calculated
    if values[-1] != quantity.value and not is_worked:
        return _wrong(f"{quantity.name} is not {parts[-1]}: it is {quantity.value}", "misunderstanding")
    return _value(truth, quantity, values[-1], quantity.name)


def _is_number(part: str) -> bool:
    return bool(re.fullmatch(rf"\$?{_NUMBER}\.?", part.strip()))


def _is_name(text: str) -> bool:
    return bool(re.fullmatch(r"[A-Z][a-z]+'s [a-z]+|the total", text))


def _numbers(parts: Sequence[str]) -> Judgement:
    """An equation between numbers alone, "67 / 3 = 22": right when it holds."""
    values = [evaluate(part) for part in parts]
    if any(value is None for value in values):
        return _unjudged("no quantity of the problem is named")
    return (
        _right("the equation holds") if len(set(values)) == 1 else _wrong("the equation does not hold", "calculation")
    )


def _sentence(truth: _Truth, body: str) -> Judgement:
    """Free words: exactly one quantity of the problem, by owner and thing, and the last number as its value."""
    numbers = re.findall(_NUMBER, body)
    named = [q for q in truth.by_name.values() if q.owner in body and q.name.split()[-1] in body]
    if len(named) != 1 or not numbers:
        return _unjudged("no single quantity of the problem is named with a value")
    return _value(truth, named[0], float(numbers[-1]), named[0].name)


def _value(truth: _Truth, quantity: Quantity, value: float, words: str) -> Judgement:
    if value == quantity.value:
        return _right(f"{words} is {quantity.value}")
    return _wrong(f"{words} is {quantity.value}, not {value:g}", "calculation")


def error_class(problem: Problem, step_texts: Sequence[str]) -> str:
    """The class of the first wrong step that was not taken back; "none found" when all that could be judged is true."""
    judgements = judge_steps(problem, step_texts)
    wrong = (judgements[index].error_class for index in standing(step_texts))
    return next((error for error in wrong if error), "none found")
