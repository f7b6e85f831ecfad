"""The process from which CPython workers are forked: it has imported the libraries, and runs no snippet itself.

    python -I -B -c "…; from reasoner.checks.sandbox.zygote import main; main()" FD '["rlimits", "landlock", …]'

On the control socket FD our process writes "F" (fork a worker) or "R" + pid (kill and bury it); the zygote answers
each F with the pid and the worker's channel. A forked worker is its own process group, shuts what the zygote could
not (processes, network, signals), tries what it must not be able to do, says on its channel which limits hold, and
only then waits for snippets. When the control socket closes, the zygote ends and the kernel kills its workers.
"""

import contextlib
import gc
import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from reasoner.checks.sandbox.child import serve
from reasoner.checks.sandbox.frames import COMMAND, FORKED, write_to
from reasoner.checks.sandbox.limits import apply_limits, end_with_parent

MAX_GROWTH = 512 << 20  # bytes of address space that a snippet may add
CPU_SECONDS = 600  # of one worker in all; each snippet's time is kept by our process, by the clock
PREPARED = (
    *("math", "cmath", "decimal", "fractions", "statistics", "random", "itertools", "functools", "collections"),
    *("re", "datetime", "calendar", "string", "json", "operator", "typing", "dataclasses", "enum", "copy", "heapq"),
    *("bisect", "zlib", "numpy", "sympy"),
)


def main() -> None:
    """The zygote's life. What its workers inherit it puts on itself: no environment, no files, bounded memory."""
    control, limits = socket.socket(fileno=int(sys.argv[1])), tuple(json.loads(sys.argv[2]))
    for name in PREPARED:
        with contextlib.suppress(ImportError):  # numpy is not there: a snippet that wants it is told so
            __import__(name)
    with contextlib.suppress(ImportError):
        _practise()
    os.environ.clear()
    sys.path.pop(0)  # the project's folder: workers know nothing of it
    for name in [name for name in sys.modules if name.split(".")[0] == "reasoner"]:
        del sys.modules[name]
    memory = _address_space() + MAX_GROWTH
    on = apply_limits(memory=memory, forks=True, limits=[limit for limit in limits if limit != "seccomp"])
    gc.collect()
    gc.freeze()  # what is here now is shared with the workers, not copied
    control.sendall(b"ready")
    while True:
        try:
            command = control.recv(COMMAND.size, socket.MSG_WAITALL)
        except OSError:  # our process ended without closing it in order
            command = b""
        if len(command) < COMMAND.size:
            os._exit(0)
        letter, pid = COMMAND.unpack(command)
        if letter == b"F":
            _fork(control, on, memory, limits)
        else:
            _bury(pid)


def _practise() -> None:
    """Use what snippets use most, so that sympy's late imports and caches are filled once and not in every worker."""
    import sympy

    x, y = sympy.symbols("x y")
    sympy.solve(sympy.Eq(x**2 - 5 * x, -6), x)
    sympy.solve([x + y - 3, x - y - 1], [x, y])
    sympy.simplify((x**2 - 1) / (x - 1) + sympy.sqrt(8) + sympy.sin(x) ** 2)
    sympy.N(sympy.pi, 5), repr(sympy.factor(x**2 - 1)), sympy.Rational(3, 4) + sympy.S("1/2")


def _fork(control: socket.socket, on: tuple[str, ...], memory: int, limits: Sequence[str]) -> None:
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        control.close()
        ours.close()
        _live(theirs.detach(), on, memory, [limit for limit in limits if limit != "landlock"])
    theirs.close()
    socket.send_fds(control, [FORKED.pack(pid)], [ours.fileno()])
    ours.close()


def _live(channel: int, inherited: tuple[str, ...], memory: int, limits: Sequence[str]) -> NoReturn:
    """A worker, from its first to its last instruction."""
    try:
        os.setpgid(0, 0)  # no session of its own: schedulers give those a share apart, and each answer would wait
        end_with_parent()
        on = {*inherited, *apply_limits(memory=memory, cpu_seconds=CPU_SECONDS, threads=False, limits=limits)}
        hello = {"on": sorted(on), "open": _still_open(on)}
        with contextlib.suppress(ImportError):
            _practise()  # touches the memory that sympy needs, before somebody waits for it
        import random

        random.seed(0)  # the same program gives the same result, as on monty
        write_to(channel, hello)
        serve(channel)
    finally:
        os._exit(0)


def _still_open(on: set[str]) -> list[str]:
    """What the limits should have shut and did not; a limit that does not hold is worse than one known to be off."""
    found = []
    if "landlock" in on:
        with contextlib.suppress(OSError):
            os.close(os.open("/", os.O_RDONLY))
            found.append("reading the file system")
    if "seccomp" in on:
        with contextlib.suppress(OSError):
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
            found.append("opening a socket")
        with contextlib.suppress(OSError):
            if os.fork() == 0:
                os._exit(0)
            found.append("starting a process")
    return found


def _bury(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)  # before its setpgid it has no group of its own
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


def _address_space() -> int:
    """Bytes of address space of this process."""
    with contextlib.suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    return 1 << 30
