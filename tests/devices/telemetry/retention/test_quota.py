from __future__ import annotations

from typing import Any

import pytest

from devices.models import Device, Reading, Space, Watermark
from devices.rooms import provisioning
from devices.telemetry.retention.policy import DAY_US
from devices.telemetry.retention.quota import ReadingQuota
from devices.telemetry.watermarks import ROLLED
from devices.values import now_us
from tests.devices.telemetry.retention.readings import ages, put

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def rolled_up(db: None) -> None:
    """Readings of yesterday and before are in the rollups."""
    Watermark.objects.create(name=ROLLED, time=now_us() - DAY_US)


@pytest.fixture
def other_pump(db: None) -> Device:
    other = Space.objects.create(slug="cellar", name="Cellar", raw_days=0, minute_days=0)
    return provisioning.create_device("pump-2", other)[0]


def remove_all() -> None:
    job = ReadingQuota()
    while job():
        pass


def test_the_oldest_readings_of_a_space_go_first(pump: Device, space: Space, other_pump: Device, settings: Any) -> None:
    settings.SPACE_READING_QUOTA = 5
    speed = put(pump, 90, 70, 50, 30, 10)
    flow = put(pump, 80, 60, 40, metric="flow")
    theirs = put(other_pump, 100, 90, 80)
    remove_all()
    assert (ages(speed), ages(flow), ages(theirs)) == ([10, 30, 50], [40, 60], [80, 90, 100])
    space.refresh_from_db()
    assert 60 < round((now_us() - space.removed_until) / DAY_US) <= 70
    assert Space.objects.get(slug="cellar").removed_until == 0


def test_the_newest_reading_of_a_metric_and_what_is_not_rolled_up_stay(pump: Device, settings: Any) -> None:
    settings.SPACE_READING_QUOTA = 1
    silent = put(pump, 300, metric="silent")
    speed = put(pump, 5, 0.5, 0.2)
    remove_all()
    assert ages(silent) == [300]
    assert len(ages(speed)) == 2


def test_without_a_quota_nothing_is_removed(pump: Device, space: Space) -> None:
    put(pump, 90, 70)
    remove_all()
    assert Reading.objects.count() == 2
    space.refresh_from_db()
    assert space.removed_until == 0
