"""A file is there whole or not at all."""

import json
import os
from pathlib import Path

import pytest

from reasoner.whole_file import write_json


def test_a_value_comes_back_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "counts.json"
    for value in ({"steps": 3, "name": "Zoë"}, [1, None]):
        write_json(value, path)
        assert json.loads(path.read_text(encoding="utf-8")) == value
    assert [one.name for one in path.parent.iterdir()] == ["counts.json"]


def test_the_former_file_stands_when_the_new_one_cannot_be_put_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "counts.json"
    write_json({"steps": 3}, path)

    def full(*paths: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_json({"steps": 4}, path)
    assert json.loads(path.read_text(encoding="utf-8")) == {"steps": 3}
    assert [one.name for one in tmp_path.iterdir()] == ["counts.json"]
