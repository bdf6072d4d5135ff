"""Cuts the bytes of a connection into packets, whatever the pieces in which they arrive."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from .bounds import MALFORMED, UNEXPECTED, Bounds
from .codec import Codec, codec, requested_version
from .errors import InvalidTopic, MalformedPacket, PacketTooLarge, UnexpectedPacket
from .header import PacketType, decode_length, with_header
from .values import Packet, Version


class PacketReader:
    """`feed` it the bytes as they arrive, then call `next` until it has no whole packet left, or `packets` for all.

    A client passes the codec of its version. A server passes the `versions` that it offers, and the CONNECT chooses
    one of them: `codec` is set from then on.

    A PUBLISH that is larger than `bounds` allow is cut to its beginning, and given out once the rest has arrived; the
    rest is not held.
    """

    __slots__ = ("_cut", "_data", "_pos", "_versions", "bounds", "codec", "skipping")

    def __init__(self, bounds: Bounds, codec: Codec | None = None, versions: Collection[Version] = ()) -> None:
        self.bounds = bounds
        self.codec = codec
        self.skipping = 0
        """Bytes still to come of a packet that is cut."""
        self._versions = versions
        self._data = b""
        self._pos = 0
        self._cut: tuple[bytes, int] | None = None

    @property
    def partial(self) -> bool:
        """Whether the bytes end within a packet that `next` has not given out."""
        return self._pos < len(self._data) or self._cut is not None

    @property
    def buffered(self) -> int:
        """Bytes held that no packet has been made of."""
        return len(self._data) - self._pos

    def feed(self, data: bytes) -> None:
        self._data = self._data[self._pos :] + data if self._pos < len(self._data) else data
        self._pos = 0

    def packets(self) -> Iterator[Packet]:
        """All whole packets, for a receiver that handles them at once. Raises `PacketError`."""
        while True:
            codec, data, pos = self.codec, self._data, self._pos
            if codec is not None and self._cut is None:
                # The usual short packets: what `next` does, without its detours.
                read, largest, end = codec.read, self.bounds.by_first_byte, len(data)
                while pos + 2 <= end:
                    length = data[pos + 1]
                    stop = pos + 2 + length
                    if length > 127 or length > largest[data[pos]] or stop > end:
                        break
                    packet = read(data[pos:stop])
                    self._pos = pos = stop
                    yield packet
            if (unusual := self.next()) is None:
                return
            yield unusual

    def next(self) -> Packet | None:
        """The next packet, or None while it is not whole. Raises `PacketError`."""
        if self._cut is not None:
            return self._skip()
        data, pos = self._data, self._pos
        if pos + 2 > len(data):
            if pos < len(data):
                self._check_type(data[pos])
            return None
        length, body = data[pos + 1], pos + 2
        if length > 127:
            found = self._long_length(data[pos], pos + 1)
            if found is None:
                return None
            length, body = found
        if length > self.bounds.by_first_byte[data[pos]]:
            return self._begin_skip(pos, body, length)
        end = body + length
        if end > len(data):
            return None
        self._pos = end
        return self._read(data[pos:end])

    def _read(self, packet: bytes, missing: int = 0) -> Packet:
        if self.codec is None:
            self.codec = codec(requested_version(packet, self._versions))
        return self.codec.read(packet, missing)

    def _check_type(self, first: int) -> None:
        largest = self.bounds.by_first_byte[first]
        if largest == UNEXPECTED:
            raise UnexpectedPacket(first >> 4)
        if largest == MALFORMED:
            raise MalformedPacket("a packet with flags that its type does not have")

    def _long_length(self, first: int, pos: int) -> tuple[int, int] | None:
        self._check_type(first)
        try:
            return decode_length(self._data, pos)
        except ValueError as error:
            raise MalformedPacket(str(error)) from None

    def _begin_skip(self, pos: int, body: int, length: int) -> Packet | None:
        """Decides on a packet that is larger than allowed, or not expected at all."""
        data, first = self._data, self._data[pos]
        self._check_type(first)
        if first >> 4 != PacketType.PUBLISH:
            raise PacketTooLarge(f"a packet of type {first >> 4} with {length} bytes")
        if len(data) < body + 2:
            return None
        if int.from_bytes(data[body : body + 2]) > self.bounds.topic:
            raise InvalidTopic("the topic is too long")
        end = body + min(self.bounds.beginning, length)
        if end > len(data):
            return None
        missing = length - (end - body)
        self._cut = with_header(first, data[body:end]), missing
        self._pos, self.skipping = end, missing
        return self._skip()

    def _skip(self) -> Packet | None:
        skipped = min(self.buffered, self.skipping)
        self._pos += skipped
        self.skipping -= skipped
        if self.skipping or self._cut is None:
            return None
        (packet, missing), self._cut = self._cut, None
        return self._read(packet, missing)
