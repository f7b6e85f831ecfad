"""Where a run comes from, so that it can be judged, repeated, and read elsewhere: run.json in its folder.

    {"id": "2026-11-20-091200-ab12", "kind": "pairs", "created": 1795161600.0, "host": "laptop-7", "device": "cpu",
     "colour": 3, "clone_of": "", "owner": "", "seed": 0,
     "versions": {"python": "3.12.3", "code": "8f0c41d2a7b3", "torch": "2.11.0", …},
     "read": {"store": {"path": "…/store.sqlite", "snapshot": "51ab…", "labels": 12, "pits": 3},
              "pairs.jsonl": {"sha256": "9c…", "rows": 190}, "model": {"path": "…", "sha256": "77…"}}}

`read` grows as the run reads; "code" is a hash of all our own source files. Runs of earlier versions have no run.json.
"""

import contextlib
import hashlib
import json
import platform
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from reasoner.store import Store
from reasoner.whole_file import write_json

FACTS = "run.json"
COLOURS = 8  # of curves, in assets/runs.css
LARGE = 500_000_000  # bytes of weights beyond which their header stands for them: hashing a 7B model takes minutes
LIBRARIES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "numpy")

Facts = dict[str, Any]


def read_facts(folder: Path) -> Facts:
    """A run's run.json; empty when there is none or it cannot be read."""
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def note_read(folder: Path, name: str, **facts: Any) -> None:
    """The run in `folder` has read something; kept under its name. Only the run's own process calls this."""
    known = read_facts(folder)
    write_json(known | {"read": {**known.get("read", {}), name: facts}}, folder / FACTS)


def host() -> str:
    """This machine's name."""
    return platform.node() or "unnamed"


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Python, our own source, and the libraries that decide a result; told without importing them."""
    found = {"python": platform.python_version(), "code": _code()}
    for name in LIBRARIES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def _code() -> str:
    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for path in sorted([*(root / "reasoner").rglob("*.py"), *(root / "training").rglob("*.py")]):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_model(model: str) -> str:
    """What tells a model folder from another: its weights' bytes, of large ones header and size; "" for a model id."""
    digest = hashlib.sha256()
    paths = sorted([*Path(model).glob("*.safetensors"), *Path(model).glob("adapter/*.safetensors")])
    for path in paths:
        size = path.stat().st_size
        with path.open("rb") as file:
            digest.update(f"{path.name} {size}\n".encode())
            digest.update(file.read(1_000_000) if size > LARGE else hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest() if paths else ""


def snapshot(store: Store) -> Facts:
    """A store as a run meets it: two stores with the same snapshot hold the same labels, pits and traces."""
    labels, pits, traces = (
        sorted(label.id for label in store.labels()),
        sorted(pit.id for pit in store.pits()),
        store.stats().get("traces", 0),
    )
    digest = hashlib.sha256("\n".join([*labels, "", *pits, "", str(traces)]).encode()).hexdigest()
    return {"path": str(store.path), "snapshot": digest[:16], "labels": len(labels), "pits": len(pits)}


def free_colour(runs: Path) -> int:
    """The colour that fewest of the runs have, so that curves drawn over one another differ."""
    taken = [read_facts(path.parent).get("colour") for path in runs.glob(f"*/{FACTS}")]
    return min(range(COLOURS), key=lambda colour: (taken.count(colour), colour))
