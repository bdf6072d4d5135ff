"""The embedded broker in front of the pipeline: what a device is told, and when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass

import aiomqtt
import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from bridges.broker import Broker, Limits
from bridges.mqtt.accounts import BRIDGE, BridgePrincipal, HubAccounts
from bridges.mqtt.address import BrokerAddress
from bridges.mqtt.embedded import EmbeddedBridge
from devices.models import Device, Reading, Refusal, Space
from devices.rooms import provisioning
from devices.runtime import stats
from devices.values import now_us
from hub.sockets import bind

pytestmark = pytest.mark.django_db(transaction=True)

TELEMETRY = "devices/valve-1/telemetry"


@dataclass
class Embedded:
    """A broker with its bridge, and the secret of `valve-1`."""

    broker: Broker
    port: int
    secret: str
    stop: asyncio.Event
    bridging: asyncio.Task[None]

    def client(self, identifier: str = "valve-1", **options: object) -> aiomqtt.Client:
        return aiomqtt.Client(
            "127.0.0.1", self.port, username="valve-1", password=self.secret, identifier=identifier, **options
        )

    async def end(self) -> None:
        self.stop.set()
        await asyncio.wait_for(asyncio.shield(self.bridging), 20)
        await self.broker.stop()


@pytest.fixture
async def embedded(space: Space) -> AsyncIterator[Embedded]:
    _, secret = await sync_to_async(provisioning.create_device)("valve-1", space)
    sock = bind("127.0.0.1", 0, "MQTT_PORT")
    bridge, stop = EmbeddedBridge("main"), asyncio.Event()
    broker = Broker(HubAccounts("bridge-secret"), sock=sock, limits=Limits(taken_messages=50), sink=bridge)
    await broker.start()
    address = BrokerAddress(*sock.getsockname(), BRIDGE, "bridge-secret")
    task = asyncio.create_task(bridge.run(broker, address, stop, asyncio.Event()))
    found = Embedded(broker, address.port, secret, stop, task)
    yield found
    await found.end()


def timed(count: int) -> list[bytes]:
    """Messages of the last moments, a millisecond each."""
    first_ms = now_us() // 1000 - count
    return [b'{"ts": %d, "values": {"a": 1}}' % (first_ms + i) for i in range(count)]


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - a counter has no event
            await asyncio.sleep(0.01)


class Outage:
    """While it lasts the database does not take readings: their table has another name."""

    def __init__(self) -> None:
        self._lasts = False

    async def begin(self) -> None:
        await sync_to_async(_rename)("devices_reading", "devices_reading_away")
        self._lasts = True

    async def end(self) -> None:
        if self._lasts:
            await sync_to_async(_rename)("devices_reading_away", "devices_reading")
        self._lasts = False


def _rename(table: str, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO {name}")


@pytest.fixture
async def outage(embedded: Embedded) -> AsyncIterator[Outage]:
    found = Outage()
    yield found
    await found.end()


def failures() -> float:
    return stats.store_failures._value.get()


async def test_a_device_is_told_only_what_is_stored(embedded: Embedded, outage: Outage) -> None:
    before = failures()
    await outage.begin()
    async with embedded.client() as client:
        publishing = asyncio.create_task(client.publish(TELEMETRY, b'{"a": 1}', qos=1, timeout=60))
        await until(lambda: failures() >= before + 2)
        assert not publishing.done()
        await outage.end()
        await asyncio.wait_for(publishing, 20)
        assert await Reading.objects.acount() == 1


async def test_while_the_database_is_away_a_device_that_floods_is_not_read_and_nothing_is_lost(
    embedded: Embedded, outage: Outage
) -> None:
    before = failures()
    await outage.begin()
    many = embedded.client(max_inflight_messages=1_000)
    async with many as client, embedded.client("listener", timeout=60) as listener:
        client.pending_calls_threshold = 1_000
        payloads = timed(200)
        publishing = [asyncio.create_task(client.publish(TELEMETRY, each, qos=1, timeout=60)) for each in payloads]
        await until(lambda: failures() >= before + 2)
        assert embedded.broker.stats["received_messages"] == 50  # `taken_messages`
        await asyncio.wait_for(listener.subscribe("devices/valve-1/commands/+"), 20)  # another connection is served
        assert not any(one.done() for one in publishing)
        await outage.end()
        await asyncio.wait_for(asyncio.gather(*publishing), 20)
    assert await Reading.objects.acount() == 200


async def test_what_was_taken_when_the_hub_stops_is_stored_and_acknowledged(embedded: Embedded) -> None:
    async with embedded.client() as client:
        payloads = timed(20)
        publishing = [asyncio.create_task(client.publish(TELEMETRY, each, qos=1, timeout=20)) for each in payloads]
        await until(lambda: embedded.broker.stats["received_messages"] == 20)
        await embedded.end()
        await asyncio.wait_for(asyncio.gather(*publishing), 20)
        with pytest.raises(aiomqtt.MqttError):
            await anext(client.messages)
    assert await Reading.objects.acount() == 20


async def test_while_the_database_is_away_the_hub_stops_and_acknowledges_nothing(
    embedded: Embedded, outage: Outage
) -> None:
    before = failures()
    await outage.begin()
    with suppress(aiomqtt.MqttError):  # on leaving: the hub is gone by then
        async with embedded.client() as client:
            publishing = asyncio.create_task(client.publish(TELEMETRY, b'{"a": 1}', qos=1, timeout=5))
            await until(lambda: failures() > before)
            await embedded.end()
            with pytest.raises(aiomqtt.MqttError):
                await publishing
    await outage.end()
    assert await Reading.objects.acount() == 0


@pytest.mark.parametrize("topic", ["devices/valve-1/telemetri", "devices/valve-1/commands/c1"])
async def test_a_topic_that_is_none_is_refused_and_shown_and_reaches_the_devices_other_sessions(
    embedded: Embedded, topic: str
) -> None:
    async with embedded.client("one") as one, embedded.client("other") as other:
        await other.subscribe("devices/valve-1/#", qos=1)
        await one.publish(topic, b"to myself", qos=1, retain=True)
        async with asyncio.timeout(20):
            assert (await anext(other.messages)).payload == b"to myself"
    [row] = await refusals(1)
    assert (row.reason, row.kind, row.detail, row.start) == ("bad_topic", "other", repr(topic), "to myself")
    assert embedded.broker.stats["retained_messages"] == 0


async def test_a_message_far_too_large_is_refused_and_shown_and_its_connection_stays(embedded: Embedded) -> None:
    async with embedded.client() as client:
        await client.publish(TELEMETRY, b"\xff" + b"x" * 20_000_000, qos=1, timeout=60)
        await client.publish(TELEMETRY, b'{"a": 1}', qos=1)
    assert await Reading.objects.acount() == 1
    [row] = await refusals(1)
    assert (row.reason, row.kind, row.size) == ("payload_too_large", "telemetry", 20_000_001)
    assert (row.detail, row.start) == ("20000001 bytes", r"\xff" + "x" * 199)


async def test_retained_telemetry_is_not_kept_and_a_retained_status_is(embedded: Embedded) -> None:
    async with embedded.client() as client:
        await client.publish(TELEMETRY, b'{"a": 1}', qos=1, retain=True)
        await client.publish("devices/valve-1/status", b"online", qos=1, retain=True)
    async with embedded.client("late") as late:
        await late.subscribe("devices/valve-1/#")
        async with asyncio.timeout(20):
            assert (await anext(late.messages)).payload == b"online"
    assert embedded.broker.stats["retained_messages"] == 1
    assert [row.reason for row in await refusals(1)] == ["retained"]


async def test_qos_0_is_dropped_and_counted_while_too_much_waits(
    embedded: Embedded, outage: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridges.ingest.pipeline.MAX_BUFFERED", 5)
    before, dropped = failures(), stats.dropped.labels("pipeline")
    dropped_before = dropped._value.get()
    await outage.begin()
    async with embedded.client() as client:
        first = asyncio.create_task(client.publish(TELEMETRY, b'{"a": 1}', qos=1, timeout=60))
        await until(lambda: failures() > before)
        for _ in range(20):
            await client.publish(TELEMETRY, b'{"a": 1}', qos=0)
        await until(lambda: dropped._value.get() == dropped_before + 15)
        await outage.end()
        await first
        await client.publish(TELEMETRY, b'{"a": 1}', qos=1)
    assert await Reading.objects.acount() == 7


def test_the_bridges_account_tells_commands_and_nothing_else() -> None:
    bridge = BridgePrincipal()
    assert bridge.may_publish("devices/valve-1/commands/c1")
    assert not bridge.may_publish("devices/valve-1/telemetry")
    assert not bridge.may_subscribe("devices/#")
    assert not bridge.may_receive("devices/valve-1/telemetry")


async def refusals(count: int) -> list[Refusal]:
    """The refused messages, once that many are kept."""
    device = await Device.objects.aget(uid="valve-1")
    async with asyncio.timeout(20):
        while True:
            rows = [row async for row in device.refusals.order_by("id")]
            if len(rows) >= count:
                return rows
            await asyncio.sleep(0.05)
