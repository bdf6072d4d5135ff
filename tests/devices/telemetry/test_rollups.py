from __future__ import annotations

import math
import random

import pytest
from django.db import connection, transaction

from devices.models import Device, LateHour, Metric, Reading, Rollup
from devices.telemetry import rollups
from devices.telemetry.store import ReadingStore
from devices.telemetry.watermarks import CLOSED, ROLLED, watermark
from tests.devices.telemetry.rolling_up import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    T0,
    RollupClock,
    check,
    computed,
    mean,
    put,
    roll_up,
    stored,
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("seed", range(6))
def test_rollups_match_the_readings_in_whatever_order_they_arrive(
    store: ReadingStore, clock: RollupClock, pump: Device, space: object, seed: int
) -> None:
    dice = random.Random(seed)
    clock.time += dice.randrange(HOUR)
    for _ in range(40):
        for metric in dice.sample(["speed", "level", "mode"], dice.randint(0, 3)):
            ages = [dice.choice([0, MINUTE, 3 * MINUTE, HOUR, 30 * HOUR]) for _ in range(dice.randint(1, 8))]
            times = [clock.time - T0 - dice.randrange(age + SECOND) for age in ages]
            text = metric == "mode" and dice.random() < 0.3
            put(store, pump, {time: "a" if text else dice.uniform(-1e3, 1e3) for time in times}, metric)
        clock.time += dice.choice([0, SECOND, 20 * SECOND, MINUTE, 17 * MINUTE, 5 * HOUR])
        if dice.random() < 0.7:
            roll_up()
            check(watermark(ROLLED))
    clock.time += 2 * DAY
    roll_up()
    assert watermark(ROLLED) == watermark(CLOSED) >= clock.time - 2 * MINUTE
    check(watermark(ROLLED))
    assert stored().keys() == computed(watermark(ROLLED)).keys()
    assert not LateHour.objects.exists()


