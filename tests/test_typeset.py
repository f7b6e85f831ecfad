"""Text as HTML: nothing of a person's or a model's gets through unescaped; money stays money; quantities are marked."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from reasoner.typeset import quantity_of, to_mathml, typeset

ALLOWED = re.compile(r"span|math|m[a-z]+|none")
HOSTILE = [
    r"$\text{<script>alert(1)</script>}$",
    r"\(\href{javascript:alert(1)}{x}\)",
    r"$\class{a\" onload=alert(1)}{x^2}$",
    r"$\style{background:url(x)}{x^2}$",
    r"\[\color{red\" onmouseover=\"alert(1)}{x}\]",
    "<img src=x onerror=alert(1)>",
    "<<<script>1</script>>>",
    "$x<y$ & <b>7</b>",
]


class Reader(HTMLParser):
    """What a browser would see of a piece of HTML."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.words = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.words += data


def is_harmless(text: str) -> bool:
    seen = Reader(text)
    bad = {name for name in seen.attributes if name.startswith("on") or name in ("href", "style", "src", "id")}
    return all(ALLOWED.fullmatch(tag) for tag in seen.tags) and not bad


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_and_latex_become_harmless(text):
    assert is_harmless(typeset(text, {"<b>"}))


PIECES = some.sampled_from(
    [*HOSTILE, "$", "$$", "\\(", "\\)", "{", "}", "\\frac", "\\left(", "^", "_", "&", "<", ">", '"', "3", " "]
)


@settings(max_examples=300, deadline=None)
@given(some.lists(PIECES | some.text(max_size=6), max_size=12).map("".join))
def test_any_text_is_harmless_html(text):
    assert is_harmless(typeset(text, {"ben's coins", "<i>"}))


@given(some.text(alphabet=some.characters(exclude_characters="$\\\r"), max_size=200))
def test_without_latex_the_words_are_kept_exactly(text):
    assert Reader(typeset(text)).words.replace("\r", "") == text.replace("\r", "")


@pytest.mark.parametrize(
    "text", ["$5 and $6", "She has $5+$3 = $8", "It costs $20 - $5.", "from $18 to $ 20", "pays $2 per egg, $18 a day"]
)
def test_money_is_not_latex(text):
    assert "<math" not in typeset(text)


@pytest.mark.parametrize(
    "text", ["$x$", r"$\frac{1}{2}$", r"\(2\)", r"\[x\]", "$$1$$", "$x + 1 = y$", r"is \boxed{64}."]
)
def test_latex_is_typeset(text):
    assert "<math" in typeset(text)


@pytest.mark.parametrize("formula", [r"\frac{", "{" * 3000, "^" * 50, r"\left(\right", r"\begin{pmatrix}", "x" * 2001])
def test_latex_that_cannot_be_read_stays_as_written(formula):
    assert to_mathml(formula) is None


def test_quantities_are_the_same_however_they_are_written():
    marked = typeset("three eggs and 3 eggs, 1,000 and 1000.50, Ben's coins", {"ben's coins"})
    assert re.findall(r'data-quantity="([^"]*)"', marked) == ["3", "3", "1000", "1000.5", "ben coins"]
    assert quantity_of("2.50") == "2.5"


def test_calculator_marks_are_set_apart_and_their_numbers_left_alone():
    assert typeset("3<<3+4=7>>7") == (
        '<span class="quantity" data-quantity="3">3</span><span class="calculator">&lt;&lt;3+4=7&gt;&gt;</span>'
        '<span class="quantity" data-quantity="7">7</span>'
    )
