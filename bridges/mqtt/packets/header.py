"""The fixed header, which is the same in all versions: packet type, flags and the length of the body."""

from __future__ import annotations

from enum import IntEnum

MAX_LENGTH = 268_435_455
"""Bytes of the longest body that MQTT has."""
DUP, QOS, RETAIN = 0x08, 0x06, 0x01
"""Flags of a PUBLISH."""


class PacketType(IntEnum):
    """The number in the upper half of the first byte."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14
    AUTH = 15


_FLAGS = {PacketType.PUBREL: 2, PacketType.SUBSCRIBE: 2, PacketType.UNSUBSCRIBE: 2}


def are_flags_valid(first: int) -> bool:
    """Whether the lower half of a packet's first byte is one that MQTT allows for its type."""
    return _VALID[first]


def _is_valid(first: int) -> bool:
    kind, flags = first >> 4, first & 15
    if kind != PacketType.PUBLISH:
        return flags == (_FLAGS.get(PacketType(kind), 0) if kind else 0)
    return flags & QOS != QOS and not (flags & DUP and not flags & QOS)


_VALID = tuple(map(_is_valid, range(256)))
PUBLISH_FLAGS = tuple(((flags & QOS) >> 1, flags & RETAIN != 0, flags & DUP != 0) for flags in range(16))
"""QoS, retain and DUP by the lower half of the first byte of a PUBLISH."""


def first_byte(kind: PacketType) -> int:
    """Type and flags of a packet other than PUBLISH."""
    return kind << 4 | _FLAGS.get(kind, 0)


def with_header(first: int, body: bytes) -> bytes:
    """The whole packet. Raises `ValueError` for a body longer than MQTT allows."""
    return b"".join((bytes((first,)), encode_length(len(body)), body))


def encode_length(length: int) -> bytes:
    """A variable byte integer."""
    if length < 128:
        return bytes((length,))
    if length < 16_384:
        return bytes((length & 127 | 128, length >> 7))
    if length > MAX_LENGTH:
        raise ValueError(f"a packet of {length} bytes is longer than MQTT allows")
    last = (length >> 14,) if length < 2_097_152 else (length >> 14 & 127 | 128, length >> 21)
    return bytes((length & 127 | 128, length >> 7 & 127 | 128, *last))


def decode_length(data: bytes, pos: int) -> tuple[int, int] | None:
    """The variable byte integer at `pos`, and where it ends; None while bytes of it are missing.

    Raises `ValueError` for one of more than four bytes.
    """
    value = 0
    for place, byte in enumerate(data[pos : pos + 4]):
        value |= (byte & 127) << (7 * place)
        if byte < 128:
            return value, pos + place + 1
    if len(data) >= pos + 4:
        raise ValueError("a length of more than four bytes")
    return None
