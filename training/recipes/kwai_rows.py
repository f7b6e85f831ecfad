"""The fundamental stage's rows: right paths that check themselves, and slips that are seen and taken back.

    right_rows(problems, prompts)            {"prompt": question, "completion": gold with a Verify after every solve}
    slip_rows(problems, solved)              {"prompt": question + a wrong path up to its slip, "completion": Verify: …
                                              wrong, Backtrack, the right lines}

Kwai-STaR's fundamental stage is SFT on right state-transition solutions (arXiv 2411.04799 §3). Its actions Verify and
Backtrack must have been written before preferences can make them likelier, so ours has both kinds. A slip stands in the
prompt, where nothing is learnt from it: fine-tuning on it would teach to make it.

Order, easy to hard: by the number of quantities that must be found where the problem was generated; by the number of
steps of the solution elsewhere.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from reasoner.engines import Engine
from reasoner.formats import FORMATS
from reasoner.records import Problem
from training.recipes.golds import gold_rows
from training.recipes.kwai_paths import Repair, checked, repair
from training.recipes.sampling import Solved
from training.wordproblems import computed, quantities_of

Row = dict[str, str | int]
"""{"prompt", "completion", "problem": id, "kind": "plain" | "checked" | "slip", "difficulty"}"""


def difficulty(problem: Problem, completion: str) -> int:
    """How many quantities must be found; the solution's steps where nobody knows."""
    if problem.spec:
        return len(computed(*quantities_of(problem)))
    return len(FORMATS["transitions"].parse(completion))


def plain_rows(
    problems: Sequence[Problem], prompts: Mapping[str, str], engine: Engine, dropped: Counter[str]
) -> list[Row]:
    """Each problem's own solution, nothing checked in it: what the control learns from."""
    by_prompt = {prompts[problem.id]: problem for problem in problems if problem.id in prompts}
    found = gold_rows(problems, prompts, engine, "transitions", dropped)
    return [_row(by_prompt[row["prompt"]], row["prompt"], row["completion"], "plain") for row in found]


def right_rows(
    problems: Sequence[Problem], prompts: Mapping[str, str], engine: Engine, dropped: Counter[str]
) -> list[Row]:
    """The same with a Verify after every solve; a problem that was not generated keeps its solution as it is."""
    by_id = {problem.id: problem for problem in problems}
    rows = []
    for row in plain_rows(problems, prompts, engine, dropped):
        problem = by_id[str(row["problem"])]
        if problem.spec:
            row = _row(problem, str(row["prompt"]), "\n".join(checked(problem)), "checked")
        if _fits(row, engine, dropped):
            rows.append(row)
    return rows


def slip_rows(
    problems: Mapping[str, Problem], solved: Iterable[Solved], engine: Engine, most: int, dropped: Counter[str]
) -> list[Row]:
    """At most `most` slips of a problem's wrong samples, each of another text, with what should follow."""
    rows = []
    for one in solved:
        problem, seen = problems[one.problem], set[str]()
        for sample in one.of("wrong"):
            if not problem.spec:
                dropped["a slip whose truth nobody knows: give --store"] += 1
                continue
            made = repair(problem, step_texts(sample.text), inserts_checks=True)
            if isinstance(made, str):
                dropped[made] += 1
                continue
            row = _slip(problem, one.prompt, made)
            if str(row["prompt"]) in seen:
                dropped["the same slip again"] += 1
            elif len(seen) >= most:
                dropped[f"over {most} slips of a problem"] += 1
            elif _fits(row, engine, dropped):
                seen.add(str(row["prompt"]))
                rows.append(row)
    return rows


def ordered(rows: Sequence[Row], bands: int) -> list[list[Row]]:
    """The rows, the easiest first, in so many parts of one size."""
    rows = sorted(rows, key=lambda row: int(row["difficulty"]))
    bands = max(1, min(bands, len(rows)))
    edges = [len(rows) * number // bands for number in range(bands + 1)]
    return [rows[first:last] for first, last in pairwise(edges)]


def step_texts(text: str) -> list[str]:
    """A solution's steps as they are written."""
    return [step.text for step in FORMATS["transitions"].parse(text)]


def _slip(problem: Problem, prompt: str, made: Repair) -> Row:
    return _row(problem, prompt + "".join(f"{line}\n" for line in made.before), "\n".join(made.after), "slip")


def _row(problem: Problem, prompt: str, completion: str, kind: str) -> Row:
    return {
        "prompt": prompt,
        "completion": completion,
        "problem": problem.id,
        "kind": kind,
        "difficulty": difficulty(problem, completion),
    }


def _fits(row: Row, engine: Engine, dropped: Counter[str]) -> bool:
    text = f"{row['prompt']}{row['completion']}"
    if engine.unknown_words(text):
        dropped["words outside the model's vocabulary"] += 1
        return False
    if engine.count_tokens(text) >= engine.context:
        dropped["longer than the model's context"] += 1
        return False
    return True
