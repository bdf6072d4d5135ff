"""One client's connection: the login, then its packets turned into calls of session, publisher and router."""

from __future__ import annotations

import asyncio
import sys
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
    PubCompPacket,
    PublishPacket,
    PubRecPacket,
    PubRelPacket,
    ReasonCode,
    SubscribePacket,
    UnsubscribePacket,
    Version,
    Will,
    pubcomp,
    pubrel,
)
from devices.runtime.addresses import network_of

from . import subscribing, terms
from .authentication import Principal, account_limits
from .client_bounds import ClientBounds
from .delayed_refusals import DelayedRefusals
from .errors import DISCONNECT_CODES, LoginRefused, ProtocolError
from .limits import Limits
from .login import SERVER_BUSY, Logins, check_connect, has_foreign_will
from .newcomers import Newcomers
from .packet_connection import INTAKE, LOGIN, PacketConnection
from .publisher import Publisher, PublishingContext
from .router import Router
from .session import Session
from .sessions import Sessions
from .sink import ForbiddenRequest
from .stats import CLOSED, REFUSED_LOGINS
from .throttled_log import ThrottledLog, log
from .topic_aliases import OutgoingAliases
from .wills import Wills

QUIET = (
    "disconnected",
    "disconnected_with_will",
    "connection_lost",
    "taken_over",
    "account_disconnected",
    "stopped",
    "login_refused",
)
REPORTED_LOGINS = {"foreign_will": "will", "too_many_sessions": "connect"}
"""Refusals of accounts whose secret was right, and what was asked for, in the words of `ForbiddenRequest`."""


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
    wills: Wills
    publishing: PublishingContext
    connections: set[ClientConnection]


