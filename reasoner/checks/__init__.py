"""Is it right? Checks that need no model: answers, arithmetic, the grammar of transitions, and the information used.

check_trace(trace)                  [Finding(0, "arithmetic", "wrong", "3 + 2 = 6 is wrong: …", "3 + 2 = 6", "5")]
check_solution(trace, problem)      and [Finding(0, "information", "unjudged", "62 comes from nowhere …", "62")]
"""

from functools import lru_cache

from reasoner.checks.arithmetic import check_arithmetic
from reasoner.checks.grammar import check_grammar
from reasoner.checks.information import check_information
from reasoner.records import Finding, KeyPoints, Problem, Trace


def check_trace(trace: Trace) -> list[Finding]:
    """All that the checks find in `trace`, step by step: wrong and right equations, illegal transitions."""
    return list(_check(tuple(step.text for step in trace.steps)))


def check_solution(trace: Trace, problem: Problem, key_points: KeyPoints | None = None) -> list[Finding]:
    """All that `check_trace` finds, and numbers that come from nowhere, which only the problem can tell.

    A finding of the check "information" is a sign of misunderstanding, not a proof: its status is "unjudged", `found`
    is the number as the step writes it, and a screen should mark it as a question, never as an error. What a person
    wrote in the key points counts as told; what a model wrote does not. What no step used belongs to a whole trace:
    `checks.information.unused(trace, problem, key_points)`, and for a screen `keypoints.panel`.
    """
    also_told = "\n".join(key_points.points) if key_points and key_points.origin == "person" else ""
    findings = check_trace(trace) + check_information(problem.question, trace.steps, also_told)
    return sorted(findings, key=lambda finding: finding.step)


@lru_cache(maxsize=16_384)
def _check(texts: tuple[str, ...]) -> tuple[Finding, ...]:
    findings = check_arithmetic(texts) + check_grammar(texts)
    return tuple(sorted(findings, key=lambda finding: finding.step))
