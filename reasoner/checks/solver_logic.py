"""The worker of logic.py: constraints over reals and whole numbers, solved exactly by Z3 5.4.

    {"constraints": [[1, [["name", "x", 0], ["number", "7", 0], ["==", "", 2]]]], "declared": {"x": "Real"},
     "goal": [["name", "x", 0]], "lines": ["x = Variable()", "x = 7"]}
        → {"status": "value", "value": "7", "values": {"x": "7"}}

Every divisor is not zero, every root of something not negative. Which values are determined is asked of Z3 too: a value
that some other model contradicts is not given.
"""

import math
import operator
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from reasoner.checks.expressions import Program, Unreadable, exact, fold, written
from reasoner.checks.solved import contradiction, smallest_core
from reasoner.checks.worker import Question, Reply, answer_questions
from reasoner.equations.program import power

MAX_POWER = 32  # of an unknown: it is multiplied out
MEGABYTES = 1_024  # of Z3's own


class _OutOfTime(Exception):
    """Z3 could not say within the time that is left."""


def serve() -> None:
    """The child's program."""
    from reasoner.checks.logic import KILL_SECONDS

    answer_questions(_load, KILL_SECONDS)


def _load() -> Callable[[Question], Reply]:
    import z3

    z3.set_param("memory_max_size", MEGABYTES)
    z3.Solver().check(z3.Real("x") * z3.Real("x") == 4)
    return solve_question


def solve_question(question: Question) -> Reply:
    """One question as described above, answered."""
    from reasoner.checks.logic import SECONDS

    constraints = [(line, _program(items)) for line, items in question["constraints"]]
    model = _Model(question["declared"], constraints, time.monotonic() + SECONDS)
    try:
        return model.reply(_program(question["goal"]), question["lines"])
    except _OutOfTime:
        return {"status": "timeout", "reason": f"not solved within {SECONDS:g} second"}
    except Unreadable as error:
        return {"status": "unreadable", "reason": str(error)}


def _program(items: Sequence[Sequence[Any]]) -> Program:
    return tuple((str(kind), str(text), int(count)) for kind, text, count in items)


