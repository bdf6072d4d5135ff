"""The packets of the fast path, PUBLISH and its acknowledgements, read and written without a copy too many."""

from __future__ import annotations

from typing import NamedTuple

from amqtt.mqtt.packet import (
    CONNECT,
    DISCONNECT,
    PINGREQ,
    PUBACK,
    PUBCOMP,
    PUBLISH,
    PUBREC,
    PUBREL,
    SUBSCRIBE,
    UNSUBSCRIBE,
)

from .errors import ProtocolError

__all__ = [
    "CONNECT",
    "DISCONNECT",
    "PINGREQ",
    "PINGRESP_PACKET",
    "PUBACK",
    "PUBLISH",
    "PUBREL",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "Message",
    "Publish",
    "puback",
    "pubcomp",
    "publish_packet",
    "pubrec",
    "read_packet_id",
    "read_publish",
]

RETAIN = 0x01
QOS = 0x06
DUP = 0x08

PINGRESP_PACKET = b"\xd0\x00"


class Message:
    """A message on its way to subscribers. One object is shared by all queues that hold it."""

    __slots__ = ("payload", "qos", "size", "topic", "topic_bytes")

    def __init__(self, topic: str, topic_bytes: bytes, payload: bytes, qos: int) -> None:
        self.topic = topic
        self.topic_bytes = topic_bytes
        self.payload = payload
        self.qos = qos
        self.size = len(topic_bytes) + len(payload)


class Publish(NamedTuple):
    """A PUBLISH as it came; the topic is not yet checked. `packet_id` is 0 with QoS 0."""

    topic_bytes: bytes
    payload: bytes
    qos: int
    retain: bool
    packet_id: int
    dup: bool


def read_publish(first: int, body: bytes) -> Publish:
    """Raises `ProtocolError` where fields overrun the packet, for QoS 3, packet id 0 and DUP with QoS 0."""
    qos = (first & QOS) >> 1
    end = 2 + (body[0] << 8 | body[1]) if len(body) >= 2 else 2
    start = end + 2 if qos else end
    if start > len(body) or qos == 3:
        raise ProtocolError("malformed_packet")
    packet_id = 0
    if qos:
        packet_id = body[end] << 8 | body[end + 1]
        if not packet_id:
            raise ProtocolError("malformed_packet")
    elif first & DUP:
        raise ProtocolError("malformed_packet")
    return Publish(body[2:end], body[start:], qos, bool(first & RETAIN), packet_id, bool(first & DUP))


def publish_packet(first: int, message: Message, packet_id: int) -> bytes:
    """A PUBLISH with the flags of `first`; `packet_id` is written where they say QoS 1."""
    topic, payload = message.topic_bytes, message.payload
    if first & QOS:
        length = 4 + message.size
        return b"".join(
            (_header(first, length), len(topic).to_bytes(2), topic, packet_id.to_bytes(2), payload),
        )
    return b"".join((_header(first, 2 + message.size), len(topic).to_bytes(2), topic, payload))


def _header(first: int, length: int) -> bytes:
    if length < 128:
        return bytes((first, length))
    if length < 16_384:
        return bytes((first, length & 127 | 128, length >> 7))
    return bytes((first, length & 127 | 128, length >> 7 & 127 | 128, length >> 14))


def read_packet_id(body: bytes) -> int:
    """The packet id that is the whole body of an acknowledgement. Raises `ProtocolError`."""
    packet_id = int.from_bytes(body)
    if len(body) != 2 or not packet_id:
        raise ProtocolError("malformed_packet")
    return packet_id


def puback(packet_id: int) -> bytes:
    return bytes((PUBACK << 4, 2, packet_id >> 8, packet_id & 255))


def pubrec(packet_id: int) -> bytes:
    return bytes((PUBREC << 4, 2, packet_id >> 8, packet_id & 255))


def pubcomp(packet_id: int) -> bytes:
    return bytes((PUBCOMP << 4, 2, packet_id >> 8, packet_id & 255))
