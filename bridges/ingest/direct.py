"""Ingest for protocols that answer each request: a message is stored and fanned out before the answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple
from weakref import WeakValueDictionary

from bridges.ingest.batches import RETRYABLE_ERRORS, SHARE_S, Batch, BatchProcessor, BatchResult, shared_processor
from bridges.ingest.delivery import Delivery
from bridges.ingest.pipeline import publish
from bridges.ingest.refusal_recorder import RefusalRecorder
from devices.errors import Refusal, SkippedValues, Unavailable
from devices.runtime import database, stats
from devices.values import Report, Telemetry, now_us


class StoredPart(NamedTuple):
    """Readings that were stored of a delivery, why nothing of it was, and what was left out."""

    stored: int
    refusal: Refusal | None
    skipped: SkippedValues | None


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


async def ingest_all(gateway: str, size: int, deliveries: list[Delivery]) -> list[StoredPart]:
    """Stores the deliveries of one request of a gateway and fans them out; what became of each.

    `size`: bytes of the request, which counts for the gateway's own budgets. Raises `Refusal` where it is over them,
    and `Unavailable` while the database is unavailable.
    """
    processor = shared_processor()
    await _check_budget(processor, Delivery(gateway, "telemetry", b"", now_us()), size)
    parts = [StoredPart(0, _over_budget(processor, delivery), None) for delivery in deliveries]
    open_parts = [i for i, part in enumerate(parts) if part.refusal is None]
    while open_parts:
        batch = Batch([deliveries[i] for i in open_parts])
        result = await _process(processor, batch)
        await publish(result, batch.deliveries[0])
        for sender, values in batch.values.items():
            processor.budgets.spend_values(sender, values, now_us())
        counts = {n: _decoded_values(report) for n, _, report in batch.decoded or ()}
        for n, i in enumerate(open_parts):
            parts[i] = _added(parts[i], counts.get(n, 0), result.refusals.get(n), result.skipped.get(n))
            deliveries[i].report = result.remainders.get(n)
        open_parts = [open_parts[n] for n in sorted(result.remainders)]
        await asyncio.sleep(SHARE_S if open_parts else 0)
    for delivery, part in zip(deliveries, parts, strict=True):
        if part.refusal or part.skipped:
            _refusals.add_of(delivery, part.refusal, part.skipped)
    await _refusals.write()
    return parts


def _over_budget(processor: BatchProcessor, delivery: Delivery) -> Refusal | None:
    """The budget of one device of a gateway."""
    budgets, now = processor.budgets, now_us()
    if budgets.ready_at(delivery.uid) > now:
        return Refusal("rate_limited", budgets.limit(delivery.uid))
    budgets.spend(delivery.uid, 1, len(delivery.payload), now)
    return None


def _decoded_values(report: Report) -> int:
    if not isinstance(report, Telemetry):
        return 0
    return len(report.samples) + (report.skipped.total if report.skipped else 0)


def _added(part: StoredPart, values: int, refusal: Refusal | None, skipped: SkippedValues | None) -> StoredPart:
    if refusal is not None:
        return StoredPart(part.stored, refusal, skipped or part.skipped)
    total = SkippedValues()
    for one in (part.skipped, skipped):
        if one:
            total.merge(one)
    stored = max(0, values - skipped.total) if skipped and values else values
    return StoredPart(part.stored + stored, None, total or None)


@asynccontextmanager
async def _turn(processor: BatchProcessor, delivery: Delivery) -> AsyncIterator[None]:
    if not processor.share or delivery.payload.count(b",") < processor.share:
        yield
        return
    lock = _large.setdefault(delivery.uid, asyncio.Lock())
    async with lock:
        yield


async def _check_budget(processor: BatchProcessor, delivery: Delivery, size: int | None = None) -> None:
    budgets, now = processor.budgets, now_us()  # not the time of receipt: the message may have waited for its turn
    budgets.set_now(now)
    if budgets.ready_at(delivery.uid) > now:
        refusal = Refusal("rate_limited", budgets.limit(delivery.uid))
        await refuse_now(delivery, refusal)
        raise refusal
    budgets.spend(delivery.uid, 1, len(delivery.payload) if size is None else size, now)


async def _store_part(processor: BatchProcessor, delivery: Delivery, result: BatchResult) -> bool:
    """Adds what came of it to `result`; returns whether there is more of the delivery to be stored."""
    batch = Batch([delivery])
    part = await _process(processor, batch)
    processor.budgets.spend_values(delivery.sender, batch.values[delivery.sender], now_us())
    await publish(part, delivery)
    result.add(part)
    delivery.report = part.remainders.get(0)
    return delivery.report is not None


async def _process(processor: BatchProcessor, batch: Batch) -> BatchResult:
    try:
        return await database.run(processor.process, batch)
    except RETRYABLE_ERRORS:
        stats.store_failures.inc()
        raise Unavailable("the database is unavailable") from None


async def refuse_now(delivery: Delivery, refusal: Refusal) -> None:
    """Counts, logs and stores the refusal of a delivery that did not come through a `Pipeline`."""
    await _record(delivery, refusal, None)


async def record_skipped(delivery: Delivery, skipped: SkippedValues) -> None:
    """Logs and stores what is to be shown of a delivery that will be stored all the same."""
    await _record(delivery, None, skipped)


async def _record(delivery: Delivery, refusal: Refusal | None, skipped: SkippedValues | None) -> None:
    _refusals.add_of(delivery, refusal, skipped)
    await _refusals.write()
