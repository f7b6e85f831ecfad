"""Which labels and pits may become preference pairs, and why the others may not. Reads the store, samples nothing.

One flag of a first wrong step, by a person or by exploration, is one *candidate*: the trace, the step, and the right
remainders already known for the prefix before it. Self-Explore, arXiv 2404.10346 §3.2-3.3 (code hbin0701/Self-Explore):
exploring is for wrong solutions; "no pit found" drops the row; a pit on the conclusion line leaves nothing to reject.

Ours, because the paper has no people in it: a person's judgement of a trace outranks a machine's pit of it; the most
named step wins among several people, the earliest one on a tie; traces that anybody called all right, unsure, or of a
bad problem are left alone.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import reasoner.formats.prefixes as prefixes
from reasoner.explore import is_unfinished
from reasoner.records import Label, Pit, Problem, Trace
from reasoner.store import Store

NOT_USED = {
    "all_right": "marked all steps right: nothing to reject",
    "unsure": "marked unsure",
    "bad_problem": "marked bad problem",
    "skip": "skipped by the annotator",
}
"""Why a label of each kind other than first_wrong gives no pair."""

CONCLUSION = re.compile(
    r"\s*(####|\\boxed|summari[sz]e\b|(so,?\s+|therefore,?\s+)?(the\s+)?(final\s+)?answer\s*(is\b|:|=))",
    re.IGNORECASE,
)
"""A line that states the answer, however a format begins it; with a CALCULATION in it there is a step to reject."""

CALCULATION = re.compile(r"\d\s*[-+*/×÷^]\s*[\d($]")
SUMMARIZE = re.compile(r"\s*action:\s*summari[sz]e\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One flagged step of one trace, with the right remainders known for the prefix before it."""

    problem: Problem
    trace: Trace
    step: int  # 0-based
    rejected: str  # the pit step alone, its line break included where another step followed
    origin: str  # "person" or "machine"
    by: str  # annotator's name, or the exploration's method
    source: str  # label or pit id
    correction: str  # the person's words for this step, empty without
    remainders: tuple[str, ...]  # right completions from the prefix before, shortest first
    whole: tuple[str, ...]  # for step 0: right solutions of the same question, shortest first
    prompt_from: Literal["trace", "engine"] = "trace"  # "engine": the trace was imported without its prompt

    @property
    def needs_sampling(self) -> bool:
        """Only a person's flag lacks remainders legitimately; a pit brings its own or is dropped."""
        return self.origin == "person" and (bool(self.correction) or not (self.remainders or self.whole))


def find_candidates(store: Store, origin: str = "both", annotator: str = "") -> tuple[list[Candidate], Counter[str]]:
    """Every usable flag in the store, persons' first, and how many rows were dropped for each reason.

    `origin` is "person", "machine" or "both"; `annotator` keeps only that person's labels (and machine pits).
    """
    dropped: Counter[str] = Counter()
    labels = [label for label in store.labels() if not annotator or label.annotator == annotator]
    judged: dict[str, list[Label]] = defaultdict(list)
    for label in labels:
        if label.kind == "skip":
            dropped[NOT_USED["skip"]] += 1
        else:
            judged[label.trace_id].append(label)
    bad_problems = {label.problem_id for label in labels if label.kind == "bad_problem"}
    bad_problems |= {problem_id for problem_id, review in store.gold.reviews().items() if review.kind == "bad"}
    known = _Known(store)
    found: list[Candidate] = []
    if origin != "machine":
        for same_trace in judged.values():
            _add_person(known, same_trace, bad_problems, found, dropped)
    if origin != "person":
        for same_trace_pits in known.pits.values():
            _add_machine(known, same_trace_pits, judged, bad_problems, found, dropped)
    return found, dropped


class _Known:
    """What the store holds, each problem's traces read once: thousands of flags take seconds otherwise."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.pits = _by_trace(store.pits())
        self.problem = lru_cache(maxsize=None)(store.problem)
        self.traces = lru_cache(maxsize=None)(store.traces)

    def trace(self, trace_id: str, problem_id: str) -> Trace | None:
        """The trace, among its problem's."""
        return next((trace for trace in self.traces(problem_id) if trace.id == trace_id), None)


def _add_person(
    known: _Known, labels: list[Label], bad_problems: set[str], found: list[Candidate], dropped: Counter[str]
) -> None:
    flags = [label for label in labels if label.kind == "first_wrong" and label.step is not None]
    others = [label for label in labels if label.kind != "first_wrong"]
    for label in others:
        dropped[NOT_USED[label.kind]] += 1
    if not flags:
        return
    if others or flags[0].problem_id in bad_problems:
        dropped["annotators disagree on the trace or its problem"] += len(flags)
        return
    votes = Counter(label.step for label in flags)
    step = min(votes, key=lambda step: (-votes[step], step or 0))
    agreeing = [label for label in flags if label.step == step]
    best = next((label for label in agreeing if label.correction.strip()), agreeing[0])
    if len(flags) > 1:
        dropped["another annotator's flag on the same trace is used"] += len(flags) - 1
    trace, problem = known.trace(best.trace_id, best.problem_id), known.problem(best.problem_id)
    if trace is None or problem is None:
        dropped["its trace is no longer in the store"] += 1
        return
    if step is None or not 0 <= step < len(trace.steps):
        dropped["its step is not in the trace"] += 1
        return
    by_gold = [pit for pit in known.pits.get(trace.id, ()) if pit.judged_by == "gold"]
    probes = [probe for pit in by_gold for probe in pit.probes if probe.step == step - 1]
    right = [text for probe in probes for text, ok in zip(probe.completions, probe.recovered, strict=True) if ok]
    candidate = _candidate(known, problem, trace, step, "person", best.annotator, best.id, best.correction, right)
    _keep(candidate, found, dropped)


