"""What programs may ask: every function on a real store and a scripted engine, and whatever else is sent to it."""

import inspect
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from reasoner.api import Api
from reasoner.errors import BadInput
from reasoner.records import Maker, Problem, Trace, Verdict, make_problem, make_trace
from reasoner.steps import tag_steps
from reasoner.store import Store
from reasoner.workbench import Workbench

QUESTION = "Ana has 3 coins. Ben has 2 more coins than Ana. How many coins does Ben have?"
RIGHT = "Solve Parent: Ben's coins = 3 + 2 = 5\nSummarize: the answer is 5"
WRONG = "Solve Parent: Ben's coins = 3 + 2 = 6\nSummarize: the answer is 6"


@pytest.fixture
def problem() -> Problem:
    return make_problem(QUESTION, "5", "gsm8k")


@pytest.fixture
def trace(problem: Problem) -> Trace:
    return make_trace(
        problem,
        prompt=QUESTION + "\n",
        text=WRONG,
        steps=tag_steps(WRONG.split("\n")),
        answer="6",
        verdict=Verdict("wrong", "6", "6 is not 5"),
        maker=Maker("scripted", "script"),
        format="transitions",
    )


@pytest.fixture
def api(tmp_path: Path, problem: Problem, trace: Trace) -> Iterator[Api]:
    script = tmp_path / "script.jsonl"
    solutions = [RIGHT, RIGHT, WRONG]
    script.write_text(json.dumps({"prompt": QUESTION + "\n", "completions": solutions}) + "\n")
    with Store(tmp_path / "store.sqlite") as store:
        store.add_problems([problem, make_problem("What is 7 times 8?", "56", "typed")])
        store.add_traces([trace])
        yield Api(Workbench(store, model=f"scripted:{script}"))


def test_every_function_is_typed_and_says_what_it_takes_and_gives(api: Api) -> None:
    functions = api.functions()
    assert {"list_problems", "get_problem", "solve_problem", "check_steps", "add_label"} <= set(functions)
    for name, function in functions.items():
        signature = inspect.signature(function)
        assert signature.return_annotation is not inspect.Signature.empty, name
        documentation = function.__doc__ or ""
        assert "Returns:" in documentation, name
        for parameter in signature.parameters.values():
            assert parameter.annotation is not inspect.Parameter.empty, name
            assert f"    {parameter.name}: " in documentation, f"{name} does not explain {parameter.name}"


def test_list_problems_filters_and_counts(api: Api) -> None:
    assert api.list_problems()["total"] == 2
    found = api.list_problems(search="coins", verdict="wrong", labelled=False)
    assert found["total"] == 1
    assert found["problems"][0]["num_wrong"] == 1
    assert api.list_problems(source="typed")["problems"][0]["answer"] == "56"


def test_get_problem_gives_traces_with_what_the_checks_say(api: Api, problem: Problem) -> None:
    answer = api.get_problem(problem.id)
    assert answer["problem"]["question"] == QUESTION
    findings = answer["traces"][0]["findings"]
    assert [(finding["step"], finding["status"]) for finding in findings if finding["check"] == "arithmetic"] == [
        (0, "wrong")
    ]
    json.dumps(answer)


def test_solve_problem_samples_judges_and_keeps(api: Api, problem: Problem) -> None:
    answer = api.solve_problem(problem_id=problem.id, num=3, seed=5)
    assert sorted(trace["verdict"]["status"] for trace in answer["traces"]) == ["right", "right", "wrong"]
    kept = {trace["id"] for trace in api.get_problem(problem.id)["traces"]}
    assert {trace["id"] for trace in answer["traces"]} <= kept


def test_an_own_question_becomes_a_problem_once(api: Api) -> None:
    first = api.add_problem("How many legs have 3 cats?", "12")
    assert api.add_problem("How many  legs have 3 cats? ")["problem_id"] == first["problem_id"]
    assert api.get_problem(first["problem_id"])["problem"]["answer"] == "12"


def test_check_steps_names_the_wrong_equation_and_stores_nothing(api: Api) -> None:
    checked = api.check_steps(["Ben has 3 + 2 = 6 coins.", "The answer is 6."], QUESTION, "5")
    assert checked["first_wrong"] == 0
    assert checked["verdict"]["status"] == "wrong"
    assert any("5" in finding["message"] for finding in checked["findings"])
    assert api.list_problems()["total"] == 2


def test_check_steps_of_right_steps_finds_nothing_wrong(api: Api) -> None:
    checked = api.check_steps(["Ben has 3 + 2 = 5 coins.", "The answer is 5."], answer="5")
    assert checked["first_wrong"] is None
    assert checked["verdict"]["status"] == "right"


