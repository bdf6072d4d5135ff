"""Reads as much as possible of a PUBLISH of MQTT 5 whose topic or properties do not follow the protocol."""

from __future__ import annotations

from .errors import MalformedPacket
from .header import QOS, RETAIN, decode_length
from .values import PublishPacket


def read_damaged_publish(packet: bytes, missing: int) -> PublishPacket:
    """The message without its properties. Raises `MalformedPacket` where even its packet id cannot be found.

    A topic that is not UTF-8 has U+FFFD in the place of what cannot be read, so it is not a topic of any device. Where
    the properties reach beyond a packet that was cut, the payload is empty.
    """
    first, (_, body) = packet[0], _length(packet, 1)
    begin = body + 2
    end = begin + int.from_bytes(packet[body:begin])
    at = end + 2 if first & QOS else end
    packet_id = int.from_bytes(packet[end:at])
    if at > len(packet) or first & QOS == QOS or (first & QOS and not packet_id):
        raise MalformedPacket("a PUBLISH that is shorter than its fields, of QoS 3, or with packet id 0")
    properties, at = _length(packet, at)
    payload = packet[at + properties :]
    unread = max(0, at + properties - len(packet))
    return PublishPacket(
        topic=packet[begin:end].decode(errors="replace"),
        payload=payload,
        qos=(first & QOS) >> 1,
        retain=first & RETAIN != 0,
        packet_id=packet_id,
        size=max(len(payload) + missing - unread, len(payload)),
    )


def _length(packet: bytes, pos: int) -> tuple[int, int]:
    try:
        found = decode_length(packet, pos)
    except ValueError as error:
        raise MalformedPacket(str(error)) from None
    if found is None:
        raise MalformedPacket("a PUBLISH without its properties")
    return found
