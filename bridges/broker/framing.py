"""Cuts the byte stream of a connection into packets, refusing what is too large before it is buffered."""

from __future__ import annotations

from .errors import ProtocolError
from .limits import Limits
from .packets import CONNECT, DISCONNECT, PINGREQ, PUBACK, PUBLISH, PUBREL, SUBSCRIBE, UNSUBSCRIBE

REFUSED = -1

_FLAGS = {CONNECT: 0, PUBACK: 0, PUBREL: 2, SUBSCRIBE: 2, UNSUBSCRIBE: 2, PINGREQ: 0, DISCONNECT: 0}


class PacketSizes:
    """The largest body of each packet type, by its number, before and after the login."""

    def __init__(self, limits: Limits) -> None:
        self.payload = limits.payload_bytes
        self.before_login = [REFUSED] * 16
        self.before_login[CONNECT] = limits.control_bytes
        self.after_login = [REFUSED] * 16
        self.after_login[PUBLISH] = limits.payload_bytes + limits.topic_bytes + 4
        self.after_login[SUBSCRIBE] = self.after_login[UNSUBSCRIBE] = limits.control_bytes
        self.after_login[PUBACK] = self.after_login[PUBREL] = 2
        self.after_login[PINGREQ] = self.after_login[DISCONNECT] = 0


class Framer:
    """`feed` bytes as they come, then ask `next` until it has no whole packet any more."""

    __slots__ = ("_data", "_largest", "_pos", "_sizes")

    def __init__(self, sizes: PacketSizes) -> None:
        self._sizes = sizes
        self._largest = sizes.before_login
        self._data = b""
        self._pos = 0

    @property
    def partial(self) -> bool:
        """Whether bytes are held that `next` has not given out."""
        return self._pos < len(self._data)

    def login_done(self) -> None:
        self._largest = self._sizes.after_login

    def feed(self, data: bytes) -> None:
        self._data = self._data[self._pos :] + data if self.partial else data
        self._pos = 0

    def next(self) -> tuple[int, bytes] | None:
        """The first byte (type and flags) and the body of the next whole packet. Raises `ProtocolError`."""
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
        if length > largest or (length > self._sizes.payload and kind == PUBLISH and self._too_large(length, start)):
            raise ProtocolError("packet_too_large")
        end = start + length
        if end > len(data):
            return None
        self._pos = end
        return first, data[start:end]

    def _too_large(self, length: int, start: int) -> bool:
        """Whether the payload alone is over its limit, seen as soon as the length of the topic is there."""
        data = self._data
        if len(data) < start + 2:
            return False
        head = 2 + int.from_bytes(data[start : start + 2])
        if data[self._pos] & 6:
            head += 2
        return length - head > self._sizes.payload


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
