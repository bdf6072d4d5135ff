from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import transaction

from devices.errors import Invalid
from devices.models import Device, LateHour, Metric, Reading, Rollup, Space, Watermark
from devices.rooms import provisioning
from devices.runtime import stats
from devices.telemetry import imports
from devices.telemetry.latest import latest
from devices.telemetry.retention import changes, removal
from devices.telemetry.retention.changes import losses
from devices.telemetry.retention.policy import DAY_US, FIELDS, of_metric
from devices.telemetry.store import ReadingStore
from devices.telemetry.watermarks import CLOSED, ROLLED
from devices.values import Sample, Telemetry, now_us

# Partitions are not dropped in the middle of a transaction that has written to them.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def rolled_up(db: None) -> None:
    for name in (CLOSED, ROLLED):
        Watermark.objects.update_or_create(name=name, defaults={"time": now_us()})


def put(device: Device, *ages: float, metric: str = "speed") -> Metric:
    """Readings of so many days ago, whatever is kept; rolled up already."""
    samples = tuple(Sample(metric, 1.0, now_us() - int(age * DAY_US)) for age in ages)
    with transaction.atomic():
        ReadingStore().store([(device, Telemetry(samples, now_us()))])
    LateHour.objects.all().delete()
    return Metric.objects.get(device=device, name=metric)


def ages(metric: Metric) -> list[int]:
    times = Reading.objects.filter(metric=metric).order_by("-time").values_list("time", flat=True)
    return [round((now_us() - time) / DAY_US) for time in times]


def apply() -> None:
    while removal.apply():
        pass


def removed(kind: str = "readings") -> float:
    return stats.removed.labels(kind)._value.get()


def test_what_is_older_than_the_space_keeps_it_goes(pump: Device, space: Space) -> None:
    speed = put(pump, 200, 100, 80, 1)
    apply()
    assert ages(speed) == [1, 80, 100, 200]
    changes.change(space, {"raw_days": 90})
    apply()
    assert ages(speed) == [1, 80]


def test_a_metric_s_own_days_count_more(pump: Device, space: Space) -> None:
    short, long, ever = (put(pump, 300, 100, 50, 1, metric=name) for name in ("short", "long", "ever"))
    plain = put(pump, 300, 100, 50, 1, metric="plain")
    changes.change(short, {"raw_days": 30})
    changes.change(long, {"raw_days": 200})
    changes.change(ever, {"raw_days": 0})
    changes.change(space, {"raw_days": 90})
    apply()
    assert ages(short) == [1]
    assert ages(plain) == [1, 50]
    assert ages(long) == [1, 50, 100]
    assert ages(ever) == [1, 50, 100, 300]


def test_spaces_keep_their_own(pump: Device, space: Space) -> None:
    other = Space.objects.create(slug="cellar", name="Cellar", raw_days=20)
    meter, _ = provisioning.create_device("meter-9", other)
    ours, theirs = put(pump, 60, 40, 10), put(meter, 5)
    Reading.objects.create(metric=theirs, time=now_us() - 40 * DAY_US, number=1)
    changes.change(space, {"raw_days": 50})
    apply()
    assert ages(ours) == [10, 40]
    assert ages(theirs) == [5]


def test_the_newest_reading_of_a_metric_stays_however_old(pump: Device, space: Space) -> None:
    silent = put(pump, 300, 299, 200, metric="silent")
    spoken = put(pump, 300, 1, metric="spoken")
    changes.change(space, {"raw_days": 90})
    for _ in range(2):
        apply()
        assert ages(silent) == [200]
        assert ages(spoken) == [1]
    assert set(latest([pump.id])[pump.id]) == {"silent", "spoken"}
    put(pump, 0, metric="silent")
    apply()
    assert ages(silent) == [0]


def test_readings_stay_until_they_are_rolled_up(pump: Device, space: Space) -> None:
    speed = put(pump, 200, 100, 1)
    changes.change(space, {"raw_days": 90})
    LateHour.objects.create(metric=speed, start=(now_us() - 150 * DAY_US))
    apply()
    assert ages(speed) == [1, 100]
    Watermark.objects.all().delete()
    changes.change(space, {"raw_days": 1})
    put(pump, 0)
    apply()
    assert ages(speed) == [0, 1, 100]


@pytest.mark.parametrize(
    ("days", "left"),
    [
        ((10, 20, 30), {60: [1, 15], 3_600: [1, 15, 25], 86_400: [1, 15, 25]}),
        ((10, 20, 0), {60: [1, 15], 3_600: [1, 15, 25, 35], 86_400: [1, 15, 25, 35]}),
        ((0, 0, 0), {60: [1, 15, 25, 35], 3_600: [1, 15, 25, 35], 86_400: [1, 15, 25, 35]}),
    ],
)
def test_rollups_are_kept_by_their_length(
    pump: Device, space: Space, days: tuple[int, int, int], left: dict[int, list[int]]
) -> None:
    speed = put(pump, 0)
    Rollup.objects.bulk_create(
        Rollup(metric=speed, seconds=seconds, start=now_us() - age * DAY_US, count=1, min=1, max=1, mean=1, last=1)
        for seconds in (60, 3_600, 86_400)
        for age in (35, 25, 15, 1)
    )
    changes.change(space, dict(zip(FIELDS, days, strict=True)))
    apply()
    for seconds, expected in left.items():
        starts = Rollup.objects.filter(metric=speed, seconds=seconds).order_by("-start").values_list("start", flat=True)
        assert [round((now_us() - start) / DAY_US) for start in starts] == expected


