"""Several solutions a problem, one to choose: does a value model choose better than a majority vote?

    python -m training rerank --value value-1 --num 16                        300 generated problems, 16 samples each
    python -m training rerank --value value-1 --store S --json                the traces that are in a store

    k      pass@k   majority   best by value   weighted   best by likelihood
    16     94.0 %   67.0 %     68.7 %          69.3 %     69.0 %

pass@k      is any of k right? Unbiased from n samples, 1 - C(n-c, k) / C(n, k): Chen et al., arXiv 2107.03374 §2.1
majority    the answer most of k give (self-consistency, arXiv 2203.11171), by the project's one equality
best        the answer of the sample of highest value: OVM@k of MARIO (2401.08190); of those that have an answer
weighted    the answer whose samples' values sum highest (OVM, 2311.09724, compares with it)
likelihood  the answer of the sample whose tokens the solver itself found likeliest: what needs no training

For k below n, each figure is a mean over random subsets of k; ties share. A sample without an answer does not vote and
is never right. Intervals: 95 %, bootstrap over problems; differences are paired. Problems that the value model was
trained on are left out, and counted.

Not covered: search that is guided by the value while it samples.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import comb
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from reasoner.engines import load_engine
from reasoner.errors import BadInput, RunError
from reasoner.formats import format_named
from reasoner.records import Problem, Trace
from reasoner.solve import solve_many
from reasoner.votes import group_answers
from training.rerank_report import RerankReport, RerankRow, write_rerank_report
from training.stats import mcnemar_p
from training.value import open_store
from training.value_model import ValueModel, load_value_model
from training.value_report import bootstrap_mean
from training.value_rows import problems_of, solution_of
from training.wordproblems import DEFAULT_LEVEL, problem_set

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

HELD_OUT_SEED = 9003  # ours: no seed that anything is trained on
SUBSETS = 100  # random subsets of k samples a problem. Ours: less noise than the problems bring by far
WAYS = ("majority", "best", "weighted", "likelihood")

Follow = Callable[[str, int, int], None]
"""Called with ("sample" or "score", done, in all)."""


@dataclass(frozen=True)
class Args:
    """Settings of one comparison; `python -m training rerank --help` is made from them."""

    value: Annotated[str, "folder of the value model, or of its run"]
    store: Annotated[str, "take the traces of this store instead of sampling"] = ""
    problems: Annotated[int, "held-out problems to sample"] = 300
    level: Annotated[str, "difficulty of the generated problems"] = DEFAULT_LEVEL
    seed: Annotated[int, "which held-out problems, and the sampling's"] = HELD_OUT_SEED
    num: Annotated[int, "samples a problem (MARIO: 20)"] = 16
    temperature: Annotated[float, "of the sampling (0.7: Self-Explore, arXiv 2404.10346 §4)"] = 0.7
    format: Annotated[str, "how solutions are written"] = "transitions"
    out: Annotated[str, "file for the report as JSON; empty: none is written"] = ""
    json: Annotated[bool, "print the report as JSON"] = False


@dataclass(frozen=True)
class Samples:
    """One problem's samples as choosing among them needs them; arrays of length n."""

    problem_id: str
    right: "Array"  # bool
    group: "Array"  # which answer, 0 … ; -1 without one
    value: "Array"  # 0-1, of the last state
    likelihood: "Array"  # 0-1, geometric mean of the tokens


def run(args: Args, follow: Follow | None = None) -> RerankReport:
    """Sample (or read), score, compare. Raises BadInput, RunError or EngineError with what to do next."""
    if args.num < 2 or args.problems < 1:
        raise BadInput("--num is at least 2 samples a problem, and --problems at least 1.")
    started = time.perf_counter()
    model = load_value_model(args.value)
    solved, dropped = _stored(args) if args.store else _sampled(args, model, follow)
    solved, num_trained = _held_out(solved, model)
    if num_trained:
        dropped["problems the value model was trained on"] += num_trained
    samples = score_samples(model, solved, dropped, follow)
    if not samples:
        raise RunError(f"No problem has {args.num} usable samples: {dict(dropped)}. Sample more with --num.")
    report = compare(
        samples,
        seed=args.seed,
        model=model.about.model,
        value=model.about.name,
        level="" if args.store else args.level,
        format=args.format,
        dropped=dict(dropped),
        seconds=time.perf_counter() - started,
    )
    if args.out:
        write_rerank_report(report, Path(args.out))
    return report


Solved = list[tuple[Problem, list[Trace]]]


def _sampled(args: Args, model: ValueModel, follow: Follow | None) -> tuple[Solved, Counter[str]]:
    """`num` traces of each generated problem, by the value model's own solver."""
    problems = problem_set(args.level, args.problems, args.seed)
    engine = load_engine(model.about.model, model.about.adapter)
    sampling = format_named(args.format).sampling(num=args.num, temperature=args.temperature, seed=args.seed)
    traces: dict[str, list[Trace]] = {problem.id: [] for problem in problems}
    for done, trace in enumerate(solve_many(engine, problems, args.format, sampling), start=1):
        traces[trace.problem_id].append(trace)
        if follow:
            follow("sample", done, args.num * len(problems))
    return [(problem, traces[problem.id]) for problem in problems], Counter()


