from __future__ import annotations

import asyncio
import threading

import pytest
from django.db import connection

from devices.models import Space
from devices.runtime import database


async def test_a_slow_call_holds_up_neither_the_event_loop_nor_another_call() -> None:
    release = threading.Event()
    slow = asyncio.create_task(database.run(release.wait, 30))
    assert await asyncio.wait_for(database.run(str, 42), 5) == "42"
    assert not slow.done()
    release.set()
    assert await slow is True


async def test_a_flood_of_sign_ins_holds_up_nobody_else() -> None:
    release = threading.Event()
    flood = [asyncio.create_task(database.run_sign_in(release.wait, 30)) for _ in range(300)]
    assert await asyncio.wait_for(database.run(str, 42), 5) == "42"
    release.set()
    assert all(await asyncio.gather(*flood))


async def test_errors_reach_the_caller() -> None:
    with pytest.raises(ZeroDivisionError):
        await database.run(divmod, 1, 0)


@pytest.mark.django_db(transaction=True)
async def test_a_call_reads_what_another_has_written() -> None:
    await database.run(Space.objects.create, slug="garden", name="Garden")
    names = await asyncio.gather(*(database.run(Space.objects.get, slug="garden") for _ in range(8)))
    assert {space.name for space in names} == {"Garden"}


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has a pool")
@pytest.mark.django_db(transaction=True)
async def test_a_thread_keeps_its_connection_to_sqlite() -> None:
    together = threading.Barrier(4)

    def is_open() -> bool:
        together.wait(30)  # so that each is in another thread
        found = connection.connection is not None
        Space.objects.count()
        return found

    for _ in range(2):
        found = await asyncio.gather(*(database.run(is_open) for _ in range(4)))
    assert found == [True] * 4
