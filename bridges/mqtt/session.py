"""MQTT sessions with a broker.

Inbound is ours: only a message that has been stored may be acknowledged. aiomqtt acknowledges on receipt, and a bridge
killed then loses what the broker believes delivered; paho lets us, but spends half of the time of a message on reading
it (docs/benchmarks.md). Outbound is aiomqtt.
"""

from __future__ import annotations

import asyncio
import logging
import math
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from typing import cast

import aiomqtt

from bridges.mqtt import wire
from bridges.mqtt.address import BrokerAddress
from bridges.mqtt.backoff import Backoff
from bridges.mqtt.wire import Published, Subscription, Version

logger = logging.getLogger("hubbub.mqtt")

KEEPALIVE_S = 30
CONNECT_TIMEOUT_S = 10.0
ACKNOWLEDGE_S = 10.0
"""How long the broker may take to acknowledge a command."""
BUSY_S, REST_S = 0.001, 0.004
"""Where a look at the socket follows the one before so soon, the next waits for so long: Mosquitto writes message by
message, and to wake up for each costs as much as to take it."""
STEADY_S = 5.0
"""A connection that lasts so long was a good one: the next attempts begin with short pauses again."""

Lost = aiomqtt.MqttError
"""What the outbound session raises when the broker is gone."""


class InboundLost(Exception):
    """The inbound connection ended, or was not to be had; the text says why."""


class UnknownVersion(InboundLost):
    """The broker does not speak this version of MQTT."""


class Connection(asyncio.Protocol):
    """One connection of an inbound session: signs in, reads messages, acknowledges them when told to.

    `lost` is done, with the reason as its exception, once it has ended.
    """

    def __init__(
        self,
        version: Version,
        hello: bytes,
        on_message: Callable[[Published], None],
        on_subscribed: Callable[[int, str | None], None],
    ) -> None:
        self.version = version
        self._hello = hello
        self._on_subscribed = on_subscribed
        self._reader = wire.Reader(version, on_message, self._on_control)
        self._loop = asyncio.get_running_loop()
        self.accepted: asyncio.Future[bool] = self._loop.create_future()
        """Done once the broker has let us in; whether it has kept the session."""
        self.lost: asyncio.Future[None] = self._loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._to_acknowledge: list[bytes] = []
        self._heard_at = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._paused = False
        self._resting = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._hello)

    def data_received(self, data: bytes) -> None:
        before, self._heard_at = self._heard_at, self._loop.time()
        try:
            self._reader.feed(data)
        except wire.Malformed as error:
            self.end(str(error))
        if self._heard_at - before < BUSY_S:
            self._rest()

    def connection_lost(self, error: Exception | None) -> None:
        if error is None and not self.accepted.done():
            # So some brokers answer a version that they do not know.
            self.accepted.set_exception(UnknownVersion("the broker closed the connection at the CONNECT"))
        self.end(str(error) if error else "the broker closed the connection")

    def end(self, reason: str) -> None:
        """Ends the connection; what is not acknowledged, the broker sends again."""
        lost = InboundLost(reason)
        for future in (self.accepted, self.lost):
            if not future.done():
                future.set_exception(lost)
                future.exception()  # not everybody waits for both
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def send(self, packet: bytes) -> None:
        if self._transport is not None:
            self._transport.write(packet)

    def acknowledge(self, packet_id: bytes) -> None:
        """Acknowledges a message of this connection; those of one turn of the event loop leave together.

        On a later connection the same id may stand for another message, which the broker would then never send again:
        so this does nothing once the connection has ended. The message comes again.
        """
        if not self._to_acknowledge:
            self._loop.call_soon(self._send_acknowledgements)
        self._to_acknowledge.append(packet_id)

    def pause_reading(self) -> None:
        self._paused = True
        self._read_if_wanted()

    def resume_reading(self) -> None:
        self._paused = False
        self._read_if_wanted()

    def _rest(self) -> None:
        self._resting = True
        self._read_if_wanted()
        self._loop.call_later(REST_S, self._end_rest)

    def _end_rest(self) -> None:
        self._resting = False
        self._read_if_wanted()

    def _read_if_wanted(self) -> None:
        if self._transport is None:
            return
        if self._paused or self._resting:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def say_goodbye(self) -> None:
        """Leaves in order: the session stays, and no will would be sent."""
        self._send_acknowledgements()
        self.send(wire.DISCONNECT)
        self.end("stopped")

    def _send_acknowledgements(self) -> None:
        packet_ids, self._to_acknowledge = self._to_acknowledge, []
        self.send(wire.pubacks(packet_ids))

    def _on_control(self, kind: int, body: bytes) -> None:
        if kind == wire.CONNACK_TYPE and not self.accepted.done():
            self._on_connack(wire.read_connack(body, self.version))
        elif kind == wire.SUBACK_TYPE:
            self._on_subscribed(*wire.read_suback(body, self.version))
        elif kind == wire.DISCONNECT_TYPE:
            self.end(f"the broker ended the connection: {wire.read_disconnect(body)}")
        elif kind not in (wire.PINGRESP_TYPE, wire.UNSUBACK_TYPE):
            raise wire.Malformed(f"an unexpected packet of type {kind}")

    def _on_connack(self, connack: wire.Connack) -> None:
        if connack.wrong_version:
            self.accepted.set_exception(UnknownVersion(connack.reason))
        elif not connack.accepted:
            self.accepted.set_exception(InboundLost(f"the broker refused the bridge: {connack.reason}"))
        else:
            self.accepted.set_result(connack.session_present)
            self._keep_alive()

    def _keep_alive(self) -> None:
        """Notices a broker that is gone without a word: after one keep-alive, and within one and a half."""
        now = self._loop.time()
        if self._transport is not None and not self._transport.is_reading():
            self._heard_at = now  # its answer waits where we do not look
        if now - self._heard_at > KEEPALIVE_S:
            if self._transport is not None:
                self._transport.abort()  # to close it would wait for what the broker no longer reads
            self.end("the broker does not answer")
            return
        self.send(wire.PINGREQ)
        self._timer = self._loop.call_later(KEEPALIVE_S / 2, self._keep_alive)


