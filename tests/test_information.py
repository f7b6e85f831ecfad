"""The two signs of misunderstanding: numbers that come from nowhere, and information that no step used."""

import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoner.checks import check_solution, check_trace
from reasoner.checks.figures import step_numbers
from reasoner.checks.information import check_information, unused
from reasoner.checks.sources import Sources
from reasoner.errors import BadInput
from reasoner.formats import FORMATS
from reasoner.records import KeyPoints, Label, Maker, Problem, Step, Trace, Verdict, make_problem, make_trace
from reasoner.score import score
from reasoner.steps import split_steps
from reasoner.store import Store
from reasoner.told import told
from training.solutions import gold_key_points, gold_solution
from training.wordproblems import generate

QUESTION = (
    "Ana has 41 coins. Ben has 26 more coins than Ana. Cal has 3 times as many coins as Ben. "
    "How many coins does Cal have?"
)
POINTS = ("Cal has 3 times as many coins as Ben.", "Ben has 26 more coins than Ana.", "Ana has 41 coins.")
SOLUTIONS = {
    "transitions": "Formalize: find Cal's coins\nDecompose: Cal's coins, Ben's coins\n"
    "Solve Subquestion: Ben's coins = Ana's coins + 26 = 41 + 26 = 67\n"
    "Solve Parent: Cal's coins = Ben's coins × 3 = 67 × 3 = 201\nSummarize: the answer is 201",
    "cot": "Ben has 41 + 26 = 67 coins.\nCal has 67 * 3 = 201 coins.\nThe answer is 201.",
    "program": "Ana_coins = 41\nBen_coins = Ana_coins + 26\nCal_coins = Ben_coins * 3\nanswer = Cal_coins",
    "equations": "answer = Cal_coins\nCal_coins = Ben_coins * 3\nBen_coins = Ana_coins + 26\nAna_coins = 41",
    "specification": "Ana_coins = Variable()\nAna_coins = 41\nBen_coins = Variable()\nBen_coins = Ana_coins + 26\n"
    "Cal_coins = Variable()\nCal_coins = Ben_coins * 3\nresult = Cal_coins\nsolve(result)",
    "text_code": "Ben's coins = Ana's coins + 26\n<code>\nBen_coins = 41 + 26\nBen_coins\n</code>\nOutput: 67\n"
    "Cal's coins = Ben's coins × 3\n<code>\nCal_coins = Ben_coins * 3\nCal_coins\n</code>\nOutput: 201\n"
    "Final Answer: 201",
}


def solution(text: str, format: str = "cot", question: str = QUESTION) -> tuple[Trace, Problem]:
    problem = make_problem(question, "201", "typed")
    steps = FORMATS[format].parse(text)
    verdict, maker = Verdict("unjudged"), Maker("import")
    trace = make_trace(
        problem, prompt="", text=text, steps=steps, answer=None, verdict=verdict, maker=maker, format=format
    )
    return trace, problem


def nowhere(question: str, *texts: str) -> list[tuple[int, str]]:
    steps = tuple(Step(text) for text in texts)
    return [(finding.step, finding.found) for finding in check_information(question, steps)]


# ── numbers told ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "value", "also"),
    [
        ("41 coins", 41, ()),
        ("$1,250.50", Fraction(2501, 2), ()),
        ("twenty-five", 25, ()),
        ("two hundred and fifty-six", 256, ()),
        ("one hundred thousand", 100_000, ()),
        ("5 million", 5_000_000, (5,)),
        ("3 dozen", 36, (3, 12)),
        ("half a dozen", 6, ()),
        ("twice", 2, ()),
        ("half", Fraction(1, 2), (2, 50)),
        ("a third", Fraction(1, 3), (3, Fraction(2, 3))),
        ("two-thirds", Fraction(2, 3), (2, 3, Fraction(1, 3))),
        ("3/4", Fraction(3, 4), (3, 4, Fraction(1, 4), 75)),
        ("three quarters", Fraction(3, 4), (Fraction(1, 4),)),
        ("20%", 20, (Fraction(1, 5), Fraction(4, 5), Fraction(6, 5), 80, 120)),
        ("20 percent", 20, (Fraction(1, 5),)),
        ("50 cents", 50, (Fraction(1, 2),)),
        ("1 1/2", Fraction(3, 2), ()),
        ("three and a half", Fraction(7, 2), ()),
        ("3rd", 3, ()),
        ("a quarter", Fraction(1, 4), (25,)),
    ],
)
def test_a_number_is_read_with_all_it_may_mean(text: str, value: Fraction, also: tuple[Fraction, ...]) -> None:
    (number,) = told(f"so {text} of it")
    assert number.value == value and number.text in text
    assert set(also) <= number.meanings


