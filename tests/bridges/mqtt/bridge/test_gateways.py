"""A gateway behind a broker: its children, their commands, and its own end."""

from __future__ import annotations

import asyncio

import pytest

from devices.channel import groups
from devices.channel.events import AvailabilityChanged, CommandChanged
from devices.commands import lifecycle
from devices.models import Device
from tests.bridges.mqtt.bridge.conftest import Bridged

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_gateway_speaks_for_a_new_device(bridged: Bridged, bob) -> None:
    await Device.objects.filter(uid="valve-1").aupdate(is_gateway=True)
    for shard in range(groups.SHARDS):
        await bridged.listener.join(groups.telemetry(shard))
    async with bridged.client() as client:
        await client.subscribe("gateways/valve-1/+/commands/+", qos=1)
        await client.publish("gateways/valve-1/soil-3/telemetry", '{"moisture": 41.5}', qos=1)
        await bridged.event(AvailabilityChanged, uid="soil-3", status="online")
        issued = await lifecycle.issue(bob, "soil-3", "set", {"on": True})
        message = await asyncio.wait_for(anext(client.messages), 20)
        assert str(message.topic) == f"gateways/valve-1/soil-3/commands/{issued.id}"
        await client.publish(f"gateways/valve-1/soil-3/answers/{issued.id}", '{"ok": true}', qos=1)
        await bridged.event(CommandChanged, status="succeeded")
        await client.publish("devices/valve-1/status", "offline", qos=1, retain=True)
        await bridged.event(AvailabilityChanged, uid="soil-3", status="offline", via="valve-1")
        await client.publish("devices/valve-1/status", "online", qos=1, retain=True)
        await bridged.event(AvailabilityChanged, uid="soil-3", status="online", via="")
