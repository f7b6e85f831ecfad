"""What is known of a trace before anything is sampled, for a search; and what a search says, for the trace's steps.

    task = task_of(trace, problem, stops(trace), lengths)       Task(num_steps=6, prior=(0.09, …), lengths=(61.0, …), …)
    by_step(trace, stops(trace), search.posterior)              a chance for every step, and for none

The prior comes from what each step does and from what the checks found (exploring/prior.py).
"""

from collections.abc import Sequence
from dataclasses import replace

from reasoner.checks.arithmetic import check_arithmetic
from reasoner.checks.information import check_information
from reasoner.exploring import Effort, Task, gathered, prior_of
from reasoner.exploring.adaptive import effort_of
from reasoner.records import Problem, Trace

SHORT = 100  # tokens. Ours: the completions that the adaptive search's price a token was set with are shorter


def effort_for(k: int, shows: bool, task: Task) -> Effort:
    """The effort that k stands for. Its price a token was set where completions are short; long ones cost no more."""
    effort, mean = effort_of(k), sum(task.lengths) / len(task.lengths)
    return replace(effort, shows=shows, price=effort.price * min(1.0, SHORT / mean))


def task_of(trace: Trace, problem: Problem, ends: Sequence[int], lengths: Sequence[float] = ()) -> Task:
    """What a search may know of a trace beforehand."""
    findings = check_arithmetic([step.text for step in trace.steps])
    findings += check_information(problem.question, trace.steps)
    ends_wrong = trace.verdict.status == "wrong"
    prior = gathered(prior_of(trace.steps, findings, ends_wrong), ends)
    return Task(len(ends), prior, tuple(lengths[: len(ends)]), ends_wrong and ends[-1] == len(trace.steps) - 1)


def by_step(trace: Trace, ends: Sequence[int], posterior: Sequence[float]) -> tuple[float, ...]:
    """A posterior over the prefixes that end with `ends`, and none, as one over steps, and none.

    A prefix that adds several steps (code and its output) has its chance on the first of them.
    """
    chances = dict(zip([0, *(end + 1 for end in ends)], posterior, strict=True))
    return tuple(chances.get(step, 0.0) for step in range(len(trace.steps) + 1))