def test_numbers_in_a_row_are_several() -> None:
    assert [number.value for number in told("five six-packs and two or three more")] == [5, 6, 2, 3]


@given(st.text(max_size=200))
def test_places_of_told_numbers_are_in_the_text(text: str) -> None:
    for number in told(text):
        assert text[number.start : number.end] == number.text


# ── from nowhere ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("format", SOLUTIONS)
def test_a_right_solution_has_no_number_from_nowhere_and_leaves_nothing_unused(format: str) -> None:
    trace, problem = solution(SOLUTIONS[format], format)
    key_points = KeyPoints(problem.id, "How many coins does Cal have?", POINTS, "ada")
    assert check_information(problem.question, trace.steps) == []
    assert unused(trace, problem, key_points) == [] and unused(trace, problem) == []


@pytest.mark.parametrize("format", SOLUTIONS)
def test_a_number_copied_wrongly_comes_from_nowhere(format: str) -> None:
    trace, problem = solution(SOLUTIONS[format].replace("26", "62"), format)
    found = check_information(problem.question, trace.steps)
    assert [finding.found for finding in found] == ["62"], "named once, where it first occurs"
    assert "62" in trace.steps[found[0].step].text
    assert found[0].status == "unjudged" and "comes from nowhere" in found[0].message


@pytest.mark.parametrize("format", SOLUTIONS)
def test_the_information_left_out_for_it_is_unused(format: str) -> None:
    trace, problem = solution(SOLUTIONS[format].replace("26", "62"), format)
    key_points = KeyPoints(problem.id, "How many coins does Cal have?", POINTS, "ada")
    (left,) = unused(trace, problem, key_points)
    assert (left.index, left.text) == (1, POINTS[1])
    assert problem.question[left.start : left.end] == POINTS[1]
    (number,) = unused(trace, problem)
    assert (number.index, number.text, problem.question[number.start : number.end]) == (None, "26", "26")


FROM_SOMEWHERE = [
    ("He sold half of 10 eggs.", "10 / 2 = 5 eggs"),
    ("A third of the 60 left.", "60 * 2/3 = 40 stayed"),
    ("He pays $80 less 20%.", "80 * 0.8 = 64"),
    ("Twice the 12 pages.", "12 * 2 = 24"),
    ("He buys 3 dozen eggs.", "3 * 12 = 36 eggs"),
    ("He works 3 hours.", "3 * 60 = 180 minutes"),
    ("A 90 minute walk.", "He walked 1.5 hours."),
    ("He saves $5 a day for two weeks.", "2 * 7 = 14 days, 14 * 5 = 70"),
    ("It costs 35 cents.", "$0.35 each"),
    ("Seven of twenty-one cars.", "21 - 7 = 14"),
    ("Ana, Ben and Cal share 12 pies.", "12 / 3 = 4 each"),
    ("He works from 2 PM to 5 PM for $9.", "3 hours * 9 = 27"),
    ("She reads 7 pages from Monday to Thursday.", "4 * 7 = 28"),
    ("A square of side 6.", "4 * 6 = 24"),
    ("He has 10 and loses 3.", "He has 10 - 3 = 7 left. Those 7 he sells."),
    ("100 people in 3 rows.", "100 / 3 = 33.33, about 33 a row"),
    ("It sold 42 and 4080.", "4080 / 2 + 42 = 2040 + 42 = 2082"),
    ("He has 5 coins.", "Step 3: he has 5 coins."),
    ("He has 5 coins.", "17. he has 5 coins."),
]


