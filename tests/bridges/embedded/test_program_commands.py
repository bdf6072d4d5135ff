"""Commands that programs publish at the embedded broker."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError

from bridges.broker import Published
from bridges.embedded import program_commands
from bridges.embedded.program_commands import ProgramCommands
from bridges.mqtt.packets import MessageProperties, ReasonCode, Version, Will
from devices.commands import lifecycle
from devices.models import Command, Message
from devices.runtime import stats
from tests.bridges.embedded.clients import Client, Hub
from tests.support.eventually import eventually_async

pytestmark = pytest.mark.django_db(transaction=True)

SET = "devices/pump/set"
REFUSED = ReasonCode.NOT_AUTHORIZED


async def commands() -> list[tuple[str, str, dict[str, Any]]]:
    found = Command.objects.select_related("device").order_by("issued_at")
    return [(command.device.uid, command.name, command.args) async for command in found]


def errors(code: str) -> float:
    return stats.errors.labels("mqtt", code)._value.get()


@pytest.mark.parametrize(
    ("topic", "payload", "args"),
    [
        (SET, b'{"speed": 40, "on": true}', {"speed": 40, "on": True}),
        (SET, b"{}", {}),
        (f"{SET}/speed", b"40", {"speed": 40}),
        (f"{SET}/mode", b'"eco"', {"mode": "eco"}),
        (f"{SET}/mode", b"eco", {"mode": "eco"}),
        (f"{SET}/on", b"ON", {"on": "ON"}),
        (f"{SET}/light", b'{"level": [1, 2]}', {"light": {"level": [1, 2]}}),
    ],
)
async def test_an_operator_s_program_commands_a_device(hub: Hub, topic: str, payload: bytes, args: Any) -> None:
    device, program = await hub.connect("pump"), await hub.connect("bob", version=Version.V5)
    await device.subscribe("devices/pump/#")
    assert await program.publish(topic, payload) is ReasonCode.SUCCESS
    sent = await device.message()
    command = await Command.objects.select_related("issued_by").aget()
    assert sent.topic == f"devices/pump/commands/{command.id}"
    assert json.loads(sent.payload)["args"] == args
    assert (command.name, command.args, command.issued_by.username) == ("set", args, "bob")
    entry = await Message.objects.aget(room__device=command.device_id, seq=command.seq)
    assert (entry.kind, entry.data["id"]) == ("command", command.id)
    await device.publish(f"devices/pump/answers/{command.id}", b'{"ok": true}', 0)
    await eventually_async(lambda: Command.objects.filter(status="succeeded").aexists())


async def test_commands_of_a_program_keep_their_order(hub: Hub) -> None:
    device, program = await hub.connect("pump"), await hub.connect("bob")
    await device.subscribe("devices/pump/commands/+")
    for speed in range(20):
        await program.publish(f"{SET}/speed", b"%d" % speed, 0)
    await program.publish(f"{SET}/speed", b"20", 1)
    assert await commands() == [("pump", "set", {"speed": speed}) for speed in range(21)]


@pytest.mark.parametrize(
    ("name", "topic"), [("carol", SET), ("mallory", SET), ("bob", "devices/far/set"), ("bob", "devices/unknown/set/x")]
)
async def test_somebody_who_may_not_is_refused(hub: Hub, name: str, topic: str) -> None:
    five, three = await hub.connect(name, version=Version.V5), await hub.connect(name)
    before = errors("forbidden") + errors("not_found")
    assert await five.publish(topic, b"{}") is REFUSED
    assert await five.publish(topic, b"{}", 2) is REFUSED
    await five.publish(topic, b"{}", 0)
    await three.publish(topic, b"{}", 0)
    assert await three.publish(topic, b"{}") is ReasonCode.SUCCESS  # MQTT 3.1.1 has no other acknowledgement
    assert errors("forbidden") + errors("not_found") == before + 5
    assert await commands() == []


async def test_a_deactivated_person_commands_nothing(hub: Hub, bob: User) -> None:
    program = await hub.connect("bob", version=Version.V5)
    await User.objects.filter(pk=bob.pk).aupdate(is_active=False)  # of which nobody is notified
    assert await program.publish(SET, b"{}") is REFUSED
    assert await commands() == []


@pytest.mark.parametrize(
    "topic",
    ["telemetry", "status", "attributes", "commands/1", "answers/1", "set/a/b", "set/", "other"],
)
async def test_a_program_publishes_nothing_else(hub: Hub, topic: str) -> None:
    device, other = await hub.connect("pump"), await hub.connect("bob")
    program = await hub.connect("bob", version=Version.V5)
    await device.subscribe("devices/pump/#")
    await other.subscribe("#")
    assert await program.publish(f"devices/pump/{topic}", b"{}", retain=True) is REFUSED
    assert await device.received() == await other.received() == []
    assert hub.broker.stats["retained_messages"] == 0
    assert await commands() == []


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (SET, b""),
        (SET, b"40"),
        (SET, b"[1]"),
        (SET, b"speed"),
        (SET, b'{"a": NaN}'),
        (SET, b'{"a":' * 200 + b"1" + b"}" * 200),
        (SET, b'{"a": "%s"}' % (b"x" * 20_000)),
        (f"{SET}/speed", b""),
        (f"{SET}/speed", b"\xff"),
        (f"{SET}/speed", b'"\\u0000"'),
        (f"{SET}/speed", b"[" * 100_000),
    ],
)
async def test_a_payload_that_is_no_command_is_refused(hub: Hub, topic: str, payload: bytes) -> None:
    program = await hub.connect("bob", version=Version.V5)
    before = errors("invalid")
    assert await program.publish(topic, payload) is ReasonCode.PAYLOAD_FORMAT_INVALID
    assert errors("invalid") == before + 1
    assert await commands() == []
    assert await program.publish(SET, b"{}") is ReasonCode.SUCCESS


async def test_commands_count_as_requests_of_the_person(
    hub: Hub, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from devices.runtime import request_rates

    settings.REQUEST_RATE_LIMIT = 0.001
    monkeypatch.setattr(request_rates, "BURST", 2)
    monkeypatch.setattr(request_rates.rates, "_buckets", type(request_rates.rates._buckets)())
    program, other = await hub.connect("bob", version=Version.V5), await hub.connect("alice", version=Version.V5)
    codes = [await program.publish(SET, b"{}") for _ in range(3)]
    assert codes == [ReasonCode.SUCCESS, ReasonCode.SUCCESS, ReasonCode.QUOTA_EXCEEDED]
    assert await other.publish(SET, b"{}") is ReasonCode.SUCCESS


async def test_waiting_commands_are_bounded(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program_commands, "MAX_WAITING", 3)
    going_on = asyncio.Event()

    async def wait(*_: Any) -> str:
        await going_on.wait()
        return "id"

    monkeypatch.setattr(program_commands, "_issue", wait)
    program = await hub.connect("bob", version=Version.V5)
    before = errors("too_many")
    for _ in range(5):
        await program.publish(SET, b"{}", 0)
    await program.messages()
    assert errors("too_many") == before + 2
    going_on.set()
    assert await program.publish(SET, b"{}") is ReasonCode.SUCCESS


@pytest.mark.parametrize("error", [OperationalError("away"), ZeroDivisionError()])
async def test_a_failure_of_the_hub_is_reported_and_later_commands_are_issued(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    issue, failures = lifecycle.issue, [error]

    async def failing(*args: Any) -> Command:
        if failures:
            raise failures.pop()
        return await issue(*args)

    monkeypatch.setattr(lifecycle, "issue", failing)
    program, before = await hub.connect("bob", version=Version.V5), errors("unavailable")
    assert await program.publish(SET, b"{}") is ReasonCode.UNSPECIFIED_ERROR
    assert errors("unavailable") == before + 1
    assert await program.publish(SET, b"{}") is ReasonCode.SUCCESS


async def test_a_will_may_be_a_command(hub: Hub) -> None:
    device = await hub.connect("pump")
    await device.subscribe("devices/pump/commands/+")
    program = await hub.connect("bob", will=Will(SET, b'{"on": false}'))
    await asyncio.to_thread(program.wire.break_off)
    assert json.loads((await device.message()).payload)["args"] == {"on": False}


async def test_a_will_on_another_topic_is_ignored_and_counted(hub: Hub) -> None:
    """Home Assistant has one by default."""
    device, other, before = await hub.connect("pump"), await hub.connect("alice"), errors("forbidden")
    await device.subscribe("devices/pump/#")
    await other.subscribe("devices/#")
    for topic in ("homeassistant/status", "devices/pump/status"):
        program = await hub.connect("bob", will=Will(topic, b"offline", retain=True))
        await asyncio.to_thread(program.wire.break_off)
    await eventually_async(lambda: hub.broker.stats["closed.connection_lost"] == 2)
    assert errors("forbidden") == before + 2
    assert await device.received() == await other.received() == []
    assert hub.broker.stats["retained_messages"] == 0


async def responses(program: Client) -> list[tuple[str, Any, bytes | None]]:
    found = []
    for message in await program.messages():
        assert message.properties is not None
        found.append((message.topic, json.loads(message.payload), message.properties.correlation_data))
    return found


async def test_a_program_that_asks_for_a_response_gets_one_on_its_own_topic(hub: Hub) -> None:
    def asking(topic: str) -> dict[str, Any]:
        return {"properties": MessageProperties(response_topic=topic, correlation_data=b"7")}

    program, other = await hub.connect("bob", version=Version.V5), await hub.connect("carol", version=Version.V5)
    assert await program.subscribe("responses/bob/#") == (ReasonCode.GRANTED_QOS_1,)
    await other.subscribe("#")
    assert await program.publish(SET, b"{}", **asking("responses/bob/x")) is ReasonCode.SUCCESS
    command = await Command.objects.aget()
    assert await responses(program) == [("responses/bob/x", {"command": command.id, "status": "queued"}, b"7")]
    assert await program.publish("devices/far/set", b"{}", **asking("responses/bob/x")) is REFUSED
    error = {"code": "not_found", "message": "there is no device 'far'"}
    assert await responses(program) == [("responses/bob/x", {"error": error}, b"7")]
    for topic in ("responses/carol/x", "devices/pump/commands/1", "devices/pump/telemetry"):
        assert await program.publish(SET, b"{}", **asking(topic)) is REFUSED
    assert await other.received() == await program.received() == []
    assert await Command.objects.acount() == 1


async def test_a_hub_that_stops_finishes_the_command_that_it_is_storing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise its program would send it again, and the device would get it twice."""
    began, stored, accepted = asyncio.Event(), asyncio.Event(), []

    async def issue(published: Published) -> str:
        began.set()
        await stored.wait()
        return published.topic

    monkeypatch.setattr(program_commands, "_issue", issue)
    commands = ProgramCommands()
    for i in range(2):
        message = Published("person:bob", f"{SET}/{i}", b"1", 1, 1, False)
        commands.offer(message, lambda unaccepted=None, i=i: accepted.append((i, unaccepted)))
    await began.wait()
    stopping = asyncio.create_task(commands.stop())
    asyncio.get_running_loop().call_soon(stored.set)
    await asyncio.wait_for(stopping, 10)
    assert accepted == [(0, None)]


async def test_a_hub_that_stops_does_not_wait_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(published: Published) -> str:
        return await asyncio.Future()

    monkeypatch.setattr(program_commands, "_issue", hang)
    monkeypatch.setattr(program_commands, "STOP_S", 0.05)
    commands = ProgramCommands()
    commands.offer(Published("person:bob", SET, b"{}", 2, 1, False), None)
    await asyncio.wait_for(commands.stop(), 10)
