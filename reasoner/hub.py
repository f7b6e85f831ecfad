"""Labels on their way to a data set repository on the Hub, where a Space's own disk is not kept.

    sync = start_sync(store)      None unless REASONER_LABELS_REPO names a repository ("someone/first-pit-labels")
    sync.status()                 "14 label events saved to someone/first-pit-labels, last at 09:12 UTC."

Every minute the label events since the last time become one new file, never changed afterwards, in the folder
`hub/` beside the store; huggingface_hub's CommitScheduler uploads the folder. It retries failed uploads in silence, so
the last success and the last failure are kept here, to be shown. A line is one event with all that it speaks of:

    {"seq": 7, "event": "label", "label_id": "5f0c…", "row": {"question": …, "steps": […], "first_wrong_step": 1, …}}

A store that has no label yet, as on a Space that was started again, first gets back what the repository holds.
The token is HF_TOKEN, as everywhere.

Not covered: problems and traces that nobody has labelled; reviews of gold answers and key points. After a
crash an event may be in two files; its label_id tells.
"""

import atexit
import json
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Protocol

import reasoner.interchange.plain as plain
from reasoner.errors import BadInput, StoreError
from reasoner.interchange.importing import import_values
from reasoner.interchange.lines import read_values
from reasoner.records import Counts, Label
from reasoner.store import Store

REPOSITORY = "REASONER_LABELS_REPO"  # environment variable
EVERY = 60.0  # seconds between two savings. Ours: little is lost, and the Hub's limit of commits an hour is far away
EVERY_BY_ITSELF = 60  # minutes between the scheduler's own uploads; ours come first
WAIT = 120.0  # seconds that one upload may take before it counts as failed


class Scheduler(Protocol):
    """What is used of huggingface_hub.CommitScheduler: upload the folder's new files now."""

    def trigger(self) -> "Future[Any]": ...


def commit_scheduler(repository: str, folder: Path) -> Scheduler:
    """The real scheduler. Makes the repository (private) if there is none; needs the network."""
    from huggingface_hub import CommitScheduler

    return CommitScheduler(
        repo_id=repository, repo_type="dataset", folder_path=folder, every=EVERY_BY_ITSELF, private=True
    )


def download_events(repository: str) -> Path:
    """A folder with the repository's event files; needs the network."""
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(repository, repo_type="dataset", allow_patterns="*events-*.jsonl"))


def start_sync(
    store: Store,
    make_scheduler: Callable[[str, Path], Scheduler] = commit_scheduler,
    download: Callable[[str], Path] = download_events,
) -> "LabelSync | None":
    """Save this store's labels from now on, if the environment names a repository. Returns at once."""
    repository = os.environ.get(REPOSITORY, "").strip()
    if not repository:
        return None
    sync = LabelSync(store, repository, make_scheduler, download)
    sync.start()
    return sync


