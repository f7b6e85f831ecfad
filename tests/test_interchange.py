"""Foreign files come in whole or not at all, with every bad line named; what we export comes back the same."""

import gzip
import json
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reasoner.errors import BadInput, StoreError
from reasoner.interchange import (
    FAMILIES,
    SHAPES,
    export_file,
    export_pairs,
    export_text,
    import_file,
    import_hub,
    import_values,
)
from reasoner.interchange.lines import read_values
from reasoner.interchange.trl import read_pairs
from reasoner.records import Label, Pair
from reasoner.store import Store

GSM8K = {"question": "Ana has 3 coins, Ben 2 more. How many has Ben?", "answer": "Ben has <<3+2=5>>5 coins.\n#### 5"}
PROCESSBENCH = {
    "id": "gsm8k-0",
    "generator": "Qwen2-7B-Instruct",
    "problem": "Sue has 3 flamingos and gets 2 more. How many has she?",
    "steps": ["She has 3.", "She gets 3 more.", "So she has 3 + 3 = 6."],
    "final_answer_correct": False,
    "label": 1,
}
MR_GSM8K = {
    "uuid": "5b1d",
    "question": "Sue has 3 flamingos and gets 2 more. How many has she?",
    "ground_truth_solution": "3 + 2 = 5\n#### 5",
    "ground_truth_answer": "5",
    "model_output_steps": ["Step 1: She has 3.", "Step 2: 3 + 3 = 6.", "Step 3: The answer is 6."],
    "model_output_answer_correctness": "wrong",
    "model_output_solution_correctness": "wrong",
    "model_output_solution_first_error_step": "2",
    "model_output_solution_first_error_reason": "She gets 2, not 3.",
    "question_type": "original",
}
BIGBENCH = {
    "input": "(1 + 2) * 3 =",
    "steps": ["1 + 2 = 3", "3 * 3 = 6", "So the answer is 6"],
    "target": "9",
    "answer": "6",
    "mistake_index": 1,
}
PLAIN = {"question": "What is 2 + 2?", "answer": 4, "steps": ["2 + 2 = 5", "The answer is 5"], "first_wrong_step": 0}


def rated(text: str, rating: int | None = 1) -> dict[str, Any]:
    return {"text": text, "rating": rating, "flagged": False}


def rated_step(*completions: dict[str, Any], chosen: int | None = 0, human: str = "") -> dict[str, Any]:
    own = {"text": human, "rating": None, "source": "human", "flagged": False} if human else None
    return {"completions": list(completions), "human_completion": own, "chosen_completion": chosen}


def prm800k(*steps: dict[str, Any], finish: str = "solution", whole: list[str] | None = None) -> dict[str, Any]:
    question: dict[str, Any] = {"problem": "What is 2 + 2 + 2?", "ground_truth_answer": "6"}
    if whole:
        question |= {"pre_generated_steps": whole, "pre_generated_answer": "7"}
    label = {"steps": list(steps), "total_time": 12_500, "finish_reason": finish}
    return {"labeler": "e90a", "timestamp": "2022-07-30T23:23:32.118856", "question": question, "label": label}


@pytest.fixture
def no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep `datasets` from filling the cache of whoever runs the tests."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), "utf-8")
    return path


def take(store: Store, row: object, format: str = "") -> tuple[Any, list[Any], list[Label]]:
    """Import one row; its problem, traces and labels."""
    import_values(store, [(1, row)], "file", format)
    problem = store.find_problems()[0].problem
    return problem, store.traces(problem.id), store.labels()


# ── what each format means ───────────────────────────────────────────────────────────────────────────────────────────


def test_gsm8k_gives_a_problem_and_its_gold_solution_as_a_trace(store: Store) -> None:
    problem, [trace], labels = take(store, GSM8K)
    assert (problem.answer, problem.source, problem.solution) == ("5", "gsm8k/file", GSM8K["answer"])
    assert (trace.maker.model, trace.answer, trace.verdict.status) == ("gold", "5", "right")
    assert [step.text for step in trace.steps] == ["Ben has <<3+2=5>>5 coins.", "#### 5"]
    assert labels == []


