"""What every bridge hands its messages to: batches that follow the load, stored, fanned out, then acknowledged.

A lone message is handled at once; what arrives while a batch is being stored is the next.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Protocol

from django.conf import settings
from django.db import close_old_connections, connections

from bridges.ingest import UNABLE, Batch, BatchResult, Delivery, Ingest
from bridges.refusals import RefusalKeeper
from devices.channel import fanout
from devices.errors import Refusal, Unavailable
from devices.runtime import database, stats
from devices.values import now_us

logger = logging.getLogger("hubbub.pipeline")

MAX_BATCH = 2_000
"""Messages of one transaction."""
MAX_BATCH_BYTES = 1 << 20
"""Payloads of one transaction; a message that is larger is one of its own."""
MAX_WAITING = 20_000
"""Messages waiting to be stored. Past it QoS 0 is dropped; past twice as many the sources stop reading."""
MAX_WAITING_BYTES = 16 << 20
"""The same in bytes of payload; whichever of the two is met first counts."""
BUSY = 8
GAP_S, MAX_GAP_S = 0.01, 0.02
"""After a batch of `BUSY` messages or more the next begins no sooner than `GAP_S` after its beginning, or than twice
what it took, up to `MAX_GAP_S`: a transaction and its events cost as much as hundreds of messages. A lone message waits
for nothing."""
RETRY_S = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Pauses between attempts to store a batch while the database is away."""


class Source(Protocol):
    """Where deliveries come from."""

    def pause_reading(self) -> None:
        """Too much waits: read no more. What was read already may still be offered."""

    def resume_reading(self) -> None:
        """There is room again."""


