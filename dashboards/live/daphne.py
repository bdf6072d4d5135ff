"""Mends two things in Daphne that the live connection relies on; other servers have them.

- An application may close with 1009 and 1012. autobahn lets it send 1000 and 3000 to 4999 alone and raises else.
- `await send` waits while the socket takes no more. Daphne's returns at once and buffers without bound: 300 MB a second
  for a viewer that does not read.
"""

from __future__ import annotations

import asyncio
from typing import Any

from daphne.server import Server
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol

_hand_over = Server.handle_reply


class LiveProtocol(WebSocketProtocol):
    """A WebSocket that knows when its transport is full: it is the transport's push producer."""

    def onOpen(self) -> None:
        super().onOpen()
        self.may_write = asyncio.Event()
        self.may_write.set()
        self.transport.unregisterProducer()  # the HTTP channel that this connection began as
        self.transport.registerProducer(self, True)

    def pauseProducing(self) -> None:
        self.may_write.clear()

    def resumeProducing(self) -> None:
        self.may_write.set()

    def stopProducing(self) -> None:
        self.may_write.set()

    def serverClose(self, code: int | None = None) -> None:
        self.sendCloseFrame(code=code or 1000, isReply=False)


async def _handle_reply(server: Any, protocol: Any, message: dict[str, Any]) -> None:
    await _hand_over(server, protocol, message)
    if message["type"] == "websocket.send" and isinstance(protocol, LiveProtocol):
        await protocol.may_write.wait()


def mend() -> None:
    """For every Daphne of this process, whoever starts it."""
    WebSocketFactory.protocol = LiveProtocol
    Server.handle_reply = _handle_reply