def test_rollups_outlive_the_readings_that_a_metric_keeps_longer_than_its_space(pump: Device, space: Space) -> None:
    speed = put(pump, 1)
    changes.change(space, {"raw_days": 10, "minute_days": 20, "hour_days": 30})
    Metric.objects.update(raw_days=100)
    speed = Metric.objects.select_related("device__space").get()
    assert (of_metric(speed).minute_days, of_metric(speed).hour_days) == (100, 100)


def test_much_goes_in_short_transactions_and_is_counted(
    pump: Device, space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal, "ROWS_AT_ONCE", 10)
    monkeypatch.setattr(removal, "TRANSACTION_S", 0.0)
    monkeypatch.setattr(removal, "STEP_S", 0.0)
    keeper = put(pump, 1, metric="keeper")
    changes.change(keeper, {"raw_days": 0})  # so that no partition is dropped as a whole
    speed = put(pump, *(100 + i / 1000 for i in range(35)), 1)
    changes.change(space, {"raw_days": 90})
    before, steps = removed(), 1
    while removal.apply():
        steps += 1
    assert steps == 4
    assert removed() == before + 35
    assert ages(speed) == [1]


@pytest.mark.parametrize(
    "days",
    [{"raw_days": -1}, {"hour_days": 36_501}, {"minute_days": 5}, {"raw_days": 10, "minute_days": 9}, {"hour_days": 9}],
)
def test_days_that_make_no_sense_are_refused(pump: Device, space: Space, days: dict[str, int]) -> None:
    speed = put(pump, 1)
    for row in (space, speed):
        with pytest.raises(Invalid):
            changes.change(row, days)
    assert not Metric.objects.filter(raw_days__isnull=False).exists()


def test_what_a_change_would_remove_is_told(pump: Device, space: Space) -> None:
    put(pump, 100, 50, 1)
    put(pump, 95, metric="silent")  # all that there is of it stays
    own = put(pump, 100, 1, metric="own")
    changes.change(own, {"raw_days": 0})
    assert losses(space, {"raw_days": 0, "minute_days": 0, "hour_days": 0}) == []
    [loss] = losses(space, {"raw_days": 90, "minute_days": 0, "hour_days": 0})
    assert (loss.kind, loss.metrics) == ("readings", 1)
    assert round((now_us() - loss.first) / DAY_US) == 100
    assert round((now_us() - loss.until) / DAY_US) == 90
    [loss] = losses(own, {"raw_days": 10, "minute_days": None, "hour_days": None})
    assert loss.metrics == 1
    changes.change(space, {"raw_days": 40})
    # What goes anyway is not the fault of a change.
    assert losses(space, {"raw_days": 40, "minute_days": 0, "hour_days": 0}) == []


def test_an_import_refuses_what_would_go_again(pump: Device, space: Space) -> None:
    changes.change(space, {"raw_days": 90})
    samples = [Sample("speed", 1.0, now_us() - age * DAY_US) for age in (100, 80)]
    outcome = imports.store(pump, samples)
    assert {i: refusal.reason for i, refusal in outcome.refused.items()} == {0: "older_than_retention"}
    assert outcome.stored == 1


Sift = Callable[..., tuple[Telemetry, object]]


@pytest.fixture
def sift(pump: Device) -> Sift:
    store = ReadingStore()
    return lambda *times: store.without_old(
        pump, Telemetry(tuple(Sample("speed", 1.0, time) for time in times), now_us())
    )


def test_a_change_counts_at_once_in_this_process(sift: Sift, space: Space) -> None:
    old = now_us() - 100 * DAY_US
    assert len(sift(old, None)[0].samples) == 2
    changes.change(space, {"raw_days": 90})
    assert len(sift(old, None)[0].samples) == 1
    changes.change(space, {"raw_days": 110})
    assert len(sift(old, None)[0].samples) == 2


def test_a_change_of_another_process_counts_after_a_minute(
    sift: Sift, space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = now_us() - 100 * DAY_US
    sift(old)
    Space.objects.update(raw_days=90)
    assert sift(old)[1] is None
    monkeypatch.setattr("devices.telemetry.retention.cutoffs.REFRESH_S", 0.0)
    assert len(sift(old, None)[0].samples) == 1


def test_a_metric_may_keep_longer_or_shorter_than_its_space(pump: Device, space: Space) -> None:
    changes.change(put(pump, 1, metric="long"), {"raw_days": 200})
    changes.change(put(pump, 1, metric="short"), {"raw_days": 20})
    changes.change(space, {"raw_days": 90})
    now, store = now_us(), ReadingStore()

    def is_old(metric: str, age: int) -> bool:
        return store.is_old(pump, Sample(metric, 1.0, now - age * DAY_US))

    assert [is_old("long", age) for age in (50, 150, 250)] == [False, False, True]
    assert [is_old("short", age) for age in (10, 50, 100)] == [False, True, True]
    assert [is_old("new", age) for age in (10, 50, 100)] == [False, False, True]
