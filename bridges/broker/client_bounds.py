"""The packets that the broker accepts from a client, before and after its login."""

from __future__ import annotations

from bridges.mqtt.packets import Bounds, PacketType

from .limits import Limits

LENGTHS_BYTES = 4
"""Of a PUBLISH of MQTT 3.1.1, beside topic and payload: the topic's length and the packet id."""


class ClientBounds:
    def __init__(self, limits: Limits) -> None:
        self.before_login = Bounds({PacketType.CONNECT: limits.control_bytes})
        self.after_login = Bounds(
            {
                PacketType.PUBLISH: limits.topic_bytes + LENGTHS_BYTES + limits.payload_bytes,
                PacketType.SUBSCRIBE: limits.control_bytes,
                PacketType.UNSUBSCRIBE: limits.control_bytes,
                PacketType.PUBACK: 2,
                PacketType.PUBREL: 2,
                PacketType.PINGREQ: 0,
                PacketType.DISCONNECT: 0,
            },
            beginning=limits.topic_bytes + LENGTHS_BYTES + limits.excerpt_bytes,
            topic=limits.topic_bytes,
        )
