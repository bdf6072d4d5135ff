"""The pipeline that every bridge offers its messages to: batches that follow the load.

A single message is handled at once; the messages that arrive while a batch is being stored are the next batch. Each
batch is stored, then fanned out, then acknowledged.
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

from bridges.ingest.batches import RETRYABLE_ERRORS, Batch, BatchProcessor, BatchResult
from bridges.ingest.delivery import Delivery
from bridges.ingest.refusal_recorder import RefusalRecorder
from devices.channel import fanout
from devices.runtime import stats
from devices.values import now_us

logger = logging.getLogger("hubbub.pipeline")

MAX_BATCH = 2_000
"""Messages of one transaction."""
MAX_BATCH_BYTES = 1 << 20
"""Payload bytes of one transaction; a larger message has a transaction of its own."""
MAX_BUFFERED = 20_000
"""Messages buffered. Past it QoS 0 is dropped; past twice as many the sources stop reading."""
MAX_BUFFERED_BYTES = 16 << 20
"""The same in bytes of payload; the bound that is reached first counts."""
BUSY = 8
GAP_S, MAX_GAP_S = 0.01, 0.02
"""A batch of `BUSY` messages or more is followed by a pause: the next batch begins `GAP_S` after its beginning, or
twice its duration if that is longer, but at most `MAX_GAP_S`. A transaction and its events cost as much as hundreds of
messages, so small batches in quick succession would waste most of the time. A single message never waits."""
RETRY_S = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Pauses between attempts to store a batch while the database is unavailable."""


class DeliverySource(Protocol):
    """A source of deliveries, which is asked to pause when too many are buffered."""

    def pause_reading(self) -> None:
        """Read no more. Messages that were read already may still be offered."""

    def resume_reading(self) -> None:
        """Read again."""


