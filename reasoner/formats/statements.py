"""A program as its statements, each with the exact text it was written in, and what has to be run for it.

    split_program("def solution():\\n    ducks = 16\\n    return ducks * 2\\n")
        Piece("    ducks = 16", code="ducks = 16") · Piece("    return ducks * 2", code="(ducks * 2)", is_return=True)

A statement is a piece with its comments before it; compound statements and statements that share a line are one.
PAL's way of writing (arXiv 2211.10435), `def solution():`, is opened: each statement of its body is a piece, the line
of `def` and the docstring are none. Words before, between and after the code are pieces too, one a line. Fences and
<code> tags are read, and left out.

What Python cannot read is one piece with its SyntaxError, with all that follows up to the next words.

Not covered: `def solution(…)` with arguments, which stays whole.
"""

import ast
import re
import textwrap
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from reasoner.checks.sandbox.splitting import parse
from reasoner.formats.segments import split_segments

MAX_LENGTH = 20_000  # characters of a program. Ours: far beyond any word problem's, and read in milliseconds
MAX_TRIES = 50  # cuts tried before a text is called unreadable. Ours: a program of word problems has no more lines

_LOOKS_LIKE_CODE = re.compile(
    r"""\s*(?:[A-Za-z_][\w.]*(?:\[[^\]]*\])?(?:\s*,\s*[A-Za-z_]\w*)*\s*(?::\s*\w+\s*)?(?:[-+*/%]|//|\*\*)?=(?!=)
    |import\s+\w|from\s+[\w.]+\s+import\b|(?:def|class)\s+\w+|(?:for|while|if|with|try|else|elif)\b.*:\s*(?:\#.*)?$
    |return\b|assert\b|\#|@\w|[A-Za-z_][\w.]*\(.*\)\s*(?:\#.*)?$|\"\"\"|''')""",
    re.VERBOSE,
)
_UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)  # what ast.parse raises, by the text's fault


@dataclass(frozen=True, slots=True)
class Piece:
    """One statement, or one line of words."""

    text: str  # exactly as written, indented as it was, without the line break that ends it
    kind: Literal["code", "words"]
    code: str = ""  # what is run for it at the top level; empty for words
    is_return: bool = False  # the function ends here, and `code` is its value
    leaves: bool = False  # a return hides inside: it can only be run with the whole function
    in_function: bool = False  # a statement of an opened function
    whole: str = ""  # of the first piece of a function: the definition of it all
    error: str = ""  # "SyntaxError: …": this is no Python


def split_program(text: str) -> list[Piece]:
    """The pieces of a program as a model wrote it."""
    segments = split_segments(text)
    if not any(segment.kind == "code" for segment in segments):
        return _unfenced(text)
    pieces: list[Piece] = []
    for segment in segments:
        pieces += _pieces(segment.body) if segment.kind == "code" else _words(text[segment.start : segment.end])
    return pieces


def _words(text: str) -> list[Piece]:
    return [Piece(line.rstrip(), "words") for line in text.splitlines() if line.strip()]


def _unfenced(text: str) -> list[Piece]:
    """Code that nothing marks: all of it where it can be read, else the lines that look like code."""
    if _tree(text) is not None:
        return _pieces(text)
    pieces: list[Piece] = []
    lines = text.splitlines()
    while lines:
        start = next((i for i, line in enumerate(lines) if _LOOKS_LIKE_CODE.match(line)), len(lines))
        pieces += _words("\n".join(lines[:start]))
        lines = lines[start:]
        end = _readable(lines)
        pieces += _pieces("\n".join(lines[:end]))
        lines = lines[end:]
        if lines and (_LOOKS_LIKE_CODE.match(lines[0]) or lines[0][:1].isspace()):
            end = next((i for i, line in enumerate(lines) if _is_words(line)), len(lines))
            pieces += _pieces("\n".join(lines[: max(end, 1)]))
            lines = lines[max(end, 1) :]
    return pieces


def _is_words(line: str) -> bool:
    return bool(line.strip()) and not line[0].isspace() and not _LOOKS_LIKE_CODE.match(line)


def _readable(lines: list[str]) -> int:
    """How many of the first lines Python can read as a program."""
    end = len(lines)
    for _ in range(MAX_TRIES):
        try:
            _parsed("\n".join(lines[:end]))
        except SyntaxError as error:
            end = min(end - 1, (error.lineno or end) - 1)
        except _UNREADABLE:
            return 0
        else:
            while end and not lines[end - 1].strip():
                end -= 1
            return end
        if end <= 0:
            return 0
    return 0


