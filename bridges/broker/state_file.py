"""The file with the broker's state: a small database of its own, written by one thread."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from .stored import StoredMessage, StoredRetained, StoredSession

log = logging.getLogger("hubbub.broker")

VERSION = 1
_TABLES = (
    "CREATE TABLE IF NOT EXISTS retained (topic TEXT PRIMARY KEY, record BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS sessions (number INTEGER PRIMARY KEY, record BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS messages"
    " (session INTEGER, number INTEGER, record BLOB NOT NULL, PRIMARY KEY (session, number))",
)
"""`IF NOT EXISTS`: the hub may have been killed between them."""
_encode = msgspec.msgpack.encode


@dataclass(slots=True)
class State:
    """All that is stored. Sessions by number, and their messages in order, by the number of each."""

    retained: list[StoredRetained]
    sessions: dict[int, StoredSession]
    messages: dict[int, list[tuple[int, StoredMessage]]]


@dataclass(slots=True)
class Rows:
    """What is to be written; None: it is to be removed. `replaces`: it is all that there is."""

    retained: Iterable[tuple[str, StoredRetained | None]]
    sessions: Iterable[tuple[int, StoredSession | None]]
    messages: Iterable[tuple[tuple[int, int], StoredMessage | None]]
    replaces: bool = False


class StateFile:
    """Used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self.set_aside = False
        """Whether `load` found a file that it could not read."""
        self._path = path
        self._database: sqlite3.Connection | None = None

    def load(self) -> State:
        """What was written last. A damaged file is set aside, and the broker begins anew.

        Raises `sqlite3.OperationalError` where the file cannot be opened.
        """
        try:
            return self._read(self._open())
        except sqlite3.OperationalError:
            raise  # the disk is full, or the like: the file may be right
        except (sqlite3.DatabaseError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            self.close()
            aside = self._path.with_suffix(".damaged")
            log.error("the state of the broker cannot be read and is now in %s: %s", aside, error)
            self._set_aside(aside)
            return self._read(self._open())

    def write(self, rows: Rows) -> None:
        """In one transaction. Raises `sqlite3.Error`."""
        with self._open() as database:
            if rows.replaces:
                for table in ("retained", "sessions", "messages"):
                    database.execute(f"DELETE FROM {table}")  # noqa: S608 - a constant
            for number, session in rows.sessions:
                if session is None:
                    database.execute("DELETE FROM sessions WHERE number = ?", (number,))
                    database.execute("DELETE FROM messages WHERE session = ?", (number,))
                else:
                    database.execute("REPLACE INTO sessions VALUES (?, ?)", (number, _encode(session)))
            _replace(database, "retained", "topic = ?", (((topic,), record) for topic, record in rows.retained))
            _replace(database, "messages", "session = ? AND number = ?", rows.messages)

    def close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    def _set_aside(self, aside: Path) -> None:
        """With the log of its last changes: a file of a later version is whole, and its version can read both."""
        self.set_aside = True
        for suffix in ("", "-wal", "-shm"):
            old, new = (path.with_name(path.name + suffix) for path in (self._path, aside))
            new.unlink(missing_ok=True)  # of an earlier time
            if old.exists():
                old.replace(new)

    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            self._database = sqlite3.connect(self._path, check_same_thread=False)
            try:
                _prepare(self._database)
            except sqlite3.Error:
                self.close()  # so that it is prepared at the next attempt
                raise
        return self._database

    def _read(self, database: sqlite3.Connection) -> State:
        session = msgspec.msgpack.Decoder(StoredSession)
        retained = msgspec.msgpack.Decoder(StoredRetained)
        message = msgspec.msgpack.Decoder(StoredMessage)
        messages: dict[int, list[tuple[int, StoredMessage]]] = {}
        for number, place, record in _rows(database, "messages ORDER BY session, number"):
            messages.setdefault(number, []).append((place, message.decode(record)))
        return State(
            [retained.decode(record) for _, record in _rows(database, "retained")],
            {number: session.decode(record) for number, record in _rows(database, "sessions")},
            messages,
        )


def _prepare(database: sqlite3.Connection) -> None:
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    [version] = database.execute("PRAGMA user_version").fetchone()
    if version not in (0, VERSION):
        raise sqlite3.DatabaseError(f"it is of version {version}")
    for table in _TABLES:
        database.execute(table)
    database.execute(f"PRAGMA user_version = {VERSION}")


def _rows(database: sqlite3.Connection, table: str) -> Iterator[tuple[Any, ...]]:
    yield from database.execute(f"SELECT * FROM {table}")  # noqa: S608 - a constant


def _replace(
    database: sqlite3.Connection,
    table: str,
    key: str,
    rows: Iterable[tuple[tuple[object, ...], msgspec.Struct | None]],
) -> None:
    for values, record in rows:
        if record is None:
            database.execute(f"DELETE FROM {table} WHERE {key}", values)  # noqa: S608 - constants
        else:
            places = ", ".join("?" * (len(values) + 1))
            database.execute(f"REPLACE INTO {table} VALUES ({places})", (*values, _encode(record)))  # noqa: S608
