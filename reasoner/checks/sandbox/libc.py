"""The C library of this process, for the kernel's calls that Python has no function for.

libc().prctl(38, 1, 0, 0, 0)      → 0, or -1 and ctypes.get_errno()
"""

import ctypes
from functools import cache


@cache
def libc() -> ctypes.CDLL:
    """Loaded once; a forked worker inherits it."""
    return ctypes.CDLL(None, use_errno=True)
