"""Every refused message is counted; the log names each reason of each device at most once a minute.

The last ones of each known device are kept for its page, in at most one transaction a second.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from django.db import InterfaceError, InternalError, OperationalError, ProgrammingError, close_old_connections

from devices.errors import Refusal
from devices.refusals import store
from devices.refusals.store import START_BYTES, RefusedMessages
from devices.runtime import stats

logger = logging.getLogger("hubbub.refusals")

QUIET_S = 60.0
MAX_REMEMBERED = 10_000

WRITE_EVERY_S = 1.0
"""Pause between writes: a device that floods must not cost a transaction a message."""
MAX_PENDING = 2_000
"""Devices and reasons of one write; past it a refused message is counted, but not kept."""
FAREWELL_S = 2.0
"""How long the last write may take."""

_logged: dict[tuple[str, str], float] = {}


def note(refusal: Refusal, kind: str, uid: str) -> None:
    """Counts a refusal and, unless the same was logged a moment ago, logs it."""
    stats.refused.labels(refusal.reason).inc()
    now = time.monotonic()
    if now - _logged.get((uid, refusal.reason), -QUIET_S) < QUIET_S:
        return
    if len(_logged) >= MAX_REMEMBERED:
        _logged.clear()
    _logged[uid, refusal.reason] = now
    logger.warning("refused a %s message of %s: %s: %s", kind, uid or "nobody", refusal.reason, refusal.message)


class RefusalKeeper:
    """Collects refused messages and has them stored; used from the event loop's thread alone.

    `run(function, *args)` runs database work in a thread. Nothing here ever raises for a write that fails.
    """

    def __init__(self, run: Callable[..., Awaitable[Any]]) -> None:
        self._run = run
        self._pending: dict[tuple[str, str, str], RefusedMessages] = {}
        self._written_at = -WRITE_EVERY_S
        self._later: asyncio.Task[None] | None = None
        self._writing: asyncio.Task[None] | None = None

    def take(self, refusal: Refusal, kind: str, uid: str, payload: bytes, at: int, size: int | None = None) -> None:
        """Counts and logs a refusal, and keeps it for the next `write`.

        `at`: time of receipt in microseconds. `size`: of the whole payload, where `payload` is only its beginning.
        """
        note(refusal, kind, uid)
        if refusal.reason != "unknown_device":
            start = payload[:START_BYTES]
            whole = len(payload) if size is None else size
            self._add(RefusedMessages(uid, kind, refusal.reason, refusal.detail, start, whole, at, at))

    async def write(self) -> None:
        """Stores what was taken: at once, or later where the last write was a moment ago."""
        if self._pending and self._pause() <= 0:
            await self._write_now()
        if self._pending:
            self._write_later()

    async def close(self) -> None:
        """Stores what is left."""
        if self._later is not None:
            self._later.cancel()
        try:
            async with asyncio.timeout(FAREWELL_S):
                if self._writing is not None:
                    await asyncio.wait({self._writing})
                await self._write_now()
        except TimeoutError:
            logger.warning("the last refused messages were not stored in time")

    def _add(self, refused: RefusedMessages) -> None:
        key = (refused.uid, refused.kind, refused.reason)
        if known := self._pending.get(key):
            known.absorb(refused)
        elif len(self._pending) < MAX_PENDING:
            self._pending[key] = refused
        else:
            stats.dropped.labels("refusals").inc(refused.count)

    def _pause(self) -> float:
        """Seconds until the next write may be."""
        return max(0.0, self._written_at + WRITE_EVERY_S - time.monotonic())

    def _write_later(self) -> None:
        # A task of a loop that has ended will never write.
        if self._later and not self._later.done() and self._later.get_loop() is asyncio.get_running_loop():
            return
        self._later = asyncio.create_task(self._write_after(), name="refusals")

    async def _write_after(self) -> None:
        while self._pending:
            await asyncio.sleep(self._pause())
            if self._pause() <= 0:
                self._writing = asyncio.create_task(self._write_now())
                # Cut off in the middle it would lose what it has taken, or store it and not know.
                await asyncio.shield(self._writing)

    async def _write_now(self) -> None:
        if not self._pending:
            return
        taken, self._pending = self._pending, {}
        self._written_at = time.monotonic()
        try:
            await self._run(store.keep, taken.values())
        except (OperationalError, InterfaceError, InternalError, ProgrammingError) as error:
            logger.warning("the last refused messages are not stored yet: %s", error)
            for refused in taken.values():
                self._add(refused)
            await self._run(close_old_connections)
        except Exception:
            logger.exception("%d refused messages cannot be stored", len(taken))
            stats.dropped.labels("refusals").inc(sum(refused.count for refused in taken.values()))