class Pipeline:
    """Takes deliveries on the event loop and processes them in batches on a thread of its own."""

    def __init__(self, ingest: Ingest) -> None:
        self._ingest = ingest
        self._waiting: deque[Delivery] = deque()
        self._bytes = 0
        self._sources: set[Source] = set()
        self._paused_at: float | None = None
        self._loop = asyncio.get_running_loop()
        self._arrived = asyncio.Event()
        self._closing = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pipeline")
        self._refused = RefusalKeeper(partial(self._loop.run_in_executor, self._thread))

    @property
    def waiting(self) -> int:
        """Messages not yet taken into a batch."""
        return len(self._waiting)

    def attach(self, source: Source) -> None:
        """`source` is told from now on when to pause and when to go on."""
        self._sources.add(source)
        if self._paused_at is not None:
            source.pause_reading()

    def detach(self, source: Source) -> None:
        self._sources.discard(source)

    def offer(self, delivery: Delivery) -> bool:
        """Hands a delivery over. False: it was not taken, and will not be settled.

        That happens to QoS 0 past the bound, counted, and to everything once `close` was called.
        """
        waiting = len(self._waiting)
        if delivery.settle is None and (waiting >= MAX_WAITING or self._bytes >= MAX_WAITING_BYTES):
            stats.dropped.labels("pipeline").inc()
            return False
        if self._closing.is_set():
            if delivery.settle is None:  # the others come again
                stats.dropped.labels("closing").inc()
            return False
        self._waiting.append(delivery)
        self._bytes += len(delivery.payload)
        if not waiting:
            self._arrived.set()
        if self._paused_at is None and (waiting >= 2 * MAX_WAITING or self._bytes >= 2 * MAX_WAITING_BYTES):
            self._pause()
        return True

    def expect_backlog(self, messages: int) -> None:
        """The broker may hold so many messages of each device for us: no device's rate is judged by them."""
        self._ingest.expect_backlog(messages)

    async def run(self) -> None:
        """Processes until `close`, then what still waits.

        A database that is away then is not waited for: what is not acknowledged, the broker sends again.
        """
        try:
            while not (self._closing.is_set() and not self._waiting):
                await self._arrived.wait()
                self._arrived.clear()
                while batch := self._take_batch():
                    began = time.monotonic()
                    if not await self._handle(batch):
                        return
                    if rest := rest_s(len(batch), time.monotonic() - began):
                        await asyncio.sleep(rest)
        finally:
            await self._refused.close()
            self._thread.submit(connections.close_all)  # a pool would wait for what the thread takes with it
            self._thread.shutdown(wait=False)

    def close(self) -> None:
        """Takes nothing more in; `run` returns once the rest is stored."""
        self._closing.set()
        self._arrived.set()

    def _pause(self) -> None:
        logger.warning("%d messages wait to be stored: no more are read until some are", len(self._waiting))
        self._paused_at = time.monotonic()
        for source in self._sources:
            source.pause_reading()

    def _resume(self) -> None:
        assert self._paused_at is not None  # noqa: S101
        paused_s = time.monotonic() - self._paused_at
        self._paused_at = None
        self.expect_backlog(int(paused_s * settings.DEVICE_RATE_LIMIT) + MAX_WAITING)
        for source in self._sources:
            source.resume_reading()

    def _take_batch(self) -> list[Delivery]:
        batch: list[Delivery] = []
        size = 0
        while self._waiting and len(batch) < MAX_BATCH:
            size += len(self._waiting[0].payload)
            if size > MAX_BATCH_BYTES and batch:
                break
            batch.append(self._waiting.popleft())
            self._bytes -= len(batch[-1].payload)
        if self._paused_at is not None and len(self._waiting) < MAX_WAITING and self._bytes < MAX_WAITING_BYTES:
            self._resume()
        return batch

    async def _handle(self, deliveries: list[Delivery]) -> bool:
        """Whether the deliveries were dealt with; otherwise none of them is settled."""
        started = time.monotonic()
        outcome = await self._process(Batch(deliveries))
        if outcome is None:
            return False
        stats.batch_seconds.observe(time.monotonic() - started)
        stats.batch_messages.observe(len(deliveries))
        stats.waiting.set(self.waiting)
        await _publish(outcome, deliveries[0])
        for i, refusal in outcome.refusals.items():
            refused = deliveries[i]
            self._refused.take(refusal, refused.kind, refused.uid, refused.payload, refused.received_at, refused.size)
        for delivery in deliveries:
            if delivery.settle is not None:
                delivery.settle()
        await self._refused.write()
        return True

    async def _process(self, batch: Batch) -> BatchResult | None:
        """Tries for as long as the database does not take it, or until `close`: nothing is acknowledged meanwhile."""
        attempt = 0
        while True:
            try:
                return await self._loop.run_in_executor(self._thread, self._ingest.process, batch)
            except UNABLE as error:
                stats.store_failures.inc()
                await self._loop.run_in_executor(self._thread, close_old_connections)
                waiting = len(batch.deliveries) + self.waiting
                if self._closing.is_set():
                    logger.error("the database is away, %d messages are left to the broker: %s", waiting, error)
                    return None
                pause = RETRY_S[min(attempt, len(RETRY_S) - 1)]
                logger.error("the database is away, %d messages wait, next try in %s s: %s", waiting, pause, error)
                attempt += 1
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._closing.wait()


def rest_s(messages: int, took_s: float) -> float:
    """Seconds to wait after a batch of so many messages that took so long."""
    if messages < BUSY:
        return 0.0
    return max(0.0, min(max(GAP_S, 2 * took_s), MAX_GAP_S) - took_s)


_shared: Ingest | None = None
_refused = RefusalKeeper(database.run)


def shared_ingest() -> Ingest:
    """This process's `Ingest`."""
    global _shared
    if _shared is None:
        _shared = Ingest()
    return _shared


async def ingest_now(delivery: Delivery) -> BatchResult:
    """Stores one delivery and fans it out before it returns, for protocols that answer.

    Raises `Refusal` where nothing of it was taken, or `Unavailable` while the database is away.
    """
    try:
        outcome = await database.run(shared_ingest().process, Batch([delivery]))
    except UNABLE:
        stats.store_failures.inc()
        raise Unavailable("the database is away") from None
    await _publish(outcome, delivery)
    if refusal := outcome.refusals.get(0):
        await refuse_now(delivery, refusal)
        if not outcome.readings:
            raise refusal
    return outcome


async def _publish(outcome: BatchResult, oldest: Delivery) -> None:
    await fanout.publish(outcome.events)
    stats.publish_lag.observe((now_us() - oldest.received_at) / 1_000_000)


async def refuse_now(delivery: Delivery, refusal: Refusal) -> None:
    """Counts, logs and keeps the refusal of a delivery that did not come through a `Pipeline`."""
    _refused.take(refusal, delivery.kind, delivery.uid, delivery.payload, delivery.received_at)
    await _refused.write()
