"""A file → its JSON values, each with the number of the line it starts in.

    read_values(Path("train.jsonl"))    (1, {"question": …}), (2, {"question": …}), (3, BadInput("broken JSON: …")), …

Taken are JSON Lines, one JSON array, one JSON object, or several objects after one another over any number of lines;
all of these gzipped as well. A line that cannot be read comes out as a BadInput in its place.

Not covered: CSV, Parquet, Arrow (`interchange.hub` reads those through `datasets`).
"""

import gzip
import json
import zlib
from collections.abc import Iterator
from io import BufferedReader, TextIOWrapper
from pathlib import Path
from typing import IO, Any

from reasoner.errors import BadInput

# Ours. PRM800K's longest line has about 0.2 MB and the largest JSON array of the known formats (MR-GSM8K) 6 MB.
MAX_LINE = 5_000_000  # characters of one line
MAX_ARRAY = 200_000_000  # characters of a file that is one JSON array or object
CHUNK = 1_000_000  # characters passed over at once
HEAD = 4096  # bytes looked at to tell what a file is

Value = tuple[int, Any]
"""(number of the line, starting at 1; the JSON value or the BadInput it gave)"""


def read_values(path: Path) -> Iterator[Value]:
    """All values of the file. Raises BadInput when the file as a whole cannot be used."""
    try:
        with path.open("rb") as raw:
            yield from _values(path, _as_text(path, raw))
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not a text file (or not in UTF-8). {_WANTED}") from error
    except (EOFError, zlib.error) as error:
        raise BadInput(f"{path} is a damaged .gz file ({error}). Download it again.") from error
    except FileNotFoundError as error:
        raise BadInput(f"There is no file {path}. Check its name.") from error
    except IsADirectoryError as error:
        raise BadInput(f"{path} is a folder. Name a file in it, or import it as a data set: --hub {path}") from error
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}.") from error


_WANTED = "Give JSON Lines or JSON: one of the formats that `python -m reasoner import --help` lists."


def _as_text(path: Path, raw: BufferedReader) -> IO[str]:
    head = raw.peek(HEAD)[:HEAD]  # looks ahead without moving: the file may be a pipe, which cannot be opened twice
    if head.startswith(b"\x1f\x8b"):
        return TextIOWrapper(gzip.GzipFile(fileobj=raw), encoding="utf-8-sig")
    if b"\0" in head:
        raise BadInput(f"{path} is not a text file. {_WANTED}")
    return TextIOWrapper(raw, encoding="utf-8-sig")


def _values(path: Path, file: IO[str]) -> Iterator[Value]:
    number, first = 0, ""
    while not first.strip():
        first, number = file.readline(MAX_LINE + 1), number + 1
        if not first:
            raise BadInput(f"{path} is empty. {_WANTED}")
    if not first.lstrip().startswith(("{", "[")):
        raise BadInput(f"{path} is not JSON: line {number} starts with {first.strip()[:20]!r}. {_WANTED}")
    if _is_whole(first):
        yield number, parse(first)
        yield from _lines(file, number)
    else:
        yield from _objects(path, file, first, number)


def _is_whole(line: str) -> bool:
    """Is this first line a JSON object by itself? Then so are the others."""
    if not line.lstrip().startswith("{"):
        return False
    value = parse(line)
    return not isinstance(value, BadInput) or line.rstrip().endswith("}")


def _lines(file: IO[str], number: int) -> Iterator[Value]:
    while line := file.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            while line and not line.endswith("\n"):  # the rest of it is passed over
                line = file.readline(CHUNK)
            yield number, BadInput(f"line too long: more than {MAX_LINE:,} characters")
        elif line.strip():
            yield number, parse(line)


def _objects(path: Path, file: IO[str], first: str, number: int) -> Iterator[Value]:
    """The objects of a JSON array, or of several values after one another."""
    text = first + file.read(MAX_ARRAY)
    if len(text) > MAX_ARRAY:
        raise BadInput(f"{path} is one JSON value of more than {MAX_ARRAY:,} characters. Split it, or use JSON Lines.")
    decoder, position, counted = json.JSONDecoder(), 0, 0
    is_array = text.lstrip().startswith("[")
    while position < len(text):
        position = _skip(text, position, " \t\r\n,[" if is_array else " \t\r\n")
        if position >= len(text) or (is_array and text[position] == "]"):
            return
        number, counted = number + text.count("\n", counted, position), position
        try:
            value, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            yield number, BadInput(f"{_broken(error)}; nothing after it can be read")
            return
        yield number, value


def _skip(text: str, position: int, characters: str) -> int:
    while position < len(text) and text[position] in characters:
        position += 1
    return position


def parse(line: str) -> Any:
    """The line's JSON value, or a BadInput that says what is wrong with it."""
    if len(line) > MAX_LINE:
        return BadInput(f"line too long: more than {MAX_LINE:,} characters")
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        return _broken(error)


def _broken(error: ValueError | RecursionError) -> BadInput:
    if isinstance(error, json.JSONDecodeError):
        return BadInput(f"broken JSON: {error.msg} (column {error.colno})")
    if isinstance(error, RecursionError):
        return BadInput("broken JSON: nested too deeply")
    return BadInput(f"broken JSON: {error}")
