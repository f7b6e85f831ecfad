"""ToRA's and GSM-Hard's files, and the detector that runs code again."""

import json
from pathlib import Path

import pytest

from reasoner.errors import BadInput
from reasoner.executed import first_failure, outputs_again
from reasoner.interchange import export_text, import_file, import_values
from reasoner.interchange.families import recognise
from reasoner.records import Label, Maker, Trace, make_problem
from reasoner.score import score, table
from reasoner.store import Store

SOLUTION = "```python\nben = 41 + 26\nprint(ben)\n```\n```output\n{}\n```\nBen has $\\boxed{{{}}}$ coins."
TORA = {
    "idx": 0,
    "question": "Ana has 41 coins. Ben has 26 more. How many has Ben?",
    "gt_cot": "41 + 26 = <<41+26=67>>67",
    "gt": "67",
    "code": [SOLUTION.format("67", "67"), SOLUTION.format("68", "68")],
    "pred": ["67", "68"],
    "report": [None, None],
}
GSM_HARD = {
    "input": "Ana has 1,000.1 coins. Ben has 26 more. How many has Ben?",
    "code": "\ndef solution():\n    ana = 1000.1\n    ben = ana + 26\n    return ben\n\n\n\n",
    "target": 1026.1000000000001,
}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store.db")


def only_problem(store: Store) -> tuple[list[Trace], str | None]:
    [row] = store.find_problems()
    return store.traces(row.problem.id), row.problem.answer


def test_a_row_of_tora_is_a_problem_with_its_samples(store: Store) -> None:
    assert recognise(TORA) is not None
    import_values(store, [(1, TORA)], "gsm8k_code34b")
    traces, answer = only_problem(store)
    assert answer == "67"
    assert [(trace.format, trace.answer, trace.verdict.status) for trace in traces] == [
        ("text_code", "67", "right"),
        ("text_code", "68", "wrong"),
    ]
    assert [[step.kind for step in trace.steps] for trace in traces] == [["code", "output", "words"]] * 2
    assert [trace.text for trace in traces] == TORA["code"]


def test_an_answer_that_tora_could_not_read_is_looked_for_in_the_text(store: Store) -> None:
    import_values(store, [(1, {**TORA, "pred": ["", None]})], "tora")
    assert [trace.answer for trace in only_problem(store)[0]] == ["67", "68"]


@pytest.mark.parametrize("change", [{"code": "x"}, {"code": [5]}, {"pred": ["1"]}, {"pred": "67"}, {"question": ""}])
def test_broken_rows_are_refused_with_a_reason(store: Store, change: dict[str, object]) -> None:
    with pytest.raises(BadInput, match="line 1"):
        import_values(store, [(1, {**TORA, **change})], "tora")


def test_a_row_of_gsm_hard_is_a_problem_with_a_program_that_was_run(store: Store) -> None:
    import_values(store, [(1, GSM_HARD)], "gsmhardv2")
    [trace], answer = only_problem(store)
    assert answer == "1026.1"
    assert (trace.format, trace.answer, trace.verdict.status) == ("program", "1026.1", "right")
    assert [step.outcome for step in trace.steps] == ["ana = 1000.1", "ben = 1026.1", "returns 1026.1"]


def test_what_is_exported_comes_back_with_kinds_and_outcomes(store: Store, tmp_path: Path) -> None:
    import_values(store, [(1, TORA)], "tora")
    import_values(store, [(1, GSM_HARD)], "gsm-hard")
    file = tmp_path / "plain.jsonl"
    file.write_text(export_text(store, "plain")[0])
    other = Store(tmp_path / "other.db")
    import_file(other, file)
    for row in store.find_problems():
        for mine in store.traces(row.problem.id):
            theirs = other.trace(mine.id)
            assert theirs is not None
            assert (theirs.steps, theirs.answer, theirs.text) == (mine.steps, mine.answer, mine.text)


# ── run again ────────────────────────────────────────────────────────────────────────────────────────────────────────


def imported(text: str, format: str = "text_code") -> Trace:
    import reasoner.interchange.fields as fields

    return fields.trace(make_problem("How many?", "67", "test"), Maker("import"), text=text, format=format)


