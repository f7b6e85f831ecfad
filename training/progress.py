"""A run's append-only event file: one JSON object a line, written by the run, read by any number of pages.

    {"kind": "train", "time": 1795161600.0, "step": 3, "total": 19, "loss": 0.61, "margin": 0.2, "accuracy": 0.8}

A line is appended by one write, so a killed run leaves at most one torn line at the end, which readers pass over.
"""

import json
import math
import os
import time
from pathlib import Path
from typing import Any

Event = dict[str, Any]


class EventLog:
    """Appends events to a file; safe to open again after a kill."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, kind: str, **values: Any) -> None:
        """Append one event. NaN and infinity become null, which is what JSON has."""
        event = {"kind": kind, "time": time.time()} | {name: _plain(value) for name, value in values.items()}
        line = json.dumps(event, ensure_ascii=False, allow_nan=False) + "\n"
        if self._ends_torn():
            line = "\n" + line
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)

    def _ends_torn(self) -> bool:
        try:
            with self.path.open("rb") as file:
                file.seek(-1, os.SEEK_END)
                return file.read(1) != b"\n"
        except OSError:  # missing or empty
            return False


def read_events(path: Path) -> list[Event]:
    """All whole events so far; an absent file has none, a torn or foreign line is passed over."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except FileNotFoundError:
        return []
    events = []
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and isinstance(event.get("kind"), str):
            events.append(event)
    return events


def latest(events: list[Event], kind: str) -> Event | None:
    """The last event of a kind, or None."""
    return next((event for event in reversed(events) if event["kind"] == kind), None)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