class _Model:
    """The constraints of one question as Z3's, and what follows from them."""

    def __init__(self, declared: dict[str, str], constraints: list[tuple[int, Program]], deadline: float) -> None:
        self.declared = declared
        self.constraints = constraints
        self.deadline = deadline
        self.known = _known(constraints)
        self.symbols: dict[str, Any] = {}
        self.besides: list[Any] = []  # what must hold for the expression being read to have a value

    def reply(self, goal_program: Program, lines: list[str]) -> Reply:
        import z3

        stated = [(line, self._constraint(program, lines[line])) for line, program in self.constraints]
        goal = self._value(goal_program)
        rest = self.besides
        everything = [constraint for _, constraint in stated] + rest
        first = self._model_of(everything)
        if first is None:
            return self._unsat(stated, lines)
        value = first.eval(goal, model_completion=True)
        second = self._model_of([*everything, goal != value])
        values = self._determined(everything, first)
        shown = {name: _written(values[name]) for name in values}
        if second is None:
            return {"status": "value", "value": _written(value), "values": _latest(shown)}
        options = [_written(value), _written(second.eval(goal, model_completion=True))]
        open_names = [name for name in self.symbols if name not in values and not z3.eq(self.symbols[name], goal)]
        asked = goal_program[0][1].split("#")[0] if len(goal_program) == 1 else "what is asked"
        reason = f"{asked} may be {options[0]} or {options[1]}"
        if open_names:
            reason += f": nothing determines {', '.join(open_names[:3])}"
        return {"status": "AMBIG", "values": _latest(shown), "reason": reason, "options": options}

    def _unsat(self, stated: list[tuple[int, Any]], lines: list[str]) -> Reply:
        def is_contradictory(kept: list[int]) -> bool:
            try:
                return self._model_of([constraint for line, constraint in stated if line in kept]) is None
            except _OutOfTime:
                return False

        core = smallest_core(sorted({line for line, _ in stated}), is_contradictory)
        return {"status": "UNSAT", "reason": contradiction(lines, core), "lines": core}

    def _model_of(self, constraints: list[Any]) -> Any:
        """A model, or None where there is none. Raises _OutOfTime."""
        import z3

        left = int((self.deadline - time.monotonic()) * 1000)
        if left <= 0:
            raise _OutOfTime
        solver = z3.Solver()
        solver.set("timeout", left)
        solver.add(*constraints)
        found = solver.check()
        if found == z3.unknown:
            raise _OutOfTime
        return solver.model() if found == z3.sat else None

    def _determined(self, constraints: list[Any], model: Any) -> dict[str, Any]:
        """name → the value that it has in every model."""
        import z3

        values = {name: model.eval(symbol, model_completion=True) for name, symbol in self.symbols.items()}
        try:
            while values:
                differs = z3.Or([self.symbols[name] != value for name, value in values.items()])
                other = self._model_of([*constraints, differs])
                if other is None:
                    return values
                values = {
                    name: value
                    for name, value in values.items()
                    if z3.is_true(z3.simplify(other.eval(self.symbols[name], model_completion=True) == value))
                }
        except _OutOfTime:
            return {}
        return values

    def _constraint(self, program: Program, line: str) -> Any:
        import z3

        self.besides = []
        try:
            constraint = self._value(program)
        except z3.Z3Exception:
            raise Unreadable(f"{line!r} mixes numbers and conditions") from None
        except Unreadable as error:
            raise Unreadable(f'"{line}" cannot be used: {error}') from None
        if not z3.is_bool(constraint):
            raise Unreadable(f'"{line}" states nothing: write an equation or a comparison')
        constraint, self.besides = z3.And(constraint, *self.besides), []
        return constraint

    def _value(self, program: Program) -> Any:
        import z3

        return fold(program, lambda value: z3.RatVal(value.numerator, value.denominator), self._symbol, self._apply)

    def _symbol(self, name: str) -> Any:
        import z3

        if name not in self.symbols:
            is_whole = self.declared.get(name.split("#")[0]) == "Int"
            self.symbols[name] = z3.Int(name) if is_whole else z3.Real(name)
        return self.symbols[name]

    def _apply(self, kind: str, values: list[Any]) -> Any:
        import z3

        if kind in ("/", "//", "mod"):
            return self._quotient(kind, values[0], values[1])
        if kind == "**":
            return self._power(values[0], values[1])
        if kind == "sqrt":
            return self._root(values[0])
        operation = _operations(z3).get(kind)
        if operation is None:
            raise Unreadable(f'"{kind}" is not known')
        return operation(*values)

    def _quotient(self, kind: str, over: Any, under: Any) -> Any:
        import z3

        self.besides.append(under != 0)
        quotient = _real(over) / _real(under)
        if kind == "/":
            return quotient
        whole = z3.ToReal(z3.ToInt(quotient))
        return whole if kind == "//" else _real(over) - whole * _real(under)

    def _power(self, base: Any, exponent: Any) -> Any:
        import z3

        pairs = [
            (symbol, z3.RatVal(self.known[name].numerator, self.known[name].denominator))
            for name, symbol in self.symbols.items()
            if name in self.known and z3.is_real(symbol)
        ]
        value = z3.simplify(z3.substitute(_real(exponent), *pairs))
        if not z3.is_rational_value(value):
            raise Unreadable("the exponent of a power must be known")
        times = Fraction(value.numerator_as_long(), value.denominator_as_long())
        number = z3.simplify(base)
        if z3.is_rational_value(number):
            result = power(Fraction(number.numerator_as_long(), number.denominator_as_long()), times)
            if result is not None:
                return z3.RatVal(result.numerator, result.denominator)
        if times == Fraction(1, 2):
            return self._root(base)
        if times.denominator != 1 or abs(times) > MAX_POWER:
            raise Unreadable("a power is too large")
        product = z3.RatVal(1, 1)
        for _ in range(abs(int(times))):
            product = product * _real(base)
        return product if times >= 0 else self._quotient("/", z3.RatVal(1, 1), product)

    def _root(self, value: Any) -> Any:
        import z3

        root = z3.FreshReal("root")
        self.besides += [root >= 0, root * root == value]
        return root


