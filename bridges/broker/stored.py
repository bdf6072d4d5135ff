"""The rows of the store, and how they become objects again. Times are of the clock on the wall, in seconds."""

from __future__ import annotations

import time
from time import monotonic

import msgspec

from bridges.mqtt.packets import MessageProperties

from .grants import Grant
from .publication import RELEASED, Outgoing, Publication
from .session import Session


class StoredPublication(msgspec.Struct, frozen=True, array_like=True):
    topic: str
    payload: bytes
    qos: int
    retain: bool
    publisher: tuple[str, str] | None
    properties: MessageProperties | None
    expires_at: float | None

    @classmethod
    def of(cls, publication: Publication) -> StoredPublication:
        left_s = publication.left_s()
        return cls(
            publication.topic,
            publication.payload,
            publication.qos,
            publication.retain,
            publication.publisher,
            publication.properties,
            None if left_s is None else time.time() + left_s,
        )

    def restored(self) -> Publication:
        return Publication(
            self.topic,
            self.payload,
            self.qos,
            retain=self.retain,
            publisher=self.publisher,
            properties=self.properties,
            expires_in_s=None if self.expires_at is None else self.expires_at - time.time(),
        )


class StoredRetained(msgspec.Struct, frozen=True, array_like=True):
    publication: StoredPublication
    account: str


class StoredMessage(msgspec.Struct, frozen=True, array_like=True):
    """`publication` is None for one of QoS 2 that its receiver has, and that is only to be released."""

    publication: StoredPublication | None
    qos: int
    retain: bool
    subscription_ids: tuple[int, ...]
    packet_id: int

    @classmethod
    def of(cls, outgoing: Outgoing) -> StoredMessage:
        publication = outgoing.publication
        stored = None if publication is RELEASED else StoredPublication.of(publication)
        return cls(stored, outgoing.qos, outgoing.retain, outgoing.subscription_ids, outgoing.packet_id)

    def restored(self, number: int) -> Outgoing:
        """One that was sent before is a repeat."""
        return Outgoing(
            RELEASED if self.publication is None else self.publication.restored(),
            self.qos,
            self.retain,
            self.subscription_ids,
            self.packet_id,
            self.packet_id > 0,
            number,
            True,
        )


class StoredSession(msgspec.Struct, frozen=True, array_like=True):
    """`left_at` is None while its client is connected. `received`: packet ids of QoS 2 that the sink is done
    with, and that are not released."""

    account: str
    client_id: str
    expiry_s: int
    left_at: float | None
    last_id: int
    received: tuple[int, ...]
    subscriptions: tuple[tuple[str, Grant], ...]

    @classmethod
    def of(cls, session: Session) -> StoredSession:
        account, client_id = session.key
        return cls(
            account,
            client_id,
            session.expiry_s,
            None if session.left_at is None else time.time() - (monotonic() - session.left_at),
            session.last_id,
            tuple(packet_id for packet_id, pending in session.received.items() if pending.finished),
            tuple(session.subscriptions.items()),
        )

    def left_s(self) -> float:
        """How much longer it lasts, if its client does not come back."""
        return self.expiry_s - self.gone_s()

    def gone_s(self) -> float:
        """How long its client has been offline; on a clock that was set back since then, not less than nothing."""
        return 0.0 if self.left_at is None else max(0.0, time.time() - self.left_at)
