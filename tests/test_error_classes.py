"""Error classes by machine: each sign alone, what it does not claim, and the step oracle as a judge of it."""

import json
from pathlib import Path

import pytest

from reasoner.api import Api
from reasoner.checks.answers import extract_answer, judge
from reasoner.formats import FORMATS
from reasoner.records import KeyPoints, Maker, Problem, Trace, make_problem, make_trace
from reasoner.review.error_classes import CLASSES, count_classes, proposal_json, propose
from reasoner.review.readings import readings
from reasoner.steps import tag_steps
from reasoner.store import Store
from reasoner.workbench import Workbench
from tests.bench.bench_error_classes import confusion, wrong_traces
from training.comparison import Comparison
from training.error_counts import count_errors
from training.oracle import judge_steps
from training.report import Report, read_report, write_report
from training.stats import paired_difference, wilson
from training.wordproblems import LEVELS, problem_set

QUESTION = (
    "Ana has 41 coins. Ben has 26 more coins than Ana. Cal has 3 times as many coins as Ben. "
    "Dina has 90 coins. How many coins does Cal have?"
)


def solution(*lines: str, question: str = QUESTION, gold: str = "201") -> tuple[Trace, Problem]:
    problem = make_problem(question, gold, "test")
    answer = extract_answer("\n".join(lines))
    trace = make_trace(
        problem,
        prompt="",
        text="\n".join(lines),
        steps=tag_steps(lines),
        answer=answer,
        verdict=judge(gold, answer),
        maker=Maker("test"),
        format="cot",
    )
    return trace, problem


@pytest.mark.parametrize(
    ("line", "error_class", "words"),
    [
        ("Ben's coins = Ana's coins + 26 = 41 + 26 = 76", "calculation", "it should be 67"),
        ("Ben's coins = Ana's coins - 26 = 41 - 26 = 15", "misunderstanding", "Ben has 26 more coins than Ana."),
        ("Ben's coins = Ana's coins + 62 = 41 + 62 = 103", "misunderstanding", "Ben has 26 more coins than Ana."),
        ("Ana's coins = Ben's coins + 26 = 41 + 26 = 67", "misunderstanding", "Ben has 26 more coins than Ana."),
        ("Cal's coins = Ana's coins * 3 = 41 * 3 = 123", "misunderstanding", "does not compare Cal with Ana"),
        ("Ben's coins = Ana's coins + 26 = 44 + 26 = 70", "misunderstanding", "ana's coins is 41, not 44"),
        ("Eve's coins = Ana's coins + 26 = 41 + 26 = 67", "misunderstanding", "does not speak of eve"),
        ("Ben's coins = Ben's coins + 26 = 41 + 26 = 67", "misunderstanding", "made of itself"),
        ("Formalize: find Ben's coins", "misunderstanding", "asks for Cal, not for Ben"),
        ("Formalize: find the total", "misunderstanding", "asks for Cal alone"),
        ("Decompose: Cal's coins", "step missing", "Ben's must be found too"),
        ("Decompose: Cal's coins, Ben's coins, Ana's coins", "misunderstanding", "Ana's coins is told"),
        ("Decompose: Ben's coins, Cal's coins", "misunderstanding", "does not start at what is asked"),
        ("Solve Parent: Ben's coins = Ana's coins + 26 = 41 + 26 = 67", "misunderstanding", "asks for Cal"),
        ("Ben_coins = Ana_coins - 26", "misunderstanding", "Ben has 26 more coins than Ana."),
        ("Ben has 41 + 26 = 76 coins.", "calculation", "it should be 67"),
        ("Ben has 41 + 55 = 96 coins and no more.", "misunderstanding", "55 comes from nowhere"),
    ],
)
def test_each_sign_names_its_class_and_why(line: str, error_class: str, words: str) -> None:
    trace, problem = solution(line, "The answer is 999.")
    found = propose(trace, problem)
    if "55" in line:  # a sign that is no proof counts only beside no other one: 41 + 55 = 96 is right
        assert found.step == 0
    assert (found.error_class, found.step) == (error_class, 0)
    assert words in " ".join(found.reasons)


@pytest.mark.parametrize(
    "lines",
    [
        ("Ben's coins = Ana's coins + 26 = 41 + 26 = 67", "Cal's coins = Ben's coins × 3 = 67 × 3 = 201"),
        ("Ben's coins = 41 + 26 = 67", "Cal's coins = 3 * 67 = 201"),
        ("Decompose: Cal's coins, Ben's coins", "Ben's coins = Ana's coins + 26 = 67", "Cal's coins = 67 * 3 = 201"),
        ("Ben has 41 + 26 = 67 coins.", "Cal has 67 * 3 = 201 coins."),
        ("Ben_coins = Ana_coins + 26", "Cal_coins = Ben_coins * 3"),
    ],
)
def test_a_right_solution_has_no_sign(lines: tuple[str, ...]) -> None:
    trace, problem = solution(*lines, "The answer is 201.")
    assert propose(trace, problem).error_class == ""


def test_contradicting_the_question_outranks_a_wrong_result_in_the_same_step() -> None:
    trace, problem = solution("Ben's coins = Ana's coins - 26 = 41 - 26 = 16", "The answer is 16.")
    assert propose(trace, problem).error_class == "misunderstanding"


