from __future__ import annotations

import pytest
from django.db import transaction

from devices.availability import changes
from devices.availability.changes import Evidence
from devices.log.entries import recorded
from devices.models import Device, Space
from devices.registry.attributes import merge
from devices.rooms import provisioning
from devices.runtime import database
from devices.telemetry.store import ReadingStore
from devices.values import Attributes, Availability, Sample, Telemetry
from tests.bridges.rest.conftest import Callers, Sender, error

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

SNAPSHOT = {
    "device": {
        "uid": "pump-1",
        "name": "Irrigation pump",
        "space": "garden",
        "attributes": {"firmware": "2.1"},
        "broker": "main",
        "clock_offset_s": 0,
    },
    "availability": "online",
    "availability_at": 1_700_000_000_000,
    "via": "",
    "latest": {"on": [1_700_000_002_000, True], "speed": [1_700_000_001_000, 40]},
}


@pytest.fixture
def running_pump(pump: Device) -> Device:
    with transaction.atomic():
        merge(pump, Attributes({"firmware": "2.1"}))
    recorded(changes.weigh, [Evidence(pump.id, Availability.ONLINE, 1_700_000_000_000_000)])
    samples = (
        Sample("speed", 35.5, 1_700_000_000_000_000),
        Sample("speed", 40, 1_700_000_001_000_000),
        Sample("on", True, 1_700_000_002_000_000),
    )
    ReadingStore().store([(pump, Telemetry(samples, 1_700_000_003_000_000))])
    return pump


async def test_the_list_has_each_device_with_its_newest_values(api: Callers, running_pump: Device) -> None:
    response = await api.carol.get("/api/v1/devices")
    assert response.status_code == 200
    assert response.json() == {"items": [SNAPSHOT], "count": 1}
    assert response.headers["cache-control"] == "no-store"


async def test_one_device_is_shown_with_its_metrics(api: Callers, running_pump: Device) -> None:
    response = await api.carol.get("/api/v1/devices/pump-1")
    assert response.json() == {
        **SNAPSHOT,
        "clock": "device",
        "time_zone": "",
        "metrics": [{"name": name, "read_as": None, "ignored": False, "aliases": []} for name in ("on", "speed")],
        "is_gateway": False,
        "gateway": "",
        "answers": True,
        "decoder": None,
        "stale_after_s": None,
        "silence_limit_s": 300,
    }


async def test_a_device_that_never_sent_has_no_time_and_no_values(api: Callers, pump: Device) -> None:
    found = (await api.carol.get("/api/v1/devices/pump-1")).json()
    assert (found["availability"], found["availability_at"], found["latest"]) == ("unknown", None, {})


async def test_pages_follow_each_other_without_gap_or_repeat(api: Callers, space: Space) -> None:
    def make_five() -> None:
        for number in range(5):
            provisioning.create_device(f"node-{number}", space, "Node")  # one name for all: the uid decides

    await database.run(make_five)
    seen = []
    for offset in (0, 2, 4, 6):
        page = (await api.carol.get("/api/v1/devices", params={"limit": 2, "offset": offset})).json()
        assert page["count"] == 5
        seen.append([item["device"]["uid"] for item in page["items"]])
    assert seen == [["node-0", "node-1"], ["node-2", "node-3"], ["node-4"], []]


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "offset=-1"])
async def test_an_invalid_page_is_named(api: Callers, query: str) -> None:
    facts = error(await api.carol.get(f"/api/v1/devices?{query}"), 422, "invalid")
    assert query.split("=")[0] in str(facts["message"])


async def test_the_list_covers_ones_own_spaces(api: Callers, pump: Device, meter_sender: Sender) -> None:
    for who, uids in ((api.carol, ["pump-1"]), (api.mallory, ["meter-9"])):
        found = (await who.get("/api/v1/devices")).json()
        assert [item["device"]["uid"] for item in found["items"]] == uids
        assert found["count"] == 1


async def test_the_list_may_be_limited_to_one_space(api: Callers, pump: Device) -> None:
    assert (await api.carol.get("/api/v1/devices?space=garden")).json()["count"] == 1


async def test_a_foreign_space_answers_like_a_missing_one(api: Callers, meter_sender: Sender) -> None:
    foreign = error(await api.carol.get("/api/v1/devices?space=cellar"), 404, "not_found")
    missing = error(await api.carol.get("/api/v1/devices?space=attics"), 404, "not_found")
    assert str(foreign).replace("cellar", "attics") == str(missing)


@pytest.mark.parametrize("slug", ["%00", "%ED%A0%80", "%0A"])
async def test_an_impossible_slug_is_not_found(api: Callers, slug: str) -> None:
    error(await api.carol.get(f"/api/v1/devices?space={slug}"), 404, "not_found")


async def test_a_manager_states_that_a_device_never_answers(api: Callers, pump: Device) -> None:
    found = (await api.alice.patch("/api/v1/devices/pump-1", json={"answers": False})).json()
    assert (found["answers"], found["stale_after_s"]) == (False, None)
    found = (await api.alice.patch("/api/v1/devices/pump-1", json={"stale_after_s": 60})).json()
    assert (found["answers"], found["stale_after_s"]) == (False, 60)
    assert (await api.alice.patch("/api/v1/devices/pump-1", json={"answers": True})).json()["answers"] is True
    for body in ({"answers": None}, {"answers": 0}, {"answers": "no"}):
        error(await api.alice.patch("/api/v1/devices/pump-1", json=body), 422, "invalid")


async def test_nobody_but_a_manager_changes_whether_a_device_answers(api: Callers, pump: Device) -> None:
    for who in (api.bob, api.carol):
        error(await who.patch("/api/v1/devices/pump-1", json={"answers": False}), 403, "forbidden")
    error(await api.mallory.patch("/api/v1/devices/pump-1", json={"answers": False}), 404, "not_found")
    assert (await api.alice.get("/api/v1/devices/pump-1")).json()["answers"] is True


async def test_a_manager_sets_the_clock_and_the_time_zone(api: Callers, pump: Device) -> None:
    body = {"clock": "receipt", "time_zone": "Europe/Berlin"}
    found = (await api.alice.patch("/api/v1/devices/pump-1", json=body)).json()
    assert (found["clock"], found["time_zone"]) == ("receipt", "Europe/Berlin")
    found = (await api.alice.patch("/api/v1/devices/pump-1", json={"time_zone": None})).json()
    assert (found["clock"], found["time_zone"]) == ("receipt", "")
    error(await api.bob.patch("/api/v1/devices/pump-1", json=body), 403, "forbidden")


@pytest.mark.parametrize(
    "body",
    [
        {"clock": "mine"},
        {"clock": None},
        {"time_zone": "Europe/Nowhere"},
        {"time_zone": "../../etc/passwd"},
        {"time_zone": "Europe"},
        {"time_zone": "a" * 65},
        {"time_zone": "+02:00"},
    ],
)
async def test_an_unknown_clock_or_time_zone_changes_nothing(
    api: Callers, pump: Device, body: dict[str, str | None]
) -> None:
    facts = error(await api.alice.patch("/api/v1/devices/pump-1", json={"stale_after_s": 60, **body}), 422, "invalid")
    assert next(iter(body)) in str(facts["message"])
    found = (await api.alice.get("/api/v1/devices/pump-1")).json()
    assert (found["clock"], found["time_zone"], found["stale_after_s"]) == ("device", "", None)
