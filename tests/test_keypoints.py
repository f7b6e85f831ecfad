"""Key points: read from whatever models write, tied to their places, given to the solver, shown with who uses them."""

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoner.__main__ import main
from reasoner.api import Api
from reasoner.api_keypoints import KeyPointsApi
from reasoner.engines.prompts import plain_prompt
from reasoner.engines.scripted import ScriptedEngine
from reasoner.errors import BadInput, EngineError
from reasoner.formats import FORMATS
from reasoner.keypoints import TAG, as_text, extract, extract_many, panel, read_key_points, rules, with_key_points
from reasoner.keypoints import given as given_points
from reasoner.places import locate, locate_core
from reasoner.records import KeyPoints, Maker, Problem, Sampling, Step, Trace, Verdict, make_problem, make_trace
from reasoner.solve import solve, solve_many
from reasoner.store import Store
from reasoner.workbench import Workbench
from training.solutions import gold_key_points
from training.wordproblems import generate

QUESTION = (
    "Ana has 41 coins. Ben has 26 more coins than Ana. Cal has 3 times as many coins as Ben. "
    "How many coins does Cal have?"
)
CORE = "How many coins does Cal have?"
POINTS = ("Cal has 3 times as many coins as Ben.", "Ben has 26 more coins than Ana.", "Ana has 41 coins.")
WRITTEN = f"Core question: {CORE}\n- {POINTS[0]}\n- {POINTS[1]}\n- {POINTS[2]}"
SOLUTION = "Solve Parent: Cal's coins = 67 × 3 = 201\nSummarize: the answer is 201"


class Engine(ScriptedEngine):
    """A script that keeps the instruction and the tag it was asked with."""

    def render(self, question: str, instruction: str, tag: str = "") -> str:
        self.asked = (instruction, tag)
        return f"{plain_prompt(question)}{tag}:\n"


@pytest.fixture
def problem() -> Problem:
    return make_problem(QUESTION, "201", "typed")


@pytest.fixture
def key_points(problem: Problem) -> KeyPoints:
    return KeyPoints(problem.id, CORE, POINTS, "ada", 7.0, "person")


@pytest.fixture
def store(tmp_path: Path, problem: Problem) -> Iterator[Store]:
    with Store(tmp_path / "store.sqlite") as store:
        store.add_problems([problem])
        yield store


def trace_of(problem: Problem, *texts: str, seed: int = 0) -> Trace:
    steps = tuple(Step(text) for text in texts)
    maker, verdict = Maker("scripted", seed=seed), Verdict("unjudged")
    return make_trace(
        problem, prompt="", text="\n".join(texts), steps=steps, answer=None, verdict=verdict, maker=maker, format="cot"
    )


# ── reading what models write ────────────────────────────────────────────────────────────────────────────────────────

ANSWERS = [  # the shapes that GPT-3.5 and GPT-4 gave DUP (outputs of WHU-ZQH/DUP), with our problem's words
    WRITTEN,
    f"Core Question: {CORE}\nHints:\n1. {POINTS[0]}\n2. {POINTS[1]}\n3. {POINTS[2]}",
    f"**Core question:** {CORE}\n\n**Information:**\n\n* {POINTS[0]}\n* {POINTS[1]}\n* {POINTS[2]}",
    f"Core question:\n{CORE}\n-{POINTS[0]}\n-{POINTS[1]}\n-{POINTS[2]}",
    f"The core question is: {CORE}\n\nUseful information:\n1) {POINTS[0]}\n2) {POINTS[1]}\n3) {POINTS[2]}",
    f"- {POINTS[0]}\n- {POINTS[1]}\n- {POINTS[2]}\n- The core question is: {CORE}",
    f"{WRITTEN}\n\nTo find the number of Cal's coins, we first add.\n41 + 26 = 67\n- so it is 201",
    f"1. Core question: {CORE}\n2. Problem-solving information:\n  a. {POINTS[0]}\n  b. {POINTS[1]}\n  c. {POINTS[2]}",
    f"{CORE}\n• {POINTS[0]}\n• {POINTS[1]}\n• {POINTS[2]}",
    f"{CORE}\n{POINTS[0]}\n{POINTS[1]}\n{POINTS[2]}",
    f"Core question: {CORE}\n- Cal has 3 times\n  as many coins as Ben.\n- {POINTS[1]}\n- {POINTS[2]}",
    json.dumps({"core_question": CORE, "information": POINTS}),
    "```json\n" + json.dumps({"Core Question": CORE, "points": [{"point": point} for point in POINTS]}) + "\n```",
    f"Core question: {CORE}\nInformation: {json.dumps(POINTS)}",
    f"Core question: “{CORE}”\n- “{POINTS[0]}”\n- {POINTS[1]}\n- {POINTS[1]}\n- {POINTS[2]}",
]


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_models_answer_is_read_whatever_its_shape(answer: str) -> None:
    assert read_key_points(answer) == (CORE, POINTS)


