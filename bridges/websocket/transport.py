"""A WebSocket as the transport of an `asyncio.Protocol`, which does not notice the difference."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .frames import NORMAL, CloseCode, Ended, Receive, Send, first_of, frames_of, receive_bytes, send_frame


class WebSocketTransport(asyncio.Transport):
    """`run` carries the bytes until either side has ended."""

    def __init__(
        self,
        protocol: asyncio.Protocol,
        receive: Receive,
        send: Send,
        peer: tuple[str, int],
        on_sign_in: Callable[[str], None],
    ) -> None:
        super().__init__({"peername": peer, "on_sign_in": on_sign_in})
        self._protocol = protocol
        self._receive = receive
        self._send = send
        self._readable = asyncio.Event()
        self._readable.set()
        self._to_write = asyncio.Event()
        self._out: list[bytes] = []
        self._out_bytes = 0
        self._high = 65_536
        self._full = False
        self._closing = False
        self._aborted = asyncio.Event()

    async def run(self) -> CloseCode:
        """Returns the code to close the WebSocket with."""
        self._protocol.connection_made(self)
        tasks = [asyncio.create_task(work) for work in (self._read(), self._write(), self._wait_for_abort())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return first_of(done)
        finally:
            self._closing = True
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._protocol.connection_lost(None)

    # -- what the protocol calls

    def write(self, data: bytes | bytearray | memoryview[int]) -> None:
        self._out.append(bytes(data))
        self._out_bytes += len(data)
        self._to_write.set()
        if self._out_bytes > self._high and not self._full:
            self._full = True
            self._protocol.pause_writing()

    def get_write_buffer_size(self) -> int:
        return self._out_bytes

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = 65_536 if high is None else high

    def pause_reading(self) -> None:
        self._readable.clear()

    def resume_reading(self) -> None:
        self._readable.set()

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        """Once what is written has been sent."""
        self._closing = True
        self._to_write.set()

    def abort(self) -> None:
        self._aborted.set()

    # -- the work

    async def _read(self) -> CloseCode:
        try:
            while True:
                await self._readable.wait()
                data = await receive_bytes(self._receive)
                if not self._closing:
                    self._protocol.data_received(data)
        except Ended as ended:
            return ended.code

    async def _write(self) -> CloseCode:
        try:
            while not (self._closing and not self._out):
                await self._to_write.wait()
                self._to_write.clear()
                await self._write_out()
        except Ended as ended:
            return ended.code
        return NORMAL

    async def _write_out(self) -> None:
        data = b"".join(self._out)
        self._out.clear()
        for frame in frames_of(data):
            await send_frame(self._send, frame)
            self._out_bytes -= len(
                frame
            )  # at once: a client that takes one after the other is slow, but has not stalled
        if self._full and self._out_bytes <= self._high // 4:
            self._full = False
            if not self._closing:
                self._protocol.resume_writing()

    async def _wait_for_abort(self) -> CloseCode:
        await self._aborted.wait()
        return NORMAL
