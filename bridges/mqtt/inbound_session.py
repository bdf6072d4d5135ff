"""A persistent session with a broker, to receive what devices publish.

It is our own code: only a message that has been stored may be acknowledged. aiomqtt acknowledges on receipt, so that a
killed bridge loses what the broker believes delivered. paho can acknowledge later, but spends half of the time of a
message on reading it (docs/benchmarks.md).
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Collection
from dataclasses import dataclass

from bridges.mqtt import inbound_connection
from bridges.mqtt.address import BrokerAddress
from bridges.mqtt.backoff import Backoff
from bridges.mqtt.inbound_connection import InboundConnection, InboundLost, InboundVersionRefused
from bridges.mqtt.packets import (
    NEVER_EXPIRES,
    ConnectPacket,
    PublishPacket,
    SubAckPacket,
    SubscribePacket,
    Subscription,
    UnsubscribePacket,
    Version,
)

logger = logging.getLogger("hubbub.mqtt")

CONNECT_TIMEOUT_S = 10.0
STEADY_S = 5.0
"""A connection that lasts so long was a good one: the next attempts begin with short pauses again."""


@dataclass(frozen=True, slots=True)
class WantedSubscription:
    """A subscription that a session keeps up. `identifier` comes back with each of its messages (MQTT 5; 0: none)."""

    subscription: Subscription
    identifier: int = 0

    @property
    def filter(self) -> str:
        return self.subscription.filter

    def packet(self, packet_id: int) -> SubscribePacket:
        """One subscription a packet: the identifier belongs to the packet."""
        return SubscribePacket(packet_id, (self.subscription,), self.identifier)


class InboundSession:
    """A persistent session, kept up until `stop`. MQTT 5 where the broker offers it, else 3.1.1.

    All on the event loop. `on_message(message, connection)` receives each message; once it is stored, call
    `connection.acknowledge(message.packet_id)`. `on_connected(connection, kept)` is called with whether the broker kept
    the session, and with it messages; `on_ready()` follows once the broker has granted all subscriptions.
    """

    def __init__(
        self,
        address: BrokerAddress,
        client_id: str,
        subscriptions: Collection[WantedSubscription],
        on_message: Callable[[PublishPacket, InboundConnection], None],
        on_connected: Callable[[InboundConnection, bool], None],
        on_ready: Callable[[], None],
        *,
        unwanted: Collection[str] = (),
        needs_v5: bool = False,
        on_failure: Callable[[str], None] = lambda reason: None,
        largest: int = inbound_connection.LARGEST,
    ) -> None:
        """`unwanted`: filters that an earlier session under this client id may have left at the broker.

        `on_failure(reason)` is called when the connection is lost, cannot be made, or is refused a subscription.

        `needs_v5`: the session does not fall back to MQTT 3.1.1.
        """
        self._address = address
        self._client_id = client_id
        self._subscriptions = {each.filter: each for each in subscriptions}
        self._unwanted = set(unwanted)
        self._needs_v5 = needs_v5
        self._on_message = on_message
        self._on_connected = on_connected
        self._on_ready = on_ready
        self._on_failure = on_failure
        self._largest = largest
        self._version = Version.V5
        self._connection: InboundConnection | None = None
        self._packet_id = 0
        self._unanswered: dict[int, str] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> asyncio.Task[None]:
        """The task that keeps it up; it ends by itself only where the session is broken."""
        self._task = asyncio.create_task(self._keep_up(), name=f"inbound {self._client_id}")
        return self._task

    async def stop(self) -> None:
        """Disconnects in order."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self._connection is not None:
            self._connection.leave()

    def subscribe(self, wanted: WantedSubscription) -> None:
        """Now and at each later connection."""
        self._subscriptions[wanted.filter] = wanted
        self._unwanted.discard(wanted.filter)
        if self._connection is not None:
            self._send_subscription(self._connection, wanted)

    def unsubscribe(self, topic_filter: str) -> None:
        self._subscriptions.pop(topic_filter, None)
        self._unwanted.add(topic_filter)
        if self._connection is not None:
            self._connection.send(UnsubscribePacket(self._next_packet_id(), (topic_filter,)))

    async def _keep_up(self) -> None:
        backoff = Backoff()
        while True:
            try:
                connection = await self._connect()
                began = asyncio.get_running_loop().time()
                try:
                    await connection.lost
                finally:
                    if asyncio.get_running_loop().time() - began > STEADY_S:
                        backoff.reset()
            except InboundVersionRefused as error:
                logger.warning("%s does not offer MQTT %s: %s", self._address, self._version.label, error)
                self._version = Version.V5 if self._version is Version.V311 or self._needs_v5 else Version.V311
            except (InboundLost, OSError, TimeoutError) as error:
                logger.warning("no inbound session with %s: %s", self._address, error or type(error).__name__)
                self._on_failure(str(error) or "the broker does not answer")
            self._connection = None
            await asyncio.sleep(backoff.next_s())

    async def _connect(self) -> InboundConnection:
        address, loop = self._address, asyncio.get_running_loop()
        connect = self._connect_packet()

        def make() -> InboundConnection:
            return InboundConnection(connect, self._on_message, self._on_subscribed, self._largest)

        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            _, connection = await loop.create_connection(make, address.host, address.port, ssl=address.tls_context())
            try:
                kept = await connection.accepted
            except BaseException:
                connection.end("the login failed")
                raise
        logger.info("connected to %s with MQTT %s", address, self._version.label)
        self._connection = connection
        self._on_connected(connection, kept)
        self._subscribe_all(connection)
        return connection

    def _connect_packet(self) -> ConnectPacket:
        """Takes up the persistent session of the client id, or begins it."""
        address = self._address
        return ConnectPacket(
            version=self._version,
            client_id=self._client_id,
            clean_start=False,
            keep_alive_s=math.ceil(inbound_connection.KEEPALIVE_S),
            username=address.username,
            password=None if address.password is None else address.password.encode(),
            session_expiry_s=NEVER_EXPIRES,
        )

    def _subscribe_all(self, connection: InboundConnection) -> None:
        """At each connection: a broker that has lost its state has lost the subscriptions too."""
        self._unanswered.clear()
        for wanted in self._subscriptions.values():
            self._send_subscription(connection, wanted)
        if self._unwanted:  # last: what arrives between the two comes twice, and not never
            connection.send(UnsubscribePacket(self._next_packet_id(), tuple(sorted(self._unwanted))))

    def _send_subscription(self, connection: InboundConnection, wanted: WantedSubscription) -> None:
        packet_id = self._next_packet_id()
        self._unanswered[packet_id] = wanted.filter
        connection.send(wanted.packet(packet_id))

    def _on_subscribed(self, suback: SubAckPacket) -> None:
        topic_filter = self._unanswered.pop(suback.packet_id, "")
        refused = next((code for code in suback.reason_codes if code.is_failure), None)
        if refused is not None:
            logger.error("%s refused the subscription %s: %s", self._address, topic_filter, refused.text)
            self._on_failure(f"the broker refused the subscription {topic_filter}: {refused.text}")
        elif not self._unanswered:
            logger.info("%s has granted all subscriptions", self._address)
            self._on_ready()

    def _next_packet_id(self) -> int:
        self._packet_id = self._packet_id % 0xFFFF + 1
        return self._packet_id
