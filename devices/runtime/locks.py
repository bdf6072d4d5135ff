"""Locks that only one process at a time holds, among all processes that use the same database."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import socket
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import psycopg
from django.db import connection

from devices.errors import Unavailable

ANSWER_S = 5.0
"""How long PostgreSQL may take to answer."""
# Both ends of the connection notice within 25 s that the other machine is gone: ours to report it, the server's to give
# the lock to another process.
_KEEPALIVES = {"keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
_SERVER_KEEPALIVES = "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"


class ExclusiveLock(Protocol):
    """Has at most one holder. It is free again moments after the process that holds it ends, however it ends."""

    async def acquire(self) -> bool:
        """Acquires the lock if it is free or was lost; returns whether this object holds it from now on.

        Never waits for another holder. A process that must not work without the lock calls it every few seconds: False
        after True means that the lock was lost and another process holds it. Raises `Unavailable` while the database
        is unavailable.
        """

    async def release(self) -> None:
        """Releases the lock if this object holds it."""


def exclusive_lock(name: str) -> ExclusiveLock:
    """The lock of this name among the processes that use the hub's database."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    if connection.vendor == "postgresql":
        return AdvisoryLock(int.from_bytes(digest, signed=True))
    # All processes that share an SQLite file are on one machine.
    return FileLock(Path(f"{connection.settings_dict['NAME']}.locks", digest.hex()))


class FileLock:
    """A lock on a file, among the processes of one machine."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    async def acquire(self) -> bool:
        if self._handle is not None and not self._is_in_place(self._handle):
            await self.release()
        if self._handle is None:
            self._handle = self._lock_file()
        return self._handle is not None

    async def release(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _lock_file(self) -> int | None:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise Unavailable(f"no lock at {self._path}: {error.strerror}") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        return handle

    def _is_in_place(self, handle: int) -> bool:
        """Whether the path still leads to the file that is locked, and not to a newer file of the same name."""
        try:
            return os.path.samestat(os.fstat(handle), self._path.stat())
        except OSError:
            return False


class AdvisoryLock:
    """An advisory lock of PostgreSQL, on a connection of its own: the server frees it when that ends."""

    def __init__(self, key: int) -> None:
        self._key = key
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._backend: tuple[int, datetime] | None = None
        """Process id and start time of the server process of our connection."""
        self._held = False

    async def acquire(self) -> bool:
        try:
            return await self._acquire()
        except psycopg.Error as error:
            await self._disconnect()
            raise Unavailable(f"no lock in the database: {error}") from None

    async def release(self) -> None:
        await self._disconnect()
        self._backend = None

    async def _acquire(self) -> bool:
        if self._held:
            try:
                await self._fetch_row("SELECT 1")
                return True
            except psycopg.Error:
                await self._disconnect()
        if self._connection is None:
            await self._connect()
        (self._held,) = await self._fetch_row("SELECT pg_try_advisory_lock(%s)", self._key)
        return self._held

    async def _connect(self) -> None:
        self._connection = await psycopg.AsyncConnection.connect(**_connection_parameters(), autocommit=True)
        if self._backend is not None:
            # If only we have noticed the loss of our connection, the server still holds the lock for it.
            await self._fetch_row(
                "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity WHERE pid = %s AND backend_start = %s",
                *self._backend,
            )
        self._backend = await self._fetch_row(
            "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        )

    async def _disconnect(self) -> None:
        self._held = False
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _fetch_row(self, query: str, *values: object) -> Any:
        """The first row. Raises `psycopg.Error`, also if the server takes longer than `ANSWER_S`."""
        assert self._connection is not None  # noqa: S101
        query_task = asyncio.create_task(_execute(self._connection, query, values))
        try:
            await asyncio.wait({query_task}, timeout=ANSWER_S)
        finally:
            if not query_task.done():
                # A cancelled psycopg asks the server to cancel the query, and waits ten seconds for a frozen server.
                _shut_down(self._connection)
                await asyncio.wait({query_task})
                query_task.exception()
        return query_task.result()


async def _execute(connection: psycopg.AsyncConnection[Any], query: str, values: tuple[object, ...]) -> Any:
    cursor = await connection.execute(query.encode(), values)
    return await cursor.fetchone()


def _shut_down(connection: psycopg.AsyncConnection[Any]) -> None:
    with socket.socket(fileno=os.dup(connection.fileno())) as end:
        end.shutdown(socket.SHUT_RDWR)


def _connection_parameters() -> dict[str, Any]:
    """Django's parameters, without those that only fit Django's own connections."""
    parameters = connection.get_connection_params()
    for name in ("context", "cursor_factory", "prepare_threshold", "client_encoding"):
        parameters.pop(name, None)
    own = {"connect_timeout": int(ANSWER_S), "application_name": "hubbub lock", **_KEEPALIVES}
    options = f"{parameters.get('options', '')} {_SERVER_KEEPALIVES}".strip()
    return {**parameters, **own, "options": options}
