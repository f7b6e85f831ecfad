"""How a Kwai-STaR solver checks itself, counted on solutions made by hand, and against a vote of another's samples."""

from dataclasses import replace
from typing import Any

from reasoner.records import Problem
from tests.test_recipe_kwai_star import CAL, GOLD, REPAIRED, SLIP, WRONG, example
from training.recipes.kwai_figures import against_voting, checking
from training.recipes.measured import Measured, Outcome


def outcome(problem: Problem, lines: list[str], greedy: Any, **rest: Any) -> Outcome:
    return Outcome(problem.id, problem.level, greedy, text="\n".join(lines), tokens=rest.pop("tokens", 10), **rest)


def test_checking_is_counted_by_the_oracle() -> None:
    one = example()
    others = [replace(one, id=f"p{number}") for number in range(3)]
    alarm = [*GOLD[:3], f"Verify: {CAL} wrong", "Backtrack: to state 2", SLIP, *WRONG[3:]]
    rows = [
        outcome(one, [*GOLD[:2], SLIP, *REPAIRED], "right"),
        outcome(others[0], alarm, "not right"),
        outcome(others[1], [*WRONG[:3], f"Verify: {CAL} right", *WRONG[3:]], "not right"),
        outcome(others[2], GOLD, "right", tokens=50),
    ]
    found = checking({problem.id: problem for problem in (one, *others)}, rows)
    assert (found.verifies.num, found.verifies.total) == (3, 4)
    assert (found.verify_right.num, found.verify_right.total) == (3, 5)
    assert (found.finds.num, found.finds.total) == (1, 2) and (found.spares.num, found.spares.total) == (2, 3)
    assert (found.repaired.num, found.repaired.total) == (1, 1) and (found.broken.num, found.broken.total) == (1, 1)
    assert found.tokens == 20 and len(found.sentences()) == 3
    assert 0 <= found.verify_right.low <= 0.6 <= found.verify_right.high <= 1
    assert len(checking({}, []).sentences()) == 1


def test_voting_gets_at_least_the_same_number_of_tokens() -> None:
    one = [replace(example(), id=str(number)) for number in range(4)]
    star = [outcome(p, GOLD, "right", tokens=25) for p in one]
    votes = ((True, True, False), (False, False, True), (True, False, None), (True, True, True))
    groups = ((0, 0, 1), (0, 0, 1), (0, 1, -1), (0, 0, 0))
    other = [
        outcome(p, GOLD, "right", right=right, groups=own, sampled_tokens=30)
        for p, right, own in zip(one, votes, groups, strict=True)
    ]
    measured = [Measured(tuple(rows), "m", "", "transitions", 3, 0.7, 0) for rows in (star, other)]
    found = against_voting(*measured)
    assert found is not None and (found.k, found.tokens) == (3, 30)
    assert (found.accuracy.num, found.delta) == (2, 0.5)
    brief = Measured(tuple(replace(o, tokens=12) for o in star), "m", "", "t", 3, 0.7, 0)
    two = against_voting(brief, measured[1])
    assert two is not None and two.k == 3, "a vote of two that differ would count as wrong"
    assert (
        against_voting(Measured(tuple(replace(o, tokens=99) for o in star), "m", "", "t", 3, 0.7, 0), measured[1])
        is None
    )
