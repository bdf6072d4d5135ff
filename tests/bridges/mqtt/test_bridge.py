"""The bridge between a real Mosquitto and the database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiomqtt
import pytest
from asgiref.sync import sync_to_async

from bridges.mqtt.bridge import run_bridge
from bridges.mqtt.session import BrokerAddress
from devices import database, groups, stats
from devices.credentials import hash_secret
from devices.events import AvailabilityChanged, CommandChanged, Event, TelemetryStored
from devices.listener import Listener
from devices.models import Command, Device, Reading, Space
from devices.queries import devices as device_queries
from devices.services import commands
from devices.services import devices as device_services
from devices.values import CommandStatus
from tests.servers import Mosquitto

pytestmark = pytest.mark.django_db(transaction=True)


class Bridged:
    """A running bridge, a device's own MQTT client, and the events that come out."""

    def __init__(self, device: Device, secret: str, broker: Mosquitto) -> None:
        self.device, self.secret, self.broker = device, secret, broker
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self.listener = Listener(self._events.put_nowait, lambda shards, reason: None)

    async def event(self, kind: type[Event], **fields: object) -> Event:
        """The next event of this kind whose fields have these values."""
        async with asyncio.timeout(20):
            while True:
                event = await self._events.get()
                if isinstance(event, kind) and all(getattr(event, name) == value for name, value in fields.items()):
                    return event

    async def telemetry(self) -> dict[str, list[list[object]]]:
        """The next stored telemetry of the device."""
        event = await self.event(TelemetryStored)
        assert isinstance(event, TelemetryStored)
        return json.loads(event.parts[0].json)

    def client(self, username: str = "valve-1", **options: object) -> aiomqtt.Client:
        return aiomqtt.Client("127.0.0.1", self.broker.port, username=username, password=self.secret, **options)


@pytest.fixture
async def bridged(tmp_path: Path, space: Space) -> AsyncIterator[Bridged]:
    device, secret = await sync_to_async(device_services.create)("valve-1", space)
    await sync_to_async(device_services.create)("valve-2", space)
    names = ("valve-1", "valve-2", "stranger")
    broker = Mosquitto(
        tmp_path, {"bridge": hash_secret("bridge-secret"), **dict.fromkeys(names, device.secret_hash)}
    )
    await asyncio.to_thread(broker.start)
    stop, ready = asyncio.Event(), asyncio.Event()
    address = BrokerAddress("127.0.0.1", broker.port, "bridge", "bridge-secret")
    bridge = asyncio.create_task(run_bridge(address, "test-bridge", stop, ready))
    found = Bridged(device, secret, broker)
    await found.listener.start()
    await found.listener.join(groups.telemetry(groups.shard_of(device.id)))
    async with asyncio.timeout(20):
        await ready.wait()
    yield found
    stop.set()
    await asyncio.wait_for(bridge, 20)
    await found.listener.stop()
    broker.stop()


async def test_it_stores_telemetry_and_then_shows_it(bridged: Bridged) -> None:
    async with bridged.client() as client:
        await client.publish(
            "devices/valve-1/telemetry", '{"ts": 1760000000123, "values": {"a": 1.5, "on": true}}', qos=1
        )
        assert await bridged.telemetry() == {"a": [[1760000000123, 1.5]], "on": [[1760000000123, True]]}
    latest = await database.run(device_queries.latest, [bridged.device.id])
    assert latest[bridged.device.id] == {"a": [1760000000123, 1.5], "on": [1760000000123, True]}


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


@pytest.mark.parametrize("payload", [b'{"a": NaN}', b"\xff\xfe", b'{"a": 9223372036854775808}', b"", b'{"a":' * 500])
async def test_bad_telemetry_is_counted_and_the_next_good_message_arrives(bridged: Bridged, payload: bytes) -> None:
    before = total(stats.refused)
    async with bridged.client() as client:
        await client.publish("devices/valve-1/telemetry", payload, qos=1)
        await client.publish("devices/valve-1/telemetry", '{"a": 7}', qos=1)
        assert (await bridged.telemetry())["a"][0][1] == 7
    assert total(stats.refused) == before + 1