def test_example_solutions_give_a_trace_for_each_model(store: Store) -> None:
    row = {
        "question": GSM8K["question"],
        "ground_truth": "Ben has 5.\nA: 5",
        "6b_finetuning": {"is_correct": False, "solution": "Ben has 6.\nA: 6"},
        "175b_verification": {"is_correct": True, "solution": "3 + 2 = 5.\nA: 5"},
    }
    _, traces, _ = take(store, row)
    models = {trace.maker.model: trace.verdict.status for trace in traces}
    assert models == {"gold": "right", "6b_finetuning": "wrong", "175b_verification": "right"}


def test_processbench_counts_steps_from_zero_and_knows_no_gold_answer(store: Store) -> None:
    problem, [trace], [label] = take(store, PROCESSBENCH)
    assert problem.answer is None and trace.verdict.status == "wrong" and trace.verdict.extracted == "6"
    assert (label.kind, label.step, label.annotator) == ("first_wrong", 1, "processbench")
    assert label.seen_steps == tuple(PROCESSBENCH["steps"])  # type: ignore[arg-type]


def test_processbench_minus_one_is_all_right(store: Store) -> None:
    _, [trace], [label] = take(store, {**PROCESSBENCH, "label": -1, "final_answer_correct": True})
    assert (label.kind, label.step, trace.verdict.status) == ("all_right", None, "right")


def test_mr_gsm8k_counts_steps_from_one_in_a_string(store: Store) -> None:
    _, [trace], [label] = take(store, MR_GSM8K)
    assert (label.kind, label.step, label.note) == ("first_wrong", 1, "She gets 2, not 3.")
    assert trace.verdict.status == "wrong" and len(trace.steps) == 3


def test_mr_gsm8k_not_applicable_is_all_right(store: Store) -> None:
    right = {"model_output_solution_correctness": "correct", "model_output_solution_first_error_step": "N/A"}
    _, _, [label] = take(store, {**MR_GSM8K, **right, "model_output_solution_first_error_reason": "N/A"})
    assert (label.kind, label.step, label.note) == ("all_right", None, "")


def test_mr_gsm8k_wrong_without_a_step_is_unsure(store: Store) -> None:
    _, _, [label] = take(store, {**MR_GSM8K, "model_output_solution_first_error_step": "N/A"})
    assert label.kind == "unsure"


def test_bigbench_mistake_counts_steps_from_zero_and_null_is_all_right(store: Store) -> None:
    _, [trace], [label] = take(store, BIGBENCH)
    assert (label.step, trace.answer, trace.verdict.status) == (1, "6", "wrong")
    other = {**BIGBENCH, "mistake_index": None, "input": "(1 + 2) * 2 ="}
    import_values(store, [(1, other)], "file")
    assert [label.kind for label in store.labels()] == ["first_wrong", "all_right"]


def test_prm800k_phase_2_keeps_the_whole_solution_and_the_first_minus_one(store: Store) -> None:
    whole = ["2 + 2 = 4", "4 + 2 = 7", "# Answer\n\n7"]
    row = prm800k(
        rated_step(rated(whole[0])),
        rated_step(rated(whole[1], -1), rated("4 + 2 = 6"), chosen=None),
        finish="found_error",
        whole=whole,
    )
    _, [trace], [label] = take(store, row)
    assert [step.text for step in trace.steps] == whole and trace.verdict.status == "wrong"
    assert (label.kind, label.step, label.correction) == ("first_wrong", 1, "4 + 2 = 6")
    assert (label.annotator, label.seconds, round(label.created)) == ("prm800k:e90a", 12.5, 1659223412)


