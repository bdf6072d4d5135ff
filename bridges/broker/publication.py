"""A message on its way to subscribers."""

from __future__ import annotations

import msgspec

from bridges.mqtt.packets import PublishPacket


class Publication:
    """One object is shared by all queues that hold it."""

    __slots__ = ("payload", "qos", "size", "topic")

    def __init__(self, topic: str, payload: bytes, qos: int) -> None:
        self.topic = topic
        self.payload = payload
        self.qos = qos
        self.size = len(topic.encode()) + len(payload)


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