def test_find_pit_keeps_the_pit_with_its_evidence(api: Api, trace: Trace) -> None:
    pit = api.functions()["find_pit"](trace.id, k=3, method="linear")
    assert pit["step"] == 0
    assert pit["probes"][0]["recovered"] == (False, False, False)
    assert [kept["id"] for kept in api.get_problem(trace.problem_id)["pits"]] == [pit["id"]]


def test_a_label_is_kept_and_can_be_taken_back(api: Api, trace: Trace) -> None:
    label = api.add_label(trace.id, "first_wrong", "ada", step=0, error_class="calculation", note="3 + 2 is 5")
    assert [kept["id"] for kept in api.list_labels(annotator="ada")] == [label["id"]]
    assert label["seen_steps"] == tuple(WRONG.split("\n"))
    assert api.undo_label("ada")["undone"]["id"] == label["id"]
    assert api.list_labels() == []
    assert api.undo_label("ada") == {"undone": None}


def test_labels_go_out_and_come_in_again(api: Api, trace: Trace, tmp_path: Path) -> None:
    api.add_label(trace.id, "first_wrong", "ada", step=0)
    exported = api.export_labels()
    with Store(tmp_path / "other.sqlite") as other:
        second = Api(Workbench(other, model="scripted:none"))
        assert second.import_rows(exported)["kept"] == 1
        assert second.list_labels()[0]["step"] == 0
        assert second.import_rows(exported) == {"kept": 0, "unchanged": 1, "dropped": {}, "messages": ()}


def test_one_bad_row_refuses_all_unless_the_good_ones_are_asked_for(api: Api) -> None:
    rows = '{"question": "What is 2 + 2?", "answer": "4"}\n{"question": \n'
    before = api.list_problems()["total"]
    with pytest.raises(BadInput, match="line 2"):
        api.import_rows(rows, format="plain")
    assert api.list_problems()["total"] == before
    counts = api.import_rows(rows, format="plain", keep_good=True)
    assert counts["kept"] == 1
    assert sum(counts["dropped"].values()) == 1


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("add_label", {"kind": "first_wrong", "step": 2}),  # one past the last step
        ("add_label", {"kind": "first_wrong", "step": -1}),
        ("add_label", {"kind": "first_wrong"}),
        ("add_label", {"kind": "all_right", "step": 0}),
        ("add_label", {"kind": "perfect"}),
        ("add_label", {"kind": "unsure", "annotator": ""}),
        ("add_label", {"kind": "unsure", "annotator": "x" * 81}),
        pytest.param("add_label", {"kind": "unsure", "note": "x" * 10_001}, id="long note"),
        ("add_label", {"kind": "unsure", "error_class": "boredom"}),
        ("add_label", {"kind": "unsure", "trace_id": "nowhere"}),
        ("solve_problem", {"question": ""}),
        pytest.param("solve_problem", {"question": "x" * 100_000}, id="100,000 characters"),
        ("solve_problem", {"problem_id": "nowhere"}),
        ("solve_problem", {"question": QUESTION, "num": 0}),
        ("solve_problem", {"question": QUESTION, "num": 10**9}),
        ("solve_problem", {"question": QUESTION, "temperature": float("nan")}),
        ("solve_problem", {"question": QUESTION, "format": "__class__"}),
        ("solve_problem", {"question": ["a list"]}),
        ("list_problems", {"limit": "many"}),
        ("list_problems", {"verdict": "'; DROP TABLE problems; --"}),
        ("get_problem", {"problem_id": None}),
        ("check_steps", {"steps": "no list"}),
        ("check_steps", {"steps": [1, 2]}),
        ("find_pit", {"trace_id": {"a": 1}}),
        ("find_pit", {"k": 0}),
        ("undo_label", {"annotator": 5}),
        ("export_labels", {"shape": "../../etc/passwd"}),
        ("import_rows", {"text": "not JSON", "format": "plain"}),
        ("import_rows", {"text": "{}", "format": "nonsense"}),
        ("import_rows", {"text": "{}", "keep_good": "yes"}),
    ],
)
def test_bad_input_is_refused_in_words_and_changes_nothing(
    api: Api, trace: Trace, name: str, arguments: dict[str, object]
) -> None:
    function = api.functions()[name]
    usual = {"trace_id": trace.id, "annotator": "ada"}
    wanted = inspect.signature(function).parameters
    before = api.workbench.store.stats()
    with pytest.raises(BadInput, match=r"\w+ .*[.!?]"):
        function(**{**{key: value for key, value in usual.items() if key in wanted}, **arguments})
    assert api.workbench.store.stats() == before
