"""Requests of a client and their replies."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import DataError, transaction
from django.db import connection as database_connection

from dashboards.live import connection as connections
from dashboards.live.rates import CONTROL_BURST
from dashboards.live.relay import Relay
from dashboards.live.requests import MAX_FRAME_BYTES
from dashboards.models import Dashboard, Widget
from devices.availability import changes
from devices.availability.changes import Evidence
from devices.channel import fanout
from devices.commands import lifecycle
from devices.log.entries import recorded
from devices.models import Command, Device, Metric, Reading
from devices.registry import attributes
from devices.runtime import request_rates, stats
from devices.values import Answer, Attributes, Availability
from tests.dashboards.live.conftest import Headers, Viewer, bearer, enter

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("relay")]


async def refused(viewer: Viewer, type: str, **fields: Any) -> dict[str, Any]:
    reply = await viewer.request(type, **fields)
    assert not reply["ok"]
    found: dict[str, Any] = reply["error"]
    return found


async def becomes(device: Device, availability: Availability, at: int) -> None:
    """The device gets this availability, and viewers are notified."""
    await fanout.publish(await sync_to_async(recorded)(changes.weigh, [Evidence(device.id, availability, at)]))


async def test_a_device_answers_with_its_snapshot(headers: dict[str, Headers], pump: Device) -> None:
    metric = await Metric.objects.acreate(device=pump, name="temperature")
    await Reading.objects.acreate(metric=metric, time=1_000_000, number=20.0)
    await Reading.objects.acreate(metric=metric, time=2_000_999, number=21.5)
    await sync_to_async(recorded)(changes.weigh, [Evidence(pump.id, Availability.ONLINE, 5_000_000)])
    viewer = await enter(headers["carol"])
    assert await viewer.subscribe("device:pump-1") == {
        "device": {
            "uid": "pump-1",
            "name": "Irrigation pump",
            "space": "garden",
            "attributes": {},
            "broker": "main",
            "clock_offset_s": 0,
        },
        "availability": "online",
        "availability_at": 5_000,
        "latest": {"temperature": [2_000, 21.5]},
    }
    await viewer.leave()


async def test_a_dashboard_answers_with_the_snapshots_of_its_widgets_devices(
    headers: dict[str, Headers], dashboard: Dashboard, pump: Device
) -> None:
    await sync_to_async(transaction.atomic(attributes.merge))(pump, Attributes({"model": "P"}))
    viewer = await enter(headers["carol"])
    result = await viewer.subscribe(f"dashboard:{dashboard.pk}")
    assert set(result) == {"devices", "revision"}
    assert set(result["devices"]) == {"pump-1", "fan-1"}
    assert result["devices"]["pump-1"]["device"]["attributes"] == {"model": "P"}
    await viewer.leave()


async def test_an_empty_dashboard_is_not_an_error(headers: dict[str, Headers], dashboard: Dashboard) -> None:
    await Widget.objects.all().adelete()
    viewer = await enter(headers["carol"])
    assert (await viewer.subscribe(f"dashboard:{dashboard.pk}"))["devices"] == {}
    await viewer.leave()


async def test_a_widget_of_another_spaces_device_shows_nothing_of_it(
    headers: dict[str, Headers], dashboard: Dashboard, foreign_pump: Device
) -> None:
    await Widget.objects.acreate(dashboard=dashboard, device=foreign_pump, kind="value")
    viewer = await enter(headers["carol"])
    assert set((await viewer.subscribe(f"dashboard:{dashboard.pk}"))["devices"]) == {"pump-1", "fan-1"}
    await becomes(foreign_pump, Availability.ONLINE, 1)
    assert await viewer.is_quiet()
    await viewer.leave()


@pytest.mark.parametrize("name", ["alice", "mallory"])
async def test_a_foreign_stream_and_a_missing_one_answer_alike(
    headers: dict[str, Headers], name: str, foreign_pump: Device, foreign_dashboard: Dashboard
) -> None:
    viewer = await enter(headers[name])
    for foreign, missing in (("device:pump-2", "device:pump-0"), (f"dashboard:{foreign_dashboard.pk}", "dashboard:0")):
        theirs = await refused(viewer, "subscribe", stream=foreign)
        none = await refused(viewer, "subscribe", stream=missing)
        assert theirs["code"] == none["code"] == "not_found"
        assert theirs["message"].replace(foreign, "") == none["message"].replace(missing, "")
    await becomes(foreign_pump, Availability.ONLINE, 1)
    assert await viewer.is_quiet()
    await viewer.leave()


async def test_a_person_s_requests_are_limited_over_all_connections(
    headers: dict[str, Headers], pump: Device, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REQUEST_RATE_LIMIT = 0.001
    monkeypatch.setattr(request_rates, "BURST", 6)  # `enter` makes a request too
    viewers = [await enter(headers["bob"]) for _ in range(2)]
    for viewer in viewers:
        await viewer.subscribe("device:pump-1")
        assert (await viewer.request("command", device="pump-1", name="stop"))["ok"]
    errors = [await refused(viewer, "subscribe", stream="device:pump-1") for viewer in viewers]
    errors.append(await refused(viewers[0], "command", device="pump-1", name="stop"))
    assert {(one["code"], one["retry"]) for one in errors} == {("too_many", True)}
    other = await enter(headers["carol"])
    await other.subscribe("device:pump-1")
    for viewer in (*viewers, other):
        await viewer.leave()


async def test_a_foreign_device_and_a_missing_one_refuse_a_command_alike(
    headers: dict[str, Headers], foreign_pump: Device
) -> None:
    viewer = await enter(headers["alice"])
    theirs = await refused(viewer, "command", device="pump-2", name="set")
    none = await refused(viewer, "command", device="pump-0", name="set")
    assert theirs["code"] == none["code"] == "not_found"
    assert theirs["message"].replace("pump-2", "") == none["message"].replace("pump-0", "")
    assert await Command.objects.acount() == 0
    await viewer.leave()


@pytest.mark.parametrize(
    "stream",
    [
        "device:",
        "device:pump-1 ",
        "device:pump-1\n",
        "device:pump\x00",
        "device:+",
        "dashboard:",
        "dashboard:x",
        "dashboard:1\n",
        "dashboard:-1",
        "dashboard:٣",
        "dashboard:99999999999999999999999999",
        "room",
        "room:",
        "room:01",  # another name of room 1
        "room:-1",
        "room:٣",
        "room:99999999999999999999999999",
        "inbox:",
        "inbox:alice",
    ],
)
async def test_an_impossible_name_is_not_found(headers: dict[str, Headers], pump: Device, stream: str) -> None:
    viewer = await enter(headers["alice"])
    assert (await refused(viewer, "subscribe", stream=stream))["code"] == "not_found"
    await viewer.leave()


@pytest.mark.parametrize("stream", ["", "rooms:1", "telemetry.3", "person.1", "pump-1", "Device:pump-1"])
async def test_an_unknown_kind_of_stream_is_named(headers: dict[str, Headers], pump: Device, stream: str) -> None:
    viewer = await enter(headers["alice"])
    assert (await refused(viewer, "subscribe", stream=stream))["code"] == "unknown_stream"
    await viewer.leave()


async def test_after_unsubscribe_nothing_is_pushed_any_more(headers: dict[str, Headers], pump: Device) -> None:
    viewer, other = await enter(headers["carol"]), await enter(headers["bob"])
    for who in (viewer, other):
        await who.subscribe("device:pump-1")
    await becomes(pump, Availability.ONLINE, 1)
    for who in (viewer, other):
        await who.push("availability")
    reply = await viewer.request("unsubscribe", stream="device:pump-1")
    assert reply["ok"]
    await becomes(pump, Availability.OFFLINE, 2)
    await other.push("availability")
    assert await viewer.is_quiet()
    for who in (viewer, other):
        await who.leave()


async def test_unsubscribing_from_a_stream_does_not_affect_another_with_the_same_device(
    headers: dict[str, Headers], pump: Device, dashboard: Dashboard
) -> None:
    viewer = await enter(headers["carol"])
    await viewer.subscribe("device:pump-1")
    await viewer.subscribe(f"dashboard:{dashboard.pk}")
    await viewer.request("unsubscribe", stream="device:pump-1")
    await becomes(pump, Availability.ONLINE, 1)
    assert (await viewer.push("availability"))["device"] == "pump-1"
    await viewer.leave()


async def test_streams_of_one_connection_are_limited(
    headers: dict[str, Headers], dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboards.live.handlers.MAX_STREAMS", 2)
    viewer = await enter(headers["carol"])
    await viewer.subscribe("device:pump-1")
    await viewer.subscribe("device:fan-1")
    error = await refused(viewer, "subscribe", stream=f"dashboard:{dashboard.pk}")
    assert (error["code"], error["retry"]) == ("too_many", True)
    await viewer.subscribe("device:fan-1")  # the same one again does not count
    await viewer.request("unsubscribe", stream="device:fan-1")
    await viewer.subscribe(f"dashboard:{dashboard.pk}")
    await viewer.leave()
    assert connections.MAX_STREAMS == 2_000


async def test_a_command_is_queued_and_its_progress_is_pushed_to_all_viewers(
    headers: dict[str, Headers], pump: Device
) -> None:
    operator, watcher, stranger = [await enter(headers[name]) for name in ("bob", "carol", "mallory")]
    for viewer in (operator, watcher):
        await viewer.subscribe("device:pump-1")
    reply = await operator.request("command", device="pump-1", name="set", args={"speed": 40}, timeout_s=5)
    assert reply["result"]["status"] == "queued"
    id = reply["result"]["command"]
    row = await Command.objects.aget(id=id)
    assert (row.name, row.args, row.expires_at - row.issued_at) == ("set", {"speed": 40}, 5_000_000)
    push = await watcher.push("command")
    assert push == {
        "type": "command",
        "device": "pump-1",
        "id": id,
        "name": "set",
        "args": {"speed": 40},
        "status": "queued",
        "result": None,
        "error": "",
        "by": "bob",
        "at": row.issued_at // 1000,
        "expires_at": row.expires_at // 1000,
        "late": False,
    }
    await fanout.publish(await sync_to_async(recorded)(lifecycle.answer, pump, Answer(id, True, {"speed": 40})))
    for viewer in (operator, watcher):
        while (push := await viewer.push("command"))["status"] == "queued":
            pass
        assert (push["status"], push["result"]) == ("succeeded", {"speed": 40})
    assert await stranger.is_quiet()
    for viewer in (operator, watcher, stranger):
        await viewer.leave()


@pytest.mark.parametrize(("name", "code"), [("carol", "forbidden"), ("mallory", "not_found")])
async def test_a_person_who_may_not_command_is_refused(
    headers: dict[str, Headers], pump: Device, name: str, code: str
) -> None:
    viewer = await enter(headers[name])
    assert (await refused(viewer, "command", device="pump-1", name="set"))["code"] == code
    assert await Command.objects.acount() == 0
    await viewer.leave()


@pytest.mark.parametrize(
    "fields",
    [
        {"device": "pump-1", "name": ""},
        {"device": "pump-1", "name": "x" * 129},
        {"device": "pump-1", "name": "set", "timeout_s": 0},
        {"device": "pump-1", "name": "set", "timeout_s": 1e9},
        {"device": "pump-1", "name": "set", "args": {"x": "y" * 20_000}},
        {"device": "pump-1", "name": "set", "args": {"x": "\x00"}},
    ],
)
async def test_an_invalid_command_is_refused_by_name(
    headers: dict[str, Headers], pump: Device, fields: dict[str, Any]
) -> None:
    viewer = await enter(headers["bob"])
    assert (await refused(viewer, "command", **fields))["code"] == "invalid"
    await viewer.leave()


async def test_a_uid_with_a_nul_character_is_not_found(headers: dict[str, Headers]) -> None:
    viewer = await enter(headers["bob"])
    assert (await refused(viewer, "command", device="pump\x00", name="set"))["code"] == "not_found"
    await viewer.leave()


async def test_a_request_without_an_id_is_answered_only_when_it_fails(
    headers: dict[str, Headers], pump: Device
) -> None:
    viewer = await enter(headers["carol"])
    await viewer.send({"type": "subscribe", "stream": "device:pump-1"})
    await viewer.send({"type": "subscribe", "stream": "device:none"})
    frame = await viewer.frame()
    assert (frame["reply"], frame["ok"]) == (None, False)
    await viewer.leave()


async def test_bad_frames_are_answered_and_the_tenth_closes_4400(headers: dict[str, Headers]) -> None:
    viewer = await enter(headers["carol"])
    for _ in range(9):
        await viewer.send('{"id":7,"type":"subscribe"}')
        frame = await viewer.frame()
        assert (frame["reply"], frame["error"]["code"]) == (7, "invalid")
    assert (await viewer.request("unsubscribe", stream="device:pump-1"))["ok"]
    await viewer.send("{")
    assert (await viewer.frame())["error"]["code"] == "invalid_json"
    assert await viewer.closed() == 4400


async def test_binary_frames_are_bad_frames(headers: dict[str, Headers]) -> None:
    viewer = await enter(headers["carol"])
    for _ in range(10):
        await viewer.send_bytes(b'{"type":"pong"}')
        assert (await viewer.frame())["error"]["code"] == "invalid"
    assert await viewer.closed() == 4400


@pytest.mark.parametrize("type", ["telemetry", "login_ended", "websocket.close", "numbers", "probe", "hub.command", ""])
async def test_text_of_a_client_never_becomes_a_type_of_the_channel_layer(
    headers: dict[str, Headers], pump: Device, type: str
) -> None:
    watcher, attacker = await enter(headers["carol"]), await enter(headers["alice"])
    await watcher.subscribe("device:pump-1")
    await attacker.send({"id": 1, "type": type, "device_id": pump.pk, "user_id": 3, "shard": 1, "parts": []})
    assert (await attacker.frame())["error"]["code"] == "unknown_type"
    assert await watcher.is_quiet()
    for viewer in (watcher, attacker):
        await viewer.leave()


async def test_a_frame_over_64_kib_closes_1009(headers: dict[str, Headers]) -> None:
    viewer = await enter(headers["carol"])
    frame = {"id": 1, "type": "unsubscribe", "stream": "", "padding": ""}
    frame["padding"] = "x" * (MAX_FRAME_BYTES - len(json.dumps(frame)))
    await viewer.send(json.dumps(frame))
    assert (await viewer.frame())["ok"]
    await viewer.send(json.dumps(frame) + " ")
    assert (await viewer.frame())["error"]["code"] == "too_large"
    assert await viewer.closed() == 1009


async def test_requests_over_the_rate_are_refused_and_then_closed_4429(
    headers: dict[str, Headers], relay: Relay, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REQUEST_RATE_LIMIT = 0.001
    monkeypatch.setattr(request_rates, "BURST", 2)
    viewer = await enter(headers["carol"])
    assert (await viewer.request("unsubscribe", stream="device:pump-1"))["ok"]
    for _ in range(CONTROL_BURST):
        error = await refused(viewer, "unsubscribe", stream="device:pump-1")
        assert (error["code"], error["retry"]) == ("too_many", True)
    await viewer.send({"id": 99, "type": "unsubscribe", "stream": "device:pump-1"})
    assert await viewer.closed() == 4429


async def test_acks_and_pongs_do_not_count(
    headers: dict[str, Headers], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = await enter(headers["carol"])
    settings.REQUEST_RATE_LIMIT = 0.001
    monkeypatch.setattr(request_rates, "BURST", 0)
    assert (await refused(viewer, "unsubscribe", stream="device:pump-1"))["code"] == "too_many"
    for n in range(10):
        await viewer.send({"type": "ack", "n": n})
        await viewer.send({"type": "pong"})
    await viewer.send({"type": "ack"})
    assert (await viewer.frame())["error"]["code"] == "invalid"  # and the connection is not closed
    await viewer.leave()


async def test_an_unavailable_database_is_reported_and_the_connection_stays(
    headers: dict[str, Headers], pump: Device
) -> None:
    viewer = await enter(headers["carol"])
    await sync_to_async(_rename)("devices_device", "elsewhere")
    try:
        error = await refused(viewer, "subscribe", stream="device:pump-1")
    finally:
        await sync_to_async(_rename)("elsewhere", "devices_device")
    assert (error["code"], error["retry"]) == ("unavailable", True)
    await viewer.subscribe("device:pump-1")
    await viewer.leave()


def _rename(table: str, name: str) -> None:
    with database_connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO {name}")


async def test_a_request_that_the_database_cannot_store_is_not_to_be_retried(
    headers: dict[str, Headers], pump: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")

    viewer = await enter(headers["carol"])
    monkeypatch.setattr("dashboards.live.streams.find", fail)
    error = await refused(viewer, "subscribe", stream="device:pump-1")
    assert (error["code"], error["retry"]) == ("internal", False)
    await viewer.leave()


async def test_every_error_is_counted_by_its_code(headers: dict[str, Headers], pump: Device) -> None:
    viewer = await enter(headers["mallory"])
    counts = {code: stats.errors.labels("live", code) for code in ("not_found", "unknown_type", "unauthenticated")}
    before = {code: count._value.get() for code, count in counts.items()}
    await refused(viewer, "subscribe", stream="device:pump-1")
    await refused(viewer, "dance")
    stranger = Viewer(bearer("wrong"))
    await stranger.open()
    assert await stranger.closed() == 4401
    assert {code: count._value.get() - before[code] for code, count in counts.items()} == dict.fromkeys(counts, 1)
    await viewer.leave()


async def test_a_second_subscribe_that_fails_leaves_the_first_in_place(
    headers: dict[str, Headers], pump: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = await enter(headers["carol"])
    await viewer.subscribe("device:pump-1")
    with monkeypatch.context() as patched:
        patched.setattr("dashboards.live.streams.snapshot", lambda *_: 1 / 0)
        await refused(viewer, "subscribe", stream="device:pump-1")
        assert (await refused(viewer, "subscribe", stream="device:pump-0"))["code"] == "not_found"
    await becomes(pump, Availability.ONLINE, 1)
    await viewer.push("availability")
    await viewer.leave()


async def test_a_bug_is_logged_and_the_connection_stays(
    headers: dict[str, Headers], pump: Device, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    viewer = await enter(headers["carol"])
    with monkeypatch.context() as patched:
        patched.setattr("dashboards.live.streams.snapshot", lambda *_: 1 / 0)
        error = await refused(viewer, "subscribe", stream="device:pump-1")
    assert error["code"] == "internal"
    assert "ZeroDivisionError" in caplog.text
    await viewer.subscribe("device:pump-1")
    await viewer.leave()
    await asyncio.sleep(0)
