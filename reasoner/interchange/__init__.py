"""Files of other projects, in and out: one file a family of formats.

import_file(store, "train.jsonl")                     recognised by content, or named: format="gsm8k"
import_hub(store, "openai/gsm8k", split="train", config="main")
export_file(store, "processbench", "labels.jsonl")

families.py    the table of formats read      exporting.py   the table of shapes written
lines.py       a file → JSON values           fields.py      a foreign row's fields, checked
"""

from reasoner.interchange.exporting import PAIR_SHAPES, SHAPES, export_file, export_pairs, export_text
from reasoner.interchange.families import FAMILIES
from reasoner.interchange.hub import import_hub
from reasoner.interchange.importing import import_file, import_values

__all__ = [
    "FAMILIES",
    "PAIR_SHAPES",
    "SHAPES",
    "export_file",
    "export_pairs",
    "export_text",
    "import_file",
    "import_hub",
    "import_values",
]
