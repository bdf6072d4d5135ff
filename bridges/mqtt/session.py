"""MQTT sessions with a broker: the only file of the bridge that knows paho and aiomqtt.

Inbound is paho, which acknowledges by hand: aiomqtt acknowledges on receipt, before anything is stored, and a
bridge killed then loses what the broker believes delivered. Outbound is aiomqtt.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiomqtt
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from bridges.mqtt.address import BrokerAddress
from bridges.mqtt.backoff import Backoff
from devices.values import now_us

logger = logging.getLogger("hubbub.mqtt")

KEEPALIVE_S = 30
CONNECT_TIMEOUT_S = 10.0
CATCH_UP_S = 5_000_000
"""Microseconds after a connect in which what arrives may have waited in the broker."""

Lost = aiomqtt.MqttError
"""What the outbound session raises when the broker is gone."""


@dataclass(slots=True)
class Received:
    """A message from the broker. `acknowledge` may be called from any thread, once; QoS 0 ignores it."""

    topic: str
    payload: bytes
    qos: int
    retained: bool
    backlog: bool
    received_at: int
    acknowledge: Callable[[], None]


class _NetworkClient(Client):
    """Tells when its network thread ends, by an exception too: paho would let the thread die without a word."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.ended = threading.Event()

    def loop_forever(self, timeout: float = 1.0, retry_first_connection: bool = False) -> MQTTErrorCode:
        try:
            return super().loop_forever(timeout, retry_first_connection)
        except Exception:
            logger.exception("the inbound session broke")
            return MQTTErrorCode.MQTT_ERR_UNKNOWN
        finally:
            self.ended.set()

    def serve(self) -> None:
        """Returns when the connection has ended.

        A thread of paho's own is the only one that touches the socket. Where `loop_forever` is called directly,
        `ack` writes from its caller's thread as well, and two threads in one TLS connection may break it.
        """
        self.ended.clear()
        while self.loop_start() != MQTTErrorCode.MQTT_ERR_SUCCESS:
            time.sleep(0.01)  # the last thread has ended but for its last line
        self.ended.wait()


class InboundSession:
    """A persistent session that is kept up for as long as it runs.

    `on_message` is called on the session's thread; while it does not return, nothing more is read, and the broker
    keeps what it has. `on_ready` is called there too, each time that the broker has taken the subscriptions.
    """

    def __init__(
        self,
        address: BrokerAddress,
        client_id: str,
        filters: Iterable[tuple[str, int]],
        on_message: Callable[[Received], None],
        on_ready: Callable[[], None],
    ) -> None:
        self._address = address
        self._filters = list(filters)
        self._on_message = on_message
        self._on_ready = on_ready
        self._stopping = threading.Event()
        self._connection = 0
        self._connected_at = 0
        self._backoff = Backoff()
        self._client = self._make_client(client_id)
        self._thread = threading.Thread(target=self._run, name=f"mqtt-{client_id}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Disconnects and waits for the thread to end; blocks for at most a few seconds."""
        self._stopping.set()
        self._client.disconnect()
        self._thread.join(timeout=5)

    def _make_client(self, client_id: str) -> _NetworkClient:
        client = _NetworkClient(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=False,
            manual_ack=True,
            reconnect_on_failure=False,  # paho's own reconnect has no jitter
        )
        client.username_pw_set(self._address.username, self._address.password)
        client.connect_timeout = CONNECT_TIMEOUT_S
        if self._address.tls:
            client.tls_set_context(ssl.create_default_context())
        client.on_socket_open = _send_at_once
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_paho_message
        return client

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._client.connect(self._address.host, self._address.port, KEEPALIVE_S)
                if self._stopping.is_set():  # `stop` came before there was a connection to end
                    return
                self._client.serve()
            except OSError as error:
                logger.warning("no connection to %s: %s", self._address, error)
            self._stopping.wait(self._backoff.next_s())

    def _on_connect(
        self, client: Client, userdata: Any, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            logger.error("%s refused the bridge: %s", self._address, reason)
            return
        logger.info("connected to %s", self._address)
        self._connection += 1
        self._connected_at = now_us()
        self._backoff.reset()
        # Each time: a broker that has lost its state has lost the subscriptions too.
        client.subscribe(self._filters)

    def _on_subscribe(
        self, client: Client, userdata: Any, mid: int, reasons: list[ReasonCode], properties: Properties | None
    ) -> None:
        refused = [topic for (topic, _), reason in zip(self._filters, reasons, strict=False) if reason.is_failure]
        if refused:
            logger.error("%s refused the subscriptions %s", self._address, ", ".join(refused))
        else:
            self._on_ready()

    def _on_disconnect(
        self, client: Client, userdata: Any, flags: DisconnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if not self._stopping.is_set():
            logger.warning("lost %s: %s", self._address, reason)

    def _on_paho_message(self, client: Client, userdata: Any, message: MQTTMessage) -> None:
        connection, now = self._connection, now_us()

        def acknowledge() -> None:
            # On a later connection the same packet id may stand for another message, which the broker would
            # then never send again. It does send this one again.
            if message.qos and connection == self._connection:
                client.ack(message.mid, message.qos)

        self._on_message(
            Received(
                topic=message.topic,
                payload=bytes(message.payload),
                qos=message.qos,
                retained=message.retain,
                backlog=message.qos > 0 and now < self._connected_at + CATCH_UP_S,
                received_at=now,
                acknowledge=acknowledge,
            )
        )


def _send_at_once(client: Client, userdata: Any, sock: Any) -> None:
    """Without this a small packet waits for the acknowledgement of the last one, up to 40 ms."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


@asynccontextmanager
async def outbound_session(
    address: BrokerAddress, client_id: str
) -> AsyncIterator[tuple[Callable[[str, bytes], Awaitable[None]], asyncio.Task[None]]]:
    """A session to publish with: `(publish, lost)`.

    `publish(topic, payload)` returns once the broker has acknowledged (QoS 1); `lost` is done when the connection is
    gone. Raises `Lost`.
    """
    async with aiomqtt.Client(
        address.host,
        address.port,
        username=address.username,
        password=address.password,
        identifier=client_id,
        keepalive=KEEPALIVE_S,
        timeout=CONNECT_TIMEOUT_S,
        socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        tls_context=ssl.create_default_context() if address.tls else None,
    ) as client:

        async def publish(topic: str, payload: bytes) -> None:
            await client.publish(topic, payload, qos=1)

        lost = asyncio.create_task(_watch(client))
        try:
            yield publish, lost
        finally:
            lost.cancel()
            await asyncio.gather(lost, return_exceptions=True)


async def _watch(client: aiomqtt.Client) -> None:
    """Ends when the connection does: aiomqtt tells nobody but who waits for messages."""
    try:
        async for _ in client.messages:
            pass
    except Lost:
        return
