"""What `score` says besides steps: agreement between formats, and error classes.

    agreement_column(store, {trace id: Detection})
        {"agreeing": 812, "disagreeing": 204, "right_agreeing": 0.95, "right_disagreeing": 0.31,
         "flagged": 40, "flagged_disagreeing": 31, "passed": 60, "passed_disagreeing": 12, "intervals": {…}}
    classes_column([(trace, problem, label), …])
        {"proposed": {"calculation": 12, …}, "by_people": {"calculation": 9, …}, "same": 8, "both": 9}

A trace *agrees* when the majority of the other formats' votes is its answer (votes.py; its own format does not vote),
and disagrees when those formats have votes and no such majority. `right_agreeing` is how often agreeing traces are
right, over all traces of the store that have other formats beside them: agreement as a predictor of a right answer, for
which nobody needs the gold answer. The detector's column counts labelled traces: how many of those that it flags, and
of those that it passes, disagree. Agreement names no step, so it is a column and no detector.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from reasoner.intervals import wilson
from reasoner.records import ERROR_CLASSES, Label, Problem, Trace
from reasoner.review.error_classes import CLASSES, COULD_NOT_TELL, propose
from reasoner.store import Store
from reasoner.store.agreement import Answer
from reasoner.votes import format_votes, group_answers


def agreement_column(store: Store, is_flagged: Mapping[str, bool]) -> dict[str, Any]:
    """Agreement as a predictor, and how it goes with a detector; {} where no problem has traces in two formats.

    `is_flagged`: does the detector name a step, by trace id, for the labelled traces that it judged.
    """
    right: dict[bool, list[bool]] = {True: [], False: []}
    disagreeing: dict[bool, list[bool]] = {True: [], False: []}
    for answers in store.answers_in_formats():
        votes = format_votes([(one.format, one.answer) for one in answers])
        for one in answers:
            agrees = _agrees(one, votes)
            if agrees is None:
                continue
            if one.status != "unjudged":
                right[agrees].append(one.status == "right")
            if one.trace_id in is_flagged:
                disagreeing[is_flagged[one.trace_id]].append(not agrees)
    if not right[True] and not right[False] and not any(disagreeing.values()):
        return {}
    intervals = {
        "right_agreeing": wilson(sum(right[True]), len(right[True])),
        "right_disagreeing": wilson(sum(right[False]), len(right[False])),
        "flagged_that_disagree": wilson(sum(disagreeing[True]), len(disagreeing[True])),
        "passed_that_disagree": wilson(sum(disagreeing[False]), len(disagreeing[False])),
    }
    return {
        "agreeing": len(right[True]),
        "disagreeing": len(right[False]),
        "flagged": len(disagreeing[True]),
        "passed": len(disagreeing[False]),
        **{name: one.rate if one.total else None for name, one in intervals.items()},
        "intervals": {name: [one.low, one.high] for name, one in intervals.items() if one.total},
    }


def _agrees(one: Answer, votes: Mapping[str, str | None]) -> bool | None:
    """Is this answer what most of the other formats say? None where no other format has a vote."""
    others = [vote for format, vote in votes.items() if format != one.format and vote is not None]
    if not others:
        return None
    groups = group_answers([one.answer, *others])
    own = next(group for group in groups if 0 in group)
    counted = sorted((sum(index > 0 for index in group) for group in groups), reverse=True)
    tied = len(counted) > 1 and counted[0] == counted[1]
    return not tied and len(own) - 1 == counted[0]


def classes_column(rows: Iterable[tuple[Trace, Problem, Label]]) -> dict[str, Any]:
    """Proposed classes of the steps that people flagged, beside what they said; {} without flags."""
    proposed: Counter[str] = Counter()
    by_people: Counter[str] = Counter()
    same = both = 0
    for trace, problem, label in rows:
        if label.kind != "first_wrong":
            continue
        said = propose(trace, problem, label.step).error_class
        proposed[said or COULD_NOT_TELL] += 1
        if label.error_class:
            by_people[label.error_class] += 1
            both += 1
            same += said == label.error_class
    if not proposed:
        return {}
    return {
        "proposed": {name: proposed[name] for name in CLASSES},
        "by_people": {name: by_people[name] for name in ERROR_CLASSES},
        "same": same,
        "both": both,
    }


def column_lines(result: Mapping[str, Any]) -> Sequence[str]:
    """The columns for a person to read."""
    lines: list[str] = []
    found = result.get("agreement")
    if found:
        lines.append("agreement with the other formats")
        titles = {
            "right_agreeing": f"right, of {found['agreeing']} that agree",
            "right_disagreeing": f"right, of {found['disagreeing']} that do not",
            "flagged_that_disagree": f"disagree, of {found['flagged']} flagged",
            "passed_that_disagree": f"disagree, of {found['passed']} passed",
        }
        for name, title in titles.items():
            if found[name] is not None:
                low, high = found["intervals"][name]
                lines.append(f"  {title:34}{100 * found[name]:5.1f} %   [{100 * low:.1f}, {100 * high:.1f}]")
    classes = result.get("error_classes")
    if classes:
        listed = ", ".join(f"{number} {name}" for name, number in classes["proposed"].items())
        lines.append(f"error classes proposed: {listed}")
        if classes["both"]:
            lines.append(f"  as people said: {classes['same']} of {classes['both']}")
    return lines
