from __future__ import annotations

import pytest
from asgiref.sync import sync_to_async

from bridges.ingest import known_spaces
from bridges.ingest.batches import Batch, BatchProcessor
from bridges.ingest.delivery import Delivery
from bridges.ingest.known_spaces import UNKNOWN, KnownSpaces
from devices.models import Device
from devices.registry.senders import Sender
from devices.values import now_us


@pytest.mark.django_db(transaction=True)
async def test_a_batch_finds_the_space_of_a_device(pump: Device) -> None:
    processor = BatchProcessor()
    assert processor.spaces.of("pump-1") == UNKNOWN
    deliveries = [Delivery(uid, "telemetry", b'{"a": 1}', now_us()) for uid in ("pump-1", "nobody")]
    await sync_to_async(processor.process)(Batch(deliveries))
    assert processor.spaces.of("pump-1") == pump.space_id
    assert processor.spaces.of("nobody") == UNKNOWN


def test_the_memory_of_devices_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_spaces, "MAX_DEVICES", 3)
    found = KnownSpaces()
    for number in range(10):
        found.learn({f"pump-{number}": Sender(number, f"pump-{number}", 7, "online", "")})
    assert len(found._senders) <= 3
    assert found.of("pump-9") == 7
