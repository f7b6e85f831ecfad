"""How a solution is written: one file a format, all the same shape.

FORMATS["transitions"].parse("Formalize: find Ben's coins\nSummarize: the answer is 5")   → two steps
"""

from reasoner.errors import BadInput
from reasoner.formats.cot import COT
from reasoner.formats.equations import EQUATIONS
from reasoner.formats.format import Format, Reading
from reasoner.formats.program import PROGRAM
from reasoner.formats.specification import SPECIFICATION
from reasoner.formats.text_code import TEXT_CODE
from reasoner.formats.transitions import TRANSITIONS

FORMATS: dict[str, Format] = {
    format.name: format for format in (TRANSITIONS, COT, PROGRAM, TEXT_CODE, EQUATIONS, SPECIFICATION)
}

__all__ = ["FORMATS", "Format", "Reading", "format_named"]


def format_named(name: str) -> Format:
    """The format of that name. Raises BadInput with the names there are."""
    try:
        return FORMATS[name]
    except KeyError:
        raise BadInput(f'There is no format "{name}": choose {" or ".join(FORMATS)}.') from None
