"""Settings of metrics over HTTP. Who may use them is also tested in test_rights.py."""

from __future__ import annotations

import pytest

from devices.models import Device, Metric
from tests.bridges.rest.conftest import Callers, Sender, caller, error

pytestmark = pytest.mark.django_db(transaction=True)

TELEMETRY = "/api/v1/devices/pump-1/telemetry"
METRICS = "/api/v1/devices/pump-1/metrics"


@pytest.fixture(autouse=True)
def speed(pump: Device) -> Metric:
    return Metric.objects.create(device=pump, name="speed")


@pytest.mark.both_databases
async def test_a_manager_renames_a_metric_and_reads_its_texts_as_numbers(api: Callers, pump_sender: Sender) -> None:
    answer = await api.alice.patch(f"{METRICS}?metric=speed", json={"name": "rpm", "read_as": "number"})
    facts = {"name": "rpm", "read_as": "number", "ignored": False, "aliases": ["speed"]}
    assert (answer.status_code, answer.json()) == (200, facts)
    assert (await api.carol.get(METRICS)).json() == {"items": [facts]}
    await caller().post(TELEMETRY, json={"speed": "21,5"}, auth=pump_sender.basic)
    device = (await api.carol.get("/api/v1/devices/pump-1")).json()
    assert device["metrics"] == [facts]
    assert [value for _, value in device["latest"].values()] == [21.5]
    answer = await api.alice.patch(f"{METRICS}?metric=rpm", json={"read_as": None})
    assert answer.json()["read_as"] is None


@pytest.mark.both_databases
async def test_an_export_accepts_the_earlier_name(api: Callers, pump_sender: Sender) -> None:
    await caller().post(TELEMETRY, json={"speed": 1}, auth=pump_sender.basic)
    await api.alice.patch(f"{METRICS}?metric=speed", json={"name": "rpm"})
    for name in ("speed", "rpm", "speed&metric=rpm"):
        found = await api.carol.get(f"/api/v1/devices/pump-1/readings/extent?metric={name}")
        assert [each["metric"] for each in found.json()["items"]] == ["rpm"]
    error(await api.carol.get("/api/v1/devices/pump-1/readings/extent?metric=%00"), 404, "not_found")


@pytest.mark.both_databases
async def test_a_manager_deletes_a_metric_for_good_or_until_it_is_sent_again(api: Callers, pump_sender: Sender) -> None:
    assert (await api.alice.delete(f"{METRICS}?metric=speed")).status_code == 204
    assert (await api.carol.get(METRICS)).json() == {"items": []}
    await caller().post(TELEMETRY, json={"speed": 1}, auth=pump_sender.basic)
    assert (await api.alice.patch(f"{METRICS}?metric=speed", json={"ignored": True})).json()["ignored"] is True
    assert (await api.alice.delete(f"{METRICS}?metric=speed")).status_code == 204
    answer = await caller().post(TELEMETRY, json={"speed": 2, "on": True}, auth=pump_sender.basic)
    assert answer.json() == {"stored": 1}
    assert list((await api.carol.get("/api/v1/devices/pump-1")).json()["latest"]) == ["on"]


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_operators_and_viewers_may_not(api: Callers, method: str) -> None:
    for client in (api.bob, api.carol):
        error(await client.request(method, f"{METRICS}?metric=speed", json={}), 403, "forbidden")
    error(await api.mallory.request(method, f"{METRICS}?metric=speed", json={}), 404, "not_found")
    assert await Metric.objects.filter(name="speed", device__isnull=False).aexists()


@pytest.mark.parametrize("body", [{"name": ""}, {"name": "a\nb"}, {"name": "level"}, {"name": "x" * 129}])
async def test_a_name_that_is_not_possible_is_refused(api: Callers, pump: Device, body: dict[str, str]) -> None:
    await Metric.objects.acreate(device=pump, name="level")
    error(await api.alice.patch(f"{METRICS}?metric=speed", json=body), 422, "invalid")


@pytest.mark.parametrize("body", [{"read_as": "text"}, {"ignored": 1}, {"colour": "red"}])
async def test_a_field_that_is_not_valid_is_refused(api: Callers, body: dict[str, object]) -> None:
    assert (await api.alice.patch(f"{METRICS}?metric=speed", json=body)).status_code == 422


async def test_an_unknown_metric_is_not_found(api: Callers) -> None:
    error(await api.alice.patch(f"{METRICS}?metric=other", json={}), 404, "not_found")
    error(await api.alice.delete(f"{METRICS}?metric=other"), 404, "not_found")
