"""Who agrees with whom: the answers of a problem's traces, by samples and by formats, and a badge on each trace.

    found = agreement(problem, store.traces(problem.id))
    found.by_formats.answer       "67": most formats say so, one vote a format (votes.py)
    found.badges[trace.id].text   "2 of 3 formats: program, equations; words say 41"

Traces without an answer, answers that could not be compared with a known gold answer, and repaired copies of other
traces (repair.py) are counted apart; they are no votes. An answer is *executed* where its format runs what is written
and the last of that ran without an error.

Not covered: whether the answer is right. Formats may agree on a wrong one.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from reasoner.checks.answers import equal_answers
from reasoner.formats import FORMATS
from reasoner.records import Problem, Trace
from reasoner.votes import format_votes, group_answers, majority

NAMES = {
    "transitions": "transitions",
    "cot": "words",
    "program": "program",
    "text_code": "text and code",
    "equations": "equations",
    "specification": "specification",
}
"""How a badge calls a format, in the order in which formats are named."""

REPAIR = "repair"  # the engine's name in the maker of a repaired trace

_FAILED = re.compile(r"[\w.]*(?:Error|Exception|Interrupt|Exit)\b|UNSAT|AMBIG|timeout|not what the code gives")


@dataclass(frozen=True, slots=True)
class Group:
    """Traces that give the same answer."""

    answer: str  # as the first of them wrote it
    trace_ids: tuple[str, ...]
    formats: tuple[str, ...]  # in FORMATS' order
    executed: tuple[str, ...]  # ids of the traces whose answer was got by executing them

    @property
    def is_executed(self) -> bool:
        """Was this answer got by executing at least one trace?"""
        return bool(self.executed)


@dataclass(frozen=True, slots=True)
class Majority:
    """The answer of most votes."""

    answer: str | None  # None on a tie, and where nobody votes
    num: int  # votes for it (on a tie: for each of the tied)
    total: int  # votes in all
    tied: tuple[str, ...] = ()  # the answers that have as many votes


@dataclass(frozen=True, slots=True)
class Badge:
    """What the others say of one trace's answer."""

    standing: str  # "all", "most", "few", "tie": of the formats with a vote; "alone": one format; "none": no answer
    text: str  # for a person
    agrees: tuple[str, ...] = ()  # formats whose vote is this answer
    disagrees: tuple[tuple[str, str], ...] = ()  # (format, its answer) of the others; "" where its own samples tie
    is_executed: bool = False
    same: int = 0  # samples with this answer, this one included
    samples: int = 0  # samples with an answer


@dataclass(frozen=True, slots=True)
class Agreement:
    """All answers of one problem, held against each other."""

    groups: tuple[Group, ...]  # largest first
    by_samples: Majority
    by_formats: Majority
    votes: tuple[tuple[str, str | None], ...]  # (format, its own majority; None where its samples tie)
    badges: dict[str, Badge]  # trace id → badge
    without_answer: tuple[str, ...]  # ids: no answer was found, or executing failed
    not_comparable: tuple[str, ...]  # ids: an answer that could not be judged against the known gold
    repaired: tuple[str, ...]  # ids: made from another trace by computing, so no sample of its own


@dataclass(frozen=True, slots=True)
class _Vote:
    """What of a trace bears on agreement: small, and hashed quickly."""

    id: str
    format: str
    answer: str | None
    is_judged: bool
    is_executed: bool
    is_repaired: bool

    @property
    def counts(self) -> bool:
        return self.answer is not None and self.is_judged and not self.is_repaired


def agreement(problem: Problem, traces: Iterable[Trace]) -> Agreement:
    """The agreement of `traces`, all of one problem. Answered from memory when they are the same as before."""
    is_known = problem.answer is not None
    votes = tuple(
        _Vote(
            trace.id,
            trace.format,
            (trace.answer or "").strip() or None,
            not is_known or trace.verdict.status != "unjudged",
            is_executed(trace),
            trace.maker.engine == REPAIR,
        )
        for trace in traces
    )
    return _agreement(votes)


def is_executed(trace: Trace) -> bool:
    """Was the trace's answer got by executing it? Its format runs, something was run, and the last of it did not fail.

    An earlier failure is no harm: MARIO's solutions (arXiv 2401.08190) read their errors and go on.
    """
    writing = FORMATS.get(trace.format)
    if writing is None or not writing.runs or trace.answer is None:
        return False
    last = next((step.outcome for step in reversed(trace.steps) if step.outcome), "")
    return bool(last) and not _FAILED.match(last)