class InboundSession:
    """A persistent session, kept up until `stop`. MQTT 5 where the broker speaks it, else 3.1.1.

    All on the event loop: `on_message(message, connection)` for each message; who is done with it calls
    `connection.acknowledge(message.packet_id)`. `on_connected(connection, kept)` tells whether the broker kept the
    session, and with it messages; `on_ready()` follows once it has taken all subscriptions.
    """

    def __init__(
        self,
        address: BrokerAddress,
        client_id: str,
        subscriptions: Collection[Subscription],
        on_message: Callable[[Published, Connection], None],
        on_connected: Callable[[Connection, bool], None],
        on_ready: Callable[[], None],
        *,
        unwanted: Collection[str] = (),
        needs_v5: bool = False,
    ) -> None:
        """`unwanted`: filters that an earlier session under this client id may have left at the broker. `needs_v5`: a
        broker without MQTT 5 will not do."""
        self._address = address
        self._client_id = client_id
        self._subscriptions = {subscription.filter: subscription for subscription in subscriptions}
        self._unwanted = set(unwanted)
        self._needs_v5 = needs_v5
        self._on_message = on_message
        self._on_connected = on_connected
        self._on_ready = on_ready
        self._version = Version.V5
        self._connection: Connection | None = None
        self._packet_id = 0
        self._unanswered: dict[int, str] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> asyncio.Task[None]:
        """The task that keeps it up; it ends by itself only where the session is broken."""
        self._task = asyncio.create_task(self._keep_up(), name=f"inbound {self._client_id}")
        return self._task

    async def stop(self) -> None:
        """Leaves the broker in order."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self._connection is not None:
            self._connection.say_goodbye()

    def subscribe(self, subscription: Subscription) -> None:
        """Now and at each later connection."""
        self._subscriptions[subscription.filter] = subscription
        self._unwanted.discard(subscription.filter)
        if self._connection is not None:
            self._send_subscription(self._connection, subscription)

    def unsubscribe(self, topic_filter: str) -> None:
        self._subscriptions.pop(topic_filter, None)
        self._unwanted.add(topic_filter)
        if self._connection is not None:
            self._connection.send(wire.unsubscribe(self._version, self._next_packet_id(), [topic_filter]))

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
            except UnknownVersion as error:
                logger.warning("%s does not take MQTT %s: %s", self._address, self._version.label, error)
                self._version = Version.V5 if self._version is Version.V311 or self._needs_v5 else Version.V311
            except (InboundLost, OSError, TimeoutError) as error:
                logger.warning("no inbound session with %s: %s", self._address, error or type(error).__name__)
            self._connection = None
            await asyncio.sleep(backoff.next_s())

    async def _connect(self) -> Connection:
        address, loop = self._address, asyncio.get_running_loop()
        hello = wire.connect(self._version, self._client_id, address.username, address.password, KEEPALIVE_S)

        def make() -> Connection:
            connection = Connection(
                self._version, hello, lambda message: self._on_message(message, connection), self._on_subscribed
            )
            return connection

        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            _, connection = await loop.create_connection(make, address.host, address.port, ssl=address.tls_context())
            try:
                kept = await connection.accepted
            except BaseException:
                connection.end("not let in")
                raise
        logger.info("connected to %s with MQTT %s", address, self._version.label)
        self._connection = connection
        self._on_connected(connection, kept)
        self._subscribe_all(connection)
        return connection

    def _subscribe_all(self, connection: Connection) -> None:
        """Each time: a broker that has lost its state has lost the subscriptions too."""
        self._unanswered.clear()
        if self._unwanted:
            connection.send(wire.unsubscribe(self._version, self._next_packet_id(), sorted(self._unwanted)))
        for subscription in self._subscriptions.values():
            self._send_subscription(connection, subscription)

    def _send_subscription(self, connection: Connection, subscription: Subscription) -> None:
        packet_id = self._next_packet_id()
        self._unanswered[packet_id] = subscription.filter
        connection.send(wire.subscribe(self._version, packet_id, subscription))

    def _on_subscribed(self, packet_id: int, refused: str | None) -> None:
        topic_filter = self._unanswered.pop(packet_id, "")
        if refused is not None:
            logger.error("%s refused the subscription %s: %s", self._address, topic_filter, refused)
        elif not self._unanswered:
            logger.info("%s has taken all subscriptions", self._address)
            self._on_ready()

    def _next_packet_id(self) -> int:
        self._packet_id = self._packet_id % 0xFFFF + 1
        return self._packet_id


@asynccontextmanager
async def outbound_session(
    address: BrokerAddress, client_id: str
) -> AsyncIterator[tuple[Callable[[str, bytes], Awaitable[None]], asyncio.Task[None]]]:
    """A session to publish with: `(publish, lost)`.

    `publish(topic, payload)` returns once the broker has acknowledged (QoS 1); `lost` is done when the connection is
    gone. Raises `Lost`.
    """
    client = aiomqtt.Client(
        address.host,
        address.port,
        username=address.username,
        password=address.password,
        identifier=client_id,
        keepalive=KEEPALIVE_S,
        timeout=CONNECT_TIMEOUT_S,
        socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        tls_context=address.tls_context(),
    )

    async def publish(topic: str, payload: bytes) -> None:
        # Not aiomqtt's own time-out: that is `asyncio.wait_for`, which on Python 3.11 may swallow a cancellation.
        try:
            async with asyncio.timeout(ACKNOWLEDGE_S):
                await client.publish(topic, payload, qos=1, timeout=math.inf)
        except TimeoutError:
            raise Lost("the broker does not acknowledge") from None

    loop = asyncio.get_running_loop()
    connected: asyncio.Future[None] = loop.create_future()
    leave: asyncio.Future[None] = loop.create_future()
    held = asyncio.create_task(_hold(client, connected, leave), name=client_id)
    try:
        await asyncio.wait({connected, held}, return_when=asyncio.FIRST_COMPLETED)
        if not connected.done():
            held.result()  # raises
        yield publish, held
    finally:
        leave.set_result(None)
        await asyncio.wait({held})
        if not held.cancelled():
            held.exception()  # looked at: that it was not let in any more is of no interest to who leaves


async def _hold(client: aiomqtt.Client, connected: asyncio.Future[None], leave: asyncio.Future[None]) -> None:
    """Holds the connection until it is lost, or ends it once `leave` is done.

    In a task that nobody cancels, which is told to leave instead: aiomqtt, cancelled while it connects, leaves a
    connection behind that nobody closes, and whose end is an error that nobody looks at.
    """
    try:
        async with client:
            connected.set_result(None)
            watching = asyncio.create_task(_watch(client))
            await asyncio.wait({watching, leave}, return_when=asyncio.FIRST_COMPLETED)
            # Before aiomqtt says goodbye: it waits long for a broker that does not read that, and stumbles over one
            # that goes at the same moment. The session is clean and has no will, so the broker does the same.
            _drop(client)
            await watching
    except Lost:
        _drop(client)  # where the broker did not answer in time, aiomqtt leaves the connection open
        raise


async def _watch(client: aiomqtt.Client) -> None:
    """Ends when the connection does: aiomqtt tells nobody but who waits for messages."""
    try:
        async for _ in client.messages:
            pass
    except Lost:
        return


def _drop(client: aiomqtt.Client) -> None:
    """Ends the connection, if there is one: paho reads the end of the stream, and cleans up."""
    sock = client._client.socket()
    if isinstance(sock, socket.socket):
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
