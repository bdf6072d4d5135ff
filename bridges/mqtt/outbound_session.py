"""A session with a broker through aiomqtt, to publish commands."""

from __future__ import annotations

import asyncio
import logging
import math
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

import aiomqtt
from aiomqtt import ProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from bridges.mqtt.address import BrokerAddress

KEEPALIVE_S = 30
CONNECT_TIMEOUT_S = 10.0
ACKNOWLEDGE_S = 10.0
"""How long the broker may take to acknowledge a command."""

LINGER_S = 0.05
"""How long a session that is left waits for a broker that ends it at the same moment: aiomqtt logs an error where it
disconnects from a connection whose end it is about to read."""

_library_logger = logging.getLogger("hubbub.mqtt.aiomqtt")
_library_logger.setLevel(logging.ERROR)  # it warns of each connection that is closed without an answer

Lost = aiomqtt.MqttError
"""Raised by the outbound session when the broker is gone."""

Will = aiomqtt.Will
"""What the broker publishes when it loses the session: topic, payload, QoS and whether it is retained."""


class OutboundVersionRefused(Lost):
    """The broker does not offer this version of MQTT."""


class NoAnswer(OutboundVersionRefused):
    """The broker did not answer: it may not know this version, or be busy."""


UNSUPPORTED_PROTOCOL_VERSION = 132
"""The reason code of MQTT 5; paho gives it for the return code 1 of a broker that only knows 3.1.1, too."""


class PublishMessage(Protocol):
    def __call__(
        self, topic: str, payload: bytes, expires_in_s: float | None, *, qos: int = 1, retain: bool = False
    ) -> Awaitable[None]: ...


@dataclass(frozen=True, slots=True)
class OutboundSession:
    """`publish` returns once the broker has acknowledged (QoS 1), and raises `Lost`.

    The broker discards what it could not deliver in `expires_in_s`, as far as its version of MQTT knows of it; `None`:
    it keeps it. `lost` is done when the connection is gone.
    """

    publish: PublishMessage
    lost: asyncio.Future[None]


OpenSession = Callable[[], AbstractAsyncContextManager[OutboundSession]]


class OutboundSessions:
    """Opens one session after the other with a broker: with MQTT 5, or with 3.1.1 where the broker does not offer 5."""

    def __init__(self, address: BrokerAddress, client_id: str, will: Will | None = None) -> None:
        self._address = address
        self._client_id = client_id
        self._will = will
        self._version = ProtocolVersion.V5
        self._knows_v5 = self._is_guess = False

    @asynccontextmanager
    async def open(self) -> AsyncIterator[OutboundSession]:
        """Raises as `outbound_session` does; the next attempt takes the other version where that was the reason."""
        v5 = self._version is ProtocolVersion.V5
        try:
            async with outbound_session(self._address, self._client_id, self._version, self._will) as session:
                self._knows_v5 = self._knows_v5 or v5
                if self._is_guess:  # a broker that was busy when the hub started must not keep 3.1.1
                    self._version = ProtocolVersion.V5
                yield session
        except OutboundVersionRefused as error:
            self._is_guess = isinstance(error, NoAnswer)
            is_busy = v5 and self._knows_v5 and isinstance(error, NoAnswer)
            if not is_busy:
                self._version = ProtocolVersion.V311 if v5 else ProtocolVersion.V5
            raise


@asynccontextmanager
async def outbound_session(
    address: BrokerAddress,
    client_id: str,
    version: ProtocolVersion = ProtocolVersion.V311,
    will: Will | None = None,
) -> AsyncIterator[OutboundSession]:
    """With MQTT 3.1.1, which every broker knows, or with 5, of which a message's expiry is a part.

    Raises `Lost`, and `OSError` for a certificate that cannot be read.
    """
    client = aiomqtt.Client(
        address.host,
        address.port,
        protocol=version,
        logger=_library_logger,
        username=address.username,
        password=address.password,
        identifier=client_id,
        keepalive=KEEPALIVE_S,
        will=will,
        timeout=CONNECT_TIMEOUT_S,
        socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        tls_context=address.tls_context(),
    )

    async def publish(
        topic: str, payload: bytes, expires_in_s: float | None, *, qos: int = 1, retain: bool = False
    ) -> None:
        properties = _expiry(expires_in_s) if version is ProtocolVersion.V5 and expires_in_s is not None else None
        # Not aiomqtt's own time-out: that is `asyncio.wait_for`, which on Python 3.11 may swallow a cancellation.
        try:
            async with asyncio.timeout(ACKNOWLEDGE_S):
                await client.publish(topic, payload, qos, retain, properties=properties, timeout=math.inf)
        except TimeoutError:
            raise Lost("the broker does not acknowledge") from None

    loop = asyncio.get_running_loop()
    connected: asyncio.Future[None] = loop.create_future()
    leave: asyncio.Future[None] = loop.create_future()
    holding = asyncio.create_task(_hold(client, connected, leave), name=client_id)
    try:
        await asyncio.wait({connected, holding}, return_when=asyncio.FIRST_COMPLETED)
        if not connected.done():
            holding.result()  # raises
        yield OutboundSession(publish, holding)
    finally:
        leave.set_result(None)
        await asyncio.wait({holding})
        if not holding.cancelled():
            holding.exception()  # retrieved: a caller that leaves has no interest in why the login failed


async def _hold(client: aiomqtt.Client, connected: asyncio.Future[None], leave: asyncio.Future[None]) -> None:
    """Holds the connection until it is lost, or ends it once `leave` is done.

    In a task that nobody cancels; it is asked to leave instead: aiomqtt, cancelled while it connects, leaves a
    connection behind that nobody closes, and whose end is an error that nobody looks at.
    """
    try:
        await client.__aenter__()
    except Lost as error:
        await _close(client)  # where the broker did not answer in time, aiomqtt leaves the connection open
        raise _of_version(error) or error from None
    connected.set_result(None)
    watching = asyncio.create_task(_watch(client))
    await asyncio.wait({watching, leave}, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait({watching}, timeout=LINGER_S)
    await _close(client)
    await watching


async def _watch(client: aiomqtt.Client) -> None:
    """Ends when the connection does: aiomqtt reports it only to those who wait for messages."""
    with suppress(Lost):
        async for _ in client.messages:
            pass


async def _close(client: aiomqtt.Client) -> None:
    """Disconnects, if there is a connection. It may be lost at the same moment."""
    with suppress(Lost):
        await client.__aexit__(None, None, None)


def _of_version(error: Lost) -> OutboundVersionRefused | None:
    """The error where the version may be the reason. Some brokers close the connection at a version that they do not
    know, and then aiomqtt waits in vain for their answer."""
    if isinstance(error, aiomqtt.MqttCodeError):
        is_refused = getattr(error.rc, "value", error.rc) == UNSUPPORTED_PROTOCOL_VERSION
        return OutboundVersionRefused(str(error)) if is_refused else None
    return NoAnswer(str(error)) if str(error) == "Operation timed out" else None


def _expiry(expires_in_s: float) -> Properties:
    """In whole seconds, rounded up: 0 would be at once."""
    properties = Properties(PacketTypes.PUBLISH)
    properties.MessageExpiryInterval = max(1, math.ceil(expires_in_s))
    return properties
