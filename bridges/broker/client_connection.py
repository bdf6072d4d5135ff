"""One client's connection: the login, then its packets turned into calls of session and router."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from bridges.mqtt.packets import (
    ConnAckPacket,
    ConnectPacket,
    DisconnectPacket,
    Packet,
    PingReqPacket,
    PingRespPacket,
    PubAckPacket,
    PublishPacket,
    PubRelPacket,
    ReasonCode,
    SubAckPacket,
    SubscribePacket,
    UnsubAckPacket,
    UnsubscribePacket,
    Will,
    pubcomp,
)
from devices.runtime.addresses import network_of

from .authentication import Principal
from .client_bounds import ClientBounds
from .delayed_refusals import DelayedRefusals
from .errors import LoginRefused
from .intake import Inlet, Intake
from .limits import Limits
from .login import SERVER_UNAVAILABLE, Logins, check_connect, may_publish
from .newcomers import Newcomers
from .packet_connection import INTAKE, LOGIN, PacketConnection
from .publication import Publication
from .router import REFUSED, Router
from .session import Session
from .sessions import Sessions
from .sink import Done, Published
from .stats import CLOSED, REFUSED_LOGINS
from .throttled_log import ThrottledLog, log
from .topics import check_topic

TOPICS_REMEMBERED = 256  # per connection: most clients publish to a handful
QUIET = ("disconnected", "connection_lost", "taken_over", "account_disconnected", "stopped", "login_refused")


@dataclass(frozen=True, slots=True)
class Shared:
    """The objects that all connections of a broker share."""

    logins: Logins
    newcomers: Newcomers
    refusals: DelayedRefusals
    limits: Limits
    bounds: ClientBounds
    stats: Counter[str]
    warnings: ThrottledLog
    router: Router
    sessions: Sessions
    inlet: Inlet
    connections: set[ClientConnection]


class ClientConnection(PacketConnection):
    def __init__(self, shared: Shared) -> None:
        super().__init__(shared.limits, shared.bounds, shared.stats, shared.warnings)
        self.account: str | None = None  # as claimed in CONNECT; authenticated once there is a session
        self.network = ""
        self.session: Session | None = None
        self.intake: Intake | None = None
        self._shared = shared
        self._will: Will | None = None
        self._login: asyncio.Task[None] | None = None
        self._topics: dict[str, bool] = {}  # whether the client may publish there

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self.network = network_of(peer[0]) if isinstance(peer, tuple) else ""
        self._shared.connections.add(self)
        self.close_after(self.limits.connect_timeout_s, "connect_timeout")
        self._shared.newcomers.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._shared.connections.discard(self)

    def on_packet(self, packet: Packet) -> None:
        _HANDLERS[type(packet)](self, packet)

    def on_unsupported_version(self) -> None:
        self._refuse(LoginRefused(ReasonCode.UNSUPPORTED_PROTOCOL_VERSION, "protocol_version"))

    def pause_intake(self) -> None:
        self.hold(INTAKE)

    def resume_intake(self) -> None:
        if not self.closing:
            self.release(INTAKE)

    def pump(self) -> None:
        if self.session is not None:
            self.session.pump()

    def on_end(self, reason: str) -> None:
        if reason not in QUIET:
            self.warnings.warn(reason, "Connection of %r from %s ended: %s", self.account, self.peer, CLOSED[reason])
        if self._login is not None:
            self._login.cancel()
        self._shared.newcomers.discard(self)
        session, self.session = self.session, None
        if session is None:
            return
        self.stats["signed_in"] -= 1
        session.detach()
        if session.clean:
            self._shared.sessions.end(session)
        if self._will is not None and reason not in ("disconnected", "stopped"):
            self._publish_will(self._will, session.principal.name)

    # -- login

    def _on_connect(self, connect: ConnectPacket) -> None:
        self.account = connect.username
        self._shared.newcomers.discard(self)
        try:
            check_connect(connect, self.limits)
        except LoginRefused as refusal:
            self._refuse(refusal)
            return
        self.hold(LOGIN)
        self.close_after(self.limits.authenticate_timeout_s + 1, "connect_timeout")
        self._login = asyncio.get_running_loop().create_task(self._log_in(connect))

    async def _log_in(self, connect: ConnectPacket) -> None:
        try:
            principal = await self._shared.logins.authenticate(connect, self.network)
            self._open_session(principal, connect)
        except LoginRefused as refusal:
            self._refuse(refusal)
        except Exception:
            log.exception("The login of %r from %s could not be handled", self.account, self.peer)
            self.close("internal_error")
        finally:
            self._login = None

    def _open_session(self, principal: Principal, connect: ConnectPacket) -> None:
        sessions = self._shared.sessions
        full = self.stats["signed_in"] >= self.limits.connections
        if full and not sessions.is_connected(principal.name, connect.client_id):
            raise LoginRefused(SERVER_UNAVAILABLE, "too_many_connections")
        session, present = sessions.open(principal, connect.client_id, self, clean=connect.clean_start)
        self.session = session
        self.intake = Intake(self, session, self._shared.inlet, self.limits)
        self.account = principal.name
        self._will = connect.will
        self.stats["accepted_logins"] += 1
        self.stats["signed_in"] += 1
        log.debug("%r connected from %s", principal.name, self.peer)
        self.send(ConnAckPacket(session_present=present))
        self.keep_alive(connect.keep_alive_s * 1.5)
        self.login_done()
        self.release(LOGIN)

    def _refuse(self, refusal: LoginRefused) -> None:
        self.stats[f"refused_logins.{refusal.reason}"] += 1
        if refusal.late:
            self.close_after(2 * self.limits.refusal_delay_s, "login_refused")  # in place of that of the login
            self._shared.refusals.add(partial(self._answer_refusal, refusal))
        else:
            self._answer_refusal(refusal)

    def _answer_refusal(self, refusal: LoginRefused) -> None:
        if self.closing:
            return
        text = "Login of %r from %s refused: %s"
        self.warnings.warn(refusal.reason, text, self.account, self.peer, REFUSED_LOGINS[refusal.reason])
        self.send(ConnAckPacket(refusal.code))
        self.close("login_refused")

    # -- messages of the client

    def _on_publish(self, publish: PublishPacket) -> None:
        session, intake = self.session, self.intake
        assert session is not None  # noqa: S101
        assert intake is not None  # noqa: S101
        self.stats["received_messages"] += 1
        if publish.size > self.limits.payload_bytes:
            publish = self._cut(publish)
        topic = publish.topic
        allowed = self._topics.get(topic)
        if allowed is None:
            allowed = self._may_publish(topic, session.principal)
        done: Done | None = None
        if publish.qos:
            pending = intake.expect(publish)
            if pending is None:
                return
            done = pending.done
        if not allowed:
            self.stats["refused_publishes"] += 1
            if done is not None:
                done()
            return
        name = session.principal.name
        self._hand_on(Published(name, topic, publish.payload, publish.size, publish.qos, publish.retain), done)
        intake.check_room()

    def _cut(self, publish: PublishPacket) -> PublishPacket:
        self.stats["dropped.too_large"] += 1
        excerpt = min(self.limits.excerpt_bytes, self.limits.payload_bytes)
        return msgspec.structs.replace(publish, payload=publish.payload[:excerpt])

    def _hand_on(self, published: Published, done: Done | None) -> None:
        """To the sink and, unless it is too large, to the sessions subscribed."""
        router = self._shared.router
        retain = self._shared.inlet.sink.offer(published, done) and published.retain
        if published.size == len(published.payload) and (retain or router.wants(published.topic)):
            publication = Publication(published.topic, published.payload, published.qos)
            router.publish(publication, retain=retain, account=published.account)

    def _publish_will(self, will: Will, account: str) -> None:
        published = Published(account, will.topic, will.payload, len(will.payload), will.qos, will.retain)
        self._hand_on(published, _nobody_waits)

    def _may_publish(self, topic: str, principal: Principal) -> bool:
        """A refused message is acknowledged all the same: MQTT 3.1.1 has no other answer but to close the connection.

        Raises `ProtocolError` for an invalid topic.
        """
        check_topic(topic, self.limits)
        allowed = may_publish(principal, topic)
        if not allowed:
            self.warnings.warn("publish", "%r may not publish to %r", self.account, topic)
        if len(self._topics) >= TOPICS_REMEMBERED:
            self._topics.clear()
        self._topics[topic] = allowed
        return allowed

    def _on_pubrel(self, pubrel: PubRelPacket) -> None:
        if self.session is not None:
            self.session.received.pop(pubrel.packet_id, None)
        self.send_bytes(pubcomp(pubrel.packet_id))

    # -- messages for the client

    def _on_puback(self, puback: PubAckPacket) -> None:
        if self.session is not None:
            self.session.acknowledge(puback.packet_id)

    def _on_subscribe(self, subscribe: SubscribePacket) -> None:
        assert self.session is not None  # noqa: S101
        router, session = self._shared.router, self.session
        wanted = subscribe.subscriptions
        codes = [router.subscribe(session, each.filter, each.qos) for each in wanted]
        self.send(SubAckPacket(subscribe.packet_id, tuple(codes)))
        for each, code in zip(wanted, codes, strict=True):
            if code == REFUSED:
                self.warnings.warn("subscribe", "%r may not subscribe to %r", self.account, each.filter)
            else:
                router.deliver_retained(session, each.filter, code)

    def _on_unsubscribe(self, unsubscribe: UnsubscribePacket) -> None:
        assert self.session is not None  # noqa: S101
        for topic_filter in unsubscribe.filters:
            self._shared.router.unsubscribe(self.session, topic_filter)
        self.send(UnsubAckPacket(unsubscribe.packet_id))

    def _on_pingreq(self, _: PingReqPacket) -> None:
        self.send(PingRespPacket())

    def _on_disconnect(self, _: DisconnectPacket) -> None:
        self.close("disconnected")


def _nobody_waits() -> None:
    """For a will: its client is gone, so the sink must not count on its being sent again."""


_HANDLERS: dict[type, Callable[[ClientConnection, Any], None]] = {
    ConnectPacket: ClientConnection._on_connect,
    PublishPacket: ClientConnection._on_publish,
    PubAckPacket: ClientConnection._on_puback,
    PubRelPacket: ClientConnection._on_pubrel,
    SubscribePacket: ClientConnection._on_subscribe,
    UnsubscribePacket: ClientConnection._on_unsubscribe,
    PingReqPacket: ClientConnection._on_pingreq,
    DisconnectPacket: ClientConnection._on_disconnect,
}