@pytest.mark.parametrize(("question", "text"), FROM_SOMEWHERE)
def test_what_the_question_tells_counts_or_everybody_knows_comes_from_somewhere(question: str, text: str) -> None:
    assert nowhere(question, text) == []


def test_an_earlier_steps_result_comes_from_somewhere_a_later_ones_does_not() -> None:
    question = "Ana has 41 coins and Ben 26."
    assert nowhere(question, "41 + 26 = 67", "67 * 2 = 134") == []
    assert nowhere(question, "67 * 2 = 134", "41 + 26 = 67") == [(0, "67")]


def test_facts_are_believed_only_beside_their_words() -> None:
    assert nowhere("He sleeps 8 nights.", "8 * 24 = 192 hours") == []
    assert nowhere("He buys 8 apples.", "8 * 24 = 192") == [(0, "24")]


def test_solving_an_equation_makes_its_numbers() -> None:
    question = "Tom has twice as many as Ann. Together they have 45."
    assert nowhere(question, "Let x be Ann's.", "x + 2x = 45", "3x = 45", "x = 15", "2 * 15 = 30") == []


def test_the_sign_in_3_x_4_is_no_unknown() -> None:
    assert nowhere("3 bags of 4.", "3 x 4 = 12", "17 x 4 = 68") == [(1, "17")]


def test_code_counts_its_literals_but_not_its_names_strings_comments_or_roundings() -> None:
    code = 'x1 = 41  # not 99\nprint(f"{x1:.2f} of 77", round(x1 / 3, 4))'
    assert [number.text for number in step_numbers(Step(code, kind="code")).taken] == ["41", "3"]


def test_what_running_code_gave_comes_from_there() -> None:
    steps = (
        Step("total = 41 + 26", kind="code", outcome="total = 67"),
        Step("67", kind="output"),
        Step("So Cal has 67 * 3 = 201."),
    )
    assert check_information(QUESTION, steps) == []


def test_gold_solutions_of_the_problem_maker_have_neither_sign_in_any_format() -> None:
    for seed in range(12):
        problem = generate(("easy", "medium", "hard")[seed % 3], seed)
        for format in FORMATS:
            trace, _ = solution(gold_solution(problem, format), format, problem.question)
            assert check_information(problem.question, trace.steps) == [], (format, problem.question)
            assert unused(trace, problem, gold_key_points(problem)) == [], (format, problem.question)


def test_gsm8ks_gold_solutions_are_flagged_in_under_two_percent_of_their_steps(real_data: Path) -> None:
    """Measured over all 7,473: 0.9 % of steps; the rest are mostly counts that nobody wrote and errors in the gold."""
    rows = [json.loads(line) for line in (real_data / "gsm8k" / "train.jsonl").read_text().splitlines()[:300]]
    num_steps = num_flagged = 0
    for row in rows:
        steps = split_steps(row["answer"].rpartition("####")[0].strip())
        num_steps += len(steps)
        num_flagged += len({finding.step for finding in check_information(row["question"], steps)})
    assert num_flagged < 0.02 * num_steps


def test_a_false_gold_solution_of_gsm8k_is_found_out() -> None:
    question = "Parker is 4 inches shorter than Daisy. Daisy is 8 inches taller than Reese. Reese is 60 inches tall."
    assert nowhere(question, "Since Daisy is 6 inches taller than Reese, she must be 60 + 8 = 68 inches tall.") == [
        (0, "6")
    ]


# ── unused ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_number_used_for_somebody_else_leaves_the_point_unused() -> None:
    question = "Ana has 3 pens. Ben has 5 more pens than Ana. Cal has 5 fewer pens than Dan. How many has Cal?"
    text = "Solve Parent: Ben's pens = Ana's pens + 5 = 3 + 5 = 8"
    trace, problem = solution(text, "transitions", question)
    key_points = KeyPoints(problem.id, "", ("Ben has 5 more pens than Ana.", "Cal has 5 fewer pens than Dan."), "ada")
    assert [one.index for one in unused(trace, problem, key_points)] == [1]


