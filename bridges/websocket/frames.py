"""The frames of a WebSocket as a stream of bytes in each direction."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

FRAME_BYTES = 65_536
"""Of a frame that is sent. A packet may take several of them, and a frame may hold several packets."""
NORMAL, UNSUPPORTED_DATA, TRY_AGAIN_LATER = 1000, 1003, 1013
"""Close codes."""
CloseCode = int | None
"""None: the client has closed the WebSocket already."""


class Ended(Exception):
    """The client has closed the WebSocket, or has to be disconnected with a code."""

    def __init__(self, code: CloseCode) -> None:
        super().__init__(code)
        self.code = code


async def receive_bytes(receive: Receive) -> bytes:
    """The content of the next frame. Raises `Ended`."""
    message = await receive()
    if message["type"] != "websocket.receive":
        raise Ended(None)
    data: bytes | None = message.get("bytes")
    if data is None:
        raise Ended(UNSUPPORTED_DATA)  # MQTT is not text
    return data


def first_of(tasks: Iterable[asyncio.Task[CloseCode]]) -> CloseCode:
    """The result of those that are done: if the client has left, nothing else matters."""
    codes = [task.result() for task in tasks]
    return None if None in codes else max(code for code in codes if code is not None)


def frames_of(data: bytes) -> Iterator[bytes]:
    """The content of each."""
    return (data[begin : begin + FRAME_BYTES] for begin in range(0, len(data), FRAME_BYTES))


async def send_frame(send: Send, data: bytes) -> None:
    """Returns once the client's socket has taken it. Raises `Ended`."""
    try:
        await send({"type": "websocket.send", "bytes": data})
    except OSError:  # how uvicorn reports a client that is gone
        raise Ended(None) from None