def test_prm800k_phase_1_gives_the_walked_path_and_a_trace_for_each_rejected_step(store: Store) -> None:
    row = prm800k(
        rated_step(rated("2 + 2 = 4")),
        rated_step(rated("4 + 2 = 7", -1), rated("4 + 2 = 8", -1), chosen=None, human="4 + 2 = 6"),
        rated_step(rated("hm", 0), rated("# Answer\n\n6"), chosen=1),
    )
    _, traces, labels = take(store, row)
    assert [[step.text for step in trace.steps] for trace in traces] == [
        ["2 + 2 = 4", "4 + 2 = 6", "# Answer\n\n6"],
        ["2 + 2 = 4", "4 + 2 = 7"],
        ["2 + 2 = 4", "4 + 2 = 8"],
    ]
    assert [(label.kind, label.step) for label in labels] == [
        ("all_right", None),
        ("first_wrong", 1),
        ("first_wrong", 1),
    ]
    assert {label.correction for label in labels[1:]} == {"4 + 2 = 6"}
    assert [trace.verdict.status for trace in traces] == ["right", "unjudged", "unjudged"]


def test_prm800k_stops_at_a_step_from_which_nobody_went_on(store: Store) -> None:
    row = prm800k(
        rated_step(rated("2 + 2 = 4")),
        rated_step(rated("", None), rated("hm", 0), chosen=None),
        rated_step(rated("4 + 2 = 7", -1)),
        finish="give_up",
    )
    _, [trace], [label] = take(store, row)
    assert [step.text for step in trace.steps] == ["2 + 2 = 4"] and label.kind == "unsure"


def test_prm800k_finds_the_rating_of_a_step_that_differs_in_white_space(store: Store) -> None:
    whole = ["2 + 2 = 4 ", "4 + 2 = 7 "]
    row = prm800k(rated_step(rated("2 + 2 = 4")), rated_step(rated("4 + 2 = 7", -1)), finish="found_error", whole=whole)
    _, [trace], [label] = take(store, row)
    assert [step.text for step in trace.steps] == whole and label.step == 1


@pytest.mark.parametrize(("finish", "kind"), [("give_up", "unsure"), ("bad_problem", "bad_problem")])
def test_prm800k_says_why_labelling_stopped(store: Store, finish: str, kind: str) -> None:
    _, [trace], [label] = take(store, prm800k(rated_step(rated("2 + 2 = 4")), finish=finish))
    assert label.kind == kind and trace.verdict.status == "unjudged"


def test_plain_rows_need_a_question_only(store: Store) -> None:
    problem, traces, labels = take(store, {"question": "What is 2 + 2?"})
    assert (problem.answer, problem.source, traces, labels) == (None, "file", [], [])


@pytest.mark.parametrize(
    ("fields", "kind", "step"),
    [
        ({"first_wrong_step": 1}, "first_wrong", 1),
        ({"first_wrong_step": -1}, "all_right", None),
        ({"first_wrong_step": None}, "all_right", None),
        ({"kind": "unsure"}, "unsure", None),
        ({"kind": "all_right"}, "all_right", None),
    ],
)
def test_a_plain_label_is_a_step_or_a_kind(store: Store, fields: dict[str, Any], kind: str, step: int | None) -> None:
    _, _, [label] = take(
        store, {"question": "2 + 2?", "answer": 4.0, "text": "2 + 2 = 5\nA: 5", **fields, "annotator": "ada"}
    )
    assert (label.kind, label.step, label.annotator) == (kind, step, "ada")


def test_a_plain_solution_without_a_label_has_none(store: Store) -> None:
    _, [trace], labels = take(
        store, {"problem": "2 + 2?", "answer": "4", "text": "2 + 2 = 4. The answer is 4.", "model": "m"}
    )
    assert labels == [] and trace.verdict.status == "right" and trace.maker.model == "m"
    assert [step.text for step in trace.steps] == ["2 + 2 = 4.", "The answer is 4."]


@pytest.mark.parametrize(
    ("row", "name"),
    [
        (GSM8K, "gsm8k"),
        (PROCESSBENCH, "processbench"),
        (MR_GSM8K, "mr-gsm8k"),
        (BIGBENCH, "bigbench-mistake"),
        (PLAIN, "plain"),
        (prm800k(rated_step(rated("6"))), "prm800k"),
        ({"question": "q", "ground_truth": "A: 1", "m": {"is_correct": True, "solution": "A: 1"}}, "example-solutions"),
    ],
)
def test_a_format_is_recognised_by_its_fields(row: dict[str, Any], name: str) -> None:
    assert next(family.name for family in FAMILIES.values() if family.recognise(row)) == name


