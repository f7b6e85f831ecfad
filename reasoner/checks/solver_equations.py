"""The worker of equations.py: systems of equations over the real numbers, solved exactly by sympy 1.14.

    {"relations": [[0, "==", [["name", "x", 0]], [["number", "3", 0]]]], "goal": [["name", "x", 0]], "lines": ["x = 3"]}
        → {"status": "value", "value": "3", "values": {"x": "3"}}

What one equation gives outright (x = 3, then y = x + 2) is worked out in fractions; sympy solves what is left,
linear systems by linsolve, others by solve. Inequalities choose among the solutions.
"""

import operator
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from reasoner.checks.expressions import Program, Unreadable, exact, fold, written
from reasoner.checks.relations import Relation
from reasoner.checks.solved import contradiction, smallest_core
from reasoner.checks.worker import Question, Reply, answer_questions
from reasoner.equations.program import power

MAX_SYMBOLIC_POWER = 64
MAX_CORE = 12  # equations among which the few that contradict each other are looked for
Numbered = tuple[int, Relation]  # line, relation
Solution = dict[str, Any]  # name → sympy expression


def serve() -> None:
    """The child's program."""
    from reasoner.checks.equations import SECONDS

    answer_questions(_load, SECONDS)


def _load() -> Callable[[Question], Reply]:
    import sympy

    sympy.solve(sympy.Symbol("x", real=True) ** 2 - 4)  # its own late imports
    return solve_question


def solve_question(question: Question) -> Reply:
    """One question as described above, answered."""
    relations = [(line, Relation(sign, _program(a), _program(b))) for line, sign, a, b in question["relations"]]
    goal, lines = _program(question["goal"]), list(question["lines"])
    try:
        known, left, broken = _propagate(relations)
        if broken:
            core = smallest_core(broken, lambda kept: bool(_propagate([r for r in relations if r[0] in kept])[2]))
            return {"status": "none", "reason": contradiction(lines, core), "lines": core}
        if not left and (value := exact(goal, known)) is not None:
            values = {name: written(number) for name, number in known.items()}
            return {"status": "value", "value": written(value), "values": values}
        solutions = _solutions(left, known)
        if not solutions:
            return _no_solution(relations, known, lines)
        return _reply(goal, known, left, solutions)
    except Unreadable as error:
        return {"status": "unreadable", "reason": str(error)}


def _program(items: Sequence[Sequence[Any]]) -> Program:
    return tuple((str(kind), str(text), int(count)) for kind, text, count in items)


def _propagate(relations: Sequence[Numbered]) -> tuple[dict[str, Fraction], list[Numbered], list[int]]:
    """(values that follow one by one, relations that are still open, lines involved in a contradiction)."""
    known: dict[str, Fraction] = {}
    source: dict[str, set[int]] = {}  # name → the lines its value follows from
    left = list(relations)
    is_new = True
    while is_new:
        is_new, waiting = False, []
        for line, relation in left:
            values = _sides(line, relation, known)
            lines = {line}.union(*(source[name] for name in relation.names if name in source))
            if None not in values:
                if not _holds(relation.sign, values[0], values[1]):
                    return known, [], sorted(lines)
                continue
            name = _lone_name(relation, values)
            if name is None:
                waiting.append((line, relation))
            else:
                known[name] = next(value for value in values if value is not None)
                source[name], is_new = lines, True
        left = waiting
    return known, left, []


def _sides(line: int, relation: Relation, known: dict[str, Fraction]) -> list[Fraction | None]:
    try:
        return [exact(side, known) for side in (relation.left, relation.right)]
    except Unreadable as error:
        raise Unreadable(f"line {line + 1} cannot be computed: {error}") from None


def _holds(sign: str, left: Any, right: Any) -> bool:
    if sign == "≈":
        return _is_rounded(left, right)
    if sign == "==":
        return bool(left == right)
    if sign == "!=":
        return bool(left != right)
    low, high = (left, right) if sign[0] == "<" else (right, left)
    return bool(low < high or (low == high and sign[-1] == "="))


def _is_rounded(left: Fraction, right: Fraction) -> bool:
    """Is `right` the number `left`, or what is left of it when it is rounded or cut?"""
    digits = next((digits for digits in range(1, 7) if (right * 10**digits).denominator == 1), None)
    unit = Fraction(1, 10**digits) if digits is not None and right.denominator > 1 else Fraction(0)
    return abs(left - right) < unit if digits and digits > 1 else abs(left - right) <= unit / 2


def _lone_name(relation: Relation, values: Sequence[Fraction | None]) -> str | None:
    """The unknown that one side is, where the other side's value is known."""
    for side, other in ((relation.left, values[1]), (relation.right, values[0])):
        if relation.sign == "==" and other is not None and len(side) == 1:
            return side[0][1]
    return None


def _solutions(left: Sequence[Numbered], known: dict[str, Fraction]) -> list[Solution]:
    """Every real solution of the open relations; one empty solution where none is open. Raises Unreadable."""
    import sympy

    sides = [(relation.sign, _sympy(relation.left, known), _sympy(relation.right, known)) for _, relation in left]
    equations = [a - b for sign, a, b in sides if sign == "=="]
    if not equations:
        return [{}]
    unknowns = sorted(set().union(*(equation.free_symbols for equation in equations)), key=str)
    try:
        found = [dict(zip(unknowns, values, strict=True)) for values in sympy.linsolve(equations, unknowns)]
    except ValueError:  # not linear
        found = sympy.solve(equations, unknowns, dict=True)
        if not found and not _is_polynomial(equations, unknowns):
            raise Unreadable("no solution was found, which does not prove that there is none") from None
    kept = []
    for solution in found:
        is_real = all(value.is_real is not False for value in solution.values())
        if is_real and all(_may_hold(sign, a, b, solution) for sign, a, b in sides if sign != "=="):
            kept.append({_name(symbol): value for symbol, value in solution.items() if value != symbol})
    return kept


