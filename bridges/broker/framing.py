"""Cuts the byte stream of a connection into packets; what is too large is refused, or read past, and not buffered."""

from __future__ import annotations

from .errors import ProtocolError
from .limits import Limits
from .packets import CONNECT, DISCONNECT, PINGREQ, PUBACK, PUBLISH, PUBREL, QOS, SUBSCRIBE, UNSUBSCRIBE

REFUSED = -1

_FLAGS = {CONNECT: 0, PUBACK: 0, PUBREL: 2, SUBSCRIBE: 2, UNSUBSCRIBE: 2, PINGREQ: 0, DISCONNECT: 0}


class PacketSizes:
    """The largest body of each packet type, by its number, before and after the login."""

    def __init__(self, limits: Limits) -> None:
        self.payload = limits.payload_bytes
        self.excerpt = min(limits.excerpt_bytes, limits.payload_bytes)
        self.topic = limits.topic_bytes
        self.before_login = [REFUSED] * 16
        self.before_login[CONNECT] = limits.control_bytes
        self.after_login = [REFUSED] * 16
        self.after_login[PUBLISH] = limits.payload_bytes
        self.after_login[SUBSCRIBE] = self.after_login[UNSUBSCRIBE] = limits.control_bytes
        self.after_login[PUBACK] = self.after_login[PUBREL] = 2
        self.after_login[PINGREQ] = self.after_login[DISCONNECT] = 0


class Framer:
    """`feed` bytes as they come, then ask `next` until it has no whole packet any more.

    A PUBLISH with too large a payload is cut to its beginning and given out once the rest has come and is gone.
    """

    __slots__ = ("_cut", "_data", "_largest", "_pos", "_sizes", "skipping")

    def __init__(self, sizes: PacketSizes) -> None:
        self._sizes = sizes
        self._largest = sizes.before_login
        self._data = b""
        self._pos = 0
        self._cut: tuple[int, bytes, int] | None = None
        self.skipping = 0  # bytes still to come of a packet that is cut

    @property
    def partial(self) -> bool:
        """Whether the stream stands within a packet that `next` has not given out."""
        return self._pos < len(self._data) or self._cut is not None

    def login_done(self) -> None:
        self._largest = self._sizes.after_login

    def feed(self, data: bytes) -> None:
        self._data = self._data[self._pos :] + data if self._pos < len(self._data) else data
        self._pos = 0

    def next(self) -> tuple[int, bytes, int] | None:
        """The first byte (type and flags), the body and its true length, of the next whole packet.

        Raises `ProtocolError`.
        """
        if self._cut is not None:
            return self._skip()
        data, pos = self._data, self._pos
        if pos >= len(data):
            return None
        first = data[pos]
        kind = first >> 4
        largest = self._largest[kind]
        if largest == REFUSED:
            after_login = self._largest is self._sizes.after_login
            raise ProtocolError("second_connect" if kind == CONNECT and after_login else "unexpected_packet")
        if kind != PUBLISH and first & 15 != _FLAGS[kind]:
            raise ProtocolError("malformed_packet")
        length, start = _length(data, pos + 1)
        if start is None:
            return None
        if kind != PUBLISH and length > largest:
            raise ProtocolError("packet_too_large")
        if kind == PUBLISH and length > self._sizes.payload:
            if len(data) < start + 2:
                return None
            head = self._head(first, start)
            if length - head > self._sizes.payload:
                return self._begin_skip(first, start, head, length)
        end = start + length
        if end > len(data):
            return None
        self._pos = end
        return first, data[start:end], length

    def _head(self, first: int, start: int) -> int:
        """The bytes before the payload of a PUBLISH."""
        topic = int.from_bytes(self._data[start : start + 2])
        if topic > self._sizes.topic:
            raise ProtocolError("invalid_topic")
        return 2 + topic + (2 if first & QOS else 0)

    def _begin_skip(self, first: int, start: int, head: int, length: int) -> tuple[int, bytes, int] | None:
        data, end = self._data, start + head + self._sizes.excerpt
        if end > len(data):
            return None
        self._cut = first, data[start:end], length
        self._pos, self.skipping = end, start + length - end
        return self._skip()

    def _skip(self) -> tuple[int, bytes, int] | None:
        gone = min(len(self._data) - self._pos, self.skipping)
        self._pos += gone
        self.skipping -= gone
        if self.skipping:
            return None
        packet, self._cut = self._cut, None
        return packet


def _length(data: bytes, pos: int) -> tuple[int, int | None]:
    """The remaining length that stands at `pos`, and where the body starts; None while bytes are missing."""
    value = shift = 0
    for byte in data[pos : pos + 4]:
        pos += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, pos
        shift += 7
    if shift == 28:
        raise ProtocolError("malformed_packet")
    return 0, None
