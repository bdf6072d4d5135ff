"""From a broker to the pipeline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from bridges.ingest.delivery import Delivery
from bridges.ingest.pipeline import Pipeline
from bridges.mqtt import topics
from bridges.mqtt.address import BrokerAddress
from bridges.mqtt.session import Connection, InboundSession
from bridges.mqtt.topics import Address
from bridges.mqtt.wire import Published, Subscription
from devices.errors import Refusal
from devices.values import now_us

CATCH_UP_US = 5_000_000
"""Microseconds after a connect in which the broker may repeat what it keeps."""
MAX_KEPT = 1_000_000
"""Messages that a broker may have kept for us while we were away; ours keeps no more."""
MAX_TOPICS = 100_000
"""Topics remembered; past it all are looked at afresh."""

_ALL = Subscription(topics.ALL, as_published=True)
# Mosquitto 2.0.11 sends what it keeps to each of those that share, though MQTT 5 has it send that to none.
_SHARED = Subscription(topics.SHARED, as_published=True, kept=False)
_STATUS = Subscription(topics.STATUS, identifier=1)
_FILTERS = {topics.ALL, topics.SHARED, *topics.EARLIER}


class Inbound:
    """Subscribes to what devices publish and hands it to the pipeline, which acknowledges after the commit."""

    def __init__(
        self,
        address: BrokerAddress,
        client_id: str,
        pipeline: Pipeline,
        on_ready: Callable[[], None],
        *,
        broker: str | None = None,
        shared: bool = False,
    ) -> None:
        """`broker`: its name, for devices that are assigned to one. `shared`: other bridges take part of the load."""
        self._pipeline = pipeline
        self._broker = broker
        self._catching_up_until = 0
        self._repeated: set[bytes] = set()
        self._paused = False
        self._connection: Connection | None = None
        self._topics: dict[bytes, Address | Refusal | None] = {}
        wanted = _SHARED if shared else _ALL
        self._session = InboundSession(
            address,
            client_id,
            [wanted],
            self._on_message,
            self._on_connected,
            on_ready,
            unwanted=_FILTERS - {wanted.filter},
            needs_v5=shared,
        )

    def start(self) -> asyncio.Task[None]:
        """The task that keeps the session up; it ends by itself only where the session is broken."""
        self._pipeline.attach(self)
        return self._session.start()

    async def stop(self) -> None:
        self._pipeline.detach(self)
        await self._session.stop()

    def lead(self, leading: bool) -> None:
        """Takes over, or leaves to another of the bridges that share the load, the retained status messages."""
        if leading:
            self._session.subscribe(_STATUS)
        else:
            self._session.unsubscribe(_STATUS.filter)

    def pause_reading(self) -> None:
        self._paused = True
        if self._connection is not None:
            self._connection.pause_reading()

    def resume_reading(self) -> None:
        self._paused = False
        if self._connection is not None:
            self._connection.resume_reading()

    def _on_connected(self, connection: Connection, kept: bool) -> None:
        self._connection = connection
        self._catching_up_until = now_us() + CATCH_UP_US
        self._repeated.clear()
        if kept:
            self._pipeline.expect_backlog(MAX_KEPT)
        if self._paused:
            connection.pause_reading()

    def _on_message(self, message: Published, connection: Connection) -> None:
        settle = partial(connection.acknowledge, message.packet_id) if message.packet_id else None
        address = self._address(message.topic)
        if address is None or (_STATUS.identifier in message.identifiers and not message.retained):
            # The hub's own word to a device; or a live status, which came through the shared subscription as well.
            if settle is not None:
                settle()
            return
        self._pipeline.offer(self._delivery(address, message, settle))

    def _delivery(
        self, address: Address | Refusal, message: Published, settle: Callable[[], object] | None
    ) -> Delivery:
        now = now_us()
        refusal = None
        if isinstance(address, Refusal):
            refusal = address
            address = Address(topics.owner(message.topic.decode(errors="replace")) or "", "other")
        elif message.size > len(message.payload):
            refusal = Refusal("payload_too_large", f"{message.size} bytes")
        return Delivery(
            uid=address.uid,
            kind=address.kind,
            payload=message.payload,
            received_at=now,
            ref=address.ref,
            retained=message.retained,
            repeated=message.retained and self._is_repeated(message, now),
            broker=self._broker,
            refusal=refusal,
            settle=settle,
            size=message.size,
        )

    def _is_repeated(self, message: Published, now: int) -> bool:
        """Whether a retained message may be one that the broker repeats to a new subscriber, which it does once."""
        if _STATUS.identifier in message.identifiers:
            return True
        if now >= self._catching_up_until or message.topic in self._repeated:
            return False
        self._repeated.add(message.topic)
        return True

    def _address(self, topic: bytes) -> Address | Refusal | None:
        """What a topic means, remembered: None for a command, which is the hub's own word."""
        try:
            return self._topics[topic]
        except KeyError:
            if len(self._topics) >= MAX_TOPICS:
                self._topics.clear()
        found = self._topics[topic] = _parse(topic.decode(errors="replace"))
        return found


def _parse(topic: str) -> Address | Refusal | None:
    try:
        return None if topics.is_command(topic) else topics.parse(topic)
    except Refusal as refusal:
        return refusal
