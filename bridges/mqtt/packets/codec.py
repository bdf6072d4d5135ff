"""The one interface of all protocol versions, and the choice between them."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Protocol

from .errors import MalformedPacket, UnsupportedVersion
from .v3 import V3Codec
from .v5 import V5Codec
from .values import Packet, Version


class Codec(Protocol):
    """Packets of one protocol version, of clients and of servers."""

    @property
    def version(self) -> Version: ...

    def read(self, packet: bytes, missing: int = 0) -> Packet:
        """The value of one whole packet. Raises `MalformedPacket`.

        `missing`: bytes that a reader has cut off the end of a PUBLISH.
        """

    def write(self, packet: Packet) -> bytes:
        """The bytes of the packet. Raises `ValueError` for a value that the version cannot express."""


@cache
def codec(version: Version, *, strict: bool = True) -> Codec:
    """The codec of a version. It has no state, so all connections share it.

    A server reads strictly. A client must not: what its broker forwards comes again until it is acknowledged, so a
    PUBLISH with an unreadable topic or property is read as far as it can be, and refused by whom it concerns.
    """
    return V5Codec(strict=strict) if version is Version.V5 else V3Codec(version, strict=strict)


_LEVELS = {b"\x00\x06MQIsdp": (Version.V31,), b"\x00\x04MQTT": (Version.V311, Version.V5)}


def requested_version(connect: bytes, offered: Collection[Version]) -> Version:
    """The version that a whole CONNECT asks for. Raises `MalformedPacket` and `UnsupportedVersion`."""
    length_bytes = next((place for place, byte in enumerate(connect[1:5], 1) if byte < 128), 1)
    body = connect[1 + length_bytes :]
    for name, versions in _LEVELS.items():
        if body.startswith(name) and len(body) > len(name):
            level = body[len(name)]
            if level in versions and level in offered:
                return Version(level)
            raise UnsupportedVersion(level)
    raise MalformedPacket("the first packet is not a CONNECT of MQTT")
