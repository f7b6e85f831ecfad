"""The table of formats that can be read, in the order in which they are tried on a file's first row."""

from collections.abc import Callable
from dataclasses import dataclass

from reasoner.errors import BadInput
from reasoner.interchange import bigbench_mistake, example_solutions, gsm8k, mr_gsm8k, plain, prm800k, processbench
from reasoner.interchange.fields import Fields, Row


@dataclass(frozen=True, slots=True)
class Family:
    """One format of other people's files."""

    name: str  # what --format takes
    title: str  # for a person, one line
    recognise: Callable[[Fields], bool]  # is a row with these fields of this format?
    read: Callable[[Fields, str], Row]  # (row, the file's stem) → records; raises BadInput


FAMILIES = {
    family.name: family
    for family in (
        Family("prm800k", "PRM800K: a rating per step", prm800k.recognise, prm800k.read),
        Family("mr-gsm8k", "MR-GSM8K: first error step and its reason", mr_gsm8k.recognise, mr_gsm8k.read),
        Family(
            "bigbench-mistake", "BIG-Bench-Mistake: first mistake", bigbench_mistake.recognise, bigbench_mistake.read
        ),
        Family("processbench", "ProcessBench: first wrong step", processbench.recognise, processbench.read),
        Family(
            "example-solutions", "OpenAI's GSM8K example solutions", example_solutions.recognise, example_solutions.read
        ),
        Family("gsm8k", "GSM8K: question and solution", gsm8k.recognise, gsm8k.read),
        Family("plain", "plain JSON Lines: question, answer, steps or text …", plain.recognise, plain.read),
    )
}


def family_named(name: str) -> Family:
    """Raises BadInput when there is no such format."""
    if name not in FAMILIES:
        raise BadInput(f"There is no format “{name}” to import. There are: {', '.join(FAMILIES)}.")
    return FAMILIES[name]


def recognise(row: object) -> Family | None:
    """The first format that a row with these fields may be of."""
    if not isinstance(row, dict):
        return None
    return next((family for family in FAMILIES.values() if family.recognise(row)), None)
