"""BIG-Bench-Mistake (arXiv 2311.08516, WHGTyen/BIG-Bench-Mistake): PaLM 2's solutions with their first mistake.

    {"input": "((-5 + 9 …) =", "steps": ["…", "…"], "target": "88", "answer": "12", "mistake_index": 3}

`mistake_index` is 0-based, null where all steps are right.
"""

import reasoner.interchange.fields as fields
from reasoner.errors import BadInput
from reasoner.interchange.family import Family
from reasoner.interchange.fields import Fields, Row
from reasoner.records import Maker, make_problem

NAME = "bigbench-mistake"
PALM = Maker("import", "PaLM 2")  # the data set says so of all its solutions


def recognise(row: Fields) -> bool:
    return "mistake_index" in row and "steps" in row


def read(row: Fields, stem: str) -> Row:
    """One problem with one labelled solution."""
    if "mistake_index" not in row:
        raise BadInput("no label: “mistake_index” is missing")
    problem = make_problem(fields.text(row, "input"), fields.answer(row, "target"), fields.source(NAME, stem))
    texts = fields.steps(row.get("steps"))
    trace = fields.trace(problem, PALM, texts=texts, found=fields.answer(row, "answer"))
    value = row["mistake_index"]
    step = None if value is None else fields.index(value, len(texts))
    return problem, [trace], [fields.first_wrong(trace, NAME, step)]


FAMILY = Family(NAME, "BIG-Bench-Mistake: first mistake", recognise, read)
