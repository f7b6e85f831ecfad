"""Gold answers in doubt: problems whose executed solutions agree with each other, and not with the gold answer.

    for doubt in in_doubt(store):
        print(doubt.words)        "gold says 7; executed: program, equations say 5 (4 solutions)"
    store.gold.add(new_review(problem, "corrected", "ada", "5", "the question says 5 boxes"))

A machine only asks: a person confirms or corrects the gold answer, or says that the problem is bad, and the problem
leaves the queue (store/gold.py). Executed formats have one vote each, as in agreement.py; those that say what gold
says speak for it.

Source: MARIO (arXiv 2401.08190 §3): solutions by a model with a Python interpreter were reviewed by people, and wrong
gold answers of GSM8K's training set mended. The thresholds are ours.

Not covered: formats that agree because the model misread the question the same way each time. That is what the person
is for.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from reasoner.checks.answers import equal_answers
from reasoner.formats import FORMATS
from reasoner.records import GoldReview, Problem, Trace
from reasoner.review.agreement import agreement, is_executed, named, short
from reasoner.store import Store
from reasoner.votes import format_votes

MIN_FORMATS = 2  # executed formats that agree against gold. Ours: one alone may have a habit of its own
MIN_TRACES = 2  # executed solutions behind them. Ours: what two formats have at least


@dataclass(frozen=True, slots=True)
class Doubt:
    """One gold answer that executed solutions contradict, with the evidence."""

    problem: Problem
    answer: str  # what they say instead
    formats: tuple[str, ...]  # executed formats whose vote this is
    trace_ids: tuple[str, ...]  # executed solutions with this answer
    gold_formats: tuple[str, ...]  # executed formats whose vote is the gold answer
    gold_trace_ids: tuple[str, ...]  # executed solutions with the gold answer
    words: str

    @property
    def strength(self) -> tuple[int, int]:
        """What the queue is sorted by: formats, then solutions, against gold less those for it."""
        traces = len(self.trace_ids) - len(self.gold_trace_ids)
        return len(self.formats) - len(self.gold_formats), traces


def in_doubt(store: Store, min_formats: int = MIN_FORMATS, min_traces: int = MIN_TRACES) -> Iterator[Doubt]:
    """The problems that nobody has reviewed and whose gold answer is in doubt, in the list's order."""
    running = [name for name, writing in FORMATS.items() if writing.runs]
    for problem_id in store.gold.unreviewed(running, min_formats):
        problem = store.problem(problem_id)
        found = doubt(problem, store.traces(problem_id), min_formats, min_traces) if problem else None
        if found is not None:
            yield found


def doubt(
    problem: Problem, traces: list[Trace], min_formats: int = MIN_FORMATS, min_traces: int = MIN_TRACES
) -> Doubt | None:
    """The doubt that the executed ones of `traces` cast on the problem's gold answer; None where they cast none.

    It takes `min_formats` formats that say the same, more of them than say what gold says, and `min_traces` solutions.
    """
    if problem.answer is None:
        return None
    executed = [trace for trace in traces if is_executed(trace)]
    votes = format_votes([(trace.format, trace.answer or "") for trace in executed])
    for_gold = tuple(name for name, answer in votes.items() if _is(answer, problem.answer))
    best: Doubt | None = None
    for group in agreement(problem, executed).groups:
        formats = tuple(name for name in group.formats if _is(votes.get(name), group.answer))
        is_contradiction = equal_answers(problem.answer, group.answer) is False
        is_enough = len(formats) >= min_formats and len(group.trace_ids) >= min_traces
        if not (is_contradiction and is_enough and len(formats) > len(for_gold)):
            continue
        gold_traces = tuple(trace.id for trace in executed if _is(trace.answer, problem.answer))
        words = _in_words(problem.answer, group.answer, formats, len(group.trace_ids), for_gold, len(gold_traces))
        found = Doubt(problem, group.answer, formats, group.trace_ids, for_gold, gold_traces, words)
        best = found if best is None or found.strength > best.strength else best
    return best


