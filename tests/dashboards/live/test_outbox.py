from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dashboards.live.outbox import MAX_PUSH_BYTES, MAX_PUSHES, ROOM_BYTES, Outbox


class Socket:
    """Takes frames while it is open."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.open = asyncio.Event()
        self.open.set()

    async def send(self, message: dict[str, Any]) -> None:
        await self.open.wait()
        self.taken.append(message["text"])


async def drained(outbox: Outbox) -> list[str]:
    socket = Socket()
    writer = asyncio.create_task(outbox.drain(socket.send))
    await outbox.wait_for_room()
    await asyncio.sleep(0)
    outbox.finish()
    await writer
    return socket.taken


async def test_frames_leave_in_the_order_in_which_they_came() -> None:
    outbox = Outbox()
    outbox.push("1")
    outbox.telemetry("2")
    outbox.reply("3")
    assert await drained(outbox) == ["1", "2", "3"]


async def test_on_hold_pushes_stay_behind_the_reply() -> None:
    outbox = Outbox()
    outbox.push("before")
    outbox.hold()
    outbox.push("push")
    outbox.telemetry("telemetry")
    outbox.reply("reply")
    outbox.release()
    outbox.push("after")
    assert await drained(outbox) == ["before", "reply", "push", "telemetry", "after"]


async def test_pushes_are_bounded_in_number() -> None:
    outbox = Outbox()
    assert all(outbox.push("x") for _ in range(MAX_PUSHES))
    assert not outbox.push("x")


async def test_pushes_are_bounded_in_bytes() -> None:
    outbox = Outbox()
    assert outbox.push("x" * MAX_PUSH_BYTES)
    assert not outbox.push("x")


async def test_pushes_on_hold_count_against_the_bound() -> None:
    outbox = Outbox()
    outbox.hold()
    assert all(outbox.push("x") for _ in range(MAX_PUSHES))
    assert not outbox.push("x")


async def test_telemetry_and_replies_do_not_count_against_the_bound_of_pushes() -> None:
    outbox = Outbox()
    outbox.reply("x" * (2 * MAX_PUSH_BYTES))
    outbox.telemetry("x" * (2 * MAX_PUSH_BYTES))
    assert outbox.push("x")


async def test_what_was_written_makes_room() -> None:
    outbox, socket = Outbox(), Socket()
    writer = asyncio.create_task(outbox.drain(socket.send))
    for _ in range(MAX_PUSHES):
        outbox.push("x")
    outbox.reply("x" * (ROOM_BYTES + 1))
    await outbox.wait_for_room()
    assert outbox.push("x")
    outbox.finish()
    await writer


async def test_a_request_waits_while_replies_pile_up() -> None:
    outbox, socket = Outbox(), Socket()
    socket.open.clear()
    writer = asyncio.create_task(outbox.drain(socket.send))
    outbox.reply("small")
    await outbox.wait_for_room()
    outbox.reply("x" * (ROOM_BYTES + 1))
    waiting = asyncio.create_task(outbox.wait_for_room())
    await asyncio.sleep(0)
    assert not waiting.done()
    socket.open.set()
    await asyncio.wait_for(waiting, 5)
    outbox.finish()
    await writer


async def test_finish_drops_what_waits_and_writes_the_farewell() -> None:
    outbox, socket = Outbox(), Socket()
    outbox.push("never")
    outbox.finish("farewell")
    outbox.push("too late")
    await outbox.drain(socket.send)
    assert socket.taken == ["farewell"]


@pytest.mark.parametrize("late", [True, False])
async def test_finish_ends_a_wait_for_room(late: bool) -> None:
    outbox = Outbox()
    outbox.reply("x" * (ROOM_BYTES + 1))
    if not late:
        outbox.finish()
    waiting = asyncio.create_task(outbox.wait_for_room())
    await asyncio.sleep(0)
    outbox.finish()
    await asyncio.wait_for(waiting, 5)
