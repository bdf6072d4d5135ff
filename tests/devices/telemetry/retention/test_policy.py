from __future__ import annotations

from devices.models import Device, Metric, Space
from devices.telemetry.retention import changes
from devices.telemetry.retention.policy import of_metric


def test_rollups_are_kept_as_long_as_readings_that_a_metric_keeps_longer_than_its_space(
    pump: Device, space: Space
) -> None:
    Metric.objects.create(device=pump, name="speed")
    changes.set_days(space, {"raw_days": 10, "minute_days": 20, "hour_days": 30})
    Metric.objects.update(raw_days=100)
    speed = Metric.objects.select_related("device__space").get()
    assert (of_metric(speed).minute_days, of_metric(speed).hour_days) == (100, 100)
