"""Messages of a protocol that answers each request."""

from __future__ import annotations

import pytest

from bridges.ingest.delivery import Delivery
from bridges.ingest.direct import ingest_now
from devices.errors import Refusal
from devices.models import Device
from devices.telemetry.store import MAX_METRICS
from devices.values import now_us

pytestmark = pytest.mark.django_db(transaction=True)


def telemetry(payload: bytes) -> Delivery:
    return Delivery("pump-1", "telemetry", payload, now_us())


async def test_ingest_now_answers_with_the_number_of_readings_or_the_refusal(pump: Device) -> None:
    assert (await ingest_now(telemetry(b'{"a": 1, "b": true}'))).readings == 2
    with pytest.raises(Refusal) as caught:
        await ingest_now(Delivery("nobody", "telemetry", b'{"a": 1}', now_us()))
    assert caught.value.reason == "unknown_device"


async def test_a_device_cannot_fill_the_database_with_names(pump: Device) -> None:
    names = b",".join(b'"m%d": 1' % i for i in range(MAX_METRICS))
    assert (await ingest_now(telemetry(b"{%s}" % names))).readings == MAX_METRICS
    with pytest.raises(Refusal) as caught:
        await ingest_now(telemetry(b'{"one_more": 1}'))
    assert caught.value.reason == "too_many_metrics"
    assert (await ingest_now(telemetry(b'{"m0": 2}'))).readings == 1
