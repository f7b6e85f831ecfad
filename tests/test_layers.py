"""The walls of the house, read off the imports of every file."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted([ROOT / "app.py", *(ROOT / "reasoner").rglob("*.py"), *(ROOT / "training").rglob("*.py")])

# Who may import what: library → the only places (file or folder prefixes) that may.
ALLOWED = {
    "gradio": ("app.py", "reasoner/tabs/", "training/tabs/"),
    "plotly": ("reasoner/figure.py",),
    "sqlite3": ("reasoner/store",),
    "math_verify": ("reasoner/checks/answers.py",),
    "sympy": ("reasoner/checks/solver_equations.py", "reasoner/checks/sandbox/zygote.py"),
    "z3": ("reasoner/checks/solver_logic.py",),
    "httpx": ("reasoner/engines/server_http.py",),
    "torch": ("reasoner/engines/local", "training/"),
    "transformers": ("reasoner/engines/local", "training/"),
    "peft": ("reasoner/engines/local", "training/"),
    "trl": ("training/",),
    "datasets": ("reasoner/interchange/hub.py", "training/"),
    "pydantic_monty": ("reasoner/checks/sandbox/monty.py",),
    "pyarrow": ("reasoner/scale/",),
    "datatrove": ("reasoner/scale/",),
    "ray": ("reasoner/scale/",),
}
NEVER_AT_THE_TOP = (
    "torch",
    "transformers",
    "peft",
    "trl",
    "datasets",
    "math_verify",
    "sympy",
    "z3",
    "accelerate",
    "spaces",
    "pydantic_monty",
    "pyarrow",
    "datatrove",
    "ray",
)
FLOORS = (  # a file imports from its own floor's room or from floors below; longest prefix counts
    ("app.py",),
    ("reasoner/tabs/", "training/", "reasoner/__main__.py"),
    ("reasoner/workbench.py", "reasoner/live.py", "reasoner/api", "reasoner/seed.py", "reasoner/space.py"),
    (
        *("reasoner/interchange/", "reasoner/score", "reasoner/solve.py", "reasoner/explore.py"),
        *("reasoner/rounds.py", "reasoner/executed.py", "reasoner/exploration.py", "reasoner/probing.py"),
        *("reasoner/budget.py", "reasoner/window.py", "reasoner/recovery.py", "reasoner/foreknowledge.py"),
        *("reasoner/figure.py", "reasoner/hub.py", "reasoner/search.py"),
        *("reasoner/review/", "reasoner/scale/", "reasoner/explore_command.py"),
    ),
    ("reasoner/formats/", "reasoner/graph.py", "reasoner/paths.py", "reasoner/keypoints"),
    ("reasoner/checks/", "reasoner/store", "reasoner/engines/", "reasoner/votes.py"),
    ("reasoner/steps.py", "reasoner/ways_back.py"),
    ("reasoner/quantities.py", "reasoner/told.py", "reasoner/places.py"),
    ("reasoner/actions.py", "reasoner/sentences.py", "reasoner/equations/", "reasoner/exploring/"),
    ("reasoner/intervals.py",),
    ("reasoner/records.py",),
    ("reasoner/errors.py", "reasoner/whole_file.py"),
)


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text())))


@cache
def imports(path: Path) -> tuple[tuple[str, bool], ...]:
    """(dotted name, is it at the top of the file) of each import; those for type checkers alone are left out."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[tuple[str, bool]]:
    nodes = nodes_of(path)
    checking = {
        id(node)
        for block in nodes
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
        for node in ast.walk(block)
    }
    inside = {
        id(node)
        for function in nodes
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    for node in nodes:
        if id(node) in checking:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) not in inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, id(node) not in inside
            yield from ((f"{node.module}.{alias.name}", id(node) not in inside) for alias in node.names)


def file_of(name: str) -> str | None:
    """ "reasoner.store" → "reasoner/store.py" when that is a file of ours."""
    path = ROOT / name.replace(".", "/")
    if path.with_suffix(".py").is_file():
        return relative(path.with_suffix(".py"))
    return relative(path / "__init__.py") if (path / "__init__.py").is_file() else None


def floor(name: str) -> int | None:
    matches = [(len(prefix), i) for i, row in enumerate(FLOORS) for prefix in row if name.startswith(prefix)]
    return len(FLOORS) - max(matches)[1] if matches else None


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_a_library_is_imported_only_in_its_room(path: Path) -> None:
    for name, _ in imports(path):
        places = ALLOWED.get(name.split(".")[0])
        assert places is None or relative(path).startswith(places), f"{relative(path)} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_heavy_libraries_are_imported_inside_functions(path: Path) -> None:
    at_the_top = {name.split(".")[0] for name, is_top in imports(path) if is_top}
    assert not at_the_top & set(NEVER_AT_THE_TOP)


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_imports_go_down(path: Path) -> None:
    own = floor(relative(path))
    for name, _ in imports(path):
        target = file_of(name)
        if target is None or (target.endswith("__init__.py") and target.count("/") == 1):
            continue
        below = floor(target)
        assert own is None or below is None or below <= own, f"{relative(path)} imports {target}, which is above it"


def test_reasoner_never_imports_training() -> None:
    for path in (ROOT / "reasoner").rglob("*.py"):
        assert not [name for name, _ in imports(path) if name.split(".")[0] == "training"], relative(path)


def test_there_are_no_cycles() -> None:
    graph: dict[str, set[str]] = {}
    for path in FILES:
        targets = {file_of(name) for name, _ in imports(path)} - {None, relative(path)}
        graph[relative(path)] = {target for target in targets if target}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " → ".join([*trail, name])
        if name not in done:
            for target in graph.get(name, ()):
                visit(target, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_importing_the_app_loads_no_heavy_library() -> None:
    heavy = ("torch", "transformers", "peft", "trl", "datasets", "sympy", "math_verify", "z3")
    code = f"import app, sys; print([name for name in {heavy!r} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip().endswith("[]")


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_files_and_functions_stay_small(path: Path) -> None:
    assert path.read_text().count("\n") <= 400
    for node in nodes_of(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= 60, f"{relative(path)}: {node.name} has {length} lines"
