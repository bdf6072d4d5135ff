"""A message on its way to subscribers."""

from __future__ import annotations

from time import monotonic

import msgspec

from bridges.mqtt.packets import PublishPacket


class Publication:
    """One object is shared by all queues that hold it."""

    __slots__ = ("expires_at", "payload", "qos", "size", "topic")

    def __init__(self, topic: str, payload: bytes, qos: int, expires_in_s: float | None = None) -> None:
        """`expires_in_s`: after that time it is not sent any more, nor sent again."""
        self.topic = topic
        self.payload = payload
        self.qos = qos
        self.size = len(topic.encode()) + len(payload)
        self.expires_at = None if expires_in_s is None else monotonic() + expires_in_s

    def is_expired(self) -> bool:
        return self.expires_at is not None and monotonic() >= self.expires_at


class Outgoing(msgspec.Struct, gc=False):
    """A publication for one session, as it is queued. `packet_id` is 0 until it is sent with QoS 1."""

    publication: Publication
    qos: int
    retain: bool
    packet_id: int = 0
    dup: bool = False

    def packet(self) -> PublishPacket:
        publication = self.publication
        return PublishPacket(publication.topic, publication.payload, self.qos, self.retain, self.packet_id, self.dup)