# ── bad files and bad lines ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n \n\n", "is empty"),
        (b"question,answer\n1,2\n", "is not JSON"),
        (b"PK\x03\x04\0\0\0\0binary", "not a text file"),
        (b"\x89PNG\r\n\x1a\n\0\0", "not a text file"),
        (b"\xff\xfe\xfa\xfb", "not a text file"),
        (b"\x1f\x8b\x08\x00 this is no gzip", "damaged|cannot be read"),
        (b"[]", "holds no rows"),
        (b"{}\n", "unknown format"),
        (b'{"a": 1, "b": 2}\n{"a": 3}\n', "unknown format: fields a, b"),
        (b"[1, 2, 3]", "unknown format: no JSON object"),
        (b'{"question": ' * 100_000, "broken JSON"),
        (b"[" * 200_000, "broken JSON|holds no rows"),
    ],
)
def test_a_file_of_the_wrong_kind_is_refused_in_words(store: Store, tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "file.jsonl"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=says):
        import_file(store, path)
    assert store.stats()["problems"] == 0


def test_a_missing_file_and_a_folder_are_refused_in_words(store: Store, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="There is no file"):
        import_file(store, tmp_path / "nothing.jsonl")
    with pytest.raises(BadInput, match="is a folder"):
        import_file(store, tmp_path)


BAD_ROWS = [
    ('{"question": "2 + 2?", "answer": ', "broken JSON"),
    ('["a list"]', "wrong kind of row"),
    ({"question": "   "}, "empty problem"),
    ({"question": 7}, "wrong kind of value"),
    ({"question": "x" * 100_000}, "not acceptable: The question has 100,000 characters; at most 20,000"),
    ('{"question": "\\ud800"}', "lone surrogate"),
    ({"question": "q", "answer": True}, "wrong kind of value"),
    ('{"question": "q", "answer": NaN}', "wrong kind of value"),
    ('{"question": "q", "answer": 1' + "0" * 5000 + "}", "broken JSON"),
    ({**PLAIN, "first_wrong_step": 2}, r"label out of range: step 2 \(counted from 0\) of 2"),
    ({**PLAIN, "first_wrong_step": -2}, "label out of range"),
    ({**PLAIN, "first_wrong_step": "1"}, "label is no step number"),
    ({**PLAIN, "first_wrong_step": True}, "label is no step number"),
    ({**PLAIN, "steps": "no list"}, "no steps"),
    ({**PLAIN, "steps": []}, "no steps"),
    ({**PLAIN, "steps": ["a", 2]}, "a step is no text"),
    ({**PLAIN, "steps": ["a"] * 1001}, "1,001 steps"),
    ({**PLAIN, "kind": "all_right"}, "label contradicts itself"),
    ({**PLAIN, "kind": "nonsense"}, "no kind of label"),
    ({**PLAIN, "kind": "unsure"}, "label contradicts itself"),
    ({**PLAIN, "first_wrong_step": "absent"}, "label is no step number"),
    ({**PLAIN, "format": "verse"}, "unknown way of writing"),
    ({**PLAIN, "label_id": "x" * 81}, "at most 80"),
    ('{"question": "q", "text": "t", "model": "\\ud800"}', "half a char"),
    ({**PLAIN, "annotator": "a\nb"}, "name for the annotator"),
    ({**PLAIN, "error_class": "laziness"}, "no error class"),
    ({**PLAIN, "seconds": "long"}, "wrong kind of value"),
    ({**PLAIN, "maker": {"seed": "one"}}, "wrong kind of value"),
    ({"question": "q", "first_wrong_step": 0}, "label without a solution"),
]


@pytest.mark.parametrize(("row", "says"), BAD_ROWS)
def test_a_bad_line_is_named_with_its_number_and_reason_and_nothing_is_kept(
    store: Store, tmp_path: Path, row: object, says: str
) -> None:
    path = write(tmp_path / "file.jsonl", PLAIN, "", row)
    with pytest.raises(BadInput, match=rf"1 of 2 lines of file are bad; nothing was imported.\n  line 3: .*{says}"):
        import_file(store, path)
    assert store.stats()["problems"] == 0