@pytest.mark.parametrize(
    ("text", "format", "step"),
    [
        (SOLUTION.format("67", "67"), "text_code", None),
        (SOLUTION.format("68", "67"), "text_code", 0),
        (
            "Ben:\n<code>\n41 + 26\n</code>\nOutput: 67\n<code>\nben\n</code>\nOutput: 5\nFinal Answer: 5",
            "text_code",
            3,
        ),
        ("<code>\nben\n</code>\nOutput: NameError: name 'ben' is not defined\nFinal Answer: 5", "text_code", 0),
        ("<code>\n1\n</code>\nOutput: 1\nBen\n<code>\n2\n</code>\nOutput: 3\nFinal Answer: 3", "text_code", 3),
        ("ana = 41\nben = an + 26\nanswer = ben", "program", 1),
        ("ana = 41\nanswer = ana + 26", "program", None),
        ("Ben has 41 + 26 = 68 coins.\nThe answer is 68.", "cot", None),
    ],
)
def test_the_first_code_that_fails_or_gives_another_output_is_found(text: str, format: str, step: int | None) -> None:
    found = first_failure(imported(text, format))
    assert (found.step if found else None) == step


def test_score_counts_the_outputs_that_come_out_again_and_names_the_others(store: Store) -> None:
    import_values(store, [(1, TORA)], "tora")
    result = score(store, "python")
    wrong = next(trace for trace in only_problem(store)[0] if trace.answer == "68")
    assert (result["agree"], result["outputs"]) == (1, 2)
    [row] = result["disagree"]
    assert (row["trace"], row["step"]) == (wrong.id, 1)
    assert "68" in row["reason"] and "67" in row["reason"]
    assert "1 of 2" in table(result) and wrong.id in table(result)


def test_the_detector_names_code_and_does_not_judge_solutions_without(store: Store) -> None:
    import_values(store, [(1, TORA)], "tora")
    import_values(store, [(1, {"question": "How many?", "answer": "5", "steps": ["It is 5."]})], "plain")
    for row in store.find_problems():
        for trace in store.traces(row.problem.id):
            is_wrong = trace.verdict.status == "wrong"
            store.add_label(
                Label.of(
                    trace,
                    kind="first_wrong" if is_wrong else "all_right",
                    step=0 if is_wrong else None,
                    annotator="ada",
                )
            )
    result = score(store, "python")
    assert (result["right"], result["wrong"], result["exact"], result["unjudged"]) == (1, 1, 1, 1)


def test_without_labels_and_without_code_there_is_nothing_to_score(store: Store) -> None:
    with pytest.raises(BadInput, match="no trace has a label"):
        score(store, "python")


# ── the real files ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_toras_recorded_outputs_come_out_again(store: Store, real_data: Path) -> None:
    import_file(store, real_data / "tora" / "gsm8k_code34b_100.jsonl")
    found = outputs_again(store)
    assert found == {
        "agree": 100,
        "outputs": 100,
        "disagree": [],
    }  # at least 97 were asked for; none is left to explain
    statuses = [
        trace.verdict.status for row in store.find_problems(limit=200) for trace in store.traces(row.problem.id)
    ]
    assert (statuses.count("right"), statuses.count("wrong")) == (81, 19)


def test_gsm_hards_programs_give_their_targets(store: Store, real_data: Path) -> None:
    file = real_data / "gsm-hard" / "gsmhardv2.jsonl"
    assert import_file(store, file).kept == 1_319
    rows = store.find_problems(limit=2_000)
    traces = [trace for row in rows for trace in store.traces(row.problem.id)]
    other = {trace.id: trace.verdict.reason for trace in traces if trace.verdict.status != "right"}
    assert len(traces) == 1_319
    assert len(other) <= 13, other  # 99 % are asked for; on a quiet machine all give their targets …
    assert all("Timeout" in reason or "time" in reason for reason in other.values()), (
        other
    )  # … on a busy one some may wait
    assert json.loads(file.read_text().splitlines()[7])["target"] == 3244047.0999999996  # compared without its noise
