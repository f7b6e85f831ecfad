"""Expressions as programs in postfix form: read from Python's syntax tree, folded over any kind of number. No eval.

    program_of("Ana_coins + 26")          (("name", "Ana_coins", 0), ("number", "26", 0), ("+", "", 2))
    exact(program, {"Ana_coins": Fraction(41)})     Fraction(67)
    exact(program_of("9 ** 9 ** 9"), {})            Unreadable: "a number grows out of bounds"

Each item is (kind, text, number of arguments), so that a program goes to a worker process as JSON. Comparisons and
"and", "or", "not", "if" are operations too. Reading and folding use no recursion; length, digits and powers are
bounded.

Not covered: strings, indexing, attributes, comprehensions, keywords: they are refused with words that say so.
"""

import ast
import math
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import TypeVar

from reasoner.equations.program import MAX_BITS, power, root

Item = tuple[str, str, int]  # kind, text of a number or name, how many of the values before it it takes
Program = tuple[Item, ...]
Value = TypeVar("Value")

MAX_LENGTH = 1_000  # characters of one line. Ours: no equation we know has a tenth of it
MAX_ITEMS = 400  # of one program
FUNCTIONS = {  # name → how many arguments it takes at least and at most
    **dict.fromkeys(("abs", "sqrt", "round", "floor", "ceil", "int", "float", "Not"), (1, 1)),
    **dict.fromkeys(("min", "max", "sum", "And", "Or"), (1, 50)),
    **dict.fromkeys(("pow", "Fraction", "Implies"), (2, 2)),
    "If": (3, 3),
}
_AS_OPERATION = {"And": "and", "Or": "or", "Not": "not", "Implies": "implies", "If": "if", "pow": "**", "Fraction": "/"}
_BINARY: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "mod",
    ast.Pow: "**",
    ast.BitXor: "**",  # "x^2", as people write it
}
SIGNS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}


class Unreadable(Exception):
    """What is written cannot be used; the message says why, for a person."""


def parse_python(text: str, mode: str = "eval") -> ast.AST:
    """Python's syntax tree of one line. Raises Unreadable."""
    if len(text) > MAX_LENGTH:
        raise Unreadable(f"the line has {len(text):,} characters, at most {MAX_LENGTH:,} are read")
    if "\\" in text or "\0" in text:
        raise Unreadable("a backslash has no meaning there")
    try:
        return ast.parse(text.strip(), mode=mode)
    except (SyntaxError, ValueError):
        raise Unreadable("it is no expression: check brackets and signs") from None
    except (MemoryError, RecursionError):
        raise Unreadable("it is nested too deep") from None


def program_of(source: str | ast.expr) -> Program:
    """The postfix program of an expression. Raises Unreadable."""
    if isinstance(source, str):
        tree = parse_python(source)
        assert isinstance(tree, ast.Expression)
        source = tree.body
    items: list[Item] = []
    waiting: list[ast.expr] = [source]
    while waiting:  # root first, last argument first: read backwards it is postfix
        item, arguments = _parts(waiting.pop())
        items.append(item)
        waiting += arguments
        if len(items) > MAX_ITEMS:
            raise Unreadable("the expression is too long")
    return tuple(reversed(items))


def _parts(node: ast.expr) -> tuple[Item, list[ast.expr]]:
    """What one node does, and the nodes whose values it takes."""
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return ("number", str(_number(value)), 0), []
        case ast.Constant():
            raise Unreadable("only numbers and names can be computed with")
        case ast.Name(id=name):
            return ("name", name, 0), []
        case ast.BinOp(left, operator, right) if type(operator) in _BINARY:
            return (_BINARY[type(operator)], "", 2), [left, right]
        case ast.UnaryOp(ast.USub(), operand):
            return ("neg", "", 1), [operand]
        case ast.UnaryOp(ast.Not(), operand):
            return ("not", "", 1), [operand]
        case ast.UnaryOp(ast.UAdd(), operand):
            return _parts(operand) if not isinstance(operand, ast.UnaryOp) else (("sum", "", 1), [operand])
        case ast.Compare(left, [operator], [right]) if type(operator) in SIGNS:
            return (SIGNS[type(operator)], "", 2), [left, right]
        case ast.Compare(left, operators, rights) if len(operators) > 1:  # 0 < x < 10
            sides = [left, *rights]
            links: list[ast.expr] = [
                ast.Compare(sides[i], [operator], [sides[i + 1]]) for i, operator in enumerate(operators)
            ]
            return ("and", "", len(links)), links
        case ast.BoolOp(operator, values):
            return ("and" if isinstance(operator, ast.And) else "or", "", len(values)), list(values)
        case ast.IfExp(test, body, orelse):
            return ("if", "", 3), [test, body, orelse]
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(value=ast.Name(id="math"), attr=name), keywords=[]):
            return _call(name, node.args)
    raise Unreadable(f"{type(node).__name__} has no place in an equation")


