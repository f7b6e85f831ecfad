"""The table of formats that can be read, in the order in which they are tried on a file's first row."""

from reasoner.errors import BadInput
from reasoner.interchange.bigbench_mistake import FAMILY as BIGBENCH_MISTAKE
from reasoner.interchange.example_solutions import FAMILY as EXAMPLE_SOLUTIONS
from reasoner.interchange.family import Family
from reasoner.interchange.gsm8k import FAMILY as GSM8K
from reasoner.interchange.gsm_hard import FAMILY as GSM_HARD
from reasoner.interchange.mr_gsm8k import FAMILY as MR_GSM8K
from reasoner.interchange.pits import FAMILY as PITS
from reasoner.interchange.plain import FAMILY as PLAIN
from reasoner.interchange.prm800k import FAMILY as PRM800K
from reasoner.interchange.processbench import FAMILY as PROCESSBENCH
from reasoner.interchange.tora import FAMILY as TORA

FAMILIES = {
    family.name: family
    for family in (
        *(PRM800K, MR_GSM8K, BIGBENCH_MISTAKE, PROCESSBENCH, EXAMPLE_SOLUTIONS, TORA, GSM_HARD, GSM8K),
        PITS,
        PLAIN,
    )
}
"""Name → format. Plain comes last: it takes whatever has a question."""


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
