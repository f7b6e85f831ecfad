"""One problem solved in six formats, as each of them is kept after it was run: right and wrong ones, one way back."""

import json

from reasoner import keypoints
from reasoner.checks.answers import judge
from reasoner.formats import FORMATS
from reasoner.formats.transitions import parse
from reasoner.records import Maker, Problem, Step, StepKind, Trace, Valuation, make_problem, make_trace
from reasoner.store import Store

QUESTION = (
    "Ana has 41 shells. Ben has 26 more shells than Ana. Cal has 3 times as many shells as Ben. "
    "Dan has 12 pens. How many shells does Cal have?"
)
PROBLEM = make_problem(QUESTION, "201", "stage", level="easy", solution="41 + 26 = 67\n67 * 3 = 201\n#### 201")
WRONG_ANSWER = "45"


def _run(kind: StepKind, *lines: tuple[str, str]) -> tuple[Step, ...]:
    return tuple(Step(text, kind=kind, outcome=outcome) for text, outcome in lines)


SOLUTIONS: dict[str, tuple[tuple[Step, ...], str | None]] = {
    "transitions": (
        parse(
            """Formalize: find Cal's shells
Solve Subquestion: Ben's shells = Ana's shells - 26 = 41 - 26 = 15
Verify: Ben has more shells than Ana, and 15 is less than 41
Backtrack: to state 1
Solve Subquestion: Ben's shells = Ana's shells + 26 = 41 + 26 = 67
Solve Parent: Cal's shells = Ben's shells * 3 = 67 * 3 = 201
Summarize: the answer is 201"""
        ),
        "201",
    ),
    "cot": (parse("Ben has 41 + 26 = 57 shells.\nCal has 57 * 3 = 171 shells.\nThe answer is 171."), "171"),
    "program": (
        _run(
            "code",
            ("Ana_shells = 41  # told", "Ana_shells = 41"),
            ("Ben_shells = Ana_shells + 26", "Ben_shells = 67"),
            ("Cal_shells = Ben_shells * 3", "Cal_shells = 201"),
            ("answer = Cal_shells", "answer = 201"),
        ),
        "201",
    ),
    "text_code": (
        (
            Step("Ben's shells = Ana's shells - 26"),
            Step("Ben_shells = 41 - 26\nBen_shells", kind="code", outcome="Ben_shells = 15"),
            Step("15", kind="output"),
            Step("Cal's shells = Ben's shells × 3"),
            Step("Cal_shells = Ben_shells * 3\nCal_shells", kind="code", outcome="Cal_shells = 45"),
            Step("45", kind="output"),
            Step("Final Answer: 45", "Summarize"),
        ),
        WRONG_ANSWER,
    ),
    "equations": (
        _run(
            "equation",
            ("answer = Cal_shells", "answer = 201"),
            ("Cal_shells = Ben_shells * 3", "Cal_shells = 201"),
            ("Ben_shells = Ana_shells + 26", "Ben_shells = 67"),
            ("Ana_shells = 41", "Ana_shells = 41"),
        ),
        "201",
    ),
    "specification": (
        (
            Step("Ana_shells = Variable()", kind="declaration"),
            Step("Ana_shells = 41", kind="constraint", outcome="Ana_shells = 41"),
            Step("Ben_shells = Variable()", kind="declaration"),
            Step("Ben_shells > Ana_shells", kind="constraint"),
            Step("result = Ben_shells * 3", kind="constraint"),
            Step("solve(result)", kind="constraint", outcome="AMBIG: a second model gives 129"),
        ),
        None,
    ),
}


def trace(format: str, problem: Problem = PROBLEM) -> Trace:
    steps, answer = SOLUTIONS[format]
    return make_trace(
        problem,
        prompt=problem.question + "\n",
        text="\n".join(step.text for step in steps),
        steps=steps,
        answer=answer,
        verdict=judge(problem.answer, answer),
        maker=Maker("scripted", "stage", seed=list(SOLUTIONS).index(format), temperature=0.7),
        format=format,
        created=1_780_000_100.0,
    )


def row() -> tuple[Problem, list[Trace], tuple[()]]:
    return PROBLEM, [trace(format) for format in SOLUTIONS], ()


WRITTEN = {
    "program": "shells = 41 + 26\nanswer = shells * 3",
    "text_code": "Ben's shells = Ana's shells + 26\n<code>\nBen_shells = 41 + 26\nBen_shells\n</code>\n",
    "equations": "answer = 3 * Ben_shells\nBen_shells = 41 + 26",
    "specification": "Ben_shells = Variable()\nBen_shells = 41 + 26\nresult = Ben_shells * 3\nsolve(result)",
}
"""What the scripted model writes for PROBLEM, to be run for true."""

EXTRACTED = """Core question: How many shells does Cal have?
- Cal has 3 times as many shells as Ben.
- Ben has 26 more shells than Ana.
- Eve has 99 shells."""
"""Key points as the scripted model extracts them; the problem does not say the last one."""

DOUBTED = make_problem("Eve has 2 boxes of 6 eggs. She breaks 3 eggs. How many eggs are left?", "8", "stage")
"""Its gold answer is wrong: 2 * 6 - 3 is 9."""


def doubted_row() -> tuple[Problem, list[Trace], tuple[()]]:
    eggs = ("eggs = 2 * 6", "eggs = 12"), ("answer = eggs - 3", "answer = 9")
    solutions = {"program": _run("code", *eggs), "equations": _run("equation", *reversed(eggs))}
    traces = [
        make_trace(
            DOUBTED,
            prompt=DOUBTED.question + "\n",
            text="\n".join(step.text for step in steps),
            steps=steps,
            answer="9",
            verdict=judge(DOUBTED.answer, "9"),
            maker=Maker("scripted", "stage", seed=0, temperature=0.7),
            format=format,
            created=1_780_000_200.0,
        )
        for format, steps in solutions.items()
    ]
    return DOUBTED, traces, ()


def fill(store: Store) -> None:
    """Both problems, key points of the first, and what a value model thinks of its traces."""
    store.add_rows([row(), doubted_row()])
    store.add_key_points(keypoints.rules(PROBLEM))
    store.add_valuations(
        Valuation(one.id, "value-stage", tuple(_score(one, i) for i in range(len(one.steps))), 1_780_000_300.0)
        for one in row()[1]
    )


def script_lines() -> list[str]:
    """What the scripted model answers when it is asked for each format, alone or with the key points."""
    hinted = keypoints.with_key_points(QUESTION, keypoints.rules(PROBLEM))
    asked = {f"{QUESTION}\n{FORMATS[name].tag}:\n": [text] for name, text in WRITTEN.items()}
    asked[f"{hinted}\n{FORMATS['program'].tag}:\n"] = [WRITTEN["program"].replace("+ 26", "+ 26 + 0")]
    asked[f"{QUESTION}\n{keypoints.TAG}:\n"] = [EXTRACTED]
    return [json.dumps({"prompt": prompt, "completions": texts}) for prompt, texts in asked.items()]


def _score(one: Trace, index: int) -> float:
    """Rising towards a right answer, falling towards a wrong one."""
    share = (index + 1) / len(one.steps)
    return round(0.5 + 0.45 * share if one.verdict.status == "right" else 0.5 - 0.42 * share, 3)
