"""Where a recipe's samples and pits come from beside this process: a server, and people."""

import shlex
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reasoner.errors import RunError
from reasoner.records import Sampling
from reasoner.store import Store
from tests.fake_server import FakeServer, Vllm
from tests.self_explore_help import small
from tests.test_jobs import fill
from tests.training_help import tiny_solver
from training.pairs import read_pairs
from training.recipes import solver as solving
from training.recipes.begin import choose_problems
from training.recipes.problems import read_lines
from training.recipes.self_explore_stages import OneSeed
from training.recipes.solver import Solver, engine_of, release
from training.recipes.stages import Line


@pytest.fixture
def server() -> Iterator[FakeServer]:
    double = FakeServer()
    yield double
    double.close()


def test_a_server_of_another_model_is_refused_with_the_command_to_serve_this_one(
    tmp_path: Path, server: FakeServer
) -> None:
    solver = tiny_solver(tmp_path / "solver")
    settings = replace(small(solver, tmp_path), skip_sft=True, num_samples=4, server=f"http://127.0.0.1:{server.port}")
    line = Line(Path(settings.out))
    choose_problems(line, settings.problems, settings.held_out)
    server.answers = Vllm(model="other/model").answers
    with pytest.raises(RunError, match=r"serves other/model.*\n  vllm serve .*solver.*\nthen run the same command"):
        OneSeed(line, settings, 0).sample(Solver(solver))
    server.answers = Vllm(model=solver).answers
    done = OneSeed(line, settings, 0).sample(Solver(solver))
    assert done.tally.rows_out == 4 * 6
    rows, problems = read_lines(done.folder / "samples.jsonl"), read_lines(line.folder / "problems/training.jsonl")
    assert [row["prompt"] for row in rows] == [row["question"] + "\n" for row in problems]


@pytest.mark.parametrize(("chosen", "is_whole"), [("remainder", True), ("step", False)])
def test_pits_of_people_come_from_the_labels_of_a_store(tmp_path: Path, chosen: str, is_whole: bool) -> None:
    solver = tiny_solver(tmp_path / "solver")
    with Store(tmp_path / "store.sqlite") as store:
        fill(store, 8)  # two of them are not learnt from
    settings = replace(
        small(solver, tmp_path), skip_sft=True, explorer="sft", pits="person", chosen=chosen,
        store=str(tmp_path / "store.sqlite"),
    )  # fmt: skip
    line = Line(Path(settings.out))
    choose_problems(line, settings.problems, settings.held_out)
    done = OneSeed(line, settings, 0).granular_pairs("person", settings, Solver(solver))
    pairs = read_pairs(done.folder / "pairs.jsonl")
    assert done.tally.dropped == {"of a problem that is not learnt from": 2}
    assert [(pair.origin, pair.step, pair.is_whole) for pair in pairs] == [("person", 1, is_whole)] * 6
    assert pairs[0].chosen.startswith("Solve Parent: Ben's coins = 3 + 2 = 5\n")
    missing, other = replace(settings, store=str(tmp_path / "none.sqlite")), Line(tmp_path / "other")
    choose_problems(other, settings.problems, settings.held_out)
    with pytest.raises(RunError, match="no store at"):
        OneSeed(other, missing, 0).granular_pairs("person", missing, Solver(solver))


SERVER = """
import sys, time
from tests.fake_server import FakeServer, Vllm
FakeServer(int(sys.argv[1])).answers = Vllm(model=sys.argv[2]).answers
time.sleep(600)
"""


def test_a_recipe_starts_the_server_of_each_model_and_stops_it(tmp_path: Path) -> None:
    solver = tiny_solver(tmp_path / "solver")
    command = f"{sys.executable} -c {shlex.quote(SERVER)} {{port}} {{name}}"
    engine = engine_of(Solver(solver), command)
    assert engine is engine_of(Solver(solver), command)
    assert engine.complete([engine.render("1 + 1?", "Say.")], Sampling(2, 0.7))[0][0].text
    (served,) = solving._served
    release()
    assert served._process.poll() is not None and not solving._served
    with pytest.raises(RunError, match=r"The server ended \(exit code 3\): no such card"):
        engine_of(Solver(solver), f"{sys.executable} -c 'print(\"no such card\"); exit(3)' {{port}}")
    with pytest.raises(RunError, match="cannot be started"):
        engine_of(Solver(solver), "no-such-server {port}")
