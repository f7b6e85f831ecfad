"""GSM8K (arXiv 2110.14168, openai/grade-school-math): a question and its solution, the last line `#### 72`.

    {"question": "Natalia sold clips to 48 of her friends …", "answer": "Natalia sold 48/2 = <<48/2=24>>24 …\\n#### 72"}

The solution becomes the problem's gold solution and one trace, made by "gold", so that its graph is not empty.
"""

import reasoner.interchange.fields as fields
from reasoner.errors import BadInput
from reasoner.interchange.family import Family
from reasoner.interchange.fields import Fields, Row
from reasoner.records import Maker, make_problem

NAME = "gsm8k"
GOLD = Maker("import", "gold")


def recognise(row: Fields) -> bool:
    return isinstance(row.get("question"), str) and "####" in str(row.get("answer")) and "steps" not in row


def read(row: Fields, stem: str) -> Row:
    """One problem with its gold solution."""
    solution = fields.text(row, "answer")
    _, mark, answer = solution.rpartition("####")
    if not mark or not answer.strip():
        raise BadInput("no answer: the last line must be “#### ” and the answer")
    problem = make_problem(fields.text(row, "question"), answer.strip(), fields.source(NAME, stem), solution=solution)
    return problem, [fields.trace(problem, GOLD, text=solution, found=answer.strip())], []


FAMILY = Family(NAME, "GSM8K: question and solution", recognise, read)
