"""Refused messages and skipped values: the log names each reason of each device at most once a minute.

The newest ones of each known device are stored for its page, in at most one transaction a second.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from django.db import close_old_connections

from bridges.ingest.batches import RETRYABLE_ERRORS
from bridges.ingest.delivery import Delivery
from devices.errors import Refusal, SkippedValues
from devices.refusals import store
from devices.refusals.store import START_BYTES, RefusalRecord
from devices.runtime import stats

logger = logging.getLogger("hubbub.refusals")

QUIET_S = 60.0
"""A reason that was logged for a device is not logged again within this time."""
MAX_REMEMBERED = 10_000
"""Devices and reasons of which it is remembered when they were logged; past it all are forgotten."""

WRITE_EVERY_S = 1.0
"""Pause between writes: a device that floods must not cost a transaction per message."""
MAX_PENDING = 2_000
"""Devices, kinds, reasons and keys of one write; past it a refused message is counted but not stored."""
MAX_KEYS = 10
"""Keys of one device, kind and reason in one write; the same past it."""
UNLISTED = ("retained",)
"""Reasons that are only counted: each time that a bridge subscribes, Mosquitto repeats what devices retain."""
CLOSE_TIMEOUT_S = 2.0
"""How long the last write may take."""

_logged: dict[tuple[str, str], float] = {}
"""(uid, reason) -> when it was last logged, for all recorders of the process."""


class RefusalRecorder:
    """Collects refused messages and stores them. Use it only from the thread of the event loop.

    `run(function, *args)` runs database work in a thread. A failed write never raises here.
    """

    def __init__(self, run: Callable[..., Awaitable[Any]]) -> None:
        self._run = run
        self._pending: dict[tuple[str, str, str, str], RefusalRecord] = {}
        self._keys: Counter[tuple[str, str, str]] = Counter()
        """uid, kind and reason -> records in `_pending`: a device that makes up keys must not crowd out others."""
        self._written_at = -WRITE_EVERY_S
        self._later: asyncio.Task[None] | None = None
        self._writing: asyncio.Task[None] | None = None

    def add_of(self, delivery: Delivery, refusal: Refusal | None, skipped: SkippedValues | None = None) -> None:
        """Counts and logs the refusal of a delivery and adds it to the next `write`, or the values that were `skipped`.

        If nothing else was in the message, `refusal` is that of the first of them.
        """
        if refusal is not None:
            stats.refused.labels(refusal.reason).inc()
        if skipped:
            for value, count in skipped:
                self._add(delivery, value, count)
        elif refusal is not None:
            self._add(delivery, refusal, 1)

    def _add(self, delivery: Delivery, refusal: Refusal, count: int) -> None:
        if refusal.reason in UNLISTED:
            return
        uid = delivery.uid.partition("/")[0]  # the gateway's, of a message that nobody knows to be its child's
        _log(refusal, delivery.kind, uid)
        if refusal.reason == "unknown_device":
            return
        self._merge(
            RefusalRecord(
                uid=uid,
                kind=delivery.kind,
                reason=refusal.reason,
                detail=refusal.detail,
                start=delivery.payload[:START_BYTES],
                size=len(delivery.payload) if delivery.size is None else delivery.size,
                first_at=delivery.received_at,
                at=delivery.received_at,
                key=refusal.key,
                count=count,
            )
        )

    async def write(self) -> None:
        """Stores what was added: at once, or later if the last write was less than `WRITE_EVERY_S` ago."""
        if self._pending and self._pause() <= 0:
            await self._write_now()
        if self._pending:
            self._write_later()

    async def close(self) -> None:
        """Stores the rest."""
        if self._later is not None:
            self._later.cancel()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                if self._writing is not None:
                    await asyncio.wait({self._writing})
                await self._write_now()
        except TimeoutError:
            logger.warning("the last refused messages were not stored in time")

    def _merge(self, refused: RefusalRecord) -> None:
        group = (refused.uid, refused.kind, refused.reason)
        if known := self._pending.get((*group, refused.key)):
            known.merge(refused)
        elif len(self._pending) < MAX_PENDING and self._keys[group] < MAX_KEYS:
            self._pending[*group, refused.key] = refused
            self._keys[group] += 1
        else:
            stats.dropped.labels("refusals").inc(refused.count)

    def _pause(self) -> float:
        """Seconds until the next write is due."""
        return max(0.0, self._written_at + WRITE_EVERY_S - time.monotonic())

    def _write_later(self) -> None:
        # A task whose loop has ended will never write.
        if self._later and not self._later.done() and self._later.get_loop() is asyncio.get_running_loop():
            return
        self._later = asyncio.create_task(self._write_after_pause(), name="refusals")

    async def _write_after_pause(self) -> None:
        while self._pending:
            await asyncio.sleep(self._pause())
            if self._pause() <= 0:
                self._writing = asyncio.create_task(self._write_now())
                # Cancelled halfway, a write would lose its rows, or store them without anybody knowing.
                await asyncio.shield(self._writing)

    async def _write_now(self) -> None:
        if not self._pending:
            return
        batch, self._pending = self._pending, {}
        self._keys.clear()
        self._written_at = time.monotonic()
        try:
            await self._run(store.record, batch.values())
        except RETRYABLE_ERRORS as error:
            logger.warning("the last refused messages are not stored yet: %s", error)
            for refused in batch.values():
                self._merge(refused)
            await self._run(close_old_connections)
        except Exception:
            logger.exception("%d refused messages cannot be stored", len(batch))
            stats.dropped.labels("refusals").inc(sum(refused.count for refused in batch.values()))


def _log(refusal: Refusal, kind: str, uid: str) -> None:
    now = time.monotonic()
    if now - _logged.get((uid, refusal.reason), -QUIET_S) < QUIET_S:
        return
    if len(_logged) >= MAX_REMEMBERED:
        _logged.clear()
    _logged[uid, refusal.reason] = now
    logger.warning("refused %s from %s: %s: %s", kind, uid or "nobody", refusal.reason, refusal.message)
