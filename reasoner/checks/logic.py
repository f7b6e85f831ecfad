"""Specifications solved exactly by Z3: what SatLM has a model write (arXiv 2305.09656).

    solve_specification("x = Variable()\\nx + 3 = 10\\nsolve(x)")     Solved("value", "7", {"x": "7"})
    solve_specification("x = 1\\nx = 2\\nsolve(x)")                    Solved("UNSAT", lines=(0, 1))
    solve_specification("x = Variable()\\nx > 3\\nsolve(x)")           Solved("AMBIG", reason="x may be 4 or 5 …")

specifications.py says what is read. As in the paper (§3.2 and its gsm_solver.py): statements are constraints, not
assignments; UNSAT where they contradict each other, then `lines` are those that do; AMBIG where a second model gives
what is asked another value; one second. solver_logic.py does the solving, in a worker process.

Not covered: strings, lists, quantifiers; whole numbers only where declared Int (the paper takes all as reals).
"""

from collections.abc import Sequence
from functools import lru_cache

from reasoner.checks.equations import ANSWER_NAMES
from reasoner.checks.expressions import Program
from reasoner.checks.solved import Solved, asked, quoted, solved_from
from reasoner.checks.specifications import Statement, read_statements
from reasoner.checks.worker import BUSY, Worker

SECONDS = 1.0  # arXiv 2305.09656, gsm_solver.py: func_timeout(1, …)
KILL_SECONDS = 3.0  # Z3 does not always keep its own time
MAX_STATEMENTS = 200

_worker = Worker("from reasoner.checks.solver_logic import serve; serve()", BUSY * KILL_SECONDS + 1)


def solve_specification(text: str) -> Solved:
    """The value of what the specification asks for, and of every quantity that it determines."""
    return solve_statements(tuple(read_statements(text)))


@lru_cache(maxsize=4_096)
def solve_statements(statements: tuple[Statement, ...]) -> Solved:
    """The same of statements that have been read; `lines` are their 0-based numbers."""
    if len(statements) > MAX_STATEMENTS:
        return Solved("unreadable", reason=f"there are {len(statements)} statements, at most {MAX_STATEMENTS} are read")
    wrong = tuple(i for i, statement in enumerate(statements) if statement.error)
    if wrong:
        first = statements[wrong[0]]
        return Solved("unreadable", reason=f"{quoted(first.text)} cannot be read: {first.error}", lines=wrong)
    goal = asked_for(statements)
    if goal is None:
        return Solved("unreadable", reason='nothing is asked: end with "solve(result)"')
    constraints = [[i, program] for i, statement in enumerate(statements) for program in statement.constraints]
    declared = {name: sort for statement in statements for name, sort in statement.declared}
    lines = [statement.text for statement in statements]
    question = {"constraints": constraints, "declared": declared, "goal": goal, "lines": lines}
    return solved_from(asked(_worker, question, SECONDS))


def asked_for(statements: Sequence[Statement]) -> Program | None:
    """What is asked: by solve(…) or return, else "result" or "answer", else what the last line defines."""
    for statement in reversed(statements):
        if statement.goal is not None:
            return statement.goal
    defined = [statement.defines for statement in statements if statement.defines and statement.kind == "constraint"]
    named = [name for name in defined if name.split("#")[0] in ANSWER_NAMES]
    found = (named or defined)[-1:]
    return (("name", found[0], 0),) if found else None
