"""MQTT 5, read and written by `mqtt5`."""

from __future__ import annotations

import mqtt5

from .damaged import read_damaged_publish
from .errors import MalformedPacket
from .v3_reading import RETURN_CODES
from .v5_reading import READERS
from .v5_writing import WRITERS
from .values import ConnAckPacket, Packet, PublishPacket, Version

_PUBLISH, _CONNACK = 0x30, 0x20


class V5Codec:
    __slots__ = ("_strict",)

    version = Version.V5

    def __init__(self, *, strict: bool = True) -> None:
        self._strict = strict

    def read(self, packet: bytes, missing: int = 0) -> Packet:
        try:
            found, _ = mqtt5.read(packet)  # type: ignore[arg-type]  # it reads any buffer
        except BaseException as error:
            if not _is_refusal(error):
                raise
            return self._read_otherwise(packet, missing, str(error))
        if type(found) is mqtt5.PublishPacket:
            payload, packet_id = found.payload, found.packet_id
            if packet_id is None:
                packet_id = 0
            elif not packet_id:
                raise MalformedPacket("a PUBLISH with packet id 0")
            return PublishPacket(
                found.topic,
                payload,
                int(found.qos),
                found.retain,
                packet_id,
                found.duplicate,
                len(payload) + missing,
                tuple(found.subscription_ids),
            )
        return READERS[type(found)](found)

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
