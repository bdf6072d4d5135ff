"""What waits to be written to one socket, and the one task that writes it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from devices.runtime import stats

MAX_PUSHES = 1_000
MAX_PUSH_BYTES = 1024 * 1024
"""How many pushes besides telemetry may wait for a socket. Past it the viewer is too slow: closed with 4408."""
ROOM_BYTES = 256 * 1024
"""While more than this waits, no further request of the connection is taken: replies are not bounded otherwise."""

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Outbox:
    """Frames in the order in which the client gets them.

    Telemetry is bounded by its window, pushes by `MAX_PUSHES` and `MAX_PUSH_BYTES`, replies by `wait_for_room`. While
    it is on hold, pushes and telemetry stay behind the reply that is being made.
    """

    __slots__ = ("_bytes", "_finishing", "_held", "_push_bytes", "_pushes", "_queue", "_room", "_wake")

    def __init__(self) -> None:
        # Lists and futures made when they are needed: deques and events cost an idle connection three kilobytes.
        self._queue: list[tuple[str, bool]] = []
        self._held: list[tuple[str, bool]] | None = None
        self._bytes = 0
        self._pushes = 0
        self._push_bytes = 0
        self._finishing = False
        self._wake: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None

    def push(self, text: str) -> bool:
        """Takes a push; `False` at the bound."""
        if self._pushes >= MAX_PUSHES or self._push_bytes + len(text) > MAX_PUSH_BYTES:
            return False
        self._pushes += 1
        self._push_bytes += len(text)
        self._put(text, is_push=True)
        return True

    def telemetry(self, text: str) -> None:
        self._put(text, is_push=False)

    def reply(self, text: str) -> None:
        """Goes before all that is on hold."""
        self._enqueue((text, False))

    def hold(self) -> None:
        """Keeps what comes from now on behind the next replies, until `release`."""
        if self._held is None:
            self._held = []

    def release(self) -> None:
        held, self._held = self._held or [], None
        for entry in held:
            self._enqueue(entry)

    async def wait_for_room(self) -> None:
        while self._bytes > ROOM_BYTES and not self._finishing:
            self._room = asyncio.get_running_loop().create_future()
            await self._room

    def finish(self, farewell: str | None = None) -> None:
        """Drops what waits; `farewell` is the last frame, after which `drain` returns."""
        self._queue = []
        self._held = None
        if farewell is not None:
            self._enqueue((farewell, False))
        self._finishing = True
        _settle(self._wake)
        _settle(self._room)

    async def drain(self, send: Send) -> None:
        """Writes frames until `finish`. The only writer, so that a slow socket holds up nobody but itself."""
        while True:
            while self._queue:
                await self._write(send)
            _settle(self._room)
            if self._finishing:
                return
            self._wake = asyncio.get_running_loop().create_future()
            await self._wake

    async def _write(self, send: Send) -> None:
        """Writes what waits now. Each frame leaves the count when it is handed over, and all when the end has come."""
        batch, self._queue = self._queue, []
        was_finishing = self._finishing
        for text, is_push in batch:
            if self._finishing and not was_finishing:
                return
            self._bytes -= len(text)
            if is_push:
                self._pushes -= 1
                self._push_bytes -= len(text)
            await send({"type": "websocket.send", "text": text})
        stats.frames_sent.inc(len(batch))

    def _put(self, text: str, *, is_push: bool) -> None:
        if self._finishing:
            return
        if self._held is not None:
            self._held.append((text, is_push))
        else:
            self._enqueue((text, is_push))

    def _enqueue(self, entry: tuple[str, bool]) -> None:
        if self._finishing:
            return
        self._queue.append(entry)
        self._bytes += len(entry[0])
        _settle(self._wake)


def _settle(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)
