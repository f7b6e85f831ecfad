"""The same held-out problems, solved greedily before and after: a paired report with intervals.

    python -m training evaluate --model assets/model/solver --adapter run/adapter --num 500 --seed 9001
    66.0 % → 70.0 % of 500 held-out problems: +4.0 points (95 % interval +1.1 to +6.9), 31 fixed, 11 broken, …

Every problem is solved by both models, so the comparison is paired: exact McNemar on the problems that changed,
Newcombe's interval of the difference (training/stats.py). A solution without an answer (a program that fails, say) is
not right; a problem whose answers cannot be compared with gold is left out and counted. Where the pairs that were
trained on are given, each pit is met again: the steps before it, and what each model writes next.

Not covered: sampling at a temperature; greedy answers are what the solver shows first, and they have no sampling noise.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

from reasoner.engines import BUILT_IN, Engine, load_engine
from reasoner.formats import Format, format_named
from reasoner.records import Completion, Pair, Problem, Trace
from reasoner.rounds import complete
from reasoner.solve import trace_of
from training.comparison import Comparison, write_comparisons
from training.error_counts import count_errors
from training.pairs import read_pairs
from training.report import LevelRow, PitCheck, Report, write_report
from training.stats import mcnemar_p, paired_difference, wilson
from training.wordproblems import DEFAULT_LEVEL, problem_set

BATCH = (
    64  # prompts of one call. Ours: one forward pass of the built-in solver is not slower for it, and memory is small
)
HELD_OUT_SEED = 9001  # ours: the solver was trained on the sets of seed 1

Follow = Callable[[str, int, int], None]
"""Called with ("before" or "after", problems done, problems in all)."""


@dataclass(frozen=True)
class Args:
    """Settings of one evaluation; `python -m training evaluate --help` is made from them."""

    adapter: Annotated[str, "adapter folder to judge: the after side"]
    model: Annotated[str, "model folder or Hugging Face id"] = BUILT_IN
    before: Annotated[str, "adapter of the before side; empty: the model alone"] = ""
    num: Annotated[int, "held-out problems"] = 500
    seed: Annotated[int, "which held-out problems; 1 is what the solver was trained on"] = HELD_OUT_SEED
    level: Annotated[str, "difficulty of the generated problems"] = DEFAULT_LEVEL
    format: Annotated[str, "how solutions are written"] = "transitions"
    pairs: Annotated[str, "JSONL of the pairs trained on: their problems are left out"] = ""
    out: Annotated[str, "folder for report.json and comparisons.jsonl; empty: nothing is written"] = ""
    json: Annotated[bool, "print the report as JSON"] = False


def run(args: Args, follow: Follow | None = None) -> Report:
    """Load both sides, evaluate, write. Raises EngineError or BadInput with what to do next."""
    before = load_engine(args.model, args.before)
    after = load_engine(args.model, args.adapter)
    trained = {pair.problem_id for pair in read_pairs(Path(args.pairs))} if args.pairs else set()
    problems = held_out(args.level, args.num, args.seed, trained)
    report, comparisons = evaluate(before, after, problems, format=args.format, follow=follow)
    report = replace(report, level=args.level, seed=args.seed)
    if args.out:
        save(report, comparisons, Path(args.out))
    return report


def held_out(level: str, num: int, seed: int, trained: Iterable[str] = ()) -> list[Problem]:
    """`num` generated problems of a level, none of which was trained on."""
    known = set(trained)
    problems = problem_set(level, num + len(known), seed)
    return [problem for problem in problems if problem.id not in known][:num]


def save(report: Report, comparisons: Sequence[Comparison], folder: Path) -> None:
    """Write comparisons.jsonl, then report.json, whose being there says that all is."""
    folder.mkdir(parents=True, exist_ok=True)
    write_comparisons(comparisons, folder / "comparisons.jsonl")
    write_report(report, folder / "report.json")


@dataclass
class Pits:
    """The pits that were trained on, and the problems they belong to."""

    pairs: Sequence[Pair] = ()
    problems: dict[str, Problem] = field(default_factory=dict)  # id → problem, of the pairs


def evaluate(
    before: Engine,
    after: Engine,
    problems: Sequence[Problem],
    *,
    format: str = "transitions",
    pits: Pits | None = None,
    follow: Follow | None = None,
) -> tuple[Report, list[Comparison]]:
    """Solve `problems` greedily with both engines; meet the pits of `pits` again with both."""
    started = time.perf_counter()
    writing = format_named(format)
    pits = pits or Pits()
    first = _Side(before, writing, "before", follow)
    second = _Side(after, writing, "after", follow)
    rows = list(zip(problems, first.solve(problems), second.solve(problems), strict=True))
    checks: list[PitCheck] = []
    met: dict[str, Comparison] = {}  # of the pits' problems
    for name in dict.fromkeys(pair.format for pair in pits.pairs):
        sides = _Side(before, format_named(name), "before", follow), _Side(after, format_named(name), "after", follow)
        known = [pair for pair in pits.pairs if pair.problem_id in pits.problems and pair.format == name]
        own_checks, own = _meet_again(*sides, known, pits.problems)
        checks += own_checks
        for one in own:
            old = met.get(one.problem.id, Comparison(one.problem, (), ()))
            met[one.problem.id] = Comparison(one.problem, old.before + one.before, old.after + one.after)
    comparisons = [Comparison(problem, (one,), (two,)) for problem, one, two in rows if one and two]
    report = _report(comparisons, len(rows), after)
    errors = count_errors(comparisons)
    report = replace(report, pits=tuple(checks), error_classes=errors, seconds=time.perf_counter() - started)
    return report, [*comparisons, *met.values()]


class _Side:
    """One engine, asked greedily in batches."""

    def __init__(self, engine: Engine, writing: Format, name: str, follow: Follow | None) -> None:
        self.engine, self.writing, self.name, self.follow = engine, writing, name, follow
        self.sampling = replace(writing.sampling(num=1, temperature=0.0), seed=0)

    def solve(self, problems: Sequence[Problem]) -> list[Trace | None]:
        """One trace a problem; None where its question does not fit into the model's context."""
        prompts = [
            self.engine.render(problem.question, self.writing.instruction, self.writing.tag) for problem in problems
        ]
        completions = self.complete(prompts)
        return [
            trace_of(self.engine, problem, self.writing, prompt, completion, self.sampling) if completion else None
            for problem, prompt, completion in zip(problems, prompts, completions, strict=True)
        ]

    def complete(self, prompts: Sequence[str], begun: Sequence[str] | None = None) -> list[Completion | None]:
        """The greedy completion of each prompt, long ones together, so that little is padding.

        begun: the end of each prompt that is solution already.
        """
        begun = begun or [""] * len(prompts)
        found: list[Completion | None] = [None] * len(prompts)
        lengths = [self.engine.count_tokens(prompt) for prompt in prompts]
        order = sorted((i for i, length in enumerate(lengths) if length < self.engine.context), key=lengths.__getitem__)
        for start in range(0, len(order), BATCH):
            if self.follow:
                self.follow(self.name, start, len(prompts))
            batch = order[start : start + BATCH]
            drawn = complete(
                self.engine, self.writing, [prompts[i] for i in batch], self.sampling, [begun[i] for i in batch]
            )
            for index, [completion] in zip(batch, drawn, strict=True):
                found[index] = completion
        if self.follow:
            self.follow(self.name, len(prompts), len(prompts))
        return found


