"""What a source has found, into the database, and what was added there, to the source."""

from __future__ import annotations

import asyncio
import logging
import time

from django.db import Error as DatabaseError

from bridges.sources.source import News, Source
from devices.errors import HubbubError
from devices.registry.sources import addresses, found, sources
from devices.registry.sources.models import FoundDevice
from devices.registry.sources.models import Source as StoredSource
from devices.rooms import provisioning
from devices.runtime import database

logger = logging.getLogger("hubbub.sources")

RECORD_S = 1.0
"""Pause between two writes. A convention often gives a name moments after the first value."""
SCAN_S = 5.0
"""How often the addresses are read without an event: a lost one delays an added device by no more than this."""
RETRY_S = 2.0


async def keep_recorded(source: Source, changed: asyncio.Event) -> None:
    """Until cancelled. `changed`: addresses may have been added or removed."""
    read_at = 0.0
    while True:
        news = source.news()
        if news or changed.is_set() or time.monotonic() - read_at > SCAN_S:
            changed.clear()
            source.know(await _exchanged(source, news))
            read_at = time.monotonic()
        try:
            async with asyncio.timeout(RECORD_S):
                await changed.wait()
        except TimeoutError:
            pass


async def _exchanged(source: Source, news: News) -> dict[str, str]:
    """Tries until the database takes it: retained messages would not be heard again before the next connection."""
    while True:
        try:
            return await database.run(_exchange, source, news)
        except DatabaseError as error:
            logger.error("%s: what was found cannot be stored yet: %s", source.name, error)
            await asyncio.sleep(RETRY_S)


def _exchange(source: Source, news: News) -> dict[str, str]:
    """Stores what was found; address -> uid of the devices that were added."""
    if news.sightings:
        found.record(source.id, news.sightings)
    if news.gone:
        found.forget(source.id, news.gone)
    if news.sightings and source.adopts:
        _adopt_all(source)
    if news.names:
        addresses.follow_names(source.id, news.names)
    if news.problem is not None:
        sources.set_problem(source.id, *news.problem)
    return addresses.uids(source.id)


def _adopt_all(source: Source) -> None:
    stored = StoredSource.objects.select_related("space").filter(pk=source.id).first()
    if stored is None:
        return
    for one in FoundDevice.objects.filter(source=stored, ignored=False):
        try:
            provisioning.adopt(stored, one, answers=source.convention.answers)
        except HubbubError as error:
            logger.warning("%s: %s cannot be added: %s", source.name, one.address, error.message)
