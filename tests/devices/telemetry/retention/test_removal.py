from __future__ import annotations

import pytest

from devices.models import Device, LateHour, Reading, Rollup, Space, Watermark
from devices.rooms import provisioning
from devices.runtime import stats
from devices.telemetry.latest import latest_values
from devices.telemetry.retention import changes, removal
from devices.telemetry.retention.policy import DAY_US, FIELDS
from devices.telemetry.watermarks import CLOSED, ROLLED
from devices.values import now_us
from tests.devices.telemetry.retention.readings import ages, put

# Partitions are not dropped in the middle of a transaction that has written to them.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def rolled_up(db: None) -> None:
    for name in (CLOSED, ROLLED):
        Watermark.objects.update_or_create(name=name, defaults={"time": now_us()})


def remove_all() -> None:
    while removal.remove_outdated():
        pass


def removed(kind: str = "readings") -> float:
    return stats.removed.labels(kind)._value.get()


def test_readings_older_than_the_retention_of_their_space_are_removed(pump: Device, space: Space) -> None:
    speed = put(pump, 200, 100, 80, 1)
    remove_all()
    assert ages(speed) == [1, 80, 100, 200]
    changes.set_days(space, {"raw_days": 90})
    remove_all()
    assert ages(speed) == [1, 80]


def test_the_retention_of_a_metric_overrides_that_of_its_space(pump: Device, space: Space) -> None:
    short, long, ever = (put(pump, 300, 100, 50, 1, metric=name) for name in ("short", "long", "ever"))
    plain = put(pump, 300, 100, 50, 1, metric="plain")
    changes.set_days(short, {"raw_days": 30})
    changes.set_days(long, {"raw_days": 200})
    changes.set_days(ever, {"raw_days": 0})
    changes.set_days(space, {"raw_days": 90})
    remove_all()
    assert ages(short) == [1]
    assert ages(plain) == [1, 50]
    assert ages(long) == [1, 50, 100]
    assert ages(ever) == [1, 50, 100, 300]


def test_each_space_has_a_retention_of_its_own(pump: Device, space: Space) -> None:
    other = Space.objects.create(slug="cellar", name="Cellar", raw_days=20)
    meter, _ = provisioning.create_device("meter-9", other)
    ours, theirs = put(pump, 60, 40, 10), put(meter, 5)
    Reading.objects.create(metric=theirs, time=now_us() - 40 * DAY_US, number=1)
    changes.set_days(space, {"raw_days": 50})
    remove_all()
    assert ages(ours) == [10, 40]
    assert ages(theirs) == [5]


def test_the_newest_reading_of_a_metric_stays_however_old(pump: Device, space: Space) -> None:
    silent = put(pump, 300, 299, 200, metric="silent")
    active = put(pump, 300, 1, metric="active")
    changes.set_days(space, {"raw_days": 90})
    for _ in range(2):
        remove_all()
        assert ages(silent) == [200]
        assert ages(active) == [1]
    assert set(latest_values([pump.id])[pump.id]) == {"silent", "active"}
    put(pump, 0, metric="silent")
    remove_all()
    assert ages(silent) == [0]


def test_readings_stay_until_they_are_rolled_up(pump: Device, space: Space) -> None:
    speed = put(pump, 200, 100, 1)
    changes.set_days(space, {"raw_days": 90})
    LateHour.objects.create(metric=speed, start=(now_us() - 150 * DAY_US))
    remove_all()
    assert ages(speed) == [1, 100]
    Watermark.objects.all().delete()
    changes.set_days(space, {"raw_days": 1})
    put(pump, 0)
    remove_all()
    assert ages(speed) == [0, 1, 100]


@pytest.mark.parametrize(
    ("days", "left"),
    [
        ((10, 20, 30), {60: [1, 15], 3_600: [1, 15, 25], 86_400: [1, 15, 25]}),
        ((10, 20, 0), {60: [1, 15], 3_600: [1, 15, 25, 35], 86_400: [1, 15, 25, 35]}),
        ((0, 0, 0), {60: [1, 15, 25, 35], 3_600: [1, 15, 25, 35], 86_400: [1, 15, 25, 35]}),
    ],
)
def test_rollups_are_kept_according_to_their_length(
    pump: Device, space: Space, days: tuple[int, int, int], left: dict[int, list[int]]
) -> None:
    speed = put(pump, 0)
    Rollup.objects.bulk_create(
        Rollup(metric=speed, seconds=seconds, start=now_us() - age * DAY_US, count=1, min=1, max=1, mean=1, last=1)
        for seconds in (60, 3_600, 86_400)
        for age in (35, 25, 15, 1)
    )
    changes.set_days(space, dict(zip(FIELDS, days, strict=True)))
    remove_all()
    for seconds, expected in left.items():
        starts = Rollup.objects.filter(metric=speed, seconds=seconds).order_by("-start").values_list("start", flat=True)
        assert [round((now_us() - start) / DAY_US) for start in starts] == expected


def test_many_rows_are_removed_in_short_transactions_and_counted(
    pump: Device, space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal, "ROWS_AT_ONCE", 10)
    monkeypatch.setattr(removal, "TRANSACTION_S", 0.0)
    monkeypatch.setattr(removal, "STEP_S", 0.0)
    keeper = put(pump, 1, metric="keeper")
    changes.set_days(keeper, {"raw_days": 0})  # so that no partition is dropped as a whole
    speed = put(pump, *(100 + i / 1000 for i in range(35)), 1)
    changes.set_days(space, {"raw_days": 90})
    before, steps = removed(), 1
    while removal.remove_outdated():
        steps += 1
    assert steps == 4
    assert removed() == before + 35
    assert ages(speed) == [1]
