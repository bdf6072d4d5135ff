"""The packets of a load client in MQTT 3.1.1, as bytes. Pure."""

from __future__ import annotations

from bridges.mqtt.packets import (
    ConnAckPacket,
    ConnectPacket,
    PublishPacket,
    SubscribePacket,
    Subscription,
    Version,
    codec,
)

_write = codec(Version.V311).write

CONNACK = _write(ConnAckPacket())
SUBACK_TYPE = 0x90


def connect(client_id: str, username: str = "", password: str = "") -> bytes:
    """A clean session without keep-alive."""
    packet = ConnectPacket(
        version=Version.V311,
        client_id=client_id,
        username=username or None,
        password=password.encode() if username else None,
    )
    return _write(packet)


def subscribe(topic_filter: str) -> bytes:
    """With QoS 0: what is delivered is then the same bytes for everybody."""
    return _write(SubscribePacket(1, (Subscription(topic_filter, 0),)))


def publish(topic: str, payload: bytes, qos: int = 0, packet_id: int = 1) -> bytes:
    return _write(PublishPacket(topic, payload, qos, packet_id=packet_id))
