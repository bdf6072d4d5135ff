"""One source at a broker that the hub connects to: a persistent session that receives, and one that publishes."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from functools import partial

from django.db import Error as DatabaseError

from bridges.ingest.pipeline import Pipeline
from bridges.mqtt.address import BrokerAddress
from bridges.mqtt.inbound_connection import InboundConnection
from bridges.mqtt.inbound_session import InboundSession, WantedSubscription
from bridges.mqtt.outbound_session import Lost, OutboundSessions, Will, outbound_session
from bridges.mqtt.packets import PublishPacket, Subscription
from bridges.mqtt.session_name import SessionName
from bridges.sources.commands import SourceCommands
from bridges.sources.convention import Message, Publish
from bridges.sources.recording import keep_recorded
from bridges.sources.source import Source
from devices.registry import bridge_secrets
from devices.registry.sources import addresses, sources
from devices.registry.sources.models import Source as StoredSource
from devices.runtime import database
from devices.values import now_us

logger = logging.getLogger("hubbub.sources")

PACKET_BYTES = 1 << 17
"""Of the largest packet, beside its payload: topic and properties."""
END_S = 5.0
"""How long the broker may take to end the session of a source that was deleted."""


class SourceListener:
    """Runs until cancelled; then what was received but not stored is sent again to the next session."""

    def __init__(self, stored: StoredSource, address: BrokerAddress, session: SessionName, pipeline: Pipeline) -> None:
        """Raises `Invalid` where the source's prefix or options do not work."""
        self._pipeline = pipeline
        self._connection: InboundConnection | None = None
        self._paused = False
        self._look_up = asyncio.Event()
        self._address, self._client_id = address, session.client_id
        self._state: tuple[bool, str] | None = None
        self._state_changed = asyncio.Event()
        self._source = Source(stored, pipeline)
        will = _will(self._source.convention.farewell())
        self._commands = SourceCommands(self._source, OutboundSessions(address, session.outbound_client_id, will).open)
        self._filters = set(self._source.convention.filters())
        self._session = InboundSession(
            address,
            session.client_id,
            [_wanted(each) for each in sorted(self._filters)],
            self._on_message,
            self._on_connected,
            lambda: self._set_state(True),
            on_failure=lambda reason: self._set_state(False, reason),
            largest=self._source.convention.max_payload + PACKET_BYTES,
        )

    @classmethod
    async def of(cls, stored: StoredSource, address: BrokerAddress, pipeline: Pipeline) -> SourceListener:
        secrets = await database.run(bridge_secrets.of, stored.broker)
        return cls(stored, address, SessionName.of(f"hubbub-source-{stored.pk}", secrets.current), pipeline)

    async def run(self) -> None:
        self._source.know(await database.run(addresses.uids, self._source.id))
        self._pipeline.attach(self)
        receiving = self._session.start()
        beside = [
            asyncio.create_task(self._commands.run()),
            asyncio.create_task(keep_recorded(self._source, self._look_up)),
            asyncio.create_task(self._report_state()),
        ]
        try:
            done, _ = await asyncio.wait({receiving, *beside}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.wait(beside)
            self._pipeline.detach(self)
            await self._session.stop()

    async def end(self) -> None:
        """Ends the session at the broker, which would keep messages for it. Call it after `run`."""
        with suppress(Lost, OSError, TimeoutError):
            async with asyncio.timeout(END_S), outbound_session(self._address, self._client_id):
                pass

    def look_up_addresses(self) -> None:
        """Devices may have been added or deleted."""
        self._look_up.set()

    def pause_reading(self) -> None:
        self._paused = True
        if self._connection is not None:
            self._connection.pause_reading()

    def resume_reading(self) -> None:
        self._paused = False
        if self._connection is not None:
            self._connection.resume_reading()

    def _on_connected(self, connection: InboundConnection, kept: bool) -> None:
        self._connection = connection
        if self._paused:
            connection.pause_reading()
        for message in self._source.convention.greeting():
            self._source.request(message)

    def _set_state(self, connected: bool, reason: str = "") -> None:
        if self._state != (connected, reason):
            self._state = connected, reason
            self._state_changed.set()

    def _on_message(self, packet: PublishPacket, connection: InboundConnection) -> None:
        settle = partial(connection.acknowledge, packet.packet_id) if packet.packet_id else None
        self._source.receive(Message(packet.topic, packet.payload, now_us(), packet.retain), settle, packet.size)
        self._follow_filters()

    def _follow_filters(self) -> None:
        """A convention may have learned of further topics."""
        wanted = set(self._source.convention.filters())
        if wanted != self._filters:
            for each in wanted - self._filters:
                self._session.subscribe(_wanted(each))
            for each in self._filters - wanted:
                self._session.unsubscribe(each)
            self._filters = wanted

    async def _report_state(self) -> None:
        while True:
            await self._state_changed.wait()
            self._state_changed.clear()
            if self._state is not None:
                try:
                    await database.run(sources.set_state, self._source.id, *self._state)
                except DatabaseError as error:
                    logger.warning("the state of %s cannot be stored: %s", self._source.name, error)


def _will(farewell: Publish | None) -> Will | None:
    if farewell is None:
        return None
    return Will(farewell.topic, farewell.payload, farewell.qos, farewell.retain)


def _wanted(topic_filter: str) -> WantedSubscription:
    # Without retain-as-published live messages come with the retain flag 0, and only repeated ones with 1.
    return WantedSubscription(Subscription(topic_filter))
