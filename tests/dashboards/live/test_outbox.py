from __future__ import annotations

import asyncio

import pytest

from dashboards.live.frames import ErrorFrame, Frame, ReplyFrame, TelemetryFrame
from dashboards.live.outbox import MAX_PUSH_BYTES, MAX_PUSHES, ROOM_BYTES, Outbox


class Socket:
    """Accepts frames while it is open."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.open = asyncio.Event()
        self.open.set()

    async def write(self, frame: Frame) -> None:
        await self.open.wait()
        self.written.append(frame.text)


def reply(text: str) -> ReplyFrame:
    return ReplyFrame(text)


def telemetry(text: str) -> TelemetryFrame:
    return TelemetryFrame(text, 1)


async def drained(outbox: Outbox) -> list[str]:
    socket = Socket()
    writer = asyncio.create_task(outbox.drain(socket.write))
    await outbox.wait_for_room()
    await asyncio.sleep(0)
    outbox.finish()
    await writer
    return socket.written


async def test_frames_leave_in_the_order_in_which_they_came() -> None:
    outbox = Outbox()
    outbox.push(Frame("1"))
    outbox.telemetry(telemetry("2"))
    outbox.reply(reply("3"))
    assert await drained(outbox) == ["1", "2", "3"]


async def test_on_hold_pushes_stay_behind_the_reply() -> None:
    outbox = Outbox()
    outbox.push(Frame("before"))
    outbox.hold()
    outbox.push(Frame("push"))
    outbox.telemetry(telemetry("telemetry"))
    outbox.reply(reply("reply"))
    outbox.release()
    outbox.push(Frame("after"))
    assert await drained(outbox) == ["before", "reply", "push", "telemetry", "after"]


async def test_pushes_are_bounded_in_number() -> None:
    outbox = Outbox()
    assert all(outbox.push(Frame("x")) for _ in range(MAX_PUSHES))
    assert not outbox.push(Frame("x"))


async def test_pushes_are_bounded_in_bytes() -> None:
    outbox = Outbox()
    assert outbox.push(Frame("x" * MAX_PUSH_BYTES))
    assert not outbox.push(Frame("x"))


async def test_pushes_on_hold_count_against_the_bound() -> None:
    outbox = Outbox()
    outbox.hold()
    assert all(outbox.push(Frame("x")) for _ in range(MAX_PUSHES))
    assert not outbox.push(Frame("x"))


async def test_telemetry_and_replies_do_not_count_against_the_bound_of_pushes() -> None:
    outbox = Outbox()
    outbox.reply(reply("x" * (2 * MAX_PUSH_BYTES)))
    outbox.telemetry(telemetry("x" * (2 * MAX_PUSH_BYTES)))
    assert outbox.push(Frame("x"))


async def test_written_frames_make_room() -> None:
    outbox, socket = Outbox(), Socket()
    writer = asyncio.create_task(outbox.drain(socket.write))
    for _ in range(MAX_PUSHES):
        outbox.push(Frame("x"))
    outbox.reply(reply("x" * (ROOM_BYTES + 1)))
    await outbox.wait_for_room()
    assert outbox.push(Frame("x"))
    outbox.finish()
    await writer


async def test_a_request_waits_while_replies_pile_up() -> None:
    outbox, socket = Outbox(), Socket()
    socket.open.clear()
    writer = asyncio.create_task(outbox.drain(socket.write))
    outbox.reply(reply("small"))
    await outbox.wait_for_room()
    outbox.reply(reply("x" * (ROOM_BYTES + 1)))
    waiting = asyncio.create_task(outbox.wait_for_room())
    await asyncio.sleep(0)
    assert not waiting.done()
    socket.open.set()
    await asyncio.wait_for(waiting, 5)
    outbox.finish()
    await writer


async def test_finish_drops_waiting_frames_and_writes_the_farewell() -> None:
    outbox, socket = Outbox(), Socket()
    outbox.push(Frame("never"))
    outbox.finish(ErrorFrame("farewell", {}))
    outbox.push(Frame("too late"))
    await outbox.drain(socket.write)
    assert socket.written == ["farewell"]


@pytest.mark.parametrize("late", [True, False])
async def test_finish_ends_a_wait_for_room(late: bool) -> None:
    outbox = Outbox()
    outbox.reply(reply("x" * (ROOM_BYTES + 1)))
    if not late:
        outbox.finish()
    waiting = asyncio.create_task(outbox.wait_for_room())
    await asyncio.sleep(0)
    outbox.finish()
    await asyncio.wait_for(waiting, 5)


async def test_the_number_of_a_telemetry_frame_is_known_before_its_ack_can_arrive() -> None:
    outbox, socket = Outbox(), Socket()
    socket.open.clear()
    for n in (5, 6):
        outbox.telemetry(TelemetryFrame("x", n))
    assert outbox.written_n < 5
    writer = asyncio.create_task(outbox.drain(socket.write))
    await asyncio.sleep(0)
    assert outbox.written_n == 5  # 6 waits, so the client cannot have it
    socket.open.set()
    outbox.finish()
    await writer
