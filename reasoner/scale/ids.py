"""A set of content ids in 8 bytes each, so that a million traces take 8 MB and not 100.

ids = Ids()
ids.add("00ff00ff00ff00ff")
"00ff00ff00ff00ff" in ids        True
"""

from typing import Any

NEW = 20_000  # ids that are kept in a set, some megabytes, before they join the sorted ones


class Ids:
    """Ids of 16 hex digits, as `content_id` makes them."""

    def __init__(self) -> None:
        import numpy as np

        self._numpy: Any = np
        self._sorted: Any = np.empty(0, np.uint64)
        self._new: set[int] = set()

    def add(self, name: str) -> bool:
        """Take `name` in; False when it was there."""
        if name in self:
            return False
        self._new.add(int(name, 16))
        if len(self._new) >= NEW:
            fresh = self._numpy.fromiter(self._new, self._numpy.uint64, len(self._new))
            self._sorted = self._numpy.union1d(self._sorted, fresh)
            self._new.clear()
        return True

    def __contains__(self, name: str) -> bool:
        number = int(name, 16)
        if number in self._new:
            return True
        place = int(self._sorted.searchsorted(self._numpy.uint64(number)))
        return place < len(self._sorted) and int(self._sorted[place]) == number

    def __len__(self) -> int:
        return len(self._sorted) + len(self._new)
