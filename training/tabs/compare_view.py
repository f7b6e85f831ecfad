"""A report, and one problem solved by both models, as HTML: what the Compare tab shows.

Every text of people and models is escaped, or typeset by reasoner.typeset, which escapes; the classes are those of
assets/training.css.
"""

from collections.abc import Sequence
from html import escape

from reasoner.graph import build_graph
from reasoner.records import Maker, Pit, Problem, Trace
from reasoner.typeset import typeset
from training.comparison import Comparison
from training.oracle import first_wrong_step
from training.report import PitCheck, Report
from training.tabs.drawing import graph_svg, rates

GROUPS = {
    "pits": "Pits trained on",
    "fixed": "Fixed",
    "broken": "Broken",
    "both_wrong": "Wrong both times",
    "both_right": "Right both times",
}
"""What to look at, in the order of interest."""


def problem_ids(report: Report, group: str) -> list[str]:
    """The problems of a group; those of the pits by whether the pit is still there, the telling ones first."""
    if group != "pits":
        return list(getattr(report, group, ()))
    telling = sorted(report.pits, key=lambda pit: (not (pit.is_recovered and not pit.was_recovered), not pit.is_gone))
    return list(dict.fromkeys(pit.problem_id for pit in telling))


def headline_html(report: Report, in_use: str = "") -> str:
    """The numbers of a run, with intervals, fixed and broken, levels and pits."""
    if not report.num_problems:
        body = '<p class="fp-note">No held-out problem was solved in this run.</p>'
    else:
        diff = report.difference
        body = (
            '<div class="fp-headline"><div>'
            f"{report.before.rate:.1%} → {report.after.rate:.1%}"
            f"<small>right of {report.num_problems:,} held-out problems</small>"
            f'</div>{rates(report.before, report.after)}</div><dl class="fp-sums">'
            + _sum(
                "Difference",
                f"{diff.delta * 100:+.1f}",
                f"points, 95 % {diff.low * 100:+.1f} to {diff.high * 100:+.1f}",
            )
            + _sum("Fixed", f"{len(report.fixed):,}", "wrong before, right now")
            + _sum("Broken", f"{len(report.broken):,}", "right before, wrong now")
            + _sum("By chance?", _p_words(report.p_value), "exact McNemar")
            + f"</dl>{_levels_html(report)}"
        )
    pits = f'<p class="fp-note">{escape(report.pits_sentence())}.</p>' if report.pits else ""
    notes = [*(f"{said}." for said in report.errors_sentences()), *report.notes]
    if report.num_unjudged:
        notes.insert(0, f"{report.num_unjudged:,} problems left out: an answer could not be judged.")
    said = escape(" ".join(notes))
    used = f'<p class="fp-note" role="status">Solver in use: <b>{escape(in_use)}</b></p>' if in_use else ""
    return f'<div class="fp-train">{body}{pits}<p class="fp-note">{said}</p>{used}</div>'


def _points(share: float) -> str:
    return f"{share * 100:+.1f}"


def _sum(name: str, value: str, words: str) -> str:
    return f"<div><dt>{name}</dt><dd>{value} <small>{words}</small></dd></div>"


def _p_words(p_value: float) -> str:
    return f"p = {p_value:.2g}" if p_value >= 0.0001 else "p < 0.0001"


def _levels_html(report: Report) -> str:
    if len(report.levels) < 2:
        return ""
    rows = "".join(
        f"<tr><td>{escape(row.level)}</td><td>{row.before.rate:.1%}</td><td>{row.after.rate:.1%}</td>"
        f"<td>{row.after.low:.1%}-{row.after.high:.1%}</td><td>{row.after.total:,}</td></tr>"
        for row in report.levels
    )
    head = "<tr><th>Level</th><th>Before</th><th>After</th><th>95 %</th><th>Problems</th></tr>"
    return f'<table class="fp-levels">{head}{rows}</table>'


def comparison_html(report: Report, comparison: Comparison) -> str:
    """One problem: the verdict in words, then both models' graph and steps side by side."""
    problem = comparison.problem
    checks = [pit for pit in report.pits if pit.problem_id == problem.id]
    words, is_good = gone_words(comparison, checks)
    sides = "".join(
        _side_html(title, problem, traces, checks)
        for title, traces in (("Before", comparison.before), ("After", comparison.after))
    )
    tone = "fp-good" if is_good else "fp-bad"
    return (
        f'<div class="fp-train"><p class="fp-asked">{typeset(problem.question)}</p>'
        f'<p class="fp-note">Right answer: {typeset(problem.answer or "not known")}</p>'
        f'<p class="fp-verdict {tone}" role="status">{words}</p><div class="fp-sides">{sides}</div></div>'
    )


