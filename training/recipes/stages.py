"""A recipe is a line of stages; a stage is a folder that is there whole, or is taken up again where it was.

    DIR/recipe.json          what was asked for: the recipe, its settings, seeds, versions, hashes of the data
    DIR/events.jsonl         what happened, append-only: stage · progress · counts · train · done · failed
    DIR/sample/asked.json    what this stage depends on, written first
    DIR/sample/…             the stage's own files
    DIR/sample/stage.json    rows in, rows out, dropped by reason, seconds; written last, so its being there says: done

    line = Line(Path("DIR"))
    sampled = line.stage("sample", "Sampling 16 solutions a problem", work, uses={"num": 16, "seed": 0}, after=("sft",))

A stage that is done is passed over. One that was made with other settings, or after a stage that was, is never mixed
with new ones: RunError says which setting differs.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from reasoner.errors import RunError
from reasoner.whole_file import write_json
from training.progress import EventLog

ASKED, DONE = "asked.json", "stage.json"
PASSING = ("checkpoints", "events.jsonl", "log.txt", "explored.sqlite")  # not read again, or changed by reading


@dataclass(frozen=True, slots=True)
class Tally:
    """What a stage made of its rows."""

    rows_in: int
    rows_out: int
    dropped: dict[str, int] = field(default_factory=dict)  # reason → rows
    facts: dict[str, Any] = field(default_factory=dict)  # JSON values: what else there is to say, in its own words


@dataclass(frozen=True, slots=True)
class Done:
    """A stage that is done, as its stage.json says."""

    name: str
    words: str  # for a person: "Sampling 16 solutions a problem"
    folder: Path
    tally: Tally
    seconds: float
    fingerprint: str  # of what it depends on, the stages before it included


class Stage:
    """A stage while it works: its folder and how far it is."""

    def __init__(self, name: str, folder: Path, events: EventLog) -> None:
        self.name, self.folder, self.events = name, folder, events
        self._last = 0.0

    def progress(self, done: int, total: int) -> None:
        """How far it is; written at most twice a second, the end always."""
        now = time.monotonic()
        if done >= total or now - self._last >= 0.5:
            self._last = now
            self.events.write("progress", stage=self.name, done=done, total=total)


class Line:
    """The stages of one recipe in one folder, in the order they are asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.events = EventLog(folder / "events.jsonl")
        self.done: dict[str, Done] = {}

    def stage(
        self,
        name: str,
        words: str,
        work: Callable[[Stage], Tally],
        *,
        uses: Mapping[str, Any],
        after: Sequence[str] = (),
    ) -> Done:
        """Do the stage unless it is done, and return what it made. Raises RunError for a folder of other settings.

        name: its folder, "seed-0/sample" lies two deep.  uses: JSON values that decide its result.  after: names of the
        stages whose files it reads; they must have been asked for on this line.
        """
        folder = self.folder / name
        before = {other: self.done[other].fingerprint for other in after}
        asked = json.loads(json.dumps({"uses": dict(uses), "after": before}))
        fingerprint = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]
        _check_same(folder, name, asked)
        found = read_stage(folder, name)
        if found is not None:
            _check_whole(folder)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            write_json(asked, folder / ASKED)
            found = self._do(name, words, work, folder, fingerprint)
        self.done[name] = found
        return found

    def _do(self, name: str, words: str, work: Callable[[Stage], Tally], folder: Path, fingerprint: str) -> Done:
        self.events.write("stage", stage=name, message=words)
        print(f"{name}: {words} …", flush=True)
        began = time.monotonic()
        tally = work(Stage(name, folder, self.events))
        seconds = time.monotonic() - began
        record = asdict(tally) | {
            "words": words,
            "seconds": seconds,
            "fingerprint": fingerprint,
            "files": _sizes(folder),
        }
        write_json(record, folder / DONE)
        self.events.write("counts", stage=name, seconds=seconds, **asdict(tally))
        print(f"{name}: {said(tally)} ({seconds:.0f} s)", flush=True)
        return Done(name, words, folder, tally, seconds, fingerprint)


def said(tally: Tally) -> str:
    """ "512 rows in, 498 out; dropped: 14 no pit found"."""
    drops = ", ".join(f"{num} {reason}" for reason, num in sorted(tally.dropped.items(), key=lambda item: -item[1]))
    return f"{tally.rows_in:,} rows in, {tally.rows_out:,} out" + (f"; dropped: {drops}" if drops else "")


def read_stage(folder: Path, name: str) -> Done | None:
    """A stage's record, None while it is not done. Raises RunError when it cannot be read."""
    path = folder / DONE
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        tally = Tally(**{key: raw[key] for key in ("rows_in", "rows_out", "dropped", "facts")})
        return Done(name, raw["words"], folder, tally, raw["seconds"], raw["fingerprint"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RunError(f"{path} cannot be read ({error}): delete the folder {folder} and run again.") from error


def _sizes(folder: Path) -> dict[str, int]:
    """Bytes of each file that the stage made."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in (ASKED, DONE)]
    own = [path.relative_to(folder) for path in paths]
    return {path.as_posix(): (folder / path).stat().st_size for path in own if not set(path.parts) & set(PASSING)}


def _check_whole(folder: Path) -> None:
    """Raises RunError for a stage whose files are not all there, as after a copy that broke off."""
    sizes = json.loads((folder / DONE).read_text(encoding="utf-8")).get("files", {})
    for name, size in sizes.items():
        there = (folder / name).stat().st_size if (folder / name).is_file() else None
        if there != size:
            lacks = "is missing" if there is None else f"has {there:,} bytes instead of {size:,}"
            raise RunError(
                f"{folder / name} {lacks}: copy the folder again, or delete {folder}, and run the same command again."
            )


def _check_same(folder: Path, name: str, asked: Mapping[str, Any]) -> None:
    try:
        old = json.loads((folder / ASKED).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise RunError(f"{folder / ASKED} cannot be read ({error}): delete the folder and run again.") from error
    if old == asked:
        return
    differing = [key for key in {**old["uses"], **asked["uses"]} if old["uses"].get(key) != asked["uses"].get(key)]
    differing += [
        f"the stage {key} before it" for key in asked["after"] if old["after"].get(key) != asked["after"][key]
    ]
    which = ", ".join(sorted(differing)) or "its order"
    raise RunError(
        f"The stage {name} in {folder.parent} was made with other settings ({which}): "
        "give another --out, or ask for the same settings again."
    )
