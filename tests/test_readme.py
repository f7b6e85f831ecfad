"""What the README says and could drift: its tree, its commands, its links, and the Space's front matter."""

import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from training.recipes import RECIPES, recipe_named
from training.recipes.command import read_settings

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text()
TREE = re.search(r"```text\n(.*?)```", TEXT, re.DOTALL)


def tree_paths() -> list[str]:
    """The paths that the tree names: two spaces an inner level, the name first, a comment after it."""
    assert TREE, "the README has no tree"
    trail: list[str] = []
    paths = []
    for line in TREE[1].splitlines():
        match = re.match(r"^((?:  )*)(\S+)", line)
        if not match:
            continue
        depth = len(match[1]) // 2
        names = [name.strip(",") for name in re.split(r"\s{2,}", line.strip())[0].split()]
        trail = trail[:depth]
        paths += ["/".join([*trail, name]).replace("//", "/") for name in names]
        trail = [*trail, names[0].rstrip("/")]
    return paths


def test_every_path_of_the_tree_exists() -> None:
    missing = [path for path in tree_paths() if not (ROOT / path).exists()]
    assert not missing


def test_every_module_stands_in_the_tree() -> None:
    named = {path.rstrip("/") for path in tree_paths()}
    modules = [p for room in ("reasoner", "training") for p in (ROOT / room).glob("*.py") if p.stem[0] != "_"]
    missing = sorted(path.relative_to(ROOT).as_posix() for path in modules)
    assert not [path for path in missing if path not in named]


def test_every_link_to_a_file_leads_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", TEXT) if not link.startswith("http")]
    assert links
    assert not [link for link in links if not (ROOT / link).is_file()]


def test_every_recipe_that_is_shown_can_be_meant() -> None:
    shown = re.findall(r"python -m training recipe ([a-z][^\n&#`]*)", TEXT.replace("\\\n", " "))
    lines = [shlex.split(words) for words in shown if "|" not in words and " M " not in words]
    assert len(lines) >= 3
    for name, *options in lines:
        recipe = recipe_named(name)
        settings = read_settings(name, recipe, options)
        if check := getattr(importlib.import_module(f"training.recipes.{recipe.module}"), "check", None):
            check(settings)


def test_nothing_is_left_to_fill_in() -> None:
    assert "@@" not in TEXT and "TODO" not in TEXT


def test_the_front_matter_is_a_spaces_card() -> None:
    from huggingface_hub import SpaceCard

    card = SpaceCard.load(ROOT / "README.md").data
    assert card.sdk == "gradio" and card.app_file == "app.py" and card.license == "apache-2.0"
    pinned = re.search(r"^gradio==([\d.]+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert pinned and card.sdk_version == pinned[1]


@pytest.mark.parametrize("module", ["reasoner", "training"])
def test_the_commands_of_the_readme_exist(module: str) -> None:
    said = {word for line in re.findall(rf"-m {module} ([a-z]+(?: \| [a-z]+)*)", TEXT) for word in line.split(" | ")}
    usage = subprocess.run(
        [sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    known = set(re.findall(r"^\s{4}([a-z]+)", usage.stdout, re.MULTILINE))
    assert said and said <= known


def test_the_recipes_of_the_readme_exist() -> None:
    lines = re.findall(r"-m training (?:jobs )?recipe ([a-z]+(?:-[a-z]+)*(?: \| [a-z-]+)*)", TEXT)
    assert {name for line in lines for name in line.split(" | ")} == set(RECIPES)


def test_every_make_target_of_the_readme_exists() -> None:
    said = set(re.findall(r"^make ([a-z]+)", TEXT, re.MULTILINE))
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert said <= targets
