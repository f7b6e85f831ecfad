"""Landlock: from here on this process may read only the folders and files it names, and write nowhere.

    landlock_version()                      → 7 (Linux 6.15), 0 where the kernel has none
    restrict_files(["/usr/lib/python3.11"])

Cannot be undone by the process or what it starts. Where the kernel can, TCP, abstract Unix sockets and signals to
processes outside are shut as well. Source: linux/landlock.h, https://docs.kernel.org/userspace-api/landlock.html

Not covered: reading a file's size and dates (stat), and files that were open before.
"""

import ctypes
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from reasoner.checks.sandbox.libc import libc

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on every architecture
VERSION_FLAG = 1
PATH_BENEATH = 1
READ_FILE, READ_DIR = 1 << 2, 1 << 3
RIGHTS = ((1, 13), (2, 14), (3, 15), (5, 16))  # version of Landlock → how many rights over files it knows
TCP_VERSION, TCP = 4, 0b11  # bind, connect
SCOPE_VERSION, SCOPES = 6, 0b11  # abstract Unix sockets, signals


class _Ruleset(ctypes.Structure):
    _fields_ = [("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32)]


def landlock_version() -> int:
    """The kernel's version of Landlock; 0 where there is none."""
    if sys.platform != "linux":
        return 0
    return max(0, int(libc().syscall(CREATE_RULESET, None, ctypes.c_size_t(0), VERSION_FLAG)))


def restrict_files(readable: Sequence[str | Path]) -> None:
    """Let this process read beneath these paths, and nothing else of the file system. Raises OSError."""
    version = landlock_version()
    if not version:
        raise OSError("this kernel has no Landlock")
    rules = _Ruleset(
        (1 << max(bits for first, bits in RIGHTS if version >= first)) - 1,
        TCP if version >= TCP_VERSION else 0,
        SCOPES if version >= SCOPE_VERSION else 0,
    )
    size = 24 if version >= SCOPE_VERSION else 16 if version >= TCP_VERSION else 8
    ruleset = _checked(libc().syscall(CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(size), 0))
    try:
        for path in readable:
            _allow(ruleset, path)
        _checked(libc().syscall(RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str | Path) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # not there: nothing to allow
        return
    try:
        rule = _PathBeneath(READ_FILE | READ_DIR if os.path.isdir(path) else READ_FILE, opened)
        _checked(libc().syscall(ADD_RULE, ruleset, PATH_BENEATH, ctypes.byref(rule), 0))
    finally:
        os.close(opened)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"Landlock: {os.strerror(number)}")
    return int(result)
