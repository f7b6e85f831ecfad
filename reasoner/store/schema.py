"""Opening the store's file: where it lies, how it is set up, its numbered migrations, and SQLite's errors in words.

A migration is a file `migrations/0002_name.sql`; it runs once, in a transaction, and `PRAGMA user_version` keeps the
number of the last one. A released migration is never edited: a change of the schema is one more file.

Not covered: network file systems (SQLite's WAL needs shared memory, so the store belongs on a local disk).
"""

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from reasoner.errors import BadInput, StoreError

APPLICATION_ID = 0x46505431  # "FPT1", written into the file's header, tells our files from other SQLite files
BUSY_SECONDS = 5.0  # how long a writer waits for another one. Ours: longer than any write but a large import
PRAGMAS = (
    "journal_mode = WAL",  # readers never wait for a writer
    "synchronous = FULL",  # a commit is on disk when it returns: a label is kept before the page says "saved"
    "foreign_keys = ON",
)


def default_path() -> Path:
    """`REASONER_STORE` if set, else `first-pit/store.sqlite` in the user's data folder of this system."""
    named = os.environ.get("REASONER_STORE", "").strip()
    return Path(named).expanduser() if named else _user_data_folder() / "first-pit" / "store.sqlite"


def _user_data_folder() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")


@contextmanager
def errors_in_words(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into a StoreError that says what to do next; text that is no text into a BadInput."""
    try:
        yield
    except UnicodeEncodeError as error:
        raise BadInput("The text holds half a character (a lone surrogate). Type it again without it.") from error
    except sqlite3.Error as error:
        raise StoreError(_in_words(path, error)) from error


def _in_words(path: Path, error: sqlite3.Error) -> str:
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return (
            f"The store {path} is locked by another process for more than {BUSY_SECONDS:g} seconds. "
            "Nothing was saved. Wait for the other program to finish, or close it, and try again."
        )
    if name.startswith("SQLITE_FULL"):
        return f"The disk is full: nothing was saved to {path}. Free some space and try again."
    if name.startswith("SQLITE_NOTADB"):
        return f"{path} is not a store: it is no SQLite file. Name another file with --store."
    if name.startswith("SQLITE_CORRUPT"):
        return f"The store {path} is damaged ({error}). Put back a copy of it, or name another file with --store."
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return (
            f"The store {path} cannot be written ({error}). Check its folder's permissions, or use --store elsewhere."
        )
    if name.startswith("SQLITE_IOERR"):
        return f"The disk refused to read or write {path} ({error}). Nothing was saved. Check the disk and its space."
    return f"The store {path} failed: {error}. Nothing was saved."


def connect(path: Path) -> sqlite3.Connection:
    """One more connection to a prepared store; may be used from any thread, by one at a time."""
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    try:
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def prepare(path: Path) -> None:
    """Make the folder and the file if need be, and bring the schema up to date.

    Raises StoreError when the file is no store of ours, of a newer version, or cannot be written.
    """
    _make_writable(path)
    with errors_in_words(path):
        connection = connect(path)
        try:
            _check_is_ours(connection, path)
            _migrate(connection)
        finally:
            connection.close()


def _make_writable(path: Path) -> None:
    advice = "Check the folder's permissions, or name another place with --store or REASONER_STORE."
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"The store's folder {path.parent} cannot be made ({error.strerror}). {advice}") from error
    if path.is_dir():
        raise StoreError(f"{path} is a folder. Name a file in it: {path / 'store.sqlite'}.")
    writable = os.access(path.parent, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))
    if not writable:
        raise StoreError(f"The store {path} cannot be written. {advice}")


def _check_is_ours(connection: sqlite3.Connection, path: Path) -> None:
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (num_tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application_id != APPLICATION_ID and num_tables:
        raise StoreError(f"{path} is another program's SQLite file. Name another file with --store.")
    version, newest = _version(connection), max(number for number, _ in migrations())
    if version > newest:
        raise StoreError(
            f"The store {path} was written by a newer First Pit (store version {version}; this one knows {newest}). "
            "Update First Pit, or name another file with --store."
        )


def migrations() -> list[tuple[int, str]]:
    """All migrations as (number, SQL), in order."""
    folder = resources.files("reasoner") / "migrations"
    files = [file for file in folder.iterdir() if file.name.endswith(".sql")]
    return sorted((int(file.name.split("_")[0]), file.read_text(encoding="utf-8")) for file in files)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _migrate(connection: sqlite3.Connection) -> None:
    if _version(connection) == migrations()[-1][0]:
        return
    connection.execute("BEGIN IMMEDIATE")  # the version is read again inside: another process may be migrating too
    try:
        done = _version(connection)
        for number, script in migrations():
            if number > done:
                for statement in _statements(script):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("COMMIT")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _statements(script: str) -> Iterator[str]:
    """Split a script into statements (`executescript` would commit before it starts)."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement
