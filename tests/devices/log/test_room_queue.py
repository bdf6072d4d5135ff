"""Who writes into a room, one after the other."""

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
def told(monkeypatch: pytest.MonkeyPatch) -> asyncio.Queue[Event]:
    events: asyncio.Queue[Event] = asyncio.Queue()

    async def publish(some: list[Event]) -> None:
        for event in some:
            events.put_nowait(event)

    monkeypatch.setattr(fanout, "publish", publish)
    return events


async def test_what_is_written_is_told_though_its_writer_has_gone(told: asyncio.Queue[Event]) -> None:
    begun, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def write() -> Written:
        loop.call_soon_threadsafe(begun.set)
        assert go_on.wait(WAIT_S)
        return Written(1, [PresenceChanged(7)])

    writer = asyncio.create_task(current().run(7, ALICE, write))
    await begun.wait()
    writer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writer
    go_on.set()
    assert await asyncio.wait_for(told.get(), WAIT_S) == PresenceChanged(7)


async def test_one_room_s_turn_holds_up_no_other(told: asyncio.Queue[Event]) -> None:
    order: list[int] = []
    begun, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def first() -> Written:
        loop.call_soon_threadsafe(begun.set)
        assert go_on.wait(WAIT_S)
        order.append(1)
        return Written(1)

    def second() -> Written:
        order.append(2)
        return Written(2)

    waiting = [asyncio.create_task(current().run(7, ALICE, first))]
    await begun.wait()
    waiting.append(asyncio.create_task(current().run(7, ALICE, second)))
    assert await current().run(8, ALICE, lambda: Written(3)) == 3
    assert order == []
    go_on.set()
    assert await asyncio.gather(*waiting) == [1, 2]
    assert order == [1, 2]


async def test_after_a_refusal_the_next_has_its_turn(told: asyncio.Queue[Event]) -> None:
    def refuse() -> Written:
        raise Forbidden("no")

    with pytest.raises(Forbidden):
        await current().run(7, ALICE, refuse)
    assert await current().run(7, ALICE, lambda: Written(1)) == 1


async def test_one_speaker_s_waiting_writes_are_bounded_and_the_others_go_on(told: asyncio.Queue[Event]) -> None:
    begun, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def first() -> Written:
        loop.call_soon_threadsafe(begun.set)
        assert go_on.wait(WAIT_S)
        return Written(1)

    waiting = [asyncio.create_task(current().run(7, ALICE, first))]
    await begun.wait()
    waiting += [asyncio.create_task(current().run(7, ALICE, lambda: Written(2))) for _ in range(MAX_WAITING - 1)]
    await asyncio.sleep(0)
    for room in (7, 8):
        with pytest.raises(TooMany):
            await current().run(room, ALICE, lambda: Written(3))
    assert await current().run(8, BOB, lambda: Written(4)) == 4
    go_on.set()
    assert await asyncio.gather(*waiting) == [1] + [2] * (MAX_WAITING - 1)
    assert await current().run(7, ALICE, lambda: Written(5)) == 5


async def test_a_slow_storage_holds_up_nobody_in_the_room(
    told: asyncio.Queue[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = asyncio.Event(), threading.Event()
    loop, dropped = asyncio.get_running_loop(), []

    def drop(name: str) -> None:
        loop.call_soon_threadsafe(begun.set)
        assert go_on.wait(WAIT_S)
        dropped.append(name)

    monkeypatch.setattr(file_storage, "drop", drop)
    removal = asyncio.create_task(current().run(7, ALICE, lambda: Written(1, [], ["a", "b"])))
    await begun.wait()
    assert await asyncio.wait_for(current().run(7, BOB, lambda: Written(2)), WAIT_S) == 2
    assert dropped == []
    go_on.set()
    assert await removal == 1
    assert dropped == ["a", "b"]


async def test_what_the_database_does_not_take_is_invalid(told: asyncio.Queue[Event]) -> None:
    """Told as `unavailable`, it would be sent again for ever."""

    def fail() -> Written:
        raise DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")

    with pytest.raises(Invalid):
        await current().run(7, ALICE, fail)
    assert await current().run(7, ALICE, lambda: Written(1)) == 1
