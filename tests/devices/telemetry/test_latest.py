from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from devices.models import Device, Reading, Space
from devices.registry import accounts, devices, senders
from devices.rooms import provisioning
from devices.telemetry import latest
from devices.telemetry.store import ReadingStore
from devices.values import Sample, Telemetry, now_us


def store(device: Device, *samples: Sample) -> None:
    ReadingStore().store([(device, Telemetry(samples, now_us()))])


def test_the_senders_of_uids_are_the_known_ones(pump: Device) -> None:
    assert senders.by_uid(["pump-1", "pump-1", "nobody"]) == {
        "pump-1": senders.Sender(pump.id, "pump-1", pump.space_id, "unknown", "")
    }
    assert senders.by_uid([]) == {}


def test_the_newest_value_is_the_latest_in_time_not_in_arrival(pump: Device) -> None:
    store(pump, Sample("speed", 2, 2_000_000), Sample("speed", 3, 3_000_000), Sample("on", False, 1_000_000))
    store(pump, Sample("speed", 1, 1_000_000))
    assert latest.latest([pump.id]) == {pump.id: {"on": [1000, False], "speed": [3000, 3]}}


def test_the_newest_values_of_many_devices_cost_one_query(
    pump: Device, space: Space, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    others = [provisioning.create_device(f"node-{number}", space)[0] for number in range(5)]
    for device in [pump, *others]:
        store(device, Sample("a", device.uid, 1_000_000), Sample("b", 1, 1_000_000))
    with django_assert_num_queries(1):
        found = latest.latest([device.id for device in others])
    assert {id: values["a"][1] for id, values in found.items()} == {device.id: device.uid for device in others}


def test_a_metric_without_readings_has_no_newest_value(pump: Device) -> None:
    store(pump, Sample("speed", 1, 1_000_000))
    Reading.objects.all().delete()
    assert latest.latest([pump.id]) == {}


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's query plan")
def test_the_newest_value_is_found_without_a_walk_through_the_readings(pump: Device) -> None:
    store(pump, Sample("speed", 1, 1_000_000))
    with CaptureQueriesContext(connection) as captured:
        latest.latest([pump.id])
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {captured[0]['sql']}")
        steps = [row[3] for row in cursor.fetchall() if Reading._meta.db_table in row[3] or " U0 " in row[3]]
    assert steps
    assert all("(metric_id=?)" in step for step in steps), steps


def test_snapshots_cost_one_query_for_any_number(
    pump: Device, space: Space, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(5):
        provisioning.create_device(f"node-{number}", space)
    with django_assert_num_queries(2):
        found = latest.snapshots(Device.objects.select_related("space"))
    assert len(found) == 6
    assert found["pump-1"] == {
        "device": {
            "uid": "pump-1",
            "name": "Irrigation pump",
            "space": "garden",
            "attributes": {},
            "broker": "main",
        },
        "availability": "unknown",
        "availability_at": None,
        "latest": {},
    }


def test_by_uid_gives_the_known_ones(pump: Device) -> None:
    sender = senders.Sender(pump.id, "pump-1", pump.space_id, "unknown", "")
    assert senders.by_uid(["pump-1", "pump-2", "pump-1"]) == {"pump-1": sender}


def test_a_device_signs_in_with_its_own_secret(pump: Device, space: Space) -> None:
    other, others_secret = provisioning.create_device("pump-2", space)
    secret = devices.rotate_secret(pump)
    assert accounts.authenticate("pump-1", secret) == pump
    assert accounts.authenticate("pump-2", others_secret) == other
    assert accounts.authenticate("pump-1", others_secret) is None
    assert accounts.authenticate("PUMP-1", secret) is None


@pytest.mark.parametrize("uid", ["pump-2", "", "pump-1\0", "pump-1\n", "é", "x" * 10_000])
def test_who_is_unknown_costs_as_much_as_a_wrong_secret(
    pump: Device, uid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the time of the answer tells which uids exist."""
    compared: list[str] = []
    matches = accounts.secret_matches
    monkeypatch.setattr(accounts, "secret_matches", lambda *pair: compared.append(pair[1]) or matches(*pair))
    assert accounts.authenticate(uid, "wrong") is None
    assert len(compared) == 1
    assert compared[0].split("$")[1:3] == pump.secret_hash.split("$")[1:3]
