"""From where does a trace recover, and how often? The rates behind a pit, each with its interval.

    for one in recovery(trace, problem, pit):
        one.step, one.rate, one.low, one.high           0  0.83  0.51  0.98, …
    before(trace, problem, pit)                         of the prefix that ends right before the pit
    after(trace, problem, pit)                          of the prefix that ends with the pit

A completion that passes through later states of the trace word by word is a completion of those states too, and counts
there as well. One that says nothing (probing.tells) counts nowhere.

The interval is Jeffreys' 95 % credible interval: the central 95 % of Beta(successes + ½, failures + ½), and 0 or 1
itself where nothing or everything recovered (Brown, Cai and DasGupta, Statistical Science 16, 2001, §3.1). It depends
on what was seen alone and not on when the search meant to stop, so it holds for searches that stop at a success or when
they are sure. Intervals of fixed sample sizes (Wilson's, Clopper and Pearson's) do not.
"""

from dataclasses import dataclass
from functools import lru_cache

from reasoner.formats.prefixes import stops
from reasoner.probing import outcomes_of, tells
from reasoner.records import Pit, Problem, Trace


@dataclass(frozen=True, slots=True)
class Recovered:
    """How often completions of one prefix reached the answer."""

    step: int  # 0-based last step of the prefix, inclusive
    successes: int
    tries: int
    rate: float  # 0-1: successes / tries
    low: float  # 0-1
    high: float  # 0-1


def recovery(trace: Trace, problem: Problem, pit: Pit) -> list[Recovered]:
    """Of every prefix of which something is known, by step."""
    ends = stops(trace)
    counts: dict[int, list[int]] = {}  # step → [successes, tries]
    for probe in pit.probes:
        if probe.is_passing or probe.step not in ends:
            continue
        number = ends.index(probe.step)
        for outcome, is_telling in zip(outcomes_of(trace, ends, probe), tells(trace, probe), strict=True):
            for end in ends[number : number + outcome.repeated + 1] if is_telling else ():
                count = counts.setdefault(end, [0, 0])
                count[0] += outcome.recovered
                count[1] += 1
    return [_recovered(step, *counts[step]) for step in sorted(counts)]


def before(trace: Trace, problem: Problem, pit: Pit) -> Recovered | None:
    """Of the prefix that ends right before the pit; None where nothing is known of it, or there is no pit."""
    ends = [end for end in stops(trace) if pit.step is not None and end < pit.step]
    return next((one for one in recovery(trace, problem, pit) if one.step == ends[-1]), None) if ends else None


def after(trace: Trace, problem: Problem, pit: Pit) -> Recovered | None:
    """Of the prefix that ends with the pit (and its output); None where nothing is known of it, or there is no pit."""
    ends = [end for end in stops(trace) if pit.step is not None and end >= pit.step]
    return next((one for one in recovery(trace, problem, pit) if one.step == ends[0]), None) if ends else None


def num_completions(pit: Pit) -> int:
    """Completions that the pit was found by, each once."""
    return sum(len(probe.completions) for probe in pit.probes if not probe.is_passing)


@lru_cache(maxsize=4096)
def jeffreys(successes: int, tries: int) -> tuple[float, float]:
    """(low, high) of Jeffreys' 95 % credible interval; (0, 1) where nothing was tried.

    >>> [round(end, 4) for end in jeffreys(0, 4)]
    [0.0, 0.4448]
    """
    if not tries:
        return 0.0, 1.0
    from scipy.special import betaincinv

    first, second = successes + 0.5, tries - successes + 0.5
    low = 0.0 if not successes else float(betaincinv(first, second, 0.025))
    high = 1.0 if successes == tries else float(betaincinv(first, second, 0.975))
    return low, high


def _recovered(step: int, successes: int, tries: int) -> Recovered:
    return Recovered(step, successes, tries, successes / tries, *jeffreys(successes, tries))
