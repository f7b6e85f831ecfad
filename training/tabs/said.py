"""What a handler says to the person: nothing, news, or an error in words."""

from collections.abc import Callable
from html import escape

from reasoner.errors import WorkbenchError


def said(words: str) -> str:
    """News, in words."""
    return f'<div class="fp-train"><p class="fp-note" role="status">{escape(words)}</p></div>' if words else ""


def refused(error: WorkbenchError) -> str:
    """An error, in words."""
    return f'<div class="fp-train"><p class="fp-error" role="alert">{escape(str(error))}</p></div>'


def attempt(work: Callable[[], object]) -> str:
    """Do it; what it says if that is text, or why it could not be done."""
    try:
        result = work()
    except WorkbenchError as error:
        return refused(error)
    return said(result) if isinstance(result, str) else ""
