"""The broker as the hub sees it: started on a bound socket, stopped, asked to end connections, read for its counts."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from pathlib import Path

from bridges.mqtt.packets import MessageProperties
from devices.runtime.login_throttle import LoginThrottle

from .authentication import Authenticator, Principal
from .client_bounds import ClientBounds
from .client_connection import ClientConnection, Shared
from .delayed_refusals import DelayedRefusals
from .exchange import Exchange
from .intake import Inlet
from .limits import Limits
from .listening import SocketListener
from .login import Logins
from .newcomers import Newcomers
from .packet_connection import CLOSE_GRACE_S
from .publication import Publication
from .publisher import PublishingContext
from .router import Router
from .sessions import Sessions
from .sink import NoSink, Sink
from .state_keeper import StateKeeper
from .stats import new_stats
from .throttled_log import ThrottledLog
from .tls import TlsHandshakes, TlsListener
from .wills import Wills


class Broker:
    """A broker of MQTT 3.1, 3.1.1 and 5 on the running event loop, for logged-in clients only.

    `sock` is a bound stream socket; the broker listens on it, and on that of `tls`, and closes them in `stop`.
    Sessions and retained messages live in memory; with `state`, a file, they come back at the next start.
    `sink` receives all that is published, and decides when it is acknowledged; without one that is at once.
    `throttle` slows down those who guess; other ways to sign in may share it.
    """

    def __init__(
        self,
        authenticator: Authenticator,
        sock: socket.socket,
        limits: Limits | None = None,
        sink: Sink | None = None,
        throttle: LoginThrottle | None = None,
        tls: TlsListener | None = None,
        state: Path | None = None,
    ) -> None:
        limits = limits or Limits()
        stats = new_stats()
        warnings = ThrottledLog()
        router = Router(limits, stats)
        self._inlet = inlet = Inlet(sink or NoSink())
        exchange = Exchange(router, inlet, limits, stats)
        wills = Wills(exchange.publish_will)
        self._shared = Shared(
            logins=Logins(authenticator, limits, throttle or LoginThrottle()),
            newcomers=Newcomers(limits),
            refusals=DelayedRefusals(limits),
            limits=limits,
            bounds=ClientBounds(limits),
            stats=stats,
            warnings=warnings,
            router=router,
            sessions=Sessions(limits, stats, router, wills, warnings),
            wills=wills,
            publishing=PublishingContext(limits, stats, warnings, inlet, exchange),
            connections=set(),
        )
        self._state: StateKeeper | None = None
        if state is not None:
            self._state = StateKeeper(state, self._shared.sessions, router.retained, authenticator, stats, warnings)
        self._stopped = True
        self._listeners = [SocketListener(sock, self.new_connection)]
        self._handshakes: TlsHandshakes | None = None
        if tls is not None:
            newcomers = self._shared.newcomers
            self._handshakes = TlsHandshakes(tls.context, limits, stats, newcomers, self.new_connection)
            self._listeners.append(SocketListener(tls.sock, self._handshakes.begin))

    @property
    def stats(self) -> Counter[str]:
        """Counts since the start by name, see `stats.py`; live, for reading."""
        return self._shared.stats

    async def start(self) -> None:
        if self._state is not None:
            await self._state.start()
        for listener in self._listeners:
            await listener.start()
        self._stopped = False

    async def stop(self) -> None:
        """Closes the listeners and all connections, without wills, and writes the state."""
        for listener in self._listeners:
            await listener.accept_no_more()
        self._stopped = True
        if self._handshakes is not None:
            self._handshakes.close()
        await self._end(list(self._shared.connections), "stopped")
        for listener in self._listeners:
            await listener.stop()
        self._shared.newcomers.close()
        self._shared.refusals.close()
        self._shared.wills.close()
        if self._state is not None:
            await self._state.stop()
        self._shared.sessions.clear()
        self._shared.router.retained.clear()

    def new_connection(self) -> ClientConnection:
        """The protocol of a connection that comes by another way than the broker's sockets; give it a transport."""
        if self._stopped:
            raise ConnectionRefusedError("the broker does not run")
        return ClientConnection(self._shared)

    def pause_reading(self) -> None:
        """The sink has enough: a connection with messages there is not read; each other may still send one."""
        self._inlet.paused = True
        for connection in self._shared.connections:
            if connection.publisher is not None:
                connection.publisher.intake.check_room()

    def resume_reading(self) -> None:
        self._inlet.paused = False
        for connection in self._shared.connections:
            if connection.publisher is not None:
                connection.publisher.intake.go_on()

    def publish(
        self,
        topic: str,
        payload: bytes,
        expires_in_s: float | None = None,
        *,
        qos: int = 1,
        retain: bool = False,
        properties: MessageProperties | None = None,
    ) -> None:
        """Delivers a message of the hub itself to the sessions subscribed. The sink does not receive it.

        Nobody acknowledges: a session without a connection keeps it, within its limits and until it expires.
        """
        publication = Publication(topic, payload, qos, retain=retain, properties=properties, expires_in_s=expires_in_s)
        self._shared.router.publish(publication, keep=retain, account="")

    def retained(self, topic_filter: str) -> list[tuple[str, bytes]]:
        """Topic and payload of the retained messages that the filter matches."""
        found = self._shared.router.retained.matching(topic_filter)
        return [(publication.topic, publication.payload) for publication in found]

    async def written(self) -> None:
        """Returns once what has been published so far, and waits in a session that lasts, is in the file with the
        state: then it is not lost with the process. Does not wait for a disk that cannot be written."""
        if self._state is not None:
            await self._state.written()

    def principals(self) -> set[Principal]:
        """Those of all sessions, with and without a connection."""
        return self._shared.sessions.principals()

    def replace(self, old: Principal, new: Principal) -> None:
        """Gives the sessions of `old` another principal of the same name, which may receive something else.

        Their subscriptions stay. What is queued and `new` may not receive is dropped.
        """
        self._shared.sessions.replace(old, new)

    def expel(self, principal: Principal, *, forget: bool = False) -> None:
        """Ends the connections that signed in as this principal, without their wills. With `forget`, its persistent
        sessions end too."""
        for connection in [each for each in self._shared.connections if each.is_of(principal)]:
            connection.drop_will()
            connection.close("account_disconnected")
        if forget:
            self._shared.sessions.end_all(principal.name, principal)

    async def disconnect(self, name: str, *, forget: bool = False) -> None:
        """Ends all connections of an account, also one that is logging in; wills are published.

        Without `forget` its persistent sessions stay for the next login (a rotated secret); with it they end, and its
        retained messages go (a removed device).
        """
        await self._end(
            [connection for connection in self._shared.connections if connection.account == name],
            "account_disconnected",
        )
        if forget:
            self._shared.sessions.end_all(name)
            self._shared.router.retained.forget(name)

    async def _end(self, connections: list[ClientConnection], reason: str) -> None:
        for connection in connections:
            connection.close(reason)
        if connections:
            await asyncio.wait([connection.closed for connection in connections], timeout=2 * CLOSE_GRACE_S)
