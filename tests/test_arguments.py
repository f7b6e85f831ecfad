"""Values from outside are taken when they are what they should be, else refused in words."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoner import arguments
from reasoner.errors import BadInput

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)

CHECKS: dict[str, tuple[Callable[[object], object], type]] = {
    "text": (lambda value: arguments.text(value, "question", 20), str),
    "whole": (lambda value: arguments.whole(value, "step", 0, 500), int),
    "number": (lambda value: arguments.number(value, "temperature", 0.0, 2.0), float),
    "choice": (lambda value: arguments.choice(value, "kind", ("unsure", "skip")), str),
    "flag": (lambda value: arguments.flag(value, "merge"), bool),
    "steps": (arguments.steps, list),
}


@pytest.mark.parametrize("name", CHECKS)
@given(value=JSON)
def test_any_json_is_either_taken_as_the_right_type_or_refused_in_a_short_message(name: str, value: object) -> None:
    check, kind = CHECKS[name]
    try:
        assert isinstance(check(value), kind)
    except BadInput as error:
        assert 0 < len(str(error)) < 300


@pytest.mark.parametrize(
    ("check", "value"),
    [
        ("whole", True),
        ("whole", "3"),
        ("whole", 2.5),
        ("whole", -1),
        pytest.param("whole", 10**5000, id="whole-huge"),
        ("number", float("nan")),
        ("number", float("inf")),
        ("number", "0.7"),
        ("text", 7),
        pytest.param("text", "x" * 21, id="text-long"),
        ("choice", "first_wrong"),
        ("choice", ["skip"]),
        ("flag", 1),
        ("steps", []),
        ("steps", "one step"),
        ("steps", ["a", 3]),
        ("steps", ["a"] * 501),
    ],
)
def test_wrong_values_are_refused(check: str, value: object) -> None:
    with pytest.raises(BadInput):
        CHECKS[check][0](value)


def test_a_whole_number_may_come_as_a_float_because_json_does_not_tell_them_apart() -> None:
    assert arguments.whole(3.0, "step", 0, 5) == 3
    assert type(arguments.whole(3.0, "step", 0, 5)) is int
