"""Files that are there whole or not at all."""

import json
import os
from pathlib import Path
from typing import Any


def write_json(value: Any, path: Path) -> None:
    """Write `value` in one piece: a reader sees all of it or none, whenever this process is killed."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8")
    os.replace(partial, path)
