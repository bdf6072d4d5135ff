from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from devices.models import Device, Reading, Space
from devices.rooms import provisioning
from devices.telemetry.latest import latest_values
from devices.telemetry.store import ReadingStore
from devices.values import Sample, Telemetry, now_us


def store(device: Device, *samples: Sample) -> None:
    ReadingStore().store([(device, Telemetry(samples, now_us()))])


def test_the_newest_value_is_the_latest_in_time_not_in_arrival(pump: Device) -> None:
    store(pump, Sample("speed", 2, 2_000_000), Sample("speed", 3, 3_000_000), Sample("on", False, 1_000_000))
    store(pump, Sample("speed", 1, 1_000_000))
    assert latest_values([pump.id]) == {pump.id: {"on": [1000, False], "speed": [3000, 3]}}


def test_the_newest_values_of_many_devices_cost_one_query(
    pump: Device, space: Space, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    others = [provisioning.create_device(f"node-{number}", space)[0] for number in range(5)]
    for device in [pump, *others]:
        store(device, Sample("a", device.uid, 1_000_000), Sample("b", 1, 1_000_000))
    with django_assert_num_queries(1):
        found = latest_values([device.id for device in others])
    assert {id: values["a"][1] for id, values in found.items()} == {device.id: device.uid for device in others}


def test_a_metric_without_readings_has_no_newest_value(pump: Device) -> None:
    store(pump, Sample("speed", 1, 1_000_000))
    Reading.objects.all().delete()
    assert latest_values([pump.id]) == {}


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's query plan")
def test_the_newest_value_is_found_without_scanning_the_readings(pump: Device) -> None:
    store(pump, Sample("speed", 1, 1_000_000))
    with CaptureQueriesContext(connection) as captured:
        latest_values([pump.id])
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {captured[0]['sql']}")
        steps = [row[3] for row in cursor.fetchall() if Reading._meta.db_table in row[3] or " U0 " in row[3]]
    assert steps
    assert all("(metric_id=?)" in step for step in steps), steps
