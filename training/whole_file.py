"""Files that are there whole or not at all."""

import json
import os
from pathlib import Path
from typing import Any


def write_json(value: Any, path: Path) -> None:
    """Write `value` in one piece: a reader sees all of it or none, whenever this process is killed."""
    write_text(json.dumps(value, indent=1, ensure_ascii=False), path)


def write_text(text: str, path: Path) -> None:
    """Write `text` in one piece."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)
