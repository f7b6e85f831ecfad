"""A server that a recipe starts for each model it makes, and stops before it trains again.

    --server "{serve} --port {port} --tensor-parallel-size 8"       vLLM; {serve} is what serve_command says
    --server "python my_server.py {model} {name} {port}"            any other that lists its models at /v1/models

    started = Served("{serve} --port {port}", "vllm serve …", "run/sft/model", "run/sft/model")
    started.url, started.stop()

It listens where it is told, on this machine; {port} is one that is free. It ends with this process, however that ends.
"""

import contextlib
import http.client
import shlex
import socket
import subprocess
import tempfile
import time

import psutil

from reasoner.errors import RunError
from training.processes import end, end_with_parent

PORT = "{port}"
PATIENCE = 3600.0  # seconds until it answers: weights may have to be fetched first
GRACE = 20.0  # seconds between asking it to end and ending it
LAST_LINES = 3


def is_command(server: str) -> bool:
    """Is this a command that starts a server, rather than addresses of servers?"""
    return PORT in server


class Served:
    """A server of one model, answering from the moment this is made. Raises RunError where it does not come up."""

    def __init__(self, command: str, serve: str, model: str, name: str) -> None:
        port = _free_port()
        words = {"{serve}": serve, "{model}": shlex.quote(model), "{name}": shlex.quote(name), PORT: str(port)}
        for word, value in words.items():
            command = command.replace(word, value)
        self.url = f"http://127.0.0.1:{port}"
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  closed by stop()
        try:
            self._process = subprocess.Popen(
                shlex.split(command),
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )
        except (OSError, ValueError) as error:
            raise RunError(f"The server cannot be started ({error}): check --server “{command}”.") from error
        try:
            self._wait(port, command)
        except BaseException:
            self.stop()
            raise

    def _wait(self, port: int, command: str) -> None:
        until = time.monotonic() + PATIENCE
        while not _answers(port):
            if self._process.poll() is not None:
                raise RunError(f"The server ended (exit code {self._process.returncode}): {self._said()}\n{command}")
            if time.monotonic() > until:
                raise RunError(f"The server does not answer on port {port}: {self._said()}\n{command}")
            time.sleep(0.1)

    def _said(self) -> str:
        self._log.seek(0)
        lines = self._log.read().decode("utf-8", "replace").strip().split("\n")
        return " ".join(lines[-LAST_LINES:])[-500:] or "it said nothing"

    def stop(self) -> None:
        """End it with all its children, so that its memory is free."""
        with contextlib.suppress(psutil.NoSuchProcess):
            end(psutil.Process(self._process.pid), GRACE)
        self._process.wait()
        self._log.close()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/v1/models")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
