"""The Data tab's words: figures, what became of an import, what was written; whatever a file holds is shown as text."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from reasoner.errors import BadInput
from reasoner.records import Counts, Label, Maker, Pit, Problem, Trace, Verdict, make_problem, make_trace
from reasoner.steps import tag_steps
from reasoner.store import Store
from reasoner.store.gold import new_review
from reasoner.tabs.data import (
    export_html,
    figures_html,
    import_by_name,
    import_files,
    label_exports,
    outcome_html,
    write_export,
)
from reasoner.workbench import Workbench

SCRIPT = "<script>window.hacked=1</script><img src=x onerror=window.hacked=1>"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "<b>store</b>.sqlite") as store:
        yield store


def labelled(store: Store) -> tuple[Problem, Trace, Label]:
    problem = make_problem("Ana has 3 coins, Ben 2 more. How many has Ben?", "5", "typed")
    steps = tag_steps(["Ben has 3 + 2 = 6 coins.", "The answer is 6."])
    trace = make_trace(
        problem,
        prompt="",
        text="\n".join(step.text for step in steps),
        steps=steps,
        answer="6",
        verdict=Verdict("wrong", "6", "6 is not 5"),
        maker=Maker("import"),
        format="cot",
    )
    label = Label.of(trace, kind="first_wrong", step=0, annotator="ada")
    store.add_rows([(problem, [trace], [label])])
    return problem, trace, label


def test_the_figures_say_how_much_there_is_and_where(store: Store) -> None:
    labelled(store)
    shown = figures_html(store)
    assert shown.count("<dd>1</dd>") == 3
    assert "&lt;b&gt;store&lt;/b&gt;.sqlite" in shown


def test_a_closed_store_is_said_not_raised(store: Store) -> None:
    store.close()
    assert "closed" in figures_html(store)


def test_every_dropped_row_is_counted_under_its_reason() -> None:
    counts = Counts(kept=1200, unchanged=3, dropped={"broken JSON": 2, "no question": 1}, messages=("line 4: broken",))
    shown = outcome_html([("mine.jsonl", counts)])
    for words in ("1,200 imported", "3 already there", "2 × broken JSON", "1 × no question", "line 4: broken"):
        assert words in shown


@pytest.mark.parametrize(
    "shown",
    [
        outcome_html([(SCRIPT, Counts(kept=1))]),
        outcome_html([("f.jsonl", SCRIPT)]),
        outcome_html([("f.jsonl", Counts(dropped={SCRIPT: 1}, messages=(SCRIPT,)))]),
    ],
)
def test_what_a_file_holds_is_shown_as_text(shown: str) -> None:
    assert "<script" not in shown
    assert "<img" not in shown
    assert "&lt;script&gt;" in shown


def test_no_file_chosen_says_what_to_do() -> None:
    assert "Drop one" in outcome_html([])


def test_the_queue_of_doubted_gold_answers_is_one_click_away(store: Store) -> None:
    assert 'href="?doubt=1"' in figures_html(store)


def test_every_shape_can_be_written_and_is_json_lines(store: Store, tmp_path: Path) -> None:
    problem, trace, _ = labelled(store)
    store.gold.add(new_review(problem, "confirmed", "ada"))
    store.add_pit(Pit("pit", trace.id, problem.id, 0, "linear", 4, (), trace.maker))
    for export in label_exports():
        counts = export.write(Workbench(store), tmp_path / export.file_name)
        lines = (tmp_path / export.file_name).read_text().splitlines()
        assert counts.kept == len(lines) > 0, export.title
        assert all(isinstance(json.loads(line), dict) for line in lines)
        assert f"{counts.kept} written" in export_html(export, counts)


def test_nothing_to_export_says_what_to_do(store: Store, tmp_path: Path) -> None:
    export = label_exports()[0]
    assert "Flag a first wrong step" in export_html(export, export.write(Workbench(store), tmp_path / "labels.jsonl"))


def test_a_wrong_choice_sent_by_a_program_is_refused(store: Store) -> None:
    for index in (99, -1, "0", None):
        with pytest.raises(BadInput):
            write_export(Workbench(store), label_exports(), index)  # type: ignore[arg-type]


def test_files_of_every_kind_get_an_answer_in_words(store: Store, tmp_path: Path) -> None:
    files = {"picture.png": b"\x89PNG\r\n\x1a\n\0\0", "broken.jsonl": b'{"question": \n', "empty.jsonl": b""}
    files["good.jsonl"] = b'{"question": "What is 2 + 2?", "answer": "4"}\n'
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    paths = [str(tmp_path / name) for name in files]
    shown, _ = import_files(Workbench(store), str, paths, "", False)
    assert shown.count('role="alert"') == 3
    assert "good.jsonl: 1 imported" in shown
    assert store.stats()["problems"] == 1
    assert "1 already there" in import_files(Workbench(store), str, paths[3:], "", False)[0]


def test_a_data_set_in_a_folder_is_brought_by_name_but_not_on_a_space(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "my-set"
    folder.mkdir()
    (folder / "train.jsonl").write_text('{"question": "What is 2 + 2?", "answer": "4"}\n')
    monkeypatch.setenv("SYSTEM", "spaces")
    assert "from the Hub only" in import_by_name(Workbench(store), str, str(folder), "", "train", "", False)[0]
    monkeypatch.delenv("SYSTEM")
    assert "1 imported" in import_by_name(Workbench(store), str, str(folder), "", "train", "", False)[0]
    assert "give the data set" in import_by_name(Workbench(store), str, " ", "", "", "", False)[0]
