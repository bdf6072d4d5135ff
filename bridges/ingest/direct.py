"""Ingest for protocols that answer each request: a message is stored and fanned out before the answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from bridges.ingest.batches import RETRYABLE_ERRORS, SHARE_S, Batch, BatchProcessor, BatchResult, shared_processor
from bridges.ingest.delivery import Delivery
from bridges.ingest.pipeline import publish
from bridges.ingest.refusal_recorder import RefusalRecorder
from devices.errors import Refusal, SkippedValues, Unavailable
from devices.runtime import database, stats
from devices.values import now_us

_refusals = RefusalRecorder(database.run)
_large: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
"""uid -> held while a message is stored in parts: parallel ones of a device would come to more than its share."""


async def ingest_now(delivery: Delivery) -> BatchResult:
    """Stores one delivery and fans it out, a large one in parts.

    Raises `Refusal` if nothing of it was stored, and `Unavailable` while the database is unavailable.
    """
    processor, result = shared_processor(), BatchResult()
    async with _turn(processor, delivery):
        await _check_budget(processor, delivery)
        more = await _store_part(processor, delivery, result)
        while more:
            await asyncio.sleep(SHARE_S)
            more = await _store_part(processor, delivery, result)
    refusal, skipped = result.refusals.get(0), result.skipped.get(0)
    if refusal or skipped:
        await _record(delivery, refusal, skipped)
    if refusal:
        raise refusal
    return result


@asynccontextmanager
async def _turn(processor: BatchProcessor, delivery: Delivery) -> AsyncIterator[None]:
    if not processor.share or delivery.payload.count(b",") < processor.share:
        yield
        return
    lock = _large.setdefault(delivery.uid, asyncio.Lock())
    async with lock:
        yield


async def _check_budget(processor: BatchProcessor, delivery: Delivery) -> None:
    budgets, now = processor.budgets, now_us()  # not the time of receipt: the message may have waited for its turn
    budgets.set_now(now)
    if budgets.ready_at(delivery.uid) > now:
        refusal = Refusal("rate_limited", budgets.limit(delivery.uid))
        await refuse_now(delivery, refusal)
        raise refusal
    budgets.spend(delivery.uid, 1, len(delivery.payload), now)


async def _store_part(processor: BatchProcessor, delivery: Delivery, result: BatchResult) -> bool:
    """Adds what came of it to `result`; returns whether there is more of the delivery to be stored."""
    batch = Batch([delivery])
    try:
        part = await database.run(processor.process, batch)
    except RETRYABLE_ERRORS:
        stats.store_failures.inc()
        raise Unavailable("the database is unavailable") from None
    processor.budgets.spend_values(delivery.sender, batch.values[delivery.sender], now_us())
    await publish(part, delivery)
    result.add(part)
    delivery.report = part.remainders.get(0)
    return delivery.report is not None


async def refuse_now(delivery: Delivery, refusal: Refusal) -> None:
    """Counts, logs and stores the refusal of a delivery that did not come through a `Pipeline`."""
    await _record(delivery, refusal, None)


async def record_skipped(delivery: Delivery, skipped: SkippedValues) -> None:
    """Logs and stores what is to be shown of a delivery that will be stored all the same."""
    await _record(delivery, None, skipped)


async def _record(delivery: Delivery, refusal: Refusal | None, skipped: SkippedValues | None) -> None:
    _refusals.add_of(delivery, refusal, skipped)
    await _refusals.write()
