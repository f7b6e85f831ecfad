"""The whole app: how it starts, what it says when it cannot, and what programs can ask of it."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio.oauth
import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

import app
from reasoner.space import GuestLimits
from tests.running_app import ROOT, RunningApp, free_port, running_app

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    with running_app(tmp_path_factory.mktemp("app")) as started:
        yield started


def run_app(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "app.py", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)


def test_the_page_is_made_of_json_alone(tmp_path: Path) -> None:
    """A quoted word in a component's script can slip a function into the configuration; then no page is served."""
    workbench = app.open_workbench(app.parse_arguments(["--store", str(tmp_path / "store.sqlite"), "--no-seed"]))
    config = app.build(workbench).get_config_file()
    # A gr.State keeps a function there by itself, and Gradio sends none of it to the page.
    config["components"] = [part for part in config["components"] if part["type"] != "state"]
    _assert_json(config, "config")
    json.dumps(config, allow_nan=False)


def _assert_json(value: Any, where: str) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            assert isinstance(key, str | int), f"{where}: key {key!r}"
            _assert_json(inner, f"{where}.{key}")
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            _assert_json(inner, f"{where}[{index}]")
    else:
        assert value is None or isinstance(value, str | int | float | bool), f"{where}: {type(value)} {value!r}"


# ── how it starts ────────────────────────────────────────────────────────────────────────────────────────────────


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        app.parse_arguments(["--help"])
    assert leaving.value.code == 0
    printed = capsys.readouterr().out
    for option in ("--store", "--model", "--adapter", "--server", "--host", "--port", "--no-seed"):
        assert option in printed


def test_it_listens_to_this_machine_alone_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GRADIO_SERVER_NAME", "SYSTEM", "SPACE_ID"):
        monkeypatch.delenv(name, raising=False)
    assert app.parse_arguments([]).host == "127.0.0.1"
    assert app.parse_arguments(["--host", "0.0.0.0"]).host == "0.0.0.0"
    monkeypatch.setenv("SYSTEM", "spaces")
    assert app.parse_arguments([]).host == "0.0.0.0"


def test_a_port_in_use_is_stepped_over_unless_it_was_asked_for(running: RunningApp) -> None:
    taken = int(running.address.rsplit(":", 1)[1])
    with pytest.raises(SystemExit, match=f"Port {taken} .* in use.*--port"):
        app.choose_port("127.0.0.1", taken)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_SERVER_PORT", str(taken))
        assert app.choose_port("127.0.0.1", None) > taken
    with pytest.raises(SystemExit, match=r"Cannot listen on 192\.0\.2\.1"):
        app.choose_port("192.0.2.1", None)
    with pytest.raises(SystemExit, match="1 to 65535"):
        app.choose_port("127.0.0.1", 70_000)