async def test_an_unknown_device_is_counted_and_loses_nothing_else(bridged: Bridged) -> None:
    before = stats.refused.labels("unknown_device")._value.get()
    async with bridged.client("stranger") as stranger, bridged.client() as client:
        await stranger.publish("devices/stranger/telemetry", '{"a": 1}', qos=1)
        await client.publish("devices/valve-1/telemetry", '{"a": 2}', qos=1)
        await bridged.telemetry()
    assert stats.refused.labels("unknown_device")._value.get() == before + 1


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


async def test_attributes_are_merged(bridged: Bridged) -> None:
    async with bridged.client() as client:
        await client.publish("devices/valve-1/attributes", '{"model": "V", "firmware": "1"}', qos=1)
        await client.publish("devices/valve-1/attributes", '{"firmware": "2"}', qos=1)
        await client.publish("devices/valve-1/telemetry", '{"a": 1}', qos=1)
        await bridged.telemetry()
    await bridged.device.arefresh_from_db()
    assert bridged.device.attributes == {"model": "V", "firmware": "2"}


async def test_a_command_reaches_the_device_and_its_answer_comes_back(bridged: Bridged, bob) -> None:
    async with bridged.client() as client:
        await client.subscribe("devices/valve-1/commands/+", qos=1)
        issued = await commands.issue(bob, "valve-1", "set", {"open": 40})
        message = await anext(client.messages)
        assert json.loads(message.payload) == {"name": "set", "args": {"open": 40}}
        assert str(message.topic) == f"devices/valve-1/commands/{issued.id}"
        await client.publish(f"devices/valve-1/answers/{issued.id}", '{"ok": true, "result": {"open": 40}}', qos=1)
        done = await bridged.event(CommandChanged, status="succeeded")
    assert isinstance(done, CommandChanged)
    assert (done.id, done.result, done.by) == (issued.id, {"open": 40}, "bob")


async def test_a_command_without_an_answer_times_out(bridged: Bridged, bob) -> None:
    issued = await commands.issue(bob, "valve-1", "set", {}, timeout_s=0.2)
    await bridged.event(CommandChanged, status="timed_out")
    await issued.arefresh_from_db()
    assert issued.status == CommandStatus.TIMED_OUT


async def test_an_answer_counts_once_and_only_from_the_device_itself(bridged: Bridged, bob) -> None:
    issued = await commands.issue(bob, "valve-1", "set", {})
    before = stats.refused.labels("unknown_command")._value.get()
    async with bridged.client("valve-2") as other, bridged.client() as client:
        await other.publish(f"devices/valve-2/answers/{issued.id}", '{"ok": true}', qos=1)
        await client.publish(f"devices/valve-1/answers/{issued.id}", '{"ok": false, "error": "stuck"}', qos=1)
        await client.publish(f"devices/valve-1/answers/{issued.id}", '{"ok": true}', qos=1)
        await client.publish("devices/valve-1/telemetry", '{"a": 1}', qos=1)
        await bridged.telemetry()
    await issued.arefresh_from_db()
    assert (issued.status, issued.error) == (CommandStatus.FAILED, "stuck")
    assert stats.refused.labels("unknown_command")._value.get() == before + 2


async def test_it_comes_back_by_itself_and_loses_no_command(bridged: Bridged, bob) -> None:
    await asyncio.to_thread(bridged.broker.stop)
    issued = await commands.issue(bob, "valve-1", "set", {"open": 1})
    await asyncio.to_thread(bridged.broker.start)
    await bridged.event(CommandChanged, id=issued.id, status="sent")
    # The inbound side is back as well once what is published after the restart is stored; QoS 1 messages that come
    # before it has subscribed reach nobody, as Mosquitto was told to forget its sessions.
    async with bridged.client() as client, asyncio.timeout(20):
        stored = asyncio.create_task(bridged.telemetry())
        while not stored.done():
            await client.publish("devices/valve-1/telemetry", '{"a": 1}', qos=1)
            await asyncio.wait({stored}, timeout=0.2)
    assert await Command.objects.filter(status=CommandStatus.SENT).acount() == 1


def total(counter) -> float:
    return sum(
        sample.value for metric in counter.collect() for sample in metric.samples if sample.name.endswith("_total")
    )
