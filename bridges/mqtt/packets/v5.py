"""MQTT 5, read and written by `mqtt5`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mqtt5

from .damaged import read_damaged_publish
from .errors import MalformedPacket
from .header import PUBLISH_FLAGS
from .v3_reading import RETURN_CODES
from .v5_reading import READERS
from .v5_writing import WRITERS
from .values import ConnAckPacket, Packet, PublishPacket, Version

_PUBLISH, _CONNACK = 0x30, 0x20
_Publish = mqtt5.PublishPacket
_read: Callable[[bytes], tuple[Any, int]] = mqtt5.read  # type: ignore[assignment]  # it reads any buffer


class V5Codec:
    __slots__ = ("_strict",)

    version = Version.V5

    def __init__(self, *, strict: bool = True) -> None:
        self._strict = strict

    def read(self, packet: bytes, missing: int = 0) -> Packet:
        try:
            found, _ = _read(packet)
        except BaseException as error:
            if not _is_refusal(error):
                raise
            return self._read_otherwise(packet, missing, str(error))
        if type(found) is not _Publish:
            return READERS[type(found)](found)
        qos, retain, dup = PUBLISH_FLAGS[packet[0] & 15]
        payload, packet_id, ids = found.payload, found.packet_id or 0, found.subscription_ids
        if qos and not packet_id:
            raise MalformedPacket("a PUBLISH with packet id 0")
        size = len(payload) + missing
        if not ids:
            return PublishPacket(found.topic, payload, qos, retain, packet_id, dup, size)
        return PublishPacket(found.topic, payload, qos, retain, packet_id, dup, size, tuple(ids))

    def write(self, packet: Packet) -> bytes:
        return WRITERS[type(packet)](packet)

    def _read_otherwise(self, packet: bytes, missing: int, why: str) -> Packet:
        first = packet[0]
        if first & 0xF0 == _PUBLISH and not self._strict:
            return read_damaged_publish(packet, missing)
        if first == _CONNACK and len(packet) == 4 and packet[3] < len(RETURN_CODES):
            # A broker that does not know MQTT 5 answers in the form of 3.1.1.
            return ConnAckPacket(RETURN_CODES[packet[3]], packet[2] == 1)
        raise MalformedPacket(why)


def _is_refusal(error: BaseException) -> bool:
    """Whether mqtt5 gave up on the bytes. On a text that is not UTF-8 it panics, which is not an `Exception`."""
    return isinstance(error, ValueError | IndexError) or type(error).__name__ == "PanicException"