class ClientConnection(PacketConnection):
    __slots__ = (
        "_aliases",
        "_largest",
        "_login",
        "_shared",
        "_will",
        "account",
        "network",
        "publisher",
        "session",
        "wants_reasons",
    )

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared.limits, shared.bounds, shared.stats, shared.warnings)
        self.account: str | None = None  # as claimed in CONNECT; authenticated once there is a session
        self.network = ""
        self.session: Session | None = None
        self.publisher: Publisher | None = None
        self.wants_reasons = True
        self._shared = shared
        self._will: Will | None = None
        self._login: asyncio.Task[None] | None = None
        self._aliases: OutgoingAliases | None = None
        self._largest = sys.maxsize  # bytes of a packet that the client accepts

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

    def is_of(self, principal: Principal) -> bool:
        return self.session is not None and self.session.principal == principal

    def drop_will(self) -> None:
        self._will = None

    def pump(self) -> None:
        if self.session is not None:
            self.session.pump()

    def send_message(self, packet: Packet) -> bool:
        """For the session. False: it is larger than the client accepts, and not sent."""
        aliases = self._aliases
        if aliases is not None and isinstance(packet, PublishPacket):
            packet = aliases.apply(packet)
        data = self._codec.write(packet)
        if len(data) > self._largest:
            return False
        if aliases is not None and isinstance(packet, PublishPacket):
            aliases.sent(packet)
        self.send_bytes(data)
        return True

    def send(self, packet: Packet) -> None:
        """Without its reason where that makes it larger than the client accepts."""
        data = self._codec.write(packet)
        if len(data) > self._largest and getattr(packet, "reason", None) is not None:
            data = self._codec.write(msgspec.structs.replace(packet, reason=None))
        self.send_bytes(data)

    def on_end(self, reason: str) -> None:
        if reason not in QUIET:
            self.warnings.warn(reason, "Connection of %r from %s ended: %s", self.account, self.peer, CLOSED[reason])
        if self._login is not None:
            self._login.cancel()
        self._shared.newcomers.discard(self)
        session, self.session = self.session, None
        if session is None:
            return
        if self.version is Version.V5 and reason in DISCONNECT_CODES:
            self.send(DisconnectPacket(DISCONNECT_CODES[reason], CLOSED[reason]))
        self.stats["signed_in"] -= 1
        self._shared.sessions.leave(session)
        if self._will is not None and reason not in ("disconnected", "stopped"):
            self._shared.wills.lost(session, self._will)

    # -- login

    def _on_connect(self, connect: ConnectPacket) -> None:
        self.account = connect.username
        self.speak(connect.version)
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
        account = connect.username
        try:
            principal = await self._shared.logins.authenticate(connect, self.network)
            account = principal.name
            self._open_session(principal, connect)
        except LoginRefused as refusal:
            self._report(refusal, connect, account)
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
            raise LoginRefused(SERVER_BUSY, "too_many_connections")
        own = account_limits(principal)
        self._shared.router.retained.grant(principal.name, own)
        session, present = sessions.open(principal, connect, self)
        self.session = session
        self.publisher = Publisher(self, session, self._shared.publishing)
        self.account = principal.name
        self._will = self._permitted_will(principal, connect)
        self._agree(connect)
        self.stats["accepted_logins"] += 1
        self.stats["signed_in"] += 1
        self.report_sign_in(principal.name)
        log.debug("%r connected from %s with MQTT %s", principal.name, self.peer, connect.version.label)
        self.send(terms.answer(connect, principal, session.client_id, self.limits, present=present))
        self.keep_alive(terms.keep_alive_s(connect, self.limits) * 1.5)
        self.login_done(None if own is None else own.payload_bytes)
        self.release(LOGIN)

    def _permitted_will(self, principal: Principal, connect: ConnectPacket) -> Will | None:
        if connect.will is None or not has_foreign_will(principal, connect):
            return connect.will
        self._shared.publishing.inlet.sink.report(ForbiddenRequest(principal.name, "will", connect.will.topic))
        return None

    def _agree(self, connect: ConnectPacket) -> None:
        """What a client of MQTT 5 has asked of the packets for it."""
        self.wants_reasons = connect.wants_reasons
        if connect.maximum_packet_size is not None:
            self._largest = connect.maximum_packet_size
        aliases = min(connect.topic_alias_maximum, self.limits.topic_aliases)
        self._aliases = OutgoingAliases(aliases) if aliases else None

    def _report(self, refusal: LoginRefused, connect: ConnectPacket, account: str | None) -> None:
        action = REPORTED_LOGINS.get(refusal.reason)
        if action is not None and account is not None:
            topic = connect.will.topic if connect.will is not None and action == "will" else ""
            self._shared.publishing.inlet.sink.report(ForbiddenRequest(account, action, topic))

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
        self.send(ConnAckPacket(refusal.code, reason=REFUSED_LOGINS[refusal.reason]))
        self.close("login_refused")

    # -- after the login; `_HANDLERS` only has what a client may send, and the bounds let nothing else through before it

    def _on_publish(self, publish: PublishPacket) -> None:
        assert self.publisher is not None  # noqa: S101
        self.publisher.receive(publish)

    def _on_pubrel(self, pubrel: PubRelPacket) -> None:
        known = self.publisher is not None and self.publisher.intake.release(pubrel.packet_id)
        if known or self.version is not Version.V5:
            self.send_bytes(pubcomp(pubrel.packet_id))
        else:
            self.send(PubCompPacket(pubrel.packet_id, ReasonCode.PACKET_ID_NOT_FOUND))

    def _on_puback(self, puback: PubAckPacket) -> None:
        if self.session is not None:
            self.session.acknowledge(puback.packet_id)

    def _on_pubrec(self, pubrec: PubRecPacket) -> None:
        assert self.session is not None  # noqa: S101
        refused = pubrec.reason_code.is_failure
        known = self.session.mark_received(pubrec.packet_id, refused=refused)
        if refused:
            return
        if known or self.version is not Version.V5:
            self.send_bytes(pubrel(pubrec.packet_id))
        else:
            self.send(PubRelPacket(pubrec.packet_id, ReasonCode.PACKET_ID_NOT_FOUND))

    def _on_pubcomp(self, pubcomp: PubCompPacket) -> None:
        if self.session is not None:
            self.session.complete(pubcomp.packet_id)

    def _on_subscribe(self, subscribe: SubscribePacket) -> None:
        assert self.session is not None  # noqa: S101
        router, sink = self._shared.router, self._shared.publishing.inlet.sink
        answer, are_new = subscribing.subscribe(
            subscribe, self.session, router, sink, self.warnings, with_reason=self.wants_reasons
        )
        self.send(answer)
        subscribing.deliver_retained(subscribe, answer, are_new, self.session, router)

    def _on_unsubscribe(self, unsubscribe: UnsubscribePacket) -> None:
        assert self.session is not None  # noqa: S101
        self.send(subscribing.unsubscribe(unsubscribe, self.session, self._shared.router))

    def _on_pingreq(self, _: PingReqPacket) -> None:
        self.send(PingRespPacket())

    def _on_disconnect(self, disconnect: DisconnectPacket) -> None:
        assert self.session is not None  # noqa: S101
        if disconnect.session_expiry_s is not None:
            if disconnect.session_expiry_s and not self.session.expiry_s:
                raise ProtocolError("protocol_error")
            self.session.expiry_s = min(disconnect.session_expiry_s, self.limits.session_expiry_s)
        with_will = disconnect.reason_code is not ReasonCode.NORMAL_DISCONNECTION
        self.close("disconnected_with_will" if with_will else "disconnected")


_HANDLERS: dict[type, Callable[[ClientConnection, Any], None]] = {
    ConnectPacket: ClientConnection._on_connect,
    PublishPacket: ClientConnection._on_publish,
    PubAckPacket: ClientConnection._on_puback,
    PubRecPacket: ClientConnection._on_pubrec,
    PubRelPacket: ClientConnection._on_pubrel,
    PubCompPacket: ClientConnection._on_pubcomp,
    SubscribePacket: ClientConnection._on_subscribe,
    UnsubscribePacket: ClientConnection._on_unsubscribe,
    PingReqPacket: ClientConnection._on_pingreq,
    DisconnectPacket: ClientConnection._on_disconnect,
}
