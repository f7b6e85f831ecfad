"""TRL's two shapes of training data: stepwise supervision (labels, pairs) and preference (pairs). Out only.

    stepwise    {"prompt": "Ana has …", "completions": ["Ben has 5.", "Cal has 12."], "labels": [true, false], …}
    preference  {"prompt": "Ana has …\\nBen has 5.\\n", "chosen": "Cal has 10.\\n…", "rejected": "Cal has 12.\\n", …}

Steps after the first wrong one are left out: nobody has judged them. TRL's PRM trainer is gone since 1.14, the shape
stayed (TRL documentation, "Dataset formats and types"). The other keys are the provenance; TRL ignores them.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import reasoner.interchange.fields as fields
from reasoner.errors import BadInput
from reasoner.interchange.lines import read_values
from reasoner.records import Label, Pair, Problem, Trace


def write(problem: Problem, trace: Trace, label: Label) -> dict[str, Any] | str:
    """The row of one label, or why there is none."""
    if label.kind not in ("first_wrong", "all_right"):
        return f"a label “{label.kind}” says nothing of the steps"
    texts = fields.step_texts(trace)
    num_right = len(texts) if label.step is None else label.step
    return {
        "prompt": trace.prompt or problem.question,
        "completions": texts[: num_right + 1],
        "labels": ([True] * num_right + [False])[: len(texts)],
        "annotator": label.annotator,
        "created": label.created,
        "label_id": label.id,
        "trace_id": trace.id,
    }


def write_preference(pairs: Iterable[Pair]) -> Iterator[dict[str, Any]]:
    """A row for each pair."""
    for pair in pairs:
        yield {"prompt": pair.prompt, "chosen": pair.chosen, "rejected": pair.rejected, **_provenance(pair)}


def write_stepwise(pairs: Iterable[Pair]) -> Iterator[dict[str, Any]]:
    """Two rows for each pair: the pit is a wrong step, and every step of what was chosen is a right one."""
    for pair in pairs:
        for text, is_right in ((pair.rejected, False), (pair.chosen, True)):
            steps = [line for line in text.splitlines() if line.strip()]
            labels = [is_right] * len(steps)
            yield {"prompt": pair.prompt, "completions": steps, "labels": labels, **_provenance(pair)}


def _provenance(pair: Pair) -> dict[str, Any]:
    keys = ("origin", "by", "step", "chosen_from", "is_whole", "source", "problem_id", "trace_id")
    return {"pair_id": pair.id, **{key: getattr(pair, key) for key in keys}}


def read_pairs(path: Path) -> list[Pair]:
    """The pairs of a file that `python -m training pairs --out FILE` wrote. Raises BadInput with the line's number."""
    pairs = []
    for number, value in read_values(path):
        try:
            if isinstance(value, BadInput):
                raise value
            pairs.append(Pair(**value))
        except (TypeError, BadInput) as error:
            raise BadInput(f"{path}, line {number} is no preference pair: {error}") from error
    return pairs
