"""What the embedded broker still holds of a device that was deleted is not for a later one of the same uid."""

from __future__ import annotations

import pytest
from asgiref.sync import sync_to_async

from bridges.mqtt.packets import Version
from devices.models import Device, Space
from devices.registry import devices
from devices.rooms import provisioning
from tests.bridges.embedded.clients import Hub

pytestmark = pytest.mark.django_db(transaction=True)


def _delete(uid: str) -> None:
    devices.delete(Device.objects.get(uid=uid))


async def test_a_later_device_of_the_same_uid_gets_nothing_of_the_deleted_one(hub: Hub, space: Space) -> None:
    away = await hub.connect("pump", client_id="pump", clean_start=False)
    await away.subscribe("devices/pump/#")
    await away.disconnect()
    writer = await hub.connect("pump", version=Version.V5)
    await writer.publish("devices/pump/status", b"online", retain=True)
    assert hub.broker.stats["retained_messages"] == 1
    await sync_to_async(_delete)("pump")
    await writer.closed()
    _, secret = await sync_to_async(provisioning.create_device)("pump", space)
    later = await hub.connect("pump", secret, client_id="pump", clean_start=False)
    await later.subscribe("devices/pump/#")
    assert await later.received() == []
    assert hub.broker.stats["retained_messages"] == 0


async def test_a_new_secret_keeps_the_session(hub: Hub) -> None:
    away = await hub.connect("pump", client_id="pump", clean_start=False)
    await away.subscribe("devices/pump/#")
    secret = await sync_to_async(lambda: devices.rotate_secret(Device.objects.get(uid="pump")))()
    await away.closed()
    writer = await hub.connect("pump", secret)
    await writer.publish("devices/pump/status", b"online")
    back = await hub.connect("pump", secret, client_id="pump", clean_start=False)
    assert await back.received() == ["devices/pump/status"]
