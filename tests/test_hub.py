"""Labels reach the repository, and what could not be uploaded is told and tried again."""

import json
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from reasoner import hub
from reasoner.errors import BadInput
from reasoner.hub import LabelSync, restore, start_sync
from reasoner.records import Label, Maker, Step, Trace, Verdict, make_problem, make_trace
from reasoner.store import Store


class FakeScheduler:
    """Stands where huggingface_hub's CommitScheduler stands: "uploads" the folder by remembering its files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.uploaded: dict[str, str] = {}
        self.error: Exception | None = None

    def trigger(self) -> "Future[Any]":
        future: Future[Any] = Future()
        if self.error:
            future.set_exception(self.error)
        else:
            files = self.folder.glob("**/*") if self.folder.exists() else []
            self.uploaded = {file.name: file.read_text("utf-8") for file in files}
            future.set_result(None)
        return future

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for name in sorted(self.uploaded) for line in self.uploaded[name].splitlines()]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store.sqlite") as opened:
        problem = make_problem("Ana has 3 coins, Ben 2 more. How many has Ben?", "5", "typed")
        opened.add_problems([problem])
        opened.add_traces([a_trace(opened, seed) for seed in (0, 1)])
        yield opened


def a_trace(store: Store, seed: int) -> Trace:
    return make_trace(
        store.find_problems()[0].problem,
        prompt="…",
        text=f"sample {seed}\n6",
        steps=(Step(f"sample {seed}"), Step("6")),
        answer="6",
        verdict=Verdict("wrong", "6"),
        maker=Maker("local", "solver", seed=seed),
        format="transitions",
    )


def empty(store: Store) -> Path:
    """What is downloaded from a repository that holds nothing yet."""
    (store.data_folder / "downloaded").mkdir(exist_ok=True)
    return store.data_folder / "downloaded"


@pytest.fixture
def scheduler(store: Store) -> FakeScheduler:
    return FakeScheduler(store.data_folder / "hub")


@pytest.fixture
def sync(store: Store, scheduler: FakeScheduler) -> Iterator[LabelSync]:
    made = LabelSync(store, "someone/labels", lambda repository, folder: scheduler, lambda repository: empty(store))
    yield made
    made.stop()


def label(store: Store, seed: int = 0, **values: Any) -> Label:
    made = Label.of(a_trace(store, seed), **{"kind": "first_wrong", "step": 1, "annotator": "ada", **values})
    store.add_label(made)
    return made


def test_every_event_is_uploaded_once_in_a_file_of_its_own(
    store: Store, sync: LabelSync, scheduler: FakeScheduler
) -> None:
    label(store)
    assert sync.save()
    first = dict(scheduler.uploaded)
    assert sync.save()  # nothing new: no new file
    assert scheduler.uploaded == first
    label(store, kind="all_right", step=None)
    store.undo_label("ada")
    assert sync.save()
    assert first.items() < scheduler.uploaded.items()  # a file never changes
    assert [event["event"] for event in scheduler.events()] == ["label", "label", "undo"]
    assert len(set(scheduler.uploaded)) == 2


def test_a_line_tells_the_whole_judgement_without_the_store(
    store: Store, sync: LabelSync, scheduler: FakeScheduler
) -> None:
    made = label(store, note="<b>why</b>")
    sync.save()
    [event] = scheduler.events()
    assert event["label_id"] == made.id and event["annotator"] == "ada"
    assert event["row"]["question"].startswith("Ana has 3 coins")
    assert (event["row"]["steps"], event["row"]["first_wrong_step"]) == (["sample 0", "6"], 1)
    assert event["row"]["note"] == "<b>why</b>"


def test_the_status_says_when_labels_were_last_saved(store: Store, sync: LabelSync) -> None:
    assert "No label was saved to someone/labels in this session yet" in sync.status()
    label(store)
    assert "1 wait on this machine" in sync.status()
    sync.save()
    assert "1 label events saved to someone/labels, last at " in sync.status()
    assert "wait" not in sync.status()


def test_a_failed_upload_is_told_and_made_good_the_next_time(
    store: Store, sync: LabelSync, scheduler: FakeScheduler
) -> None:
    label(store)
    scheduler.error = ConnectionError("the Hub does not answer")
    assert not sync.save()
    assert sync.last_saved is None
    assert "1 wait on this machine" in sync.status()
    assert "ConnectionError: the Hub does not answer" in sync.status()
    scheduler.error = None
    assert sync.save()
    assert len(scheduler.events()) == 1
    assert sync.last_error == "" and "failed" not in sync.status()


def test_a_repository_that_cannot_be_made_stops_nothing(store: Store) -> None:
    def no_network(repository: str, folder: Path) -> FakeScheduler:
        raise OSError("no route to host")

    sync = LabelSync(store, "someone/labels", no_network)
    label(store)
    assert not sync.save()
    assert "no route to host" in sync.status()
    assert sync.num_waiting() == 1


def test_a_new_session_goes_on_where_the_last_one_stopped(
    store: Store, sync: LabelSync, scheduler: FakeScheduler
) -> None:
    label(store)
    sync.save()
    label(store, seed=1)
    again = LabelSync(store, "someone/labels", lambda repository, folder: scheduler, lambda repository: empty(store))
    assert again.save()
    again.stop()
    assert [event["seq"] for event in scheduler.events()] == [1, 2]


def test_labels_come_back_on_a_fresh_disk_without_the_undone_ones(
    store: Store, sync: LabelSync, tmp_path: Path
) -> None:
    kept = label(store, error_class="calculation", correction="5", seconds=3.5)
    label(store, seed=1, annotator="bob")
    sync.save()
    store.undo_label("bob")
    sync.save()
    with Store(tmp_path / "fresh" / "store.sqlite") as fresh:
        assert restore(fresh, sync.folder).kept == 1
        assert fresh.labels() == [kept]
        assert restore(fresh, sync.folder).unchanged == 1
        assert restore(fresh, tmp_path / "fresh").kept == 0


def test_a_space_that_starts_again_gets_its_labels_back_and_does_not_send_them_twice(
    store: Store, sync: LabelSync, scheduler: FakeScheduler, tmp_path: Path
) -> None:
    kept = label(store)
    sync.save()
    with Store(tmp_path / "fresh" / "store.sqlite") as fresh:
        other = FakeScheduler(fresh.data_folder / "hub")
        again = LabelSync(fresh, "someone/labels", lambda *_: other, lambda repository: sync.folder)
        assert again.save()
        assert fresh.labels() == [kept] and other.uploaded == {} and again.num_waiting() == 0
        [trace] = fresh.traces(kept.problem_id)
        fresh.add_label(Label.of(trace, kind="all_right", annotator="bob"))
        assert again.save()
        assert [event["annotator"] for event in other.events()] == ["bob"]
        again.stop()


def test_the_real_scheduler_makes_a_private_data_set_and_commits_the_files(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """huggingface_hub's own CommitScheduler; only what would go over the network is replaced."""
    import huggingface_hub

    calls: list[dict[str, Any]] = []

    def create_repo(_: object, **values: Any) -> Any:
        calls.append(values)
        return SimpleNamespace(repo_id=values["repo_id"])

    monkeypatch.setattr(huggingface_hub.HfApi, "create_repo", create_repo)
    monkeypatch.setattr(huggingface_hub.HfApi, "create_commit", lambda _, **values: calls.append(values))
    label(store)
    sync = LabelSync(store, "someone/labels", download=lambda repository: empty(store))
    assert sync.save(), sync.last_error
    assert sync._scheduler is not None
    sync._scheduler.stop()  # type: ignore[attr-defined]
    sync.stop()
    assert calls[0] == {"repo_id": "someone/labels", "private": True, "repo_type": "dataset", "exist_ok": True}
    [operation] = calls[1]["operations"]
    assert (calls[1]["repo_type"], operation.path_in_repo) == ("dataset", next(sync.folder.iterdir()).name)


def test_a_folder_with_other_lines_is_refused(store: Store, tmp_path: Path) -> None:
    (tmp_path / "events-1.jsonl").write_text('{"question": "?"}\n')
    with pytest.raises(BadInput, match=r"line 1 is no label event"):
        restore(store, tmp_path)


def test_labels_stay_here_unless_the_environment_names_a_repository(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(hub.REPOSITORY, raising=False)
    assert start_sync(store) is None


def test_a_named_repository_is_saved_to_in_the_background(
    store: Store, scheduler: FakeScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    label(store)
    monkeypatch.setenv(hub.REPOSITORY, " someone/labels ")
    asked: list[tuple[str, Path]] = []

    def make(repository: str, folder: Path) -> FakeScheduler:
        asked.append((repository, folder))
        return scheduler

    sync = start_sync(store, make, lambda repository: empty(store))
    assert sync is not None
    sync.wait_for_first_attempt(10)
    sync.stop()
    assert asked == [("someone/labels", store.data_folder / "hub")]
    assert len(scheduler.events()) == 1
