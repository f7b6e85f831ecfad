"""What an interpreter wrote into a solution is no model's doing: nothing of it is preferred.

    chosen   "Ben_coins = 41 + 26\\n</code>\\nOutput: 67\\nFinal Answer: 67"     sampled, the interpreter in turn
    …        "Ben_coins = 41 + 26\\n</code>\\n"                                  what a pair prefers of it

TRL learns every token of a plain-text completion, and has no mask for some in its middle; so what is preferred ends
where the interpreter first speaks, as Step-DPO's chosen ends after one step (arXiv 2406.18629). MARIO (arXiv
2401.08190) masks nothing and says nothing of it.
"""

from reasoner.formats import FORMATS
from reasoner.formats.text_code import interpreter_spans


def before_output(format: str, prefix: str, text: str) -> tuple[str, bool]:
    """(`text` up to the interpreter's first word, is it still whole?); `prefix` is the solution that it goes on with.

    The text is empty when the interpreter speaks first.
    """
    if format not in FORMATS or not FORMATS[format].code_ends:
        return text, True
    spans = interpreter_spans(text, prefix)
    return (text[: spans[0][0]], False) if spans else (text, True)
