"""`python -m reasoner`: every command does its work or says in words why not, and exits 0 or 2."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reasoner.__main__ import main
from reasoner.store import Store

ROWS: list[dict[str, Any]] = [
    {"question": "What is 2 + 2?", "answer": 4, "steps": ["2 + 2 = 5", "The answer is 5"], "first_wrong_step": 0},
    {"question": "What is 3 + 3?", "answer": 6, "steps": ["3 + 3 = 6", "The answer is 6"], "first_wrong_step": -1},
]
QUESTION = "Ana has 3 coins, Ben 2 more. How many has Ben?"


@pytest.fixture
def store_path(tmp_path: Path) -> str:
    return str(tmp_path / "store.sqlite")


@pytest.fixture
def rows(tmp_path: Path) -> str:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return str(path)


@pytest.fixture
def scripted(tmp_path: Path) -> str:
    """A model that knows two problems: it solves QUESTION rightly, and "What is 2 + 2?" always wrongly."""
    path = tmp_path / "script.jsonl"
    script = {QUESTION: "3 + 2 = 5\nThe answer is 5", "What is 2 + 2?": "2 + 2 = 5\nThe answer is 5"}
    lines = [{"prompt": question + "\n", "completions": [text]} for question, text in script.items()]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return f"scripted:{path}"


def test_import_says_what_was_kept_and_what_the_store_holds(
    rows: str, store_path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", rows, "--store", store_path]) == 0
    out = capsys.readouterr().out
    assert "rows.jsonl: 2 kept" in out and "holds 2 problems, 2 traces, 2 labels, 0 pits" in out
    assert main(["import", rows, "--store", store_path]) == 0
    assert "0 kept, 2 already there" in capsys.readouterr().out


def test_a_bad_file_exits_2_with_the_reason_and_no_traceback(
    tmp_path: Path, store_path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text(json.dumps(ROWS[0]) + "\n{broken\n")
    assert main(["import", str(bad), "--store", store_path]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and "line 2: broken JSON" in captured.err and "Traceback" not in captured.err
    assert main(["import", str(bad), "--keep-good", "--store", store_path]) == 0
    captured = capsys.readouterr()
    assert "1 kept, 1 dropped: broken JSON" in captured.out and "line 2" in captured.err


def test_a_store_that_cannot_be_used_exits_2(tmp_path: Path, rows: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text").write_text("no store, but a text of some length all the same")
    assert main(["import", rows, "--store", str(tmp_path / "text")]) == 2
    assert "is not a store" in capsys.readouterr().err


def test_import_needs_a_file(store_path: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["import", "--store", store_path])


@pytest.mark.parametrize("shape", ["labels", "processbench", "prm800k", "stepwise", "plain", "events"])
def test_export_writes_every_shape(
    rows: str, store_path: str, tmp_path: Path, shape: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["import", rows, "--store", store_path])
    assert main(["export", "--as", shape, "--out", str(tmp_path / "out.jsonl"), "--store", store_path]) == 0
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert len([json.loads(line) for line in lines]) == 2
    capsys.readouterr()
    assert main(["export", "--as", shape, "--out", "-", "--store", store_path]) == 0
    assert capsys.readouterr().out.splitlines() == lines


def test_export_of_pairs_needs_a_file_of_pairs(
    tmp_path: Path, store_path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["export", "--as", "preference", "--out", "x", "--store", store_path])
    assert "python -m training pairs" in capsys.readouterr().err
    pair = {"id": "1", "problem_id": "p", "trace_id": "t", "step": 0, "prompt": "q\n", "chosen": "a", "rejected": "b"}
    pair |= {"origin": "person", "by": "ada", "chosen_from": "correction"}
    (tmp_path / "pairs.jsonl").write_text(json.dumps(pair) + "\n")
    out = tmp_path / "preference.jsonl"
    options = ["--pairs", str(tmp_path / "pairs.jsonl"), "--out", str(out), "--store", store_path]
    assert main(["export", "--as", "preference", *options]) == 0
    assert json.loads(out.read_text())["chosen"] == "a"
    capsys.readouterr()
    assert main(["export", "--as", "preference", *options, "--out", "-"]) == 0
    assert capsys.readouterr().out == out.read_text()


def test_score_prints_names_and_numbers_or_one_json_object(
    rows: str, store_path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["import", rows, "--store", store_path])
    capsys.readouterr()
    assert main(["score", "--detector", "arithmetic", "--json", "--store", store_path]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["right"], result["wrong"], result["processbench_f1"], result["f1"]) == (1, 1, 1.0, 1.0)
    assert main(["score", "--detector", "arithmetic", "--store", store_path]) == 0
    assert "harmonic mean" in capsys.readouterr().out
    assert main(["score", "--detector", "magic", "--store", store_path]) == 2


def test_solve_keeps_and_prints_what_the_model_wrote(
    scripted: str, store_path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--answer", "5", "--format", "cot", "--model", scripted, "--store", store_path]
    assert main(["solve", QUESTION, *options]) == 0
    assert "right (5 is right)" in capsys.readouterr().out
    with Store(store_path) as store:
        [row] = store.find_problems()
        assert (row.problem.source, row.num_right) == ("typed", 1)
        [trace] = store.traces(row.problem.id)
        assert trace.maker.engine == "scripted"


def test_solve_refuses_an_empty_problem_and_an_unknown_format(
    scripted: str, store_path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["solve", "  ", "--model", scripted, "--store", store_path]) == 2
    assert "empty" in capsys.readouterr().err
    assert main(["solve", "2 + 2?", "--format", "verse", "--model", scripted, "--store", store_path]) == 2
    assert main(["solve", "2 + 2?", "--model", "scripted:/no/such/file", "--store", store_path]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_explore_finds_the_pit_of_wrong_solutions_and_keeps_it(
    scripted: str, rows: str, store_path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["import", rows, "--format", "plain", "--store", store_path])
    assert main(["explore", "--model", scripted, "-k", "2", "--store", store_path]) == 0
    assert "first pit: step 0" in capsys.readouterr().out  # "5" is never 4
    with Store(store_path) as store:
        [pit] = store.pits()
        assert (pit.step, pit.k) == (0, 2)
    with pytest.raises(SystemExit, match="2"):
        main(["explore", "--trace", "no-such-trace", "--model", scripted, "--store", store_path])


def test_the_module_runs_from_the_shell_without_loading_heavy_libraries(rows: str, store_path: str) -> None:
    heavy = ("torch", "transformers", "gradio", "datasets", "math_verify")
    code = (
        "import sys; from reasoner.__main__ import main; main(sys.argv[1:]);"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    environment = {**os.environ, "REASONER_STORE": store_path}
    done = subprocess.run(
        [sys.executable, "-c", code, "import", rows], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
    help_text = subprocess.run([sys.executable, "-m", "reasoner", "--help"], capture_output=True, text=True, check=True)
    assert all(command in help_text.stdout for command in ("import", "export", "score", "solve", "explore"))
