"""Is it right? Checks that need no model: answers, arithmetic, and the grammar of transitions.

check_trace(trace)      [Finding(0, "arithmetic", "wrong", "3 + 2 = 6 is wrong: it should be 5", "3 + 2 = 6", "5")]
"""

from functools import lru_cache

from reasoner.checks.arithmetic import check_arithmetic
from reasoner.checks.grammar import check_grammar
from reasoner.records import Finding, Trace


def check_trace(trace: Trace) -> list[Finding]:
    """All that the checks find in `trace`, step by step: wrong and right equations, illegal transitions."""
    return list(_check(tuple(step.text for step in trace.steps)))


@lru_cache(maxsize=16_384)
def _check(texts: tuple[str, ...]) -> tuple[Finding, ...]:
    findings = check_arithmetic(texts) + check_grammar(texts)
    return tuple(sorted(findings, key=lambda finding: finding.step))
