"""A store in which a person has judged and a machine has explored: they differ here and agree there."""

from pathlib import Path

from reasoner.checks.answers import judge
from reasoner.formats import FORMATS
from reasoner.records import Label, Maker, Pit, Probe, Problem, Trace, content_id, make_problem, make_trace
from reasoner.store import Store

ADA = "Ada"
MAKER = Maker("scripted", "stage", seed=0, temperature=0.7)
NAMES = ("Ana", "Ben", "Cal", "Dan", "Eve", "Fay", "Gus", "Hal", "Ida", "Joe", "Kim", "Lee")

Word = tuple[int | None, tuple[float, ...]]
"""What the machine says of a trace: the pit's step, and the posterior over its four steps and none."""

DIFFER: tuple[tuple[int | None, Word], ...] = (
    (1, (2, (0.01, 0.02, 0.95, 0.01, 0.01))),
    (2, (1, (0.02, 0.84, 0.10, 0.02, 0.02))),
    (None, (2, (0.05, 0.08, 0.70, 0.05, 0.12))),
)
"""(Ada's first wrong step or none, the machine's word)."""
AGREE: tuple[tuple[int | None, Word], ...] = ((1, (1, (0.01, 0.96, 0.01, 0.01, 0.01))),)
UNSURE: tuple[Word, ...] = (
    (1, (0.05, 0.41, 0.38, 0.10, 0.06)),
    (2, (0.04, 0.25, 0.49, 0.12, 0.10)),
    (2, (0.03, 0.10, 0.55, 0.20, 0.12)),
)


def question(number: int) -> str:
    who, other, third = (NAMES[(number + i) % len(NAMES)] for i in range(3))
    return (
        f"{who} has {number + 20} stamps. {other} has {number + 7} more stamps than {who}. {third} has twice as many "
        f"stamps as {other}. How many stamps does {third} have?"
    )


def solution(number: int) -> tuple[Problem, Trace]:
    """A problem and a wrong solution of it: the second step adds wrongly."""
    who, other, third = (NAMES[(number + i) % len(NAMES)] for i in range(3))
    first, more = number + 20, number + 7
    problem = make_problem(question(number), str(2 * (first + more)), "stamps", level="easy")
    wrong = first + more + 10
    text = (
        f"Formalize: find {third}'s stamps\n"
        f"Solve Subquestion: {other}'s stamps = {who}'s stamps + {more} = {first} + {more} = {wrong}\n"
        f"Solve Parent: {third}'s stamps = {other}'s stamps * 2 = {wrong} * 2 = {2 * wrong}\n"
        f"Summarize: the answer is {2 * wrong}"
    )
    writing = FORMATS["transitions"]
    answer = writing.answer(text)
    trace = make_trace(
        problem, prompt=problem.question + "\n", text=text, steps=writing.parse(text), answer=answer,
        verdict=judge(problem.answer, answer), maker=MAKER, format=writing.name, created=1_780_000_000.0,
    )  # fmt: skip
    return problem, trace


def pit_of(trace: Trace, word: Word) -> Pit:
    step, posterior = word
    tried = [i for i in range(len(trace.steps)) if step is None or i <= step]
    probes = tuple(
        Probe(i, ("…",) * 4, (step is None or i < step, False, False, False), 60, trace.prompt) for i in tried
    )
    found = "the step named is sure enough" if max(posterior) > 0.9 else "budget spent"
    return Pit(
        content_id("pit", trace.id), trace.id, trace.problem_id, step, "adaptive", 4, probes, MAKER,
        1_780_000_100.0, 1.2, posterior, "gold", found,
    )  # fmt: skip


def prepare(folder: Path) -> None:
    """Fill `folder`/store.sqlite: where Ada and the machine differ, where they agree, and where it is unsure."""
    with Store(folder / "store.sqlite") as store:
        number = 0
        for step, word in (*DIFFER, *AGREE):
            problem, trace = solution(number)
            label = Label.of(trace, kind="all_right" if step is None else "first_wrong", step=step, annotator=ADA)
            store.add_rows([(problem, [trace], [label])])
            store.add_pit(pit_of(trace, word))
            number += 1
        for word in UNSURE:
            problem, trace = solution(number)
            store.add_rows([(problem, [trace], [])])
            store.add_pit(pit_of(trace, word))
            number += 1
        for _ in range(3):
            problem, trace = solution(number)
            store.add_rows([(problem, [trace], [])])
            number += 1


def judge_anew(store: Store) -> None:
    """Ada's word on each trace as it was at first, nothing settled."""
    for number, (step, _) in enumerate((*DIFFER, *AGREE)):
        trace = solution(number)[1]
        store.add_label(Label.of(trace, kind="all_right" if step is None else "first_wrong", step=step, annotator=ADA))