def _stored(args: Args) -> tuple[Solved, Counter[str]]:
    """The first `num` traces of every problem of the store whose answer is known."""
    dropped: Counter[str] = Counter()
    solved = []
    with open_store(args.store) as store:
        for problem in problems_of(store):
            traces = [trace for trace in store.traces(problem.id) if trace.format == args.format]
            if problem.answer is None:
                dropped["problems without a known answer"] += 1
            elif len(traces) < args.num:
                dropped[f"problems with fewer than {args.num} traces in this format"] += 1
            else:
                solved.append((problem, traces[: args.num]))
    return solved, dropped


def _held_out(solved: Solved, model: ValueModel) -> tuple[Solved, int]:
    kept = [(problem, traces) for problem, traces in solved if problem.id not in model.trained_on]
    return kept, len(solved) - len(kept)


def score_samples(
    model: ValueModel, solved: Solved, dropped: Counter[str], follow: Follow | None = None
) -> list[Samples]:
    """Every problem whose samples can all be scored; the others are counted in `dropped`."""
    import numpy as np

    readable = []
    for problem, traces in solved:
        reasons = {reason for trace in traces if (reason := model.why_not(trace, problem))}
        if reasons:
            dropped[f"problems with a sample that {sorted(reasons)[0]}"] += 1
        else:
            readable.append((problem, traces))
    solutions = [solution_of(model.engine, trace, problem) for problem, traces in readable for trace in traces]
    tell = (lambda done, total: follow("score", done, total)) if follow else None
    scored = iter(model.score_and_likelihood(solutions, tell))
    found = []
    for problem, traces in readable:
        own = [next(scored) for _ in traces]
        found.append(
            Samples(
                problem.id,
                np.array([trace.verdict.status == "right" for trace in traces]),
                _groups(traces),
                np.array([scores[-1] for scores, _ in own]),
                np.array([likelihood for _, likelihood in own]),
            )
        )
    return found


def _groups(traces: Sequence[Trace]) -> "Array":
    """Which answer each trace gives, -1 where it gives none."""
    import numpy as np

    answered = [number for number, trace in enumerate(traces) if trace.answer]
    groups = np.full(len(traces), -1)
    for number, members in enumerate(group_answers([traces[place].answer or "" for place in answered])):
        groups[[answered[member] for member in members]] = number
    return groups


def compare(samples: Sequence[Samples], seed: int = 0, **about: Any) -> RerankReport:
    """pass@k and the four ways of choosing for k = 1, 2, 4, …, n. `about` fills what the samples do not tell."""
    import numpy as np

    num = min(len(one.right) for one in samples)
    rows = []
    for k in [2**power for power in range(num.bit_length()) if 2**power <= num]:
        random = np.random.default_rng([seed, k])
        chosen = [choose(one, k, random) for one in samples]
        by_way = {way: np.array([found[way] for found in chosen]) for way in WAYS}
        passed = np.array([pass_at(len(one.right), int(one.right.sum()), k) for one in samples])
        rows.append(
            RerankRow(
                k=k,
                passed=bootstrap_mean(passed, seed),
                **{way: bootstrap_mean(values, seed) for way, values in by_way.items()},
                best_gain=bootstrap_mean(by_way["best"] - by_way["majority"], seed),
                weighted_gain=bootstrap_mean(by_way["weighted"] - by_way["majority"], seed),
            )
        )
    fixed = int((by_way["best"] > by_way["majority"]).sum())  # of the largest k
    broken = int((by_way["best"] < by_way["majority"]).sum())
    return RerankReport(
        num_problems=len(samples),
        num_samples=num,
        num_unanswered=int(sum((one.group < 0).sum() for one in samples)),
        rows=tuple(rows),
        fixed=fixed,
        broken=broken,
        p_value=mcnemar_p(fixed, broken),
        seed=seed,
        **about,
    )


def pass_at(num: int, num_right: int, k: int) -> float:
    """The chance that k of `num` samples, of which `num_right` are right, hold a right one."""
    return 1.0 - comb(num - num_right, k) / comb(num, k)


def choose(samples: Samples, k: int, random: "np.random.Generator") -> "dict[str, float]":
    """For each way of choosing, the share of right choices among k of the samples, over random subsets; ties share."""
    import numpy as np

    num = len(samples.right)
    shuffled = np.argsort(random.random((SUBSETS, num)), axis=1)[:, :k]
    subsets = np.arange(num)[None] if k == num else shuffled
    answers = np.arange(max(1, samples.group.max() + 1))
    member = samples.group[:, None] == answers  # (n, answers)
    is_right = np.array([bool(samples.right[member[:, answer]].any()) for answer in answers])
    picked = member[subsets]  # (subsets, k, answers)
    scores = {
        "majority": picked.sum(1),
        "weighted": (picked * samples.value[subsets][:, :, None]).sum(1),
        "best": (picked * (1 + samples.value[subsets][:, :, None])).max(1),  # 1 +: a value of 0 beats no sample
        "likelihood": (picked * (1 + samples.likelihood[subsets][:, :, None])).max(1),
    }
    return {way: _share_right(found, is_right) for way, found in scores.items()}


def _share_right(scores: "Array", is_right: "Array") -> float:
    """Over the rows of (subsets, answers): the answer of the highest score is right; equal ones share the row."""
    import numpy as np

    best = scores.max(1, keepdims=True)
    is_best = np.isclose(scores, best, rtol=1e-9, atol=1e-12) & (best > 0)
    shared = np.maximum(is_best.sum(1), 1)
    return float(((is_best * is_right).sum(1) / shared).mean())
