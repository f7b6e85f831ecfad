"""Work on many items whose results go to a file as they come: a kill loses the chunk under way and nothing else.

    rows = in_chunks(path, problems, lambda some: [{"answer": ask(one)} for one in some], size=32)

One line an item, in the items' order; a torn last line is cut off and its item done again.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from reasoner.errors import RunError

Item = TypeVar("Item")
Row = dict[str, Any]


def in_chunks(
    path: Path,
    items: Sequence[Item],
    work: Callable[[Sequence[Item]], list[Row]],
    size: int = 32,
    follow: Callable[[int, int], None] = lambda done, total: None,
) -> list[Row]:
    """The row of every item. Raises RunError for a file of more rows than there are items, and as `work` does."""
    rows = _known(path)
    if len(rows) > len(items):
        raise RunError(f"{path} holds rows of other items: delete the folder {path.parent} and run again.")
    follow(len(rows), len(items))
    with path.open("ab", buffering=0) as file:
        while len(rows) < len(items):
            made = work(items[len(rows) : len(rows) + size])
            file.write("".join(json.dumps(row, ensure_ascii=True) + "\n" for row in made).encode())
            rows += made
            follow(len(rows), len(items))
    return rows


def _known(path: Path) -> list[Row]:
    """The whole rows of the file, what follows them cut off."""
    if not path.exists():
        return []
    rows, end = [], 0
    with path.open("r+b") as file:
        for line in file:
            try:
                row = json.loads(line) if line.endswith(b"\n") else None
            except ValueError:
                row = None
            if not isinstance(row, dict):
                break
            rows.append(row)
            end += len(line)
        file.truncate(end)
    return rows
