"""A problem with any number of solutions in six formats, half of them with a slip: what bench_graph draws.

    six_format_traces(problem(), 500)[2].steps[1]      Step("Ben_coins = Ana_coins + 26", kind="code", outcome=…)

Steps and outcomes are written as the formats keep them after a run; nothing is run here.
"""

import random

from reasoner.checks.answers import judge
from reasoner.records import Maker, Problem, Step, Trace, make_problem, make_trace

NAMES = ("Ana", "Ben", "Cal", "Dan", "Eve", "Fay")
ADDED = (41, 26, 13, 38, 7, 52)  # the first has 41, each other so many more than the one before
FORMATS = ("transitions", "cot", "program", "text_code", "equations", "specification")


def problem() -> Problem:
    told = [f"Ana has {ADDED[0]} coins."]
    told += [
        f"{name} has {more} more coins than {NAMES[i]}."
        for i, (name, more) in enumerate(zip(NAMES[1:], ADDED[1:], strict=True))
    ]
    return make_problem(" ".join([*told, "How many coins does Fay have?"]), str(sum(ADDED)), "bench")


def values(rng: random.Random) -> list[int]:
    """What each of them has, in one solution: with a slip somewhere in every second one."""
    slip, by = rng.randrange(1, 2 * len(ADDED) - 1), rng.choice([-10, -2, -1, 1, 2, 10])
    found = [ADDED[0]]
    for i, more in enumerate(ADDED[1:], start=1):
        found.append(found[-1] + more + (by if i == slip else 0))
    return found


def six_format_traces(one: Problem, num: int) -> list[Trace]:
    rng = random.Random(num)
    return [_trace(one, FORMATS[i % len(FORMATS)], values(rng), i, rng) for i in range(num)]


def _trace(one: Problem, format: str, has: list[int], number: int, rng: random.Random) -> Trace:
    steps = WRITE[format](has, rng)
    return make_trace(
        one,
        prompt="",
        text="\n".join(step.text for step in steps),
        steps=steps,
        answer=str(has[-1]),
        verdict=judge(one.answer, str(has[-1])),
        maker=Maker("import", f"model {number}"),
        format=format,
        created=0.0,
    )


def _pairs(has: list[int]) -> list[tuple[str, str, int, int, int]]:
    """(name, the one before, what that one has, how many more, what it has)."""
    return [(NAMES[i], NAMES[i - 1], has[i - 1], ADDED[i], has[i]) for i in range(1, len(NAMES))]


def _transitions(has: list[int], rng: random.Random) -> list[Step]:
    plan = rng.sample(NAMES[:-1], rng.randint(2, 5))
    steps = [
        Step("Formalize: find Fay's coins", "Formalize"),
        Step("Decompose: " + ", ".join(f"{name}'s coins" for name in plan), "Decompose"),
    ]
    for name, other, had, more, now in _pairs(has):
        action = "Solve Parent" if name == NAMES[-1] else "Solve Subquestion"
        steps.append(Step(f"{action}: {name}'s coins = {other}'s coins + {more} = {had} + {more} = {now}", action))
    return [*steps, Step(f"Summarize: the answer is {has[-1]}", "Summarize")]


def _cot(has: list[int], rng: random.Random) -> list[Step]:
    verb = rng.choice(["has", "owns", "gets", "holds", "keeps"])
    lines = [f"{name} {verb} {had} + {more} = {now} coins." for name, _, had, more, now in _pairs(has)]
    return [*(Step(line, "Solve Subquestion") for line in lines), Step(f"The answer is {has[-1]}.", "Summarize")]


def _relations(has: list[int]) -> list[tuple[str, str]]:
    told = [(f"{NAMES[0]}_coins = {ADDED[0]}", f"{NAMES[0]}_coins = {ADDED[0]}")]
    made = [
        (f"{name}_coins = {other}_coins + {now - had}", f"{name}_coins = {now}")
        for name, other, had, _, now in _pairs(has)
    ]
    return told + made


def _program(has: list[int], rng: random.Random) -> list[Step]:
    lines = [*_relations(has), (f"answer = {NAMES[-1]}_coins", f"answer = {has[-1]}")]
    return [Step(text, kind="code", outcome=outcome) for text, outcome in lines]


def _text_code(has: list[int], rng: random.Random) -> list[Step]:
    steps: list[Step] = []
    for name, other, had, more, now in _pairs(has):
        steps += [
            Step(f"{name}'s coins = {other}'s coins + {more}", "Solve Subquestion"),
            Step(f"{name}_coins = {had} + {now - had}\n{name}_coins", kind="code", outcome=f"{name}_coins = {now}"),
            Step(str(now), kind="output"),
        ]
    return [*steps, Step(f"Final Answer: {has[-1]}", "Summarize")]


def _equations(has: list[int], rng: random.Random) -> list[Step]:
    lines = [*_relations(has), (f"answer = {NAMES[-1]}_coins", f"answer = {has[-1]}")]
    if rng.random() < 0.5:
        lines.reverse()
    else:
        rng.shuffle(lines)
    return [Step(text, kind="equation", outcome=outcome) for text, outcome in lines]


def _specification(has: list[int], rng: random.Random) -> list[Step]:
    steps: list[Step] = []
    for text, outcome in _relations(has):
        steps += [
            Step(f"{text.split(' = ')[0]} = Variable()", kind="declaration"),
            Step(text, kind="constraint", outcome=outcome),
        ]
    end = Step(f"result = {NAMES[-1]}_coins", kind="constraint", outcome=f"result = {has[-1]}")
    return [*steps, end, Step("solve(result)", kind="constraint", outcome=str(has[-1]))]


WRITE = {
    "transitions": _transitions,
    "cot": _cot,
    "program": _program,
    "text_code": _text_code,
    "equations": _equations,
    "specification": _specification,
}
