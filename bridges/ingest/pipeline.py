"""The pipeline that every bridge offers its messages to: batches that follow the load.

A single message is handled at once; the messages that arrive while a batch is being stored are the next batch. Each
batch is stored, then fanned out, then acknowledged.
"""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Protocol

from django.db import close_old_connections, connections

from bridges.ingest.batches import RETRYABLE_ERRORS, SHARE_S, Batch, BatchProcessor, BatchResult
from bridges.ingest.decoding import DecodingStep
from bridges.ingest.delivery import Delivery
from bridges.ingest.fair_queue import FairQueue
from bridges.ingest.refusal_recorder import RefusalRecorder
from devices.channel import fanout
from devices.errors import Refusal
from devices.refusals.store import START_BYTES
from devices.runtime import stats
from devices.values import Telemetry, now_us

logger = logging.getLogger("hubbub.pipeline")

MAX_BUFFERED = 20_000
"""Messages buffered. Past it QoS 0 is dropped, of devices that have more than their part of it."""
MAX_BUFFERED_BYTES = 16 << 20
"""The same in bytes of payload; the bound that is reached first counts."""
MAX_READ, MAX_READ_BYTES = 40_000, 64 << 20
"""Messages and bytes past which the sources stop reading, until there is a little room. Behind a broker that holds up
all devices, so one of them must not get there by itself: it is more than Mosquitto usually lets a bridge have
unacknowledged, 2,000 messages."""
RESUME_AT = 31 / 32
MAX_DEVICE, MAX_DEVICE_BYTES = 10_000, 8 << 20
"""Messages and bytes of one device. Past either, its QoS 0 is dropped."""
BUSY = 8
GAP_S, MAX_GAP_S = 0.01, 0.02
"""A batch of `BUSY` messages or more is followed by a pause: the next batch begins `GAP_S` after its beginning, or
twice its duration if that is longer, but at most `MAX_GAP_S`. A transaction and its events cost as much as hundreds of
messages, so small batches in quick succession would waste most of the time. A single message never waits."""
WARN_EVERY_S = 60.0
"""A pipeline that is full pauses and resumes several times a second."""
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

    def __init__(self, processor: BatchProcessor, *, holds_back: bool = True) -> None:
        """`holds_back`: whether QoS 1 of a device over its budgets waits until it has earned enough again.

        Not where devices share what the source may have unacknowledged.
        """
        self._processor = processor
        self._budgets = processor.budgets
        self._queue = FairQueue(processor.budgets, processor.share, holds_back=holds_back, space_of=processor.spaces.of)
        self._sources: set[DeliverySource] = set()
        self._paused = False
        self._warned_at = -WARN_EVERY_S
        self._loop = asyncio.get_running_loop()
        self._arrived = asyncio.Event()
        self._closing = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pipeline")
        self._refusals = RefusalRecorder(partial(self._loop.run_in_executor, self._thread))
        self._decoding = DecodingStep(self._arrived, self._refusals)

    @property
    def buffered(self) -> int:
        """Messages that are not part of a batch yet."""
        return self._queue.count + self._decoding.pending

    def attach(self, source: DeliverySource) -> None:
        """From now on `source` is asked to pause and to resume; at once if the pipeline is full."""
        self._sources.add(source)
        if self._paused:
            source.pause_reading()

    def detach(self, source: DeliverySource) -> None:
        """From now on `source` is neither paused nor resumed."""
        self._sources.discard(source)

    def offer(self, delivery: Delivery) -> bool:
        """Hands a delivery over. False: it was dropped and will not be settled.

        That happens to QoS 0 past a bound, and to everything after `close`; dropped QoS 0 is counted.
        """
        queue = self._queue
        if self._closing.is_set():
            if delivery.settle is None:  # the broker sends the others again
                stats.dropped.labels("closing").inc()
            return False
        may_be_full = queue.count >= MAX_DEVICE or queue.bytes >= MAX_DEVICE_BYTES
        if may_be_full and delivery.settle is None and (bound := self._bound_reached(delivery.uid)):
            stats.dropped.labels(bound).inc()
            return False
        queue.put(delivery)
        if not self._arrived.is_set():
            self._arrived.set()
        if not self._paused and (queue.count > MAX_READ or queue.bytes >= MAX_READ_BYTES):
            self._pause()
        return True

    async def run(self) -> None:
        """Processes until `close`, then whatever is still buffered.

        If the database is unavailable at that point, it gives up: the broker sends again what is not acknowledged.
        """
        try:
            await self._decoding.start(self._closing)
            while not (self._closing.is_set() and not self.buffered):
                await self._wait()
                while batch := self._next_batch():
                    began = time.monotonic()
                    if not await self._handle(batch):
                        return
                    if rest := rest_s(len(batch), time.monotonic() - began):
                        await asyncio.sleep(rest)
                await self._refusals.write()  # of messages that were refused without a batch
        finally:
            await self._decoding.stop()
            await self._refusals.close()
            self._thread.submit(connections.close_all)  # the thread ends with its connection open otherwise
            self._thread.shutdown(wait=False)

    def close(self) -> None:
        """Accepts no more deliveries; `run` returns once the buffered ones are stored, except for QoS 1 of devices that
        are over their budget: the broker sends it again."""
        self._closing.set()
        self._arrived.set()

    def _pause(self) -> None:
        if time.monotonic() - self._warned_at > WARN_EVERY_S:
            self._warned_at = time.monotonic()
            logger.warning("%d messages are waiting to be stored: reading pauses until some are", self._queue.count)
        self._paused = True
        for source in self._sources:
            source.pause_reading()

    def _resume(self) -> None:
        self._paused = False
        for source in self._sources:
            source.resume_reading()

    async def _wait(self) -> None:
        """Until messages arrive, or those of a device that is over its budget may go on."""
        wakes_at = self._queue.wakes_at
        with suppress(TimeoutError):
            async with asyncio.timeout(None if wakes_at is None else max(0.0, (wakes_at - now_us()) / 1_000_000)):
                await self._arrived.wait()
        self._arrived.clear()

    def _bound_reached(self, uid: str) -> str | None:
        """The bound at which a message of this device is dropped."""
        queue = self._queue
        messages, size = queue.waiting(uid)
        part = max(1, queue.devices)
        is_full = queue.count >= MAX_BUFFERED or queue.bytes >= MAX_BUFFERED_BYTES
        if is_full and (messages >= MAX_BUFFERED // part or size >= MAX_BUFFERED_BYTES // part):
            return "pipeline"
        return "device" if messages >= MAX_DEVICE or size >= MAX_DEVICE_BYTES else None

    def _refuse_over_budget(self, delivery: Delivery) -> None:
        refusal = Refusal("rate_limited", self._budgets.limit(delivery.uid))
        self._refusals.add_of(delivery, refusal)

    def _next_batch(self) -> list[Delivery]:
        """Of the messages that wait, and of those that have been decoded meanwhile."""
        deliveries: list[Delivery] = []
        while not deliveries and (waiting := self._next_waiting()):
            deliveries = self._decoding.divert(waiting)
        return deliveries + self._decoding.take() if self._decoding.pending else deliveries

    def _next_waiting(self) -> list[Delivery]:
        queue = self._queue
        batch = queue.next_batch(now_us(), closing=self._closing.is_set())
        for delivery in batch.over_budget:
            stats.received.labels(delivery.kind).inc()
            self._refuse_over_budget(delivery)
        stats.delayed.inc(batch.delayed)
        stats.over_limit.inc(batch.over_limit)
        if self._paused and queue.count < RESUME_AT * MAX_READ and queue.bytes < RESUME_AT * MAX_READ_BYTES:
            self._resume()
        return batch.deliveries

    async def _handle(self, deliveries: list[Delivery]) -> bool:
        """Whether the deliveries were processed; if not, none of them is settled."""
        started = time.monotonic()
        batch = Batch(deliveries)
        result = await self._process(batch)
        if result is None:
            return False
        for uid, values in batch.values.items():
            self._budgets.spend_values(uid, values, deliveries[-1].received_at)
        stats.batch_seconds.observe(time.monotonic() - started)
        stats.batch_messages.observe(len(deliveries))
        stats.waiting.set(self.buffered)
        await publish(result, deliveries[0])
        for i in result.refusals.keys() | result.skipped.keys():
            self._refusals.add_of(deliveries[i], result.refusals.get(i), result.skipped.get(i))
        for i, delivery in enumerate(deliveries):
            if i in result.remainders:
                self._put_back(delivery, result.remainders[i])
            elif delivery.settle is not None:
                delivery.finish(result.refusals.get(i))
        await self._refusals.write()
        return True

    def _put_back(self, delivery: Delivery, remainder: Telemetry) -> None:
        """The message is settled once its last part is stored."""
        delivery.size = len(delivery.payload) if delivery.size is None else delivery.size
        delivery.payload = delivery.payload[:START_BYTES]
        delivery.report = remainder
        self._queue.put_back(delivery, now_us() + int(SHARE_S * 1_000_000))

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
