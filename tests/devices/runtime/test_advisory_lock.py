"""A lock in PostgreSQL while the server does not answer or is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from psycopg.conninfo import conninfo_to_dict

from devices.errors import Unavailable
from devices.runtime import locks
from devices.runtime.locks import AdvisoryLock
from tests.support.postgres import Postgres

LIMIT_S = 60


@pytest.fixture
def postgres(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Postgres]:
    server = Postgres(tmp_path)
    server.start()
    database = SimpleNamespace(get_connection_params=lambda: conninfo_to_dict(server.url))
    monkeypatch.setattr(locks, "connection", database)
    yield server
    server.remove()


async def test_after_a_restart_of_the_server_the_first_process_that_asks_gets_the_lock(postgres: Postgres) -> None:
    one, other = AdvisoryLock(7), AdvisoryLock(7)
    assert await one.acquire()
    await asyncio.to_thread(postgres.stop)
    for lock in (one, other):
        with pytest.raises(Unavailable):
            await lock.acquire()
    await asyncio.to_thread(postgres.start)
    assert await other.acquire()
    assert not await one.acquire()
    await other.release()
    await one.release()


async def test_a_process_whose_connection_was_cut_takes_the_lock_back_from_its_own_old_connection(
    postgres: Postgres,
) -> None:
    """The server has not noticed that the connection is gone, and still holds the lock for it."""
    lock = AdvisoryLock(7)
    assert await lock.acquire()
    assert lock._connection is not None
    ghost, lock._connection = lock._connection, None
    lock._held = False
    assert await lock.acquire()
    await lock.release()
    await ghost.close()


async def test_a_frozen_server_is_not_waited_for(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "ANSWER_S", 2.0)
    lock = AdvisoryLock(7)
    assert await lock.acquire()
    postgres.freeze()
    try:
        async with asyncio.timeout(LIMIT_S):
            with pytest.raises(Unavailable):
                await lock.acquire()
    finally:
        postgres.thaw()
    async with asyncio.timeout(LIMIT_S):
        while not await lock.acquire():  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.05)
    await lock.release()


async def test_a_cancelled_call_ends_at_once_even_if_the_server_is_frozen(postgres: Postgres) -> None:
    lock = AdvisoryLock(7)
    assert await lock.acquire()
    postgres.freeze()
    try:
        acquiring = asyncio.create_task(lock.acquire())
        await asyncio.sleep(0.2)
        acquiring.cancel()
        done, _ = await asyncio.wait({acquiring}, timeout=2)
        assert done
        assert acquiring.cancelled()
        await asyncio.wait_for(lock.release(), 2)
    finally:
        postgres.thaw()
