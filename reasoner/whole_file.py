"""Files that are there whole or not at all.

write_json({"done": 3}, folder / "counts.json")     written to .counts.json.4711.partial, then renamed
"""

import json
import os
from pathlib import Path
from typing import Any


def write_json(value: Any, path: Path) -> None:
    """Write `value` in one piece. As `write_text`."""
    write_text(json.dumps(value, indent=1, ensure_ascii=False), path)


def write_text(text: str, path: Path) -> None:
    """Write `text` in one piece: a reader sees all of it or none, whenever this process or its machine dies.

    Raises OSError, and then leaves nothing behind.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
