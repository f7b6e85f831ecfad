"""How often models follow their own traces, and how often they recover: what the belief about a pit starts from.

Each rate is uncertain and differs from trace to trace, so it is a Beta distribution, told by its two counts: (3, 1) is
"as if 3 had and 1 had not". A completion at prefix m either writes step m + 1 of the trace again (it *follows*) or
departs, and then recovers or not. What to expect depends on where m is seen from the pit.
"""

from dataclasses import dataclass

Beta = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Rates:
    """One kind of trace: Beta counts of following and of recovering."""

    follow_right: Beta  # the next step comes before the pit
    follow_pit: Beta  # the next step is the pit
    follow_after: Beta  # the next step comes after the pit
    recover_before: Beta  # departed earlier than right before the pit
    recover_at: Beta  # departed right before the pit, the model's last chance
    weight: float = 1.0  # share of traces of this kind


KINDS = (
    Rates((1.1, 0.2), (1.12, 1.16), (0.65, 0.16), (0.19, 2.83), (0.49, 0.35), 0.8),
    Rates((4.0, 1.0), (1.0, 1.0), (6.0, 1.0), (1.0, 1.5), (1.0, 1.0), 0.1),
    Rates((0.3, 6.0), (0.3, 6.0), (0.3, 6.0), (1.0, 0.8), (1.0, 1.0), 0.1),
)
"""The built-in solver, fitted to pits by recoverability (tests/bench/bench_explore.py --fit): at most prefixes it
either always or never writes the trace's step again. Then models at large, ours: those that repeat themselves, and
those that find new words."""
