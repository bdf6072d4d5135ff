"""The embedded broker in front of the pipeline: what a device receives, and when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import aiomqtt
import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from bridges.broker import Broker, Limits
from bridges.broker.state_file import StateFile
from bridges.embedded.accounts import AccountAuthenticator
from bridges.embedded.bridge import EmbeddedBridge
from bridges.embedded.program_rights import ProgramRights
from bridges.mqtt.packets import PubAckPacket, PublishPacket, ReasonCode, Version
from devices.commands import lifecycle
from devices.models import Command, Device, Reading, Space, StoredRefusal
from devices.rooms import provisioning
from devices.runtime import stats
from devices.values import now_us
from hub.sockets import bind
from tests.bridges.broker.scenarios.wire import Wire

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
async def embedded(space: Space, tmp_path: Path) -> AsyncIterator[Embedded]:
    _, secret = await sync_to_async(provisioning.create_device)("valve-1", space)
    found = await started(secret, tmp_path)
    yield found
    await found.end()


async def started(secret: str, folder: Path) -> Embedded:
    sock = bind("127.0.0.1", 0, "MQTT_PORT")
    bridge, stop = EmbeddedBridge("main"), asyncio.Event()
    accounts, limits = AccountAuthenticator(ProgramRights()), Limits(sink_messages=50)
    broker = Broker(accounts, sock=sock, limits=limits, sink=bridge, state=folder / "broker.sqlite3")
    await broker.start()
    task = asyncio.create_task(bridge.run(broker, stop, asyncio.Event()))
    return Embedded(broker, sock.getsockname()[1], secret, stop, task)


def timed(count: int) -> list[bytes]:
    """Messages of the last moments, a millisecond each."""
    first_ms = now_us() // 1000 - count
    return [b'{"ts": %d, "values": {"a": 1}}' % (first_ms + i) for i in range(count)]


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - a counter has no event
            await asyncio.sleep(0.01)


class Outage:
    """While it lasts the database stores no readings: their table has another name."""

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


async def test_a_device_gets_its_acknowledgement_only_after_the_commit(embedded: Embedded, outage: Outage) -> None:
    before = failures()
    await outage.begin()
    async with embedded.client() as client:
        publishing = asyncio.create_task(client.publish(TELEMETRY, b'{"a": 1}', qos=1, timeout=60))
        await until(lambda: failures() >= before + 2)
        assert not publishing.done()
        await outage.end()
        await asyncio.wait_for(publishing, 20)
        assert await Reading.objects.acount() == 1


async def test_while_the_database_is_unavailable_a_device_that_floods_is_not_read_and_nothing_is_lost(
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
        assert embedded.broker.stats["received_messages"] == 50  # `sink_messages`
        await asyncio.wait_for(listener.subscribe("devices/valve-1/commands/+"), 20)  # another connection is served
        assert not any(one.done() for one in publishing)
        await outage.end()
        await asyncio.wait_for(asyncio.gather(*publishing), 20)
    assert await Reading.objects.acount() == 200


async def test_what_was_received_when_the_hub_stops_is_stored_and_acknowledged(embedded: Embedded) -> None:
    async with embedded.client() as client:
        payloads = timed(20)
        publishing = [asyncio.create_task(client.publish(TELEMETRY, each, qos=1, timeout=20)) for each in payloads]
        await until(lambda: embedded.broker.stats["received_messages"] == 20)
        await embedded.end()
        await asyncio.wait_for(asyncio.gather(*publishing), 20)
        with pytest.raises(aiomqtt.MqttError):
            await anext(client.messages)
    assert await Reading.objects.acount() == 20


async def test_while_the_database_is_unavailable_the_hub_stops_and_acknowledges_nothing(
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
async def test_an_unknown_topic_is_refused_and_shown_and_reaches_the_devices_other_sessions(
    embedded: Embedded, topic: str
) -> None:
    async with embedded.client("one") as one, embedded.client("other") as other:
        await other.subscribe("devices/valve-1/#", qos=1)
        await one.publish(topic, b"to myself", qos=1, retain=True)
        async with asyncio.timeout(20):
            assert (await anext(other.messages)).payload == b"to myself"
    [row] = await refusals(1)
    assert (row.reason, row.kind, row.key, row.start) == ("bad_topic", "other", topic, "to myself")
    assert embedded.broker.stats["retained_messages"] == 0


@pytest.mark.parametrize(
    ("topic", "payload", "code"),
    [
        (TELEMETRY, b'{"a": 1}', ReasonCode.SUCCESS),
        (TELEMETRY, b'{"a": NaN}', ReasonCode.PAYLOAD_FORMAT_INVALID),
        (TELEMETRY, b"1" * 200_000, ReasonCode.PACKET_TOO_LARGE),
        ("devices/valve-1/telemetri", b"", ReasonCode.TOPIC_NAME_INVALID),
        ("devices/other/telemetry", b"", ReasonCode.NOT_AUTHORIZED),
        ("devices/valve-1/answers/gone", b'{"ok": true}', ReasonCode.IMPLEMENTATION_SPECIFIC_ERROR),
    ],
)
async def test_a_device_with_mqtt_5_learns_why_its_message_is_refused(
    embedded: Embedded, topic: str, payload: bytes, code: ReasonCode
) -> None:
    wire = await asyncio.to_thread(Wire, embedded.port, Version.V5)
    secret = embedded.secret.encode()
    answer = await asyncio.to_thread(wire.connect, "valve-1", password=secret, wants_response_information=True)
    assert answer.response_information == "devices/valve-1/"
    if code is ReasonCode.PACKET_TOO_LARGE:
        await asyncio.to_thread(wire.send, PublishPacket(topic, payload, 1, packet_id=1))
        await asyncio.to_thread(wire.ended_with, code)
    else:
        assert await asyncio.to_thread(wire.publish, topic, payload, 1) is code
    if code is not ReasonCode.SUCCESS:
        await refusals(1)
    wire.sock.close()


async def test_a_topic_of_its_own_that_a_device_has_subscribed_to_is_no_error_for_it(embedded: Embedded) -> None:
    wire = await asyncio.to_thread(Wire, embedded.port, Version.V5)
    await asyncio.to_thread(wire.connect, "valve-1", password=embedded.secret.encode())
    await asyncio.to_thread(wire.subscribe, "devices/valve-1/custom", qos=0)
    await asyncio.to_thread(wire.send, PublishPacket("devices/valve-1/custom", b"x", 1, packet_id=1))
    assert (await asyncio.to_thread(wire.message)).payload == b"x"
    assert (await asyncio.to_thread(wire.next, PubAckPacket)).reason_code is ReasonCode.SUCCESS
    await refusals(1)
    wire.sock.close()


async def test_what_a_device_may_not_do_is_shown_on_its_page(embedded: Embedded) -> None:
    with pytest.raises(aiomqtt.MqttError):
        async with embedded.client(will=aiomqtt.Will("tele/tasmota/LWT", b"Offline", 1, True)):
            pass
    [row] = await refusals(1)
    assert (row.reason, row.kind, row.key) == ("bad_will", "will", "tele/tasmota/LWT")
    async with embedded.client() as client:
        await client.subscribe("devices/#", qos=1)
        await client.publish("v1/devices/me/telemetry", b'{"t": 1}', qos=1)
    _, subscription, publish = await refusals(3)
    assert (subscription.reason, subscription.kind, subscription.key) == ("bad_filter", "subscription", "devices/#")
    assert (publish.reason, publish.kind, publish.key) == ("bad_topic", "other", "v1/devices/me/telemetry")
    assert publish.start == '{"t": 1}'
    device = await Device.objects.aget(uid="valve-1")
    assert device.availability == "unknown"  # none of it is a sign of life


async def test_a_message_far_too_large_is_refused_and_shown_and_its_connection_stays(embedded: Embedded) -> None:
    async with embedded.client() as client:
        await client.publish(TELEMETRY, b"\xff" + b"x" * 20_000_000, qos=1, timeout=60)
        await client.publish(TELEMETRY, b'{"a": 1}', qos=1)
    assert await Reading.objects.acount() == 1
    [row] = await refusals(1)
    assert (row.reason, row.kind, row.size) == ("payload_too_large", "telemetry", 20_000_001)
    assert (row.detail, row.start) == ("20000001 bytes", r"\xff" + "x" * 199)


async def test_each_wrong_topic_is_shown_on_the_page_of_the_device_that_signed_in(embedded: Embedded) -> None:
    topics = [
        "/devices/valve-1/telemetry",
        "device/valve-1/telemetry",
        "devices/valve-1",
        "devices/VALVE-1/telemetry",
        "v1/devices/me/telemetry",
        "devices/valve-1/Telemetry",
        "devices/valve-1/telemetry/",
    ]
    async with embedded.client() as client:
        for topic in topics:
            await client.publish(topic, b'{"t": 1}', qos=1)
    rows = await refusals(len(topics))
    assert [(row.reason, row.key, row.start) for row in rows] == [("bad_topic", topic, '{"t": 1}') for topic in topics]


async def test_retained_telemetry_is_stored_and_not_kept_and_a_retained_status_is(embedded: Embedded) -> None:
    async with embedded.client() as client:
        await client.publish(TELEMETRY, b'{"a": 1}', qos=1, retain=True)
        await client.publish("devices/valve-1/status", b"online", qos=1, retain=True)
    async with embedded.client("late") as late:
        await late.subscribe("devices/valve-1/#")
        async with asyncio.timeout(20):
            assert (await anext(late.messages)).payload == b"online"
    assert embedded.broker.stats["retained_messages"] == 1
    assert await Reading.objects.acount() == 1
    assert await refusals(0) == []


async def test_qos_0_is_dropped_and_counted_while_the_pipeline_is_full(
    embedded: Embedded, outage: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for bound in ("MAX_BUFFERED", "MAX_DEVICE"):
        monkeypatch.setattr(f"bridges.ingest.pipeline.{bound}", 5)
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


@pytest.mark.parametrize("username", ["$bridge", "", "hub"])
async def test_nobody_but_a_device_may_sign_in(embedded: Embedded, username: str) -> None:
    with pytest.raises(aiomqtt.MqttError, match=r"authori[sz]ed"):
        async with aiomqtt.Client("127.0.0.1", embedded.port, username=username, password=embedded.secret):
            pass
    assert embedded.broker.stats["accepted_logins"] == 0


async def test_a_command_reaches_its_device_without_an_mqtt_session_of_the_hub(embedded: Embedded, bob) -> None:
    async with embedded.client() as client:
        await client.subscribe("devices/valve-1/commands/+", qos=1)
        command = await lifecycle.issue(bob, "valve-1", "set", {})
        async with asyncio.timeout(20):
            message = await anext(client.messages)
        assert (str(message.topic), message.qos, message.retain) == (f"devices/valve-1/commands/{command.id}", 1, False)
        assert embedded.broker.stats["accepted_logins"] == 1
    await reach_status(command, "sent")


async def test_a_command_waits_in_the_persistent_session_of_a_device_that_is_offline(embedded: Embedded, bob) -> None:
    async with embedded.client(clean_session=False) as client:
        await client.subscribe("devices/valve-1/commands/+", qos=1)
    command = await lifecycle.issue(bob, "valve-1", "set", {})
    await reach_status(command, "sent")
    async with embedded.client(clean_session=False) as client, asyncio.timeout(20):
        assert str((await anext(client.messages)).topic).endswith(command.id)


async def test_a_command_that_waits_while_the_hub_restarts_comes_once(embedded: Embedded, tmp_path: Path, bob) -> None:
    async with embedded.client(clean_session=False) as client:
        await client.subscribe("devices/valve-1/commands/+", qos=1)
    command = await lifecycle.issue(bob, "valve-1", "set", {})
    await reach_status(command, "sent")
    await embedded.end()
    again = await started(embedded.secret, tmp_path)
    async with again.client(clean_session=False) as client, asyncio.timeout(20):
        later = await lifecycle.issue(bob, "valve-1", "set", {"after": 1})
        topics = [str((await anext(client.messages)).topic) for _ in range(2)]
    await again.end()
    assert topics == [f"devices/valve-1/commands/{each.id}" for each in (command, later)]


async def test_a_command_counts_as_sent_once_it_would_survive_that_the_hub_is_killed(
    monkeypatch: pytest.MonkeyPatch, space: Space, tmp_path: Path, bob
) -> None:
    monkeypatch.setattr("bridges.broker.state_keeper.WRITE_EVERY_S", 3_600.0)
    _, secret = await sync_to_async(provisioning.create_device)("valve-1", space)
    embedded = await started(secret, tmp_path)
    async with embedded.client(clean_session=False) as client:
        await client.subscribe("devices/valve-1/commands/+", qos=1)
    commands = [await lifecycle.issue(bob, "valve-1", "set", {}) for _ in range(2)]
    for command in commands:
        await reach_status(command, "sent")
    file = StateFile(tmp_path / "broker.sqlite3")
    kept = file.load().messages[1]
    file.close()
    await embedded.end()
    topics = [each.publication.topic for _, each in kept if each.publication is not None]
    assert topics == [f"devices/valve-1/commands/{command.id}" for command in commands]


async def reach_status(command: Command, status: str) -> None:
    async with asyncio.timeout(20):
        while command.status != status:
            await asyncio.sleep(0.02)
            await command.arefresh_from_db()


async def refusals(count: int) -> list[StoredRefusal]:
    """The refused messages, once that many are kept."""
    device = await Device.objects.aget(uid="valve-1")
    async with asyncio.timeout(20):
        while True:
            rows = [row async for row in device.refusals.order_by("id")]
            if len(rows) >= count:
                return rows
            await asyncio.sleep(0.05)
