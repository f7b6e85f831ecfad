"""One store and one engine that several threads share."""

import json
import threading
import time
from pathlib import Path

import pytest

import reasoner.workbench
from reasoner.engines import BUILT_IN, Engine
from reasoner.engines.scripted import ScriptedEngine
from reasoner.errors import EngineError
from reasoner.formats import FORMATS
from reasoner.store import Store
from reasoner.workbench import Workbench


class Loader:
    """Stands in for load_engine: slow, counted, failing when told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[str, str, str]] = []
        self.error: Exception | None = None
        monkeypatch.setattr(reasoner.workbench, "load_engine", self.load)

    def load(self, model: str, adapter: str, server: str) -> Engine:
        self.calls.append((model, adapter, server))
        time.sleep(0.05)
        if self.error:
            raise self.error
        return ScriptedEngine({}, name=f"{model} {adapter}")


@pytest.fixture
def loader(monkeypatch: pytest.MonkeyPatch) -> Loader:
    return Loader(monkeypatch)


def ask_in_threads(workbench: Workbench, num: int) -> list[object]:
    """What each of `num` threads gets that ask for the engine at once: the engine or the error."""
    answers: list[object] = []

    def ask() -> None:
        try:
            answers.append(workbench.engine())
        except EngineError as error:
            answers.append(str(error))

    threads = [threading.Thread(target=ask) for _ in range(num)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_nothing_is_loaded_before_the_engine_is_asked_for(store: Store, loader: Loader) -> None:
    workbench = Workbench(store)
    assert workbench.describe() == "built-in solver"
    assert not workbench.is_ready
    assert loader.calls == []


def test_threads_that_ask_at_once_share_one_load(store: Store, loader: Loader) -> None:
    answers = ask_in_threads(Workbench(store), 8)
    assert len(loader.calls) == 1
    assert len(set(map(id, answers))) == 1
    assert isinstance(answers[0], ScriptedEngine)


def test_a_failed_load_tells_every_caller_the_same_and_can_be_tried_again(store: Store, loader: Loader) -> None:
    workbench = Workbench(store)
    loader.error = EngineError("no weights: run `make model`")
    assert ask_in_threads(workbench, 4) == ["no weights: run `make model`"] * 4
    assert not workbench.is_ready
    loader.error = None
    assert isinstance(workbench.engine(), ScriptedEngine)
    assert workbench.is_ready


def test_warming_up_loads_in_the_background_and_keeps_a_failure_for_who_asks(store: Store, loader: Loader) -> None:
    workbench = Workbench(store)
    loader.error = EngineError("gone")
    workbench.warm().join()
    with pytest.raises(EngineError, match="gone"):
        workbench.engine()
    loader.error = None
    workbench.warm().join()
    assert workbench.is_ready
    num_calls = len(loader.calls)
    workbench.engine()
    assert len(loader.calls) == num_calls


def test_another_adapter_is_another_engine_and_is_remembered(store: Store, loader: Loader) -> None:
    workbench = Workbench(store)
    workbench.engine()
    workbench.use_adapter("/runs/run-3/adapter")
    assert not workbench.is_ready
    assert workbench.describe() == "built-in solver with adapter run-3"
    assert workbench.engine().maker.model == f"{BUILT_IN} /runs/run-3/adapter"
    assert Workbench(store).adapter == "/runs/run-3/adapter"
    workbench.use_adapter(None)
    assert workbench.engine().maker.model == f"{BUILT_IN} "
    assert Workbench(store).adapter == ""


def test_an_adapter_set_by_another_process_takes_effect(store: Store, loader: Loader) -> None:
    workbench = Workbench(store)
    workbench.engine()
    store.set_setting("adapter", "/runs/run-4/adapter")
    assert workbench.engine().maker.model.endswith("run-4/adapter")


def test_an_adapter_is_not_used_with_a_model_it_was_not_made_for(store: Store, loader: Loader) -> None:
    Workbench(store).use_adapter("/runs/run-3/adapter")
    assert Workbench(store, model="Qwen/Qwen3-0.6B").adapter == ""
    assert Workbench(store, server="http://127.0.0.1:8000").adapter == ""
    assert Workbench(store, model="scripted:tour.jsonl").adapter == ""


def test_an_adapter_given_at_the_start_goes_before_the_remembered_one(store: Store, loader: Loader) -> None:
    Workbench(store).use_adapter("/runs/run-3/adapter")
    given = Workbench(store, adapter="/mine")
    assert given.adapter == "/mine"
    assert Workbench(store, adapter="").adapter == ""
    given.use_adapter(None)
    assert given.adapter == ""


def test_the_model_is_described_for_the_screen(store: Store) -> None:
    assert Workbench(store, model="Qwen/Qwen3-0.6B").describe() == "Qwen3-0.6B"
    assert Workbench(store, model="m", server="http://127.0.0.1:8000").describe() == "m at http://127.0.0.1:8000"
    assert Workbench(store, server="http://one, http://two").describe() == "the model at http://one and http://two"
    assert Workbench(store, model="scripted:a/tour.jsonl").describe() == "script tour.jsonl"


def test_a_plain_model_writes_its_own_format_only(store: Store, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"first_pit": {"prompt": "plain", "format": "transitions"}}))
    assert Workbench(store, model=str(tmp_path)).formats() == ["transitions"]
    assert Workbench(store, model="Qwen/Qwen3-0.6B").formats() == list(FORMATS)
