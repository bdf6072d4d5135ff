"""Whether this is the only web process, which it has to be without Redis: events of another one would not arrive."""

from __future__ import annotations

import asyncio
import logging

from django.conf import settings

from devices.errors import Unavailable
from devices.runtime.locks import ExclusiveLock, exclusive_lock

logger = logging.getLogger("hubbub")

NAME = "web process without REDIS_URL"
RENEW_S = 10.0
"""Pause between renewals of the claim, which may have become possible, or have been lost with the database."""


class SeveralWithoutRedis(Exception):
    """Another web process uses the same database, and none of them has `REDIS_URL`."""


class _Claim:
    """Of this process. A server has one event loop; in tests there are many, and the first that holds it counts."""

    def __init__(self) -> None:
        self._lock: ExclusiveLock | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.is_held = False
        self.is_refused = False

    async def renew(self) -> None:
        """Raises `Unavailable`: then nothing is known, and everything stays as it was."""
        loop = asyncio.get_running_loop()
        if self._lock is None or self._loop is not loop:
            if self.is_held:
                return
            self._lock, self._loop = exclusive_lock(NAME), loop
        self.is_held = await self._lock.acquire()
        if not self.is_held and not self.is_refused:
            logger.error(
                "another web process uses the same database, and REDIS_URL is not set: people who are connected to one "
                "of them do not receive what the other one stores"
            )
        self.is_refused = not self.is_held


_claim = _Claim()


async def keep_claiming() -> None:
    """Claims, for as long as this process runs, to be the only one that serves the web side without Redis."""
    while not settings.REDIS_URL:
        try:
            await _claim.renew()
        except Unavailable as error:
            logger.debug("cannot find out whether this is the only web process: %s", error.message)
        await asyncio.sleep(RENEW_S)


def check() -> None:
    """Raises `SeveralWithoutRedis`. Queries nothing: readiness is checked while the database is unavailable, too."""
    if not settings.REDIS_URL and _claim.is_refused:
        raise SeveralWithoutRedis
