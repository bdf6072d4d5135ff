"""Mends in Daphne what the live connection relies on; other servers have it.

- An application may close with 1009 and 1012. autobahn lets it send 1000 and 3000 to 4999 alone and raises else.
- `await send` waits while the socket takes no more. Daphne's returns at once and buffers without bound: 300 MB a second
  for a viewer that does not read.
- The largest message (`websocket_max_message_size`) is a limit for clients, who are told with 1009. autobahn tears
  the connection, and refuses to *send* a snapshot that is larger.
- A client that sends faster than it is read waits. Daphne reads on, into a queue without bound.
"""

from __future__ import annotations

import asyncio
from typing import Any

from daphne.server import Server
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet.tcp import Server as TcpServer

MAX_UNREAD = 64
"""Frames of a client that may wait for the application before its socket is read no further."""
LOOK_AGAIN_S = 0.02

_hand_over = Server.handle_reply


class _Encoded:
    """The newest text as a frame: the same one goes to many viewers, and would be encoded for each."""

    text = ""
    frame = b""


def _text_frame(text: str) -> bytes:
    """The frame of a server (RFC 6455, 5.2): not masked, in one piece."""
    if _Encoded.text is not text:
        payload = text.encode()
        length = len(payload)
        if length < 126:
            head = bytes([0x81, length])
        elif length < 1 << 16:
            head = b"\x81\x7e" + length.to_bytes(2)
        else:
            head = b"\x81\x7f" + length.to_bytes(8)
        _Encoded.text, _Encoded.frame = text, head + payload
    return _Encoded.frame


class LiveProtocol(WebSocketProtocol):
    """A WebSocket that knows when its transport is full: it is the transport's push producer."""

    maxMessagePayloadSize: int
    _tcp: Any = None

    def onOpen(self) -> None:
        super().onOpen()
        self.failByDrop = False
        self.may_write = asyncio.Event()
        self.may_write.set()
        # Exactly this class: a TLS layer passes itself off as the transport that it wraps.
        self._tcp = self.transport if type(self.transport) is TcpServer and not self.transport.TLS else None
        self.transport.unregisterProducer()  # the HTTP channel that this connection began as
        self.transport.registerProducer(self, True)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        super().onMessage(payload, isBinary)
        if self.application_queue.qsize() >= MAX_UNREAD:
            self.transport.pauseProducing()
            self._read_on_later()

    def _read_on_later(self) -> None:
        asyncio.get_running_loop().call_later(LOOK_AGAIN_S, self._read_on)

    def _read_on(self) -> None:
        if self.application_queue.qsize() < MAX_UNREAD:
            self.transport.resumeProducing()
        elif self.state == self.STATE_OPEN:
            self._read_on_later()

    def serverSend(self, content: str | bytes, binary: bool = False) -> None:
        """Straight into the socket where nothing waits before it: a frame took 75 to 100 µs through all layers, most of
        it to have the reactor watch the socket for a moment."""
        if isinstance(content, bytes) or self.state != self.STATE_OPEN:
            super().serverSend(content, binary)
            return
        frame = _text_frame(content)
        sent = self._send_at_once(frame)
        if sent < len(frame):
            self.transport.write(frame[sent:])

    def _send_at_once(self, data: bytes) -> int:
        """How many bytes the socket took. None through TLS, whose layer has to encrypt them."""
        tcp = self._tcp
        if tcp is None or tcp.dataBuffer or tcp._tempDataBuffer or tcp.disconnecting or not tcp.connected:
            return 0
        try:
            return int(tcp.socket.send(data))
        except OSError:  # full, or gone, which the reactor will find out
            return 0

    def sendMessage(self, payload: bytes, isBinary: bool = False, **options: Any) -> None:
        limit, self.maxMessagePayloadSize = self.maxMessagePayloadSize, 0
        try:
            super().sendMessage(payload, isBinary, **options)
        finally:
            self.maxMessagePayloadSize = limit

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
    if message["type"] == "websocket.send" and isinstance(protocol, LiveProtocol) and not protocol.may_write.is_set():
        await protocol.may_write.wait()


def mend() -> None:
    """For every Daphne of this process, whoever starts it."""
    WebSocketFactory.protocol = LiveProtocol
    Server.handle_reply = _handle_reply
