"""How well a value model knows right from wrong on problems it was not trained on.

    report = judge_scores([Scored("p1", (0.6, 0.1), False), Scored("p1", (0.6, 0.9), True)], seed=0)
    report.auc                Estimate(value=1.0, low=1.0, high=1.0)
    report.bins[9]            Bin(low=0.9, high=1.0, num=1, mean=0.9, right=Interval(…))

auc           the chance that a right solution is scored above a wrong one, over all held-out solutions
auc_within    the same over pairs of solutions of one problem: what reranking needs, since it never compares problems
calibration   of the solutions scored 0.6-0.7, are 60-70 % right? `error` is the mean distance, weighted by their number
states        the same AUC of the state so many steps before the end: how early the outcome shows

Intervals: 95 %, percentile bootstrap over problems, because solutions of one problem are not independent.

Not covered: the interval of the calibration error.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reasoner.errors import RunError
from reasoner.records import Interval
from reasoner.whole_file import write_json
from training.stats import wilson

if TYPE_CHECKING:
    import numpy as np

DRAWS = 1_000  # bootstrap samples. Ours: the ends of the interval move by less than a tenth of its width
NUM_BINS = 10
MOST_STEPS_BACK = 6


@dataclass(frozen=True, slots=True)
class Scored:
    """One held-out solution."""

    problem_id: str
    scores: tuple[float, ...]  # one a state
    is_right: bool


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Bin:
    """The solutions whose last score lies in low … high."""

    low: float
    high: float
    num: int
    mean: float  # of their scores; the bin's middle where there are none
    right: Interval


@dataclass(frozen=True, slots=True)
class ValueReport:
    """A value model on held-out problems."""

    name: str
    model: str
    target: str
    reads: str
    num_problems: int
    num_right: int
    num_wrong: int
    auc: Estimate | None  # None: only right or only wrong solutions were held out
    auc_within: Estimate | None  # None: no problem has both
    brier: float  # mean squared distance of the last score from the outcome, 0 is perfect
    base_brier: float  # what the held-out share of right solutions would have as its score
    error: float  # calibration error, 0-1
    bins: tuple[Bin, ...]
    states: tuple[Estimate | None, ...]  # AUC of the last state, of the one before it, …
    num_trained: int = 0  # solutions trained on
    train_right: int = 0  # … of them right
    num_distinct: int = 0  # … of them different ones
    dropped: dict[str, int] | None = None
    seed: int = 0
    seconds: float = 0.0

    def sentence(self) -> str:
        """The headline in words."""
        if not self.num_problems:
            return "No problem was held out to judge it by."
        if self.auc is None:
            return "The held-out solutions are all right or all wrong: sample more problems to see what it has learnt."
        within = f", {self.auc_within.value:.3f} within a problem" if self.auc_within else ""
        return (
            f"AUC {self.auc.value:.3f} (95 % interval {self.auc.low:.3f} to {self.auc.high:.3f}){within} on "
            f"{self.num_right + self.num_wrong} solutions of {self.num_problems} held-out problems; "
            f"calibration error {self.error:.3f}, Brier {self.brier:.3f} ({self.base_brier:.3f} without a model)"
        )


def judge_scores(rows: Sequence[Scored], seed: int = 0, **about: Any) -> ValueReport:
    """The report of these solutions. `about` fills the fields that the scores do not tell."""
    import numpy as np

    right = np.array([row.is_right for row in rows], dtype=bool)
    last = np.array([row.scores[-1] for row in rows], dtype=float)
    groups = _groups(rows)
    bins = _bins(last, right)
    return ValueReport(
        num_problems=len(groups),
        num_right=int(right.sum()),
        num_wrong=int((~right).sum()),
        auc=bootstrap(groups, lambda chosen: auc(last[chosen], right[chosen]), seed),
        auc_within=_within(groups, last, right, seed),
        brier=float(((last - right) ** 2).mean()) if len(rows) else 0.0,
        base_brier=float(right.mean() * (1 - right.mean())) if len(rows) else 0.0,
        error=sum(found.num * abs(found.mean - found.right.rate) for found in bins) / max(1, len(rows)),
        bins=bins,
        states=_states(rows, seed),
        seed=seed,
        **about,
    )


def auc(scores: "np.ndarray[Any, Any]", right: "np.ndarray[Any, Any]") -> float | None:
    """The chance that a right one is scored above a wrong one, ties a half (Mann-Whitney); None without both."""
    from scipy.stats import rankdata

    num_right, num_wrong = int(right.sum()), int((~right).sum())
    if not num_right or not num_wrong:
        return None
    ranks = rankdata(scores)
    return float((ranks[right].sum() - num_right * (num_right + 1) / 2) / (num_right * num_wrong))


def bootstrap(
    groups: "Sequence[np.ndarray[Any, Any]]",
    statistic: "Callable[[np.ndarray[Any, Any]], float | None]",
    seed: int,
    draws: int = DRAWS,
) -> Estimate | None:
    """The statistic of all rows, with the percentile interval over resampled groups; None where it is undefined."""
    import numpy as np

    value = statistic(np.concatenate(groups)) if groups else None
    if value is None:
        return None
    random = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        chosen = np.concatenate([groups[place] for place in random.integers(0, len(groups), len(groups))])
        if (one := statistic(chosen)) is not None:
            found.append(one)
    low, high = np.percentile(found, [2.5, 97.5]) if found else (value, value)
    return Estimate(float(value), float(low), float(high))


def bootstrap_mean(values: "np.ndarray[Any, Any]", seed: int, draws: int = DRAWS) -> Estimate:
    """The mean of one value a problem, with its percentile interval over resampled problems."""
    import numpy as np

    random = np.random.default_rng(seed)
    drawn = [float(values[random.integers(0, len(values), len(values))].mean()) for _ in range(draws)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimate(float(values.mean()), float(low), float(high))


def _groups(rows: Sequence[Scored]) -> "list[np.ndarray[Any, Any]]":
    """The places of each problem's rows."""
    import numpy as np

    places: dict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        places[row.problem_id].append(place)
    return [np.array(found) for found in places.values()]


