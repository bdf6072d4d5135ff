"""Commands on their way to a device, and its answers."""

from __future__ import annotations

import asyncio
import json
from functools import partial

import aiomqtt
import pytest
from asgiref.sync import sync_to_async

from devices.channel.events import CommandChanged
from devices.commands import lifecycle
from devices.models import Command
from devices.registry import devices
from devices.runtime import stats
from devices.values import CommandStatus, now_us
from tests.bridges.mqtt.bridge.conftest import Bridged
from tests.support.eventually import eventually_async
from tests.support.servers import Mosquitto

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_command_reaches_the_device_and_its_answer_comes_back(bridged: Bridged, bob) -> None:
    async with bridged.client() as client:
        await client.subscribe("devices/valve-1/commands/+", qos=1)
        issued = await lifecycle.issue(bob, "valve-1", "set", {"open": 40})
        message = await anext(client.messages)
        expires_at = issued.expires_at // 1000
        assert json.loads(message.payload) == {"name": "set", "args": {"open": 40}, "expires_at": expires_at}
        assert str(message.topic) == f"devices/valve-1/commands/{issued.id}"
        await client.publish(f"devices/valve-1/answers/{issued.id}", '{"ok": true, "result": {"open": 40}}', qos=1)
        done = await bridged.event(CommandChanged, status="succeeded")
    assert isinstance(done, CommandChanged)
    assert (done.id, done.result, done.by) == (issued.id, {"open": 40}, "bob")


async def test_a_command_without_an_answer_times_out(bridged: Bridged, bob) -> None:
    issued = await lifecycle.issue(bob, "valve-1", "set", {}, timeout_s=0.2)
    await bridged.event(CommandChanged, status="timed_out")
    await issued.arefresh_from_db()
    assert issued.status == CommandStatus.TIMED_OUT


async def test_a_late_answer_is_announced(bridged: Bridged, bob) -> None:
    issued = await lifecycle.issue(bob, "valve-1", "set", {}, timeout_s=0.2)
    await bridged.event(CommandChanged, status="timed_out", late=False)
    async with bridged.client() as client:
        await client.publish(f"devices/valve-1/answers/{issued.id}", '{"ok": true, "result": 40}', qos=1)
        late = await bridged.event(CommandChanged, status="timed_out", late=True)
    assert isinstance(late, CommandChanged)
    assert (late.id, late.result, late.error) == (issued.id, 40, "")


async def test_a_device_that_never_answers_is_believed_by_what_it_reports(bridged: Bridged, bob) -> None:
    await sync_to_async(devices.set_answers)(bridged.device, False)
    async with bridged.client() as client:
        await client.subscribe("devices/valve-1/commands/+", qos=1)
        await client.publish("devices/valve-1/telemetry", '{"open": "OFF"}', qos=1)
        done = await lifecycle.issue(bob, "valve-1", "set", {"open": True})
        await anext(client.messages)
        await client.publish("devices/valve-1/telemetry", '{"open": "ON"}', qos=1)
        await bridged.event(CommandChanged, id=done.id, status="succeeded", result={"open": "ON"})
        lost = await lifecycle.issue(bob, "valve-1", "set", {"open": False}, timeout_s=0.7)
        await client.publish("devices/valve-1/telemetry", '{"open": "ON"}', qos=1)
        await bridged.event(CommandChanged, id=lost.id, status="unconfirmed")


async def test_a_device_that_comes_back_does_not_get_a_command_that_has_timed_out(bridged: Bridged, bob) -> None:
    persistent = partial(bridged.client, identifier="valve", clean_session=False)
    async with persistent() as client:
        await client.subscribe("devices/valve-1/commands/+", qos=1)
    late = await lifecycle.issue(bob, "valve-1", "set", {"open": 40}, timeout_s=0.5)
    await bridged.event(CommandChanged, status="sent")
    await bridged.event(CommandChanged, status="timed_out")
    kept = await lifecycle.issue(bob, "valve-1", "set", {"open": 50}, timeout_s=60)
    await bridged.event(CommandChanged, status="sent")
    await eventually_async(lambda: now_us() > late.issued_at + 2_500_000)  # Mosquitto rounds up to whole seconds, twice
    async with persistent() as client, asyncio.timeout(20):
        assert str((await anext(client.messages)).topic) == f"devices/valve-1/commands/{kept.id}"


async def test_an_answer_counts_once_and_only_from_the_device_itself(bridged: Bridged, bob) -> None:
    issued = await lifecycle.issue(bob, "valve-1", "set", {})
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


async def test_a_replaced_secret_cuts_the_device_off(by_embedded_broker: Bridged, secrets: dict[str, str]) -> None:
    async with by_embedded_broker.client("valve-2") as other, by_embedded_broker.client() as client:
        await other.subscribe("devices/valve-2/commands/+")
        new = await sync_to_async(devices.rotate_secret)(by_embedded_broker.device)
        with pytest.raises(aiomqtt.MqttError):
            async with asyncio.timeout(20):
                await anext(client.messages)
        with pytest.raises(aiomqtt.MqttError):
            async with by_embedded_broker.client():
                pass
        secrets["valve-1"] = new
        async with by_embedded_broker.client() as again:
            await again.publish("devices/valve-1/telemetry", '{"a": 1}', qos=1)
            await by_embedded_broker.telemetry()
        await other.publish("devices/valve-2/status", "online", qos=1)  # nobody else was touched


async def test_it_reconnects_by_itself_and_loses_no_command(by_mosquitto: Bridged, mosquitto: Mosquitto, bob) -> None:
    await asyncio.to_thread(mosquitto.stop)
    issued = await lifecycle.issue(bob, "valve-1", "set", {"open": 1})
    await asyncio.to_thread(mosquitto.start)
    await by_mosquitto.event(CommandChanged, id=issued.id, status="sent")
    # The inbound side is back as well once what is published after the restart is stored; QoS 1 messages that come
    # before it has subscribed reach nobody, as Mosquitto is configured to forget its sessions.
    async with by_mosquitto.client() as client, asyncio.timeout(20):
        stored = asyncio.create_task(by_mosquitto.telemetry())
        while not stored.done():
            await client.publish("devices/valve-1/telemetry", '{"a": 1}', qos=1)
            await asyncio.wait({stored}, timeout=0.2)
    assert await Command.objects.filter(status=CommandStatus.SENT).acount() == 1