@pytest.mark.parametrize(("row", "says"), BAD_ROWS)
def test_keep_good_keeps_the_others_and_counts_the_dropped_by_reason(
    store: Store, tmp_path: Path, row: object, says: str
) -> None:
    counts = import_file(store, write(tmp_path / "file.jsonl", PLAIN, row, GSM8K), "plain", keep_good=True)
    assert counts.kept == 2 and sum(counts.dropped.values()) == 1
    assert counts.messages[0].startswith("line 2: ")
    assert store.stats()["problems"] == 2


@pytest.mark.parametrize(
    "row",
    [
        {**PROCESSBENCH, "label": 3},
        {**PROCESSBENCH, "label": -2},
        {**PROCESSBENCH, "label": None},
        {**PROCESSBENCH, "label": 1.5},
        {**PROCESSBENCH, "steps": None},
        {**PROCESSBENCH, "final_answer_correct": "yes"},
        {**MR_GSM8K, "model_output_solution_first_error_step": "4"},
        {**MR_GSM8K, "model_output_solution_first_error_step": "0"},
        {**MR_GSM8K, "model_output_solution_first_error_step": "two"},
        {**MR_GSM8K, "model_output_solution_correctness": "correct"},
        {**MR_GSM8K, "model_output_solution_correctness": None},
        {**MR_GSM8K, "model_output_steps": None},
        {**BIGBENCH, "mistake_index": 3},
        {**BIGBENCH, "input": ""},
        {**GSM8K, "answer": "Ben has 5.\n#### "},
        {**GSM8K, "answer": "####5", "question": None},
        prm800k(rated_step(rated("4")), finish="found_error"),
        prm800k(rated_step(rated("4"), chosen=1)),
        prm800k(rated_step(rated("4", 2))),
        prm800k(rated_step(rated("4")), rated_step(rated("5")), whole=["4"]),
        prm800k("no step"),  # type: ignore[arg-type]
        {**prm800k(), "label": {"steps": "none"}},
    ],
)
def test_a_foreign_row_that_contradicts_its_format_is_a_bad_line(store: Store, row: dict[str, Any]) -> None:
    name = next(
        name for name, field in [("processbench", "generator"), ("mr-gsm8k", "uuid"), ("bigbench-mistake", "input"),
                                 ("prm800k", "labeler"), ("gsm8k", "question")] if field in row
    )  # fmt: skip
    with pytest.raises(BadInput, match=r"1 of 1 lines of file are bad"):
        import_values(store, [(1, row)], "file", name)


def test_a_huge_line_is_a_bad_line_and_the_next_one_is_read(store: Store, tmp_path: Path) -> None:
    huge = json.dumps({"question": "x" * 6_000_000})
    path = write(tmp_path / "file.jsonl", PLAIN, huge, GSM8K)
    with pytest.raises(BadInput, match=r"line 2: line too long: more than 5,000,000 characters"):
        import_file(store, path)
    assert import_file(store, path, "plain", keep_good=True).kept == 2


def test_only_the_first_bad_lines_are_shown_but_all_are_counted(store: Store) -> None:
    rows: list[tuple[int, Any]] = [(number, {"question": ""}) for number in range(1, 500)]
    with pytest.raises(BadInput, match=r"(?s)499 of 500 lines .*… and 489 more") as caught:
        import_values(store, [*rows, (500, PLAIN)], "file", "plain")
    assert len(str(caught.value).splitlines()) == 13
    counts = import_values(store, [*rows, (500, PLAIN)], "file", "plain", keep_good=True)
    assert counts.dropped == {"empty problem": 499} and len(counts.messages) == 100


