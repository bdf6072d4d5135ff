"""How long history is kept, over HTTP. Its effect is tested in tests/devices/services/test_retention.py."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from devices.models import Device, Metric, Reading, Space
from devices.telemetry.retention.policy import DAY_US
from devices.values import now_us
from tests.bridges.rest.conftest import Callers, Sender, caller, error

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

SPACE = "/api/v1/spaces/garden/retention"
DEVICE = "/api/v1/devices/pump-1/retention"
TELEMETRY = "/api/v1/devices/pump-1/telemetry"


async def test_members_read_and_managers_change(api: Callers, space: Space) -> None:
    changed = await api.alice.patch(SPACE, json={"raw_days": 30, "minute_days": 60})
    assert (changed.status_code, changed.json()) == (200, {"raw_days": 30, "minute_days": 60, "hour_days": 0})
    assert (await api.alice.patch(SPACE, json={"raw_days": 20})).json()["minute_days"] == 60
    assert (await api.carol.get(SPACE)).json() == {"raw_days": 20, "minute_days": 60, "hour_days": 0}
    for client in (api.bob, api.carol):
        error(await client.patch(SPACE, json={"raw_days": 1}), 403, "forbidden")
    await space.arefresh_from_db()
    assert space.raw_days == 20


async def test_a_metric_has_days_of_its_own(api: Callers, pump: Device) -> None:
    metric = await Metric.objects.acreate(device=pump, name="a/b c")
    query = {"metric": "a/b c"}
    changed = (await api.alice.patch(DEVICE, params=query, json={"raw_days": 7})).json()
    assert changed["own"] == {"raw_days": 7, "minute_days": None, "hour_days": None}
    assert changed["effective"] == {"raw_days": 7, "minute_days": 0, "hour_days": 0}
    assert (await api.carol.get(DEVICE)).json() == {"items": [changed]}
    error(await api.bob.patch(DEVICE, params=query, json={"raw_days": None}), 403, "forbidden")
    await api.alice.patch(DEVICE, params=query, json={"raw_days": None})
    await metric.arefresh_from_db()
    assert metric.raw_days is None
    for name in ("missing", "\0"):
        error(await api.alice.patch(DEVICE, params={"metric": name}, json={}), 404, "not_found")


async def test_a_foreign_space_answers_like_a_missing_one(api: Callers, meter_sender: Sender, space: Space) -> None:
    for call in (api.mallory.get, lambda path: api.mallory.patch(path, json={"raw_days": 1})):
        foreign, missing = await call(SPACE), await call("/api/v1/spaces/nowhere/retention")
        assert str(error(foreign, 404, "not_found")).replace("garden", "nowhere") == str(
            error(missing, 404, "not_found")
        )
    error(await api.alice.get("/api/v1/spaces/cellar/retention"), 404, "not_found")
    error(await api.alice.get("/api/v1/spaces/%00/retention"), 404, "not_found")
    for method in ("GET", "PATCH"):
        error(await api.nobody.request(method, SPACE, json={}), 401, "unauthenticated")


@pytest.mark.parametrize(
    "body",
    [{"raw_days": -1}, {"raw_days": None}, {"raw_days": "7"}, {"raw_days": 1.5}, {"days": 1}, {"hour_days": 1}, []],
)
async def test_an_invalid_change_changes_nothing(api: Callers, space: Space, body: Any) -> None:
    error(await api.alice.patch(SPACE, json=body), 422, "invalid")
    await space.arefresh_from_db()
    assert space.raw_days == 0


async def test_values_that_are_too_old_are_refused_and_the_rest_stored(api: Callers, pump_sender: Sender) -> None:
    await Space.objects.aupdate(raw_days=90)
    now, old = now_us() // 1000, 1_546_300_800_000
    body = [{"ts": now - i, "values": {"a": i}} for i in range(3)] + [{"ts": old, "values": {"a": 3, "b": 4}}]
    answer = await caller().post(TELEMETRY, json=body, auth=pump_sender.basic)
    detail = "2 of 5 samples, the oldest of 2019-01-01T00:00:00Z"
    assert answer.status_code == 200
    assert answer.json() == {
        "stored": 3,
        "refused": 2,
        "reason": "older_than_retention",
        "message": f"ts: a time is older than the readings that are kept: {detail}",
        "skipped": [
            {
                "key": "ts",
                "reason": "older_than_retention",
                "message": f"ts: a time is older than the readings that are kept: {detail}",
                "count": 2,
            }
        ],
    }
    assert await Reading.objects.acount() == 3
    assert not await Metric.objects.filter(name="b").aexists()
    [row] = (await api.carol.get("/api/v1/devices/pump-1/refusals")).json()["items"]
    assert (row["reason"], row["detail"]) == ("older_than_retention", detail)


async def test_a_message_with_only_old_values_is_refused(pump_sender: Sender) -> None:
    await Space.objects.aupdate(raw_days=90)
    body = {"ts": now_us() // 1000 - 91 * DAY_US // 1000, "values": {"a": 1}}
    facts = error(await caller().post(TELEMETRY, json=body, auth=pump_sender.basic), 422, "refused")
    assert facts["reason"] == "older_than_retention"
    assert (await caller().post(TELEMETRY, json={"a": 1}, auth=pump_sender.basic)).json() == {"stored": 1}


@pytest.mark.parametrize("raw_days", [0, 90])
async def test_seconds_instead_of_milliseconds_are_pointed_out(pump_sender: Sender, raw_days: int) -> None:
    await Space.objects.aupdate(raw_days=raw_days)
    seconds = int(datetime.now(UTC).timestamp())
    facts = error(
        await caller().post(TELEMETRY, json={"ts": seconds, "values": {"a": 1}}, auth=pump_sender.basic),
        422,
        "refused",
    )
    assert facts["reason"] == "older_than_retention"
    assert str(facts["message"]).endswith("; ts looks like seconds; milliseconds are expected")
    assert not await Reading.objects.aexists()
