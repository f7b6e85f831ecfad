"""A lock between processes: a file that one of them holds, let go by the system when that process dies.

    with Lock(runs / ".queue.lock"):          wait for it, hold it, let it go
    Lock(folder / ".process.lock").take(wait=False)    True: held until this process ends, by kill -9 too

Two threads of one process exclude each other as two processes do. Forked children hold it with their parent.

Not covered: network disks without working locks, where two machines could hold it at once.
"""

import contextlib
import os
import time
from pathlib import Path
from types import TracebackType

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

PAUSE = 0.05  # seconds between two tries, where the system cannot wait for us


class Lock:
    """One lock file; the file stays, only its being held means anything."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    def take(self, wait: bool = True) -> bool:
        """Hold it; False when another holds it and `wait` is off. Raises OSError where it cannot be written."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            while not _held(file, wait):
                if not wait:
                    os.close(file)
                    return False
                time.sleep(PAUSE)
        except BaseException:
            with contextlib.suppress(OSError):
                os.close(file)
            raise
        self._file = file
        return True

    def release(self) -> None:
        """Let it go, if held."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> "Lock":
        self.take()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()


def _held(file: int, wait: bool) -> bool:
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        else:
            import msvcrt

            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
    except (BlockingIOError, PermissionError):
        return False
    return True
