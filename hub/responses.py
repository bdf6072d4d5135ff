"""Responses without an end in sight: they wait for a client that reads slowly, and one that breaks off is cut.

uvicorn does both by itself. Daphne's `send` returns at once and buffers without bound, and when an application fails in
the middle of a response, Daphne fails with it and leaves the connection open, where the client waits for ever.
"""

from __future__ import annotations

import asyncio
from typing import Any

from daphne.http_protocol import WebRequest
from daphne.server import Server

from bridges.rest.body_limit import Application, Receive, Send

STALL_S = 60
"""How long a client may take nothing of what waits for it."""


class Stalled(Exception):
    """The client has taken nothing for too long; raised into the application that sends."""


class StallLimit:
    """ASGI middleware: a client that takes nothing of a response for `most_s` seconds is cut off."""

    def __init__(self, application: Application, most_s: float = STALL_S) -> None:
        self._application = application
        self._most_s = most_s

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        async def limited(message: dict[str, Any]) -> None:
            try:
                async with asyncio.timeout(self._most_s):
                    await send(message)
            except TimeoutError:
                raise Stalled(f"a client took nothing for {self._most_s} s") from None

        await self._application(scope, receive, limited)


class _Gate:
    """The push producer of a response: closed while the socket is full."""

    def __init__(self, full: bool) -> None:
        self.opened = asyncio.Event()
        if not full:
            self.opened.set()

    def pauseProducing(self) -> None:
        self.opened.clear()

    def resumeProducing(self) -> None:
        self.opened.set()

    stopProducing = resumeProducing


def mend_daphne() -> None:
    """For every Daphne of this process, whoever starts it."""
    hand_over, fail = Server.handle_reply, WebRequest.handle_exception

    async def handle_reply(server: Any, protocol: Any, message: dict[str, Any]) -> None:
        gate = None
        if message["type"] == "http.response.body":
            if message.get("more_body", False):
                gate = _gate(protocol)
            else:
                _take_gate_from(protocol)
        await hand_over(server, protocol, message)
        if gate is not None:
            await gate.opened.wait()

    def handle_exception(request: Any, exception: BaseException) -> None:
        if not request._response_started:
            fail(request, exception)
        elif request.channel is not None:
            _take_gate_from(request)
            # A stream of HTTP/2 has no transport of its own: it alone is reset.
            (request.channel.transport or request.channel).abortConnection()

    Server.handle_reply = handle_reply
    WebRequest.handle_exception = handle_exception


def _gate(request: Any) -> _Gate | None:
    """That of the response; `None` where the connection is gone."""
    if request.finished or request.channel is None:
        return None
    if request.producer is None:
        # A response before this one, on the same connection, may have filled the socket already. Streams of HTTP/2,
        # which don't know of that, are told when they may not go on.
        request.registerProducer(_Gate(getattr(request.channel, "_waitingForTransport", False)), True)
    gate: _Gate = request.producer
    return gate


def _take_gate_from(request: Any) -> None:
    """Before the end of the response, which Twisted takes with no producer alone."""
    if request.channel is not None and request.producer is not None:
        request.unregisterProducer()