class LabelSync:
    """Saves one store's label events to one repository. Nothing it does stops the workbench."""

    def __init__(
        self,
        store: Store,
        repository: str,
        make_scheduler: Callable[[str, Path], Scheduler] = commit_scheduler,
        download: Callable[[str], Path] = download_events,
        every: float = EVERY,
    ) -> None:
        self.store = store
        self.repository = repository
        self.folder = store.data_folder / "hub"
        self.last_saved: float | None = None  # when an upload last succeeded, seconds since 1970
        self.last_error = ""  # what the last attempt failed of, empty after a success
        self._setting = f"hub:{repository}"  # holds the number of the last event that was written to a file
        self._make_scheduler = make_scheduler
        self._download = download
        self._scheduler: Scheduler | None = None
        self._is_restored = False
        self._every = every
        self._saved_seq = 0  # the last event known to be on the Hub
        self._stopped = threading.Event()
        self._attempted = threading.Event()
        self._saving = threading.Lock()
        self._collecting = threading.Lock()

    def start(self) -> None:
        """Save every minute from a thread of its own, and once more when the program ends."""
        threading.Thread(target=self._run, name="label-sync", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()
        atexit.unregister(self._at_exit)

    def wait_for_first_attempt(self, timeout: float) -> bool:
        """Was there an attempt to save within `timeout` seconds?"""
        return self._attempted.wait(timeout)

    def _run(self) -> None:
        self.save()
        self._attempted.set()
        while not self._stopped.wait(self._every):
            self.save()

    def save(self) -> bool:
        """Write what is new and upload it; False when that failed, and `last_error` says why."""
        with self._saving:
            try:
                scheduler = self._ready_scheduler()
                seq = self.collect()
                scheduler.trigger().result(timeout=WAIT)
            except Exception as error:  # noqa: BLE001  a thread's edge: whatever went wrong is shown and tried again
                self.last_error = f"{type(error).__name__}: {error}".splitlines()[0]
                return False
            self.last_saved, self.last_error, self._saved_seq = time.time(), "", seq
            return True

    def _ready_scheduler(self) -> Scheduler:
        if self._scheduler is None:
            self._scheduler = self._make_scheduler(self.repository, self.folder)
            # The scheduler uploads once more at exit. What is registered last runs first, so this comes before that.
            atexit.register(self._at_exit)
        if not self._is_restored:
            self._restore()
            self._is_restored = True
        return self._scheduler

    def _restore(self) -> None:
        """Bring back what an earlier session saved, if this store has no label of its own."""
        if self.store.num_events_since(0) == 0:
            restore(self.store, self._download(self.repository))
            restored = self.store.label_events()
            if restored:  # these are on the Hub already
                self.store.set_setting(self._setting, str(restored[-1]["seq"]))

    def _at_exit(self) -> None:
        try:
            self.collect()
        except (StoreError, OSError) as error:
            print(f"The last labels were not sent to {self.repository}: {error}", file=sys.stderr)

    def collect(self) -> int:
        """Write the events since the last time to one new file; the number of the last event of all."""
        with self._collecting:
            return self._collect()

    def _collect(self) -> int:
        written = int(self.store.setting(self._setting, "0"))
        events = self.store.events_since(written)
        if not events:
            return written
        first, last = events[0]["seq"], events[-1]["seq"]
        name = f"events-{time.time_ns() // 1_000_000:013d}-{first}-{last}-{uuid.uuid4().hex}.jsonl"  # in order of time
        self.folder.mkdir(parents=True, exist_ok=True)
        unfinished = self.folder.parent / f".{name}"  # outside the folder: half a file is never uploaded
        unfinished.write_text("".join(_line(self.store, event) for event in events), encoding="utf-8")
        os.replace(unfinished, self.folder / name)
        self.store.set_setting(self._setting, str(last))
        return int(last)

    def num_waiting(self) -> int:
        """Label events that are not known to be on the Hub."""
        return self.store.num_events_since(self._saved_seq)

    def status(self) -> str:
        """Where the labels are, for the screen."""
        if self.last_saved is None:
            saved = f"No label was saved to {self.repository} in this session yet."
        elif self._saved_seq == 0:
            saved = f"Labels are saved to {self.repository} every {self._every:g} seconds; there is none yet."
        else:
            when = time.strftime("%H:%M UTC", time.gmtime(self.last_saved))
            saved = f"{self._saved_seq} label events saved to {self.repository}, last at {when}."
        waiting = self.num_waiting()
        if waiting:
            saved += f" {waiting} wait on this machine."
        if self.last_error:
            saved += f" The last attempt failed ({self.last_error}); it is made again every {self._every:g} seconds."
        return saved


def _line(store: Store, event: dict[str, Any]) -> str:
    """One event as a line; a label with its problem and solution, so that it can be read without the store."""
    line = {key: event[key] for key in ("seq", "event", "label_id", "annotator", "created")}
    problem, trace = store.problem(event["problem_id"]), store.trace(event["trace_id"])
    if event["event"] == "label" and problem and trace:
        line["row"] = plain.write(problem, trace, _label(event))
    return json.dumps(line, ensure_ascii=False) + "\n"


def _label(event: dict[str, Any]) -> Label:
    """The label that an event made."""
    values = {key: value for key, value in event.items() if key not in ("seq", "event", "label_id", "seen_steps")}
    return Label(id=event["label_id"], seen_steps=tuple(event["seen_steps"]), **values)


def restore(store: Store, folder: Path) -> Counts:
    """Bring back the labels of a folder of event files, undone ones left out; those already there stay as they are."""
    made: dict[str, Any] = {}
    for path in sorted(folder.rglob("events-*.jsonl")):
        for number, value in read_values(path):
            if isinstance(value, BadInput) or not isinstance(value, dict) or "event" not in value:
                raise BadInput(f"{path}, line {number} is no label event. Download the folder again.")
            if value["event"] == "label":
                made[value["label_id"]] = value["row"]
            else:
                made.pop(value["label_id"], None)
    return import_values(store, enumerate(made.values(), start=1), folder.name, "plain") if made else Counts()
