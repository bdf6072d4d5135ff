"""Many devices over HTTP, with one login."""

from __future__ import annotations

import gzip
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async

from bridges.ingest import batches
from bridges.ingest.batches import BatchProcessor
from devices.models import Device, Reading, Space, StoredRefusal
from devices.registry import decoders
from devices.rooms import provisioning
from tests.bridges.rest.conftest import Callers, Sender, caller, error

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

PATH = "/api/v1/gateways/roof"


@pytest.fixture
def roof(space: Space) -> Sender:
    return Sender(*provisioning.create_device("roof", space, is_gateway=True))


async def post(sender: Sender, path: str, **options: Any) -> httpx.Response:
    return await caller().post(f"{PATH}/{path}", auth=sender.basic, **options)


@sync_to_async
def values(uid: str) -> dict[str, Any]:
    rows = Reading.objects.filter(metric__device__uid=uid).select_related("metric")
    return {row.metric.name: row.number if row.text is None else row.text for row in rows}


async def test_children_are_created_and_reported_one_by_one(roof: Sender, api: Callers) -> None:
    body = {"soil-3": {"moisture": 41.5}, "soil-4": [{"moisture": 38}, {"ts": 1_790_000_000_000, "values": {"t": 1}}]}
    response = await post(roof, "telemetry", json=body)
    assert response.status_code == 200, response.text
    assert response.json() == {"stored": 3, "children": {"soil-3": {"stored": 1}, "soil-4": {"stored": 2}}}
    found = (await api.carol.get("/api/v1/devices/soil-3")).json()
    assert (found["gateway"], found["is_gateway"]) == ("roof", False)
    assert (found["availability"], found["device"]["space"]) == ("online", roof.device.space.slug)


async def test_what_is_refused_of_one_child_keeps_no_other_from_being_stored(roof: Sender, pump: Device) -> None:
    await Device.objects.filter(pk=pump.pk).aupdate(heard_at=1)
    body = {"soil-3": {"a": 1}, "pump-1": {"a": 1}, "soil 4": {"a": 1}, "soil-5": {"a": 1, "b": [{}]}, "soil-6": "x"}
    answer = (await post(roof, "telemetry", json=body)).json()
    children = answer["children"]
    assert answer["stored"] == 2
    assert children["soil-3"] == {"stored": 1}
    assert {uid: child.get("reason") for uid, child in children.items() if "reason" in child} == {
        "pump-1": "not_a_child",
        "soil 4": "name_invalid",
        "soil-5": "invalid_shape",
        "soil-6": "invalid_shape",
    }
    assert (children["soil-5"]["stored"], children["soil-5"]["refused"]) == (1, 1)
    assert await values("pump-1") == {}
    shown = {row.device.uid async for row in StoredRefusal.objects.select_related("device")}
    assert "pump-1" not in shown


async def test_a_device_that_is_no_gateway_may_not_speak_for_others(pump_sender: Sender, roof: Sender) -> None:
    for uid in ("pump-1", "roof", "nobody"):
        response = await caller().post(
            f"/api/v1/gateways/{uid}/telemetry", json={"a": {"b": 1}}, auth=pump_sender.basic
        )
        error(response, 404, "not_found")
    error(await caller().post(f"{PATH}/telemetry", json={"a": {"b": 1}}), 401, "unauthenticated")
    assert not await Device.objects.filter(uid="a").aexists()


