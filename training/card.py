"""The built-in solver's card: how often its greedy solutions are right, format by format, on held-out problems.

Rows of accuracy.json: {"level", "kind", "accuracy", "low", "high", "right", "total", "first_errors"}. kind is a format,
or one of

    key points             core question and points are exactly the gold ones
    … given                transitions when the solver's own key points stand in the prompt
    majority of formats    the answer of most formats, one vote each (reasoner/votes.py); a tie is not right

`first_errors` counts the first wrong steps of the solutions that are not right, by the step oracle, which knows the
truth and which no training sees.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reasoner.checks.answers import equal_answers
from reasoner.engines import Engine
from reasoner.formats import FORMATS, format_named
from reasoner.keypoints import extract_many
from reasoner.records import KeyPoints, Problem, Trace
from reasoner.seed import ASSETS
from reasoner.solve import solve_many
from reasoner.votes import format_votes, group_answers, majority
from training.oracle import error_class
from training.solutions import gold_key_points
from training.stats import wilson
from training.wordproblems import LEVELS, problem_set

CARD_SEED = 8001  # held-out problems of the card; evaluations use 9001, the training sets are 1, 101 and 201
KEY_POINTS, GIVEN, MAJORITY = "key points", "transitions, own key points given", "majority of formats"
Row = dict[str, Any]


def accuracy_rows(engine: Engine, num: int, formats: Sequence[str]) -> list[Row]:
    """One row a level and kind; `num` problems a level."""
    return [row for level in LEVELS for row in _level_rows(engine, level, problem_set(level, num, CARD_SEED), formats)]


def _level_rows(engine: Engine, level: str, problems: list[Problem], formats: Sequence[str]) -> list[Row]:
    by_format = {name: greedy(engine, problems, name) for name in formats}
    rows = [_trace_row(level, name, problems, traces) for name, traces in by_format.items()]
    if len(formats) == 1:
        return rows
    found = {one.problem_id: one for one in extract_many(engine, problems) if isinstance(one, KeyPoints)}
    rows.append(_row(level, KEY_POINTS, [is_exact(problem, found.get(problem.id)) for problem in problems]))
    rows.append(_trace_row(level, GIVEN, problems, greedy(engine, problems, "transitions", found)))
    votes = [_voted(problem, [traces[i] for traces in by_format.values()]) for i, problem in enumerate(problems)]
    return [*rows, _row(level, MAJORITY, votes)]


def greedy(
    engine: Engine, problems: Sequence[Problem], format: str, key_points: Mapping[str, KeyPoints] | None = None
) -> list[Trace]:
    """One greedy trace a problem; `key_points` by problem id stand in the prompt."""
    sampling = format_named(format).sampling(num=1, temperature=0.0)
    return list(solve_many(engine, problems, format, sampling, key_points=key_points))


def is_exact(problem: Problem, found: KeyPoints | None) -> bool:
    """Are these the gold key points, in whatever order?"""
    gold = gold_key_points(problem)
    return found is not None and (gold.core_question, set(gold.points)) == (found.core_question, set(found.points))


def _voted(problem: Problem, traces: Sequence[Trace]) -> bool:
    answers = [(trace.format, trace.answer) for trace in traces if trace.answer is not None]
    votes = [vote for vote in format_votes(answers).values() if vote is not None]
    groups = group_answers(votes)
    winner = majority(groups)
    return winner is not None and bool(equal_answers(problem.answer or "", votes[groups[winner][0]]))


def _trace_row(level: str, kind: str, problems: Sequence[Problem], traces: Sequence[Trace]) -> Row:
    wrong = [(p, t) for p, t in zip(problems, traces, strict=True) if t.verdict.status != "right"]
    classes = Counter(error_class(problem, [step.text for step in trace.steps]) for problem, trace in wrong)
    return _row(level, kind, [t.verdict.status == "right" for t in traces]) | {
        "first_errors": dict(sorted(classes.items()))
    }


def _row(level: str, kind: str, is_right: Sequence[bool]) -> Row:
    interval = wilson(sum(is_right), len(is_right))
    return {
        "level": level,
        "kind": kind,
        "accuracy": interval.rate,
        "low": interval.low,
        "high": interval.high,
        "right": interval.successes,
        "total": interval.total,
    }


def table(rows: Sequence[Row]) -> str:
    """Kinds down, levels across, as Markdown."""
    lines = ["| | " + " | ".join(LEVELS) + " |", "|---" * (1 + len(LEVELS)) + "|"]
    for kind in dict.fromkeys(row["kind"] for row in rows):
        cells = {row["level"]: _cell(row) for row in rows if row["kind"] == kind}
        lines.append(f"| {_title(kind)} | " + " | ".join(cells[level] for level in LEVELS) + " |")
    return "\n".join(lines)


def _title(kind: str) -> str:
    return FORMATS[kind].title if kind in FORMATS else kind.capitalize()


def _cell(row: Row) -> str:
    return f"{100 * row['accuracy']:.1f} % ({100 * row['low']:.1f}–{100 * row['high']:.1f})"


def errors_table(rows: Sequence[Row]) -> str:
    """The first wrong steps of the transitions, as Markdown."""
    lines = ["| level | first wrong steps of the wrong ones |", "|---|---|"]
    for row in (row for row in rows if row["kind"] == "transitions"):
        lines.append(f"| {row['level']} | {', '.join(f'{num} {name}' for name, num in row['first_errors'].items())} |")
    return "\n".join(lines)


def write_card(folder: Path, rows: Sequence[Row]) -> None:
    """README.md in the model's folder, from the measured rows and what training wrote down."""
    facts = json.loads((folder / "training.json").read_text())
    rounds = [f"| {_sizes(part)} | {done['steps']:,} | {done['tokens']:,} | {round(done['seconds'] / 60)} |"
              for part, done in zip(facts["preset"]["rounds"], facts["rounds"], strict=True)]  # fmt: skip
    text = (ASSETS / "card.md").read_text().format(
        **facts["preset"], device=facts["device"], loss=facts["rounds"][-1]["loss"], table=table(rows),
        errors=errors_table(rows), parts="\n".join(rounds), seed_of_card=CARD_SEED, num=rows[0]["total"],
    )  # fmt: skip
    (folder / "README.md").write_text(text)
    (folder / "accuracy.json").write_text(json.dumps({"seed": CARD_SEED, "rows": rows}, indent=1) + "\n")


def _sizes(part: Row) -> str:
    counts = ", ".join(f"{part[f'num_{level}']:,} {level}" for level in LEVELS)
    kinds = f"transitions and {part['num_others']} other formats each" if part["num_others"] else "transitions"
    rates = f"Muon {part['matrix_rate']:g}, AdamW {part['other_rate']:g}, {part['batch']} problems a step"
    return f"{counts} (set seed {part['data_seed']}; {kinds}; {rates})"