@pytest.mark.parametrize(
    "answer", ["", "Sorry, I cannot help with that.", "{", "[]", "[" * 5_000, "```\n```", "- -\n- *"]
)
def test_an_answer_without_key_points_reads_as_empty(answer: str) -> None:
    assert read_key_points(answer).points == ()


def test_numbers_at_the_start_of_a_point_are_no_bullets() -> None:
    text = "Core question: How many?\n- 3 dozen donuts\n- 2.5 kg of flour\n-5 degrees outside"
    assert read_key_points(text).points[:2] == ("3 dozen donuts", "2.5 kg of flour")


@given(st.text(max_size=400))
def test_any_text_can_be_read(text: str) -> None:
    for point in read_key_points(text).points:
        assert point and "\n" not in point


def test_what_is_written_for_the_solver_reads_back(key_points: KeyPoints) -> None:
    assert as_text(key_points) == WRITTEN
    assert read_key_points(as_text(key_points)) == (CORE, POINTS)


# ── places ───────────────────────────────────────────────────────────────────────────────────────────────────────────

DUCKS = (
    "Janet’s ducks lay 16 eggs per day. She eats three for breakfast every morning and bakes muffins for her friends "
    "every day with four. She sells the remainder at the farmers' market daily for $2 per fresh duck egg. "
    "How much in dollars does she make every day at the farmers' market?"
)
SAID = [
    ("Janet’s ducks lay 16 eggs per day.", "Janet’s ducks lay 16 eggs per day."),
    ("janet's ducks lay 16 eggs per day", "Janet’s ducks lay 16 eggs per day."),
    ("She eats three eggs for breakfast every morning.", "She eats three for breakfast every morning"),
    ("She eats 3 eggs for breakfast", "She eats three for breakfast every morning"),
    ("She bakes muffins with four eggs every day.", "and bakes muffins for her friends every day with four."),
    ("Number of eggs per day: 16", "Janet’s ducks lay 16 eggs per day."),
    (
        "She sells the eggs for $2 per fresh duck egg.",
        "She sells the remainder at the farmers' market daily for $2 per fresh duck egg.",
    ),
]


@pytest.mark.parametrize(("point", "place"), SAID)
def test_a_point_is_tied_to_the_clause_that_says_it(point: str, place: str) -> None:
    found = locate(DUCKS, point)
    assert found is not None and DUCKS[slice(*found)] == place


@pytest.mark.parametrize(
    "point",
    ["She eats five for breakfast.", "She sells 9 eggs a day.", "There are 7 days in a week.", "Dan is tall.", ""],
)
def test_an_invented_condition_has_no_place(point: str) -> None:
    assert locate(DUCKS, point) is None


def test_a_number_is_not_found_inside_another() -> None:
    assert locate("Ana has 411 coins.", "Ana has 41") is None


def test_a_core_question_stands_where_something_is_asked() -> None:
    core = "How much money does Janet make at the farmers' market by selling eggs after eating three and using four?"
    place = locate_core(DUCKS, core)
    assert place is not None and DUCKS[slice(*place)].startswith("How much in dollars")


def test_gold_key_points_stand_word_for_word_in_their_questions() -> None:
    for seed in range(30):
        problem = generate("medium", seed)
        gold = gold_key_points(problem)
        for text in (gold.core_question, *gold.points):
            place = locate(problem.question, text)
            assert place is not None and problem.question[slice(*place)] == text


@given(st.text(max_size=150), st.text(max_size=60))
def test_places_lie_in_the_question(question: str, point: str) -> None:
    for place in (locate(question, point), locate_core(question, point)):
        assert place is None or 0 <= place[0] < place[1] <= len(question)


