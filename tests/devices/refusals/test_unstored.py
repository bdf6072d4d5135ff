from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from devices.models import Device, Metric, Space, StoredRefusal
from devices.refusals import unstored
from devices.refusals.store import RefusalRecord, record
from devices.refusals.unstored import GAP_US
from devices.rooms import provisioning

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]

NOW = 1_760_000_000_000_000


def refuse(
    at: int = NOW, reason: str = "invalid_shape", kind: str = "telemetry", key: str = "", detail: str = ""
) -> None:
    record([RefusalRecord("pump-1", kind, reason, detail, b"{", 1, at, at, key)])


def test_a_device_of_which_nothing_was_ever_stored_is_found_with_the_newest_reason(pump: Device, space: Space) -> None:
    provisioning.create_device("fan-1", space)
    assert unstored.of_devices(["pump-1", "fan-1"]) == {}
    assert unstored.of_device(pump) is None
    refuse(key="ENERGY.Power", detail="an array")
    refuse(at=NOW + 1_000_000, reason="not_finite", key="temp")
    expected = {"key": "temp", "meaning": "a number is NaN or infinite", "detail": "", "at": NOW // 1000 + 1000}
    assert unstored.of_devices(["pump-1", "fan-1"]) == {"pump-1": expected}
    assert unstored.of_device(pump) == expected


def test_a_single_odd_message_among_others_is_not_meant(pump: Device) -> None:
    Metric.objects.create(device=pump, name="a")
    Device.objects.update(heard_at=NOW)
    refuse(at=NOW + GAP_US)
    assert unstored.of_devices(["pump-1"]) == {}
    refuse(at=NOW + GAP_US + 1)
    assert list(unstored.of_devices(["pump-1"])) == ["pump-1"]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("status", "invalid_shape"), ("telemetry", "retained"), ("telemetry", "rate_limited"), ("login", "bad_will")],
)
def test_what_is_not_data_or_its_fault_does_not_count(pump: Device, kind: str, reason: str) -> None:
    refuse(kind=kind, reason=reason)
    assert unstored.of_device(pump) is None


def test_a_message_on_a_wrong_topic_counts(pump: Device) -> None:
    refuse(kind="other", reason="bad_topic", key="v1/devices/me/telemetry")
    found = unstored.of_device(pump)
    assert found is not None
    assert found["key"] == "v1/devices/me/telemetry"


def test_all_who_look_share_one_answer_for_a_while(
    pump: Device, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    refuse()
    found = unstored.of_devices(["pump-1"])
    monkeypatch.setattr(unstored, "SHARED_S", 60.0)
    StoredRefusal.objects.all().delete()
    with django_assert_num_queries(0):
        assert unstored.of_devices(["pump-1"]) == found
        assert unstored.of_devices(["fan-1"]) == {}
    assert unstored.of_device(pump) is None


def test_all_devices_take_one_query(pump: Device, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(1):
        unstored.of_devices(["pump-1"])