def test_a_rollup_is_made_once_its_time_is_over(store: ReadingStore, clock: RollupClock, pump: Device) -> None:
    put(store, pump, {0: 1.0, 30 * SECOND: 4.0, MINUTE: 7.0, HOUR: 8.0})
    sizes = {}
    for after in (MINUTE, 2 * MINUTE, 3 * MINUTE, HOUR + MINUTE, HOUR + 2 * MINUTE, 2 * HOUR + MINUTE):
        clock.time = T0 + after
        roll_up()
        sizes[after // MINUTE] = tuple(len(stored(seconds)) for seconds in (60, 3600, 86400))
    assert sizes == {1: (0, 0, 0), 2: (1, 0, 0), 3: (2, 0, 0), 61: (2, 1, 0), 62: (3, 1, 0), 121: (3, 2, 1)}
    [day] = stored(86400).values()
    assert day == (4, 1.0, 8.0, 5.0, 8.0)


class Killed(Exception):
    pass


@pytest.mark.parametrize("statement", range(12))
def test_a_worker_that_is_killed_between_two_statements_leaves_nothing_out(
    store: ReadingStore, clock: RollupClock, pump: Device, statement: int
) -> None:
    put(store, pump, {second * SECOND: float(second) for second in range(0, 3 * 3600, 40)})
    clock.time = T0 + 2 * HOUR + 10 * MINUTE
    roll_up()
    put(store, pump, {second * SECOND + 1: float(second) for second in range(0, 7200, 400)})
    clock.time = T0 + 3 * HOUR + 10 * MINUTE
    left = statement

    def kill(execute: object, sql: str, *args: object) -> object:
        nonlocal left
        if sql.lstrip().startswith(("INSERT", "DELETE")):
            if not left:
                raise Killed
            left -= 1
        return execute(sql, *args)  # type: ignore[operator]

    try:
        with connection.execute_wrapper(kill), transaction.atomic():
            roll_up()
    except Killed:
        pass
    roll_up()
    check(watermark(ROLLED))
    assert watermark(ROLLED) == T0 + 3 * HOUR + 9 * MINUTE
    assert not LateHour.objects.exists()


def test_a_worker_that_is_overtaken_does_not_replace_newer_rollups(
    store: ReadingStore, clock: RollupClock, pump: Device
) -> None:
    """It has read the readings, another one rolls up late ones too, and it writes what it had."""
    put(store, pump, {0: 1.0})
    clock.time = T0 + 3 * HOUR
    roll_up()
    old = [(metric_id, start, *bucket) for (metric_id, seconds, start), bucket in stored(60).items()]
    put(store, pump, {1: 9.0})
    roll_up()
    before = stored()
    with connection.cursor() as cursor:
        cursor.executemany(rollups._REPLACE.format("VALUES (%s, 60, %s, %s, %s, %s, %s, %s)"), old)
    assert stored() == before


def test_rollups_of_removed_readings_stay(store: ReadingStore, clock: RollupClock, pump: Device) -> None:
    """A late reading of an hour whose readings are gone in part: the buckets that had more stay."""
    put(store, pump, {second * SECOND: 1.0 for second in range(3600)})
    clock.time = T0 + 5 * HOUR
    roll_up()
    before = stored()
    Reading.objects.filter(time__lt=T0 + 30 * MINUTE + 20 * SECOND).delete()
    put(store, pump, {40 * MINUTE + 1: 2.0})
    roll_up()
    after, metric = stored(), Metric.objects.get()
    assert after.keys() == before.keys()
    changed = {key for key in before if before[key] != after[key]}
    assert changed == {
        (metric.id, 60, T0 + 40 * MINUTE),
        (metric.id, 3600, T0),
        (metric.id, 86400, T0 - 22 * HOUR),
    }
    assert after[metric.id, 3600, T0][:3] == (3601, 1.0, 2.0)


def test_an_hour_whose_readings_are_all_removed_keeps_its_rollups(
    store: ReadingStore, clock: RollupClock, pump: Device
) -> None:
    put(store, pump, {0: 1.0})
    clock.time = T0 + 5 * HOUR
    roll_up()
    put(store, pump, {1: 2.0})
    before = stored()
    Reading.objects.all().delete()
    roll_up()
    assert stored() == before
    assert not LateHour.objects.exists()


@pytest.mark.parametrize(
    "numbers",
    [
        [1.7e308, 1.7e308, 1.7e308],
        [1.7976931348623157e308] * 5,
        [-1.7e308, -1.7e308],
        [-1.7e308, 1.7e308],
        [1.7e308, 1.0],
        [1e160, 1e300, -1e300],
        [5e-324],
        [5e-324, 5e-324, 1.0],
        [0.0, -0.0],
        [1e-250, 1e-250],
    ],
)
def test_no_number_is_too_large_or_too_small(
    store: ReadingStore, clock: RollupClock, pump: Device, numbers: list[float]
) -> None:
    put(store, pump, {i * SECOND: number for i, number in enumerate(numbers)})
    clock.time = T0 + 3 * HOUR
    roll_up()
    assert [key[1] for key in sorted(stored())] == [60, 3600, 86400]
    for bucket in stored().values():
        assert all(map(math.isfinite, bucket))
        largest = max(map(abs, numbers))
        assert bucket == pytest.approx(
            (len(numbers), min(numbers), max(numbers), mean(numbers), numbers[-1]), abs=largest * 1e-12
        )


def test_a_long_gap_is_skipped_in_one_step(store: ReadingStore, clock: RollupClock, pump: Device) -> None:
    put(store, pump, {-3000 * DAY: 1.0, 0: 2.0})
    clock.time = T0 + 3 * HOUR
    steps = roll_up()
    assert steps <= 5
    check(watermark(ROLLED))
    assert len(stored()) == 6


def test_steps_that_take_long_become_shorter_and_lose_nothing(
    store: ReadingStore, clock: RollupClock, pump: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollups, "STEP_S", 0)
    put(store, pump, {second * SECOND: float(second) for second in range(0, 2400, 7)})
    clock.time = T0 + 3 * HOUR
    steps = roll_up()
    assert steps >= 30
    check(watermark(ROLLED))
    assert watermark(ROLLED) == T0 + 3 * HOUR - MINUTE


def test_the_watermarks_never_go_back(store: ReadingStore, clock: RollupClock, pump: Device) -> None:
    clock.time = T0 + HOUR
    roll_up()
    clock.time = T0
    roll_up()
    assert (watermark(CLOSED), watermark(ROLLED)) == (T0 + HOUR - MINUTE, T0 + HOUR - MINUTE)


def test_rollups_and_marks_are_deleted_with_their_device(
    store: ReadingStore, clock: RollupClock, pump: Device, space: object
) -> None:
    put(store, pump, {0: 1.0})
    clock.time = T0 + 3 * HOUR
    roll_up()
    put(store, pump, {1: 1.0})
    pump.delete()
    roll_up()
    assert not Rollup.objects.exists()
    assert not LateHour.objects.exists()
