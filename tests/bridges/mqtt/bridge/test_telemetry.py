"""Telemetry and attributes on their way from a device to the database, and to viewers."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from bridges.mqtt.address import BrokerAddress
from bridges.mqtt.bridge import run_bridge
from devices.models import Device, Reading, Space, StoredRefusal
from devices.registry import decoders
from devices.runtime import database, stats
from devices.telemetry.latest import latest_values
from devices.values import now_us
from tests.bridges.mqtt.bridge.conftest import Bridged, bridging, kept
from tests.support.eventually import eventually_async

pytestmark = pytest.mark.django_db(transaction=True)


async def test_it_stores_telemetry_and_then_shows_it(bridged: Bridged) -> None:
    async with bridged.client() as client:
        await client.publish(
            "devices/valve-1/telemetry", '{"ts": 1760000000123, "values": {"a": 1.5, "on": true}}', qos=1
        )
        assert await bridged.telemetry() == {"a": [[1760000000123, 1.5]], "on": [[1760000000123, True]]}
    latest = await database.run(latest_values, [bridged.device.id])
    assert latest[bridged.device.id] == {"a": [1760000000123, 1.5], "on": [1760000000123, True]}


async def test_bytes_of_a_device_with_a_decoder_are_decoded(bridged: Bridged) -> None:
    space = await Space.objects.aget(pk=bridged.device.space_id)
    script = "function Decoder(bytes) { return {level: bytes[0]} }"
    decoder = await database.run(decoders.create, space, "Vendor's", script)
    await database.run(decoders.assign, bridged.device, decoder.pk)
    async with bridged.client() as client:

        async def is_decoded() -> bool:
            """Once the bridge has read which devices have one; until then the message is refused."""
            await client.publish("devices/valve-1/telemetry", b"\x07", qos=1)
            return await Reading.objects.aexists()

        await eventually_async(is_decoded)
    assert (await bridged.telemetry())["level"][0][1] == 7


async def test_a_repeated_message_is_absorbed(bridged: Bridged) -> None:
    async with bridged.client() as client:
        for _ in range(2):
            await client.publish("devices/valve-1/telemetry", '{"ts": 1760000000123, "values": {"a": 1}}', qos=1)
            await bridged.telemetry()
    assert await Reading.objects.acount() == 1


async def test_messages_of_one_instant_do_not_swallow_each_other(bridged: Bridged) -> None:
    async with bridged.client() as client:
        await asyncio.gather(*[client.publish("devices/valve-1/telemetry", f'{{"a": {i}}}', qos=1) for i in range(200)])
        shown = []
        while len(shown) < 200:
            shown += (await bridged.telemetry())["a"]
    assert await Reading.objects.acount() == 200


async def test_retained_telemetry_is_stored_when_it_is_published(bridged: Bridged) -> None:
    async with bridged.client() as client:
        for value in (1, 2):
            await client.publish("devices/valve-1/telemetry", b'{"a": %d}' % value, qos=1, retain=True)
            assert (await bridged.telemetry())["a"][0][1] == value
    assert await Reading.objects.acount() == 2


async def test_retained_telemetry_that_the_broker_repeats_is_stored_once(by_mosquitto: Bridged) -> None:
    first = b'[{"ts": %d, "values": {"a": 1}}, {"b": 2, "c": NaN}]' % (now_us() // 1000)
    async with by_mosquitto.client() as client:
        await client.publish("devices/valve-1/telemetry", first, qos=1, retain=True)
        await by_mosquitto.telemetry()
        await Device.objects.aupdate(availability="stale")
        await StoredRefusal.objects.all().adelete()
        address = BrokerAddress("127.0.0.1", by_mosquitto.port, "bridge", "bridge-secret")
        again = partial(run_bridge, "main", address, ["another"])
        async with bridging(by_mosquitto.device, by_mosquitto.secrets, by_mosquitto.port, again):
            rows = await kept(by_mosquitto.device, 1)
    assert [(row.reason, row.key) for row in rows] == [("not_finite", "c")]
    assert await Reading.objects.acount() == 2
    await by_mosquitto.device.arefresh_from_db()
    assert by_mosquitto.device.availability == "stale"  # a repeat is not a sign of life


async def test_a_time_far_in_the_future_is_flagged_and_stored_with_the_time_of_receipt(bridged: Bridged) -> None:
    before = stats.flagged.labels("time_in_future")._value.get()
    async with bridged.client() as client:
        await client.publish("devices/valve-1/telemetry", '{"ts": "2999-01-01", "values": {"a": 1}}', qos=1)
        [[at, _]] = (await bridged.telemetry())["a"]
    assert abs(at - now_us() / 1000) < 60_000
    assert stats.flagged.labels("time_in_future")._value.get() == before + 1


async def test_attributes_are_merged(bridged: Bridged) -> None:
    async with bridged.client() as client:
        await client.publish("devices/valve-1/attributes", '{"model": "V", "firmware": "1"}', qos=1)
        await client.publish("devices/valve-1/attributes", '{"firmware": "2"}', qos=1)
        await client.publish("devices/valve-1/telemetry", '{"a": 1}', qos=1)
        await bridged.telemetry()
    await bridged.device.arefresh_from_db()
    assert bridged.device.attributes == {"model": "V", "firmware": "2"}