def _operations(z3: Any) -> dict[str, Callable[..., Any]]:
    return {
        "+": operator.add,
        "-": operator.sub,
        "*": operator.mul,
        "neg": operator.neg,
        "==": operator.eq,
        "!=": operator.ne,
        "<": operator.lt,
        "<=": operator.le,
        ">": operator.gt,
        ">=": operator.ge,
        "and": z3.And,
        "or": z3.Or,
        "not": z3.Not,
        "implies": z3.Implies,
        "if": z3.If,
        "sum": lambda *values: sum(values[1:], values[0]),
        "min": lambda *values: _fold_pairs(values, lambda a, b: z3.If(a < b, a, b)),
        "max": lambda *values: _fold_pairs(values, lambda a, b: z3.If(a > b, a, b)),
        "abs": lambda a: z3.If(a < 0, -a, a),
        "floor": lambda a: z3.ToReal(z3.ToInt(_real(a))),
        "ceil": lambda a: -z3.ToReal(z3.ToInt(-_real(a))),
        "round": lambda a: _rounded(_real(a)),
        "int": lambda a: z3.If(a < 0, -z3.ToReal(z3.ToInt(-_real(a))), z3.ToReal(z3.ToInt(_real(a)))),
        "float": _real,
    }


def _rounded(value: Any) -> Any:
    """As Python rounds: a half goes to the even neighbour."""
    import z3

    below = z3.ToInt(value)
    rest, half = value - z3.ToReal(below), z3.RatVal(1, 2)
    goes_up = z3.Or(rest > half, z3.And(rest == half, below % 2 == 1))
    return z3.ToReal(z3.If(goes_up, below + 1, below))


def _fold_pairs(values: Sequence[Any], choose: Callable[[Any, Any], Any]) -> Any:
    chosen = values[0]
    for value in values[1:]:
        chosen = choose(chosen, value)
    return chosen


def _real(value: Any) -> Any:
    import z3

    return z3.ToReal(value) if z3.is_int(value) else value


def _known(constraints: Sequence[tuple[int, Program]]) -> dict[str, Fraction]:
    """Names that a line sets equal to a plain number: exponents may be known by them."""
    known: dict[str, Fraction] = {}
    for _, program in constraints:
        if program[0][0] == "name" and program[-1][0] == "==" and _last_operand(program[:-1]) == 1:
            try:
                value = exact(program[1:-1], {})
            except Unreadable:
                continue
            if value is not None:
                known.setdefault(program[0][1], value)
    return known


def _last_operand(program: Program) -> int:
    """Where the last operand of what is still to be done begins."""
    index, due = len(program), 1
    while due and index:
        index -= 1
        due += program[index][2] - 1
    return index


def _latest(values: dict[str, str]) -> dict[str, str]:
    """Values by name; where "x#2" overwrote x, "x#1" is the first and "x" what x stands for in the end."""
    later = sorted((name for name in values if "#" in name), key=lambda name: int(name.partition("#")[2]))
    first = {f"{name.split('#')[0]}#1" for name in later}
    return (
        values
        | {name: values[name.split("#")[0]] for name in first if name.split("#")[0] in values}
        | {name.split("#")[0]: values[name] for name in later}
    )


def _written(value: Any) -> str:
    import z3

    if z3.is_int_value(value):
        return str(value.as_long())
    if z3.is_rational_value(value):
        return written(Fraction(value.numerator_as_long(), value.denominator_as_long()))
    if z3.is_algebraic_value(value):
        return _root_written(value)
    return str(value)


def _root_written(value: Any) -> str:
    """An irrational root: exact where it is quadratic ("\\sqrt{2}"), else to ten places."""
    coefficients = [int(str(each)) for each in value.poly()]
    if len(coefficients) != 3:
        return str(value.as_decimal(10)).rstrip("?")
    c, b, a = coefficients
    inside, factor = b * b - 4 * a * c, 1
    for prime in range(2, 1_000):
        while inside % (prime * prime) == 0:
            inside, factor = inside // (prime * prime), factor * prime
    common = math.gcd(b, factor, 2 * a) * (1 if a > 0 else -1)
    whole, factor, under = -b // common, factor // abs(common), 2 * a // common
    sign = "-" if value.index() == 1 else "+"
    root = rf"\sqrt{{{inside}}}" if factor == 1 else rf"{factor} \sqrt{{{inside}}}"
    over = f"{whole} {sign} {root}" if whole else root if sign == "+" else f"-{root}"
    return over if under == 1 else rf"\frac{{{over}}}{{{under}}}"
