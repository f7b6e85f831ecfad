"""One stage of a recipe as one row of its report: what its solver can do over all seeds, and against other stages.

    row = row_of("step-dpo", {0: measured, 1: …, 2: …}, {"pairs": 498, "events": [Path("…/events.jsonl"), …]})
    row.accuracy, row.low, row.high, row.seeds        0.713, 0.688, 0.738, (0.711, 0.716, 0.712)
    compare(row, before)                              Against(delta=0.042, low=0.011, high=0.071, p=0.009, …)

A solver that no seed has touched (the base model) is measured once and met by every seed of the others.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from reasoner.errors import BadInput
from reasoner.review.error_classes import CLASSES
from training.progress import Event, read_events
from training.recipes.estimates import contrast, estimate, majority_values, pass_values, powers_of_two
from training.recipes.measured import Measured, Outcome
from training.recipes.stages import Done
from training.stats import mcnemar_p
from training.value_report import Estimate

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

FACTS = ("pairs", "updates", "margin", "reward_accuracy", "seconds")
FIGURES = ("loss", "margin", "accuracy")  # what is drawn of a training's events
NUM_POINTS = 120  # of a curve. Ours: finer than a picture shows

Facts = Mapping[str, Any]
"""How a stage was trained: pairs, updates, margin (of rewards), reward_accuracy (0-1) and seconds, each one number or
one a seed, and events: one events.jsonl a seed (or its events), which tell what is not given, and the curves."""


@dataclass(frozen=True, slots=True)
class Against:
    """A row's accuracy minus another's, paired over problems and seeds."""

    delta: float  # -1 … 1
    low: float
    high: float
    p: float  # bootstrap over problems and seeds, two-sided
    fixed: tuple[int, ...] = ()  # problems of each seed that this row solves and the other does not
    broken: tuple[int, ...] = ()
    mcnemar: tuple[float, ...] = ()  # exact, two-sided, of each seed alone


@dataclass(frozen=True)
class Row:
    """One stage over its seeds. Shares are 0-1; None is what was not measured or does not apply."""

    stage: str
    words: str  # for a person: "Step-DPO on explored pits"
    accuracy: float  # greedy, of the problems that could be judged
    low: float
    high: float
    seeds: tuple[float, ...]  # each seed's accuracy
    seed_intervals: tuple[tuple[float, float], ...] = ()  # Wilson's
    problems: int = 0  # held out, those that could not be judged included
    unjudged: int = 0  # most of any seed
    sampled: float | None = None  # share of right samples
    num_samples: int = 0
    pass_at: dict[int, Estimate] = field(default_factory=dict)
    maj_at: dict[int, Estimate] = field(default_factory=dict)
    diversity: float | None = None  # different texts a sample
    answer_diversity: float | None = None  # different answers a sample
    tokens: float | None = None  # generated for a greedy solution, mean
    sampled_tokens: float | None = None
    error_classes: dict[str, float] = field(default_factory=dict)  # share of judged problems by class of first error
    errors_by: str = ""  # "oracle", "machine" or "oracle and machine"
    pairs: float | None = None
    updates: float | None = None
    margin: float | None = None
    reward_accuracy: float | None = None
    seconds: float | None = None
    against: dict[str, Against] = field(default_factory=dict)  # other stage → this one minus it
    curves: tuple[dict[str, list[list[float]]], ...] = ()  # a seed's figures of training: name → [[update, value], …]
    measured: Mapping[int, Measured] = field(default_factory=dict, repr=False, compare=False)  # is not written


def facts_of(trainings: Sequence[Done]) -> dict[str, Any]:
    """What a row's stages of training have to say of it: where their events lie, and how many pairs each had."""
    pairs = [done.tally.facts["pairs"] for done in trainings if "pairs" in done.tally.facts]
    events = [done.folder / "events.jsonl" for done in trainings]
    return {"events": events} | ({"pairs": pairs} if pairs else {})


def row_of(stage: str, measured: Mapping[int, Measured], training: Facts | None = None, words: str = "") -> Row:
    """The row of a stage from its seeds' measurements. Raises BadInput when they share no problem."""
    facts = _facts(training or {})
    several = list(measured.values())
    greedy = _greedy(measured)
    found = estimate(greedy)
    outcomes = [one for own in several for one in own.outcomes]
    num_samples = min(own.num_samples for own in several)
    classes, by = _errors(outcomes)
    judged = [own for own in outcomes if own.greedy != "unjudged"]
    sampled = [one for one in outcomes if one.right]
    right = [one.num_right / one.num_judged for one in sampled if one.num_judged]
    return Row(
        stage=stage,
        words=words or stage,
        accuracy=found.value if found else 0.0,
        low=found.low if found else 0.0,
        high=found.high if found else 1.0,
        seeds=tuple(own.accuracy.rate for own in several),
        seed_intervals=tuple((own.accuracy.low, own.accuracy.high) for own in several),
        problems=greedy.shape[1],
        unjudged=max(own.num_unjudged for own in several),
        sampled=_mean(right),
        num_samples=num_samples,
        pass_at=_curve(measured, powers_of_two(num_samples), pass_values),
        maj_at=_curve(measured, [k for k in powers_of_two(num_samples) if k != 2], majority_values),
        diversity=_mean([one.num_distinct / len(one.right) for one in sampled]),
        answer_diversity=_mean([one.num_answers / len(one.right) for one in sampled]),
        tokens=_mean([one.tokens for one in outcomes if one.tokens]),
        sampled_tokens=_mean([one.sampled_tokens / len(one.right) for one in sampled]),
        error_classes={name: classes[name] / len(judged) for name in CLASSES} if judged else {},
        errors_by=by,
        measured=measured,
        **facts,
    )


