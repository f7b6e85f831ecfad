"""First pits as one JSON object a line, in and out; what we export, we import again to the same records.

    {"question": "Ana has 3 coins. …", "answer": "5", "steps": ["Ben has 3 + 2 = 6 coins.", "The answer is 6."], …,
     "pit": {"id": "91ab…", "step": 0, "method": "adaptive", "k": 4, "posterior": [0.94, 0.04, 0.02],
             "judged_by": "gold", "ended": "the step named is sure enough", "maker": {…}, "probes": […], …},
     "recovery": [{"step": 0, "successes": 0, "tries": 4, "rate": 0.0, "low": 0.0, "high": 0.44}]}

The columns of problem and solution are the plain format's (plain.py). `step` is the 0-based pit, null where no prefix
is one; `posterior` has one chance a step and a last one for none. `recovery` (reasoner/recovery.py) follows from the
probes: how often the answer was reached from each prefix, with its interval; it is written for readers, and read by
nobody here.

A solution whose steps cannot be had again from the row (other steps, another maker) gets another id; its pit goes with
it.
"""

from dataclasses import asdict, replace
from typing import Any

import reasoner.interchange.fields as fields
import reasoner.interchange.plain as plain
from reasoner.errors import BadInput
from reasoner.interchange.family import Family
from reasoner.interchange.fields import Fields, Row
from reasoner.records import Maker, Pit, Probe, Problem, Trace
from reasoner.recovery import recovery

NAME = "pits"
_MISSING = "wrong kind of value: “pit” has no usable"


def recognise(row: Fields) -> bool:
    return isinstance(row.get("pit"), dict) and plain.recognise(row)


def read(row: Fields, stem: str) -> Row:
    """One problem, its explored solution, its label if there is one, and the pit."""
    problem, traces, labels = plain.read(row, stem)[:3]
    given = row.get("pit")
    if not isinstance(given, dict):
        raise BadInput("no pit: “pit” is no object")
    if not traces:
        raise BadInput("pit without a solution: “steps” or “text” is missing")
    return problem, traces, labels, [_pit(given, traces[0])]


def _pit(given: Fields, trace: Trace) -> Pit:
    posterior = given.get("posterior") or []
    step, k = given.get("step"), given.get("k")
    if step is not None:
        step = fields.index(step, len(trace.steps))
    if not isinstance(posterior, list) or not all(_is_number(chance) for chance in posterior):
        raise BadInput(f"{_MISSING} “posterior”: a list of numbers")
    if not isinstance(k, int) or isinstance(k, bool):
        raise BadInput(f"{_MISSING} “k”: a whole number")
    judged_by = fields.optional(given, "judged_by") or "gold"
    if judged_by not in ("gold", "agreement"):
        raise BadInput(f"{_MISSING} “judged_by”: gold or agreement")
    return Pit(
        id=fields.text(given, "id"),
        trace_id=trace.id,
        problem_id=trace.problem_id,
        step=step,
        method=fields.text(given, "method"),
        k=k,
        probes=tuple(_probe(probe) for probe in _list(given, "probes")),
        maker=_maker(given),
        created=fields.seconds(given, "created"),
        seconds=fields.seconds(given, "seconds"),
        posterior=tuple(float(chance) for chance in posterior),
        judged_by=judged_by,  # type: ignore[arg-type]
        ended=fields.optional(given, "ended"),
    )


def _maker(given: Fields) -> Maker:
    """As in the plain format; the one who explored, not the one who wrote the solution."""
    return plain.maker_of(given) if isinstance(given.get("maker"), dict) else Maker("import")


def _probe(given: Any) -> Probe:
    if not isinstance(given, dict):
        raise BadInput(f"{_MISSING} “probes”: one of them is no object")
    step, tokens = given.get("step"), given.get("num_tokens", 0)
    if any(isinstance(number, bool) or not isinstance(number, int) for number in (step, tokens)):
        raise BadInput(f"{_MISSING} “probes”: one has no whole number as step or tokens")
    completions, recovered = _list(given, "completions"), _list(given, "recovered")
    is_cut, is_passing = _list(given, "is_cut"), given.get("is_passing", False)
    if not all(isinstance(text, str) for text in completions):
        raise BadInput(f"{_MISSING} “probes”: a completion is no text")
    if not all(isinstance(flag, bool) for flag in (*recovered, *is_cut, is_passing)):
        raise BadInput(f"{_MISSING} “probes”: “recovered” holds true and false alone")
    prompt = fields.optional(given, "prompt")
    return Probe(step, tuple(completions), tuple(recovered), tokens, prompt, tuple(is_cut), is_passing)  # type: ignore[arg-type]


def _list(given: Fields, key: str) -> list[Any]:
    value = given.get(key) or []
    if not isinstance(value, list):
        raise BadInput(f"{_MISSING} “{key}”: a list")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def write(problem: Problem, trace: Trace, pit: Pit) -> dict[str, Any]:
    """The row of one pit."""
    found = asdict(replace(pit, probes=())) | {"probes": [asdict(probe) for probe in pit.probes]}
    del found["trace_id"], found["problem_id"]
    about = {"pit": found, "recovery": [asdict(one) for one in recovery(trace, problem, pit)]}
    return plain.write(problem, trace, None) | about


FAMILY = Family(NAME, "first pits with their evidence, as we export them", recognise, read)
