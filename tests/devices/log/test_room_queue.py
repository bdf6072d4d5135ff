"""Writes into a room take turns."""

from __future__ import annotations

import asyncio
import threading

import pytest
from django.db import DataError

from devices.channel import fanout
from devices.channel.events import Event, PresenceChanged
from devices.errors import Forbidden, Invalid, TooMany
from devices.log.room_queue import MAX_WAITING, Written, current
from devices.runtime import file_storage

WAIT_S = 30
ALICE, BOB = ("person", 1), ("person", 2)


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> asyncio.Queue[Event]:
    events: asyncio.Queue[Event] = asyncio.Queue()

    async def publish(some: list[Event]) -> None:
        for event in some:
            events.put_nowait(event)

    monkeypatch.setattr(fanout, "publish", publish)
    return events


async def test_a_write_is_published_even_if_its_caller_was_cancelled(published: asyncio.Queue[Event]) -> None:
    started, may_finish = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def write() -> Written:
        loop.call_soon_threadsafe(started.set)
        assert may_finish.wait(WAIT_S)
        return Written(1, [PresenceChanged(7)])

    writer = asyncio.create_task(current().run(7, ALICE, write))
    await started.wait()
    writer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writer
    may_finish.set()
    assert await asyncio.wait_for(published.get(), WAIT_S) == PresenceChanged(7)


async def test_a_slow_write_delays_only_its_own_room(published: asyncio.Queue[Event]) -> None:
    order: list[int] = []
    started, may_finish = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def first() -> Written:
        loop.call_soon_threadsafe(started.set)
        assert may_finish.wait(WAIT_S)
        order.append(1)
        return Written(1)

    def second() -> Written:
        order.append(2)
        return Written(2)

    writes = [asyncio.create_task(current().run(7, ALICE, first))]
    await started.wait()
    writes.append(asyncio.create_task(current().run(7, ALICE, second)))
    assert await current().run(8, ALICE, lambda: Written(3)) == 3
    assert order == []
    may_finish.set()
    assert await asyncio.gather(*writes) == [1, 2]
    assert order == [1, 2]


async def test_a_refused_write_does_not_block_the_next_one(published: asyncio.Queue[Event]) -> None:
    def refuse() -> Written:
        raise Forbidden("no")

    with pytest.raises(Forbidden):
        await current().run(7, ALICE, refuse)
    assert await current().run(7, ALICE, lambda: Written(1)) == 1


async def test_one_speaker_s_queued_writes_are_bounded_without_affecting_others(
    published: asyncio.Queue[Event],
) -> None:
    started, may_finish = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def first() -> Written:
        loop.call_soon_threadsafe(started.set)
        assert may_finish.wait(WAIT_S)
        return Written(1)

    writes = [asyncio.create_task(current().run(7, ALICE, first))]
    await started.wait()
    writes += [asyncio.create_task(current().run(7, ALICE, lambda: Written(2))) for _ in range(MAX_WAITING - 1)]
    await asyncio.sleep(0)
    for room in (7, 8):
        with pytest.raises(TooMany):
            await current().run(room, ALICE, lambda: Written(3))
    assert await current().run(8, BOB, lambda: Written(4)) == 4
    may_finish.set()
    assert await asyncio.gather(*writes) == [1] + [2] * (MAX_WAITING - 1)
    assert await current().run(7, ALICE, lambda: Written(5)) == 5


async def test_slow_file_storage_delays_nobody_else_in_the_room(
    published: asyncio.Queue[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    started, may_finish = asyncio.Event(), threading.Event()
    loop, dropped = asyncio.get_running_loop(), []

    def delete(name: str) -> None:
        loop.call_soon_threadsafe(started.set)
        assert may_finish.wait(WAIT_S)
        dropped.append(name)

    monkeypatch.setattr(file_storage, "delete", delete)
    removal = asyncio.create_task(current().run(7, ALICE, lambda: Written(1, [], ["a", "b"])))
    await started.wait()
    assert await asyncio.wait_for(current().run(7, BOB, lambda: Written(2)), WAIT_S) == 2
    assert dropped == []
    may_finish.set()
    assert await removal == 1
    assert dropped == ["a", "b"]


async def test_data_that_the_database_rejects_is_invalid(published: asyncio.Queue[Event]) -> None:
    """Reported as `unavailable`, it would make the client send it again for ever."""

    def fail() -> Written:
        raise DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")

    with pytest.raises(Invalid):
        await current().run(7, ALICE, fail)
    assert await current().run(7, ALICE, lambda: Written(1)) == 1
