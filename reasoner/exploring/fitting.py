"""What a table of completions says of a model: its rates, and where its pits are.

    fitted_rates(traces)          Rates(follow_right=(2.9, 0.4), …)
    fitted_hazards(traces)        {"Formalize": 0.02, "Decompose": 0.24, …}

Each rate is a Beta distribution of greatest likelihood for the counts of all traces (beta-binomial), searched on a
grid: it has two numbers, and a smooth likelihood with one top.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp, inf, lgamma

from reasoner.exploring.evidence import Outcome
from reasoner.exploring.rates import Beta, Rates

MEANS = [number / 40 for number in range(1, 40)]
STRENGTHS = [exp(number / 9) for number in range(-9, 34)]  # counts in all, 0.4 to 40


@dataclass(frozen=True, slots=True)
class Known:
    """A trace whose pit is known, with completions of its prefixes."""

    pit: int  # 0-based; the number of steps where there is none
    actions: tuple[str, ...]  # one a step
    outcomes: tuple[tuple[Outcome, ...], ...]  # one tuple a prefix


Count = tuple[int, int]
_SIDES = ("follow_right", "follow_pit", "follow_after", "recover_before", "recover_at")


def fitted_rates(traces: Iterable[Known]) -> Rates:
    """The rates of greatest likelihood, as one kind of trace."""
    counts: dict[str, list[Count]] = {side: [] for side in _SIDES}
    for trace in traces:
        for side, count in _counts(trace):
            counts[side].append(count)
    beta = {side: fitted_beta(counts[side]) for side in _SIDES}
    following = beta["follow_right"], beta["follow_pit"], beta["follow_after"]
    return Rates(*following, beta["recover_before"], beta["recover_at"])


def fitted_hazards(traces: Iterable[Known]) -> dict[str, float]:
    """By action: the share of steps that are the pit, of those with no pit before them; half a step is added."""
    met: Counter[str] = Counter()
    pits: Counter[str] = Counter()
    for trace in traces:
        met.update(trace.actions[: trace.pit + 1])
        pits.update(trace.actions[trace.pit : trace.pit + 1])
    return {action: (pits[action] + 0.5) / (met[action] + 1) for action in met}


def fitted_beta(counts: Sequence[Count]) -> Beta:
    """The Beta under which these (yes, no) counts are likeliest; an even one where nothing was counted."""
    cells = Counter(count for count in counts if sum(count))
    best, found = -inf, (1.0, 1.0)
    for mean in MEANS if cells else []:
        for strength in STRENGTHS:
            beta = (mean * strength, (1 - mean) * strength)
            likelihood = sum(number * _log_likelihood(count, beta) for count, number in cells.items())
            if likelihood > best:
                best, found = likelihood, beta
    return (round(found[0], 3), round(found[1], 3))


def _log_likelihood(count: Count, beta: Beta) -> float:
    (yes, no), (first, second) = count, beta
    return _log_beta(first + yes, second + no) - _log_beta(first, second)


def _log_beta(first: float, second: float) -> float:
    return lgamma(first) + lgamma(second) - lgamma(first + second)


def _counts(trace: Known) -> Iterable[tuple[str, Count]]:
    """Of every prefix, how its own completions went on right after it."""
    last = len(trace.outcomes) - 1
    for step, outcomes in enumerate(trace.outcomes):
        left = [outcome for outcome in outcomes if not outcome.repeated]
        if step < last:
            side = _SIDES[(step + 1 >= trace.pit) + (step + 1 > trace.pit)]
            yield side, (len(outcomes) - len(left), len(left))
        if step < trace.pit:
            recovered = sum(outcome.recovered for outcome in left)
            side = "recover_at" if step == trace.pit - 1 else "recover_before"
            yield side, (recovered, len(left) - recovered)