async def test_a_person_may_not_speak_for_devices(roof: Sender, api: Callers) -> None:
    error(await api.alice.post(f"{PATH}/telemetry", json={"a": {"b": 1}}), 401, "unauthenticated")


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"[]", 422, "invalid_shape"),
        (b"{", 400, "invalid_json"),
        (b"", 400, "invalid_json"),
        (b"x" * 200_000, 413, "payload_too_large"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(roof: Sender, body: bytes, status: int, reason: str) -> None:
    assert error(await post(roof, "telemetry", content=body), status, "refused")["reason"] == reason


TTN = {
    "end_device_ids": {"device_id": "soil-3", "application_ids": {"application_id": "app1"}},
    "received_at": "2026-11-30T10:16:32.014773143Z",
    "uplink_message": {"f_port": 2, "f_cnt": 41, "decoded_payload": {"moisture": 41.5}},
}
CHIRPSTACK = {
    "time": "2026-11-30T10:16:32.775023242+00:00",
    "deviceInfo": {"devEui": "70b3d57ed0a1b2c3", "deviceName": "Soil 3"},
    "fCnt": 41,
    "object": {"moisture": 41.5},
}
OWNTRACKS = {"_type": "location", "topic": "owntracks/anna/phone", "lat": 52.51, "lon": 13.37, "tst": 1796032560}
TELEGRAF = {"metrics": [{"name": "cpu", "fields": {"idle": 98.5}, "tags": {"host": "pi"}, "timestamp": 1796032595}]}
INFLUX = b"cpu,cpu=cpu-total,host=pi usage_idle=98.5 1796032595000000000\nmem,host=pi free=12i 1796032595000000000\n"


@pytest.mark.parametrize(
    ("format", "body", "name", "metric", "value"),
    [
        ("ttn", TTN, "app1-soil-3", "moisture", 41.5),
        ("chirpstack", CHIRPSTACK, "70b3d57ed0a1b2c3", "moisture", 41.5),
        ("owntracks", OWNTRACKS, "anna-phone", "latitude", 52.51),
        ("telegraf", TELEGRAF, "pi", "cpu.idle", 98.5),
        ("influx", INFLUX, "pi", "cpu.cpu-total.usage_idle", 98.5),
    ],
)
async def test_formats_of_other_programs(
    roof: Sender, format: str, body: Any, name: str, metric: str, value: float
) -> None:
    content = {"content": body} if isinstance(body, bytes) else {"json": body}
    response = await post(roof, format, **content)
    assert response.status_code == 200, response.text
    device = await Device.objects.aget(uid__startswith=name)
    assert (await values(device.uid))[metric] == value
    if format == "owntracks":
        assert response.json() == []
    else:
        assert response.json()["children"][device.uid]["stored"] >= 1


async def test_a_body_may_be_compressed(roof: Sender) -> None:
    headers = {"Content-Encoding": "gzip"}
    assert (await post(roof, "influx", content=gzip.compress(INFLUX), headers=headers)).json()["stored"] == 2


async def test_an_unknown_format_is_named(roof: Sender) -> None:
    error(await post(roof, "csv", content=b"x"), 422, "invalid")


async def test_a_gateway_that_sends_too_much_is_slowed_down(
    roof: Sender, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DEVICE_RATE_LIMIT = 1
    monkeypatch.setattr(batches, "_shared", BatchProcessor())
    statuses = [(await post(roof, "telemetry", json={"a": {"b": 1}})).status_code for _ in range(8)]
    assert (statuses[0], statuses[-1]) == (200, 429)


async def test_one_child_that_sends_too_much_is_refused_by_itself(
    roof: Sender, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.VALUE_RATE_LIMIT = 1
    monkeypatch.setattr(batches, "_shared", BatchProcessor())
    many = [{f"m{i}": 1 for i in range(20)}]
    await post(roof, "telemetry", json={"a": many})
    children = (await post(roof, "telemetry", json={"a": {"b": 1}, "c": {"b": 1}})).json()["children"]
    assert (children["a"]["reason"], children["c"]) == ("rate_limited", {"stored": 1})


async def test_bytes_go_through_the_decoder_of_the_device(roof: Sender) -> None:
    raw = {"f_port": 2, "f_cnt": 41, "frm_payload": "KQ=="}
    await post(roof, "ttn", json={**TTN, "uplink_message": raw})
    device = await Device.objects.aget(uid__startswith="app1-soil-3")
    assert (await values(device.uid))["frm_payload"] == "KQ=="
    script = "function decodeUplink(input) { return { data: { moisture: input.bytes[0] } }; }"
    decoder = await sync_to_async(decoders.create)(roof.device.space, "Soil", script)
    await Device.objects.filter(pk=device.pk).aupdate(decoder=decoder)
    answer = (await post(roof, "ttn", json={**TTN, "uplink_message": raw})).json()
    assert answer["children"][device.uid]["stored"] == 1, answer
    assert (await values(device.uid))["moisture"] == 41