def _pieces(source: str) -> list[Piece]:
    """The statements of code that nothing but code surrounds; what cannot be read is one piece at its end."""
    lines = source.splitlines()
    try:
        tree, shift = _parsed(source)
    except _UNREADABLE as error:
        end = _readable(lines)
        rest = "\n".join(lines[end:]).strip("\n").rstrip()
        said = f"{type(error).__name__}: {getattr(error, 'msg', error)}"
        return (_pieces("\n".join(lines[:end])) if end else []) + [Piece(rest, "code", rest, error=said)] * bool(rest)
    return list(_statements(tree.body, lines, shift))


def _tree(source: str) -> ast.Module | None:
    try:
        return _parsed(source)[0]
    except _UNREADABLE:
        return None


def _parsed(source: str) -> tuple[ast.Module, int]:
    """The tree, and by how many lines its numbers are ahead of the source's.

    Code that is indented as a whole is read as it is; a function's body without its `def` (as a model goes on with a
    function) as that function's.
    """
    if len(source) > MAX_LENGTH:
        raise ValueError(f"a program of more than {MAX_LENGTH:,} characters")
    source = source.expandtabs(4)
    first = next((line for line in source.splitlines() if line.strip()), "")
    if not first[:1].isspace():
        return _read(source), 0
    flat = textwrap.dedent(source)
    if not flat.splitlines() or re.match(r"\S", next(line for line in flat.splitlines() if line.strip())):
        try:
            tree = _read(flat)
        except SyntaxError as error:
            if "outside function" not in str(error.msg):
                raise
        else:
            if not any(isinstance(node, ast.Return) for node in tree.body):
                return tree, 0
    try:
        return _read("def solution():\n" + source), 1
    except SyntaxError as error:
        error.lineno = max(1, (error.lineno or 2) - 1)
        raise


def _read(source: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of "\\d" in a string and the like: the writer is not here to read them
        return parse(source)


def _statements(body: list[ast.stmt], lines: list[str], shift: int) -> Iterator[Piece]:
    """The statements of `body`: groups that share lines together, comments with what follows them."""
    after = 0  # lines before this one are spoken for
    for group in _groups(body):
        first, last = _first_line(group[0]) - shift, (group[-1].end_lineno or 0) - shift
        function = group[0]
        if len(group) == 1 and isinstance(function, ast.FunctionDef) and _can_open(function):
            yield from _opened(function, lines, shift)
        else:
            text = _with_comments(lines, after, first, last)
            yield Piece(text, "code", textwrap.dedent(text.expandtabs(4)))
        after = last


def _opened(function: ast.FunctionDef, lines: list[str], shift: int) -> Iterator[Piece]:
    """The statements of a function's body, the first with the definition of the whole."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    after = (function.body[0].end_lineno if len(body) < len(function.body) else function.lineno) or 0
    after -= shift
    definition = "\n".join(lines[max(function.lineno - shift, 1) - 1 : function.end_lineno])
    whole = ("def solution():\n" if shift else "") + definition.expandtabs(4)
    for group in _groups(body):
        first, last = _first_line(group[0]) - shift, (group[-1].end_lineno or 0) - shift
        text = _with_comments(lines, after, first, last)
        code = textwrap.dedent(text.expandtabs(4))
        final = group[-1]
        if isinstance(final, ast.Return):
            code = re.sub(r"(?:(?<=;)|^)[ ]*return\b[ ]*(.*)\Z", r"(\1\n)", code, flags=re.DOTALL | re.MULTILINE)
            yield Piece(text, "code", code if final.value else "", is_return=True, in_function=True, whole=whole)
            return  # nothing after it is ever run
        leaves = any(isinstance(node, ast.Return) for statement in group for node in _own_nodes(statement))
        yield Piece(text, "code", code, leaves=leaves, in_function=True, whole=whole)
        whole, after = "", last


def _own_nodes(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of a statement, those of functions defined in it left out."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield node
            waiting += ast.iter_child_nodes(node)


def _can_open(function: ast.FunctionDef) -> bool:
    """Is it PAL's solution(), over several lines, with something in it?"""
    arguments = function.args
    has_none = not (arguments.posonlyargs or arguments.args or arguments.kwonlyargs or arguments.vararg)
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    is_on_own_lines = bool(body) and body[0].lineno > function.lineno
    return function.name == "solution" and has_none and is_on_own_lines and not function.decorator_list


def _groups(body: list[ast.stmt]) -> Iterator[list[ast.stmt]]:
    """Statements that share a line, together."""
    group: list[ast.stmt] = []
    for node in body:
        if group and _first_line(node) > (group[-1].end_lineno or 0):
            yield group
            group = []
        group.append(node)
    if group:
        yield group


def _first_line(node: ast.stmt) -> int:
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _with_comments(lines: list[str], after: int, first: int, last: int) -> str:
    """Lines first..last (1-based) as written, with the comment lines right before them."""
    while first - 1 > after and lines[first - 2].strip().startswith("#"):
        first -= 1
    return "\n".join(line.rstrip() for line in lines[first - 1 : last])