# ── rules ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_rules_take_the_question_and_every_sentence_with_a_number(problem: Problem) -> None:
    found = rules(problem)
    assert (found.core_question, found.points) == (CORE, tuple(reversed(POINTS)))
    assert (found.by, found.origin, found.problem_id) == ("rules", "rules", problem.id)


def test_a_condition_in_the_sentence_that_asks_is_a_point_too() -> None:
    question = "A pen costs $3. Nobody saw more than one. If Ben buys 4 pens, how much does he pay?"
    found = rules(make_problem(question, None, "typed"))
    assert found.points == ("A pen costs $3.", "If Ben buys 4 pens")


def test_rules_find_every_gold_key_point_with_a_number() -> None:
    for seed in range(20):
        problem = generate("easy", seed)
        wanted = [point for point in gold_key_points(problem).points if "together" not in point]
        assert set(wanted) <= set(rules(problem).points)


def test_rules_make_something_of_any_text() -> None:
    for text in ("7", "How many?", "Find x: 3x = 12", "…", "No numbers here"):
        assert rules(make_problem(text, None, "typed")).core_question


# ── extraction ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_model_is_asked_by_instruction_and_tag(problem: Problem) -> None:
    engine = Engine({f"{QUESTION}\n{TAG}:\n": [WRITTEN]}, name="solver")
    found = extract(engine, problem)
    assert (found.core_question, found.points) == (CORE, POINTS)
    assert (found.by, found.origin, found.problem_id) == ("solver", "machine", problem.id)
    instruction, tag = engine.asked
    assert tag == "Key points" and "core question" in instruction and "one by one" in instruction


def test_an_answer_without_key_points_says_what_to_do(problem: Problem) -> None:
    engine = Engine(lambda prompt, seed: "I would rather not.", name="solver")
    with pytest.raises(EngineError, match=r"solver wrote no key points .*I would rather not.*rules"):
        extract(engine, problem)


def test_many_problems_are_asked_together_and_each_failure_stands_for_itself(problem: Problem) -> None:
    other = make_problem("How many?", None, "typed")
    engine = Engine(lambda prompt, seed: WRITTEN if "Ana" in prompt else "No.")
    first, second = extract_many(engine, [problem, other])
    assert isinstance(first, KeyPoints) and isinstance(second, str)


# ── given to the solver ──────────────────────────────────────────────────────────────────────────────────────────────


def test_key_points_follow_the_question(key_points: KeyPoints) -> None:
    text = with_key_points(QUESTION, key_points)
    assert text == f"{QUESTION}\nKey points: {CORE}\n- {POINTS[0]}\n- {POINTS[1]}\n- {POINTS[2]}"
    on_one_line = f"{QUESTION} Key points: {CORE} - {POINTS[0]} - {POINTS[1]} - {POINTS[2]}\n"
    assert plain_prompt(text) == on_one_line
    assert with_key_points(QUESTION, None) == QUESTION


def test_a_point_of_several_lines_stays_one_point(key_points: KeyPoints) -> None:
    text = with_key_points(QUESTION, replace(key_points, points=("Ana has\n- 41 coins.",)))
    assert text.endswith("\n- Ana has - 41 coins.")


@pytest.mark.parametrize("format", FORMATS)
def test_the_trace_keeps_the_prompt_with_its_key_points(format: str, problem: Problem, key_points: KeyPoints) -> None:
    engine = Engine(lambda prompt, seed: SOLUTION)
    [trace] = solve(engine, problem, format, Sampling(1), key_points)
    hint = " ".join(f"Key points: {CORE} - {POINTS[0]} - {POINTS[1]} - {POINTS[2]}".split())
    assert trace.prompt == f"{QUESTION} {hint}\n{FORMATS[format].tag}:\n"


def test_of_many_problems_each_gets_its_own_key_points(problem: Problem, key_points: KeyPoints) -> None:
    other = make_problem("Ana has 3 coins. How many?", "3", "typed")
    engine = Engine(lambda prompt, seed: SOLUTION)
    with_hint, without = solve_many(engine, [problem, other], "cot", Sampling(1), {problem.id: key_points})
    assert "Key points:" in with_hint.prompt and "Key points:" not in without.prompt