@lru_cache(maxsize=4_096)
def _agreement(votes: tuple[_Vote, ...]) -> Agreement:
    voters = [vote for vote in votes if vote.counts]
    answers = [vote.answer or "" for vote in voters]
    grouped = group_answers(answers)
    groups = tuple(_group([voters[i] for i in indices]) for indices in grouped)
    said = format_votes([(vote.format, vote.answer or "") for vote in voters])
    by_format = tuple((name, said[name]) for name in sorted(said, key=_rank))
    group_of = {voters[i].id: number for number, indices in enumerate(grouped) for i in indices}
    format_group = {
        name: next(n for n, indices in enumerate(grouped) if any(answers[i] == answer for i in indices))
        for name, answer in by_format
        if answer is not None
    }
    behind = [list(format_group.values()).count(number) for number in range(len(groups))]
    badges = {
        vote.id: _badge(vote, group_of[vote.id], groups, by_format, format_group, behind)
        if vote.counts
        else Badge("none", _why_not(vote))
        for vote in votes
    }
    return Agreement(
        groups,
        _majority([len(indices) for indices in grouped], [group.answer for group in groups]),
        _by_formats(groups, format_group, len(by_format)),
        by_format,
        badges,
        tuple(vote.id for vote in votes if vote.answer is None),
        tuple(vote.id for vote in votes if vote.answer is not None and not vote.is_judged and not vote.is_repaired),
        tuple(vote.id for vote in votes if vote.answer is not None and vote.is_repaired),
    )


def _rank(format: str) -> tuple[int, str]:
    names = list(NAMES)
    return (names.index(format) if format in names else len(names), format)


def _group(members: Sequence[_Vote]) -> Group:
    return Group(
        members[0].answer or "",
        tuple(vote.id for vote in members),
        tuple(sorted({vote.format for vote in members}, key=_rank)),
        tuple(vote.id for vote in members if vote.is_executed),
    )


def _majority(sizes: Sequence[int], answers: Sequence[str], total: int | None = None) -> Majority:
    """`sizes` largest first."""
    total = sum(sizes) if total is None else total
    if not sizes:
        return Majority(None, 0, total)
    if majority([range(size) for size in sizes]) is None:
        tied = tuple(answer for answer, size in zip(answers, sizes, strict=True) if size == sizes[0])
        return Majority(None, sizes[0], total, tied)
    return Majority(answers[0], sizes[0], total)


def _by_formats(groups: Sequence[Group], format_group: dict[str, int], num_formats: int) -> Majority:
    votes: dict[int, int] = {}
    for number in format_group.values():
        votes[number] = votes.get(number, 0) + 1
    ordered = sorted(votes, key=lambda number: (-votes[number], number))
    return _majority([votes[n] for n in ordered], [groups[n].answer for n in ordered], num_formats)


def _badge(
    vote: _Vote,
    own: int,
    groups: Sequence[Group],
    by_format: Sequence[tuple[str, str | None]],
    format_group: dict[str, int],
    behind: Sequence[int],
) -> Badge:
    """The badge of a trace in group `own`; `behind`: how many formats stand behind each group."""
    agrees = tuple(name for name, _ in by_format if format_group.get(name) == own)
    disagrees = tuple(
        (name, groups[format_group[name]].answer if name in format_group else "")
        for name, _ in by_format
        if format_group.get(name) != own
    )
    same, num_samples = len(groups[own].trace_ids), sum(len(group.trace_ids) for group in groups)
    about = (agrees, disagrees, vote.is_executed, same, num_samples)
    if len(by_format) < 2:
        text = f"{same} of {num_samples} samples say {groups[own].answer}" if num_samples > 1 else "nothing to compare"
        return Badge("alone", text, *about)
    return Badge(_standing(own, behind, not disagrees), _badge_text(agrees, disagrees), *about)


def _standing(own: int, behind: Sequence[int], are_all: bool) -> str:
    if are_all:
        return "all"
    most = max(behind)
    if behind[own] < most:
        return "few"
    return "tie" if behind.count(most) > 1 else "most"


def _why_not(vote: _Vote) -> str:
    """Why a trace has no vote."""
    if vote.answer is None:
        return "no answer"
    return "repaired by computing: no vote" if vote.is_repaired else "an answer that could not be compared"


