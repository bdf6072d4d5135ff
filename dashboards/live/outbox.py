"""The frames that wait to be written to one client, and the one task that writes them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from dashboards.live.frames import ErrorFrame, Frame, ReplyFrame, TelemetryFrame
from devices.runtime import stats

MAX_PUSHES = 1_000
MAX_PUSH_BYTES = 1024 * 1024
"""How many pushes besides telemetry may wait for a client. Past it the viewer is too slow: closed with 4408."""
ROOM_BYTES = 256 * 1024
"""While more than this waits, no further request of the connection is read: replies have no other bound."""

Write = Callable[[Frame], Awaitable[None]]


class Outbox:
    """Frames in the order in which the client gets them.

    Telemetry is bounded by its window, which acks of frames that still wait here do not open (`written_n`); pushes by
    `MAX_PUSHES` and `MAX_PUSH_BYTES`; replies by `wait_for_room`. While the outbox is on hold, pushes and telemetry
    stay behind the reply that is being made.
    """

    __slots__ = ("_bytes", "_finishing", "_held", "_push_bytes", "_pushes", "_queue", "_room", "_wake", "written_n")

    def __init__(self) -> None:
        # Lists and futures made when they are needed: deques and events cost an idle connection three kilobytes.
        self._queue: list[Frame] = []
        self._held: list[Frame] | None = None
        self._bytes = 0
        self._pushes = 0
        self._push_bytes = 0
        self._finishing = False
        self._wake: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self.written_n = -1
        """Number of the last telemetry frame that was handed to the socket: the client can have no later one."""

    def push(self, frame: Frame) -> bool:
        """Adds a push; returns `False` at the bound."""
        size = frame.size
        if self._pushes >= MAX_PUSHES or self._push_bytes + size > MAX_PUSH_BYTES:
            return False
        self._pushes += 1
        self._push_bytes += size
        self._put(frame)
        return True

    def telemetry(self, frame: TelemetryFrame) -> None:
        self._put(frame)

    def reply(self, frame: ReplyFrame) -> None:
        """Adds a reply, before everything that is on hold."""
        self._enqueue(frame)

    def hold(self) -> None:
        """Keeps later pushes and telemetry behind the next replies, until `release`."""
        if self._held is None:
            self._held = []

    def release(self) -> None:
        held, self._held = self._held or [], None
        for frame in held:
            self._enqueue(frame)

    async def wait_for_room(self) -> None:
        while self._bytes > ROOM_BYTES and not self._finishing:
            self._room = asyncio.get_running_loop().create_future()
            await self._room

    def finish(self, farewell: ErrorFrame | None = None) -> None:
        """Drops all waiting frames; `farewell` is the last one, after which `drain` returns."""
        self._queue = []
        self._held = None
        if farewell is not None:
            self._enqueue(farewell)
        self._finishing = True
        _settle(self._wake)
        _settle(self._room)

    async def drain(self, write: Write) -> None:
        """Writes frames until `finish`. It is the only writer, so that a slow socket delays nobody else."""
        while True:
            while self._queue:
                await self._write(write)
            _settle(self._room)
            if self._finishing:
                return
            self._wake = asyncio.get_running_loop().create_future()
            await self._wake

    async def _write(self, write: Write) -> None:
        """Writes the frames that wait now. A frame is counted until it is handed over; `finish` drops the others."""
        batch, self._queue = self._queue, []
        was_finishing = self._finishing
        for frame in batch:
            if self._finishing and not was_finishing:
                return
            size = frame.size
            self._bytes -= size
            if frame.is_push:
                self._pushes -= 1
                self._push_bytes -= size
            elif isinstance(frame, TelemetryFrame):
                self.written_n = frame.n  # before it is written: the ack may be here before `write` returns
            await write(frame)
        stats.frames_sent.inc(len(batch))

    def _put(self, frame: Frame) -> None:
        if self._finishing:
            return
        if self._held is not None:
            self._held.append(frame)
        else:
            self._enqueue(frame)

    def _enqueue(self, frame: Frame) -> None:
        if self._finishing:
            return
        self._queue.append(frame)
        self._bytes += frame.size
        _settle(self._wake)


def _settle(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)
