"""What a lock in PostgreSQL does while the server does not answer, or is gone."""

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


async def test_a_server_that_was_away_gives_it_back_to_the_first_who_asks(postgres: Postgres) -> None:
    one, other = AdvisoryLock(7), AdvisoryLock(7)
    assert await one.hold()
    await asyncio.to_thread(postgres.stop)
    for lock in (one, other):
        with pytest.raises(Unavailable):
            await lock.hold()
    await asyncio.to_thread(postgres.start)
    assert await other.hold()
    assert not await one.hold()
    await other.release()
    await one.release()


async def test_one_whose_connection_was_cut_takes_it_back_from_its_own_ghost(postgres: Postgres) -> None:
    """The server has not noticed that the connection is gone, and holds the lock for it."""
    lock = AdvisoryLock(7)
    assert await lock.hold()
    assert lock._connection is not None
    ghost, lock._connection = lock._connection, None
    lock._held = False
    assert await lock.hold()
    await lock.release()
    await ghost.close()


async def test_a_frozen_server_is_not_waited_for(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "ANSWER_S", 2.0)
    lock = AdvisoryLock(7)
    assert await lock.hold()
    postgres.freeze()
    try:
        async with asyncio.timeout(LIMIT_S):
            with pytest.raises(Unavailable):
                await lock.hold()
    finally:
        postgres.thaw()
    async with asyncio.timeout(LIMIT_S):
        while not await lock.hold():  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.05)
    await lock.release()


async def test_an_asker_that_is_cancelled_ends_at_once_though_the_server_is_frozen(postgres: Postgres) -> None:
    lock = AdvisoryLock(7)
    assert await lock.hold()
    postgres.freeze()
    try:
        asking = asyncio.create_task(lock.hold())
        await asyncio.sleep(0.2)
        asking.cancel()
        done, _ = await asyncio.wait({asking}, timeout=2)
        assert done
        assert asking.cancelled()
        await asyncio.wait_for(lock.release(), 2)
    finally:
        postgres.thaw()
