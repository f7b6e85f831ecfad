"""Values from outside (a REST call, an MCP client, a form): taken if they are what they should be, else refused.

    whole(3.0, "step", 0, 500)      3
    whole("3", "step", 0, 500)      BadInput: step must be a whole number, not '3'.

Gradio validates no types over REST, so the hints of an API function promise nothing about what it gets.
"""

from reasoner.errors import BadInput

MAX_QUESTION = 20_000  # characters; ours: ten times the longest question of MATH-500, and still a quick prompt
MAX_STEPS = 500  # ours: no solution we know has a tenth of it


def text(value: object, name: str, limit: int = 1_000) -> str:
    """`value` if it is a text of at most `limit` characters, else BadInput naming it."""
    if not isinstance(value, str):
        raise BadInput(f"{name} must be a text, not {_short(value)}.")
    if len(value) > limit:
        raise BadInput(f"{name} has {len(value):,} characters; at most {limit:,} are taken. Shorten it.")
    return value


def whole(value: object, name: str, low: int, high: int) -> int:
    """`value` if it is a whole number from `low` to `high`, else BadInput naming it."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # JSON does not tell 3 from 3.0, and browsers send either
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadInput(f"{name} must be a whole number, not {_short(value)}.")
    if not low <= value <= high:
        raise BadInput(f"{name} must be from {low} to {high:,}, not {_short(value)}.")
    return value


def number(value: object, name: str, low: float, high: float) -> float:
    """`value` if it is a number from `low` to `high`, else BadInput naming it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadInput(f"{name} must be a number, not {_short(value)}.")
    if not low <= value <= high:  # so that NaN is refused too
        raise BadInput(f"{name} must be from {low:g} to {high:g}, not {_short(value)}.")
    return float(value)


def choice(value: object, name: str, choices: tuple[str, ...]) -> str:
    """`value` if it is one of `choices`, else BadInput that lists them."""
    if not isinstance(value, str) or value not in choices:
        listed = ", ".join(repr(option) for option in choices)
        raise BadInput(f"{name} must be one of {listed}, not {_short(value)}.")
    return value


def flag(value: object, name: str) -> bool:
    """`value` if it is true or false, else BadInput naming it."""
    if not isinstance(value, bool):
        raise BadInput(f"{name} must be true or false, not {_short(value)}.")
    return value


def steps(value: object) -> list[str]:
    """`value` if it is a list of texts that can be a solution, else BadInput."""
    if not isinstance(value, list) or not value:
        raise BadInput("steps must be a list of texts, one a step, and not empty.")
    if len(value) > MAX_STEPS:
        raise BadInput(f"{len(value):,} steps are too many; at most {MAX_STEPS} are taken.")
    return [text(step, f"step {index}", MAX_QUESTION) for index, step in enumerate(value)]


def _short(value: object) -> str:
    """`value` as a message may show it. Python refuses to print integers of thousands of digits, hence the guard."""
    if isinstance(value, int) and value.bit_length() > 256:
        return "so large a number"
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "…"
