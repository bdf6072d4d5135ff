"""The client id of a bridge, which no other bridge of its broker may use at the same time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import NoReturn

from devices.errors import Unavailable
from devices.runtime.locks import ExclusiveLock, exclusive_lock

logger = logging.getLogger("hubbub.bridge")

CHECK_S = 2.0
"""How often a bridge checks whether its client id is still its own."""
GRACE_S = 1.0
"""How long a killed bridge may seem to run: PostgreSQL ends its connection in a process of its own."""


class ClientIdTaken(Exception):
    """Another bridge runs under this client id: the broker would end the session of each at the start of the other."""


class ClaimedClientId:
    """A client id that no other bridge of this broker uses for as long as this one holds it."""

    def __init__(self, broker: str, name: str, lock: ExclusiveLock) -> None:
        self._broker = broker
        self.name = name
        self._lock = lock

    @classmethod
    async def claim(cls, broker: str, names: Sequence[str]) -> ClaimedClientId:
        """The first free one of `names`. Waits for a database that is unavailable. Raises `ClientIdTaken`."""
        for pause_s in (GRACE_S, 0):
            for name in names:
                lock = exclusive_lock(f"client id {name} at {broker}")
                if await _hold_patiently(lock):
                    return cls(broker, name, lock)
                await lock.release()
            await asyncio.sleep(pause_s)
        if len(names) > 1:
            raise ClientIdTaken(
                f"all of the {len(names)} bridges are running, {names[0]} to {names[-1]} (broker {broker}): start every"
                " one with a higher --of, or stop one first"
            )
        raise ClientIdTaken(
            f"a bridge with the client id {names[0]!r} is already running (broker {broker}): stop it first, or give"
            " this one another --client-id; bridges that are to share the load are all started with --of N"
        )

    async def keep(self) -> NoReturn:
        """Holds it until cancelled. Raises `ClientIdTaken` where it was lost to another bridge."""
        while True:
            await asyncio.sleep(CHECK_S)
            if not await _hold_patiently(self._lock):
                raise ClientIdTaken(
                    f"while the database was unavailable, another bridge took the client id {self.name!r}"
                    f" (broker {self._broker}): this one stops"
                )

    async def release(self) -> None:
        await self._lock.release()


async def _hold_patiently(lock: ExclusiveLock) -> bool:
    warned = False
    while True:
        try:
            return await lock.acquire()
        except Unavailable as error:
            if not warned:
                logger.warning("the database is unavailable, waiting for it: %s", error.message)
                warned = True
        await asyncio.sleep(CHECK_S)
