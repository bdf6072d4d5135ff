"""Keeps the rights of signed-in programs equal to those of their people."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress

from bridges.broker import Broker
from bridges.embedded import programs
from bridges.embedded.programs import ProgramPrincipal
from devices.channel import groups
from devices.channel.events import AccountChanged, DeviceMoved, Event, PersonChanged
from devices.channel.listener import Listener
from devices.runtime import database
from devices.runtime.log_throttle import LogThrottle

logger = logging.getLogger("hubbub.programs")

PAUSE_S = 0.2
"""Least time between two checks: creating a thousand devices in a row causes only a handful of them."""
RETRY_S = 1.0
"""Pause after a check that failed, as when the database is unavailable."""
LOGIN_CHECK_S = 0.8
"""Between looks at tokens and people without an event: a statement in the database sends none."""
REGULAR_CHECK_S = 20.0
"""The same for all rights. A check reads the uids of all devices that programs watch."""


class ProgramRights:
    """Checks the programs that are signed in whenever somebody's rights or tokens may have changed."""

    def __init__(self) -> None:
        self.changes = 0
        """How many there were. A caller whose look-up ran meanwhile calls `check_soon`."""
        self._due = asyncio.Event()
        self._checked_at = 0.0
        self._trouble = LogThrottle()
        self._listener = Listener(self._on_event, lambda names, reason: self.check_soon())
        self._checking: asyncio.Task[None] | None = None

    async def start(self, broker: Broker) -> None:
        await self._listener.start()
        await self._listener.join(groups.ACCOUNTS)
        await self._listener.join(groups.RIGHTS)
        self.check_soon()  # there may have been changes since the sessions were restored
        self._checking = asyncio.create_task(self._run(broker), name="rights of programs")

    async def stop(self) -> None:
        if self._checking is not None:
            self._checking.cancel()
            await asyncio.gather(self._checking, return_exceptions=True)
        await self._listener.stop()

    def check_soon(self) -> None:
        self.changes += 1
        self._due.set()

    def _on_event(self, event: Event) -> None:
        if isinstance(event, AccountChanged | DeviceMoved | PersonChanged):
            self.check_soon()

    async def _run(self, broker: Broker) -> None:
        while True:
            try:
                if await self._is_due(broker):
                    self._due.clear()
                    self._checked_at = time.monotonic()
                    await _check(broker)
                    await asyncio.sleep(PAUSE_S)
            except Exception as error:  # rights that have been withdrawn must not stay because one check failed
                text = f"the rights of programs cannot be checked at the moment: {type(error).__name__}"
                self._trouble.warning(logger, text)
                self._due.set()
                await asyncio.sleep(RETRY_S)

    async def _is_due(self, broker: Broker) -> bool:
        """After a change at once, otherwise after `LOGIN_CHECK_S`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LOGIN_CHECK_S):
                await self._due.wait()
        if self._due.is_set() or time.monotonic() - self._checked_at >= REGULAR_CHECK_S:
            return True
        known = _known(broker)
        return bool(known) and await database.run(programs.any_ended, known)


async def _check(broker: Broker) -> None:
    known = _known(broker)
    if not known:
        return
    standing = await database.run(programs.check, known)
    for principal in standing.gone:
        broker.expel(principal, forget=True)
    for principal in standing.revoked:
        broker.expel(principal)
    for old, new in standing.replaced:
        broker.replace(old, new)


def _known(broker: Broker) -> list[ProgramPrincipal]:
    return [principal for principal in broker.principals() if isinstance(principal, ProgramPrincipal)]
