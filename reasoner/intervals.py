"""A rate with its 95 % interval.

wilson(37, 50)      Interval(rate=0.74, low=0.604, high=0.841, successes=37, total=50)
"""

from math import sqrt

from reasoner.records import Interval


def wilson(successes: int, total: int) -> Interval:
    """The rate with Wilson's 95 % interval (JASA 22, 1927); [0, 1] where nothing was counted."""
    if not total:
        return Interval(0.0, 0.0, 1.0, 0, 0)
    z = 1.959963984540054  # the normal distribution's 97.5th percentile
    rate = successes / total
    scale = 1 + z * z / total
    centre = (rate + z * z / (2 * total)) / scale
    half = z * sqrt(rate * (1 - rate) / total + z * z / (4 * total * total)) / scale
    return Interval(rate, max(0.0, centre - half), min(1.0, centre + half), successes, total)
