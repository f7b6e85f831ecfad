"""What goes wrong before and after a run: the first errors of solutions that are not right, by class.

    count_errors(comparisons)
        (ErrorClassRow("oracle", "calculation", 12, 5), …, ErrorClassRow("machine", "calculation", 12, 4), …)

The classes are KPDD's (arXiv 2407.10167). For a generated problem the step oracle knows them (training/oracle.py); for
any problem the checks propose them (reasoner/review/error_classes.py), and where no check finds a sign they say so.
Both are counted apart: they are not the same measure.

Not covered: solutions that are right by luck.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from reasoner.records import Problem, Trace
from reasoner.review.error_classes import CLASSES, COULD_NOT_TELL, propose
from training.comparison import Comparison
from training.oracle import error_class
from training.report import ErrorClassRow


def count_errors(comparisons: Sequence[Comparison]) -> tuple[ErrorClassRow, ...]:
    """Rows by the oracle for the generated problems among them, and by machine for all; each side's first solutions."""
    sides = [
        [(comparison.problem, traces[0]) for comparison in comparisons if (traces := getattr(comparison, side))]
        for side in ("before", "after")
    ]
    rows: list[ErrorClassRow] = []
    for by, count in (("oracle", _by_oracle), ("machine", _by_machine)):
        before, after = (count(_not_right(side)) for side in sides)
        if before or after:
            rows += [ErrorClassRow(by, name, before[name], after[name]) for name in CLASSES]
    return tuple(rows)


def _not_right(side: Iterable[tuple[Problem, Trace]]) -> list[tuple[Problem, Trace]]:
    """Those whose answer is wrong, or that come to none though the right one is known."""
    return [
        (problem, trace)
        for problem, trace in side
        if trace.verdict.status == "wrong" or (trace.answer is None and problem.answer is not None)
    ]


def _by_oracle(rows: Iterable[tuple[Problem, Trace]]) -> Counter[str]:
    told = (
        error_class(problem, [step.text for step in trace.steps]) for problem, trace in rows if problem.spec.strip()
    )
    return Counter(name if name in CLASSES else COULD_NOT_TELL for name in told)


def _by_machine(rows: Iterable[tuple[Problem, Trace]]) -> Counter[str]:
    return Counter(propose(trace, problem).error_class or COULD_NOT_TELL for problem, trace in rows)