def test_the_format_may_be_named_and_must_exist(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "file.jsonl", GSM8K)
    import_file(store, path, "plain")
    assert store.find_problems()[0].problem.answer == GSM8K["answer"]
    with pytest.raises(BadInput, match="There are: prm800k"):
        import_file(store, path, "csv")


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(deadline=None, max_examples=25)
@given(ANY_JSON)
def test_whatever_a_field_holds_a_row_is_read_or_refused_in_words(value: Any) -> None:
    good = [PROCESSBENCH, MR_GSM8K, BIGBENCH, PLAIN, GSM8K, prm800k(rated_step(rated("4")))]
    rows = [value, *({**row, key: value} for row in good for key in row)]
    for row in rows:
        for family in FAMILIES.values():
            if isinstance(row, dict) and family.recognise(row):
                with suppress(BadInput, UnicodeEncodeError):
                    family.read(row, "file")


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    [
        "{a}\n{b}\n",
        "\ufeff{a}\n\n{b}",
        "[{a}, {b}]",
        "[\n  {a},\n  {b}\n]\n",
        "\n\n{a}\n{b}\n\n",
    ],
)
def test_json_comes_in_lines_arrays_or_one_after_another(store: Store, tmp_path: Path, text: str) -> None:
    path = tmp_path / "file.json"
    path.write_text(text.replace("{a}", json.dumps(PLAIN)).replace("{b}", json.dumps({"question": "another"})), "utf-8")
    assert import_file(store, path).kept == 2


def test_an_object_over_several_lines_is_read_and_numbered_by_its_first_line(tmp_path: Path) -> None:
    path = write(tmp_path / "file.json", json.dumps(PLAIN, indent=4), json.dumps(GSM8K, indent=4))
    assert list(read_values(path)) == [(1, PLAIN), (10, GSM8K)]


def test_a_pipe_is_read(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=(json.dumps(PLAIN) + "\n",))
    writer.start()
    assert import_file(store, path).kept == 1
    writer.join()


def test_gzipped_files_are_read(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(GSM8K).encode()))
    assert import_file(store, path).kept == 1
    assert store.sources() == ["gsm8k/train"]


@pytest.mark.parametrize("row", [GSM8K, PROCESSBENCH, MR_GSM8K, BIGBENCH, PLAIN, prm800k(rated_step(rated("6")))])
def test_importing_twice_adds_nothing(store: Store, tmp_path: Path, row: dict[str, Any]) -> None:
    path = write(tmp_path / "file.jsonl", row)
    assert str(import_file(store, path)) == "1 kept"
    before = (store.stats(), store.label_events())
    assert str(import_file(store, path)) == "0 kept, 1 already there"
    assert (store.stats(), store.label_events()) == before


@pytest.mark.parametrize(
    ("row", "name", "source"),
    [
        (GSM8K, "train", "gsm8k/train"),
        (GSM8K, "gsm8k-test", "gsm8k/test"),
        (GSM8K, "gsm8k", "gsm8k"),
        (PROCESSBENCH, "ProcessBench-math", "processbench/math"),
        (PLAIN, "mine", "mine"),
        ({**PLAIN, "source": "elsewhere"}, "mine", "elsewhere"),
    ],
)
def test_the_source_names_format_and_file(store: Store, row: dict[str, Any], name: str, source: str) -> None:
    import_values(store, [(1, row)], name)
    assert store.sources() == [source]


def test_progress_is_told_while_a_long_file_is_read(store: Store) -> None:
    seen: list[int] = []
    rows = [(number, {"question": f"What is {number} + 1?"}) for number in range(1, 1201)]
    import_values(store, rows, "file", follow=seen.append)
    assert seen == [500, 1000]


