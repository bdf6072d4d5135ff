"""From a broker to the pipeline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from bridges.ingest.delivery import Delivery
from bridges.ingest.pipeline import Pipeline
from bridges.mqtt import topics
from bridges.mqtt.address import BrokerAddress
from bridges.mqtt.inbound_connection import InboundConnection
from bridges.mqtt.inbound_session import InboundSession, WantedSubscription
from bridges.mqtt.packets import PublishPacket, RetainHandling, Subscription
from bridges.mqtt.topics import TopicAddress
from devices.errors import Refusal
from devices.values import now_us

MAX_TOPICS = 100_000
"""Topics remembered; past it all of them are parsed again."""

# Without retain-as-published, as in MQTT 3.1.1, live messages come with the retain flag 0, whatever their publisher has
# set, and only those that the broker repeats to a new subscriber with 1.
_EVERYTHING = (topics.ALL, topics.GATEWAYS)
_STATUS_ID = 1
_STATUS = [
    WantedSubscription(Subscription(each), identifier=_STATUS_ID) for each in (topics.STATUS, topics.STATUS_OF_CHILDREN)
]
_COMMAND = TopicAddress("", "command")
"""In place of the address of a command's topic: the hub itself has published it."""


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
        group: str | None = None,
    ) -> None:
        """`broker`: its name, for devices that are assigned to one. `group`: bridges of this group share the load."""
        self._pipeline = pipeline
        self._broker = broker
        self._paused = False
        self._connection: InboundConnection | None = None
        self._topics: dict[str, TopicAddress | Refusal] = {}
        wanted = self._wanted(group)
        filters = {*_EVERYTHING, *topics.EARLIER}
        filters |= {topics.shared(group, each) for each in _EVERYTHING} if group else set()
        self._session = InboundSession(
            address,
            client_id,
            wanted,
            self._on_message,
            self._on_connected,
            on_ready,
            unwanted=filters - {each.filter for each in wanted},
            needs_v5=group is not None,
        )

    @property
    def is_reading(self) -> bool:
        """Whether it is connected and reads."""
        return self._connection is not None and not self._connection.lost.done() and not self._paused

    def start(self) -> asyncio.Task[None]:
        """The task that keeps the session up; it ends by itself only where the session is broken."""
        self._pipeline.attach(self)
        return self._session.start()

    async def stop(self) -> None:
        self._pipeline.detach(self)
        await self._session.stop()

    def lead(self, leading: bool) -> None:
        """Starts or stops receiving the retained status messages: one of the bridges that share the load does."""
        for status in _STATUS:
            if leading:
                self._session.subscribe(status)
            else:
                self._session.unsubscribe(status.filter)

    def pause_reading(self) -> None:
        self._paused = True
        if self._connection is not None:
            self._connection.pause_reading()

    def resume_reading(self) -> None:
        self._paused = False
        if self._connection is not None:
            self._connection.resume_reading()

    def _wanted(self, group: str | None) -> list[WantedSubscription]:
        if group is None:
            return [WantedSubscription(Subscription(each)) for each in _EVERYTHING]
        # Mosquitto 2.0.11 sends retained messages to each of the sharing sessions, though MQTT 5 forbids it.
        handling = RetainHandling.DO_NOT_SEND
        filters = [topics.shared(group, each) for each in _EVERYTHING]
        return [WantedSubscription(Subscription(each, retain_handling=handling)) for each in filters]

    def _on_connected(self, connection: InboundConnection, kept: bool) -> None:
        self._connection = connection
        if self._paused:
            connection.pause_reading()

    def _on_message(self, message: PublishPacket, connection: InboundConnection) -> None:
        settle = partial(connection.acknowledge, message.packet_id) if message.packet_id else None
        address = self._topics.get(message.topic) or self._parsed(message.topic)
        if address is _COMMAND or (_STATUS_ID in message.subscription_ids and not message.retain):
            # A command of the hub itself; or a live status, which came through the shared subscription as well.
            if settle is not None:
                settle()
        elif type(address) is TopicAddress and not message.retain and message.size == len(message.payload):
            uid, kind, ref = address.uid, address.kind, address.ref
            payload, now = message.payload, now_us()
            self._offer(Delivery(uid, kind, payload, now, ref, False, self._broker, None, settle, message.size))
        else:
            self._offer(self._unusual_delivery(address, message, settle))

    def _offer(self, delivery: Delivery) -> None:
        self._pipeline.offer(delivery)

    def _unusual_delivery(
        self, address: TopicAddress | Refusal, message: PublishPacket, settle: Callable[[], object] | None
    ) -> Delivery:
        """Of a message that is repeated, too large, or on a topic that is refused."""
        refusal = None
        if isinstance(address, Refusal):
            refusal = address
            address = TopicAddress(topics.sender(message.topic), "other")
        elif message.is_cut:
            refusal = Refusal("payload_too_large", f"{message.size} bytes")
        return Delivery(
            uid=address.uid,
            kind=address.kind,
            payload=message.payload,
            received_at=now_us(),
            ref=address.ref,
            repeated=message.retain,
            broker=self._broker,
            refusal=refusal,
            settle=settle,
            size=message.size,
        )

    def _parsed(self, topic: str) -> TopicAddress | Refusal:
        """Parses a topic and remembers it."""
        if len(self._topics) >= MAX_TOPICS:
            self._topics.clear()
        found = self._topics[topic] = _parse(topic)
        return found


def _parse(topic: str) -> TopicAddress | Refusal:
    try:
        return _COMMAND if topics.is_command(topic) else topics.parse(topic)
    except Refusal as refusal:
        return refusal
