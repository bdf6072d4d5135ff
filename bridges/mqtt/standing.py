"""What a bridge may do beside other bridges of its broker: use a client id, and lead."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NoReturn

from devices.errors import Unavailable
from devices.runtime.locks import ExclusiveLock, exclusive_lock

logger = logging.getLogger("hubbub.bridge")

LOOK_S = 2.0
"""How often a bridge looks whether its client id is still its own, and whether there is no leader."""


GRACE_S = 1.0
"""How long a bridge that was killed may seem to run: PostgreSQL ends its connection in a process of its own."""


class ClientIdTaken(Exception):
    """Another bridge runs under this client id: the broker would end the session of each at the start of the other."""


class ClientId:
    """A client id that no other bridge of this broker uses for as long as this one holds it."""

    def __init__(self, broker: str, name: str, lock: ExclusiveLock) -> None:
        self._broker = broker
        self.name = name
        self._lock = lock

    @classmethod
    async def claim(cls, broker: str, names: Sequence[str]) -> ClientId:
        """The first that is free of `names`. A database that is away is waited for. Raises `ClientIdTaken`."""
        for pause_s in (GRACE_S, 0):
            for name in names:
                lock = exclusive_lock(f"client id {name} at {broker}")
                if await _hold_patiently(lock):
                    return cls(broker, name, lock)
                await lock.release()
            await asyncio.sleep(pause_s)
        if len(names) > 1:
            raise ClientIdTaken(
                f"all of the {len(names)} bridges run already, {names[0]} to {names[-1]} (broker {broker}): start every"
                " one with a higher --of, or stop one first"
            )
        raise ClientIdTaken(
            f"a bridge with the client id {names[0]!r} runs already (broker {broker}): stop it first, or give this one"
            " another --client-id; bridges that are to share the load are all started with --of N"
        )

    async def keep(self) -> NoReturn:
        """Holds it until cancelled. Raises `ClientIdTaken` where it was lost to another bridge."""
        while True:
            await asyncio.sleep(LOOK_S)
            if not await _hold_patiently(self._lock):
                raise ClientIdTaken(
                    f"while the database was away another bridge took the client id {self.name!r}"
                    f" (broker {self._broker}): this one stops"
                )

    async def release(self) -> None:
        await self._lock.release()


async def lead(broker: str, on_change: Callable[[bool], None]) -> None:
    """Until cancelled: of all bridges of this broker one is told `on_change(True)`, and another once that is gone.

    While the database is away it stays as it is: without it a leader can do nothing, and nobody can become one.
    """
    lock = exclusive_lock(f"leader at {broker}")
    leading = False
    try:
        while True:
            with suppress(Unavailable):
                if (held := await lock.hold()) != leading:
                    leading = held
                    logger.info("this bridge %s those of broker %s", "leads" if leading else "no longer leads", broker)
                    on_change(leading)
            await asyncio.sleep(LOOK_S)
    finally:
        await lock.release()


async def _hold_patiently(lock: ExclusiveLock) -> bool:
    told = False
    while True:
        try:
            return await lock.hold()
        except Unavailable as error:
            if not told:
                logger.warning("the database is away, waiting for it: %s", error.message)
                told = True
        await asyncio.sleep(LOOK_S)
