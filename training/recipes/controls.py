"""What makes the controls comparable: the same wrong solutions, the same number of pairs."""

import random
from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

from reasoner.records import Pair
from training.recipes.outcome import trained_on

One = TypeVar("One")


def with_same_solutions(outcome: Sequence[Pair], granular: Sequence[Pair], dropped: Counter[str]) -> list[Pair]:
    """The outcome pairs of just those wrong solutions that gave a granular pair: as many, of the same problems."""
    used = {pair.trace_id for pair in granular}
    kept = []
    for pair in outcome:
        if pair.trace_id not in used:
            dropped["its wrong solution gave no granular pair"] += 1
        elif (cut := trained_on(pair)) is None:
            dropped["nothing is left without the line that states the answer"] += 1
        else:
            kept.append(cut)
    return kept


def drawn(rows: Sequence[One], most: int, seed: int, dropped: Counter[str], what: str = "trained on") -> list[One]:
    """At most so many of the rows (pairs, problems), in their order, drawn by the seed; 0: all."""
    if not most or len(rows) <= most:
        return list(rows)
    dropped[f"over the number that is {what}"] += len(rows) - most
    places = sorted(random.Random(seed).sample(range(len(rows)), most))
    return [rows[place] for place in places]
