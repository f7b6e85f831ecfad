"""ToRA's outputs (arXiv 2309.17452, microsoft/ToRA): a model's solutions in words, code and outputs.

    {"idx": 0, "question": "Janet’s ducks lay 16 eggs …", "gt_cot": "…", "gt": "18",
     "code": ["```python\\n…\\nprint(money)\\n```\\n```output\\n18\\n```\\nJanet makes $\\\\boxed{18}$ dollars."],
     "pred": ["18"]}

Each sample of `code` is one solution; what its steps give is what running it gives now, and outputs that differ from
those recorded say so. `pred` is the answer as ToRA read it.
"""

import reasoner.interchange.fields as fields
from reasoner.errors import BadInput
from reasoner.interchange.family import Family
from reasoner.interchange.fields import Fields, Row
from reasoner.records import Maker, make_problem

NAME = "tora"


def recognise(row: Fields) -> bool:
    return {"question", "gt", "code", "pred"} <= row.keys()


def read(row: Fields, stem: str) -> Row:
    """One problem with all its solutions."""
    solution = fields.optional(row, "gt_cot")
    problem = make_problem(
        fields.text(row, "question"), fields.answer(row, "gt"), fields.source(NAME, stem), solution=solution
    )
    samples, answers = row.get("code"), row.get("pred")
    if not isinstance(samples, list) or not all(isinstance(sample, str) for sample in samples):
        raise BadInput("wrong kind of value: “code” is no list of texts")
    if not isinstance(answers, list) or len(answers) != len(samples):
        raise BadInput("wrong kind of value: “pred” is no list as long as “code”")
    maker = Maker("import", fields.optional(row, "model") or "ToRA")
    traces = [
        fields.trace(problem, maker, text=sample, found=fields.answer({"pred": answer}, "pred"), format="text_code")
        for sample, answer in zip(samples, answers, strict=True)
        if sample.strip()
    ]
    return problem, list({trace.id: trace for trace in traces}.values()), []


FAMILY = Family(NAME, "ToRA: words, code and outputs", recognise, read)
