"""Escapes and bombs (escapes/*.toml), each against both workers: contained, and afterwards Python still answers.

A program "escapes" when it prints the word ESCAPED, shows the canary file's content or the parent's environment,
changes anything in the canary's folder, or reaches one of the parent's sockets.
"""

import os
import secrets
import socket
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from reasoner.checks.python import Interpreter, Snippet
from reasoner.checks.sandbox import cpython
from reasoner.checks.sandbox.cpython import NUM_READY, why_off

FOLDER = Path(__file__).parent / "escapes"
PROJECT = Path(__file__).parents[1]
ESCAPES = [
    {"file": path.stem, **escape}
    for path in sorted(FOLDER.glob("*.toml"))
    for escape in tomllib.loads(path.read_text())["escape"]
]
SECONDS = 2.0  # for an escape that names no limit of its own
AT_MOST = 30.0  # seconds by the clock within which a worker on a very busy machine must have been stopped
SECRET = f"secret-{secrets.token_hex(8)}"
VARIABLE = "FIRST_PIT_CANARY"


@dataclass
class Canary:
    """A file, a variable and four sockets of the parent's that no program may touch."""

    folder: Path
    tcp: socket.socket
    udp: socket.socket
    unix: socket.socket
    abstract: socket.socket
    name: str

    def fill(self, escape: dict) -> str:
        code = escape["code"]
        if "repeat" in escape:
            text, times = escape["repeat"]
            code = code.replace("{REPEAT}", text * times)
        words = {
            "FILE": self.folder / "canary.txt",
            "FOLDER": self.folder,
            "SECRET": SECRET,
            "PROJECT": PROJECT,
            "PID": os.getpid(),
            "TCP": self.tcp.getsockname()[1],
            "UDP": self.udp.getsockname()[1],
            "UNIX": self.unix.getsockname(),
            "ABSTRACT": self.name,
        }
        for word, value in words.items():
            code = code.replace("{" + word + "}", str(value))
        return code

    def is_untouched(self) -> bool:
        if sorted(path.name for path in self.folder.iterdir()) != ["canary.txt", "evil.py"]:
            return False
        if (self.folder / "canary.txt").read_text() != SECRET:
            return False
        for listener in (self.tcp, self.unix, self.abstract):
            with suppress(BlockingIOError):
                listener.accept()
                return False
        with suppress(BlockingIOError):
            self.udp.recv(10)
            return False
        return True


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canary]:
    folder, outside = tmp_path_factory.mktemp("canary"), tmp_path_factory.mktemp("s")
    (folder / "canary.txt").write_text(SECRET)
    (folder / "evil.py").write_text("print('ESCAPED')")
    name = f"first-pit-{secrets.token_hex(4)}"
    tcp, udp = socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    unix, abstract = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    for each, address in (
        (tcp, ("127.0.0.1", 0)),
        (udp, ("127.0.0.1", 0)),
        (unix, str(outside / "s")),
        (abstract, "\0" + name),
    ):
        each.bind(address)
        each.setblocking(False)
        if each is not udp:
            each.listen()
    os.environ[VARIABLE] = SECRET
    cpython.stop()  # the next workers are started with the variable in our environment
    yield Canary(folder, tcp, udp, unix, abstract, name)
    del os.environ[VARIABLE]
    for each in (tcp, udp, unix, abstract):
        each.close()


def words(ran: Snippet) -> str:
    return "\n".join([ran.output, ran.value, ran.error, *ran.variables, *ran.variables.values()])


def test_there_are_at_least_150_escapes_and_no_two_alike() -> None:
    assert len(ESCAPES) >= 150
    assert len({escape["name"] for escape in ESCAPES}) == len(ESCAPES)
    assert len({(escape["code"], str(escape.get("repeat"))) for escape in ESCAPES}) == len(ESCAPES)


@pytest.mark.parametrize("escape", ESCAPES, ids=[f"{escape['file']}: {escape['name']}" for escape in ESCAPES])
@pytest.mark.parametrize("worker", ["monty", "cpython"])
def test_it_is_contained(canary: Canary, worker: str, escape: dict) -> None:
    if worker == "cpython" and why_off():
        pytest.skip(why_off())
    with Interpreter(escape.get("seconds", SECONDS), only=worker) as python:
        ran = python.run(canary.fill(escape))
        after = python.run("1 + 1")
    told = words(ran) + words(after)
    assert "ESCAPED" not in told and "FORGED" not in told and SECRET not in told
    assert canary.is_untouched()
    assert ran.seconds < AT_MOST and after.seconds < AT_MOST
    assert after.value == "2" or after.error or worker == "cpython" or "lies" in escape


@pytest.mark.parametrize("worker", ["monty", "cpython", None])
def test_after_all_of_them_python_still_answers(worker: str | None) -> None:
    if worker == "cpython" and why_off():
        pytest.skip(why_off())
    with Interpreter(AT_MOST, only=worker) as python:
        ran = python.run("print(41 + 26)\nx = 67\nx * 3")
    assert (ran.output, ran.value, ran.error, ran.variables) == ("67\n", "201", "", {"x": "67"})


@pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="reads /proc")
def test_after_all_of_them_no_process_is_left_over() -> None:
    zygote = cpython._zygote
    if zygote is None:
        pytest.skip("no CPython worker was started")
    living = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = path.read_text().rsplit(")", 1)[1].split()[:2]
            if int(parent) == zygote._process.pid and state != "Z":
                living.append(path)
    assert len(living) <= NUM_READY
