"""MQTT 3.1 and 3.1.1. The packets of the two differ only in the name at the beginning of a CONNECT."""

from __future__ import annotations

from .errors import MalformedPacket
from .header import DUP, QOS, RETAIN, are_flags_valid, decode_length
from .v3_reading import READERS
from .v3_writing import WRITERS
from .values import Packet, PublishPacket, Version

_PUBLISH = 0x30


class V3Codec:
    __slots__ = ("_text_errors", "version")

    def __init__(self, version: Version = Version.V311, *, strict: bool = True) -> None:
        self.version = version
        self._text_errors = "strict" if strict else "replace"

    def read(self, packet: bytes, missing: int = 0) -> Packet:
        body = 2 if packet[1] < 128 else _body(packet)
        first = packet[0]
        if first & 0xF0 == _PUBLISH:
            return self._publish(packet, first, body, missing)
        reader = READERS.get(first >> 4)
        if reader is None or not are_flags_valid(first):
            raise MalformedPacket(f"a packet that begins with {first:#04x}")
        return reader(packet, body)

    def write(self, packet: Packet) -> bytes:
        return WRITERS[type(packet)](packet)

    def _publish(self, packet: bytes, first: int, body: int, missing: int) -> PublishPacket:
        qos = (first & QOS) >> 1
        begin = body + 2
        end = begin + int.from_bytes(packet[body:begin])
        start = end + 2 if qos else end
        if start > len(packet) or begin > len(packet) or qos == 3:
            raise MalformedPacket("a PUBLISH that is shorter than its fields, or of QoS 3")
        packet_id = packet[end] << 8 | packet[end + 1] if qos else 0
        dup = first & DUP != 0
        if not packet_id if qos else dup:
            raise MalformedPacket("a PUBLISH of QoS 0 with DUP, or of another QoS with packet id 0")
        try:
            topic = packet[begin:end].decode("utf-8", self._text_errors)
        except UnicodeDecodeError:
            raise MalformedPacket("a topic that is not UTF-8") from None
        payload = packet[start:]
        return PublishPacket(topic, payload, qos, first & RETAIN != 0, packet_id, dup, len(payload) + missing)


def _body(packet: bytes) -> int:
    found = decode_length(packet, 1)
    assert found is not None  # noqa: S101 - the packet is whole
    return found[1]
