"""The fundamental stage's rows: right paths that check themselves, and slips that are seen and taken back.

    right_rows(problems, prompts)            {"prompt": question, "completion": gold with a Verify after every solve}
    slip_rows(problems, solved)              {"prompt": question + a wrong path up to its slip, "completion": Verify: …
                                              wrong, Backtrack, the right lines}

Kwai-STaR's fundamental stage is SFT on right state-transition solutions (arXiv 2411.04799 §3). Its actions Verify and
Backtrack must have been written before preferences can make them likelier, so ours has both kinds. A slip stands in the
prompt, where nothing is learnt from it: fine-tuning on it would teach to make it. Problems that were not generated give
the right samples of a teacher, or of the model itself, as they are; their slips come from a store's labels.

Order, easy to hard (with easy ones up to the end): by the number of quantities that must be found where the problem was
generated; by the number of steps of the solution elsewhere.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from reasoner.actions import explicit_action
from reasoner.engines import Engine
from reasoner.formats import FORMATS
from reasoner.records import Pair, Problem
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
    """Each generated problem's own solution, nothing checked in it: what the control learns from."""
    by_prompt = {prompts[problem.id]: problem for problem in problems if problem.id in prompts}
    generated = [problem for problem in problems if problem.spec]
    found = gold_rows(generated, prompts, engine, "transitions", dropped)
    return [_row(by_prompt[row["prompt"]], row["prompt"], row["completion"], "plain") for row in found]


def right_rows(
    problems: Sequence[Problem], prompts: Mapping[str, str], engine: Engine, dropped: Counter[str]
) -> list[Row]:
    """The same with a Verify after every solve."""
    by_id = {problem.id: problem for problem in problems}
    rows = []
    for plain in plain_rows(problems, prompts, engine, dropped):
        problem = by_id[str(plain["problem"])]
        row = _row(problem, str(plain["prompt"]), "\n".join(checked(problem)), "checked")
        if _fits(row, engine, dropped):
            rows.append(row)
    return rows


def taught_rows(
    problems: Mapping[str, Problem], solved: Iterable[Solved], engine: Engine, dropped: Counter[str]
) -> list[Row]:
    """Of problems that were not generated the shortest right sample that is written, legally, as transitions."""
    rows = []
    for one in solved:
        problem = problems.get(one.problem)
        if problem is None or problem.spec:
            continue
        right = sorted({sample.text for sample in one.of("right")}, key=lambda text: (len(text), text))
        written = [text for text in right if _is_written(text)]
        if not written:
            dropped["right, but not legal state transitions" if right else "no right solution was sampled"] += 1
            continue
        row = _row(problem, one.prompt, written[0], "plain")
        rows += [row] if _fits(row, engine, dropped) else []
    return rows


def _is_written(text: str) -> bool:
    """Does every step name its action, and may each stand where it stands?"""
    steps = FORMATS["transitions"].parse(text)
    return bool(steps) and all(explicit_action(step.text) and step.is_legal for step in steps)


def slip_rows(
    problems: Mapping[str, Problem], solved: Iterable[Solved], engine: Engine, most: int, dropped: Counter[str]
) -> list[Row]:
    """At most `most` slips of a problem's wrong samples, each of another text, with what should follow."""
    rows = []
    for one in solved:
        problem, seen = problems[one.problem], set[str]()
        for sample in one.of("wrong"):
            if not problem.spec:
                dropped["a wrong sample whose slip nobody knows: people's come with --source store"] += 1
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


def corrected_rows(pairs: Iterable[Pair]) -> list[Row]:
    """Slips that people or explorations found (kwai_pairs.corrected_pairs), to be seen and taken back."""
    return [
        {
            "prompt": pair.prompt,
            "completion": pair.chosen,
            "problem": pair.problem_id,
            "kind": "slip",
            "difficulty": pair.step + len(step_texts(pair.chosen)),
        }
        for pair in pairs
        if pair.is_whole  # the end of a solution is learnt with it
    ]


def ordered(rows: Sequence[Row], bands: int) -> list[list[Row]]:
    """The rows, each in one of so many parts: the first has easy ones alone, each later one harder ones as well.

    Rows of a band are dealt to the part where it begins and to all later ones: with parts of one band each, the small
    solver forgot how short plans end (49 → 8 % right).
    """
    rows = sorted(rows, key=lambda row: int(row["difficulty"]))
    bands = max(1, min(bands, len(rows)))
    edges = [len(rows) * number // bands for number in range(bands + 1)]
    parts: list[list[Row]] = [[] for _ in range(bands)]
    for begins, (first, last) in enumerate(pairwise(edges)):
        for place, row in enumerate(rows[first:last]):
            parts[begins + place % (bands - begins)].append(row)
    return parts


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
