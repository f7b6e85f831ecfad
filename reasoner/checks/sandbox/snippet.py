"""What running one snippet gave, and how much of it is kept.

    x = 41 + 26
    print("so", x)
    x                   → Snippet(output="so 67\\n", value="67", error="", variables={"x": "67"}, seconds=0.0003)

Everything in a Snippet was written by the program that ran: it is text to show, escaped, and never to trust.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

MAX_SOURCE = 50_000  # characters of a snippet; ours: the longest of GSM-Hard's programs has 1,800
MAX_OUTPUT = 20_000  # characters printed by one snippet that are kept
MAX_TEXT = 2_000  # characters of a value, of a variable's value
MAX_ERROR = 500  # characters of an error
MAX_VARIABLES = 200  # changed variables told of one snippet
CUT = " … (cut)"
ENDED = "WorkerEnded: the interpreter's process ended over this snippet"


@dataclass(frozen=True)
class Snippet:
    """What one snippet gave. `answer` is filled by `run_program` alone."""

    output: str = ""  # what it printed, standard error included
    value: str = ""  # repr of its last expression; "" when there is none or it is None
    error: str = ""  # "Type: message", "" when it ran to its end
    variables: Mapping[str, str] = field(default_factory=dict)  # plain variables it changed: name → repr
    seconds: float = 0.0  # by the clock, waiting for a worker included
    answer: str | None = None
    worker: str = "monty"  # "monty" or "cpython": where it ran


@dataclass(frozen=True)
class Answer:
    """What a worker said of one snippet; `variables` are all plain ones, changed or not."""

    output: str = ""
    value: str = ""
    error: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    is_lost: bool = False  # the worker ended or was killed over it: its state is gone
    did_finish: bool = True  # False: stopped by a limit, so running it again gives no state either


def cut(text: str, length: int) -> str:
    """At most so many characters, and a sign that there were more."""
    return text if len(text) <= length else text[: length - len(CUT)] + CUT


def late(seconds: float) -> str:
    """The error of a snippet that was stopped."""
    return f"TimeoutError: stopped after {seconds:g} s"