def test_key_points_too_long_to_ask_are_refused(problem: Problem, key_points: KeyPoints) -> None:
    with pytest.raises(BadInput, match="at most 20,000"):
        solve(Engine({}), problem, "cot", Sampling(1), replace(key_points, points=("x " * 10_000,)))


def test_whose_key_points_are_given(store: Store, problem: Problem, key_points: KeyPoints) -> None:
    engine = Engine(lambda prompt, seed: WRITTEN, name="solver")
    assert given_points(store, engine, problem, "none") is None
    assert given_points(store, engine, problem, "person") is None, "a person's are never made up"
    rules_points = given_points(store, engine, problem, "rules")
    assert rules_points is not None and rules_points.origin == "rules"
    machine = given_points(store, engine, problem, "machine")
    assert machine is not None and store.key_points() == [machine], "extracted once, and kept"
    store.add_key_points(key_points)
    assert given_points(store, engine, problem, "person") == key_points
    assert given_points(store, Engine({}), problem, "machine") == machine


# ── on screen ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_panel_ties_points_to_places_and_traces(problem: Problem, key_points: KeyPoints) -> None:
    right = trace_of(problem, "Ben has 41 + 26 = 67 coins.", "Cal has 67 * 3 = 201 coins.")
    wrong = trace_of(problem, "Ben has 41 + 62 = 103 coins.", "Cal has 103 * 3 = 309 coins.", seed=1)
    shown = panel(problem, replace(key_points, points=(*POINTS, "Dan has 9 coins.")), [right, wrong])
    assert json.loads(json.dumps(shown)) == shown
    assert shown["core"] == {"text": CORE, "start": QUESTION.index(CORE), "end": len(QUESTION)}
    assert [point["used_by"] for point in shown["points"]] == [
        [right.id, wrong.id],
        [right.id],
        [right.id, wrong.id],
        [],
    ]
    assert [QUESTION[point["start"] : point["end"]] for point in shown["points"][:3]] == list(POINTS)
    assert shown["points"][3]["start"] is None and shown["points"][3]["end"] is None
    assert shown["unused"] == {right.id: [3], wrong.id: [1, 3]}
    assert [(number["text"], len(number["used_by"])) for number in shown["numbers"]] == [("41", 2), ("26", 1), ("3", 2)]
    assert shown["nowhere"][right.id] == []
    assert [(one["step"], one["text"]) for one in shown["nowhere"][wrong.id]] == [(0, "62")]
    assert (shown["by"], shown["origin"], shown["created"]) == ("ada", "person", 7.0)


def test_without_key_points_the_panel_has_the_numbers_all_the_same(problem: Problem) -> None:
    trace = trace_of(problem, "41 + 26 = 67")
    shown = panel(problem, None, [trace])
    assert (shown["core"], shown["points"], shown["unused"]) == (None, [], {trace.id: []})
    assert [number["text"] for number in shown["numbers"] if not number["used_by"]] == ["3"]


# ── programs and the command line ────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def api(tmp_path: Path, store: Store, problem: Problem) -> KeyPointsApi:
    script = tmp_path / "script.jsonl"
    row = {"prompt": QUESTION + "\n", "completions": [WRITTEN]}
    script.write_text(json.dumps(row) + "\n")
    return KeyPointsApi(Workbench(store, model=f"scripted:{script}"))


def test_programs_extract_save_and_get_key_points(api: KeyPointsApi, problem: Problem) -> None:
    assert api.get_key_points(problem.id)["core"] is None
    assert api.extract_key_points(problem.id, by="rules")["origin"] == "rules"
    assert api.extract_key_points(problem.id)["origin"] == "machine"
    saved = api.save_key_points(problem.id, "ada", ["  Ana has 41 coins. "], CORE)
    assert [point["text"] for point in saved["points"]] == ["Ana has 41 coins."]
    again = api.extract_key_points(problem.id)
    assert again["origin"] == "person", "what a person has written stays in force"
    assert [one["origin"] for one in again["history"]] == ["rules", "machine", "person"]