def _meet_again(
    first: _Side, second: _Side, pairs: Sequence[Pair], problems: dict[str, Problem]
) -> tuple[list[PitCheck], list[Comparison]]:
    """What each model writes right before every pit, and each pit's problem solved from the question as well."""
    asked = [problems[problem_id] for problem_id in dict.fromkeys(pair.problem_id for pair in pairs)]
    solved = [dict(zip([p.id for p in asked], side.solve(asked), strict=True)) for side in (first, second)]
    prompts = [pair.prompt for pair in pairs]
    begun = [
        [pair.prompt[len(_question(side, problems[pair.problem_id], pair)) :] for pair in pairs]
        for side in (first, second)
    ]
    ones, twos = first.complete(prompts, begun[0]), second.complete(prompts, begun[1])
    checks: list[PitCheck] = []
    traces: dict[str, tuple[list[Trace], list[Trace]]] = defaultdict(lambda: ([], []))
    for pair, one, two in zip(pairs, ones, twos, strict=True):
        if one is None or two is None:
            continue
        problem = problems[pair.problem_id]
        went_on = [_went_on(side, problem, pair, text) for side, text in ((first, one), (second, two))]
        checks.append(_check(pair, first.writing, (one.text, two.text), went_on))
        for collected, trace in zip(traces[problem.id], went_on, strict=True):
            collected.append(trace)
    comparisons = []
    for problem in asked:
        whole = [[solution] if (solution := side[problem.id]) else [] for side in solved]
        before, after = (tuple(whole[i] + traces[problem.id][i]) for i in (0, 1))
        comparisons.append(Comparison(problem, before, after))
    return checks, comparisons


