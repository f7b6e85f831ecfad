"""Plain expressions are compared exactly where that is possible; bombs of answers leave the next one judged."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoner.checks import answers
from reasoner.checks.answers import equal_answers
from reasoner.checks.identities import same_expression
from reasoner.checks.sandbox.limits import kernel_limits


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("(x+3)(x-8)", "x^2-5x-24", True),
        ("(x+3)(x-8)", "x^2-5x-25", False),
        ("\\frac{x^2-1}{x-1}", "x+1", True),
        ("a(b+c)", "ab + ac", True),
        ("p-q", "q-p", False),
        ("2\\pi r", "2 r \\cdot \\pi", True),
        ("2^{100}", "2^{100}+1", False),
        ("3\\sqrt{13}", "\\sqrt{118}", False),
        ("\\frac{\\sqrt{3}}{2}", "\\frac{\\sqrt{2}}{2}", False),
        ("1+\\sqrt{5}", "\\sqrt{5}-1", False),
    ],
)
def test_exact_values_decide(one: str, other: str, same: bool) -> None:
    assert same_expression(one, other) is same
    assert same_expression(other, one) is same
    assert equal_answers(one, other) is same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3\\sqrt{13}", "\\sqrt{117}"),  # sixty equal digits are no proof
        ("1/2x", "x/2"),  # (1/2)x or 1/(2x)?
        ("x+1", "X+1"),  # one letter or two?
        ("6-5i", "5i"),
        ("e^x", "e^x"),
        ("0.5x", "x/2"),
        ("x=5", "5"),
        ("1,2", "2,1"),
        ("52_8", "42"),
        ("9^{9^9}", "3"),
        ("\\sin x", "x"),
        ("(x", "x"),
        ("x" * 300, "x"),
        ("", "x"),
    ],
)
def test_what_they_do_not_decide_is_left_to_others(one: str, other: str) -> None:
    assert same_expression(one, other) is None


@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(-50, 50))
def test_a_product_is_the_same_as_its_expansion_and_nothing_beside_it(a: int, b: int, off: int) -> None:
    product, expanded = f"(x+({a}))(x-({b}))", f"x^2+({a - b})x-({a * b - off})"
    assert same_expression(product, expanded) is (off == 0)


@given(st.text(alphabet="xyπ0123456789+-*/^(){}\\sqrtfac ", max_size=40), st.text(max_size=20))
def test_any_two_texts_are_compared_or_left(one: str, other: str) -> None:
    assert same_expression(one, other) in (True, False, None)
    assert same_expression(one, one) in (True, None)


# Bombs.

BOMBS = [
    ("9^{9^{9^{9}}}", "x+1"),
    ("x^{x^{x^{x}}}+1", "x^{x^{x}}+x"),
    ("\\frac{" * 60 + "x" + "}{2}" * 60, "y+1"),
    ("\\sqrt{" * 80 + "x" + "}" * 80, "x^2+1"),
    ("10000000!!+x", "x"),
    ("\\left\\{" + ",".join(f"x^{{{i}}}" for i in range(200)) + "\\right\\}", "\\{1, 2\\}"),
    ("+".join(f"\\sqrt{{{p}}}" for p in range(2, 40)), "+".join(f"\\sqrt{{{p}}}" for p in range(3, 41))),
]


@pytest.mark.parametrize(("gold", "answer"), BOMBS, ids=range(len(BOMBS)))
def test_a_bomb_is_never_right_and_the_next_answer_is_judged(
    gold: str, answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers._worker, "_seconds", 0.5)  # it is killed from outside
    assert equal_answers(gold, answer) in (False, None)
    monkeypatch.setattr(answers._worker, "_seconds", 30.0)  # a new worker on a busy machine
    number = random.randint(2, 10**9)
    assert equal_answers(f"\\{{{number}, x\\}}", f"\\{{x, {number}\\}}") is True


def test_the_worker_gives_up_every_right_it_does_not_need() -> None:
    equal_answers("\\{1, x\\}", "\\{x, 1\\}")
    assert answers._worker.limits == kernel_limits()