def _badge_text(agrees: Sequence[str], disagrees: Sequence[tuple[str, str]]) -> str:
    """ "2 of 3 formats: program, equations; words say 41"."""
    head = f"{len(agrees)} of {len(agrees) + len(disagrees)} formats"
    said: dict[str, list[str]] = {}
    for name, answer in disagrees:
        said.setdefault(answer, []).append(name)
    parts = [f"{head}: {named(agrees)}" if agrees else head]
    for answer, names in said.items():
        verb = "say" if len(names) > 1 or names[0] in ("cot", "equations", "transitions", "text_code") else "says"
        parts.append(f"{named(names)} {verb} {short(answer)}" if answer else f"{named(names)}: samples tie")
    return "; ".join(parts)


def named(formats: Iterable[str]) -> str:
    """Formats as a badge calls them: "program, equations"."""
    return ", ".join(NAMES.get(name, name) for name in formats)


def short(text: str) -> str:
    """An answer as a sentence can hold it."""
    return text if len(text) <= 40 else text[:37] + "…"


# ── for the screen ───────────────────────────────────────────────────────────────────────────────────────────────────


def agreement_panel(problem: Problem, traces: Iterable[Trace]) -> dict[str, Any]:
    """What a page draws of the agreement, JSON-ready.

    {"sentence": "Formats disagree: 2 of 3 say 67", "state": "agree" | "disagree" | "tie" | "one format" | "no answers",
     "groups": [{"answer", "is_gold": true | false | null, "trace_ids", "formats", "names", "executed": [trace id]}],
     "by_samples": {"answer", "num", "total", "tied"}, "by_formats": the same,
     "votes": [{"format", "name", "answer": text or null where its samples tie}],
     "badges": {trace id: {"standing", "text", "agrees", "disagrees", "is_executed", "same", "samples"}},
     "without_answer": [trace id], "not_comparable": [trace id], "repaired": [trace id]}

    A badge's standing: "all", "most", "few" or "tie" of the formats, "alone" with one format, "none" without an answer.
    All texts are as models wrote them: escape them.
    """
    found = agreement(problem, traces)
    gold = problem.answer
    return {
        "sentence": sentence(found),
        "state": _state(found),
        "groups": [
            {
                "answer": group.answer,
                "is_gold": None if gold is None else equal_answers(gold, group.answer),
                "trace_ids": list(group.trace_ids),
                "formats": list(group.formats),
                "names": named(group.formats),
                "executed": list(group.executed),
            }
            for group in found.groups
        ],
        "by_samples": _majority_json(found.by_samples),
        "by_formats": _majority_json(found.by_formats),
        "votes": [{"format": name, "name": NAMES.get(name, name), "answer": answer} for name, answer in found.votes],
        "badges": {trace_id: _badge_json(badge) for trace_id, badge in found.badges.items()},
        "without_answer": list(found.without_answer),
        "not_comparable": list(found.not_comparable),
        "repaired": list(found.repaired),
    }


def _state(found: Agreement) -> str:
    if not found.votes:
        return "no answers"
    if len(found.votes) == 1:
        return "one format"
    if found.by_formats.answer is None:
        return "tie"
    return "agree" if found.by_formats.num == found.by_formats.total else "disagree"


def sentence(found: Agreement) -> str:
    """The agreement in words: "2 of 3 formats say 67; 7 of 9 samples say 67"."""
    if not found.votes:
        return "No solution has an answer to compare."
    samples = _majority_words(found.by_samples, "samples")
    if len(found.votes) == 1:
        return f"{samples}; only one format ({named([found.votes[0][0]])}) has an answer."
    return f"{_majority_words(found.by_formats, 'formats')}; {samples}."


def _majority_words(found: Majority, what: str) -> str:
    if found.answer is not None:
        return f"{found.num} of {found.total} {what} say {short(found.answer)}"
    if found.tied:
        return f"{what} tie between {' and '.join(map(short, found.tied))} ({found.num} each of {found.total})"
    return f"no {what} have a majority"


def _majority_json(found: Majority) -> dict[str, Any]:
    return {"answer": found.answer, "num": found.num, "total": found.total, "tied": list(found.tied)}


def _badge_json(badge: Badge) -> dict[str, Any]:
    return {
        "standing": badge.standing,
        "text": badge.text,
        "agrees": list(badge.agrees),
        "disagrees": [list(pair) for pair in badge.disagrees],
        "is_executed": badge.is_executed,
        "same": badge.same,
        "samples": badge.samples,
    }
