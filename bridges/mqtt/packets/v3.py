"""MQTT 3.1 and 3.1.1. The packets of the two differ only in the name at the beginning of a CONNECT."""

from __future__ import annotations

from .errors import MalformedPacket
from .header import PUBLISH_FLAGS, are_flags_valid, decode_length
from .v3_reading import READERS
from .v3_writing import WRITERS
from .values import Packet, PublishPacket, Version

_PUBLISH = 0x30


class V3Codec:
    __slots__ = ("_strict", "version")

    def __init__(self, version: Version = Version.V311, *, strict: bool = True) -> None:
        self.version = version
        self._strict = strict

    def read(self, packet: bytes, missing: int = 0) -> Packet:
        first = packet[0]
        if first & 0xF0 != _PUBLISH:
            return _read_other(first, packet)
        # By hand, and not by a `FieldReader`: most packets are of this type.
        begin = 4 if packet[1] < 128 else _body(packet) + 2
        whole = len(packet)
        end = begin + (packet[begin - 2] << 8 | packet[begin - 1]) if begin <= whole else whole + 1
        qos, retain, dup = PUBLISH_FLAGS[first & 15]
        start = end + 2 if qos else end
        if start > whole or not are_flags_valid(first):
            raise MalformedPacket("a PUBLISH that is shorter than its fields, or with flags that it cannot have")
        packet_id = 0
        if qos:
            packet_id = packet[end] << 8 | packet[end + 1]
            if not packet_id:
                raise MalformedPacket("a PUBLISH with packet id 0")
        payload = packet[start:]
        topic = self._topic(packet[begin:end])
        return PublishPacket(topic, payload, qos, retain, packet_id, dup, len(payload) + missing)

    def write(self, packet: Packet) -> bytes:
        return WRITERS[type(packet)](packet)

    def _topic(self, data: bytes) -> str:
        try:
            return data.decode()
        except UnicodeDecodeError:
            if self._strict:
                raise MalformedPacket("a topic that is not UTF-8") from None
            return data.decode(errors="replace")


def _read_other(first: int, packet: bytes) -> Packet:
    reader = READERS.get(first >> 4)
    if reader is None or not are_flags_valid(first):
        raise MalformedPacket(f"a packet that begins with {first:#04x}")
    return reader(packet, _body(packet))


def _body(packet: bytes) -> int:
    found = decode_length(packet, 1)
    assert found is not None  # noqa: S101 - the packet is whole
    return found[1]
