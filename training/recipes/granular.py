"""Granular pairs D_g-pair: the first pit against a right way on (Self-Explore, arXiv 2404.10346 §3.3).

    prompt    question + the steps before the pit
    rejected  the pit step alone, never ended by EOS
    chosen    the shortest right completion sampled from the prompt, whole; at step 1 the row's own right solution

Dropped, and counted by reason: no pit found; a pit on the line that states the answer (an empty rejected in the paper's
code); no right completion left that is not a chosen of this question already; a chosen or rejected text kept for this
question already; longer than may be trained on.

Step-DPO (arXiv 2406.18629 §3) takes the first step of that completion alone: chosen="step", without EOS unless the step
ends the solution.

Ours: texts that differ in white space alone are the same; with `differs`, what begins with the pit itself is no chosen
(the pit's own tokens would be pushed up and down at once, which comes to nothing, and its rest up alone).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from reasoner.engines import Engine
from reasoner.formats import format_named
from reasoner.records import Pair, Pit, content_id
from reasoner.scale.rows import Explored
from training.candidates import prefix_text, rejected_text, shortest_first

NO_PIT = "no pit found: the explorer reaches the answer from every prefix"
NO_UNTRUE_STEP = "no pit: the oracle finds no untrue step, or the problem was not generated"
ON_CONCLUSION = "the pit is the line that states the answer: nothing left to reject"
NONE_LEFT = "no right completion from before the pit that is not used yet"
ALREADY = "the same chosen or rejected text is kept for this question already"
NOTHING_RIGHT = "no right completion from before the pit"
BEGINS = "what would be chosen begins with the pit itself"
TOO_LONG = "longer than the maximum length"
CHOSEN = ("remainder", "step")


@dataclass
class Builder:
    """Pairs of one set, and what their questions' pairs say so far, so that no text serves twice."""

    chosen: str  # one of CHOSEN
    engine: Engine  # counts tokens
    max_length: int  # tokens of prompt and side together
    differs: bool = False  # pass over a chosen that begins with the pit itself
    pairs: list[Pair] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    _chosen: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _rejected: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, explored: Explored, outcome: Pair) -> None:
        """Take one explored wrong solution and the outcome pair it is the rejected of."""
        found = self._pair(explored, outcome)
        if isinstance(found, str):
            self.dropped[found] += 1
            return
        self._chosen[found.problem_id].add(same(found.chosen))
        self._rejected[found.problem_id].add(same(found.rejected))
        self.pairs.append(found)

    def _pair(self, explored: Explored, outcome: Pair) -> Pair | str:
        """The pair, or why there is none."""
        pit, trace = explored.pit, explored.trace
        if pit.step is None:
            return NO_UNTRUE_STEP if pit.method == "oracle" else NO_PIT
        rejected = rejected_text(trace, pit.step)
        if not rejected.strip():
            return ON_CONCLUSION
        if pit.step == 0:
            texts: tuple[str, ...] = (outcome.chosen,)
        else:
            texts = shortest_first(right_before(pit), trace)
            if not texts:
                return NOTHING_RIGHT
        usable = [text for text in texts if not (self.differs and begins_with(text, rejected))]
        if not usable:
            return BEGINS
        candidates = [cut(text, trace.format, self.chosen) for text in usable]
        taken = self._chosen[trace.problem_id]
        free = next(((text, is_whole) for text, is_whole in candidates if same(text) not in taken), None)
        if free is None:
            return NONE_LEFT if pit.step else ALREADY
        if same(rejected) in self._rejected[trace.problem_id] or same(free[0]) == same(rejected):
            return ALREADY
        pair = _pair_of(explored, outcome, free[0], rejected, free[1])
        longest = max(self.engine.count_tokens(pair.prompt + side) for side in (pair.chosen, pair.rejected))
        return TOO_LONG if longest > min(self.max_length, self.engine.context - 1) else pair


def cut(text: str, format: str, chosen: str) -> tuple[str, bool]:
    """(what is preferred of a right completion, whether it ends the solution); chosen: one of CHOSEN."""
    steps = format_named(format).parse(text) if chosen == "step" else ()
    if len(steps) < 2:
        return text, True
    end = text.find(steps[0].text) + len(steps[0].text)
    return text[:end] + "\n", False


def as_chosen(pair: Pair, chosen: str) -> Pair:
    """A pair that was made elsewhere, its chosen cut in the same way."""
    text, is_whole = cut(pair.chosen, pair.format, chosen)
    return replace(pair, chosen=text, is_whole=pair.is_whole and is_whole)


def right_before(pit: Pit) -> Iterable[str]:
    """The right completions sampled from right before the pit."""
    assert pit.step is not None
    for probe in pit.probes:
        if probe.step == pit.step - 1:
            yield from (text for text, ok in zip(probe.completions, probe.recovered, strict=True) if ok)


def begins_with(text: str, pit: str) -> bool:
    """Does a completion begin with the pit itself?"""
    return same(text.strip().split("\n")[0]) == same(pit.strip().split("\n")[0])


def _pair_of(explored: Explored, outcome: Pair, chosen: str, rejected: str, is_whole: bool) -> Pair:
    pit, trace = explored.pit, explored.trace
    assert pit.step is not None
    prompt = outcome.prompt + prefix_text(trace, pit.step)
    return replace(
        outcome,
        id=content_id("pair", prompt, chosen, rejected),
        trace_id=trace.id,
        step=pit.step,
        prompt=prompt,
        chosen=chosen,
        rejected=rejected,
        by=pit.method,
        chosen_from="remainder" if pit.step else "solution",
        source=pit.id,
        is_whole=is_whole,
        format=trace.format,
    )


def same(text: str) -> str:
    """The text by which two are the same."""
    return " ".join(text.split())
