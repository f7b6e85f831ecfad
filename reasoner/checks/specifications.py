"""A SatLM specification, statement by statement (arXiv 2305.09656 §3.1; prompts: xiye17/SAT-LM, gsm.jsonline).

    trees_initial = 15                             constraint
    trees_planted = Variable()                     declaration
    trees_after = 21                               constraint
    trees_after = trees_initial + trees_planted    constraint: an equation, not an assignment
    result = trees_planted                         constraint
    return result                                  goal ("solve(result)" says the same)

"x = x + 5", where x already stands for something, is SatLM's overwriting (gsm_solver.handle_variable_overwriting): the
new x is another quantity, "x#2". Read with Python's own grammar (`ast`), nothing is executed; what is no Python
("2x + y = 7") is read as equations.py reads it. z3's own Real("x"), s.add(…), And, Or, If are known too.

Not covered: loops, branches, functions of one's own: a statement that cannot be used has `error`.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from reasoner.checks.expressions import FUNCTIONS, Program, Unreadable, parse_python, program_of
from reasoner.checks.relations import Names, read_line

Kind = Literal["declaration", "constraint", "goal", "words"]

_DECLARING = {"Variable": "Real", "Var": "Real", "Real": "Real", "Reals": "Real", "Int": "Int", "Ints": "Int"}
_SILENT = frozenset(["Solver", "Optimize", "check", "model", "set", "push", "pop", "sat", "print"])
_HEADER = re.compile(r"^\s*(?:def\s+\w+\s*\(.*\).*:|import\s.+|from\s+\w+\s+import\s.+|pass)\s*$")
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_EMPTY = re.compile(r"^\s*(?:\\\[|\\\]|\$\$|\\(?:begin|end)\{[\w*]+\}|\s)*$")  # LaTeX around equations
_QUOTES = re.compile(r"^\s*(\"\"\"|''')")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a specification."""

    text: str
    kind: Kind
    constraints: tuple[Program, ...] = ()  # each is to hold
    declared: tuple[tuple[str, str], ...] = ()  # (name, "Real" or "Int")
    goal: Program | None = None
    defines: str = ""  # the name that its outcome is about
    error: str = ""  # why it cannot be used


def read_statements(text: str) -> list[Statement]:
    """The statements of a specification, in order; headers, docstrings and code fences left out."""
    reader = _Reader()
    return [reader.read(line, is_code) for line, is_code in statement_lines(text)]


def statement_lines(text: str) -> Iterator[tuple[str, bool]]:
    """(line, can it be a statement) of a text: where there are code fences only what is between them can be."""
    lines = text.splitlines()
    has_fences = any(_FENCE.match(line) for line in lines)
    is_inside, closing, waiting = not has_fences, "", ""
    for line in lines:
        if closing:
            closing = "" if closing in line else closing
        elif quotes := _QUOTES.match(line):
            closing = quotes[1] if line.count(quotes[1]) == 1 else ""
        elif _FENCE.match(line):
            is_inside, waiting = not is_inside, ""
        elif _EMPTY.match(line) or (is_inside and _HEADER.match(line)):
            continue
        elif not is_inside:
            yield line.strip(), False
        else:
            waiting = f"{waiting}\n{line.strip()}" if waiting else line.strip()
            if _is_closed(waiting) or len(waiting) > 1_000:
                yield waiting, True
                waiting = ""
    if waiting:
        yield waiting, True


def _is_closed(text: str) -> bool:
    code = re.sub(r"#.*|\\.", "", text)
    return sum(code.count(sign) for sign in "([{") <= sum(code.count(sign) for sign in ")]}")


