"""What a signed-in connection publishes: its topics, its right to them, and the way to sink and subscribers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import msgspec

from bridges.mqtt.packets import PublishPacket, ReasonCode, Version

from .authentication import account_limits
from .errors import ProtocolError
from .exchange import Exchange
from .intake import Inlet, Intake, PublishingConnection
from .limits import Limits
from .login import may_publish
from .pending import Pending
from .session import Session
from .sink import Done, ForbiddenRequest, Unaccepted
from .throttled_log import ThrottledLog
from .topic_aliases import IncomingAliases
from .topics import check_response_topic, check_topic

TOPICS_REMEMBERED = 256  # per connection: most clients publish to a handful
NOT_ALLOWED = Unaccepted(ReasonCode.NOT_AUTHORIZED, "this account may not publish on this topic")


@dataclass(frozen=True, slots=True)
class PublishingContext:
    """The objects that all publishers of a broker share."""

    limits: Limits
    stats: Counter[str]
    warnings: ThrottledLog
    inlet: Inlet
    exchange: Exchange


class Publisher:
    __slots__ = ("_aliases", "_connection", "_context", "_payload_bytes", "_session", "_topics", "intake")

    def __init__(self, connection: PublishingConnection, session: Session, context: PublishingContext) -> None:
        self.intake = Intake(connection, session, context.inlet, context.limits)
        self._connection = connection
        self._session = session
        self._context = context
        self._topics: dict[str, bool] = {}  # whether the client may publish there
        self._aliases: IncomingAliases | None = None
        own = account_limits(session.principal)
        self._payload_bytes = context.limits.payload_bytes if own is None else own.payload_bytes

    def receive(self, publish: PublishPacket) -> None:
        """Raises `ProtocolError`."""
        context = self._context
        context.stats["received_messages"] += 1
        if publish.topic_alias:
            publish = self._resolve(publish)
        check_response_topic(publish.properties)
        if publish.subscription_ids:  # which only a broker sends
            raise ProtocolError("protocol_error")
        if publish.size > self._payload_bytes:
            publish = self._cut(publish)
        allowed = self._topics.get(publish.topic)
        if allowed is None:
            allowed = self._may_publish(publish)
        pending: Pending | None = None
        if publish.qos:
            pending = self.intake.expect(publish)
            if pending is None:
                return
        done = None if pending is None else pending.done
        if not allowed:
            self._refuse(publish, done)
            return
        delivered = context.exchange.publish(publish, self._session, done)
        if pending is not None:
            pending.delivered = delivered
        self.intake.check_room()

    def _resolve(self, publish: PublishPacket) -> PublishPacket:
        if self._aliases is None:
            self._aliases = IncomingAliases(self._context.limits.topic_aliases)
        return self._aliases.resolve(publish)

    def _cut(self, publish: PublishPacket) -> PublishPacket:
        """A client of MQTT 5 knows what is too large. It is disconnected, after the sink has seen the message."""
        context = self._context
        context.stats["dropped.too_large"] += 1
        excerpt = min(context.limits.excerpt_bytes, context.limits.payload_bytes)
        cut = msgspec.structs.replace(publish, payload=publish.payload[:excerpt])
        if publish.is_cut and self._connection.version is Version.V5:
            if self._may_publish(publish):
                context.exchange.publish(cut, self._session, None)
            raise ProtocolError("packet_too_large")
        return cut

    def _may_publish(self, publish: PublishPacket) -> bool:
        """Raises `ProtocolError` for an invalid topic."""
        topic, principal = publish.topic, self._session.principal
        try:
            check_topic(topic, self._context.limits)
        except ProtocolError:
            self._report(publish)
            raise
        allowed = may_publish(principal, topic)
        if not allowed:
            self._context.warnings.warn("publish", "%r may not publish to %r", principal.name, topic)
        if len(self._topics) >= TOPICS_REMEMBERED:
            self._topics.clear()
        self._topics[topic] = allowed
        return allowed

    def _refuse(self, publish: PublishPacket, done: Done | None) -> None:
        """It is acknowledged all the same: before MQTT 5 there is no other answer but to close the connection."""
        self._context.stats["refused_publishes"] += 1
        self._report(publish)
        if done is not None:
            done(NOT_ALLOWED)

    def _report(self, publish: PublishPacket) -> None:
        name = self._session.principal.name
        excerpt = publish.payload[: self._context.limits.excerpt_bytes]
        self._context.inlet.sink.report(ForbiddenRequest(name, "publish", publish.topic, excerpt, publish.size))
