"""Gold answers in doubt: executed solutions of several formats against gold; a person decides; the queue follows."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from reasoner.__main__ import main
from reasoner.api import Api
from reasoner.checks.answers import judge
from reasoner.errors import BadInput
from reasoner.formats import FORMATS
from reasoner.records import Maker, Problem, Trace, make_problem, make_trace
from reasoner.review.doubt import doubt, doubt_rows, gold_report, in_doubt, reviewed_rows
from reasoner.store import Store
from reasoner.store.gold import new_review
from reasoner.workbench import Workbench

QUESTION = "Ana has 41 coins. Ben has 26 more coins than Ana. How many coins does Ben have?"
PROGRAM = "Ana_coins = 41\nBen_coins = Ana_coins + 26\nanswer = Ben_coins"
EQUATIONS = "answer = Ben_coins\nBen_coins = Ana_coins + 26\nAna_coins = 41"
TEXT_CODE = "Ben's coins:\n<code>\nBen_coins = 41 + 26\nBen_coins\n</code>\nOutput: 67\nFinal Answer: 67"


def solved(problem: Problem, format: str, text: str, number: int = 0) -> Trace:
    """`text` read, and run, as a solution in this format."""
    reading = FORMATS[format].reading(text)
    return make_trace(
        problem,
        prompt="",
        text=text,
        steps=reading.steps,
        answer=reading.answer,
        verdict=judge(problem.answer, reading.answer),
        maker=Maker("scripted", "script", seed=number),
        format=format,
    )


@pytest.fixture
def problem() -> Problem:
    return make_problem(QUESTION, "66", "gsm8k/train")  # the gold answer is wrong


@pytest.fixture
def store(tmp_path: Path, problem: Problem) -> Iterator[Store]:
    with Store(tmp_path / "store.sqlite") as opened:
        opened.add_problems([problem])
        opened.add_traces([solved(problem, "program", PROGRAM), solved(problem, "equations", EQUATIONS)])
        yield opened


def test_two_executed_formats_against_gold_put_it_in_doubt(store: Store, problem: Problem) -> None:
    [found] = in_doubt(store)
    assert found.problem == problem
    assert (found.answer, found.formats, found.gold_formats) == ("67", ("program", "equations"), ())
    assert found.words == "gold says 66; executed: program, equations say 67 (2 solutions)"
    [row] = doubt_rows(store)
    json.dumps(row)
    assert (row["gold"], row["answer"], len(row["traces"])) == ("66", "67", 2)


def test_one_executed_format_alone_is_no_doubt(problem: Problem) -> None:
    again = [solved(problem, "program", PROGRAM, i) for i in range(5)]
    assert doubt(problem, again) is None
    assert doubt(problem, again, min_formats=1) is not None


def test_words_are_not_executed_and_cast_no_doubt(problem: Problem) -> None:
    words = solved(problem, "cot", "Ben has 41 + 26 = 67 coins.\nThe answer is 67.")
    assert doubt(problem, [words, solved(problem, "program", PROGRAM)]) is None


def test_formats_that_contradict_each_other_are_no_doubt(problem: Problem) -> None:
    other = solved(problem, "equations", EQUATIONS.replace("26", "27"))
    assert doubt(problem, [solved(problem, "program", PROGRAM), other]) is None


def test_as_many_formats_for_gold_as_against_it_are_no_doubt(problem: Problem) -> None:
    against = [solved(problem, "program", PROGRAM), solved(problem, "equations", EQUATIONS)]
    gold = solved(problem, "text_code", TEXT_CODE.replace("26", "25").replace("67", "66"))
    found = doubt(problem, [*against, gold])
    assert found is not None and found.gold_formats == ("text_code",)
    assert "1 executed solution says 66 (text and code)" in found.words
    assert doubt(problem, [against[0], gold], min_traces=1, min_formats=1) is None


def test_code_that_fails_is_not_executed(problem: Problem) -> None:
    failing = TEXT_CODE.replace("Ben_coins = 41 + 26", "Ben_coins = Ana + 26")
    assert doubt(problem, [solved(problem, "program", PROGRAM), solved(problem, "text_code", failing)]) is None


def test_a_right_gold_answer_is_not_in_doubt() -> None:
    right = make_problem(QUESTION, "67", "gsm8k/train")
    assert doubt(right, [solved(right, "program", PROGRAM), solved(right, "equations", EQUATIONS)]) is None


@pytest.mark.parametrize("kind", ["confirmed", "corrected", "bad"])
def test_a_review_takes_the_problem_out_of_the_queue_and_undo_puts_it_back(
    store: Store, problem: Problem, kind: str
) -> None:
    store.gold.add(new_review(problem, kind, "ada", "67"))  # type: ignore[arg-type]
    assert doubt_rows(store) == []
    [row] = reviewed_rows(store)
    assert (row["kind"], row["annotator"]) == (kind, "ada")
    store.gold.undo("ada")
    assert len(doubt_rows(store)) == 1


def test_the_strongest_doubt_comes_first(store: Store) -> None:
    strong = make_problem(QUESTION + " Think.", "66", "gsm8k/train")
    store.add_problems([strong])
    texts = {"program": PROGRAM, "equations": EQUATIONS, "text_code": TEXT_CODE}
    store.add_traces([solved(strong, name, text) for name, text in texts.items()])
    assert doubt_rows(store)[0]["problem_id"] == strong.id
    assert len(doubt_rows(store, limit=1)) == 1


def test_the_command_line_lists_corrects_and_counts(
    store: Store, problem: Problem, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ["--store", str(store.path)]
    assert main(["gold", *at]) == 0
    listed = capsys.readouterr().out
    assert "1 gold answer is in doubt" in listed and problem.id in listed
    assert main(["gold", "--correct", problem.id, "--answer", "67", "--by", "ada", *at]) == 0
    assert "gold is 67; 2 verdicts changed" in capsys.readouterr().out
    assert main(["gold", "--json", *at]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["num_in_doubt"] == 0
    assert found["counts"] == {"gsm8k/train": {"confirmed": 0, "corrected": 1, "bad": 0}}
    assert gold_report(store) == "gsm8k/train: 1 corrected, 0 confirmed, 0 bad"
    assert main(["gold", "--undo", problem.id, "--by", "ada", *at]) == 0
    assert main(["gold", "--correct", problem.id, "--by", "ada", *at]) == 2
    assert "needs the right answer" in capsys.readouterr().err
    assert main(["gold", "--confirm", "nothing", "--by", "ada", *at]) == 2


def test_programs_review_through_the_api(store: Store, problem: Problem) -> None:
    api = Api(Workbench(store, model="scripted:none"))
    assert api.functions()["list_gold_in_doubt"]()[0]["problem_id"] == problem.id
    panel = api.functions()["check_agreement"](problem.id)
    assert panel["state"] == "agree" and panel["groups"][0]["is_gold"] is False
    said = api.functions()["review_gold"](problem.id, "corrected", "ada", "67", "41 + 26")
    assert (said["num_judged_again"], said["answer"]) == (2, "67")
    json.dumps(said)
    listed = api.functions()["list_gold_reviews"]()
    assert listed["words"] == "gsm8k/train: 1 corrected, 0 confirmed, 0 bad"
    assert api.functions()["undo_gold_review"]("ada")["undone"]["after"] == "67"
    for wrong in (("maybe", "ada", ""), ("confirmed", "ada", "67"), ("corrected", "ada", ""), ("bad", "", "")):
        with pytest.raises(BadInput):
            api.functions()["review_gold"](problem.id, *wrong)


def test_of_real_problems_exactly_those_with_a_wrong_gold_answer_are_in_doubt(real_data: Path, tmp_path: Path) -> None:
    """GSM-Hard's programs, and the same calculation as text and code; every third gold answer is made wrong here."""
    lines = (real_data / "gsm-hard" / "gsmhardv2.jsonl").read_text(encoding="utf-8").splitlines()[:45]
    wrong: set[str] = set()
    with Store(tmp_path / "store.sqlite") as store:
        for number, row in enumerate(map(json.loads, lines)):
            target = round(row["target"], 6) + (7 if number % 3 == 0 else 0)  # "3244047.0999999996" is a float
            problem = make_problem(row["input"], repr(target), "gsm-hard")
            store.add_problems([problem])
            value = FORMATS["program"].reading(row["code"]).answer
            code = f"<code>\n{row['code'].strip()}\nprint(solution())\n</code>\nOutput: {value}\nFinal Answer: {value}"
            store.add_traces([solved(problem, "program", row["code"]), solved(problem, "text_code", code)])
            wrong |= {problem.id} if number % 3 == 0 else set()
        found = {doubt.problem.id for doubt in in_doubt(store)}
    assert found == wrong