@pytest.mark.usefixtures("no_cache")
def test_a_local_folder_is_read_through_datasets(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "bench"
    folder.mkdir()
    write(folder / "train.jsonl", {**PLAIN, "answer": "4"}, {"question": "What is 3 + 3?", "answer": "6"})
    counts = import_hub(store, str(folder))
    assert counts.kept == 2
    assert store.sources() == ["bench-train"]
    assert len(store.labels()) == 1  # the second row's missing first_wrong_step became null: it is no label
    with pytest.raises(BadInput, match="cannot be loaded"):
        import_hub(store, str(folder), split="test")


@pytest.mark.usefixtures("no_cache")
def test_a_saved_data_set_is_read_too(store: Store, tmp_path: Path) -> None:
    import datasets

    rows = [BIGBENCH, {**BIGBENCH, "input": "(1 + 2) * 2 =", "mistake_index": None}]
    datasets.disable_progress_bars()
    datasets.Dataset.from_list(rows).save_to_disk(tmp_path / "saved")
    assert import_hub(store, str(tmp_path / "saved")).kept == 2
    assert [label.kind for label in store.labels()] == ["first_wrong", "all_right"]
    assert import_hub(store, str(tmp_path / "saved"), limit=1).unchanged == 1


# ── out ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def labelled(store: Store) -> Store:
    for row in (PROCESSBENCH, BIGBENCH, prm800k(rated_step(rated("hm")), finish="give_up")):
        import_values(store, [(1, row)], "file")
    [trace] = store.traces(store.find_problems(source="bigbench-mistake/file")[0].problem.id)
    about = {"error_class": "calculation", "correction": "3 * 3 = 9", "note": "é"}
    store.add_label(Label.of(trace, kind="first_wrong", step=1, annotator="ada <b>", seconds=4.5, **about))
    return store


def rows_of(store: Store, shape: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in export_text(store, shape)[0].splitlines()]


@pytest.mark.parametrize("shape", ["labels", "plain"])
def test_our_own_export_comes_back_as_the_same_records(labelled: Store, tmp_path: Path, shape: str) -> None:
    path = tmp_path / "labels.jsonl"
    assert export_file(labelled, shape, path).kept == 4
    with Store(tmp_path / "other.sqlite") as other:
        import_file(other, path)
        assert sorted(other.labels(), key=lambda label: label.id) == sorted(
            labelled.labels(), key=lambda label: label.id
        )
        for label in labelled.labels():
            mine, theirs = labelled.trace(label.trace_id), other.trace(label.trace_id)
            assert mine is not None and theirs is not None
            assert (theirs.id, theirs.steps, theirs.answer, theirs.maker) == (
                mine.id,
                mine.steps,
                mine.answer,
                mine.maker,
            )
            assert theirs.verdict.status == mine.verdict.status
            assert other.problem(label.problem_id) == labelled.problem(label.problem_id)
    assert import_file(labelled, path).kept == 0


def test_processbench_comes_back_as_it_was(labelled: Store) -> None:
    row = rows_of(labelled, "processbench")[0]
    assert {**PROCESSBENCH, "id": row["id"]}.items() <= row.items()
    assert row["annotator"] == "processbench"
    text, counts = export_text(labelled, "processbench")
    assert counts.kept == len(text.splitlines()) == 3
    assert counts.dropped == {"ProcessBench has no place for a label “unsure”": 1}


def test_prm800k_says_the_same_when_read_again(labelled: Store, tmp_path: Path) -> None:
    export_file(labelled, "prm800k", tmp_path / "prm800k.jsonl")
    with Store(tmp_path / "other.sqlite") as other:
        import_file(other, tmp_path / "prm800k.jsonl")
        said = {(label.kind, label.step, label.correction, label.seconds) for label in other.labels()}
        assert said == {(label.kind, label.step, label.correction, label.seconds) for label in labelled.labels()}
        assert "prm800k:ada <b>" in {label.annotator for label in other.labels()}


def test_stepwise_stops_at_the_first_wrong_step(labelled: Store) -> None:
    row = rows_of(labelled, "stepwise")[0]
    assert (row["completions"], row["labels"]) == (PROCESSBENCH["steps"][:2], [True, False])  # type: ignore[index]
    assert row["prompt"] == PROCESSBENCH["problem"] and row["annotator"] == "processbench"


@pytest.mark.usefixtures("no_cache")
def test_stepwise_is_what_datasets_and_trl_read(labelled: Store, tmp_path: Path) -> None:
    import datasets

    export_file(labelled, "stepwise", tmp_path / "train.jsonl")
    loaded = datasets.load_dataset(
        "json", data_files=str(tmp_path / "train.jsonl"), split="train", cache_dir=str(tmp_path)
    )
    assert {"prompt", "completions", "labels"} <= set(loaded.column_names)
    assert all(len(row["completions"]) == len(row["labels"]) for row in loaded)


def test_events_tell_what_was_undone(labelled: Store) -> None:
    labelled.undo_label("ada <b>")
    assert [row["event"] for row in rows_of(labelled, "events")] == ["label"] * 4 + ["undo"]
    assert len(rows_of(labelled, "labels")) == 3


PAIR = Pair(
    "p1", "q", "t", 1, "Question\nstep 0\n", "right\n#### 5", "wrong\n", "person", "ada", "remainder", "label-1"
)


def test_pairs_go_out_in_both_of_trls_shapes(tmp_path: Path) -> None:
    export_pairs([PAIR], "preference", tmp_path / "preference.jsonl")
    [row] = [json.loads(line) for line in (tmp_path / "preference.jsonl").read_text().splitlines()]
    assert (row["prompt"], row["chosen"], row["rejected"]) == (PAIR.prompt, PAIR.chosen, PAIR.rejected)
    assert (row["origin"], row["by"], row["source"]) == ("person", "ada", "label-1")
    export_pairs([PAIR], "stepwise-pairs", tmp_path / "stepwise.jsonl")
    wrong, right = [json.loads(line) for line in (tmp_path / "stepwise.jsonl").read_text().splitlines()]
    assert (wrong["completions"], wrong["labels"]) == (["wrong"], [False])
    assert (right["completions"], right["labels"]) == (["right", "#### 5"], [True, True])
    with pytest.raises(BadInput, match="There are: preference"):
        export_pairs([PAIR], "labels", tmp_path / "x")


def test_a_file_that_holds_no_pairs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="line 1 is no preference pair"):
        read_pairs(write(tmp_path / "pairs.jsonl", PLAIN))


