"""From the embedded broker straight to the pipeline: in the same process a message needs no second MQTT session."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache, partial

from django.conf import settings

from bridges.announcing.announcer import Announcer
from bridges.broker import Broker, Done, ForbiddenRequest, Published
from bridges.embedded import source_logins
from bridges.embedded.program_commands import ProgramCommands
from bridges.embedded.programs import username_of
from bridges.embedded.reasons import explain, refusal_of
from bridges.embedded.sources import EmbeddedSources
from bridges.ingest.batches import shared_processor
from bridges.ingest.delivery import Delivery
from bridges.ingest.pipeline import Pipeline
from bridges.mqtt import topics
from bridges.mqtt.outbound import Outbound
from bridges.mqtt.outbound_session import OutboundSession
from bridges.mqtt.topics import TopicAddress
from devices.errors import Refusal
from devices.runtime import stats
from devices.values import now_us

MAX_TOPICS = 100_000
"""Topics remembered."""
_KINDS = {"will": "will", "subscribe": "subscription", "connect": "login"}
"""What the refusals on a device's page are about, by the action that was forbidden."""


class EmbeddedBridge:
    """Receives what devices and programs publish as the broker's `Sink`, and hands it the commands for devices.

    A device gets its acknowledgement after the commit. Make it before its broker, which needs it.
    """

    def __init__(self, name: str) -> None:
        """`name`: that of the broker, for devices that are assigned to one."""
        self._name = name
        self._pipeline = Pipeline(shared_processor())
        self._commands = ProgramCommands()
        self.sources = EmbeddedSources(name, self._pipeline)

    def offer(self, published: Published, done: Done | None) -> bool:
        """Nothing that is refused on arrival is kept as a retained message, and no telemetry: it is stored instead."""
        if username_of(published.account) is not None:
            self._commands.offer(published, done)
            return False
        if source_logins.is_source(published.account):
            return self.sources.offer(published, done)
        address = _address(published.topic)
        delivery = Delivery(
            uid=address.uid if address is not None and "/" in address.uid else published.account,
            kind=address.kind if address is not None else "other",
            payload=published.payload,
            received_at=now_us(),
            ref=address.ref if address is not None else "",
            broker=self._name,
            refusal=_refusal(published, address),
            settle=done,
            size=published.size,
            explain=explain,
        )
        self._pipeline.offer(delivery)
        return delivery.refusal is None and delivery.kind != "telemetry"

    def report(self, forbidden: ForbiddenRequest) -> None:
        """Shows on the device's page what it was not allowed to do. A person has no such page."""
        if username_of(forbidden.account) is not None:
            self._commands.report(forbidden)
            return
        if source_logins.is_source(forbidden.account):
            stats.sources_refused.labels("login", refusal_of(forbidden).reason).inc()
            return
        delivery = Delivery(
            uid=forbidden.account,
            kind=_KINDS.get(forbidden.action, "other"),
            payload=forbidden.payload,
            received_at=now_us(),
            broker=self._name,
            refusal=refusal_of(forbidden),
            size=forbidden.size,
        )
        self._pipeline.offer(delivery)

    async def run(self, broker: Broker, stop: asyncio.Event, ready: asyncio.Event) -> None:
        """Bridges until `stop` is set; what was received by then is stored and acknowledged first.

        Waits for a database that is unavailable. Raises only where the bridge itself is broken.
        """
        outbound = Outbound(self._name, partial(_session, broker))
        outbound.lead(True)  # there is no other bridge at an embedded broker
        processing = asyncio.create_task(self._pipeline.run(), name="pipeline")
        sending = asyncio.create_task(outbound.run(), name="outbound")
        stopping = asyncio.create_task(stop.wait())
        sourcing = asyncio.create_task(self.sources.run(broker, partial(_session, broker)), name="sources")
        announcing = asyncio.create_task(_announce(self._name, broker), name="announcing")
        self._pipeline.attach(broker)
        self._commands.attach(broker)
        ready.set()
        try:
            await asyncio.wait({processing, sending, sourcing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            announcing.cancel()
            sending.cancel()
            await self._commands.stop()
            self._pipeline.close()
            sourcing.cancel()
            await asyncio.wait({processing, sending, sourcing})
            self._pipeline.detach(broker)
        for task in (processing, sending, sourcing):
            if task.done() and not task.cancelled() and (error := task.exception()):
                raise error


async def _announce(name: str, broker: Broker) -> None:
    """The devices, to Home Assistant, where that is wanted."""

    async def publish(topic: str, payload: bytes) -> None:
        broker.publish(topic, payload, retain=True)

    if settings.HA_DISCOVERY:
        await Announcer(name, publish).run()


@asynccontextmanager
async def _session(broker: Broker) -> AsyncIterator[OutboundSession]:
    """With a broker of the same process: it is never lost. A command counts as sent once it would outlive the process:
    until then its row is still queued, so that it is sent again, under its id, where the hub is killed."""

    async def publish(
        topic: str, payload: bytes, expires_in_s: float | None, *, qos: int = 1, retain: bool = False
    ) -> None:
        broker.publish(topic, payload, expires_in_s, qos=qos, retain=retain)
        await broker.written()

    yield OutboundSession(publish, lost=asyncio.get_running_loop().create_future())


def _refusal(published: Published, address: TopicAddress | None) -> Refusal | None:
    if address is None:
        return Refusal("bad_topic", key=published.topic)
    if published.size > len(published.payload):
        return Refusal("payload_too_large", f"{published.size} bytes")
    return None


@lru_cache(MAX_TOPICS)
def _address(topic: str) -> TopicAddress | None:
    try:
        return topics.parse(topic)
    except Refusal:
        return None
