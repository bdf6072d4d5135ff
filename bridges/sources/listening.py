"""The sources at brokers that the hub connects to. Of all bridges of a broker, one listens to its sources."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Coroutine
from contextlib import suppress

from django.db import Error as DatabaseError

from bridges.ingest.batches import shared_processor
from bridges.ingest.pipeline import Pipeline
from bridges.mqtt.address import AddressError
from bridges.mqtt.leadership import compete_for_lead
from bridges.sources import brokers
from bridges.sources.listener import SourceListener
from bridges.sources.settings import Settings, settings_of
from devices.channel import groups
from devices.channel.events import Event
from devices.channel.listener import Listener
from devices.errors import HubbubError
from devices.registry.sources import sources
from devices.registry.sources.models import Source as StoredSource
from devices.runtime import database

logger = logging.getLogger("hubbub.sources")

SCAN_S = 5.0
"""How often the sources are read without an event: a lost one delays a change by no more than this."""


async def run_sources(stop: asyncio.Event) -> None:
    """Listens to the sources in the database until `stop` is set; what was received by then is stored first.

    Sources and brokers may be added, changed and deleted meanwhile.
    """
    pipeline = Pipeline(shared_processor(), holds_back=False)
    listening = _Listening(pipeline)
    processing = asyncio.create_task(pipeline.run(), name="pipeline of sources")
    keeping = asyncio.create_task(listening.run(), name="sources")
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({processing, keeping, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        pipeline.close()
        await asyncio.wait({processing})
        keeping.cancel()  # only now: what is stored, is acknowledged
        await asyncio.wait({keeping})
    for task in (processing, keeping):
        if not task.cancelled() and (error := task.exception()):
            raise error


async def with_sources(bridge: Coroutine[None, None, None], stop: asyncio.Event) -> None:
    """A bridge and the sources beside it. Where one of the two breaks, the other ends in order."""
    tasks = [asyncio.create_task(bridge), asyncio.create_task(run_sources(stop))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.set()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for error in ended:
        if error is not None:
            raise error


class _Listening:
    """One task for each broker at which there are sources."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._changed = asyncio.Event()
        self._brokers: dict[str, tuple[_BrokerSources, asyncio.Task[None]]] = {}
        self._events = Listener(self._on_event, self._on_loss)

    async def run(self) -> None:
        """Works until cancelled."""
        try:
            await self._events.start()
            await self._events.join(groups.SOURCES)
            while True:
                self._changed.clear()
                with suppress(DatabaseError):
                    await self._reconcile(await database.run(_in_use))
                with suppress(TimeoutError):
                    async with asyncio.timeout(SCAN_S):
                        await self._changed.wait()
        finally:
            await self._reconcile(())
            await self._events.stop()

    async def _reconcile(self, names: Collection[str]) -> None:
        for name in self._brokers.keys() - set(names):
            _, task = self._brokers.pop(name)
            task.cancel()
            await asyncio.wait({task})
        for name in set(names) - self._brokers.keys():
            found = _BrokerSources(name, self._pipeline)
            self._brokers[name] = found, asyncio.create_task(found.run(), name=f"sources at {name}")

    def _on_event(self, event: Event) -> None:
        self._wake()

    def _on_loss(self, names: set[str], reason: str) -> None:
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        for found, _ in self._brokers.values():
            found.wake()


class _BrokerSources:
    """The sources at one broker, while this bridge leads."""

    def __init__(self, broker: str, pipeline: Pipeline) -> None:
        self._broker = broker
        self._pipeline = pipeline
        self._leading = False
        self._changed = asyncio.Event()
        self._running: dict[int, tuple[Settings, SourceListener, asyncio.Task[None]]] = {}

    async def run(self) -> None:
        """Works until cancelled."""
        competing = asyncio.create_task(compete_for_lead(f"{self._broker} (sources)", self._lead))
        try:
            while True:
                self._changed.clear()
                with suppress(DatabaseError):
                    await self._reconcile(await database.run(sources.of_broker, self._broker) if self._leading else [])
                for _, listener, _ in self._running.values():
                    listener.look_up_addresses()
                with suppress(TimeoutError):
                    async with asyncio.timeout(SCAN_S):
                        await self._changed.wait()
        finally:
            await self._reconcile([])
            competing.cancel()
            await asyncio.wait({competing})

    def wake(self) -> None:
        self._changed.set()

    def _lead(self, leading: bool) -> None:
        self._leading = leading
        self.wake()

    async def _reconcile(self, stored: Collection[StoredSource]) -> None:
        wanted = {one.pk: (settings_of(one), one) for one in stored}
        for id, (used, listener, task) in list(self._running.items()):
            if id not in wanted or wanted[id][0] != used or task.done():
                del self._running[id]
                task.cancel()
                await asyncio.wait({task})
                if not task.cancelled() and (error := task.exception()):
                    logger.error("the source %s has stopped and begins anew", id, exc_info=error)
                if id not in wanted and self._leading:
                    await listener.end()
        for id, (used, one) in wanted.items():
            if id not in self._running:
                await self._start(used, one)

    async def _start(self, used: Settings, stored: StoredSource) -> None:
        try:
            address = await database.run(brokers.usable, self._broker)
            listener = await SourceListener.of(stored, address, self._pipeline)
        except (AddressError, HubbubError) as error:
            await database.run(sources.set_state, stored.pk, False, str(error))
            return
        self._running[stored.pk] = used, listener, asyncio.create_task(listener.run(), name=str(stored))


def _in_use() -> list[str]:
    return [name for name in sources.brokers_in_use() if not brokers.is_embedded(name)]
