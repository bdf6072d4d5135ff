"""The sources at the embedded broker: what their logins publish, and the commands for their devices."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from django.db import Error as DatabaseError

from bridges.broker import Broker, Done, Published
from bridges.embedded import source_logins
from bridges.embedded.source_logins import SourcePrincipal
from bridges.ingest.pipeline import Pipeline
from bridges.mqtt.outbound_session import OpenSession
from bridges.sources.commands import SourceCommands
from bridges.sources.convention import Message
from bridges.sources.recording import keep_recorded
from bridges.sources.settings import Settings, settings_of
from bridges.sources.source import Source
from devices.channel import groups
from devices.channel.events import Event
from devices.channel.listener import Listener
from devices.errors import HubbubError
from devices.registry.sources import addresses, sources
from devices.registry.sources.models import Source as StoredSource
from devices.runtime import database, stats
from devices.values import now_us

logger = logging.getLogger("hubbub.sources")

SCAN_S = 5.0
"""How often the sources are read without an event."""
MAX_WAITING = 1_000
"""Messages of logins whose source has just been added and is not running yet. Past it QoS 0 is dropped, and counted;
others are sent again by their clients."""


@dataclass(slots=True)
class _Running:
    settings: Settings
    source: Source
    look_up: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


class EmbeddedSources:
    """Runs the sources at the embedded broker. All on the event loop."""

    def __init__(self, broker: str, pipeline: Pipeline) -> None:
        """`broker`: its name."""
        self._name = broker
        self._pipeline = pipeline
        self._running: dict[int, _Running] = {}
        self._source_of: dict[str, int] = {}
        """Account -> source."""
        self._waiting: deque[tuple[Published, Done | None]] = deque()
        self._changed = asyncio.Event()
        self._events = Listener(self._on_event, lambda names, reason: self._changed.set())

    def offer(self, published: Published, done: Done | None) -> bool:
        """A message of a login. Returns whether it may be kept as a retained one."""
        running = self._running.get(self._source_of.get(published.account, 0))
        if running is None:
            self._wait(published, done)
        else:
            _receive(running.source, published, done)
        return published.size <= len(published.payload)

    async def run(self, broker: Broker, open_session: OpenSession) -> None:
        """Works until cancelled."""
        try:
            await self._events.start()
            await self._events.join(groups.SOURCES)
            while True:
                self._changed.clear()
                with suppress(DatabaseError):
                    await self._follow(broker, open_session)
                with suppress(TimeoutError):
                    async with asyncio.timeout(SCAN_S):
                        await self._changed.wait()
        finally:
            for id in list(self._running):
                await self._end(id)
            await self._events.stop()

    async def _follow(self, broker: Broker, open_session: OpenSession) -> None:
        stored = {one.pk: one for one in await database.run(sources.of_broker, self._name)}
        for id, running in list(self._running.items()):
            if id not in stored or settings_of(stored[id]) != running.settings or any(t.done() for t in running.tasks):
                await self._end(id)
        for id, one in stored.items():
            if id not in self._running:
                await self._start(one, broker, open_session)
            self._running[id].look_up.set() if id in self._running else None
        await self._follow_logins(broker)
        self._deliver_waiting()

    async def _start(self, stored: StoredSource, broker: Broker, open_session: OpenSession) -> None:
        try:
            source = Source(stored, self._pipeline)
        except HubbubError as error:
            await database.run(sources.set_state, stored.pk, False, error.message)
            return
        source.know(await database.run(addresses.uids, source.id))
        running = self._running[stored.pk] = _Running(settings_of(stored), source)
        now = now_us()
        read: set[str] = set()
        while unread := set(source.convention.filters()) - read:  # what is read may name further topics
            read |= unread
            for topic_filter in sorted(unread):
                for topic, payload in broker.retained(topic_filter):
                    source.receive(Message(topic, payload, now, retained=True), None)
        commands = SourceCommands(source, open_session)
        running.tasks = [
            asyncio.create_task(commands.run(), name=f"commands of {stored}"),
            asyncio.create_task(keep_recorded(source, running.look_up), name=f"found at {stored}"),
        ]
        for message in source.convention.greeting():
            source.request(message)
        await database.run(sources.set_state, stored.pk, True)

    async def _end(self, id: int) -> None:
        running = self._running.pop(id)
        for task in running.tasks:
            task.cancel()
        await asyncio.wait(running.tasks)
        for task in running.tasks:
            if not task.cancelled() and (error := task.exception()):
                logger.error("%s has stopped and begins anew", running.source.name, exc_info=error)

    async def _follow_logins(self, broker: Broker) -> None:
        """Logins that were deleted are disconnected, and those whose topics have changed get the new ones."""
        known = [each for each in broker.principals() if isinstance(each, SourcePrincipal)]
        names = {each.name for each in known} | {published.account for published, _ in self._waiting}
        names |= self._source_of.keys()  # one without a session may have left retained messages
        current = await database.run(source_logins.existing, names)
        self._source_of.update({name: principal.source_id for name, principal in current.items()})
        for name in names - current.keys():
            self._source_of.pop(name, None)
            await broker.disconnect(name, forget=True)
        for principal in known:
            if principal.name in current and current[principal.name] != principal:
                broker.replace(principal, current[principal.name])

    def signed_in(self, principal: SourcePrincipal) -> None:
        """What it publishes belongs to this source."""
        self._source_of[principal.name] = principal.source_id
        if principal.source_id not in self._running:
            self._changed.set()

    def _wait(self, published: Published, done: Done | None) -> None:
        if len(self._waiting) < MAX_WAITING:
            self._waiting.append((published, done))
        elif done is None:
            stats.dropped.labels("source_starting").inc()
        self._changed.set()

    def _deliver_waiting(self) -> None:
        for _ in range(len(self._waiting)):
            published, done = self._waiting.popleft()
            running = self._running.get(self._source_of.get(published.account, 0))
            if running is not None:
                _receive(running.source, published, done)
            elif done is not None:
                done()  # its source, or its login, is gone

    def _on_event(self, event: Event) -> None:
        self._changed.set()


def _receive(source: Source, published: Published, done: Done | None) -> None:
    settle: Callable[[], object] | None = None if done is None else lambda: done()
    source.receive(Message(published.topic, published.payload, now_us()), settle, published.size)
