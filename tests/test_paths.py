"""Merged paths: traces of different formats meet where they have established the same."""

import pytest

from reasoner.formats.transitions import parse
from reasoner.graph import build_graph, short_label
from reasoner.paths import state_paths
from reasoner.quantities import established, is_failure, quantities, same_name
from reasoner.records import Maker, Problem, Step, Trace, Verdict, make_problem, make_trace
from reasoner.ways_back import targets

COINS = make_problem(
    "Ana has 41 coins. Ben has 26 more coins than Ana. Cal has 3 times as many coins as Ben. "
    "How many coins does Cal have?",
    "201",
    "test",
)
TRANSITIONS = parse(
    """Formalize: find Cal's coins
Solve Subquestion: Ben's coins = Ana's coins + 26 = 41 + 26 = 67
Solve Parent: Cal's coins = Ben's coins * 3 = 67 * 3 = 201
Summarize: the answer is 201"""
)
WORDS = [Step("Ben has 41 + 26 = 67 coins."), Step("Cal has 67 * 3 = 201 coins."), Step("The answer is 201.")]
PROGRAM = [
    Step("Ana_coins = 41", kind="code", outcome="Ana_coins = 41"),
    Step("Ben_coins = Ana_coins + 26", kind="code", outcome="Ben_coins = 67"),
    Step("Cal_coins = Ben_coins * 3", kind="code", outcome="Cal_coins = 201"),
    Step("answer = Cal_coins", kind="code", outcome="answer = 201"),
]
TEXT_CODE = [
    Step("Ben's coins = Ana's coins + 26"),
    Step("Ben_coins = 41 + 26\nBen_coins", kind="code", outcome="67"),
    Step("67", kind="output"),
    Step("Cal's coins = Ben's coins × 3"),
    Step("Cal_coins = Ben_coins * 3\nCal_coins", kind="code", outcome="Cal_coins = 201"),
    Step("201", kind="output"),
    Step("Final Answer: 201"),
]
SPECIFICATION = [
    Step("Ana_coins = Variable()", kind="declaration"),
    Step("Ana_coins = 41", kind="constraint", outcome="Ana_coins = 41"),
    Step("Ben_coins = Ana_coins + 26", kind="constraint", outcome="Ben_coins = 67"),
    Step("Cal_coins = Ben_coins * 3", kind="constraint", outcome="Cal_coins = 201"),
    Step("result = Cal_coins", kind="constraint", outcome="result = 201"),
]


def trace(steps, format: str = "program", answer: str = "201", problem: Problem = COINS) -> Trace:
    verdict = Verdict("right" if answer == "201" else "wrong", answer)
    text = "\n".join(step.text for step in steps)
    maker = Maker("import", format)
    return make_trace(
        problem, prompt="", text=text, steps=steps, answer=answer, verdict=verdict, maker=maker, format=format
    )


@pytest.mark.parametrize("steps", [WORDS, PROGRAM, TEXT_CODE, SPECIFICATION], ids=["words", "program", "mario", "z3"])
def test_every_format_meets_the_transitions_state_by_state(steps) -> None:
    first, second = trace(TRANSITIONS, "transitions"), trace(steps)
    paths = state_paths(COINS, [first, second], merge=True)
    assert set(paths[first.id][2:]) <= set(paths[second.id])  # Ben's 67, Cal's 201, the answer


def test_equations_that_begin_with_the_goal_end_where_the_others_end() -> None:
    backwards = [
        Step("answer = Cal_coins", kind="equation", outcome="answer = 201"),
        Step("Cal_coins = Ben_coins * 3", kind="equation", outcome="Cal_coins = 201"),
        Step("Ben_coins = Ana_coins + 26", kind="equation", outcome="Ben_coins = 67"),
    ]
    first, second = trace(TRANSITIONS, "transitions"), trace(backwards, "equations")
    paths = state_paths(COINS, [first, second], merge=True)
    assert paths[first.id][-1] == paths[second.id][-1]


def test_a_wrong_value_parts_the_ways() -> None:
    wrong = [
        *PROGRAM[:1],
        Step("Ben_coins = Ana_coins - 26", kind="code", outcome="Ben_coins = 15"),
        Step("answer = Ben_coins * 3", kind="code", outcome="answer = 45"),
    ]
    first, second = trace(PROGRAM), trace(wrong, answer="45")
    paths = state_paths(COINS, [first, second], merge=True)
    assert paths[first.id][1] == paths[second.id][1]
    assert not set(paths[first.id][2:]) & set(paths[second.id])


