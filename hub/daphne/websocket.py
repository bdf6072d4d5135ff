"""Daphne's WebSocket with what the live connection relies on; other servers have all of it but direct writes."""

from __future__ import annotations

import asyncio
import time
from functools import lru_cache
from typing import Any

from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet.tcp import Server as TcpServer

from dashboards.live.errors import CloseCode
from dashboards.live.rates import PING_BURST, ControlRate
from dashboards.live.requests import MAX_FRAME_BYTES
from devices.runtime import stats
from hub.daphne.sending import WaitingSends
from hub.server_options import MQTT_FRAME_BYTES, MQTT_PATH, SMALL_FRAGMENT_BYTES

MAX_UNREAD = 64
"""Frames of a client that may wait for the application before its socket is not read any further."""
MAX_UNREAD_LARGE = 4
"""The same of a client that sends larger frames than the live connection has, as MQTT may."""
RECHECK_S = 0.02
"""How often it is checked whether the application has caught up."""


def patch() -> None:
    """Has Daphne make a `LiveProtocol` of each WebSocket; its base classes are the patches."""
    WebSocketFactory.protocol = LiveProtocol


class AnyCloseCode(WebSocketProtocol):
    """Lets the application close with 1009 and 1012.

    Failure: autobahn's `sendClose` raises for every code but 1000 and 3000 to 4999, and the socket stays open.
    Unnecessary once autobahn accepts all registered codes; crossbario/autobahn-python#1642 (open since 2024) asks for
    it. (The *reason* of a close is dropped by Daphne: django/daphne#374, open. The hub sends an error frame instead.)
    """

    def serverClose(self, code: int | None = None) -> None:
        self.sendCloseFrame(code=code or 1000, isReply=False)


class LimitForClientsOnly(WebSocketProtocol):
    """Applies `websocket_max_message_size` to what clients send, and closes with 1009 past it.

    Failure: autobahn drops the connection of a client that sends more, without a close code; and it refuses to *send* a
    snapshot that is larger than the limit for clients.
    Unnecessary once Daphne, which has had the option since 4.2.2, also sets autobahn's `failByDrop`, and autobahn has a
    limit of its own for sending (neither does in Daphne 4.2.3 with autobahn 26.10; no issue asks for it).
    """

    maxMessagePayloadSize: int

    def onOpen(self) -> None:
        super().onOpen()
        self.failByDrop = False
        if self.path == MQTT_PATH.encode():
            self.maxMessagePayloadSize = self.maxFramePayloadSize = MQTT_FRAME_BYTES

    def sendMessage(self, payload: bytes, isBinary: bool = False, **options: Any) -> None:
        limit, self.maxMessagePayloadSize = self.maxMessagePayloadSize, 0
        try:
            super().sendMessage(payload, isBinary, **options)
        finally:
            self.maxMessagePayloadSize = limit


class BoundedReads(WebSocketProtocol):
    """Makes a client wait that sends faster than the application receives.

    Failure: Daphne reads on, into a queue without bound, until the memory is full.
    Unnecessary once Daphne bounds `application_queue` and pauses the transport (it does not in 4.2.3;
    django/daphne#483, open, describes the same queue for the bodies of requests).
    """

    _most_unread = MAX_UNREAD
    _waits = False
    """One timer, however many of the messages that came with a single read are too many."""

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        super().onMessage(payload, isBinary)
        if len(payload) > MAX_FRAME_BYTES:
            self._most_unread = MAX_UNREAD_LARGE
        if self.application_queue.qsize() >= self._most_unread and not self._waits:
            self._waits = True
            self.transport.pauseProducing()
            self._resume_later()

    def _resume_later(self) -> None:
        asyncio.get_running_loop().call_later(RECHECK_S, self._resume)

    def _resume(self) -> None:
        if self.application_queue.qsize() < self._most_unread:
            self._waits = False
            self.transport.resumeProducing()
        elif self.state == self.STATE_OPEN:
            self._resume_later()


