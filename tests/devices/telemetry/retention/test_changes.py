from __future__ import annotations

import pytest

from devices.errors import Invalid
from devices.models import Device, Metric, Space
from devices.telemetry.retention import changes
from devices.telemetry.retention.changes import losses
from devices.telemetry.retention.policy import DAY_US
from devices.values import now_us
from tests.devices.telemetry.retention.readings import put


@pytest.mark.parametrize(
    "days",
    [{"raw_days": -1}, {"hour_days": 36_501}, {"minute_days": 5}, {"raw_days": 10, "minute_days": 9}, {"hour_days": 9}],
)
def test_days_that_make_no_sense_are_refused(pump: Device, space: Space, days: dict[str, int]) -> None:
    speed = put(pump, 1)
    for row in (space, speed):
        with pytest.raises(Invalid):
            changes.set_days(row, days)
    assert not Metric.objects.filter(raw_days__isnull=False).exists()


def test_the_data_that_a_change_would_remove_is_reported(pump: Device, space: Space) -> None:
    put(pump, 100, 50, 1)
    put(pump, 95, metric="silent")  # its only reading stays
    own = put(pump, 100, 1, metric="own")
    changes.set_days(own, {"raw_days": 0})
    assert losses(space, {"raw_days": 0, "minute_days": 0, "hour_days": 0}) == []
    [loss] = losses(space, {"raw_days": 90, "minute_days": 0, "hour_days": 0})
    assert (loss.kind, loss.metrics) == ("readings", 1)
    assert round((now_us() - loss.first) / DAY_US) == 100
    assert round((now_us() - loss.until) / DAY_US) == 90
    [loss] = losses(own, {"raw_days": 10, "minute_days": None, "hour_days": None})
    assert loss.metrics == 1
    changes.set_days(space, {"raw_days": 40})
    # These readings are removed without the change as well.
    assert losses(space, {"raw_days": 40, "minute_days": 0, "hour_days": 0}) == []
