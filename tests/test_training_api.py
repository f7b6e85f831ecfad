"""What programs may ask of training: pairs, runs, and refusals in words. Real runs: test_jobs.py."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reasoner.errors import BadInput, RunError
from reasoner.records import Label, Maker, Verdict, make_problem, make_trace
from reasoner.space import GuestLimits
from reasoner.steps import tag_steps
from reasoner.store import Store
from reasoner.workbench import Workbench
from training import jobs
from training.api import TrainingApi
from training.run_settings import Settings


@pytest.fixture
def api(tmp_path: Path) -> Iterator[TrainingApi]:
    with Store(tmp_path / "store.sqlite") as store:
        yield TrainingApi(Workbench(store, model=str(tmp_path / "model")))


def flag(store: Store) -> None:
    problem = make_problem("Ana has 3 coins, Ben 2 more. How many has Ben?", "5", "typed")
    steps = tag_steps(["Ben has 3 + 2 = 6 coins.", "The answer is 6."])
    trace = make_trace(
        problem,
        prompt=problem.question + "\n",
        text="\n".join(step.text for step in steps),
        steps=steps,
        answer="6",
        verdict=Verdict("wrong", "6", "6 is not 5"),
        maker=Maker("import"),
        format="cot",
    )
    label = Label.of(trace, kind="first_wrong", step=0, annotator="ada", correction="Ben has 3 + 2 = 5 coins.")
    store.add_rows([(problem, [trace], [label])])


def test_a_flag_gives_a_pair_or_is_waiting_for_one(api: TrainingApi) -> None:
    assert api.list_pairs() == {"total": 0, "pending": 0, "dropped": {}, "pairs": []}
    flag(api.workbench.store)
    assert api.list_pairs()["total"] == 1
    assert api.list_pairs(annotator="bob")["total"] == 0


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings of the runs that would have been started."""
    noted: list[Settings] = []

    def note(settings: Settings, data_folder: Path, owner: str = "") -> str:
        noted.append(settings)
        return "run"

    monkeypatch.setattr(jobs, "start", note)
    return noted


def test_a_visitors_run_is_bounded_whatever_is_asked_for(api: TrainingApi, asked: list[Settings]) -> None:
    assert api.start_training(max_pairs=5000, epochs=10, num_problems=5000) == {"run_id": "run"}
    api.workbench.guest_limits = GuestLimits()
    api.start_training(max_pairs=5000, epochs=10, num_problems=5000)
    assert [(run.max_pairs, run.max_seconds, run.epochs, run.num_problems) for run in asked] == [
        (5000, 0.0, 10.0, 5000),
        (200, 300, 3.0, 100),
    ]


def test_a_run_goes_on_from_the_model_and_adapter_in_use(api: TrainingApi, asked: list[Settings]) -> None:
    bench = api.workbench
    api.start_training(origin="person", annotator="ada", seed=7)
    bench.use_adapter("/somewhere/run-7/adapter")
    api.start_training()
    assert [(run.store, run.model, run.adapter) for run in asked] == [
        (str(bench.store.path), bench.model, ""),
        (str(bench.store.path), bench.model, "/somewhere/run-7/adapter"),
    ]
    assert (asked[0].origin, asked[0].annotator, asked[0].seed) == ("person", "ada", 7)


def test_a_model_that_is_an_adapter_itself_takes_no_second_one(api: TrainingApi, asked: list[Settings]) -> None:
    model = Path(api.workbench.model)
    model.mkdir()
    (model / "adapter_config.json").write_text("{}")
    api.workbench.use_adapter("/somewhere/run-7/adapter")
    api.start_training()
    assert (asked[0].model, asked[0].adapter) == (str(model), "")


def test_a_model_on_a_server_is_not_trained(api: TrainingApi, asked: list[Settings]) -> None:
    served = TrainingApi(Workbench(api.workbench.store, model="m", server="http://127.0.0.1:9/v1"))
    with pytest.raises(RunError, match="runs on a server: to fine-tune, start the workbench with a local --model"):
        served.start_training()
    assert asked == []


def test_the_model_alone_can_be_put_back_into_use(api: TrainingApi) -> None:
    api.workbench.use_adapter("/somewhere/run-7/adapter")
    assert "run-7" in api.workbench.describe()
    assert "run-7" not in api.use_adapter()["solver"]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("get_run", {"run_id": "../../etc"}),
        ("get_run", {"run_id": ""}),
        ("get_run", {"run_id": 7}),
        ("cancel_training", {"run_id": "nowhere"}),
        ("use_adapter", {"run_id": "nowhere"}),
        ("list_pairs", {"origin": "god"}),
        ("start_training", {"max_pairs": 0}),
        ("start_training", {"epochs": float("nan")}),
        ("start_training", {"num_problems": "all"}),
    ],
)
def test_bad_input_is_refused_in_words(api: TrainingApi, name: str, values: dict[str, Any]) -> None:
    with pytest.raises((BadInput, RunError), match=r"\w+ .*"):
        api.functions()[name](**values)
    assert api.list_runs() == []
