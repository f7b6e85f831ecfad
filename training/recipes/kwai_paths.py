"""Paths that check themselves, from a generated problem's DAG: what Kwai-STaR's two stages learn from.

    checked(problem)                       the gold path with a Verify after every solve
    repair(problem, lines)                 a wrong path, cut where its slip can be seen, and how it goes on rightly

    Formalize: find Cal's coins                                                     before: the model's own path
    Decompose: Cal's coins, Ben's coins                                             up to its slip
    Solve Subquestion: Ben's coins = Ana's coins - 26 = 41 - 26 = 15

    Verify: Ben has 26 more coins than Ana. Ben's coins = Ana's coins + 26 wrong    after: learnt, preferred
    Backtrack: to state 2
    Solve Subquestion: Ben's coins = Ana's coins + 26 = 41 + 26 = 67
    …

A slip in the plan can be checked only once something is solved (reasoner/actions.py, ours), so such a path is cut after
the first solve that follows. Source: Kwai-STaR (arXiv 2411.04799 §3): path + Verify + Backtrack + corrected states.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from reasoner.actions import explicit_action, without_action
from reasoner.records import Problem
from reasoner.steps import tag_steps
from training.oracle import judge_steps
from training.verifying import backtrack_line, said_of, standing, verify_line
from training.wordproblems import Quantity, computed, expression, gold_transitions, quantities_of

SOLVING = ("Solve Subquestion", "Solve Parent")


@dataclass(frozen=True, slots=True)
class Repair:
    """A path that went wrong, and what should follow where that can first be seen."""

    before: tuple[str, ...]  # lines of the path, the slip among them
    after: tuple[str, ...]  # Verify, Backtrack, and the right lines up to the answer
    instead_of: tuple[str, ...]  # how the path went on; empty where it ended
    pit: int  # 0-based line of the slip


def checked(problem: Problem) -> list[str]:
    """The gold path with a Verify after every solve. ValueError for a problem that was not generated."""
    return with_checks(problem, gold_transitions(problem).split("\n"))


def with_checks(problem: Problem, lines: Sequence[str]) -> list[str]:
    """Right lines, each solve of them followed by its Verify."""
    found: list[str] = []
    for line in lines:
        found.append(line)
        if explicit_action(line) in SOLVING:
            found.append(verify_line(evidence(problem, line), True))
    return found


def evidence(problem: Problem, line: str) -> str:
    """What the problem says of the quantity that a line solves, and what that means: its sentence and its equation."""
    quantities, goal = quantities_of(problem)
    return _read_again(problem, _named(line, quantities) or goal)


def missed(problem: Problem, line: str) -> str:
    """What the problem says that a wrong goal, plan or solve passed over."""
    quantities, goal = quantities_of(problem)
    if explicit_action(line) == "Formalize":
        return f"{_question(problem)} {goal.name}"
    if explicit_action(line) != "Decompose":
        return evidence(problem, line)
    names = [name.strip() for name in without_action(line).split(",")]
    by_name = {quantity.name: quantity for quantity in quantities}
    lacking = [quantity for quantity in reversed(computed(quantities, goal)) if quantity.name not in names]
    given = [by_name[name] for name in names if name in by_name and by_name[name].operator == "given"]
    return _read_again(problem, next(iter([*lacking, *given]), goal))


def _read_again(problem: Problem, quantity: Quantity) -> str:
    """ "Ben has 26 more coins than Ana. Ben's coins = Ana's coins + 26"; a total is told by the question."""
    meant = quantity.value if quantity.operator == "given" else expression(quantity)
    return f"{quantity.sentence or _question(problem)} {quantity.name} = {meant}"


def _question(problem: Problem) -> str:
    return problem.question.rpartition(". ")[2]


def going_on(problem: Problem, before: Sequence[str], is_checked: bool = True) -> list[str]:
    """The right lines that a path still needs after `before`, of which nothing that stands is wrong."""
    quantities, goal = quantities_of(problem)
    kept = [before[index] for index in standing(before)]
    actions = [explicit_action(line) for line in kept]
    named = {named.name for line in kept if explicit_action(line) in SOLVING if (named := _named(line, quantities))}
    needed = {quantity.name for quantity in computed(quantities, goal)}
    lines = []
    for line in gold_transitions(problem).split("\n"):
        action = explicit_action(line)
        own = _named(line, quantities) if action in SOLVING else None
        is_done = own.name in named & needed if own else action in actions and action != "Summarize"
        if not is_done:
            lines.append(line)
    if "Decompose" in actions:
        lines = [line for line in lines if explicit_action(line) != "Formalize"]
    return with_checks(problem, lines) if is_checked else lines


def repair(problem: Problem, lines: Sequence[str], inserts_checks: bool = False) -> Repair | str:
    """How a wrong path is put right, or in words why not.

    inserts_checks: the right solves before the slip get their Verify, for paths of a model that does not check.
    """
    judged = judge_steps(problem, lines)
    wrong = [index for index in standing(lines) if judged[index].verdict.status == "wrong"]
    if not wrong:
        return "no step that stands is wrong"
    pit = wrong[0]
    stop = next((i for i in range(pit, len(lines)) if explicit_action(lines[i]) in SOLVING), None)
    if stop is None:
        return "nothing is solved at or after the slip"
    good = with_checks(problem, lines[:pit]) if inserts_checks else list(lines[:pit])
    right = going_on(problem, good)
    after = [verify_line(missed(problem, lines[pit]), False), backtrack_line(len(good)), *right]
    made = Repair((*good, *lines[pit : stop + 1]), tuple(after), tuple(lines[stop + 1 :]), len(good))
    return _checked_legal(made) or made


def false_alarm(problem: Problem, lines: Sequence[str]) -> Repair | None:
    """A path that calls a right state wrong: what its first such Verify should say, and how to go on from there."""
    judged = judge_steps(problem, lines)
    for index, line in enumerate(lines):
        if said_of(line) is False and judged[index].verdict.status == "wrong":
            solve = next((one for one in reversed(lines[:index]) if explicit_action(one) in SOLVING), "")
            after = (verify_line(evidence(problem, solve), True), *going_on(problem, lines[:index]))
            made = Repair(tuple(lines[:index]), after, tuple(lines[index:]), index)
            return None if _checked_legal(made) else made
        if judged[index].verdict.status == "wrong" and said_of(line) is None:
            return None
    return None


def _checked_legal(made: Repair) -> str:
    """Why the path that was made is not legal, in the project's own grammar; empty where it is."""
    steps = tag_steps([*made.before, *made.after])
    if all(step.is_legal for step in steps[len(made.before) :]):
        return ""
    return "what would follow the slip breaks the grammar of transitions"


def _named(line: str, quantities: Sequence[Quantity]) -> Quantity | None:
    name = without_action(line).partition(" = ")[0].strip()
    return next((quantity for quantity in quantities if quantity.name == name), None)
