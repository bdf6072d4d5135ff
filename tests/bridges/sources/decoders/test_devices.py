"""A device with a decoder, from its bytes to stored readings."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import pytest
from asgiref.sync import sync_to_async

from devices.models import Decoder, Device, Reading, StoredRefusal
from devices.registry import decoders
from tests.bridges.embedded.clients import Hub
from tests.bridges.embedded.conftest import hub as hub
from tests.bridges.sources.decoders.scripts import OLD, THINGS_NETWORK
from tests.support.eventually import eventually_async

pytestmark = pytest.mark.django_db(transaction=True)


async def give(uid: str, script: str) -> Decoder:
    device = await Device.objects.select_related("space").aget(uid=uid)
    decoder = await sync_to_async(decoders.create)(device.space, "Vendor's", script)
    await sync_to_async(decoders.assign)(device, decoder.pk)
    return decoder


async def readings(uid: str) -> dict[str, object]:
    rows = Reading.objects.filter(metric__device__uid=uid).select_related("metric")
    return {row.metric.name: row.number async for row in rows}


async def test_bytes_over_mqtt_are_decoded_stored_and_acknowledged(hub: Hub) -> None:
    await give("pump", OLD)
    client = await hub.connect("pump")

    async def decoded() -> bool:
        """The bridge has read which devices have a decoder once a message is stored."""
        await client.publish("devices/pump/telemetry", b"\x10\x02\x01")
        return await readings("pump") != {}

    await eventually_async(decoded)
    assert await readings("pump") == {"level": 528, "open": True, "port": 1}
    valve = await hub.connect("valve")
    await valve.publish("devices/valve/telemetry", b'{"speed": 4}')
    assert await readings("valve") == {"speed": 4}


async def test_messages_are_stored_in_order(hub: Hub) -> None:
    await give("pump", "function Decoder(b) { return {n: b[0]} }")
    client = await hub.connect("pump")
    await eventually_async(lambda: _is_decoded(client))
    await Reading.objects.all().adelete()
    for number in range(50):
        await client.publish("devices/pump/telemetry", bytes([number]), qos=0)
    await client.publish("devices/pump/telemetry", b"\x64")
    values = [row.number async for row in Reading.objects.order_by("time")]
    assert values == [*range(50), 100]


async def _is_decoded(client: object) -> bool:
    await client.publish("devices/pump/telemetry", b"\xff")  # type: ignore[attr-defined]
    return await Reading.objects.aexists()


async def test_what_goes_wrong_is_shown_at_the_device(hub: Hub) -> None:
    await give("pump", THINGS_NETWORK)
    client = await hub.connect("pump")

    async def shown() -> bool:
        await client.publish("devices/pump/telemetry", b"\0\0\0")
        return await StoredRefusal.objects.filter(reason="decoder_error").aexists()

    await eventually_async(shown)
    refusal = await StoredRefusal.objects.filter(reason="decoder_error").afirst()
    assert refusal is not None
    assert (refusal.detail, refusal.start, refusal.size) == ("unknown FPort 1", r"\x00\x00\x00", 3)


async def test_a_device_without_its_decoder_sends_json_again(hub: Hub) -> None:
    decoder = await give("pump", OLD)
    client = await hub.connect("pump")
    await sync_to_async(decoders.delete)(decoder)

    async def stored() -> bool:
        await client.publish("devices/pump/telemetry", b'{"speed": 4}')
        return "speed" in await readings("pump")

    await eventually_async(stored)
    assert (await Device.objects.aget(uid="pump")).decoder_id is None


async def test_a_looping_decoder_delays_no_other_device(hub: Hub) -> None:
    await give("pump", "function Decoder(bytes) {\n  for (;;) {}\n}")
    await give("valve", OLD)
    pump, valve = await hub.connect("pump"), await hub.connect("valve")

    async def decoded() -> bool:
        await valve.publish("devices/valve/telemetry", b"\x10\x02\x01")
        return await readings("valve") != {}

    await eventually_async(decoded)
    for _ in range(300):
        await pump.publish("devices/pump/telemetry", b"\x01", qos=0)
    slowest = 0.0
    for _ in range(20):
        began = time.monotonic()
        await valve.publish("devices/valve/telemetry", b"\x10\x02\x01")
        slowest = max(slowest, time.monotonic() - began)
    await pump.publish("devices/pump/telemetry", b"\x01")
    assert slowest < 0.5

    async def recorded() -> dict[str, int]:
        rows = StoredRefusal.objects.filter(device__uid="pump").values_list("reason", "count")
        return {reason: count async for reason, count in rows}

    await eventually_async(lambda: _all_recorded(recorded))


async def _all_recorded(recorded: Callable[[], Awaitable[dict[str, int]]]) -> bool:
    found = await recorded()
    return found.get("decoder_timeout") == 3 and sum(found.values()) == 301
