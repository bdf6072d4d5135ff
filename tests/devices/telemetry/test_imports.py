from __future__ import annotations

import pytest

from devices.models import Device, Reading, Space
from devices.telemetry import imports
from devices.telemetry.retention import changes
from devices.telemetry.retention.policy import DAY_US
from devices.values import Sample, now_us

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_import_refuses_samples_that_would_be_removed_again(pump: Device, space: Space) -> None:
    changes.set_days(space, {"raw_days": 90})
    samples = [Sample("speed", 1.0, now_us() - age * DAY_US) for age in (100, 80)]
    outcome = imports.store(pump, samples)
    assert {i: refusal.reason for i, refusal in outcome.refused.items()} == {0: "older_than_retention"}
    assert outcome.stored == 1


def test_seconds_instead_of_milliseconds_are_pointed_out(pump: Device) -> None:
    outcome = imports.store(pump, [Sample("speed", 1.0, now_us() // 1000)])
    assert outcome.refused[0].reason == "older_than_retention"
    assert "looks like seconds" in outcome.refused[0].detail


def test_an_import_replaces_nothing(pump: Device) -> None:
    time = now_us() - DAY_US
    imports.store(pump, [Sample("speed", 1.0, time)])
    outcome = imports.store(pump, [Sample("speed", 2.0, time), Sample("speed", 3.0, time + 1)])
    assert (outcome.stored, outcome.present) == (1, 1)
    assert list(Reading.objects.order_by("time").values_list("number", flat=True)) == [1.0, 3.0]