class _Reader:
    """Statements being read in order: what a name stands for may change on the way."""

    def __init__(self) -> None:
        self.names = Names()
        self.given: set[str] = set()  # names that a line has given a value
        self.versions: dict[str, int] = {}

    def read(self, line: str, is_code: bool) -> Statement:
        if not is_code or line.startswith("#"):
            return Statement(line, "words")
        try:
            tree = parse_python(line, "exec")
        except Unreadable as error:
            return self._written(line, str(error), is_python=False)
        try:
            assert isinstance(tree, ast.Module)
            return self._python(line, tree)
        except Unreadable as error:
            return self._written(line, str(error), is_python=True)

    def _written(self, line: str, why: str, is_python: bool) -> Statement:
        """A line that is not this Python: an equation as people write it, or words; `why` Python could not read it."""
        if re.match(r"(?:if|for|while|else|elif|with|class|try|lambda)\b.*:", line):
            if ".check(" in line or line == "else:":
                return Statement(line, "words")
            return Statement(line, "constraint", error="a specification has no loops or branches: write what holds")
        try:
            relations = read_line(line, self.names)
        except Unreadable as error:
            return Statement(line, "constraint", error=why if is_python else str(error))
        programs = tuple(
            self._now((*relation.left, *relation.right, (relation.sign.replace("≈", "=="), "", 2)))
            for relation in relations
        )
        if not programs:
            is_words = re.match(r"^[^=<>]*$", line) and " " in line
            return Statement(line, "words") if is_words else Statement(line, "constraint", error=why)
        defined = relations[0].defined or ""
        self.given.add(defined)
        return Statement(line, "constraint", programs, defines=self._shown(defined))

    def _python(self, line: str, tree: ast.Module) -> Statement:
        whole = Statement(line, "words")
        for node in tree.body:
            part = self._statement(line, node)
            whole = replace(
                part,
                constraints=whole.constraints + part.constraints,
                declared=whole.declared + part.declared,
                goal=part.goal or whole.goal,
                kind=part.kind if part.kind != "words" else whole.kind,
            )
        return whole

    def _statement(self, line: str, node: ast.stmt) -> Statement:
        match node:
            case ast.Assign(targets, value):
                return self._assignment(line, targets, value)
            case ast.AnnAssign(ast.Name() as target, value=ast.expr() as value):
                return self._assignment(line, [target], value)
            case ast.AnnAssign(ast.Name(id=name), annotation=ast.Name(id=sort), value=None):
                return self._declaration(line, [name], "Int" if sort.lower() == "int" else "Real")
            case ast.AugAssign(ast.Name() as target, operator, value):
                return self._assignment(line, [target], ast.BinOp(ast.Name(target.id), operator, value))
            case ast.Return(ast.expr() as value) | ast.Expr(ast.Call(ast.Name(id="solve" | "print"), [value])):
                return self._goal(line, value)
            case ast.Expr(ast.Call(ast.Attribute(attr="add" | "append" | "assert_and_track"), values)):
                return Statement(line, "constraint", tuple(self._program(value) for value in values))
            case ast.Expr(ast.Compare() | ast.BoolOp() as value) | ast.Assert(value):
                return Statement(line, "constraint", (self._program(value),))
            case ast.Expr(ast.Call(ast.Name(id=name)) as value) if name in FUNCTIONS:
                return Statement(line, "constraint", (self._program(value),))
            case ast.Expr(ast.Call(ast.Attribute(attr=name) | ast.Name(id=name))) if name in _SILENT:
                return Statement(line, "words")
            case ast.Expr(ast.Name(id=name)) if self.names.has(name):
                return self._goal(line, node.value)
            case ast.Expr(ast.Constant() | ast.Name()) | ast.Pass():
                return Statement(line, "words")
        raise Unreadable(f"{type(node).__name__} has no place in a specification")

    def _goal(self, line: str, value: ast.expr) -> Statement:
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "solve" and value.args:
            value = value.args[0]
        is_called = isinstance(value, ast.Call) and not (
            isinstance(value.func, ast.Name) and value.func.id in FUNCTIONS
        )
        if is_called or isinstance(value, ast.JoinedStr | ast.Constant):  # print(s.check()), print(f"…")
            return Statement(line, "words")
        program = self._program(value)
        return Statement(line, "goal", goal=program, defines=program[0][1] if len(program) == 1 else "")

    def _assignment(self, line: str, targets: Sequence[ast.expr], value: ast.expr) -> Statement:
        """`a = …`: a declaration, or an equation; an overwriting where the name stands on both sides."""
        if isinstance(targets[0], ast.Tuple):
            return self._pairs(line, targets[0], value)
        if (sort := _declared_sort(value)) is not None:
            return self._declaration(line, [_name(target) for target in targets], sort)
        if isinstance(value, ast.Compare | ast.BoolOp):
            raise Unreadable("a condition is no number: write it on a line of its own")
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute | ast.Name):
            name = value.func.attr if isinstance(value.func, ast.Attribute) else value.func.id
            if name == "solve" and value.args:
                return self._goal(line, value.args[0])
            if name in _SILENT:
                return Statement(line, "words")
        right = self._program(value)
        programs = []
        for target in targets:
            name = _name(target)
            if name in self.given and any(item[1] == self._internal(name) for item in right if item[0] == "name"):
                self.versions[name] = self.versions.get(name, 1) + 1
            self.given.add(name)
            self.names.shown(name)
            left = (("name", self._internal(name), 0),)
            programs.append((*left, *right, ("==", "", 2)))
        return Statement(line, "constraint", tuple(programs), defines=self._internal(_name(targets[0])))

    def _pairs(self, line: str, targets: ast.Tuple, value: ast.expr) -> Statement:
        """`x, y = Variable(), Variable()`, `x, y = Reals("x y")`, `x, y = 1, 2`."""
        names = [_name(target) for target in targets.elts]
        if (sort := _declared_sort(value)) is not None:
            return self._declaration(line, names, sort)
        if not isinstance(value, ast.Tuple) or len(value.elts) != len(names):
            raise Unreadable("as many values as names are needed")
        parts = [self._assignment(line, [target], one) for target, one in zip(targets.elts, value.elts, strict=True)]
        return replace(
            parts[0],
            constraints=tuple(program for part in parts for program in part.constraints),
            declared=tuple(pair for part in parts for pair in part.declared),
        )

    def _declaration(self, line: str, names: Sequence[str], sort: str) -> Statement:
        for name in names:
            self.names.shown(name)
        return Statement(line, "declaration", declared=tuple((name, sort) for name in names), defines=names[0])

    def _program(self, value: ast.expr) -> Program:
        return self._now(program_of(value))

    def _now(self, program: Program) -> Program:
        """The program with each name as what it stands for at this point."""
        for kind, text, _ in program:
            if kind == "name":
                self.names.shown(text)
        return tuple((k, self._internal(text) if k == "name" else text, count) for k, text, count in program)

    def _internal(self, name: str) -> str:
        version = self.versions.get(name, 1)
        return f"{name}#{version}" if version > 1 else name

    def _shown(self, name: str) -> str:
        return self._internal(name) if name else ""


def _name(target: ast.expr) -> str:
    if not isinstance(target, ast.Name):
        raise Unreadable("only a name can stand on the left of =; write == elsewhere")
    return target.id


def _declared_sort(value: ast.expr) -> str | None:
    """ "Real" or "Int" where `value` is a call that declares an unknown."""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name | ast.Attribute):
        name = value.func.id if isinstance(value.func, ast.Name) else value.func.attr
        return _DECLARING.get(name)
    return None
