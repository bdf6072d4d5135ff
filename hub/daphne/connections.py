"""Daphne's HTTP connections with deadlines, and with a limit of those that have not signed in."""

from __future__ import annotations

from typing import Any

from daphne.http_protocol import HTTPFactory
from daphne.server import Server
from twisted.web.http import HTTPChannel, _GenericHTTPChannelProtocol

from hub.http_deadlines import REQUEST_TIMEOUT, Phase
from hub.visits import Visit

_create_application = Server.create_application


def patch() -> None:
    """Cuts connections whose client sends too slowly or reads nothing, and the oldest of an address with too many.

    Failure: Twisted ends a connection after a minute of silence, but not one whose client sends a byte now and then, so
    that one host can occupy all file descriptors. Nor does closing end while the client reads nothing.
    Unnecessary once Twisted has deadlines for headers and bodies (26.10 has none; no issue that is open asks for it)
    and a limit of connections per address.
    """
    HTTPFactory.protocol = lambda factory: _Protocol(TimedChannel())
    Server.create_application = _create_with_visit


class TimedChannel(HTTPChannel):
    """A connection that speaks HTTP/1.1, with a deadline for whatever its client has to do next."""

    transport: Any
    visit: Visit
    unsent = 0
    http2: Any = None
    """What goes on in place of this, if the client has negotiated HTTP/2."""

    def connectionMade(self) -> None:
        super().connectionMade()
        host = getattr(self.transport.getPeer(), "host", None)
        self.visit = self.transport.visit = Visit(host, self._cut, self._makes_progress)

    def dataReceived(self, data: bytes) -> None:
        deadline = self.visit.deadline
        if deadline.phase is Phase.IDLE and data:
            deadline.wait_for(Phase.HEADERS)
        deadline.received(len(data))
        super().dataReceived(data)

    def allHeadersReceived(self) -> None:
        self.visit.deadline.wait_for(Phase.BODY)
        super().allHeadersReceived()

    def allContentReceived(self) -> None:
        self.visit.deadline.wait_for(Phase.NOTHING)
        super().allContentReceived()

    def requestDone(self, request: Any) -> None:
        self.unsent = self._unsent_bytes()
        self.visit.deadline.wait_for(Phase.IDLE)
        super().requestDone(request)

    def _makes_progress(self, phase: Phase) -> bool:
        """Whether the client is still reading the response to its last request."""
        before, self.unsent = self.unsent, self._unsent_bytes()
        return phase is Phase.IDLE and 0 < self.unsent < before

    def _unsent_bytes(self) -> int:
        return len(getattr(self.transport, "dataBuffer", b"")) + getattr(self.transport, "_tempDataLen", 0)

    def _cut(self, reason: str) -> None:
        self.setTimeout(None)
        if self.http2 is not None and reason == Phase.IDLE.value:
            self.http2.timeoutConnection()
        elif reason == Phase.BODY.value:
            self.transport.write(REQUEST_TIMEOUT)
            self.timeoutConnection()
        else:
            self.transport.abortConnection()


class _Protocol(_GenericHTTPChannelProtocol):
    """Begins as a `TimedChannel`, and goes on as HTTP/2 where the client has negotiated that: then each request has a
    deadline of its own (`hub.daphne.request_bodies`), and the connection has one while it carries no request."""

    def __init__(self, channel: TimedChannel) -> None:
        super().__init__(channel)
        self._first = channel

    def dataReceived(self, data: bytes) -> None:
        super().dataReceived(data)
        if self._channel is not self._first:
            self._first.http2 = self._channel
            self._wait_for_a_request()

    def _wait_for_a_request(self) -> None:
        """Failure: Twisted ends a silent connection, but pings, or headers that never end, keep one open for ever."""
        deadline = self._first.visit.deadline
        if self._channel.streams:
            deadline.wait_for(Phase.NOTHING)
        elif deadline.phase is not Phase.IDLE:
            deadline.wait_for(Phase.IDLE)

    def connectionLost(self, reason: Any) -> None:
        self._first.visit.end()
        super().connectionLost(reason)


def _create_with_visit(server: Any, protocol: Any, scope: dict[str, Any]) -> Any:
    """Adds to the scope what uvicorn adds to it: what the connection keeps for its requests."""
    transport = protocol.transport
    if transport is None:  # a stream of HTTP/2
        transport = getattr(getattr(protocol.channel, "_conn", None), "transport", None)
    visit = getattr(transport, "visit", None)
    scope["state"] = {} if visit is None else {"visit": visit}
    scope["state"]["large_body"] = getattr(protocol, "has_place", False)
    return _create_application(server, protocol, scope)
