"""One contract for a lock on a file and for one in PostgreSQL: these tests run on both databases."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from devices.errors import Unavailable
from devices.runtime import locks
from devices.runtime.locks import ExclusiveLock, FileLock, exclusive_lock
from tests.support.servers import ROOT

NAME = "client id bridge at main"
LIMIT_S = 60
HOLDER = f"""
import asyncio, django
django.setup()
from devices.runtime.locks import exclusive_lock
lock = exclusive_lock({NAME!r})
async def main():
    print(await lock.acquire(), flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""

pytestmark = pytest.mark.django_db(transaction=True)
Make = Callable[[], ExclusiveLock]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    """Makes locks of the same name, each as another process would."""
    made: list[ExclusiveLock] = []

    def one() -> ExclusiveLock:
        made.append(exclusive_lock(NAME))
        return made[-1]

    yield one
    for lock in made:
        await lock.release()


async def lose() -> None:
    """Ends all locks without their holders, as a restart of PostgreSQL does, or the clean-up of a folder."""
    if connection.vendor == "sqlite":
        unlink_all(Path(f"{connection.settings_dict['NAME']}.locks"))
        return
    parameters = locks._connection_parameters() | {"application_name": "the test"}
    async with await psycopg.AsyncConnection.connect(**parameters) as admin:
        await admin.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'hubbub lock'"
        )


async def acquired_soon(lock: ExclusiveLock) -> None:
    """PostgreSQL ends a connection in a process of its own, some milliseconds later."""
    async with asyncio.timeout(LIMIT_S):
        while not await lock.acquire():  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.01)


def unlink_all(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


async def test_only_one_of_two_holds_it(make: Make) -> None:
    one, other = make(), make()
    assert await one.acquire()
    assert not await other.acquire()
    assert await one.acquire()
    assert not await other.acquire()


async def test_it_is_free_once_released(make: Make) -> None:
    one, other = make(), make()
    assert await one.acquire()
    await one.release()
    await acquired_soon(other)
    assert not await one.acquire()


async def test_it_stays_held_if_a_lock_that_does_not_hold_it_is_released(make: Make) -> None:
    one, other, third = make(), make(), make()
    assert await one.acquire()
    assert not await other.acquire()
    await other.release()
    assert not await third.acquire()


async def test_locks_of_other_names_are_independent(make: Make) -> None:
    assert await make().acquire()
    other = exclusive_lock(f"{NAME} too")
    assert await other.acquire()
    await other.release()


async def test_any_name_is_accepted() -> None:
    lock = exclusive_lock("../é \0 " + "x" * 1000)
    assert await lock.acquire()
    await lock.release()


async def test_a_lock_that_was_lost_is_acquired_again(make: Make) -> None:
    one, other = make(), make()
    assert await one.acquire()
    await lose()
    assert await one.acquire()
    assert not await other.acquire()


async def test_it_is_not_acquired_again_if_another_process_holds_it_by_now(make: Make) -> None:
    one, other = make(), make()
    assert await one.acquire()
    await lose()
    assert await other.acquire()
    assert not await one.acquire()
    await other.release()
    await acquired_soon(one)


def database_url() -> str:
    found = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{found['NAME']}"
    return f"postgres://{found['USER']}@{found['HOST']}:{found['PORT']}/{found['NAME']}"


async def test_it_is_free_at_once_when_its_holder_is_killed(make: Make, tmp_path: Path) -> None:
    environment = {**os.environ, "DATABASE_URL": database_url(), "DATA_DIR": str(tmp_path)}
    environment["DJANGO_SETTINGS_MODULE"] = "hub.settings"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, env=environment, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            assert process.stdout is not None
            assert await process.stdout.readline() == b"True\n"
        lock = make()
        assert not await lock.acquire()
        process.send_signal(signal.SIGKILL)
        await process.wait()
        await acquired_soon(lock)
    finally:
        with suppress(ProcessLookupError):
            process.kill()


async def test_a_folder_that_cannot_be_written_makes_it_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="no lock at"):
        await FileLock(tmp_path / "file" / "lock").acquire()
