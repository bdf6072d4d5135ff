"""Errors in the bytes of a peer. Each ends the connection."""

from __future__ import annotations

from .header import PacketType


class PacketError(Exception):
    """The root of this package's errors."""


class MalformedPacket(PacketError):
    """The bytes do not follow the protocol."""


class PacketTooLarge(PacketError):
    """The packet has a longer body than the peer may send."""


class InvalidTopic(PacketError):
    """The topic of a message is longer than the peer may send."""


class UnexpectedPacket(PacketError):
    """The peer may not send a packet of this type, or not at this point."""

    def __init__(self, number: int) -> None:
        super().__init__(f"an unexpected packet of type {number}")
        self.is_connect = number == PacketType.CONNECT


class UnsupportedVersion(PacketError):
    """The CONNECT asks for a version of MQTT that is not offered. The answer is a CONNACK of 3.1.1."""

    def __init__(self, level: int) -> None:
        super().__init__(f"MQTT protocol level {level} is not offered")
