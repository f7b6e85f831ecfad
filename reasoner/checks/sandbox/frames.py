"""Messages between our process and a CPython worker: four bytes of length, then JSON.

    send(channel, {"id": "9f…", "code": "1 + 1"}, seconds=5)
    receive(channel, seconds=5)                                 → {"id": "9f…", "value": "2", …}

What arrives may have been written by the program that ran in the worker: the length is bounded, and whatever is not
a JSON object raises BadFrame.
"""

import json
import os
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

MAX_FRAME = 1 << 20  # bytes; the largest honest one: a snippet's source, output, value and 200 variables
LENGTH = struct.Struct("!I")
COMMAND = struct.Struct("!ci")  # to the zygote: F (fork) or R (kill and bury), a pid
FORKED = struct.Struct("!i")  # from the zygote, with the worker's channel: its pid


class BadFrame(Exception):
    """The other side ended, or sent something that is no message."""


class Late(Exception):
    """No message within the time."""


def send(channel: socket.socket, message: dict[str, Any], seconds: float | None = None) -> None:
    """Write one message. Raises BadFrame when the other side is gone, Late when it does not read."""
    channel.settimeout(seconds)
    try:
        channel.sendall(_packed(message))
    except TimeoutError:
        raise Late from None
    except OSError as error:
        raise BadFrame(str(error)) from None


def receive(channel: socket.socket, seconds: float | None = None) -> dict[str, Any]:
    """Read one message, waiting at most so long in all (None: for ever)."""
    end = None if seconds is None else time.monotonic() + seconds

    def read(length: int) -> bytes:
        left = None if end is None else end - time.monotonic()
        if left is not None and left <= 0:
            raise Late
        channel.settimeout(left)
        try:
            return channel.recv(length)
        except TimeoutError:
            raise Late from None

    return _message(read)


def write_to(number: int, message: dict[str, Any]) -> None:
    """Write one message to this open file: the worker's side, where no socket call is allowed."""
    text = memoryview(_packed(message))
    while text:
        text = text[os.write(number, text) :]


def read_from(number: int) -> dict[str, Any]:
    """Read one message from this open file, however long it takes."""
    return _message(lambda length: os.read(number, length))


def _packed(message: dict[str, Any]) -> bytes:
    text = json.dumps(message).encode()
    return LENGTH.pack(len(text)) + text


def _message(read: Callable[[int], bytes]) -> dict[str, Any]:
    (length,) = LENGTH.unpack(_exactly(read, LENGTH.size))
    if length > MAX_FRAME:
        raise BadFrame(f"a message of {length:,} bytes")
    try:
        message = json.loads(_exactly(read, length))
    except (ValueError, RecursionError):
        raise BadFrame("not JSON") from None
    if not isinstance(message, dict):
        raise BadFrame("not an object")
    return message


def _exactly(read: Callable[[int], bytes], length: int) -> bytes:
    parts = bytearray()
    while len(parts) < length:
        try:
            part = read(min(length - len(parts), 65_536))
        except OSError as error:
            raise BadFrame(str(error)) from None
        if not part:
            raise BadFrame("the other side has ended")
        parts += part
    return bytes(parts)
