"""A session that queued commands are sent through. The rows are the truth; an event only shortens the wait."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from django.db import Error as DatabaseError

from bridges.mqtt.backoff import Backoff
from bridges.mqtt.outbound_session import Lost, OpenSession, OutboundSession
from devices.availability import silence
from devices.channel import groups
from devices.channel.events import Event
from devices.channel.listener import Listener
from devices.runtime import database
from devices.values import now_us

logger = logging.getLogger("hubbub.outbound")

SCAN_S = 5.0
"""How often queued rows are looked for without an event; a lost event delays a command by no more than this."""
BATCH = 100
"""Commands that are sent at a time."""

SendQueued = Callable[[OutboundSession], Awaitable[int]]
"""Sends up to `BATCH` queued commands and returns how many there were."""


class CommandLoop:
    """Keeps a session up and calls `send_queued` whenever there may be something to send."""

    def __init__(self, name: str, open_session: OpenSession, send_queued: SendQueued) -> None:
        """`name`: for the log. `open_session` is called again after each lost session."""
        self._name = name
        self._open_session = open_session
        self._send_queued = send_queued
        self._wake = asyncio.Event()
        self._listener = Listener(self._on_event, self._on_loss)

    async def run(self) -> None:
        """Works until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._keep_session())

    def wake(self) -> None:
        """There may be something to send."""
        self._wake.set()

    def _on_event(self, event: Event) -> None:
        self._wake.set()

    def _on_loss(self, names: set[str], reason: str) -> None:
        self._wake.set()

    async def _listen(self) -> None:
        """While the channel layer is unavailable, commands wait for the next scan."""
        try:
            await self._listener.start()
            await self._listener.join(groups.COMMANDS)
            await asyncio.Event().wait()
        finally:
            await self._listener.stop()

    async def _keep_session(self) -> None:
        backoff = Backoff()
        while True:
            try:
                async with self._open_session() as session:
                    backoff.reset()
                    await self._send_until_lost(session)
            except (Lost, OSError) as error:  # a certificate that cannot be read just now is an `OSError`
                logger.warning("no outbound session with %s: %s", self._name, error)
            await asyncio.sleep(backoff.next_s())

    async def _send_until_lost(self, session: OutboundSession) -> None:
        while not session.lost.done():
            self._wake.clear()  # before the look, so that what is queued during it is looked at again
            try:
                await database.run(silence.record_listening, now_us())
                while await self._send_queued(session) == BATCH:
                    pass
            except DatabaseError as error:
                logger.error("cannot look for queued commands: %s", error)
            woken: asyncio.Future[Any] = asyncio.create_task(self._wake.wait())
            try:
                await asyncio.wait({woken, session.lost}, timeout=SCAN_S, return_when=asyncio.FIRST_COMPLETED)
            finally:
                woken.cancel()