def _went_on(side: _Side, problem: Problem, pair: Pair, completion: Completion) -> Trace:
    """The pit's prefix and what the model wrote after it, as one trace of the question."""
    question = _question(side, problem, pair)
    whole = replace(completion, text=pair.prompt[len(question) :] + completion.text)
    return trace_of(side.engine, problem, side.writing, question, whole, side.sampling)


def _question(side: _Side, problem: Problem, pair: Pair) -> str:
    """What of a pair's prompt asks the question; the steps before the pit follow it."""
    question = side.engine.render(problem.question, side.writing.instruction, side.writing.tag)
    if pair.prompt.startswith(question):
        return question
    return "\n".join(pair.prompt.split("\n")[: -1 - pair.step]) + "\n"  # asked in another way: its last lines are steps


def _check(pair: Pair, writing: Format, texts: tuple[str, str], traces: Sequence[Trace]) -> PitCheck:
    before, after = (next((step.text for step in writing.parse(text)), "") for text in texts)
    return PitCheck(
        pair_id=pair.id,
        problem_id=pair.problem_id,
        step=pair.step,
        rejected=pair.rejected.strip(),
        before=before,
        after=after,
        is_gone=" ".join(after.split()) != " ".join(pair.rejected.split()),
        is_recovered=traces[1].verdict.status == "right",
        was_recovered=traces[0].verdict.status == "right",
    )


def _is_judged(problem: Problem, trace: Trace) -> bool:
    """Is it known whether this solution is right? One that comes to no answer is not."""
    return trace.verdict.status != "unjudged" or (problem.answer is not None and trace.answer is None)


def _report(comparisons: Sequence[Comparison], num_asked: int, after: Engine) -> Report:
    cells: dict[tuple[bool, bool], list[str]] = defaultdict(list)
    levels: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for comparison in comparisons:
        traces = comparison.before[0], comparison.after[0]
        if not all(_is_judged(comparison.problem, trace) for trace in traces):
            continue
        outcome = traces[0].verdict.status == "right", traces[1].verdict.status == "right"
        cells[outcome].append(comparison.problem.id)
        levels[comparison.problem.level].append(outcome)
    both, fixed, broken, neither = (cells[key] for key in ((True, True), (False, True), (True, False), (False, False)))
    num = len(both) + len(fixed) + len(broken) + len(neither)
    return Report(
        model=after.maker.model,
        adapter=after.maker.adapter,
        level="",
        seed=0,
        num_problems=num,
        num_unjudged=num_asked - num,
        before=wilson(len(both) + len(broken), num),
        after=wilson(len(both) + len(fixed), num),
        difference=paired_difference(len(both), len(fixed), len(broken), len(neither)),
        p_value=mcnemar_p(len(fixed), len(broken)),
        both_right=tuple(both),
        fixed=tuple(fixed),
        broken=tuple(broken),
        both_wrong=tuple(neither),
        levels=tuple(
            LevelRow(
                level or "unnamed",
                wilson(sum(one for one, _ in rows), len(rows)),
                wilson(sum(two for _, two in rows), len(rows)),
            )
            for level, rows in sorted(levels.items())
        ),
    )