def _is(answer: str | None, other: str) -> bool:
    return answer is not None and bool(equal_answers(other, answer))


def _in_words(gold: str, answer: str, formats: tuple[str, ...], num: int, for_gold: tuple[str, ...], few: int) -> str:
    said = f"gold says {short(gold)}; executed: {named(formats)} say {short(answer)} ({num} solutions)"
    if not few:
        return said
    return (
        said
        + f"; {few} executed {'solution says' if few == 1 else 'solutions say'} {short(gold)}"
        + (f" ({named(for_gold)})" if for_gold else "")
    )


def doubt_rows(store: Store, limit: int = 100) -> list[dict[str, Any]]:
    """The queue for a page, the strongest doubt first, JSON-ready.

    [{"problem_id", "question", "source", "gold": "7", "answer": "5", "words",
      "formats": ["program", "equations"], "names": "program, equations",
      "num_traces": 4, "num_for_gold": 0, "solution": the gold solution's text,
      "traces": [{"id", "format", "name", "answer", "says": "other" | "gold", "model"}]}]

    All texts are as their sources wrote them: escape them.
    """
    found = sorted(in_doubt(store), key=lambda one: one.strength, reverse=True)
    return [_row(store, one) for one in found[:limit]]


def _row(store: Store, one: Doubt) -> dict[str, Any]:
    says = dict.fromkeys(one.trace_ids, "other") | dict.fromkeys(one.gold_trace_ids, "gold")
    return {
        "problem_id": one.problem.id,
        "question": one.problem.question,
        "source": one.problem.source,
        "gold": one.problem.answer,
        "answer": one.answer,
        "words": one.words,
        "formats": list(one.formats),
        "names": named(one.formats),
        "num_traces": len(one.trace_ids),
        "num_for_gold": len(one.gold_trace_ids),
        "solution": one.problem.solution,
        "traces": [
            {
                "id": trace.id,
                "format": trace.format,
                "name": named([trace.format]),
                "answer": trace.answer,
                "says": says[trace.id],
                "model": trace.maker.model,
            }
            for trace in store.traces(one.problem.id)
            if trace.id in says
        ],
    }


def reviewed_rows(store: Store, limit: int = 100) -> list[dict[str, Any]]:
    """What people have said of gold answers, the latest first, JSON-ready, for a page's history.

    [{"problem_id", "question", "source", "kind": "confirmed" | "corrected" | "bad", "before": the answer it came with,
      "after": the gold answer in force, "annotator", "note", "when": "2026-11-20 13:05", "words"}]
    """
    reviews = sorted(store.gold.reviews().values(), key=lambda review: review.created, reverse=True)[:limit]
    return [_reviewed_row(review, problem) for review in reviews if (problem := store.problem(review.problem_id))]


def _reviewed_row(review: GoldReview, problem: Problem) -> dict[str, Any]:
    when = datetime.fromtimestamp(review.created, UTC).strftime("%Y-%m-%d %H:%M")
    change = f"{short(review.before or '')} → {short(review.after or '')}"
    what = {"corrected": f"corrected, {change}", "confirmed": "confirmed", "bad": "a bad problem"}[review.kind]
    return {
        "problem_id": problem.id,
        "question": problem.question,
        "source": problem.source,
        "kind": review.kind,
        "before": review.before,
        "after": problem.answer,
        "annotator": review.annotator,
        "note": review.note,
        "when": when,
        "words": f"{review.annotator}: {what}",
    }


def gold_report(store: Store) -> str:
    """Counts by source for a person: "gsm8k: 3 corrected, 12 confirmed, 1 bad"; then how many wait."""
    lines = [
        f"{source}: {counts['corrected']} corrected, {counts['confirmed']} confirmed, {counts['bad']} bad"
        for source, counts in sorted(store.gold.counts().items())
    ]
    return "\n".join(lines) or "Nobody has reviewed a gold answer yet."