class BoundedControlFrames(WebSocketProtocol):
    """Answers one ping a second, none while the socket is full, and closes with 4429 past the bound of `ControlRate`.

    Failure: autobahn answers each ping at once, into a buffer without bound. One client that pinged and did not read
    made the hub grow by 259 MB in 50 s. A message in parts may have any number of empty ones besides.
    Unnecessary once autobahn limits pings, and does not answer them while its transport is full (it does neither in
    26.10; no issue asks for it).
    """

    current_frame: Any

    def onOpen(self) -> None:
        super().onOpen()
        self._control = ControlRate(time.monotonic, PING_BURST)

    def onPing(self, payload: bytes) -> None:
        if self._is_admitted():
            if self.gate.opened.is_set() and self._control.is_pong_due():
                super().onPing(payload)
            else:
                stats.pings_unanswered.inc()

    def onPong(self, payload: bytes) -> None:
        if self._is_admitted():
            super().onPong(payload)

    def processData(self) -> bool:
        """A single read holds thousands of pings: past the bound they are dropped together."""
        if self.failedByMe:
            self.data = b""
            return False
        return bool(super().processData())

    def onMessageFrameBegin(self, length: int) -> None:
        """Messages count where they are handled; a fragment that carries next to nothing counts here."""
        if self.current_frame.opcode != 0 or length >= SMALL_FRAGMENT_BYTES or self._is_admitted():
            super().onMessageFrameBegin(length)

    def _is_admitted(self) -> bool:
        if self._control.count():
            return bool(self.state == self.STATE_OPEN)
        self.failedByMe = True  # what it has sent already is not read any more, also where it is being closed
        if self.state != self.STATE_OPEN:
            return False
        stats.connections_closed.labels(str(CloseCode.TOO_MANY.value)).inc()
        self.sendCloseFrame(code=CloseCode.TOO_MANY.value, isReply=False)
        # Now, and with this code: what Daphne reports later is what the client answers, if it does.
        self.application_queue.put_nowait({"type": "websocket.disconnect", "code": CloseCode.TOO_MANY.value})
        return False


class EndsVisit(WebSocketProtocol):
    """Notes that the connection is closed, which the HTTP connection that it was does not learn.

    Failure: the connection would count against its address for ever.
    Unnecessary once `hub.daphne.connections` is.
    """

    def connectionLost(self, reason: Any) -> None:
        visit = getattr(self.transport, "visit", None)
        if visit is not None:
            visit.end()
        super().connectionLost(reason)


class DirectWrites(WebSocketProtocol):
    """Writes a text straight into the socket where no earlier bytes wait, and encodes a text only once for all viewers.

    Failure: a frame takes 75 to 100 µs through autobahn and Twisted, mostly because Twisted buffers each write and has
    the reactor watch the socket for a moment; with 500 viewers the hub falls behind.
    Unnecessary once Twisted's transports write immediately; twisted/twisted#5303 (open since 2011) asks for it.
    """

    _tcp: Any = None
    """The transport whose socket may be written to; `None` with TLS, whose layer has to encrypt the bytes."""

    def onOpen(self) -> None:
        super().onOpen()
        # Exactly this class: a TLS layer passes itself off as the transport that it wraps.
        self._tcp = self.transport if type(self.transport) is TcpServer and not self.transport.TLS else None

    def serverSend(self, content: str | bytes, binary: bool = False) -> None:
        if isinstance(content, bytes) or self.state != self.STATE_OPEN:
            super().serverSend(content, binary)
            return
        frame = text_frame(content)
        sent = self._send_directly(frame)
        if sent < len(frame):
            self.transport.write(frame[sent:])

    def _send_directly(self, data: bytes) -> int:
        """Returns how many bytes the socket took."""
        tcp = self._tcp
        if tcp is None or tcp.dataBuffer or tcp._tempDataBuffer or tcp.disconnecting or not tcp.connected:
            return 0
        try:
            return int(tcp.socket.send(data))
        except OSError:  # full; or gone, which the reactor will notice
            return 0


@lru_cache(maxsize=1)
def text_frame(text: str) -> bytes:
    """The text as a frame of a server (RFC 6455, 5.2): not masked, in one piece. Kept for the next viewer."""
    payload = text.encode()
    length = len(payload)
    if length < 126:
        head = bytes([0x81, length])
    elif length < 1 << 16:
        head = b"\x81\x7e" + length.to_bytes(2)
    else:
        head = b"\x81\x7f" + length.to_bytes(8)
    return head + payload


class LiveProtocol(
    DirectWrites, WaitingSends, BoundedReads, BoundedControlFrames, LimitForClientsOnly, AnyCloseCode, EndsVisit
):
    """All patches of a WebSocket together."""
