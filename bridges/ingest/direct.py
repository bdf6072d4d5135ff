"""Ingest for protocols that answer each request: a message is stored and fanned out before the answer."""

from __future__ import annotations

from bridges.ingest.batches import RETRYABLE_ERRORS, Batch, BatchResult, shared_processor
from bridges.ingest.delivery import Delivery
from bridges.ingest.pipeline import publish
from bridges.ingest.refusal_recorder import RefusalRecorder
from devices.errors import Refusal, Unavailable
from devices.runtime import database, stats

_refusals = RefusalRecorder(database.run)


async def ingest_now(delivery: Delivery) -> BatchResult:
    """Stores one delivery and fans it out.

    Raises `Refusal` if nothing of it was stored, and `Unavailable` while the database is unavailable.
    """
    try:
        result = await database.run(shared_processor().process, Batch([delivery]))
    except RETRYABLE_ERRORS:
        stats.store_failures.inc()
        raise Unavailable("the database is unavailable") from None
    await publish(result, delivery)
    if refusal := result.refusals.get(0):
        await refuse_now(delivery, refusal)
        if not result.readings:
            raise refusal
    return result


async def refuse_now(delivery: Delivery, refusal: Refusal) -> None:
    """Counts, logs and stores the refusal of a delivery that did not come through a `Pipeline`."""
    _refusals.add(refusal, delivery.kind, delivery.uid, delivery.payload, delivery.received_at)
    await _refusals.write()
