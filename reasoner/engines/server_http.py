"""Requests to one server over kept connections: JSON in, a JSON object out. The only file that speaks HTTP.

    reply = await Connection("http://127.0.0.1:8000/v1", key="…").send("POST", "/completions", {"prompt": "…"})

What goes wrong is one of three: `Unreachable` (no whole answer came), `Refused` (a status that is no success) and
`Garbled` (an answer that is no JSON object). Nothing is tried again here. Redirects are not followed: a key would go
along. The key is in no message: where a server repeats it, it is taken out.

Not covered: client certificates; servers behind HTTP basic authentication.
"""

import asyncio
import json
import time
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from reasoner.engines.server_replies import Garbled, Refused

SECONDS = 180.0  # for one answer, whole. Ours
CONNECT_SECONDS = 10.0
MOST_BYTES = 64 * 2**20  # of one answer: 128 completions of 100,000 characters, and room to spare


class Unreachable(Exception):
    """No whole answer came; the text says why."""

    def __init__(self, reason: str, was_sent: bool = True, is_certain: bool = True) -> None:
        """was_sent: had the server the request? is_certain: would another fare the same? One cut is no proof."""
        super().__init__(reason)
        self.reason = reason
        self.was_sent = was_sent
        self.is_certain = is_certain


class Connection:
    """The kept connections to one server."""

    def __init__(self, url: str, key: str = "") -> None:
        self.url = url
        self._key = key
        self._client: httpx.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """One request. Raises Unreachable, Refused and Garbled."""
        content = None if body is None else json.dumps(body).encode("ascii")
        headers = {} if body is None else {"Content-Type": "application/json"}
        try:
            async with (
                asyncio.timeout(SECONDS),
                self._open().stream(method, self.url + path, content=content, headers=headers) as response,
            ):
                raw = await _read(response)
        except (TimeoutError, httpx.TimeoutException) as error:
            is_connecting = isinstance(error, httpx.ConnectTimeout)
            reason = (
                f"Nothing answers at {self.url} in {CONNECT_SECONDS:.0f} seconds: start the server, or check --server"
            )
            slow = f"The server at {self.url} does not answer in time: is it overloaded?"
            raise Unreachable(reason if is_connecting else slow, is_certain=True) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            was_sent = not isinstance(error, httpx.ConnectError | httpx.InvalidURL | httpx.UnsupportedProtocol)
            said = self._without_key(str(error)) or type(error).__name__
            hung_up = f"The server at {self.url} hung up ({said}): look into its log."
            nobody = f"Nothing answers at {self.url} ({said}): start the server, or check --server."
            reason = hung_up if was_sent else nobody
            raise Unreachable(reason, was_sent, is_certain=not was_sent) from error
        if not response.is_success:
            raise self._refusal(response, raw)
        return _object(raw)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    def _open(self) -> httpx.AsyncClient:
        """The client; a new one where the loop is another than before (a forked process)."""
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=256, keepalive_expiry=4.0)
            timeout = httpx.Timeout(SECONDS, connect=CONNECT_SECONDS, pool=None)
            needs_certificates = self.url.startswith("https:")  # they take long to load
            self._client = httpx.AsyncClient(
                headers=headers, timeout=timeout, limits=limits, follow_redirects=False, verify=needs_certificates
            )
            self._loop = loop
        return self._client

    def _refusal(self, response: httpx.Response, raw: bytes) -> Refused:
        if 300 <= response.status_code < 400:
            host = urlsplit(response.headers.get("location", ""))  # what it says beyond the host may hold secrets
            to = f"{host.scheme}://{host.hostname}" if host.hostname else "another path of its own"
            return Refused(response.status_code, f"sends its visitors on to {to}, which is not followed")
        said = self._without_key(raw[:10_000].decode("utf-8", "replace"))
        return Refused(response.status_code, said, _retry_after(response))

    def _without_key(self, text: str) -> str:
        return text.replace(self._key, "…") if self._key else text


async def _read(response: httpx.Response) -> bytes:
    parts, size = [], 0
    async for part in response.aiter_bytes():
        parts.append(part)
        size += len(part)
        if size > MOST_BYTES:
            raise Garbled(f"its answer is longer than {MOST_BYTES // 2**20} MB")
    return b"".join(parts)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as error:
        begins = raw[:200].decode("utf-8", "replace").lstrip().lower()
        kind = "a web page" if begins.startswith(("<!doctype", "<html")) else "something that is not JSON"
        raise Garbled(f"it answered with {kind}: is it OpenAI-compatible?") from error
    if not isinstance(found, dict):
        raise Garbled(f"it answered with a {type(found).__name__}: is it OpenAI-compatible?")
    return found


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds that the server asks to wait, told as a number or a date; None when it does not say."""
    told = response.headers.get("retry-after", "")
    try:
        seconds = float(told)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(told).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return max(0.0, seconds) if seconds == seconds else None
