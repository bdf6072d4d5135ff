"""A session with a broker, to publish commands: aiomqtt's."""

from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import aiomqtt

from bridges.mqtt.address import BrokerAddress

KEEPALIVE_S = 30
CONNECT_TIMEOUT_S = 10.0
ACKNOWLEDGE_S = 10.0
"""How long the broker may take to acknowledge a command."""

Lost = aiomqtt.MqttError
"""What the outbound session raises when the broker is gone."""


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
