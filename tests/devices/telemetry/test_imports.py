from __future__ import annotations

import pytest

from devices.models import Device, Space
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