def test_information_that_no_step_used_is_a_step_missing_where_nothing_else_is_found() -> None:
    trace, problem = solution(
        "Cal has 41 * 3 = 123 coins.", "The answer is 123.", question=QUESTION.replace("Dina has 90 coins. ", "")
    )
    found = propose(trace, problem)
    assert (found.error_class, found.step) == ("step missing", None)
    assert found.reasons == ("no step uses “26”",)
    points = KeyPoints(problem.id, "How many has Cal?", ("Ana has 41 coins.", "Cal has 3 times as many."), "ada")
    assert propose(trace, problem, key_points=points).error_class == ""


def test_could_not_tell_is_an_outcome() -> None:
    trace, problem = solution("I think so.", "The answer is 3.", question="How many is it?", gold="4")
    found = propose(trace, problem)
    assert (found.error_class, found.step) == ("", None)
    assert found.words.startswith("could not tell")


def test_the_step_that_a_person_flagged_is_the_one_that_is_classed() -> None:
    trace, problem = solution(
        "Ben's coins = Ana's coins - 26 = 41 - 26 = 15", "Cal has 15 * 3 = 46.", "The answer is 46."
    )
    assert propose(trace, problem).step == 0
    assert (propose(trace, problem, 1).error_class, propose(trace, problem, 1).step) == ("calculation", 1)
    json.dumps(proposal_json(trace, problem, 1))


def test_sentences_in_unknown_words_are_not_read_and_nothing_follows_from_them() -> None:
    question = "Ben found twenty-six coins beyond what Ana, who owns 41, ever had. How many has Ben?"
    trace, problem = solution(
        "Ben's coins = Ana's coins - 26 = 41 - 26 = 15", "The answer is 15.", question=question, gold="67"
    )
    assert propose(trace, problem).error_class != "calculation"
    assert not [one for one in readings(question).relations if one.kind in "+-*/"]


def test_what_is_needed_follows_from_the_sentences() -> None:
    read = readings(QUESTION)
    assert read.asked == ("cal",)
    assert read.needed() == frozenset({"cal", "ben"})  # Ana's coins are told, Dina's are beside the point
    assert readings("Who knows?").needed() is None


def test_wrong_ones_are_counted_by_class() -> None:
    wrong = solution("Ben has 41 + 26 = 76 coins.", "The answer is 76.")
    right = solution("Ben has 41 + 26 = 67 coins.", "Cal has 201.", "The answer is 201.")
    assert count_classes([wrong, right]) == dict.fromkeys(CLASSES, 0) | {"calculation": 1}


def test_gold_solutions_of_generated_problems_have_no_sign() -> None:
    flagged = 0
    problems = [problem for level in LEVELS for problem in problem_set(level, 25, 77)]
    for problem in problems:
        lines = problem.solution.splitlines()
        trace, _ = solution(*lines, question=problem.question, gold=problem.answer or "")
        flagged += propose(trace, problem).error_class != ""
    assert flagged == 0


def test_the_machine_and_the_step_oracle_agree_on_the_built_in_wrong_solutions() -> None:
    """92.9 % of 504, transitions 96.4 % of 422: "162 - 36" in words names no operand, and gives no sign.

    The questions are in the wordings that readings.py was written with.
    """
    for least, names in ((0.95, {"transitions"}), (0.9, set(FORMATS))):
        rows = [(problem, trace) for problem, trace in wrong_traces() if trace.format in names][::3]
        for is_given in (True, False):
            table = confusion(rows, is_given)
            total = sum(number for row in table.values() for number in row.values())
            assert sum(table[truth][truth] for truth in table) >= least * total


def test_a_report_counts_first_errors_before_and_after_by_oracle_and_by_machine(tmp_path: Path) -> None:
    rows = wrong_traces()[:20]
    typed = solution("Ben has 41 + 26 = 76 coins.", "The answer is 76.")
    comparisons = [Comparison(problem, (trace,), ()) for problem, trace in rows]
    comparisons.append(Comparison(typed[1], (typed[0],), (typed[0],)))
    counted = count_errors(comparisons)
    by = {(row.by, row.error_class): (row.before, row.after) for row in counted}
    assert sum(before for (who, _), (before, _) in by.items() if who == "oracle") == 20  # the typed one has no DAG
    assert sum(before for (who, _), (before, _) in by.items() if who == "machine") == 21
    assert by["machine", "calculation"][1] == 1
    half = wilson(1, 2)
    report = Report("m", "a", "", 0, 2, 0, half, half, paired_difference(1, 0, 0, 1), 1.0, (), (), (), ())
    path = tmp_path / "report.json"
    write_report(report, path)
    assert read_report(path).error_classes == ()
    raw = json.loads(path.read_text())
    del raw["error_classes"]  # as older runs wrote it
    path.write_text(json.dumps(raw))
    assert read_report(path) == report


def test_a_program_asks_for_the_class(tmp_path: Path) -> None:
    trace, problem = solution("Ben has 41 + 26 = 76 coins.", "The answer is 76.")
    with Store(tmp_path / "store.sqlite") as store:
        store.add_problems([problem])
        store.add_traces([trace])
        found = Api(Workbench(store, model="scripted:none")).functions()["propose_error_class"](trace.id)
    assert (found["error_class"], found["step"]) == ("calculation", 0)


def test_the_oracle_knows_that_the_first_sign_is_an_error_of_its_step() -> None:
    """Where the machine names a step of its own, that step is seldom one that the oracle calls right."""
    named = right = 0
    for problem, trace in wrong_traces()[::5]:
        found = propose(trace, problem)
        if found.step is not None:
            named += 1
            right += judge_steps(problem, [step.text for step in trace.steps])[found.step].verdict.status == "right"
    assert right <= 0.05 * named