def test_what_is_only_planned_or_never_read_again_is_not_used() -> None:
    trace, problem = solution("Formalize: 26 more\nSolve Parent: Cal's coins = 41 × 3 = 123", "transitions")
    assert [one.text for one in unused(trace, problem)] == ["26"]
    trace, problem = solution("Ana_coins = 41\nother = 26\nCal_coins = Ana_coins * 3\nanswer = Cal_coins", "program")
    assert [one.text for one in unused(trace, problem)] == ["26"]


def test_a_point_that_the_question_does_not_say_has_no_place() -> None:
    trace, problem = solution("41 + 26 = 67")
    (left,) = unused(trace, problem, KeyPoints(problem.id, "", ("Dan has 9 coins.",), "solver"))
    assert (left.index, left.start, left.end) == (0, None, None)


def test_a_point_without_numbers_is_used_by_its_names_or_words() -> None:
    question = "Ana has 4 pens. Ben has 6 pens. Cal has as many as Ana and Ben together. How many has Cal?"
    point = KeyPoints("", "", ("Cal has as many as Ana and Ben together.",), "ada")
    used, problem = solution("Cal's pens = Ana's pens + Ben's pens = 4 + 6 = 10", "cot", question)
    not_used, _ = solution("Ana has 4 pens.\nBen has 6 pens.\nThe answer is 6.", "cot", question)
    assert unused(used, problem, point) == []
    assert len(unused(not_used, problem, point)) == 1 or "Ana" in not_used.text


# ── together with the other checks ───────────────────────────────────────────────────────────────────────────────────


def test_check_solution_adds_to_check_trace_in_the_order_of_the_steps() -> None:
    trace, problem = solution("Ben has 41 + 62 = 103 coins.\nCal has 103 * 3 = 308 coins.")
    found = [(finding.step, finding.check, finding.status) for finding in check_solution(trace, problem)]
    assert set(found) >= {(0, "information", "unjudged"), (1, "arithmetic", "wrong")}
    assert found == sorted(found, key=lambda one: one[0])
    assert {finding.check for finding in check_trace(trace)} == {"arithmetic"}


def test_what_a_person_wrote_in_the_key_points_counts_as_told() -> None:
    trace, problem = solution("Ben has 41 + 62 = 103 coins.")
    written = KeyPoints(problem.id, "", ("The author meant 62 more coins.",), "ada", 0.0, "person")
    machine = KeyPoints(problem.id, "", ("Ben has 62 more coins.",), "solver", 0.0, "machine")
    assert "information" not in {finding.check for finding in check_solution(trace, problem, written)}
    assert "information" in {finding.check for finding in check_solution(trace, problem, machine)}


def test_the_detector_names_the_step(tmp_path: Path) -> None:
    trace, problem = solution("Ben has 41 + 26 = 67 coins.\nCal has 67 * 8 = 536 coins.")
    with Store(tmp_path / "store.sqlite") as store:
        store.add_problems([problem])
        store.add_traces([trace])
        store.add_label(Label.of(trace, kind="first_wrong", step=1, annotator="ada"))
        result = score(store, "information")
        assert (result["exact"], result["flagged"], result["gold_used"]) == (1, 1, False)
        with pytest.raises(BadInput, match="information"):
            score(store, "nobody")


@pytest.mark.parametrize(
    "text",
    ["", "=" * 3_000, "(" * 3_000, "9" * 5_000, "1/0 = 3", "x" * 4_000 + " = 5", "\ud83d = 4", "0/0%", "1/0 cup"],
)
def test_strange_text_takes_no_harm(text: str) -> None:
    for kind in ("words", "code", "output"):
        check_information(text, (Step(text, kind=kind),))  # type: ignore[arg-type]
    Sources(text).has(Fraction(5), text)


@given(st.text(alphabet="0123456789 +-*/=.%$,abxAnthird", max_size=120))
def test_any_text_can_be_checked(text: str) -> None:
    check_information(text, (Step(text), Step(text, kind="code")))