def _is_polynomial(equations: Sequence[Any], unknowns: Sequence[Any]) -> bool:
    """Are these polynomials, or quotients of such? Of those sympy finds every solution."""
    import sympy

    return all(sympy.fraction(sympy.together(equation))[0].is_polynomial(*unknowns) for equation in equations)


def _may_hold(sign: str, left: Any, right: Any, solution: dict[Any, Any]) -> bool:
    if sign == "≈":
        return True  # how much may it be off? Not known while it is open
    difference = (left - right).subs(solution)
    return not difference.is_number or _holds(sign, difference, 0)


def _no_solution(relations: Sequence[Numbered], known: dict[str, Fraction], lines: list[str]) -> Reply:
    numbers = sorted({line for line, _ in relations})

    def is_contradictory(kept: list[int]) -> bool:
        own, left, broken = _propagate([relation for relation in relations if relation[0] in kept])
        return bool(broken) or not _solutions(left, own)

    core = smallest_core(numbers, is_contradictory) if len(numbers) <= MAX_CORE else numbers
    values = {name: written(value) for name, value in known.items()}
    return {"status": "none", "values": values, "reason": contradiction(lines, core), "lines": core}


def _reply(goal: Program, known: dict[str, Fraction], left: Sequence[Numbered], solutions: list[Solution]) -> Reply:
    values = {name: written(value) for name, value in known.items()}
    for name in dict.fromkeys(name for solution in solutions for name in solution):
        said = {_written(solution[name]) if name in solution else "" for solution in solutions}
        if len(said) == 1 and not any(_is_open(solution.get(name)) for solution in solutions):
            values[name] = said.pop()
    results = [_sympy(goal, known).subs({_symbol(name): value for name, value in one.items()}) for one in solutions]
    free = sorted({_name(symbol) for result in results for symbol in result.free_symbols})
    if free:
        reason = f"{_asked(goal)} is not determined: nothing says what {' and '.join(free[:3])} must be"
        return {"status": "many", "values": values, "reason": reason}
    options = list(dict.fromkeys(_written(result) for result in results))
    if len(options) > 1:
        reason = f"{_asked(goal)} may be {' or '.join(options[:4])}"
        return {"status": "many", "values": values, "reason": reason, "options": options}
    return {"status": "value", "value": options[0], "values": values}


def _asked(goal: Program) -> str:
    return goal[0][1] if len(goal) == 1 else "what is asked"


def _is_open(value: Any) -> bool:
    return value is None or bool(value.free_symbols)


def _written(value: Any) -> str:
    import sympy

    value = sympy.nsimplify(value, rational=True) if value.is_Float else sympy.simplify(value)
    if value.is_Rational:
        return written(Fraction(int(value.p), int(value.q)))
    if value.is_finite is False:
        raise Unreadable("it has no finite value")
    return str(sympy.latex(value))


def _symbol(name: str) -> Any:
    import sympy

    return sympy.Symbol(name, real=True)


def _name(symbol: Any) -> str:
    return str(symbol.name)


def _sympy(program: Program, known: dict[str, Fraction]) -> Any:
    """The program as a sympy expression, known names replaced by their values."""
    import sympy

    value = exact(program, known) if all(kind != "name" or text in known for kind, text, _ in program) else None
    if value is not None:
        return _rational(value)
    operations: dict[str, Callable[..., Any]] = {
        "+": operator.add,
        "-": operator.sub,
        "*": operator.mul,
        "/": operator.truediv,
        "//": lambda a, b: sympy.floor(a / b),
        "mod": sympy.Mod,
        "**": _power,
        "neg": operator.neg,
        "abs": sympy.Abs,
        "sqrt": sympy.sqrt,
        "floor": sympy.floor,
        "ceil": sympy.ceiling,
        "sum": sympy.Add,
        "min": sympy.Min,
        "max": sympy.Max,
        "float": lambda a: a,
    }

    def apply(kind: str, values: list[Any]) -> Any:
        if kind not in operations:
            raise Unreadable(f'"{kind}" of an unknown cannot be solved')
        result = operations[kind](*values)
        if result.has(sympy.zoo, sympy.nan, sympy.oo):
            raise Unreadable("it divides by zero")
        return result

    return fold(program, _rational, lambda name: _rational(known[name]) if name in known else _symbol(name), apply)


def _rational(value: Fraction) -> Any:
    import sympy

    return sympy.Rational(value.numerator, value.denominator)


def _power(base: Any, exponent: Any) -> Any:
    import sympy

    if base.is_Rational and exponent.is_Rational and exponent.q == 1:
        result = power(Fraction(int(base.p), int(base.q)), Fraction(int(exponent.p)))
        if result is None:
            raise Unreadable("a number grows out of bounds")
        return _rational(result)
    if exponent.is_number and not (exponent.is_Rational and abs(exponent.p) <= MAX_SYMBOLIC_POWER >= exponent.q):
        raise Unreadable("a power is too large")
    return sympy.Pow(base, exponent)