def _add_machine(
    known: _Known,
    pits: list[Pit],
    judged: dict[str, list[Label]],
    bad_problems: set[str],
    found: list[Candidate],
    dropped: Counter[str],
) -> None:
    by_gold = [pit for pit in pits if pit.judged_by == "gold"]
    if not by_gold:
        dropped["machine pit: judged by agreement of samples, not by a gold answer"] += 1
        return
    pit = max(by_gold, key=lambda pit: (pit.k, pit.created))
    if len(pits) > 1:
        dropped["another exploration of the same trace is used"] += len(pits) - 1
    trace, problem = known.trace(pit.trace_id, pit.problem_id), known.problem(pit.problem_id)
    if pit.trace_id in judged:
        dropped["machine pit: a person judged the same trace"] += 1
    elif pit.problem_id in bad_problems:
        dropped["machine pit: its problem was marked bad"] += 1
    elif trace is None or problem is None:
        dropped["its trace is no longer in the store"] += 1
    elif is_unfinished(pit):
        dropped["machine pit: its search ended before it could say"] += 1
    elif pit.step is None:
        dropped["machine pit: every prefix recovered, no pit found"] += 1
    elif trace.verdict.status != "wrong":
        dropped[f"machine pit: the trace's answer is {trace.verdict.status}, not wrong"] += 1
    else:
        before = [probe for probe in pit.probes if probe.step == pit.step - 1]
        right = [text for probe in before for text, ok in zip(probe.completions, probe.recovered, strict=True) if ok]
        candidate = _candidate(known, problem, trace, pit.step, "machine", pit.method, pit.id, "", right)
        _keep(candidate, found, dropped)


def _keep(candidate: Candidate, found: list[Candidate], dropped: Counter[str]) -> None:
    if candidate.trace.steps[candidate.step].kind == "output":
        dropped["the flagged step is what the interpreter printed, not what the model wrote"] += 1
    elif candidate.rejected.strip():
        found.append(candidate)
    else:
        dropped["the pit is the conclusion line: nothing left to reject"] += 1


def _candidate(
    known: _Known,
    problem: Problem,
    trace: Trace,
    step: int,
    origin: str,
    by: str,
    source: str,
    correction: str,
    right: Iterable[str],
) -> Candidate:
    remainders = list(right)
    same_prompt = [
        other
        for other in known.traces(problem.id)
        if other.verdict.status == "right" and other.prompt == trace.prompt and other.format == trace.format
    ]
    whole = [other.text for other in same_prompt] if step == 0 else []
    if step > 0 and trace.prompt:
        start = prefix_text(trace, step)
        remainders += [other.text[len(start) :] for other in same_prompt if other.text.startswith(start)]
    return Candidate(
        problem,
        trace,
        step,
        rejected_text(trace, step),
        origin,
        by,
        source,
        correction.strip(),
        shortest_first(remainders, trace),
        shortest_first(whole, trace),
    )


def prefix_text(trace: Trace, step: int) -> str:
    """The solution before `step`, ended by a line break."""
    return prefixes.prefix_text(trace, step - 1)


def rejected_text(trace: Trace, step: int) -> str:
    """The pit step alone, a closing conclusion line cut; empty when the step is nothing but the conclusion.

    "answer = Ben_coins" in code says what is asked, which may be wrong: that is no conclusion line.
    Its line break stays where another step followed: the model wrote that token too (in many vocabularies ".\\n" is one
    token), and chosen's first step carries its own.
    """
    own = trace.steps[step]
    is_last = step == len(trace.steps) - 1
    if own.kind != "words":  # with what stands right before it: the fence, the line of `def`
        text = prefixes.step_text(trace, step)
        return text.removesuffix("\n") if is_last else text
    lines = own.text.rstrip().split("\n")
    if any(SUMMARIZE.match(line) for line in lines):
        return ""
    if CONCLUSION.match(lines[-1]) and not CALCULATION.search(lines[-1]):
        lines = lines[:-1]
    if not "".join(lines).strip():
        return ""
    return "\n".join(lines) + ("" if is_last else "\n")


def shortest_first(texts: Iterable[str], trace: Trace) -> tuple[str, ...]:
    """The different solutions among completions, what the format's stop strings began cut off; ties by the alphabet."""
    solutions = {prefixes.format_of(trace).solution(text) for text in texts}
    return tuple(sorted((text for text in solutions if text.strip()), key=lambda text: (len(text), text)))


def _by_trace(pits: Iterable[Pit]) -> dict[str, list[Pit]]:
    groups: dict[str, list[Pit]] = defaultdict(list)
    for pit in pits:
        groups[pit.trace_id].append(pit)
    return groups
