"""The two signs of misunderstanding, measured: how often they cry wolf, and how much they catch.

    python -m tests.bench.bench_information [FOLDER of data sets]

- GSM8K's gold solutions, where a folder with gsm8k/train.jsonl is given or found beside the checkout: steps with a
  number that is said to come from nowhere (false alarms, the few false solutions aside); and the same solutions with
  one number of one calculation replaced by another of as many digits (caught).
- Two real models' solutions of GSM8K's test problems, right and wrong ones apart, in the same folder.
- The built-in problems' traces, judged by the step oracle: of those whose first error is a misunderstanding, how many
  each sign names, and how many right traces.
"""

import json
import random
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from reasoner import places
from reasoner.checks.information import check_information, unused
from reasoner.intervals import wilson
from reasoner.keypoints import rules
from reasoner.records import Interval, KeyPoints, Maker, Problem, Step, Trace, Verdict, make_problem, make_trace
from reasoner.seed import built_in_file, read_rows
from reasoner.steps import split_steps
from reasoner.told import told
from training.oracle import error_class, first_wrong_step
from training.solutions import gold_key_points
from training.wordproblems import computed, quantities_of

Solution = tuple[str, tuple[Step, ...]]


def gsm8k(folder: Path) -> Iterator[Solution]:
    for line in (folder / "gsm8k" / "train.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        yield row["question"], split_steps(row["answer"].rpartition("####")[0].strip())


def changed(solution: Solution, rng: random.Random) -> tuple[Solution, int] | None:
    """One number of one calculation replaced, in text and calculator mark alike; with the step's index."""
    question, steps = solution
    places = [
        (index, match[0])
        for index, step in enumerate(steps)
        for match in re.finditer(r"(?<![\d.,])\d{1,3}(?![\d.,]|\s*=)(?=\s*[-+*/x])", step.text)
    ]
    if not places:
        return None
    index, old = rng.choice(places)
    new = str(rng.randint(10 ** (len(old) - 1), 10 ** len(old) - 1))
    if new == old:
        return None
    text = re.sub(rf"(?<![\d.,]){old}(?![\d.,])", new, steps[index].text)
    return (question, (*steps[:index], Step(text), *steps[index + 1 :])), index


def made_trace(problem: Problem, steps: tuple[Step, ...]) -> Trace:
    maker, verdict = Maker("import"), Verdict("right")
    return make_trace(
        problem, prompt="", text="", steps=steps, answer=None, verdict=verdict, maker=maker, format="cot", created=0.0
    )


def needed_points(problem: Problem) -> KeyPoints:
    """The gold key points; of problems kept before specs had sentences, the sentences that tell what is needed."""
    gold = gold_key_points(problem)
    quantities, goal = quantities_of(problem)
    needed = {operand for quantity in computed(quantities, goal) for operand in (quantity.name, *quantity.operands)}
    sentences = [problem.question[slice(*place)] for place in places.sentences(problem.question)[:-1]]
    found = [
        sentence
        for quantity in quantities
        if quantity.name in needed
        for sentence in sentences
        if quantity.owner in sentence and all(_tells(sentence, operand) for operand in quantity.operands)
    ]
    return gold if gold.points else replace(gold, points=tuple(dict.fromkeys(found)))


def _tells(sentence: str, operand: int | str) -> bool:
    if isinstance(operand, str):
        return operand.partition("'")[0] in sentence
    return any(operand in number.meanings for number in told(sentence))


def shown(interval: Interval) -> str:
    low, high = 100 * interval.low, 100 * interval.high
    return f"{100 * interval.rate:5.1f} %  ({low:.1f} to {high:.1f}; {interval.successes} of {interval.total})"


def measure_gsm8k(folder: Path) -> None:
    solutions = list(gsm8k(folder))
    flagged = [{finding.step for finding in check_information(*solution)} for solution in solutions]
    num_steps = sum(len(steps) for _, steps in solutions)
    print("GSM8K train, gold solutions")
    print("  steps flagged         ", shown(wilson(sum(map(len, flagged)), num_steps)))
    print("  solutions flagged     ", shown(wilson(sum(map(bool, flagged)), len(solutions))))
    problems = [make_problem(question, None, "gsm8k") for question, _ in solutions]
    traces = [made_trace(problem, steps) for problem, (_, steps) in zip(problems, solutions, strict=True)]
    pairs = list(zip(traces, problems, strict=True))
    print("  with a number unused  ", shown(wilson(sum(bool(unused(t, p)) for t, p in pairs), len(pairs))))
    print("  with a rules' point so", shown(wilson(sum(bool(unused(t, p, rules(p))) for t, p in pairs), len(pairs))))
    rng = random.Random(0)
    made = [one for solution in solutions if (one := changed(solution, rng))]
    caught = sum(index in {f.step for f in check_information(*solution)} for solution, index in made)
    print("  a number replaced     ", shown(wilson(caught, len(made))))


def measure_models(folder: Path) -> None:
    """Two real models' solutions of GSM8K's test problems, right and wrong ones apart."""
    lines = (folder / "gsm8k" / "example_model_solutions.jsonl").read_text(encoding="utf-8").splitlines()
    counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in map(json.loads, lines):
        problem = make_problem(row["question"], None, "gsm8k")
        for model in ("6b_finetuning", "175b_verification"):
            trace = made_trace(problem, split_steps(row[model]["solution"]))
            count = counts[model, "right" if row[model]["is_correct"] else "wrong"]
            count[0] += 1
            count[1] += bool(check_information(problem.question, trace.steps))
            count[2] += bool(unused(trace, problem))
    for (model, verdict), (total, flagged, left) in sorted(counts.items()):
        print(f"{model}, {verdict} solutions")
        print("  a number from nowhere ", shown(wilson(flagged, total)))
        print("  a number unused       ", shown(wilson(left, total)))


def measure_built_in() -> None:
    path = built_in_file()
    assert path is not None
    counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for problem, traces, *_ in read_rows(path):
        points = needed_points(problem) if problem.spec else None
        for trace in traces if problem.spec else ():
            texts = [step.text for step in trace.steps]
            kind = error_class(problem, texts)
            findings = check_information(problem.question, trace.steps)
            wrong = first_wrong_step(problem, texts)
            signs = {
                "from nowhere": bool(findings),
                "from nowhere, at the first wrong step": any(finding.step == wrong for finding in findings),
                "key point unused": bool(unused(trace, problem, points)),
                "number of the question unused": bool(unused(trace, problem)),
                "either of the first and third": bool(findings) or bool(unused(trace, problem, points)),
            }
            group = kind if kind != "none found" else f"no error found, answer {trace.verdict.status}"
            for sign, is_seen in signs.items():
                counts[group, sign][0] += is_seen
                counts[group, sign][1] += 1
    for group in sorted({group for group, _ in counts}):
        print(f"built-in traces, by the oracle: {group}")
        for (of, sign), (seen, total) in counts.items():
            if of == group:
                print(f"  {sign:40}", shown(wilson(seen, total)))


def main() -> None:
    given = [Path(argument) for argument in sys.argv[1:]]
    found = given or [path.parents[1] for path in Path(__file__).resolve().parents[3].glob("*/data/gsm8k/train.jsonl")]
    if found:
        measure_gsm8k(found[0])
        measure_models(found[0])
    measure_built_in()


if __name__ == "__main__":
    main()