def test_programs_let_the_solver_have_key_points(tmp_path: Path, store: Store, problem: Problem) -> None:
    script = tmp_path / "script.jsonl"
    hinted = with_key_points(QUESTION, rules(problem)) + "\n"
    script.write_text(json.dumps({"prompt": hinted, "completions": [SOLUTION]}) + "\n")
    api = Api(Workbench(store, model=f"scripted:{script}"))
    api.solve_problem(problem.id, key_points="rules")
    assert [trace.prompt for trace in store.traces(problem.id)] == [hinted]
    with pytest.raises(BadInput, match="key_points must be one of"):
        api.solve_problem(problem.id, key_points="oracle")
    found = api.check_steps(["Ben has 41 + 62 = 103 coins."], question=QUESTION)
    assert [one["check"] for one in found["findings"]] == ["arithmetic", "information"] and found["first_wrong"] is None
    assert "information" not in str(api.check_steps(["Ben has 41 + 62 = 103 coins."])["findings"])
    assert {"get_key_points", "extract_key_points", "save_key_points"} <= api.functions().keys()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"points": "x"}, "must be a list"),
        ({"points": ["x"] * 61}, "at most 60"),
        ({"points": [3]}, "point 1 must be a text"),
        ({"points": ["x" * 2_001]}, "at most 2,000"),
        ({"points": [" "]}, "is empty"),
        ({"points": []}, "are empty"),
        ({"points": ["x"], "annotator": ""}, "A name has 1 to 80"),
        ({"points": ["x"], "core_question": 5}, "core_question must be a text"),
        ({"points": ["x"], "problem_id": "nobody"}, "No problem has the id"),
    ],
)
def test_what_programs_send_is_checked(
    api: KeyPointsApi, problem: Problem, arguments: dict[str, object], words: str
) -> None:
    asked = {"problem_id": problem.id, "annotator": "ada", **arguments}
    with pytest.raises(BadInput, match=words):
        api.save_key_points(**asked)  # type: ignore[arg-type]


def test_who_extracts_is_checked(api: KeyPointsApi, problem: Problem) -> None:
    with pytest.raises(BadInput, match="by must be one of"):
        api.extract_key_points(problem.id, by="oracle")


def test_the_command_extracts_keeps_and_counts(
    store: Store, tmp_path: Path, problem: Problem, capsys: pytest.CaptureFixture[str]
) -> None:
    store.add_problems([make_problem("How many?", None, "typed")])
    script = tmp_path / "script.jsonl"
    rows = [{"prompt": QUESTION + "\n", "completions": [WRITTEN]}, {"prompt": "How many?\n", "completions": ["No."]}]
    script.write_text("".join(json.dumps(row) + "\n" for row in rows))
    common = ["--store", str(store.path), "--model", f"scripted:{script}"]
    assert main(["keypoints", "--all", *common]) == 0
    printed = capsys.readouterr()
    assert printed.out.strip() == "1 kept, 1 dropped: no key points could be read" and "“No.…”" in printed.err
    assert main(["keypoints", "--all", *common]) == 0
    assert capsys.readouterr().out.strip() == "0 kept, 1 dropped: no key points could be read"
    assert main(["keypoints", "--problem", problem.id, "--by", "rules", *common]) == 0
    printed_rules = capsys.readouterr().out
    assert printed_rules.startswith(f"Core question: {CORE}\n- Ana has 41 coins.") and printed_rules.endswith(
        "1 kept\n"
    )
    assert [one.origin for one in store.key_points()] == ["machine", "rules"]


def test_the_command_says_what_it_needs(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["--all", "--problem", "x"], ["--problem", "nobody", "--by", "rules"]):
        assert main(["keypoints", "--store", str(store.path), *arguments]) == 2
        assert capsys.readouterr().err.strip()


def test_solve_gives_key_points_from_the_shell(
    store: Store, tmp_path: Path, problem: Problem, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "script.jsonl"
    hinted = with_key_points(QUESTION, rules(problem)) + "\n"
    rows = [{"prompt": hinted, "completions": [SOLUTION]}, {"prompt": QUESTION + "\n", "completions": [SOLUTION]}]
    script.write_text("".join(json.dumps(row) + "\n" for row in rows))
    common = [QUESTION, "--store", str(store.path), "--model", f"scripted:{script}"]
    assert main(["solve", *common, "--key-points", "rules"]) == 0
    assert [trace.prompt for trace in store.traces(problem.id)] == [hinted]
    assert main(["solve", *common, "--key-points", "person"]) == 0
    assert "nobody has written key points" in capsys.readouterr().err
    with pytest.raises((SystemExit, argparse.ArgumentError)):
        main(["solve", *common, "--key-points", "oracle"])
