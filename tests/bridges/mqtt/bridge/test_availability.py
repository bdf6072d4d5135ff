"""Availability as the bridge learns of it."""

from __future__ import annotations

import asyncio
from functools import partial

import aiomqtt
import pytest

from bridges.mqtt.address import BrokerAddress
from bridges.mqtt.bridge import run_bridge
from devices.availability import changes, checks, silence
from devices.availability.changes import Evidence
from devices.availability.silence import listening_since
from devices.channel import fanout
from devices.channel.events import AvailabilityChanged
from devices.log.entries import Outcome
from devices.models import Device, Watermark
from devices.runtime import database
from devices.values import now_us
from tests.bridges.mqtt.bridge.conftest import Bridged, bridging

pytestmark = pytest.mark.django_db(transaction=True)


async def test_status_and_will_change_the_availability(bridged: Bridged) -> None:
    will = aiomqtt.Will("devices/valve-1/status", "offline", qos=1, retain=True)
    async with bridged.client(will=will) as client:
        await client.publish("devices/valve-1/status", "online", qos=1, retain=True)
        await bridged.event(AvailabilityChanged, status="online")
        client._client.socket().shutdown(2)  # a device that loses its power sends no DISCONNECT
        await bridged.event(AvailabilityChanged, status="offline")
        with pytest.raises(aiomqtt.MqttError):
            await client.publish("devices/valve-1/status", "online", qos=1)
    await bridged.device.arefresh_from_db()
    assert bridged.device.availability == "offline"


STATUS = "devices/valve-1/status"


WILL = aiomqtt.Will(STATUS, "offline", qos=1, retain=True)


async def online(client: aiomqtt.Client) -> None:
    await client.publish(STATUS, "online", qos=1, retain=True)


async def test_after_a_take_over_a_device_that_sends_is_online(bridged: Bridged) -> None:
    """The will of the connection that was taken over may arrive after the status of the new one."""
    first = bridged.client(identifier="valve", will=WILL)
    await first.__aenter__()
    await online(first)
    await bridged.event(AvailabilityChanged, status="online")
    async with bridged.client(identifier="valve", will=WILL) as second:
        await bridged.event(AvailabilityChanged, status="offline")
        await second.publish("devices/valve-1/telemetry", '{"a": 1}', qos=1)
        await bridged.event(AvailabilityChanged, status="online")
        await bridged.device.arefresh_from_db()
        assert bridged.device.availability == "online"
    await first.__aexit__(None, None, None)


@pytest.mark.parametrize(
    ("kind", "payload"), [("telemetry", '{"a": 1}'), ("attributes", '{"model": "V"}'), ("status", "online")]
)
async def test_any_message_brings_a_silent_device_back(bridged: Bridged, kind: str, payload: str) -> None:
    await Device.objects.aupdate(availability="stale")
    async with bridged.client() as client:
        await client.publish(f"devices/valve-1/{kind}", payload, qos=1)
        await bridged.event(AvailabilityChanged, status="online")


async def test_what_the_broker_repeats_brings_no_silent_device_back(
    by_mosquitto: Bridged, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A retained word comes again with each subscription, however long its device has been silent."""
    async with by_mosquitto.client() as client:
        await online(client)
        await by_mosquitto.event(AvailabilityChanged, status="online")
        await Device.objects.aupdate(availability="stale")
        taken: asyncio.Queue[bool] = asyncio.Queue()
        loop, weigh = asyncio.get_running_loop(), changes.weigh

        def watched(evidence: list[Evidence]) -> Outcome:
            outcome = weigh(evidence)
            for found in evidence:
                loop.call_soon_threadsafe(taken.put_nowait, found.repeated)
            return outcome

        monkeypatch.setattr(changes, "weigh", watched)
        address = BrokerAddress("127.0.0.1", by_mosquitto.port, "bridge", "bridge-secret")
        async with bridging(
            by_mosquitto.device,
            by_mosquitto.secrets,
            by_mosquitto.port,
            partial(run_bridge, "main", address, ["another"]),
        ):
            assert await asyncio.wait_for(taken.get(), 20)
            await by_mosquitto.device.arefresh_from_db()
            assert by_mosquitto.device.availability == "stale"
            await online(client)
            await by_mosquitto.event(AvailabilityChanged, status="online")


async def test_a_connected_bridge_records_that_it_listens(bridged: Bridged, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without that nobody would ever become stale."""
    said, loop, record_listening = asyncio.Event(), asyncio.get_running_loop(), silence.record_listening

    def watched(now: int) -> None:
        record_listening(now)
        loop.call_soon_threadsafe(said.set)

    monkeypatch.setattr(silence, "record_listening", watched)
    await asyncio.wait_for(said.wait(), 20)
    assert await database.run(listening_since, now_us())


async def test_silence_is_shown_to_viewers(bridged: Bridged) -> None:
    async with bridged.client() as client:
        await client.publish("devices/valve-1/telemetry", '{"a": 1}', qos=1)
        await bridged.event(AvailabilityChanged, status="online")
    later = now_us() + 400_000_000
    await Watermark.objects.abulk_create(
        [Watermark(name="listening", time=later), Watermark(name="listening_since", time=0)],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["time"],
    )
    await fanout.publish(await database.run(checks.check, later))
    await bridged.event(AvailabilityChanged, status="stale")