def _within(
    groups: "Sequence[np.ndarray[Any, Any]]", last: "np.ndarray[Any, Any]", right: "np.ndarray[Any, Any]", seed: int
) -> Estimate | None:
    """The mean over problems that have both of their own AUC, every problem counting once."""
    import numpy as np

    own = [found for group in groups if (found := auc(last[group], right[group])) is not None]
    return bootstrap_mean(np.array(own), seed) if own else None


def _bins(last: "np.ndarray[Any, Any]", right: "np.ndarray[Any, Any]") -> tuple[Bin, ...]:
    import numpy as np

    place = np.minimum((last * NUM_BINS).astype(int), NUM_BINS - 1)
    bins = []
    for number in range(NUM_BINS):
        chosen = place == number
        num = int(chosen.sum())
        middle = (number + 0.5) / NUM_BINS
        mean = float(last[chosen].mean()) if num else middle
        interval = wilson(int(right[chosen].sum()), num)
        bins.append(Bin(number / NUM_BINS, (number + 1) / NUM_BINS, num, mean, interval))
    return tuple(bins)


def _states(rows: Sequence[Scored], seed: int) -> tuple[Estimate | None, ...]:
    """The AUC of the state 0, 1, … steps before the end, over the solutions that have one."""
    import numpy as np

    found = []
    for back in range(MOST_STEPS_BACK):
        long = [row for row in rows if len(row.scores) > back]
        if not long:
            break
        scores = np.array([row.scores[-1 - back] for row in long])
        right = np.array([row.is_right for row in long], dtype=bool)
        found.append(bootstrap(_groups(long), lambda chosen: auc(scores[chosen], right[chosen]), seed, DRAWS // 5))  # noqa: B023
    return tuple(found)


def write_value_report(report: ValueReport, path: Path) -> None:
    """Write in one piece: a reader sees the whole report or none."""
    write_json(asdict(report), path)


def read_value_report(path: Path) -> ValueReport:
    """The report written at `path`. Raises RunError when it is missing or not one of ours."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        bins = tuple(Bin(**(one | {"right": Interval(**one["right"])})) for one in raw["bins"])
        estimates = {name: _estimate(raw[name]) for name in ("auc", "auc_within")}
        return ValueReport(**(raw | estimates | {"bins": bins, "states": tuple(map(_estimate, raw["states"]))}))
    except FileNotFoundError:
        raise RunError(f"No report at {path}: the value model has not been trained to its end.") from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise RunError(f"The report at {path} cannot be read ({error}). Train the value model again.") from error


def _estimate(raw: dict[str, float] | None) -> Estimate | None:
    return Estimate(**raw) if raw else None
