"""A message on its way to subscribers."""

from __future__ import annotations

import math
from time import monotonic

import msgspec

from bridges.mqtt.packets import MessageProperties, Packet, PublishPacket, PubRelPacket


class Publication:
    """One object is shared by all queues that hold it.

    `publisher` is (account, client id) of the session it comes from. `expires_at` is a time of the monotonic clock.
    """

    __slots__ = ("expires_at", "payload", "properties", "publisher", "qos", "retain", "size", "topic")

    def __init__(
        self,
        topic: str,
        payload: bytes,
        qos: int,
        *,
        retain: bool = False,
        publisher: tuple[str, str] | None = None,
        properties: MessageProperties | None = None,
        expires_in_s: float | None = None,
    ) -> None:
        """`expires_in_s`: after that time it is not sent any more."""
        self.topic = topic
        self.payload = payload
        self.qos = qos
        self.retain = retain
        self.publisher = publisher
        self.properties = properties
        self.expires_at = None if expires_in_s is None else monotonic() + expires_in_s
        self.size = len(topic.encode()) + len(payload) + (0 if properties is None else _size(properties))

    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= monotonic()

    def left_s(self) -> float | None:
        """Seconds for which the message is still of use; None: always."""
        return None if self.expires_at is None else max(0.0, self.expires_at - monotonic())

    def expiry_s(self) -> int | None:
        """The same in whole seconds."""
        left_s = self.left_s()
        return None if left_s is None else math.ceil(left_s)


RELEASED = Publication("", b"", 2)
"""Stands for a message of QoS 2 that its receiver has, so that it need not be held any longer."""


class Outgoing(msgspec.Struct, gc=False):
    """A publication for one session, as it is queued. `packet_id` is 0 until it is sent with QoS 1 or 2.

    `number` is its place among those of its session, if that outlives the process; `stored`: so it stands in the store.
    """

    publication: Publication
    qos: int
    retain: bool
    subscription_ids: tuple[int, ...] = ()
    packet_id: int = 0
    dup: bool = False
    number: int = 0
    stored: bool = False

    @property
    def released(self) -> bool:
        return self.publication is RELEASED

    def is_expired(self) -> bool:
        """A repeat of QoS 2 is still to be sent: its receiver may have the message, and keeps the packet id for it."""
        return self.publication.is_expired() and not (self.dup and self.qos == 2)

    def packet(self) -> Packet:
        publication = self.publication
        if publication is RELEASED:
            return PubRelPacket(self.packet_id)
        return PublishPacket(
            publication.topic,
            publication.payload,
            self.qos,
            self.retain,
            self.packet_id,
            self.dup,
            0,
            self.subscription_ids,
            0,
            publication.expiry_s(),
            publication.properties,
        )


def _size(properties: MessageProperties) -> int:
    texts = [properties.content_type or "", properties.response_topic or ""]
    texts += [text for pair in properties.user_properties for text in pair]
    return len(properties.correlation_data or b"") + sum(map(len, texts))