def compare(row: Row, other: Row) -> Against | None:
    """`row` minus `other`. None where they share no problem, or have no seed in common."""
    if not row.measured or not other.measured:
        return row.against.get(other.stage)
    if len(row.measured) == 1 or len(other.measured) == 1:
        matched = [(one, two) for one in row.measured.values() for two in other.measured.values()]
    else:
        matched = [(row.measured[seed], other.measured[seed]) for seed in row.measured if seed in other.measured]
    ids = _common_ids([own for pair in matched for own in pair])
    if not matched or not ids:
        return None
    after, before = (_values([pair[side] for pair in matched], ids) for side in (0, 1))
    found = contrast(after, before)
    if found is None:
        return None
    fixed = tuple(int(((one == 1) & (two == 0)).sum()) for one, two in zip(after, before, strict=True))
    broken = tuple(int(((one == 0) & (two == 1)).sum()) for one, two in zip(after, before, strict=True))
    tests = tuple(mcnemar_p(*both) for both in zip(fixed, broken, strict=True))
    return Against(found.delta, found.low, found.high, found.p, fixed, broken, tests)


def _common_ids(several: Sequence[Measured]) -> list[str]:
    """The problems that all have, in the order of the first."""
    if not several:
        return []
    shared = set.intersection(*({one.problem_id for one in own.outcomes} for own in several))
    return [one.problem_id for one in several[0].outcomes if one.problem_id in shared]


def _values(several: Sequence[Measured], ids: Sequence[str]) -> "Array":
    """1 right, 0 not right, NaN not judged; (seeds, problems)."""
    import numpy as np

    worth = {"right": 1.0, "not right": 0.0, "unjudged": np.nan}
    rows = ({one.problem_id: worth[one.greedy] for one in own.outcomes} for own in several)
    return np.array([[row[problem_id] for problem_id in ids] for row in rows])


def _greedy(measured: Mapping[int, Measured]) -> "Array":
    several = list(measured.values())
    ids = _common_ids(several)
    if not ids:
        raise BadInput("There is nothing to report: a stage's seeds were measured on no problem that all of them have.")
    return _values(several, ids)


def _curve(measured: Mapping[int, Measured], counts: Sequence[int], values: Any) -> dict[int, Estimate]:
    """k → its estimate over seeds and problems, of those k that any problem has samples for."""
    import numpy as np

    several = list(measured.values())
    ids = set(_common_ids(several))
    found = {}
    for k in counts:
        grid = np.array([values([one for one in own.outcomes if one.problem_id in ids], k) for own in several])
        if (one := estimate(grid)) is not None:
            found[k] = one
    return found


def _errors(outcomes: Sequence[Outcome]) -> tuple[Counter[str], str]:
    wrong = [one for one in outcomes if one.greedy == "not right"]
    return Counter(one.error_class for one in wrong), " and ".join(
        sorted({one.error_by for one in wrong}, reverse=True)
    )


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def _facts(training: Facts) -> dict[str, Any]:
    unknown = set(training) - {*FACTS, "events"}
    if unknown:
        raise ValueError(f"a stage's training has no {', '.join(sorted(unknown))}: {', '.join(FACTS)} and events")
    sources = training.get("events") or ()
    if isinstance(sources, str | Path):
        sources = [sources]
    told = [_training_events(source) for source in sources]
    found = _told([events for events in told if events])
    for name in FACTS:
        value = training.get(name)
        if isinstance(value, Sequence):
            value = _mean([one for one in value if one is not None])
        if value is not None:
            found[name] = value
    curves = tuple({name: _points(events, name) for name in FIGURES} for events in told)
    return found | {"curves": tuple({name: own for name, own in curve.items() if own} for curve in curves)}


def _training_events(source: str | Path | Sequence[Event]) -> list[Event]:
    """The figures of one training; those of a step that was done again after a kill stand once."""
    events = read_events(Path(source)) if isinstance(source, str | Path) else source
    by_step = {event["step"]: event for event in events if event["kind"] == "train" and "step" in event}
    return [by_step[step] for step in sorted(by_step)]


def _told(several: Sequence[Sequence[Event]]) -> dict[str, Any]:
    """Updates and seconds, and the last figures: the mean of the last tenth of the updates, since each is one batch."""
    last = [event for events in several for event in events[-max(1, len(events) // 10) :]]
    names = {"margin": "margin", "reward_accuracy": "accuracy"}
    found = {
        ours: _mean([event[name] for event in last if event.get(name) is not None]) for ours, name in names.items()
    }
    found["updates"] = _mean([events[-1]["step"] for events in several])
    found["seconds"] = _mean([float(events[-1].get("seconds") or 0.0) for events in several])
    return found


def _points(events: Sequence[Event], name: str) -> list[list[float]]:
    points = [[float(event["step"]), float(event[name])] for event in events if event.get(name) is not None]
    stride = max(1, -(-len(points) // NUM_POINTS))
    return points[::stride] + (points[-1:] if points and (len(points) - 1) % stride else [])