def _call(name: str, arguments: list[ast.expr]) -> tuple[Item, list[ast.expr]]:
    if name not in FUNCTIONS:
        raise Unreadable(f"there is no function {name}(): use + - * / **, {', '.join(sorted(FUNCTIONS))}")
    if len(arguments) == 1 and isinstance(arguments[0], ast.List | ast.Tuple):
        arguments = list(arguments[0].elts)
    least, most = FUNCTIONS[name]
    if not least <= len(arguments) <= most:
        raise Unreadable(f"{name}() takes {least} to {most} values, not {len(arguments)}")
    return (_AS_OPERATION.get(name, name), "", len(arguments)), list(arguments)


def _number(value: int | float) -> Fraction:
    if isinstance(value, float) and not math.isfinite(value):
        raise Unreadable("a number is too large")
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise Unreadable("a number has too many digits")
    return Fraction(repr(value))


def names_in(program: Iterable[Item]) -> tuple[str, ...]:
    """The names a program speaks of, each once, in order."""
    return tuple(dict.fromkeys(text for kind, text, _ in program if kind == "name"))


def fold(
    program: Iterable[Item],
    number: Callable[[Fraction], Value],
    name: Callable[[str], Value],
    apply: Callable[[str, list[Value]], Value],
) -> Value:
    """The program's value over any kind of number: `apply` is given an operation's kind and its arguments."""
    stack: list[Value] = []
    for kind, text, num_arguments in program:
        if kind == "number":
            stack.append(number(Fraction(text)))
        elif kind == "name":
            stack.append(name(text))
        else:
            split = len(stack) - num_arguments
            stack[split:] = [apply(kind, stack[split:])]
    return stack[-1]


def exact(program: Iterable[Item], known: Mapping[str, Fraction]) -> Fraction | None:
    """Its value where every name is `known`, else None. Raises Unreadable where it has none (division by zero …)."""
    items = tuple(program)
    if any(kind == "name" and text not in known for kind, text, _ in items):
        return None
    return fold(items, lambda value: value, known.__getitem__, _apply)


def _apply(kind: str, values: list[Fraction]) -> Fraction:
    operation = _EXACT.get(kind)
    if operation is None:
        raise Unreadable(f'"{kind}" gives no number')
    result = operation(*values)
    if result is None:
        raise Unreadable("it divides by zero, has no exact value, or a number grows out of bounds")
    if result.numerator.bit_length() + result.denominator.bit_length() > MAX_BITS:
        raise Unreadable("a number grows out of bounds")
    return result


_EXACT: dict[str, Callable[..., Fraction | None]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b if b else None,
    "//": lambda a, b: Fraction(a // b) if b else None,
    "mod": lambda a, b: a % b if b else None,
    "**": power,
    "neg": lambda a: -a,
    "abs": abs,
    "sqrt": root,
    "round": lambda a: Fraction(round(a)),
    "floor": lambda a: Fraction(math.floor(a)),
    "ceil": lambda a: Fraction(math.ceil(a)),
    "int": lambda a: Fraction(math.trunc(a)),
    "float": lambda a: a,
    "sum": lambda *values: sum(values, Fraction(0)),
    "min": lambda *values: min(values),
    "max": lambda *values: max(values),
}


def written(value: Fraction) -> str:
    """A value as people write it, exact: "201", "2.5", "8/3"."""
    if value.denominator == 1:
        return str(value.numerator)
    shifted = value * 10**6
    if shifted.denominator == 1:
        digits = str(abs(shifted.numerator)).rjust(7, "0")
        return ("-" if value < 0 else "") + f"{digits[:-6]}.{digits[-6:].rstrip('0')}"
    return str(value)
