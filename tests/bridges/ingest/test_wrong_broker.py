"""A device is accepted only through the broker that it belongs to."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async

from bridges.ingest.batches import Batch, BatchProcessor
from bridges.ingest.delivery import Delivery
from devices.errors import Invalid
from devices.models import Device, Space
from devices.registry import brokers
from devices.rooms import provisioning
from devices.values import now_us

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def two_brokers(settings: Any) -> None:
    settings.BROKERS = {"roof": "mqtt://10.0.0.2", "cellar": "mqtt://10.0.0.3"}


@pytest.mark.parametrize(
    ("assigned", "through", "reasons"),
    [
        ("", "roof", []),
        ("roof", "roof", []),
        ("cellar", "cellar", []),
        ("", "cellar", ["wrong_broker"]),
        ("cellar", "roof", ["wrong_broker"]),
        ("gone", "roof", ["wrong_broker"]),
        ("cellar", None, []),  # HTTP
    ],
)
async def test_messages_through_another_broker_are_refused(
    pump: Device, assigned: str, through: str | None, reasons: list[str]
) -> None:
    await Device.objects.filter(pk=pump.pk).aupdate(broker=assigned)
    deliveries = [Delivery(pump.uid, "telemetry", b'{"a": %d}' % i, now_us(), broker=through) for i in range(2)]
    outcome = await sync_to_async(BatchProcessor().process)(Batch(deliveries))
    assert [refusal.reason for refusal in outcome.refusals.values()] == 2 * reasons
    assert outcome.readings == (0 if reasons else 2)


def test_a_device_is_created_for_an_existing_broker(space: Space) -> None:
    found, _ = provisioning.create_device("lamp-1", space, broker="cellar")
    assert (found.broker, brokers.serving(found.broker)) == ("cellar", "cellar")
    found, _ = provisioning.create_device("lamp-2", space)
    assert (found.broker, brokers.serving(found.broker)) == ("", "roof")
    with pytest.raises(Invalid, match=r"no broker 'attic'; MQTT_URL names roof, cellar"):
        provisioning.create_device("lamp-3", space, broker="attic")