def test_a_port_in_use_is_said_in_one_line(running: RunningApp, tmp_path: Path) -> None:
    result = run_app("--port", running.address.rsplit(":", 1)[1], "--store", str(tmp_path / "store.sqlite"))
    assert result.returncode != 0
    assert "in use" in result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_store_that_cannot_be_opened_is_said_in_one_line(
    tmp_path: Path, running: RunningApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer, no_store = tmp_path / "newer.sqlite", tmp_path / "holiday.jpg"
    no_store.write_bytes(b"\xff\xd8\xff" * 1000)
    with sqlite3.connect(running.store) as source, sqlite3.connect(newer) as copy:
        source.backup(copy)
        copy.execute("PRAGMA user_version = 999")
    for path, words in ((newer, "newer"), (no_store, "not a store")):
        with pytest.raises(SystemExit, match=words):
            app.main(["--store", str(path), "--port", str(free_port())])


@pytest.mark.parametrize("server", ["localhost:8000", "http://one:8000,two:8000", "http://one,http://one/v1"])
def test_a_list_of_servers_that_cannot_be_is_refused_before_the_page_opens(tmp_path: Path, server: str) -> None:
    with pytest.raises(SystemExit, match=r"server's address|twice"):
        app.main(["--store", str(tmp_path / "store.sqlite"), "--server", server, "--port", str(free_port())])


def test_a_server_is_asked_for_its_own_model_unless_one_is_named(tmp_path: Path) -> None:
    def model(*arguments: str) -> str:
        store = ["--store", str(tmp_path / "store.sqlite"), "--no-seed"]
        return app.open_workbench(app.parse_arguments([*store, *arguments])).model

    assert model() == app.BUILT_IN
    assert model("--server", "http://127.0.0.1:8000") == ""
    assert model("--server", "http://127.0.0.1:8000", "--model", "Qwen/Qwen3-0.6B") == "Qwen/Qwen3-0.6B"


def test_a_model_that_is_missing_does_not_keep_the_page_from_opening(tmp_path: Path) -> None:
    workbench = app.open_workbench(app.parse_arguments(["--store", str(tmp_path / "s.sqlite"), "--model", "nowhere"]))
    assert "nowhere" in workbench.describe()


# ── on a Space ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_on_a_space_it_starts_without_login_and_bounds_what_visitors_run(tmp_path: Path) -> None:
    with running_app(tmp_path, SYSTEM="spaces", SPACE_ID="ada/first-pit", OAUTH_CLIENT_ID="") as space:
        page = httpx.get(space.address + "/", timeout=30)
        config = httpx.get(space.address + "/config", timeout=30).json()
    assert page.status_code == 200
    assert config["space_id"] == "ada/first-pit"
    assert num_logins(config) == 0


def num_logins(config: dict[str, Any]) -> int:
    return [part["props"].get("elem_id") for part in config["components"]].count("login")


def test_on_a_space_a_visitors_run_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = app.parse_arguments(["--store", str(tmp_path / "store.sqlite"), "--no-seed"])
    monkeypatch.delenv("SYSTEM", raising=False)
    assert app.open_workbench(arguments).guest_limits is None
    monkeypatch.setenv("SYSTEM", "spaces")
    assert app.open_workbench(arguments).guest_limits == GuestLimits(max_pairs=200, max_seconds=300, max_runs=1)


def test_a_login_button_is_there_only_when_the_space_has_logins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = app.parse_arguments(["--store", str(tmp_path / "store.sqlite"), "--no-seed"])
    monkeypatch.setenv("SYSTEM", "spaces")
    monkeypatch.setenv("SPACE_ID", "ada/first-pit")
    for name in ("OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL"):
        monkeypatch.setattr(gradio.oauth, name, "https://example.org")  # Gradio read the environment when imported
    for client_id, num_buttons in (("", 0), ("abc", 1)):
        monkeypatch.setenv("OAUTH_CLIENT_ID", client_id)
        config = app.build(app.open_workbench(arguments)).get_config_file()
        assert num_logins(config) == num_buttons


# ── what programs can ask ────────────────────────────────────────────────────────────────────────────────────────


def test_gradio_client_can_list_add_label_and_undo(running: RunningApp) -> None:
    client = Client(running.address, verbose=False)
    names = set(client.view_api(return_format="dict", print_info=False)["named_endpoints"])
    assert {"/list_problems", "/solve_problem", "/add_label", "/find_pit", "/export_labels"} <= names
    assert all(name.count("_") for name in names), f"an inner function shows in the API: {sorted(names)}"
    first = client.predict(limit=1, verdict="wrong", api_name="/list_problems")["problems"][0]
    trace = client.predict(problem_id=first["id"], api_name="/get_problem")["traces"][0]
    label = client.predict(trace_id=trace["id"], kind="all_right", annotator="robot", api_name="/add_label")
    assert client.predict(annotator="robot", api_name="/list_labels")[0]["id"] == label["id"]
    assert client.predict(annotator="robot", api_name="/undo_label")["undone"]["id"] == label["id"]


def test_a_wrong_value_over_the_api_is_answered_in_words(running: RunningApp) -> None:
    client = Client(running.address, verbose=False)
    with pytest.raises(AppError, match="limit must be a whole number"):
        client.predict(limit="many", api_name="/list_problems")
    with pytest.raises(AppError, match="No trace has the id"):
        client.predict(trace_id="nowhere", kind="unsure", annotator="ada", api_name="/add_label")
    assert "Traceback" not in running.log.read_text()


def test_the_functions_are_mcp_tools_with_descriptions(running: RunningApp) -> None:
    tools = {tool["name"]: tool for tool in _mcp(running, "tools/list", {})["tools"]}
    assert {"list_problems", "check_steps", "add_label", "find_pit"} <= set(tools)
    properties = tools["check_steps"]["inputSchema"]["properties"]
    assert properties["steps"]["type"] == "array"
    assert "one text a step" in properties["steps"]["description"]
    assert "arithmetic" in tools["check_steps"]["description"]


def test_an_mcp_client_can_check_a_solution(running: RunningApp) -> None:
    arguments = {"steps": ["Ben has 3 + 2 = 6 coins.", "The answer is 6."], "answer": "5"}
    result = _mcp(running, "tools/call", {"name": "check_steps", "arguments": arguments})
    assert not result["isError"]
    assert "3 + 2" in result["content"][0]["text"]
    refused = _mcp(running, "tools/call", {"name": "check_steps", "arguments": {"steps": []}})
    assert refused["isError"]
    assert "steps must be a list" in refused["content"][0]["text"]


def _mcp(running: RunningApp, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """One call as an MCP client makes it; the answer comes as one server-sent event."""
    headers = {"Accept": "application/json, text/event-stream"}
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
    response = httpx.post(running.address + "/gradio_api/mcp/", json=message, headers=headers, timeout=30)
    data = next(line for line in response.text.splitlines() if line.startswith("data: "))
    return dict(json.loads(data.removeprefix("data: "))["result"])
