"""The example solutions of openai/grade-school-math: four models' solutions of each GSM8K test problem.

    {"question": "…", "ground_truth": "…\\nA: 18", "6b_finetuning": {"is_correct": false, "solution": "…\\nA: 26"}, …}

The verdict is our own equality's; it agrees with all 5,276 `is_correct` flags of the file.
"""

import reasoner.interchange.fields as fields
from reasoner.errors import BadInput
from reasoner.interchange.family import Family
from reasoner.interchange.fields import Fields, Row
from reasoner.interchange.gsm8k import GOLD
from reasoner.records import Maker, make_problem


def recognise(row: Fields) -> bool:
    return "ground_truth" in row and any(_is_solution(value) for value in row.values())


def _is_solution(value: object) -> bool:
    return isinstance(value, dict) and "solution" in value and "is_correct" in value


def read(row: Fields, stem: str) -> Row:
    """One problem with its gold solution and each model's."""
    gold = fields.text(row, "ground_truth")
    _, mark, answer = gold.rpartition("\nA:")
    if not mark or not answer.strip():
        raise BadInput("no answer: the last line of “ground_truth” must be “A: ” and the answer")
    problem = make_problem(fields.text(row, "question"), answer.strip(), "gsm8k/test", solution=gold)
    traces = [fields.trace(problem, GOLD, text=gold, found=answer.strip())]
    for model, value in row.items():
        if _is_solution(value):
            traces.append(fields.trace(problem, Maker("import", model), text=fields.text(value, "solution")))
    return problem, traces, []


FAMILY = Family("example-solutions", "OpenAI's GSM8K example solutions", recognise, read)