def test_a_value_that_two_names_have_stays_without_a_name() -> None:
    named = trace([Step("Ben's coins = 60 + 7 = 67"), Step("Dan's coins = 66 + 1 = 67"), Step("The answer is 201.")])
    words = trace([Step("That is 41 + 26 = 67."), Step("The answer is 201.")], "cot")
    paths = state_paths(COINS, [named, words], merge=True)
    assert paths[named.id][1] != paths[words.id][1]


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (Step("Ben_coins = Ana_coins + 26", kind="code", outcome="Ben_coins = 67"), ("ben coins=67",)),
        (Step("a, b = 3, 4", kind="code", outcome="a = 3, b = 4"), ("a=3", "b=4")),
        (Step("a = 3\nb = 4", kind="code", outcome="a = 3\nb = 4"), ("a=3", "b=4")),
        (Step("x = 1/3", kind="equation", outcome="x = 1/3"), ("x=1/3",)),
        (Step("n = 1_000 * 1.5", kind="code", outcome="n = 1500.0"), ("n=1500",)),
        (Step("Ben_coins = 41 + 26", kind="equation"), ("ben coins=67",)),
        (Step("print(x)", kind="code", outcome="NameError: name 'x' is not defined, x = 3"), ()),
        (Step("solve(result)", kind="constraint", outcome="AMBIG"), ()),
        (Step("1,500", kind="output"), ("1500",)),
        (Step("x = Variable()", kind="declaration"), ()),
        (Step("name = 'Ana = 3'", kind="code", outcome="name = 'Ana'"), ()),
        (Step("x = 1/0", kind="code", outcome="x = 1/0"), ()),
    ],
)
def test_what_executing_a_step_gave_is_what_it_establishes(step: Step, expected: tuple[str, ...]) -> None:
    assert established(step) == expected


def test_a_stated_number_is_told_from_one_worked_out() -> None:
    assert [quantity.is_stated for step in PROGRAM for quantity in quantities(step)] == [True, False, False, False]
    assert quantities(Step("Ana's coins = 41"))[0].is_stated
    assert not quantities(Step("Ben's coins = 41 + 26 = 67"))[0].is_stated


def test_one_quantity_has_one_name() -> None:
    assert {same_name(name) for name in ("Ben_coins", "Ben's coins", "ben coins", "BEN’S  coins")} == {"ben coins"}
    assert same_name("result") == same_name("Final answer") == "answer"


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [("NameError: x", True), ("UNSAT", True), ("timeout", True), ("timed out", True), ("Ben_coins = 67", False)],
)
def test_failures_are_told_from_values(outcome: str, expected: bool) -> None:
    assert is_failure(outcome) is expected


def test_labels_of_steps_that_are_executed_are_short() -> None:
    cases = {
        PROGRAM[1]: "Ben_coins = 67",
        TEXT_CODE[1]: "→ 67",
        TEXT_CODE[2]: "→ 67",
        Step("x = 1", kind="code", outcome="NameError: name 'y' is not defined"): "⚠ NameError",
        Step("a = 3\nb = 4", kind="code", outcome="a = 3, b = 4"): "b = 4",
        Step("Ana_coins = Variable()", kind="declaration"): "Ana_coins = ?",
        Step("def solution():\n    return 3", kind="code"): "def solution(): …",
    }
    assert {step: short_label(step) for step in cases} == cases


CHECKED = parse(
    """Formalize: find Ben's coins
Solve Subquestion: Ana's coins = 3
Solve Parent: Ben's coins = Ana's coins + 2 = 3 + 2 = 6
Verify: 3 + 2 = 5, not 6
Backtrack: to state 2
Solve Parent: Ben's coins = Ana's coins + 2 = 3 + 2 = 5
Summarize: the answer is 5"""
)


def test_backtrack_and_the_verify_that_failed_lead_back() -> None:
    assert list(targets(CHECKED)) == [(3, 2), (4, 2)]


def test_ways_back_are_no_edges_of_the_graph() -> None:
    one = trace(CHECKED, "transitions", "5")
    for merge in (False, True):
        graph = build_graph(COINS, [one], merge=merge)
        path = graph.paths[one.id]
        assert [(back.state, back.target, back.action) for back in graph.backs] == [
            (path[4], path[2], "Verify"),
            (path[5], path[2], "Backtrack"),
        ]
        assert graph.num_layers == len(path)
