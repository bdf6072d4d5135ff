"""`await send(…)` that waits while the socket is full, for WebSockets and for responses."""

from __future__ import annotations

import asyncio
from typing import Any

from daphne.http_protocol import WebRequest
from daphne.server import Server
from daphne.ws_protocol import WebSocketProtocol

_handle_reply = Server.handle_reply


def patch() -> None:
    """Makes `await send(…)` wait while the client's socket takes no more.

    Failure: Daphne's `send` returns at once and buffers without bound: 300 MB a second for a viewer that does not read,
    and the whole of a long export for a slow download.
    Unnecessary once `Server.handle_reply` waits for the transport; django/daphne#170 (open since 2018) asks for it.
    """
    Server.handle_reply = _handle_reply_and_wait
    WebSocketProtocol.gate = None
    WebRequest.gate = None


class Gate:
    """A push producer in Twisted's sense: it is closed while the transport is full."""

    __slots__ = ("opened",)

    def __init__(self, is_open: bool = True) -> None:
        self.opened = asyncio.Event()
        if is_open:
            self.opened.set()

    def pauseProducing(self) -> None:
        self.opened.clear()

    def resumeProducing(self) -> None:
        self.opened.set()

    stopProducing = resumeProducing


class WaitingSends(WebSocketProtocol):
    """A WebSocket with a gate. Part of `patch`."""

    def onOpen(self) -> None:
        super().onOpen()
        self.gate = Gate()
        self.transport.unregisterProducer()  # the HTTP channel that this connection began as
        self.transport.registerProducer(self.gate, True)


async def _handle_reply_and_wait(server: Any, protocol: Any, message: dict[str, Any]) -> None:
    kind = message["type"]
    if kind == "http.response.body":
        if message.get("more_body", False):
            _open_gate(protocol)
        else:
            close_gate(protocol)
    await _handle_reply(server, protocol, message)
    if kind in ("websocket.send", "http.response.body") and protocol.gate and not protocol.gate.opened.is_set():
        await protocol.gate.opened.wait()


def _open_gate(request: Any) -> None:
    """Gives the response a gate, unless its connection is gone."""
    if request.finished or request.channel is None:
        request.gate = None
    elif request.gate is None:
        # An earlier response on the same connection may have filled the socket already. Streams of HTTP/2 do not know
        # of that; they are paused by their connection.
        request.gate = Gate(is_open=not getattr(request.channel, "_waitingForTransport", False))
        request.registerProducer(request.gate, True)


def close_gate(request: Any) -> None:
    """Takes the gate away. Twisted ends a response only once its producer is unregistered."""
    if request.channel is not None and request.gate is not None:
        request.unregisterProducer()
    request.gate = None
