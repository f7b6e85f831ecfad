"""A report as one page."""

from html import escape

from training.recipes.record import RecipeReport


def page(report: RecipeReport) -> str:
    """The whole file."""
    return f"<!doctype html><title>{escape(report.title)}</title>"
