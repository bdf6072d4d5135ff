"""Who writes into a room, one after the other."""

from __future__ import annotations

import asyncio
import threading

import pytest
from django.db import DataError

from devices import fanout, stats
from devices.errors import Forbidden, Invalid
from devices.events import Event, PresenceChanged
from devices.services.turns import Posted, in_turn

WAIT_S = 30


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

    def write() -> Posted:
        loop.call_soon_threadsafe(begun.set)
        assert go_on.wait(WAIT_S)
        return Posted(1, [PresenceChanged(7)])

    writer = asyncio.create_task(in_turn(7, write))
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

    def first() -> Posted:
        loop.call_soon_threadsafe(begun.set)
        assert go_on.wait(WAIT_S)
        order.append(1)
        return Posted(1)

    def second() -> Posted:
        order.append(2)
        return Posted(2)

    waiting = [asyncio.create_task(in_turn(7, first))]
    await begun.wait()
    waiting.append(asyncio.create_task(in_turn(7, second)))
    assert await in_turn(8, lambda: Posted(3)) == 3
    assert order == []
    go_on.set()
    assert await asyncio.gather(*waiting) == [1, 2]
    assert order == [1, 2]


async def test_a_refusal_is_counted_by_its_code_and_the_next_has_its_turn(told: asyncio.Queue[Event]) -> None:
    counter = stats.chat_refused.labels("forbidden")._value
    before = counter.get()

    def refuse() -> Posted:
        raise Forbidden("no")

    with pytest.raises(Forbidden):
        await in_turn(7, refuse)
    assert counter.get() == before + 1
    assert await in_turn(7, lambda: Posted(1)) == 1


async def test_what_the_database_does_not_take_is_invalid(told: asyncio.Queue[Event]) -> None:
    """Told as `unavailable`, it would be sent again for ever."""

    def fail() -> Posted:
        raise DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")

    with pytest.raises(Invalid):
        await in_turn(7, fail)
    assert await in_turn(7, lambda: Posted(1)) == 1
