from __future__ import annotations

from pytest_django import DjangoAssertNumQueries

from devices.models import Device, Space
from devices.rooms import provisioning
from devices.telemetry import snapshots


def test_snapshots_of_any_number_of_devices_cost_one_query_more(
    pump: Device, space: Space, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(5):
        provisioning.create_device(f"node-{number}", space)
    with django_assert_num_queries(2):
        found = snapshots.of_devices(Device.objects.select_related("space"))
    assert len(found) == 6
    assert found["pump-1"] == {
        "device": {
            "uid": "pump-1",
            "name": "Irrigation pump",
            "space": "garden",
            "attributes": {},
            "broker": "main",
            "clock_offset_s": 0,
        },
        "availability": "unknown",
        "availability_at": None,
        "latest": {},
    }
