"""Outcome pairs D_pair: a right against a wrong solution of a question (Self-Explore, arXiv 2404.10346 §3.1).

    {"problem_id": …, "prompt": question, "chosen": a right solution, "rejected": a wrong one}

For every row of the RFT set one wrong sample, each used once, chosen by the rule that the paper's code has for the data
set (hbin0701/Self-Explore, gen/get_dpo_data.py):

gsm8k   the one with the largest edit distance to the right solution
math    the shortest one whose edit distance, over both lengths, is above 0.5; else above 0.4, 0.3; else the shortest.
        At most as many pairs as there are wrong ones; right and wrong ones were made distinct before

A sample is wrong when its answer could be judged and is not the gold answer. One without an answer, or that could not
be judged, is never a wrong one. For training (dpo/prepare_dataset.py) the line that states the answer is cut off a
rejected of several lines, and neither EOS is put after it: `trained_on` says what is left.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast

from rapidfuzz.distance.Levenshtein import distance

from reasoner.formats import format_named
from reasoner.records import Maker, Pair, Problem, Status, Trace, Verdict, content_id, make_trace
from training.candidates import CALCULATION, CONCLUSION
from training.recipes.sampling import Sample, Solved
from training.sft import Row

THRESHOLDS = (0.5, 0.4, 0.3)  # gen/get_dpo_data.py, MATH

Rule = Callable[[str, Sequence[Sample]], Sample]
"""(right solution, wrong samples not used yet, at least one) → the one to reject."""


def farthest(chosen: str, wrong: Sequence[Sample]) -> Sample:
    """GSM8K's rule; of equally far ones the last, as Python's stable sort has it in the paper's code."""
    return max(enumerate(wrong), key=lambda item: (distance(chosen, item[1].text), item[0]))[1]


def shortest_far_one(chosen: str, wrong: Sequence[Sample]) -> Sample:
    """MATH's rule."""
    shares = [distance(chosen, sample.text) / max(1, len(chosen) + len(sample.text)) for sample in wrong]
    for threshold in (*THRESHOLDS, -1.0):
        far = [sample for sample, share in zip(wrong, shares, strict=True) if share > threshold]
        if far:
            return min(far, key=lambda sample: (len(sample.text), sample.text))
    raise AssertionError("every share is above -1")


RULES: dict[str, Rule] = {"gsm8k": farthest, "math": shortest_far_one}
"""Data set whose rule it is → the rule."""


def outcome_pairs(
    problem: Problem, solved: Solved, rows: Sequence[Row], rule: str, format: str, maker: Maker, dropped: Counter[str]
) -> list[tuple[Pair, Trace]]:
    """The problem's pairs, each with its wrong solution as a trace, in the order of the RFT set's rows.

    maker: the sampled solver's. Rows without a wrong sample left are counted into `dropped`.
    """
    wrong = sorted(solved.of("wrong"), key=lambda sample: sample.text)
    pairs: list[tuple[Pair, Trace]] = []
    for row in rows:
        if not wrong:
            dropped["no wrong sample left" if pairs else "no wrong sample"] += 1
            continue
        sample = RULES[rule](row["completion"], wrong)
        wrong.remove(sample)
        trace = trace_of_sample(problem, solved, sample, format, maker)
        pairs.append((_pair(solved, row["completion"], sample, trace), trace))
    return pairs


def trace_of_sample(problem: Problem, solved: Solved, sample: Sample, format: str, maker: Maker) -> Trace:
    """The sample as a trace, in the same words in every run."""
    return make_trace(
        problem,
        prompt=solved.prompt,
        text=sample.text,
        steps=format_named(format).parse(sample.text),
        answer=sample.answer,
        verdict=Verdict(cast(Status, sample.status), sample.answer, sample.reason),
        maker=replace(maker, seed=sample.seed),
        format=format,
        created=0.0,
    )


def _pair(solved: Solved, chosen: str, wrong: Sample, trace: Trace) -> Pair:
    return Pair(
        id=content_id("pair", solved.prompt, chosen, wrong.text),
        problem_id=solved.problem,
        trace_id=trace.id,
        step=0,
        prompt=solved.prompt,
        chosen=chosen,
        rejected=wrong.text,
        origin="machine",
        by="outcome",
        chosen_from="solution",
        source=str(wrong.seed),
        format=trace.format,
    )


def trained_on(pair: Pair) -> Pair | None:
    """The pair without the line that states the answer in its rejected; None where nothing else is there."""
    lines = pair.rejected.rstrip().split("\n")
    if len(lines) > 1:
        while lines and CONCLUSION.match(lines[-1]) and not CALCULATION.search(lines[-1]):
            lines.pop()
    rejected = "\n".join(lines)
    return replace(pair, rejected=rejected) if rejected.strip() else None
