"""Limits that a worker process puts on itself before it touches anything that is not ours to trust.

    import sympy                                   # first everything that is needed, then:
    apply_limits(memory=2 << 30)                   → ("no-new-privileges", "rlimits", "landlock", "seccomp")

After it this process and its threads can read the libraries of this Python and nothing else, write no file, open no
socket (TCP, UDP, Unix), start no process, send no signal, and grow no further than `memory`. What was open before
(the pipe to the parent) stays open. It cannot be undone. Limits that the kernel lacks are left out: the result says
which are on; `kernel_limits()` says it beforehand, without applying anything.

Not covered: time by the clock (the parent kills the worker), the content of the libraries' folders, which stays
readable, and what the process knew before.
"""

import contextlib
import ctypes
import site
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from reasoner.checks.sandbox.landlock import landlock_version, restrict_files
from reasoner.checks.sandbox.libc import libc
from reasoner.checks.sandbox.seccomp import SET_NO_NEW_PRIVILEGES, has_seccomp, restrict_calls

WORDS = {
    "no-new-privileges": "No capability of the system's, and no way to gain one.",
    "rlimits": "Memory, processor time, open files and the size of files are bounded.",
    "landlock": "Only the libraries' folders can be read; nothing can be written.",
    "seccomp": "No network (TCP, UDP, Unix sockets), no other process, no signal: the kernel refuses the calls.",
}
LIMITS = tuple(WORDS)
SET_DUMPABLE, SET_DEATH_SIGNAL, DROP_BOUNDING = 4, 1, 24  # prctl
CAPABILITY_VERSION = 0x20080522
NUM_CAPABILITIES = 41
NUM_OPEN_FILES = 64


def kernel_limits() -> tuple[str, ...]:
    """Which of LIMITS this system has."""
    linux = sys.platform == "linux"
    has = {
        "no-new-privileges": linux,
        "rlimits": sys.platform != "win32",
        "landlock": landlock_version() > 0,
        "seccomp": has_seccomp(),
    }
    return tuple(limit for limit in LIMITS if has[limit])


def describe() -> list[tuple[str, bool, str]]:
    """(limit, does this system have it, what it means) for a person."""
    return [(limit, limit in kernel_limits(), words) for limit, words in WORDS.items()]


def apply_limits(
    *,
    memory: int,
    cpu_seconds: int | None = None,
    threads: bool = True,
    forks: bool = False,
    readable: Sequence[str | Path] | None = None,
    limits: Sequence[str] = LIMITS,
) -> tuple[str, ...]:
    """Put on those of `limits` that the kernel has, and return their names. Raises OSError when one is refused.

    memory: bytes of address space. cpu_seconds: of this process in all. threads: may it start threads (Z3's timeout
    is one)? forks: may it start processes, as long as seccomp is not among `limits` (a zygote, whose workers inherit
    what it has put on)? readable: the paths that stay readable, `library_paths()` by default.
    """
    wanted = [limit for limit in kernel_limits() if limit in limits]
    paths = list(readable if readable is not None else library_paths() if "landlock" in wanted else ())
    if "rlimits" in wanted:
        _limit_resources(memory, cpu_seconds, forks)
    if "no-new-privileges" in wanted:
        _drop_privileges()
    if "landlock" in wanted:
        restrict_files(paths)
    if "seccomp" in wanted:
        restrict_calls(threads)
    return tuple(wanted)


def limit_other(pid: int, memory: int) -> None:
    """Bound a child of ours from outside (Linux): its address space, and no picture of its memory when it crashes."""
    import resource

    wanted = {"RLIMIT_AS": memory, "RLIMIT_CORE": 0}
    for name, value in wanted.items():
        if hasattr(resource, "prlimit"):
            with contextlib.suppress(ValueError, OSError):  # it has ended, or a sandbox around us forbids it
                resource.prlimit(pid, getattr(resource, name), (value, value))


def library_paths() -> list[str]:
    """Where this Python's modules lie, and the shared libraries loaded from elsewhere."""
    folders = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders |= {folder for folder in site.getsitepackages() if Path(folder).is_dir()}
    loaded: set[str] = set()
    with contextlib.suppress(OSError):  # no /proc: whatever is loaded is loaded
        for line in Path("/proc/self/maps").read_text().splitlines():
            parts = line.split(maxsplit=5)
            if len(parts) == 6 and ".so" in parts[5] and parts[5].startswith("/"):
                loaded.add(parts[5])
    return sorted(folders) + sorted(loaded)


def end_with_parent() -> None:
    """Linux: the kernel ends this process when the thread that started it is gone."""
    if sys.platform == "linux":
        import signal

        libc().prctl(SET_DEATH_SIGNAL, int(signal.SIGKILL), 0, 0, 0)


def _limit_resources(memory: int, cpu_seconds: int | None, forks: bool) -> None:
    import resource

    wanted = {
        "RLIMIT_AS": memory,
        "RLIMIT_FSIZE": 0,
        "RLIMIT_CORE": 0,
        "RLIMIT_NOFILE": NUM_OPEN_FILES,
        "RLIMIT_MEMLOCK": 0,
        "RLIMIT_MSGQUEUE": 0,
    }
    if not forks:
        wanted["RLIMIT_NPROC"] = 0
    if cpu_seconds is not None:
        wanted["RLIMIT_CPU"] = cpu_seconds
    for name, value in wanted.items():
        kind = getattr(resource, name, None)
        if kind is not None:
            with contextlib.suppress(ValueError, OSError):  # macOS refuses some of them
                resource.setrlimit(kind, (value, value))


class _CapabilityHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


def _drop_privileges() -> None:
    """No capability now, none later, and no way for another process of ours to look inside."""
    if libc().prctl(SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no-new-privileges was refused")
    for capability in range(NUM_CAPABILITIES):
        libc().prctl(DROP_BOUNDING, capability, 0, 0, 0)  # refused without privileges, when there is nothing to drop
    libc().capset(ctypes.byref(_CapabilityHeader(CAPABILITY_VERSION, 0)), (ctypes.c_uint32 * 6)())
    libc().prctl(SET_DUMPABLE, 0, 0, 0, 0)
