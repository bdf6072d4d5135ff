"""Readings that arrive after their time was closed."""

from __future__ import annotations

import pytest

from devices.models import Device, LateHour, Metric
from devices.runtime import stats
from devices.telemetry import rollups
from devices.telemetry.rollups import RollupJob
from devices.telemetry.store import ReadingStore
from devices.telemetry.watermarks import settled_until
from tests.devices.telemetry.rolling_up import HOUR, MINUTE, SECOND, T0, RollupClock, put, roll_up, stored

pytestmark = pytest.mark.django_db


def test_after_a_late_reading_its_minute_its_hour_and_its_day_are_computed_again(
    store: ReadingStore, clock: RollupClock, pump: Device
) -> None:
    put(store, pump, {0: 1.0, HOUR: 2.0})
    clock.time = T0 + 3 * HOUR
    roll_up()
    late = stats.readings_late._value.get()
    put(store, pump, {30 * SECOND: 5.0, 2 * HOUR + 59 * MINUTE + 30 * SECOND: 1.0})
    assert stats.readings_late._value.get() == late + 1  # the other one is of a time that is not closed
    assert [mark.start for mark in LateHour.objects.all()] == [T0]
    assert settled_until() == T0
    roll_up()
    metric = Metric.objects.get()
    assert stored()[metric.id, 60, T0] == (2, 1, 5, 3, 5)
    assert stored()[metric.id, 3600, T0] == (2, 1, 5, 3, 5)
    assert stored()[metric.id, 86400, T0 - 22 * HOUR] == (3, 1, 5, pytest.approx(8 / 3), 2)
    assert settled_until() == T0 + 3 * HOUR - MINUTE


@pytest.mark.both_databases
def test_after_a_reading_was_replaced_its_buckets_are_computed_again(
    store: ReadingStore, clock: RollupClock, pump: Device
) -> None:
    put(store, pump, {0: 1.0, 30 * SECOND: 9.0})
    clock.time = T0 + 3 * HOUR
    roll_up()
    put(store, pump, {30 * SECOND: 3.0})
    roll_up()
    metric = Metric.objects.get()
    assert stored()[metric.id, 60, T0] == (2, 1, 3, 2, 3)
    assert stored()[metric.id, 3600, T0] == (2, 1, 3, 2, 3)


@pytest.mark.both_databases
@pytest.mark.parametrize("others", [{}, {0: 1.0}])
def test_a_number_that_was_replaced_by_a_text_leaves_its_buckets(
    store: ReadingStore, clock: RollupClock, pump: Device, others: dict[int, float]
) -> None:
    put(store, pump, {**others, 30 * SECOND: 9.0, HOUR: 4.0})
    clock.time = T0 + 30 * HOUR
    roll_up()
    put(store, pump, {30 * SECOND: "broken"})
    roll_up()
    metric = Metric.objects.get()
    day = [1.0] * len(others) + [4.0]
    assert stored()[metric.id, 86400, T0 - 22 * HOUR][:3] == (len(day), day[0], 4)
    for seconds in (60, 3600):
        assert stored().get((metric.id, seconds, T0)) == ((1, 1, 1, 1, 1) if others else None)
    put(store, pump, {30 * SECOND: 9.0})
    roll_up()
    assert stored()[metric.id, 60, T0][0] == len(others) + 1


@pytest.mark.both_databases
def test_a_text_that_was_replaced_by_a_number_is_rolled_up(
    store: ReadingStore, clock: RollupClock, pump: Device
) -> None:
    put(store, pump, {30 * SECOND: "broken"})
    clock.time = T0 + 3 * HOUR
    roll_up()
    put(store, pump, {30 * SECOND: 3.0})
    roll_up()
    assert stored()[Metric.objects.get().id, 3600, T0] == (1, 3, 3, 3, 3)


@pytest.mark.both_databases
def test_an_exact_repeat_makes_no_work(store: ReadingStore, clock: RollupClock, pump: Device) -> None:
    put(store, pump, {0: 1.0, 30 * SECOND: 9.0})
    clock.time = T0 + 3 * HOUR
    roll_up()
    put(store, pump, {0: 1.0, 30 * SECOND: 9.0})
    assert not LateHour.objects.exists()


def test_late_readings_of_a_batch_mark_each_hour_once(store: ReadingStore, clock: RollupClock, pump: Device) -> None:
    put(store, pump, {0: 0.0})
    clock.time = T0 + 3 * HOUR
    roll_up()
    put(store, pump, {second * SECOND: 1.0 for second in range(1, 3700)})
    assert sorted(LateHour.objects.values_list("start", "version")) == [(T0, 1), (T0 + HOUR, 1)]
    put(store, pump, {second * SECOND + 1: 1.0 for second in range(10)})
    assert sorted(LateHour.objects.values_list("start", "version")) == [(T0, 2), (T0 + HOUR, 1)]


def test_late_text_marks_nothing(store: ReadingStore, clock: RollupClock, pump: Device) -> None:
    clock.time = T0 + HOUR
    roll_up()
    put(store, pump, {0: "open"})
    assert not LateHour.objects.exists()


def test_an_hour_for_which_readings_arrive_while_it_is_computed_stays_marked(
    store: ReadingStore, clock: RollupClock, pump: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.time = T0 + 3 * HOUR
    roll_up()
    put(store, pump, {0: 1.0})
    recompute = rollups._recompute_hour

    def recompute_and_be_overtaken(*args: int) -> None:
        recompute(*args)
        monkeypatch.setattr(rollups, "_recompute_hour", recompute)
        put(store, pump, {1: 3.0})

    monkeypatch.setattr(rollups, "_recompute_hour", recompute_and_be_overtaken)
    RollupJob().step()
    assert [mark.version for mark in LateHour.objects.all()] == [2]
    roll_up()
    assert {bucket[:4] for bucket in stored().values()} == {(2, 1, 3, 2)}
    assert not LateHour.objects.exists()


def test_an_hour_that_is_late_all_the_time_does_not_hold_up_others(
    store: ReadingStore, clock: RollupClock, pump: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollups, "LATE_AT_ONCE", 2)
    clock.time = T0 + 9 * HOUR
    roll_up()
    put(store, pump, {hour * HOUR: 1.0 for hour in range(6)})
    recompute, more = rollups._recompute_hour, iter(range(1, 1000))

    def recompute_and_be_overtaken(metric_id: int, start: int, closed: int) -> None:
        recompute(metric_id, start, closed)
        if start in (T0, T0 + HOUR):
            put(store, pump, {start - T0 + next(more): 1.0})

    monkeypatch.setattr(rollups, "_recompute_hour", recompute_and_be_overtaken)
    for _turn in range(3):
        roll_up()
    assert {mark.start for mark in LateHour.objects.all()} == {T0, T0 + HOUR}