def test_an_export_is_written_whole_or_not_at_all(
    labelled: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text("what was there")
    with pytest.raises(StoreError, match="cannot be written"):
        export_file(labelled, "labels", tmp_path / "no" / "folder" / "labels.jsonl")

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full_disk)
    with pytest.raises(StoreError, match="No space left"):
        export_file(labelled, "labels", path)
    assert path.read_text() == "what was there"
    assert [item.name for item in tmp_path.glob(".labels*")] == []


def test_an_unknown_shape_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="There are: labels"):
        export_file(store, "csv", tmp_path / "x")
    others = {"events", "gold-reviews", "pits", "processbench", "prm800k", "stepwise"}
    assert set(SHAPES) == {"labels", "plain"} | others


# ── real files ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_gsm8k_train_is_read_whole(store: Store, real_data: Path) -> None:
    counts = import_file(store, real_data / "gsm8k" / "train.jsonl")
    assert str(counts) == "7473 kept"
    assert store.count_problems(source="gsm8k/train") == store.count_problems(verdict="right") == 7473
    assert store.find_problems(search="natalia clips")[0].problem.answer == "72"


def test_the_example_solutions_agree_with_their_own_flags(store: Store, real_data: Path) -> None:
    path = real_data / "gsm8k" / "example_model_solutions.jsonl"
    assert import_file(store, path).kept == 1319
    flags = {"right": 0, "wrong": 0, "unjudged": 0}
    for row in store.find_problems(limit=2000):
        for trace in store.traces(row.problem.id):
            flags[trace.verdict.status] += trace.maker.model != "gold"
    said = [v["is_correct"] for _, row in read_values(path) for v in row.values() if isinstance(v, dict)]
    assert flags["unjudged"] == 0
    assert sum(flags.values()) <= len(said) == 5276  # two models' solutions of a problem may be the same trace


def test_bigbench_mistake_is_read_whole(store: Store, real_data: Path) -> None:
    path = real_data / "bigbench-mistake" / "multistep_arithmetic.jsonl"
    assert import_file(store, path).kept == 300
    indices = sorted(str(row["mistake_index"]) for _, row in read_values(path))
    assert sorted(str(label.step) for label in store.labels()) == indices


def test_prm800k_examples_are_read_whole(store: Store, real_data: Path) -> None:
    for path in sorted((real_data / "prm800k").glob("*.json")):
        counts = import_file(store, path)
        assert counts.dropped == {} and counts.kept + counts.unchanged == len(list(read_values(path)))
    phase_2 = [label for label in store.labels() if label.annotator.startswith("prm800k:cc88")]
    assert [(label.step, label.kind) for label in phase_2] == [(6, "first_wrong")]
