"""Servers that tests write themselves, on sockets of this machine.

server = FakeServer()
server.answers = lambda path, body: text_reply("5")       whatever the test wants to be answered
server.answers = Vllm().answers                           or a server that behaves like one of the real ones
server.seen, server.close()
"""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, Any] | tuple[int, Any, dict[str, str]]
Answers = Callable[[str, dict[str, Any]], Reply]


class _Sockets(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Clients that gave up waiting are no news."""


class FakeServer:
    """A server whose every answer the test writes. `seen` keeps (path, body) of each request.

    A reply is (status, content) or (status, content, headers); content as bytes is sent as it is. The header
    "x-cut": N sends the first N bytes alone and hangs up.
    """

    def __init__(self, port: int = 0) -> None:
        self.seen: list[tuple[str, dict[str, Any]]] = []
        self.headers: list[dict[str, str]] = []
        self.connections: set[tuple[str, int]] = set()
        self.answers: Answers = lambda path, body: (404, {"detail": "Not Found"})
        self.in_flight = 0
        self.most_in_flight = 0
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        double = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                double._open.append(self.connection)

            def do_POST(self) -> None:
                self.reply(json.loads(self.rfile.read(int(self.headers["content-length"] or 0)) or b"{}"))

            def do_GET(self) -> None:
                self.reply({})

            def reply(self, body: dict[str, Any]) -> None:
                with double._counted(self.path, body, dict(self.headers), self.client_address):
                    status, content, *more = double.answers(self.path, body)
                raw = content if isinstance(content, bytes) else json.dumps(content).encode()
                headers = dict(more[0]) if more else {}
                cut = headers.pop("x-cut", None)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw if cut is None else raw[: int(cut)])
                if cut is not None:
                    self.wfile.flush()
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True

            def log_message(self, *_: Any) -> None:
                pass

        self._server = _Sockets(("127.0.0.1", port), Handler)
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @contextmanager
    def _counted(
        self, path: str, body: dict[str, Any], headers: dict[str, str], client: tuple[str, int]
    ) -> Iterator[None]:
        with self._lock:
            self.seen.append((path, body))
            self.headers.append({name.lower(): value for name, value in headers.items()})
            self.connections.add(client)
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            yield
        finally:
            with self._lock:
                self.in_flight -= 1

    def close(self) -> None:
        """Listen no more, and hang up on whoever is connected."""
        self._server.shutdown()
        self._server.server_close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def bodies(self, path: str) -> list[dict[str, Any]]:
        return [body for seen, body in self.seen if seen == path]


def chat_reply(*texts: str, finish: str = "stop", tokens: int = 8) -> Reply:
    choices = [{"message": {"role": "assistant", "content": text}, "finish_reason": finish} for text in texts]
    return 200, {"choices": choices, "usage": {"completion_tokens": tokens}}


def text_reply(*texts: str, finish: str = "stop", tokens: int = 8) -> Reply:
    return 200, {
        "choices": [{"text": text, "finish_reason": finish} for text in texts],
        "usage": {"completion_tokens": tokens},
    }


class Vllm:
    """A server that does as vLLM: lists of prompts, `n` with seeds that count up, models with their context."""

    def __init__(self, model: str = "m", latency: float = 0.0, a_token: float = 0.0, num_tokens: int = 8) -> None:
        """latency: seconds a request; a_token: seconds a token, all completions of a request side by side."""
        self.model, self.latency, self.a_token, self.num_tokens = model, latency, a_token, num_tokens

    def answers(self, path: str, body: dict[str, Any]) -> Reply:
        if path == "/v1/models":
            return 200, {"data": [{"id": self.model, "owned_by": "vllm", "max_model_len": 4096}]}
        if path != "/v1/completions":
            return 404, {"detail": "Not Found"}
        if body.get("model") != self.model:
            return 404, {"error": {"message": f"The model `{body.get('model')}` does not exist."}}
        prompts = body["prompt"] if isinstance(body["prompt"], list) else [body["prompt"]]
        too_long = [prompt for prompt in prompts if len(prompt) > 4096]
        if too_long:
            return 400, {"error": {"message": "This model's maximum context length is 4096 tokens."}}
        time.sleep(self.latency + self.a_token * self.num_tokens)
        texts = [
            completion_of(prompt, body.get("seed", 0) + child)
            for prompt in prompts
            for child in range(body.get("n", 1))
        ]
        choices = [{"index": place, "text": text, "finish_reason": "stop"} for place, text in enumerate(texts)]
        return 200, {"choices": choices, "usage": {"completion_tokens": self.num_tokens * len(texts)}}


class Plain(Vllm):
    """A server that does as `transformers serve`: one prompt, one completion a request, whatever is asked."""

    def answers(self, path: str, body: dict[str, Any]) -> Reply:
        if isinstance(body.get("prompt"), list):
            return 400, {"detail": "prompt must be a string."}
        return super().answers(path, {name: value for name, value in body.items() if name != "n"})


def completion_of(prompt: str, seed: int) -> str:
    """What these servers write, by prompt and seed alone."""
    return f"{prompt[-12:]} with seed {seed}."
