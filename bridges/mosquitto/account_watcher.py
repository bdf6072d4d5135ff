"""Keeps Mosquitto's accounts equal to those in the database."""

from __future__ import annotations

import asyncio
import logging

from django.db import DatabaseError

from bridges.mosquitto.export import MosquittoExport
from bridges.mosquitto.reload import Reload, ReloadFailed
from devices.channel import groups
from devices.channel.events import AccountChanged, DeviceMoved, Event, PersonChanged, SourcesChanged
from devices.channel.listener import Listener
from devices.runtime import database

logger = logging.getLogger("hubbub.mosquitto")

CHECK_S = 3.0
"""Pause between checks of the database: an event may be lost, and without Redis other processes send none."""
PAUSE_S = 0.5
"""Least time between two rewrites, so that creating a thousand devices in a row causes only a handful of them."""


class AccountWatcher:
    """Writes the accounts and reloads Mosquitto whenever they have changed."""

    def __init__(self, export: MosquittoExport, reload: Reload) -> None:
        self._export = export
        self._reload = reload
        self._changed = asyncio.Event()
        self._reload_due = True  # accounts may have changed before we started
        self._logged_trouble = ""

    async def run(self, stop: asyncio.Event) -> None:
        """Runs until `stop` is set. It tries again while the database, the disk or Mosquitto is unavailable."""
        listener = Listener(self._on_event, lambda names, reason: self._changed.set())
        await listener.start()
        await listener.join(groups.ACCOUNTS)
        await listener.join(groups.RIGHTS)
        await listener.join(groups.SOURCES)
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                self._changed.clear()
                await self._update()
                await asyncio.wait({stopping}, timeout=PAUSE_S)
                await self._next_change(stopping)
        finally:
            stopping.cancel()
            await listener.stop()

    def _on_event(self, event: Event) -> None:
        if isinstance(event, AccountChanged | PersonChanged | DeviceMoved | SourcesChanged):
            self._changed.set()

    async def _next_change(self, stopping: asyncio.Task[bool]) -> None:
        changed = asyncio.create_task(self._changed.wait())
        await asyncio.wait({changed, stopping}, timeout=CHECK_S, return_when=asyncio.FIRST_COMPLETED)
        changed.cancel()

    async def _update(self) -> None:
        try:
            if await database.run(self._export.write_accounts):
                self._reload_due = True
            if self._reload_due:
                await asyncio.to_thread(self._reload)
                self._reload_due = False
                logger.info("Mosquitto has the current accounts")
        except (DatabaseError, OSError, ReloadFailed) as error:
            self._log_once(f"{type(error).__name__}: {error}")
        else:
            self._logged_trouble = ""

    def _log_once(self, trouble: str) -> None:
        """Logs each trouble when it begins, not every few seconds."""
        if trouble != self._logged_trouble:
            logger.warning("Mosquitto does not have the newest accounts yet: %s", trouble)
        self._logged_trouble = trouble
