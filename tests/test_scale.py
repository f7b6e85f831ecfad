"""Exploration of many traces into a folder: streamed, kept at every moment, gone on with, counted."""

import errno
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reasoner.__main__ import main
from reasoner.engines.scripted import ScriptedEngine
from reasoner.errors import BadInput, EngineError, RunError, StoreError
from reasoner.records import Step, make_problem
from reasoner.scale import keeping
from reasoner.scale.bulk import explore_into
from reasoner.scale.counts import Counts
from reasoner.scale.ids import Ids
from reasoner.scale.keeping import Busy, Output, locked, scan
from reasoner.scale.reading import Item, LeftOut, read_files
from reasoner.scale.rows import batches, iter_rows, num_rows, read_row, shards
from reasoner.scale.settings import Settings
from reasoner.store import Store
from tests.scale_help import PIT, problem, rows, trace, write_script, write_short, write_traces

ROOT = Path(__file__).parent.parent
QUICK = Settings(method="linear", k=1)


def answer(prompt: str, seed: int = 0) -> str:
    """Reaches the answer as long as the pit is not in the prompt, and says nothing that leads anywhere after it."""
    return f"The answer is {int(prompt.split()[2]) + 2 if prompt.count(chr(10)) <= PIT + 1 else 0}."


def explore_all(folder: Path, items: Iterator[Item], engine: object = None, settings: Settings = QUICK) -> Counts:
    counts = Counts()
    for _ in explore_into(folder, engine or ScriptedEngine(answer), items, settings, counts):  # type: ignore[arg-type]
        pass
    return counts


def ids_in(folder: Path) -> list[str]:
    return [row["trace_id"] for path in shards(folder) for batch in batches(path, ["trace_id"]) for row in batch]


# ── a run ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_trace_becomes_one_row_with_its_pit(tmp_path: Path) -> None:
    counts = explore_all(tmp_path, rows(250))
    found = list(iter_rows(tmp_path))
    assert [(one.trace, one.problem) for one in found] == list(rows(250))
    assert {one.pit.step for one in found} == {PIT} and {one.pit.k for one in found} == {1}
    assert (counts.explored, counts.found, counts.none, counts.is_complete) == (250, 250, 0, True)
    assert counts.tokens == sum(one.pit.num_tokens for one in found)


def test_the_command_reads_jsonl_gzipped_and_parquet_and_writes_shards_and_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = write_script(tmp_path / "script.jsonl", 30)
    plain, zipped = write_traces(tmp_path / "a.jsonl", 20), write_traces(tmp_path / "b.jsonl.gz", 30)
    first, second = tmp_path / "first", tmp_path / "second"
    common = ["--model", script, "-k", "2"]
    assert main(["explore", "--traces", str(plain), str(zipped), "--out", str(first), *common]) == 0
    assert "30 explored: 30 first pits" in capsys.readouterr().out
    said = json.loads((first / "counts.json").read_text())
    assert said["left_out"] == {"the same solution again": 20} and said["explored"] == 30 and said["is_complete"]
    shards = [str(path) for path in first.glob("*.parquet")]
    assert main(["explore", "--traces", *shards, "--out", str(second), *common, "--method", "linear"]) == 0
    assert ids_in(second) == ids_in(first) and read_row(second, 7).pit.step == read_row(first, 7).pit.step == PIT


def test_without_traces_all_wrong_ones_of_the_store_are_explored(tmp_path: Path) -> None:
    path, out = str(tmp_path / "store.sqlite"), tmp_path / "out"
    with Store(path) as store:
        store.add_rows((of, [one], []) for one, of in rows(40))
    script = write_script(tmp_path / "script.jsonl", 40)
    assert main(["explore", "--store", path, "--out", str(out), "--model", script, "--limit", "30"]) == 0
    assert sorted(ids_in(out)) == sorted(one.id for one, _ in rows(30))
    assert main(["explore", "--count", "--out", str(out)]) == 0


def test_files_need_no_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REASONER_STORE", str(tmp_path / "no" / "store.sqlite"))
    script, traces = write_script(tmp_path / "script.jsonl", 5), write_traces(tmp_path / "a.jsonl", 5)
    assert main(["explore", "--traces", str(traces), "--out", str(tmp_path / "out"), "--model", script]) == 0
    assert not (tmp_path / "no").exists()


