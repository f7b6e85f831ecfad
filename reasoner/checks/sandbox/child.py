"""Inside a CPython worker: run snippets one after the other in one namespace, and tell what they gave.

    {"id": "9f…", "code": "x = 41 + 26\\nx"}
    → {"id": "9f…", "output": "", "value": "67", "error": "", "variables": {"x": "67"}}

The only file of the project that compiles and executes text; it is never imported by the app, only by the worker,
after which `apply_limits` has shut the process (zygote.py). It ends when the parent closes its side.

Not covered: a snippet shares this process, so it can lie about its own result (it could print the same lie).
"""

import ast
import contextlib
import io
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

from reasoner.checks.sandbox.frames import BadFrame, read_from, write_to
from reasoner.checks.sandbox.snippet import MAX_ERROR, MAX_OUTPUT, MAX_TEXT, MAX_VARIABLES, cut

PLAIN = (int, float, str, bool, complex)
NUMBERS = ("decimal", "fractions", "datetime", "numpy", "sympy")  # modules whose values are shown
REPORT_SECONDS = 0.5  # for writing out the variables; a repr may take for ever
MAX_ITEMS, MAX_DEPTH = 100, 3
_MISSING = object()


class Printed(io.TextIOBase):
    """Takes what is printed and keeps the beginning."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self._length <= MAX_OUTPUT:
            self._parts.append(text[: MAX_OUTPUT + 1])
            self._length += len(text)
        return len(text)

    def text(self) -> str:
        return cut("".join(self._parts), MAX_OUTPUT)


def serve(channel: int) -> None:
    """Answer on this open file until the parent is gone."""
    space: dict[str, Any] = {"__name__": "__main__", "__builtins__": __builtins__}
    sys.stdin = io.StringIO("")
    while True:
        try:
            question = read_from(channel)
            write_to(channel, {"id": question.get("id"), **run(str(question.get("code")), space)})
        except (BadFrame, OSError):
            return


def run(code: str, space: dict[str, Any]) -> dict[str, Any]:
    """Run one snippet in `space`: its output, value, error and the plain variables of `space`."""
    printed = Printed()
    sys.stdout = sys.stderr = printed
    value = error = ""
    try:
        value = _value(code, space)
    except BaseException as raised:  # noqa: BLE001 - the edge: SystemExit and KeyboardInterrupt end the snippet alone
        error = _words(raised)
    return {"output": printed.text(), "value": value, "error": error, "variables": _variables(space)}


def _value(code: str, space: dict[str, Any]) -> str:
    """Execute; the repr of the last expression."""
    tree = ast.parse(code, "<snippet>")
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<snippet>", "exec"), space)  # noqa: S102 - this is the process that exists for it
    if not isinstance(last, ast.Expr):
        return ""
    value = eval(compile(ast.Expression(last.value), "<snippet>", "eval"), space)  # noqa: S307 - as above
    return "" if value is None else cut(repr(value), MAX_TEXT)


def _words(error: BaseException) -> str:
    try:
        return cut(f"{type(error).__name__}: {error}".removesuffix(": "), MAX_ERROR)
    except BaseException:  # noqa: BLE001 - the program's own __str__ may raise anything
        return "Exception: it cannot be written out"


def _variables(space: dict[str, Any]) -> dict[str, str]:
    told: dict[str, str] = {}
    with contextlib.suppress(BaseException), _alarm(REPORT_SECONDS):
        for name in list(space):
            if len(told) >= MAX_VARIABLES:
                break
            if type(name) is str and name[:1] != "_" and len(name) < 100 and _is_own(name, space[name]):
                with contextlib.suppress(Exception):  # an int too long for repr, say
                    told[name] = cut(repr(space[name]), MAX_TEXT)
    return told


def _is_own(name: str, value: object) -> bool:
    """A plain value that the program made, not one that `from sympy import *` brought (pi, E, nan …)."""
    libraries = (sys.modules.get(library) for library in ("math", "cmath", "numpy", "sympy"))
    brought = any(getattr(library, name, _MISSING) is value for library in libraries)
    return not brought and _is_plain(value, MAX_DEPTH)


def _is_plain(thing: object, depth: int) -> bool:
    kind = type(thing)
    if thing is None or kind in PLAIN:
        return True
    if kind.__module__.split(".")[0] in NUMBERS and not isinstance(thing, type | Callable):
        return getattr(thing, "size", 0) <= MAX_ITEMS
    if depth == 0 or kind not in (list, tuple, set, dict) or len(thing) > MAX_ITEMS:  # type: ignore[arg-type]
        return False
    items = [*thing.keys(), *thing.values()] if isinstance(thing, dict) else thing
    return all(_is_plain(each, depth - 1) for each in items)  # type: ignore[attr-defined]


class _TooLong(BaseException):
    """The report took too long."""


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise _TooLong

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
