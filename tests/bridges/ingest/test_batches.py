"""Batches without a pipeline around them."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from bridges.ingest.batches import RETRYABLE_ERRORS, Batch, BatchProcessor
from bridges.ingest.delivery import Delivery
from bridges.ingest.rate_limit import BURST_S
from devices.models import Device
from devices.telemetry.store import MAX_METRICS
from devices.values import now_us

pytestmark = pytest.mark.django_db(transaction=True)


def telemetry(payload: bytes) -> Delivery:
    return Delivery("pump-1", "telemetry", payload, now_us())


async def test_attempts_to_store_do_not_count_towards_the_rate_limit(pump: Device, settings: Any) -> None:
    settings.DEVICE_RATE_LIMIT = 4
    processor, batch = BatchProcessor(), Batch([telemetry(b'{"a": %d}' % i) for i in range(10)])
    await sync_to_async(_execute)("ALTER TABLE devices_reading RENAME TO elsewhere")
    for _ in range(3):
        with pytest.raises(RETRYABLE_ERRORS):
            await sync_to_async(processor.process)(batch)
    await sync_to_async(_execute)("ALTER TABLE elsewhere RENAME TO devices_reading")
    outcome = await sync_to_async(processor.process)(batch)
    assert (outcome.readings, outcome.refusals) == (10, {})


async def test_a_backlog_is_not_subject_to_the_rate_limit(pump: Device, settings: Any) -> None:
    """The broker has acknowledged these messages: refusing them would lose them."""
    settings.DEVICE_RATE_LIMIT = 10
    processor = BatchProcessor()
    processor.expect_backlog(50)
    outcome = await sync_to_async(processor.process)(Batch([telemetry(b'{"a": %d}' % i) for i in range(90)]))
    assert len(outcome.refusals) == 90 - 50 - 10 * BURST_S


async def test_the_bound_on_metrics_holds_within_a_batch_too(pump: Device, settings: Any) -> None:
    settings.VALUE_RATE_LIMIT = 0  # all of a message at once
    half = MAX_METRICS // 2
    messages = [b"{%s}" % b",".join(b'"%s%d": 1' % (part, i) for i in range(half)) for part in (b"a", b"b", b"c", b"a")]
    outcome = await sync_to_async(BatchProcessor().process)(Batch([telemetry(message) for message in messages]))
    assert {i: refusal.reason for i, refusal in outcome.refusals.items()} == {2: "too_many_metrics"}
    assert await pump.metrics.acount() == MAX_METRICS


def _execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