def test_what_is_left_out_is_counted_by_its_reason(tmp_path: Path) -> None:
    lines = [
        '{"question": "Ana has 1 coins. How many?", "answer": "3", "steps": ["The answer is 9."]}',
        '{"question": "Ana has 1 coins. How many?", "answer": "3", "steps": ["The answer is 3."]}',
        '{"question": "Ana has 1 coins. How many?", "steps": ["The answer is 9."]}',
        '{"question": "Ana has 1 coins. How many?", "answer": "3"}',
        '{"question": "Ana has 1 coins. How many?", "answer": "3", "steps": ["half \\ud800"]}',
        '{"question": "Ana has 1 coins. How many?", "answer": "3", "steps": ["a"], "maker": {"seed": 1e400}}',
        '{"question": "Ana has 1 coins?", "answer": "3", "steps": ["a"], "maker": {"seed": 99999999999999999999}}',
        "[1, 2]",
        "{broken",
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    counts = explore_all(tmp_path / "out", read_files([tmp_path / "a.jsonl"]))
    assert (counts.explored, counts.failed.total(), counts.is_complete) == (1, 0, True)
    assert counts.left_out.total() == len(lines) - 1
    assert counts.left_out["its answer is right"] == 1 and counts.left_out["it has no solution"] == 1
    assert any(message.startswith("a.jsonl, line 9: broken JSON") for message in counts.messages)


def test_without_a_gold_answer_the_samples_may_agree_on_one(tmp_path: Path) -> None:
    of = make_problem("How many?", None, "made")
    one = trace(3, 4)
    row = (type(one)(**{**{name: getattr(one, name) for name in one.__slots__}, "problem_id": of.id}), of)
    engine = ScriptedEngine(lambda prompt, seed: "The answer is 5.")
    counts = explore_all(tmp_path / "gold", iter([row]), engine)
    assert counts.explored == 0 and "not known" in next(iter(counts.left_out))
    explore_all(tmp_path / "agreed", iter([row]), engine, Settings(judged_by="agreement"))
    assert read_row(tmp_path / "agreed", 0).pit.judged_by == "agreement"


def test_a_budget_of_nothing_leaves_all_undecided(tmp_path: Path) -> None:
    counts = explore_all(tmp_path, rows(5), settings=Settings(budget=0))
    assert (counts.explored, counts.undecided, counts.found, counts.tokens) == (5, 5, 0, 0)


# ── going on ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_rerun_explores_only_what_is_not_there(tmp_path: Path) -> None:
    asked: list[str] = []

    def script(prompt: str, seed: int) -> str:
        asked.append(prompt)
        return answer(prompt)

    engine = ScriptedEngine(script)
    explore_all(tmp_path, rows(120), engine)
    asked.clear()
    counts = explore_all(tmp_path, rows(150), engine)
    assert (counts.explored, counts.earlier) == (150, 120)
    assert len(asked) == 30 * (PIT + 1) and sorted(ids_in(tmp_path)) == sorted(one.id for one, _ in rows(150))


@pytest.mark.slow
def test_twenty_thousand_traces_killed_half_way_and_run_again(tmp_path: Path) -> None:
    num, unknown = 20_000, 100
    traces, script = write_short(tmp_path, num, unknown=(150,))
    out = tmp_path / "out"
    command = [sys.executable, "-m", "reasoner", "explore", "--traces", str(traces), "--out", str(out)]
    command += ["--model", script, "--method", "linear", "-k", "1"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while not (out / "part-00009.parquet").exists():
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.02)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    before = scan(out).explored
    assert 10_000 <= before < num
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    said = json.loads((out / "counts.json").read_text())
    assert said["explored_before"] == before
    assert said["explored"] == num - unknown == num_rows(out)
    assert said["num_failed"] == unknown == sum(said["failed"].values()) and not said["is_complete"]
    assert len(set(ids_in(out))) == num - unknown
    assert f"{num - unknown:,} explored" in done.stdout and f"{unknown} failed" in done.stdout
    assert "Traceback" not in done.stderr


MOMENTS = ("open", "os.rename", "os.remove", "os.truncate", "os.mkdir", "shutil.rmtree")


def _killed_at(moment: int, folder: Path) -> bool:
    """A run in a process of its own that is killed at its `moment`-th touch of the disk; False: it was over by then."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return os.WIFSIGNALED(status)
    left = moment

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event in MOMENTS and str(folder) in str(arguments[0]):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    write = keeping.Output._append

    def torn(self: Output, line: bytes) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            write(self, line[: len(line) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        write(self, line)

    keeping.Output._append = torn  # type: ignore[method-assign]
    run = explore_into(folder, ScriptedEngine(answer), rows(12), Settings(method="linear", k=1, together=3), Counts())
    _drain(run)
    os._exit(0)


def _drain(run: Iterator[object]) -> None:
    for _ in run:
        pass


def test_a_kill_at_any_moment_neither_repeats_nor_loses_a_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping.Output.__init__, "__defaults__", (5,))  # rows a shard
    wanted, moment = sorted(one.id for one, _ in rows(12)), 0
    while _killed_at(moment, folder := tmp_path / str(moment)):
        kept = scan(folder).explored if folder.exists() else 0
        counts = explore_all(folder, rows(12), settings=Settings(method="linear", k=1, together=3))
        assert sorted(ids_in(folder)) == wanted, moment
        assert (counts.earlier, counts.explored) == (kept, 12), moment
        assert not list(folder.glob("journal-*")) and not list(folder.glob(".*.partial")), moment
        moment += 1
    assert moment > 30


def test_a_journal_is_a_shard_once_the_run_is_over(tmp_path: Path) -> None:
    counts = Counts()
    run = explore_into(tmp_path, ScriptedEngine(answer), rows(9), QUICK, counts)
    next(run)
    assert scan(tmp_path).explored == 1 and num_rows(tmp_path) == 0
    run.close()
    assert num_rows(tmp_path) == 1 and not list(tmp_path.glob("journal-*"))
    assert not json.loads((tmp_path / "counts.json").read_text())["is_complete"]


def test_other_settings_in_the_same_folder_are_refused_by_name(tmp_path: Path) -> None:
    explore_all(tmp_path, rows(5))
    with pytest.raises(BadInput, match=r"was explored with k = 1, and now k is 4\."):
        explore_all(tmp_path, rows(5), settings=Settings(method="linear", k=4))
    with pytest.raises(BadInput, match=r"model = script, method = linear, and now model is other, method is adaptive"):
        explore_all(tmp_path, rows(5), ScriptedEngine(answer, "other"), Settings(k=1))
    explore_all(tmp_path, rows(5), settings=Settings(method="linear", k=1, server="http://elsewhere", together=2))


def test_two_runs_do_not_write_in_one_folder(tmp_path: Path) -> None:
    with locked(tmp_path):
        code = "import sys; from pathlib import Path; from reasoner.scale.keeping import *; "
        code += "locked(Path(sys.argv[1])).__enter__()"
        other = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
        assert "Busy: Another run is exploring into" in other.stderr
        explore_all(tmp_path, rows(1))  # the one who holds it may
    assert issubclass(Busy, BadInput)


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────────────────────────


def failing(when: Callable[[str], bool]) -> ScriptedEngine:
    def script(prompt: str, seed: int) -> str:
        if when(prompt):
            raise EngineError("The server does not answer. Start it.")
        return answer(prompt)

    return ScriptedEngine(script)


def test_a_trace_that_the_engine_cannot_explore_fails_alone_and_is_tried_again_by_a_rerun(tmp_path: Path) -> None:
    bad = {trace(0, way).steps[0].text for way in (30, 70)}
    engine = failing(lambda prompt: any(text in prompt for text in bad))
    counts = explore_all(tmp_path, rows(200), engine)
    assert counts.failed == {"The server does not answer. Start it.": 20}
    assert (counts.explored, counts.is_complete) == (180, False)
    counts = explore_all(tmp_path, rows(200))
    assert (counts.explored, counts.earlier, counts.is_complete) == (200, 180, True)


def test_an_engine_that_dies_midway_ends_the_run_in_words_and_a_rerun_does_the_rest(tmp_path: Path) -> None:
    calls = iter(range(100_000))
    engine = failing(lambda prompt: next(calls) >= 150)
    settings = Settings(method="linear", k=1, together=10)
    with pytest.raises(RunError, match=r"3 traces in a row.*does not answer.*run the same command again"):
        explore_all(tmp_path, rows(200), engine, settings)
    said = json.loads((tmp_path / "counts.json").read_text())
    assert 50 < said["explored"] < 100 and said["explored"] == num_rows(tmp_path)
    assert 3 <= said["num_failed"] <= 10 and "in a row" in said["stopped"] and not said["is_complete"]
    counts = explore_all(tmp_path, rows(200), settings=settings)
    assert (counts.explored, counts.earlier, counts.is_complete) == (200, said["explored"], True)
    assert len(set(ids_in(tmp_path))) == 200


def test_what_was_sampled_before_the_engine_failed_is_not_sampled_again(tmp_path: Path) -> None:
    asked: list[str] = []
    has_failed: list[bool] = []

    def script(prompt: str, seed: int) -> str:
        if len(asked) == 15 and not has_failed:
            has_failed.append(True)
            raise EngineError("Once.")
        asked.append(prompt)
        return answer(prompt)

    counts = explore_all(tmp_path, rows(10), ScriptedEngine(script))
    assert counts.is_complete and len(asked) < 2 * 10 + 10


def test_an_error_of_a_kind_nobody_thought_of_fails_one_trace(tmp_path: Path) -> None:
    def script(prompt: str, seed: int) -> str:
        if "by way 3." in prompt and prompt.count("\n") > 1:
            raise RecursionError("too deep")
        return answer(prompt)

    counts = explore_all(tmp_path, rows(100), ScriptedEngine(script))
    assert counts.failed == {"RecursionError: too deep": 10} and counts.explored == 90


def test_a_file_that_breaks_off_is_explored_up_to_there_and_said(tmp_path: Path) -> None:
    path = write_traces(tmp_path / "a.jsonl.gz", 300)
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(BadInput, match=r"damaged \.gz file"):
        explore_all(tmp_path / "out", read_files([path]))
    said = json.loads((tmp_path / "out" / "counts.json").read_text())
    assert (
        0 < said["explored"] == num_rows(tmp_path / "out") and "damaged" in said["stopped"] and not said["is_complete"]
    )


@contextmanager
def small_disk(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes: writes fail half way, as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("size", [20_000, 100_000])
def test_a_full_disk_is_said_in_words_what_is_explored_is_kept_and_a_rerun_does_the_rest(
    tmp_path: Path, size: int
) -> None:
    with small_disk(size), pytest.raises(StoreError, match=r"disk is full.* explored traces are kept .* goes on where"):
        explore_all(tmp_path, rows(150))
    kept = scan(tmp_path).explored
    assert 0 < kept < 150
    counts = explore_all(tmp_path, rows(150))
    assert (counts.explored, counts.earlier) == (150, kept) and len(set(ids_in(tmp_path))) == 150


def test_a_shard_that_cannot_be_written_stays_a_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow.parquet as pq

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(pq, "write_table", full)
        with pytest.raises(StoreError, match=r"disk is full.*7 explored traces are kept"):
            explore_all(tmp_path, rows(7))
    assert scan(tmp_path).explored == 7 and not list(tmp_path.glob("*.parquet"))
    assert explore_all(tmp_path, rows(7)).earlier == 7 and num_rows(tmp_path) == 7


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--traces", "none.jsonl", "--out", "out"], "There is no file none.jsonl"),
        (["--traces", "none.parquet", "--out", "out"], "none.parquet cannot be read"),
        (["--count", "--out", "nowhere"], "There is no folder nowhere"),
        (["--traces", "x.jsonl", "--out", "out", "-k", "0"], "at least 1"),
        (["--traces", "x.jsonl", "--out", "out", "--executor", "slurm"], "needs --partition"),
    ],
)
def test_bad_input_of_the_command_is_said_in_words(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    script = write_script(tmp_path / "script.jsonl", 1)
    assert main(["explore", "--model", script, *arguments]) == 2
    assert words in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["explore", "--traces", "x.jsonl"])


def test_ids_are_a_set() -> None:
    ids, names = Ids(), [f"{number * 7919:016x}" for number in range(120_000)]
    assert all(ids.add(name) for name in names) and not any(ids.add(name) for name in names[::1000])
    assert len(ids) == len(names) and names[5] in ids and f"{3:016x}" not in ids


def test_counts_of_tasks_add_up() -> None:
    one, two = Counts(is_complete=True), Counts()
    one.leave_out("broken JSON: why", "a.jsonl, line 3")
    two.fail("dead", "00ff")
    whole = Counts.total([one, Counts.of(two.values())])
    assert (whole.left_out, whole.failed, whole.is_complete) == ({"broken JSON": 1}, {"dead": 1}, False)
    assert whole.messages == ["a.jsonl, line 3: broken JSON: why", "trace 00ff failed: dead"]
    assert LeftOut("a").where == "" and Step("a").kind == "words" and problem(1).answer == "3"
