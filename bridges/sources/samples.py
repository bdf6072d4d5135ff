"""Messages of a broker, for somebody who describes a mapping: received for some seconds, and not stored."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bridges.mqtt.address import BrokerAddress
from bridges.mqtt.inbound_connection import InboundConnection, InboundLost
from bridges.mqtt.packets import ConnectPacket, PublishPacket, SubAckPacket, SubscribePacket, Subscription, Version
from bridges.sources.filters import RESERVED
from devices.errors import Invalid, Unavailable
from devices.runtime.concurrency import ConcurrencyLimit

MAX_MESSAGES = 50
"""Messages of which a sample consists: the last ones."""
MAX_BYTES = 8 * 1024
"""Bytes of each; of a longer one the sample has the beginning."""
LISTEN_S = 3.0
CONNECT_S = 5.0
MAX_AT_ONCE = 8
"""Samples that one web process takes at the same time, one of each person."""
sampling = ConcurrencyLimit("samples of brokers", MAX_AT_ONCE, 1)


@dataclass(frozen=True, slots=True)
class Sampled:
    topic: str
    payload: bytes
    size: int
    retained: bool


def check_filter(topic_filter: str) -> None:
    """Raises `Invalid` for a filter that is not one, or may cover topics of the hub's own or of the broker."""
    levels = topic_filter.split("/")
    wild = [level for level in levels if set(level) & set("+#")]
    if not topic_filter or len(topic_filter) > 400 or not topic_filter.isprintable():
        raise Invalid("a filter has up to 400 printable characters")
    if "#" in levels[:-1] or any(level not in ("+", "#") for level in wild):
        raise Invalid("in a filter + stands for one level, and # at its end for all that follow")
    if levels[0] in ("", "+", "#"):
        raise Invalid("a filter needs a first level that is written out, such as home/#")
    if levels[0] in RESERVED or levels[0].startswith("$"):
        raise Invalid(f"{levels[0]}/ holds topics of the hub or the broker")


async def take(address: BrokerAddress, topic_filter: str, listen_s: float = LISTEN_S) -> list[Sampled]:
    """The last messages on topics of the filter within `listen_s`, retained ones too. Raises `Unavailable`."""
    found: deque[Sampled] = deque(maxlen=MAX_MESSAGES)
    granted: asyncio.Future[SubAckPacket] = asyncio.get_running_loop().create_future()

    def receive(packet: PublishPacket, _: InboundConnection) -> None:
        found.append(Sampled(packet.topic, packet.payload[:MAX_BYTES], packet.size, packet.retain))

    def subscribed(packet: SubAckPacket) -> None:
        if not granted.done():
            granted.set_result(packet)

    try:
        connection = await _connected(address, receive, subscribed)
        try:
            connection.send(SubscribePacket(1, (Subscription(topic_filter, 0),)))
            await _follow(connection, granted, listen_s)
        finally:
            connection.leave()
            connection.end("the sample is complete")
    except (InboundLost, OSError, TimeoutError) as error:
        raise Unavailable(f"the broker cannot be listened to: {error or 'it does not answer'}") from None
    return list(found)


async def _connected(
    address: BrokerAddress,
    receive: Callable[[PublishPacket, InboundConnection], None],
    subscribed: Callable[[SubAckPacket], None],
) -> InboundConnection:
    # MQTT 3.1.1 is known to every broker, and ends with its connection: nothing of it is left there.
    connect = ConnectPacket(
        version=Version.V311,
        client_id=f"hubbub-sample-{secrets.token_hex(6)}",
        keep_alive_s=30,
        username=address.username,
        password=None if address.password is None else address.password.encode(),
    )
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(CONNECT_S):
        _, connection = await loop.create_connection(
            lambda: InboundConnection(connect, receive, subscribed),
            address.host,
            address.port,
            ssl=address.tls_context(),
        )
        try:
            await connection.accepted
        except BaseException:
            connection.end("the login failed")
            raise
    return connection


async def _follow(connection: InboundConnection, granted: asyncio.Future[SubAckPacket], listen_s: float) -> None:
    async with asyncio.timeout(CONNECT_S):
        futures: set[asyncio.Future[Any]] = {granted, connection.lost}
        await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
    if granted.done() and any(code.is_failure for code in granted.result().reason_codes):
        raise Unavailable("the broker does not allow the hub to listen to this filter")
    await asyncio.wait({connection.lost}, timeout=listen_s)
    if connection.lost.done():
        connection.lost.result()
