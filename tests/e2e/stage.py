"""What stands in the store when a browser test begins: a few problems, and a scripted model that knows them.

The script answers at once and always the same, so that the tests look at the screens and not at a model's mood.
"""

import json
from pathlib import Path

from reasoner.checks.answers import judge
from reasoner.formats import FORMATS
from reasoner.records import Maker, Problem, Trace, make_problem, make_trace
from reasoner.store import Store
from tests.e2e import six_formats

TRANSITIONS = FORMATS["transitions"]
HACK = "<script>window.hacked=1</script><img src=x onerror='window.hacked=1'>${window.hacked=1}"
"""Text that must be shown as it is. If any of it is run, the page's `window.hacked` is set."""

COINS = (
    "Ana has 41 coins. Ben has 26 more coins than Ana. Cal has 3 times as many coins as Ben. "
    "How many coins does Cal have?"
)
COINS_RIGHT = """Formalize: find Cal's coins
Solve Subquestion: Ben's coins = Ana's coins + 26 = 41 + 26 = 67
Solve Parent: Cal's coins = Ben's coins * 3 = 67 * 3 = 201
Summarize: the answer is 201"""
COINS_WRONG = """Formalize: find Cal's coins
Solve Subquestion: Ben's coins = Ana's coins + 26 = 41 + 26 = 57
Solve Parent: Cal's coins = Ben's coins * 3 = 57 * 3 = 171
Summarize: the answer is 171"""
COINS_MISREAD = """Formalize: find Cal's coins
Solve Subquestion: Ben's coins = Ana's coins + 26 = 41 + 26 = 67
Solve Parent: Cal's coins = Ben's coins + 3 = 67 + 3 = 70
Summarize: the answer is 70"""
COINS_OTHER_WORDS = """Decompose: Ben's coins, Cal's coins
Solve Subquestion: Ben's coins = 26 + Ana's coins = 26 + 41 = 67
Solve Parent: Cal's coins = 3 * Ben's coins = 3 * 67 = 201
Summarize: the answer is 201"""
WRONG_STEP = 1  # 0-based first wrong step of COINS_WRONG

LEGS = "How many legs do 3 cats have?"
LEGS_RIGHT = "Solve Parent: legs = 3 * 4 = 12\nSummarize: the answer is 12"
LEGS_WRONG = "Solve Parent: legs = 3 * 4 = 14\nSummarize: the answer is 14"

PEARS = "Dan has 4 pears and eats 1. How many are left?"
PEARS_RIGHT = "4 - 1 = 3\nThe answer is 3"

MATHS = "Write $\\frac{2}{4}$ in lowest terms."
MATHS_RIGHT = "Divide both by 2: $\\frac{2}{4} = \\frac{1}{2}$\nThe answer is $\\frac{1}{2}$"

HOSTILE = f"Eve says {HACK} and has 2 coins. How many coins has Eve?"
HOSTILE_WRONG = f"Eve has 1 + 2 = 3 coins {HACK}\nThe answer is 3"

FILLERS = [
    f"Box {number} holds {number} red pens and 7 blue ones. How many pens are in it?" for number in range(10, 22)
]


def solution(problem: Problem, text: str, seed: int, maker: str = "stage") -> Trace:
    """`text` as a trace of `problem` that the scripted model wrote."""
    writing = TRANSITIONS if "Summarize" in text else FORMATS["cot"]
    answer = writing.answer(text)
    return make_trace(
        problem,
        prompt=problem.question + "\n",
        text=text,
        steps=writing.parse(text),
        answer=answer,
        verdict=judge(problem.answer, answer),
        maker=Maker("scripted", maker, seed=seed, temperature=0.7),
        format=writing.name,
        created=1_780_000_000.0 + seed,
    )


def rows() -> list[tuple[Problem, list[Trace], tuple[()]]]:
    """Problems with their traces, in the order of the list."""
    coins = make_problem(COINS, "201", "stage", level="easy")
    texts = [COINS_WRONG, COINS_RIGHT, COINS_OTHER_WORDS]
    hostile = make_problem(HOSTILE, "2", f"<b>{HACK}")
    maths = make_problem(MATHS, "\\frac{1}{2}", "maths")
    found: list[tuple[Problem, list[Trace], tuple[()]]] = [
        (coins, [solution(coins, text, seed) for seed, text in enumerate(texts)], ()),
        (hostile, [solution(hostile, HOSTILE_WRONG, 0, f"{HACK}")], ()),
        (maths, [solution(maths, MATHS_RIGHT, 0)], ()),
    ]
    for number, question in enumerate(FILLERS):
        filler = make_problem(question, str(number + 17), "fillers")
        text = f"Solve Parent: pens = {number + 10} + 7 = {number + 18}\nSummarize: the answer is {number + 18}"
        found.append((filler, [solution(filler, text, 0)], ()))
    return found


def prepare(folder: Path) -> Path:
    """Fill `folder`/store.sqlite and write the script; the script's path."""
    with Store(folder / "store.sqlite") as store:
        store.add_rows(rows())
        six_formats.fill(store)
    script = folder / "stage.jsonl"
    known = {
        COINS: [COINS_RIGHT, COINS_MISREAD, COINS_OTHER_WORDS, COINS_WRONG],
        LEGS: [LEGS_RIGHT, LEGS_WRONG],
        PEARS: [PEARS_RIGHT],
    }
    lines = [json.dumps({"prompt": f"{question}\n", "completions": texts}) for question, texts in known.items()]
    script.write_text("\n".join(lines + six_formats.script_lines()) + "\n", encoding="utf-8")
    return script
