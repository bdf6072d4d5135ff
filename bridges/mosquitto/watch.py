"""Keeps Mosquitto's accounts as the database has them."""

from __future__ import annotations

import asyncio
import logging

from django.db import DatabaseError

from bridges.mosquitto.export import Export
from bridges.mosquitto.reload import NotReloaded, Reload
from devices.channel import groups
from devices.channel.events import AccountChanged, Event
from devices.channel.listener import Listener
from devices.runtime import database

logger = logging.getLogger("hubbub.mosquitto")

CHECK_S = 3.0
"""Pause between two looks at the database: an event may be lost, and without Redis none comes from other processes."""
PAUSE_S = 0.5
"""Least time between two rewrites, so that a thousand devices made in a row are a handful of them."""


class Watch:
    """Writes the accounts and reloads Mosquitto, whenever they have changed."""

    def __init__(self, export: Export, reload: Reload) -> None:
        self._export = export
        self._reload = reload
        self._changed = asyncio.Event()
        self._to_reload = True  # what changed while nobody watched
        self._trouble = ""

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set. A database, a disk or a Mosquitto that is away is tried again."""
        listener = Listener(self._on_event, lambda names, reason: self._changed.set())
        await listener.start()
        await listener.join(groups.ACCOUNTS)
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                self._changed.clear()
                await self._follow()
                await asyncio.wait({stopping}, timeout=PAUSE_S)
                await self._next_change(stopping)
        finally:
            stopping.cancel()
            await listener.stop()

    def _on_event(self, event: Event) -> None:
        if isinstance(event, AccountChanged):
            self._changed.set()

    async def _next_change(self, stopping: asyncio.Task[bool]) -> None:
        changed = asyncio.create_task(self._changed.wait())
        await asyncio.wait({changed, stopping}, timeout=CHECK_S, return_when=asyncio.FIRST_COMPLETED)
        changed.cancel()

    async def _follow(self) -> None:
        try:
            if await database.run(self._export.write_accounts):
                self._to_reload = True
            if self._to_reload:
                await asyncio.to_thread(self._reload)
                self._to_reload = False
                logger.info("Mosquitto has the accounts as they are now")
        except (DatabaseError, OSError, NotReloaded) as error:
            self._tell(f"{type(error).__name__}: {error}")
        else:
            self._trouble = ""

    def _tell(self, trouble: str) -> None:
        """Once for each trouble, not every few seconds."""
        if trouble != self._trouble:
            logger.warning("Mosquitto does not have the newest accounts yet: %s", trouble)
        self._trouble = trouble
