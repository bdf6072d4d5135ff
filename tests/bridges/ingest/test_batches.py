"""Batches without a pipeline around them."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async

from bridges.ingest.batches import Batch, BatchProcessor
from bridges.ingest.delivery import Delivery
from devices.models import Device
from devices.telemetry.store import MAX_METRICS
from devices.values import now_us

pytestmark = pytest.mark.django_db(transaction=True)


def telemetry(payload: bytes) -> Delivery:
    return Delivery("pump-1", "telemetry", payload, now_us())


async def test_the_bound_on_metrics_holds_within_a_batch_too(pump: Device, settings: Any) -> None:
    settings.VALUE_RATE_LIMIT = 0  # all of a message at once
    half = MAX_METRICS // 2
    messages = [b"{%s}" % b",".join(b'"%s%d": 1' % (part, i) for i in range(half)) for part in (b"a", b"b", b"c", b"a")]
    outcome = await sync_to_async(BatchProcessor().process)(Batch([telemetry(message) for message in messages]))
    assert {i: refusal.reason for i, refusal in outcome.refusals.items()} == {2: "too_many_metrics"}
    assert await pump.metrics.acount() == MAX_METRICS
