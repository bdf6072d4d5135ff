"""The packets that the broker accepts from a client, before and after its login."""

from __future__ import annotations

from dataclasses import replace

from bridges.mqtt.packets import Bounds, PacketType, Version

from .limits import Limits

LENGTHS_BYTES = 4
"""Of a PUBLISH, beside topic, properties and payload: the topic's length and the packet id."""
HEADER_BYTES = 5


class ClientBounds:
    def __init__(self, limits: Limits) -> None:
        self.before_login = Bounds({PacketType.CONNECT: limits.control_bytes})
        largest = limits.control_bytes
        self._v3 = _bounds(limits, 0, acknowledgement=2, disconnect=0)
        self._v5 = _bounds(limits, limits.property_bytes, acknowledgement=largest, disconnect=largest)
        self._limits = limits

    def after_login(self, version: Version, payload_bytes: int | None = None) -> Bounds:
        """`payload_bytes`: what the account may publish in a message, if it is not what all may."""
        if payload_bytes is not None:
            return ClientBounds(replace(self._limits, payload_bytes=payload_bytes)).after_login(version)
        return self._v5 if version is Version.V5 else self._v3


def largest_packet(limits: Limits, payload_bytes: int | None = None) -> int:
    """Bytes of the largest packet of MQTT 5 that the broker reads."""
    payload = limits.payload_bytes if payload_bytes is None else payload_bytes
    return HEADER_BYTES + LENGTHS_BYTES + limits.topic_bytes + limits.property_bytes + payload


def _bounds(limits: Limits, properties: int, *, acknowledgement: int, disconnect: int) -> Bounds:
    before_payload = limits.topic_bytes + LENGTHS_BYTES + properties
    return Bounds(
        {
            PacketType.PUBLISH: before_payload + limits.payload_bytes,
            PacketType.SUBSCRIBE: limits.control_bytes,
            PacketType.UNSUBSCRIBE: limits.control_bytes,
            PacketType.PUBACK: acknowledgement,
            PacketType.PUBREC: acknowledgement,
            PacketType.PUBREL: acknowledgement,
            PacketType.PUBCOMP: acknowledgement,
            PacketType.PINGREQ: 0,
            PacketType.DISCONNECT: disconnect,
        },
        beginning=before_payload + limits.excerpt_bytes,
        topic=limits.topic_bytes,
    )
