"""Arithmetic of every equation in a step."""

from collections.abc import Sequence

from reasoner.records import Finding


def check_arithmetic(step_texts: Sequence[str]) -> list[Finding]:
    """Findings."""
    return []
