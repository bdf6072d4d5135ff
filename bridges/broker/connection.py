"""One client's connection: the login, then its packets turned into calls of session and router."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from .accounts import Accounts, Principal
from .control import (
    NOT_AUTHORIZED,
    SERVER_UNAVAILABLE,
    Connect,
    Will,
    connack,
    read_connect,
    read_subscribe,
    read_unsubscribe,
    suback,
    unsuback,
)
from .errors import LoginRefused
from .framing import PacketSizes
from .intake import Inlet, Intake
from .limits import Limits
from .link import INTAKE, LOGIN, Link
from .packets import (
    CONNECT,
    DISCONNECT,
    PINGREQ,
    PINGRESP_PACKET,
    PUBACK,
    PUBLISH,
    PUBREL,
    SUBSCRIBE,
    UNSUBSCRIBE,
    Message,
    Publish,
    pubcomp,
    read_packet_id,
    read_publish,
)
from .report import Report, log
from .router import REFUSED, Router
from .session import Session
from .sessions import Sessions
from .sink import Done, Published
from .stats import CLOSED, REFUSED_LOGINS
from .topics import read_topic

TOPICS_REMEMBERED = 256  # per connection: most clients publish to a handful
QUIET = ("disconnected", "connection_lost", "taken_over", "account_disconnected", "stopped", "login_refused")


@dataclass(frozen=True, slots=True)
class Shared:
    """What all connections of a broker have in common."""

    accounts: Accounts
    limits: Limits
    sizes: PacketSizes
    stats: Counter[str]
    report: Report
    router: Router
    sessions: Sessions
    inlet: Inlet
    links: set[Connection]


class Connection(Link):
    def __init__(self, shared: Shared) -> None:
        super().__init__(shared.limits, shared.sizes, shared.stats, shared.report)
        self.account: str | None = None  # as claimed in CONNECT; authenticated once there is a session
        self.session: Session | None = None
        self.intake: Intake | None = None
        self._shared = shared
        self._will: Will | None = None
        self._login: asyncio.Task[None] | None = None
        self._topics: dict[bytes, str | None] = {}  # None: may not publish there

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        links = self._shared.links
        full = len(links) >= self.limits.connections
        links.add(self)
        if full:
            self.close("too_many_connections")
        else:
            self.close_after(self.limits.connect_timeout_s, "connect_timeout")

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._shared.links.discard(self)

    def packet(self, first: int, body: bytes) -> None:
        _HANDLERS[first >> 4](self, first, body)

    def cut_packet(self, first: int, body: bytes, length: int) -> None:
        self.stats["dropped.too_large"] += 1
        publish = read_publish(first, body)
        self._take(publish, len(publish.payload) + length - len(body))

    def pause_intake(self) -> None:
        self.hold(INTAKE)

    def resume_intake(self) -> None:
        if not self.closing:
            self.release(INTAKE)

    def pump(self) -> None:
        if self.session is not None:
            self.session.pump()

    def left(self, reason: str) -> None:
        if reason not in QUIET:
            self.report.warn(reason, "Connection of %r from %s ended: %s", self.account, self.peer, CLOSED[reason])
        if self._login is not None:
            self._login.cancel()
        session, self.session = self.session, None
        if session is None:
            return
        session.detach()
        if session.clean:
            self._shared.sessions.end(session)
        if self._will is not None and reason not in ("disconnected", "stopped"):
            self._publish_will(self._will, session.principal.name)

    # -- login

    def _on_connect(self, first: int, body: bytes) -> None:
        try:
            connect = read_connect(first, body, self.limits)
            self.account = connect.username
            if connect.username is None:
                raise LoginRefused(NOT_AUTHORIZED, "anonymous")
        except LoginRefused as refusal:
            self._refuse(refusal)
            return
        self.hold(LOGIN)
        self.close_after(self.limits.authenticate_timeout_s + 1, "connect_timeout")
        self._login = asyncio.get_running_loop().create_task(self._log_in(connect))

    async def _log_in(self, connect: Connect) -> None:
        try:
            principal = await self._authenticate(connect)
            if connect.will is not None and not _may_publish(principal, connect.will.message.topic):
                raise LoginRefused(NOT_AUTHORIZED, "foreign_will")
            self._open_session(principal, connect)
        except LoginRefused as refusal:
            self._refuse(refusal)
        except Exception:
            log.exception("The login of %r from %s could not be handled", self.account, self.peer)
            self.close("internal_error")
        finally:
            self._login = None

    async def _authenticate(self, connect: Connect) -> Principal:
        if connect.username is None or connect.password is None:
            raise LoginRefused(NOT_AUTHORIZED, "bad_credentials")
        try:
            async with asyncio.timeout(self.limits.authenticate_timeout_s):
                principal = await self._shared.accounts.authenticate(connect.username, connect.password)
        except TimeoutError:
            raise LoginRefused(SERVER_UNAVAILABLE, "authentication_timeout") from None
        except Exception as error:
            # Only the type: the text of an error of the look-up may hold what was looked up.
            log.error("Looking up an account failed: %s", type(error).__name__)
            raise LoginRefused(SERVER_UNAVAILABLE, "authentication_failed") from error
        if principal is None:
            raise LoginRefused(NOT_AUTHORIZED, "bad_credentials")
        return principal

    def _open_session(self, principal: Principal, connect: Connect) -> None:
        sessions = self._shared.sessions
        session, present = sessions.open(principal, connect.client_id, self, clean=connect.clean_session)
        self.session = session
        self.intake = Intake(self, session, self._shared.inlet, self.limits)
        self.account = principal.name
        self._will = connect.will
        self.stats["accepted_logins"] += 1
        log.debug("%r connected from %s", principal.name, self.peer)
        self.send(connack(session_present=present))
        self.keep_alive(connect.keep_alive_s * 1.5)
        self.login_done()
        self.release(LOGIN)

    def _refuse(self, refusal: LoginRefused) -> None:
        self.stats[f"refused_logins.{refusal.reason}"] += 1
        text = "Login of %r from %s refused: %s"
        self.report.warn(refusal.reason, text, self.account, self.peer, REFUSED_LOGINS[refusal.reason])
        self.send(connack(refusal.code))
        self.close("login_refused")

    # -- publishing

    def _on_publish(self, first: int, body: bytes) -> None:
        publish = read_publish(first, body)
        self._take(publish, len(publish.payload))

    def _take(self, publish: Publish, size: int) -> None:
        """`size`: of the whole payload, where that of `publish` is cut."""
        session, intake = self.session, self.intake
        assert session is not None  # noqa: S101
        assert intake is not None  # noqa: S101
        self.stats["received_messages"] += 1
        topic = self._topics.get(publish.topic_bytes, "")
        if topic == "":
            topic = self._check_topic(publish.topic_bytes)
        done: Done | None = None
        if publish.qos:
            pending = intake.expect(publish)
            if pending is None:
                return
            done = pending.done
        if topic is None:
            self.stats["refused_publishes"] += 1
            if done is not None:
                done()
            return
        published = Published(session.principal.name, topic, publish.payload, size, publish.qos, publish.retain)
        self._hand_on(published, publish.topic_bytes, done)
        intake.check_room()

    def _hand_on(self, published: Published, topic_bytes: bytes, done: Done | None) -> None:
        """To the sink and, unless it is too large, to the sessions subscribed."""
        router = self._shared.router
        retain = self._shared.inlet.sink.take(published, done) and published.retain
        if published.size == len(published.payload) and (retain or router.wants(published.topic)):
            message = Message(published.topic, topic_bytes, published.payload, published.qos)
            router.publish(message, retain=retain, account=published.account)

    def _publish_will(self, will: Will, account: str) -> None:
        message = will.message
        published = Published(account, message.topic, message.payload, len(message.payload), message.qos, will.retain)
        self._hand_on(published, message.topic_bytes, _nobody_waits)

    def _check_topic(self, topic_bytes: bytes) -> str | None:
        """The topic, or None where this account may not publish. A refused message is acknowledged all the same:
        MQTT 3.1.1 has no other answer but to close the connection."""
        assert self.session is not None  # noqa: S101
        topic = read_topic(topic_bytes, self.limits)
        allowed = _may_publish(self.session.principal, topic)
        if not allowed:
            self.report.warn("publish", "%r may not publish to %r", self.account, topic)
        if len(self._topics) >= TOPICS_REMEMBERED:
            self._topics.clear()
        self._topics[topic_bytes] = topic if allowed else None
        return self._topics[topic_bytes]

    def _on_pubrel(self, first: int, body: bytes) -> None:
        packet_id = read_packet_id(body)
        if self.session is not None:
            self.session.received.pop(packet_id, None)
        self.send(pubcomp(packet_id))

    # -- receiving

    def _on_puback(self, first: int, body: bytes) -> None:
        if self.session is not None:
            self.session.acknowledge(read_packet_id(body))

    def _on_subscribe(self, first: int, body: bytes) -> None:
        assert self.session is not None  # noqa: S101
        packet_id, filters = read_subscribe(first, body)
        router, session = self._shared.router, self.session
        codes = [router.subscribe(session, topic_filter, qos) for topic_filter, qos in filters]
        self.send(suback(packet_id, codes))
        for (topic_filter, _), code in zip(filters, codes, strict=True):
            if code == REFUSED:
                self.report.warn("subscribe", "%r may not subscribe to %r", self.account, topic_filter)
            else:
                router.deliver_retained(session, topic_filter, code)

    def _on_unsubscribe(self, first: int, body: bytes) -> None:
        assert self.session is not None  # noqa: S101
        packet_id, filters = read_unsubscribe(first, body)
        for topic_filter in filters:
            self._shared.router.unsubscribe(self.session, topic_filter)
        self.send(unsuback(packet_id))

    def _on_pingreq(self, first: int, body: bytes) -> None:
        self.send(PINGRESP_PACKET)

    def _on_disconnect(self, first: int, body: bytes) -> None:
        self.close("disconnected")


def _nobody_waits() -> None:
    """For a will: its client is gone, so the sink must not count on its being sent again."""


def _may_publish(principal: Principal, topic: str) -> bool:
    return not topic.startswith("$") and principal.may_publish(topic)


_HANDLERS: dict[int, Callable[[Connection, int, bytes], None]] = {
    CONNECT: Connection._on_connect,
    PUBLISH: Connection._on_publish,
    PUBACK: Connection._on_puback,
    PUBREL: Connection._on_pubrel,
    SUBSCRIBE: Connection._on_subscribe,
    UNSUBSCRIBE: Connection._on_unsubscribe,
    PINGREQ: Connection._on_pingreq,
    DISCONNECT: Connection._on_disconnect,
}
