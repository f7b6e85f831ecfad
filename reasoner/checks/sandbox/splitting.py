"""The last expression of a snippet, cut off so that its value can be kept by name.

    split("x = 3\\nx + 1  # four")      → ("x = 3\\n", "x + 1")
    split("for i in range(3): pass")    → ("for i in range(3): pass", "")

The text is parsed here, never compiled or run; text that is long may be nested deep, and is parsed on a thread with a
stack that holds it. Not covered: syntax newer than this Python's, which only monty reads: such a snippet runs as it is
and has no value.
"""

import ast
import threading

from reasoner.checks.sandbox.snippet import MAX_SOURCE

SHORT = 4_000  # characters; the deepest text of this length is parsed within 512 KiB of stack, a macOS thread's
STACK = 64 << 20  # bytes, for the longest; 8 MiB were enough when tried
_lock = threading.Lock()


def split(source: str) -> tuple[str, str]:
    """(what comes before, the last expression or ""). Text that cannot be parsed comes back whole."""
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    if len(source) > MAX_SOURCE:
        return source, ""
    body = _parsed(source)
    if not body or not isinstance(body[-1], ast.Expr):
        return source, ""
    last = body[-1].value
    assert last.end_lineno is not None and last.end_col_offset is not None
    start = _offset(source, body[-1].lineno, body[-1].col_offset)
    end = _offset(source, body[-1].end_lineno or last.end_lineno, body[-1].end_col_offset or last.end_col_offset)
    return source[:start], source[start:end]


def _parsed(source: str) -> list[ast.stmt]:
    """The statements; none when it cannot be parsed."""
    try:
        return parse(source).body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return []


def parse(source: str) -> ast.Module:
    """The tree of `source`. Raises SyntaxError, ValueError, MemoryError or RecursionError where it cannot be had."""
    if len(source) <= SHORT:
        return ast.parse(source)
    found: list[ast.Module | BaseException] = []

    def work() -> None:
        try:
            found.append(ast.parse(source))
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            found.append(error)

    with _lock:
        before = threading.stack_size(STACK)
        thread = threading.Thread(target=work)
        thread.start()
        threading.stack_size(before)
    thread.join()
    if isinstance(found[0], BaseException):
        raise found[0]
    return found[0]


def _offset(source: str, line: int, column: int) -> int:
    """The character at this line (from 1) and column (in bytes, as ast counts)."""
    lines = source.split("\n")
    before = sum(len(each) + 1 for each in lines[: line - 1])
    return before + len(lines[line - 1].encode()[:column].decode())
