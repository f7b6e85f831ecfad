"""Wrong traces drawn from rates instead of an engine: for tuning without sampling, and for testing the belief itself.

    rows = drawn_rows(300, KINDS, seed=0)

The pit comes from the prior, each prefix's rates from the Betas of a kind, the completions from the rates. The belief
assumes exactly this, so on these rows its posterior must be calibrated; how a real model differs is for the table.
"""

import random
from collections.abc import Sequence

from reasoner.exploring import Outcome
from reasoner.exploring.prior import HAZARDS, prior_of
from reasoner.exploring.rates import Rates
from reasoner.records import Step
from tests.bench.replay import Row

STEP_TOKENS = 20


def drawn_rows(num: int, kinds: Sequence[Rates], seed: int = 0, completions: int = 64) -> list[Row]:
    """Traces of 5 to 8 steps in the built-in solver's way; `oracle` is the step that was drawn as the pit."""
    rng = random.Random(seed)
    return [_drawn_row(rng, str(number), kinds, completions) for number in range(num)]


def _drawn_row(rng: random.Random, name: str, kinds: Sequence[Rates], completions: int) -> Row:
    actions = ["Formalize", "Decompose", *["Solve Subquestion"] * rng.randint(1, 4), "Solve Parent", "Summarize"]
    assert set(actions) == set(HAZARDS)
    steps = tuple(Step(f"{action}: …", action) for action in actions)
    num = len(steps)
    prior = prior_of(steps)
    [pit] = rng.choices(range(num + 1), prior)
    [kind] = rng.choices(kinds, [kind.weight for kind in kinds])
    by_side = (kind.follow_right, kind.follow_pit, kind.follow_after)
    follow = [rng.betavariate(*by_side[(m + 1 >= pit) + (m + 1 > pit)]) for m in range(num)]
    follow[-1] = 0.0
    recover = [rng.betavariate(*(kind.recover_at if m == pit - 1 else kind.recover_before)) for m in range(num)]
    recover = [rate if m < pit else 0.0 for m, rate in enumerate(recover)]
    outcomes = [tuple(_drawn(rng, follow, recover, m) for _ in range(completions)) for m in range(num)]
    lengths = tuple(1.0 + STEP_TOKENS * (num - 1 - m) for m in range(num))
    return Row(name, "", steps, tuple(range(num)), lengths, pit if pit < num else None, tuple(outcomes))


def _drawn(rng: random.Random, follow: Sequence[float], recover: Sequence[float], step: int) -> Outcome:
    at = step
    while rng.random() < follow[at]:
        at += 1
    return Outcome(rng.random() < recover[at], STEP_TOKENS * (len(follow) - 1 - step) + 1, at - step)
