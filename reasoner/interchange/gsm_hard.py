"""GSM-Hard (arXiv 2211.10435, reasoning-machines/pal): GSM8K with large numbers, each with PAL's program.

    {"input": "Janet’s ducks lay 16 eggs …", "code": "\\ndef solution():\\n    eggs = 16\\n …", "target": -9867630.0}

The program becomes one trace, made by "gold", run when it is imported. `target` is a float as Python prints it: the
noise of binary arithmetic is left out (3244047.0999999996 → 3244047.1).

Not covered: the docstrings of the programs, which still ask the question of GSM8K with its own numbers.
"""

import reasoner.interchange.fields as fields
from reasoner.checks.numbers import tidy_number
from reasoner.interchange.family import Family
from reasoner.interchange.fields import Fields, Row
from reasoner.interchange.gsm8k import GOLD
from reasoner.records import make_problem

NAME = "gsm-hard"


def recognise(row: Fields) -> bool:
    return {"input", "code", "target"} <= row.keys()


def read(row: Fields, stem: str) -> Row:
    """One problem with its program."""
    target = fields.answer(row, "target")
    answer = tidy_number(target) if target else None
    problem = make_problem(fields.text(row, "input"), answer, fields.source(NAME, stem))
    code = fields.text(row, "code").strip("\n")
    return problem, [fields.trace(problem, GOLD, text=code, format="program")], []


FAMILY = Family(NAME, "GSM-Hard: question and program", recognise, read)