def gone_words(comparison: Comparison, checks: Sequence[PitCheck]) -> tuple[str, bool]:
    """Is the pit gone? In words, and whether that is good news."""
    if checks:
        sentences = [_check_words(check) for check in checks]
        return "<br>".join(sentences), all(check.is_gone and check.is_recovered for check in checks)
    before, after = comparison.before[0], comparison.after[0]
    first, second = (first_wrong(comparison.problem, trace) for trace in (before, after))
    was, now = before.verdict.status == "right", after.verdict.status == "right"
    if not was and now:
        where = f" at step {first + 1}, “{escape(before.steps[first].text)}”," if first is not None else ""
        return f"✓ The pit{where} is gone: the model now reaches the right answer.", True
    if was and not now:
        where = f" at step {second + 1}, “{escape(after.steps[second].text)}”" if second is not None else ""
        return f"✗ A new pit{where}: this one was right before.", False
    if was:
        return "✓ Right before and after.", True
    if first is not None and second is not None:
        if _words(before, first) == _words(after, second):
            return f"✗ The pit is still there: step {second + 1} says the same as before.", False
        return f"✗ Another pit: the first wrong step was {first + 1}, now it is {second + 1}.", False
    return "✗ Wrong before and after.", False


def _check_words(check: PitCheck) -> str:
    pit, step = escape(check.rejected), check.step + 1
    if not check.is_gone:
        return f"✗ The pit is still there: right before step {step} the model still writes “{pit}”."
    now = f"it now writes “{escape(check.after)}”" if check.after else "it now ends there"
    if check.is_recovered:
        return f"✓ The pit is gone: instead of “{pit}” at step {step} {now}, and reaches the right answer."
    return f"◌ The pit itself is gone (“{pit}” at step {step}; {now}), but the answer is still wrong."


def first_wrong(problem: Problem, trace: Trace) -> int | None:
    """0-based first wrong step by the oracle; None for a right trace, or a problem it does not know."""
    if not problem.spec:
        return None
    return first_wrong_step(problem, [step.text for step in trace.steps])


def _words(trace: Trace, step: int) -> str:
    return " ".join(trace.steps[step].text.split())


def _side_html(title: str, problem: Problem, traces: Sequence[Trace], checks: Sequence[PitCheck]) -> str:
    if not traces:
        return f'<section aria-label="{title}"><h3>{title}</h3><p class="fp-note">No trace.</p></section>'
    shown = _distinct(traces)
    pits = [pit for trace in shown if (pit := _pit_of(problem, trace, checks))]
    graph = build_graph(problem, shown, pits=pits)
    lists = "".join(_steps_html(trace, pits, len(shown) > 1, index) for index, trace in enumerate(shown))
    name = traces[0].maker.adapter or traces[0].maker.model
    return (
        f'<section aria-label="{title}"><h3>{title} <span class="fp-note">{escape(name)}</span></h3>'
        f"{graph_svg(graph, f'{title}: state graph of {len(shown)} traces')}{lists}</section>"
    )


def _distinct(traces: Sequence[Trace]) -> list[Trace]:
    """Traces with different steps; what the model writes after a pit's prefix is often its whole solution again."""
    return list({tuple(step.text for step in trace.steps): trace for trace in reversed(traces)}.values())[::-1]


def _pit_of(problem: Problem, trace: Trace, checks: Sequence[PitCheck]) -> Pit | None:
    """Where this trace first goes wrong: at the flagged pit if it has it, else where the oracle says."""
    flagged = [
        check.step
        for check in checks
        if check.step < len(trace.steps) and _words(trace, check.step) == " ".join(check.rejected.split())
    ]
    step = min(flagged) if flagged else first_wrong(problem, trace)
    if step is None:
        return None
    by = "flagged" if flagged else "oracle"
    return Pit(f"{trace.id}-{step}", trace.id, problem.id, step, by, 0, (), Maker(by))


def _steps_html(trace: Trace, pits: Sequence[Pit], has_siblings: bool, index: int) -> str:
    wrong = next((pit.step for pit in pits if pit.trace_id == trace.id), None)
    heading = ""
    if has_siblings:
        heading = "<h3>From the question</h3>" if index == 0 else "<h3>From the steps before the pit</h3>"
    items = "".join(
        f'<li class="{"fp-pit-step" if number == wrong else ""}"><span>{typeset(step.text)}</span></li>'
        for number, step in enumerate(trace.steps)
    )
    return f'{heading}<ol class="fp-walked">{items}</ol>'