class Pipeline:
    """Receives deliveries on the event loop and processes them in batches on a thread of its own."""

    def __init__(self, processor: BatchProcessor) -> None:
        self._processor = processor
        self._buffer: deque[Delivery] = deque()
        self._bytes = 0
        self._sources: set[DeliverySource] = set()
        self._paused_at: float | None = None
        self._loop = asyncio.get_running_loop()
        self._arrived = asyncio.Event()
        self._closing = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pipeline")
        self._refusals = RefusalRecorder(partial(self._loop.run_in_executor, self._thread))

    @property
    def buffered(self) -> int:
        """Messages that are not part of a batch yet."""
        return len(self._buffer)

    def attach(self, source: DeliverySource) -> None:
        """From now on `source` is asked to pause and to resume; at once if the pipeline is full."""
        self._sources.add(source)
        if self._paused_at is not None:
            source.pause_reading()

    def detach(self, source: DeliverySource) -> None:
        """From now on `source` is neither paused nor resumed."""
        self._sources.discard(source)

    def offer(self, delivery: Delivery) -> bool:
        """Hands a delivery over. False: it was dropped and will not be settled.

        That happens to QoS 0 past the bound, and to everything after `close`; dropped QoS 0 is counted.
        """
        buffered = len(self._buffer)
        if delivery.settle is None and (buffered >= MAX_BUFFERED or self._bytes >= MAX_BUFFERED_BYTES):
            stats.dropped.labels("pipeline").inc()
            return False
        if self._closing.is_set():
            if delivery.settle is None:  # the broker sends the others again
                stats.dropped.labels("closing").inc()
            return False
        self._buffer.append(delivery)
        self._bytes += len(delivery.payload)
        if not buffered:
            self._arrived.set()
        if self._paused_at is None and (buffered >= 2 * MAX_BUFFERED or self._bytes >= 2 * MAX_BUFFERED_BYTES):
            self._pause()
        return True

    def expect_backlog(self, messages: int) -> None:
        """The broker may have kept up to this many messages of each device for us; they pass its rate limit."""
        self._processor.expect_backlog(messages)

    async def run(self) -> None:
        """Processes until `close`, then whatever is still buffered.

        If the database is unavailable at that point, it gives up: the broker sends again what is not acknowledged.
        """
        try:
            while not (self._closing.is_set() and not self._buffer):
                await self._arrived.wait()
                self._arrived.clear()
                while batch := self._next_batch():
                    began = time.monotonic()
                    if not await self._handle(batch):
                        return
                    if rest := rest_s(len(batch), time.monotonic() - began):
                        await asyncio.sleep(rest)
        finally:
            await self._refusals.close()
            self._thread.submit(connections.close_all)  # the thread ends with its connection open otherwise
            self._thread.shutdown(wait=False)

    def close(self) -> None:
        """Accepts no more deliveries; `run` returns once the buffered ones are stored."""
        self._closing.set()
        self._arrived.set()

    def _pause(self) -> None:
        logger.warning("%d messages are waiting to be stored: reading pauses until some are", len(self._buffer))
        self._paused_at = time.monotonic()
        for source in self._sources:
            source.pause_reading()

    def _resume(self) -> None:
        assert self._paused_at is not None  # noqa: S101
        paused_s = time.monotonic() - self._paused_at
        self._paused_at = None
        self.expect_backlog(int(paused_s * settings.DEVICE_RATE_LIMIT) + MAX_BUFFERED)
        for source in self._sources:
            source.resume_reading()

    def _next_batch(self) -> list[Delivery]:
        batch: list[Delivery] = []
        size = 0
        while self._buffer and len(batch) < MAX_BATCH:
            size += len(self._buffer[0].payload)
            if size > MAX_BATCH_BYTES and batch:
                break
            batch.append(self._buffer.popleft())
            self._bytes -= len(batch[-1].payload)
        if self._paused_at is not None and len(self._buffer) < MAX_BUFFERED and self._bytes < MAX_BUFFERED_BYTES:
            self._resume()
        return batch

    async def _handle(self, deliveries: list[Delivery]) -> bool:
        """Whether the deliveries were processed; if not, none of them is settled."""
        started = time.monotonic()
        result = await self._process(Batch(deliveries))
        if result is None:
            return False
        stats.batch_seconds.observe(time.monotonic() - started)
        stats.batch_messages.observe(len(deliveries))
        stats.waiting.set(self.buffered)
        await publish(result, deliveries[0])
        for i, refusal in result.refusals.items():
            refused = deliveries[i]
            self._refusals.add(refusal, refused.kind, refused.uid, refused.payload, refused.received_at, refused.size)
        for delivery in deliveries:
            if delivery.settle is not None:
                delivery.settle()
        await self._refusals.write()
        return True

    async def _process(self, batch: Batch) -> BatchResult | None:
        """Tries until the database stores it; `None` if closed before. Nothing is acknowledged meanwhile."""
        attempt = 0
        while True:
            try:
                return await self._loop.run_in_executor(self._thread, self._processor.process, batch)
            except RETRYABLE_ERRORS as error:
                stats.store_failures.inc()
                await self._loop.run_in_executor(self._thread, close_old_connections)
                count = len(batch.deliveries) + self.buffered
                if self._closing.is_set():
                    logger.error("the database is unavailable, %d messages are left to the broker: %s", count, error)
                    return None
                pause = RETRY_S[min(attempt, len(RETRY_S) - 1)]
                logger.error(
                    "the database is unavailable, %d messages are waiting, next try in %s s: %s", count, pause, error
                )
                attempt += 1
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._closing.wait()


def rest_s(messages: int, took_s: float) -> float:
    """Seconds to pause after a batch of this many messages that took this long."""
    if messages < BUSY:
        return 0.0
    return max(0.0, min(max(GAP_S, 2 * took_s), MAX_GAP_S) - took_s)


async def publish(result: BatchResult, oldest: Delivery) -> None:
    """Fans out the events of a batch and measures how long its oldest delivery took."""
    await fanout.publish(result.events)
    stats.publish_lag.observe((now_us() - oldest.received_at) / 1_000_000)
