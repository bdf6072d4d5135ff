"""Which devices have a decoder: a copy of the table in memory, renewed by events and now and then."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress

from django.db import Error as DatabaseError

from devices.channel import groups
from devices.channel.events import DecodersChanged, Event
from devices.channel.listener import Listener
from devices.registry import decoders
from devices.runtime import database

logger = logging.getLogger("hubbub.decoders")

CHECK_S = 5.0
"""Pause between looks at the table: an event may be lost, and without Redis other processes send none."""
RETRY_S = 1.0


class Assigned:
    """Use it on one event loop. It is kept up to date while anybody follows."""

    def __init__(self) -> None:
        self._found = decoders.Assignments()
        self._users = 0
        self._changed = asyncio.Event()
        self._read = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_needed(self) -> bool:
        """Whether there is any decoder."""
        return bool(self._found.revisions)

    @property
    def devices(self) -> Mapping[str, int]:
        """uid -> decoder."""
        return self._found.devices

    def revision(self, decoder: int) -> int | None:
        return self._found.revisions.get(decoder)

    def decoder_for(self, space: int, profile: str, uid: str = "") -> int | None:
        """The decoder of the device, or the one that is for its vendor's device profile."""
        return self._found.devices.get(uid) or self._found.profiles.get((space, profile))

    async def follow(self) -> None:
        """Until `unfollow` is called as often. Returns once the table has been read."""
        self._users += 1
        if self._task is None:
            self._task = asyncio.create_task(self._follow(), name="decoders")
        await self._read.wait()

    async def unfollow(self) -> bool:
        """Whether nobody follows any more."""
        self._users -= 1
        if self._users or self._task is None:
            return False
        task, self._task = self._task, None
        self._read.clear()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return True

    async def _follow(self) -> None:
        listener = Listener(self._on_event, lambda names, reason: self._changed.set())
        listening = asyncio.create_task(_listen(listener))
        try:
            while True:
                self._changed.clear()
                is_read = await self._look()
                with suppress(TimeoutError):
                    async with asyncio.timeout(CHECK_S if is_read else RETRY_S):
                        await self._changed.wait()
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await listener.stop()

    async def _look(self) -> bool:
        try:
            self._found = await database.run(decoders.assignments)
        except DatabaseError as error:
            logger.debug("cannot read which devices have a decoder: %s", error)
            return False
        self._read.set()
        return True

    def _on_event(self, event: Event) -> None:
        if isinstance(event, DecodersChanged):
            self._changed.set()


async def _listen(listener: Listener) -> None:
    await listener.start()
    await listener.join(groups.ACCOUNTS)
