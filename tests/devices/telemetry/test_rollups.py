from __future__ import annotations

import math
import random
from collections import defaultdict
from fractions import Fraction

import pytest
from django.db import connection, transaction

from devices.models import Device, LateHour, Metric, Reading, Rollup
from devices.runtime import stats
from devices.telemetry import rollups
from devices.telemetry.store import ReadingStore
from devices.telemetry.watermarks import CLOSED, ROLLED, settled_until, watermark
from devices.values import Sample, Telemetry, Value

pytestmark = pytest.mark.django_db

SECOND, MINUTE, HOUR, DAY = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000
T0 = 19_676 * DAY + 22 * HOUR
"""Microseconds; two hours before a midnight."""

Bucket = tuple[int, float, float, float, float]


class Clock:
    """The worker's."""

    def __init__(self) -> None:
        self.time = T0

    def __call__(self) -> int:
        return self.time


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(rollups, "now_us", found)
    monkeypatch.setattr(rollups, "_pace", rollups._Pace())
    return found


@pytest.fixture
def store(clock: Clock) -> ReadingStore:
    return ReadingStore()


def put(store: ReadingStore, device: Device, values: dict[int, Value], metric: str = "speed") -> None:
    """Microseconds after T0 -> value."""
    samples = tuple(Sample(metric, value, T0 + after) for after, value in values.items())
    with transaction.atomic():
        store.store([(device, Telemetry(samples, T0))])


def work_through() -> None:
    """As the worker does: until there is nothing more to do at once."""
    for _ in range(1000):
        if not rollups.work():
            return
    raise AssertionError("it finds no end")


def stored(seconds: int | None = None) -> dict[tuple[int, int, int], Bucket]:
    found = Rollup.objects.all() if seconds is None else Rollup.objects.filter(seconds=seconds)
    return {(r.metric_id, r.seconds, r.start): (r.count, r.min, r.max, r.mean, r.last) for r in found}


def computed(until: int) -> dict[tuple[int, int, int], Bucket]:
    """What the buckets that are over by `until` must hold, from the readings."""
    numbers: defaultdict[tuple[int, int, int], list[float]] = defaultdict(list)
    for metric_id, time, number in (
        Reading.objects.filter(number__isnull=False).order_by("time").values_list("metric_id", "time", "number")
    ):
        for seconds in (60, 3600, 86400):
            start = time - time % (seconds * SECOND)
            if start + seconds * SECOND <= until:
                numbers[metric_id, seconds, start].append(number)
    return {key: (len(of), min(of), max(of), mean(of), of[-1]) for key, of in numbers.items()}


def mean(numbers: list[float]) -> float:
    return float(sum(map(Fraction, numbers)) / len(numbers))


def check(until: int) -> None:
    """Minutes and hours that a worker has computed ahead are nobody's affair until their time is rolled up."""
    found = {key: bucket for key, bucket in stored().items() if key[2] + key[1] * SECOND <= until}
    expected = computed(until)
    assert found.keys() == expected.keys()
    for key, bucket in expected.items():
        assert found[key] == pytest.approx(bucket, abs=1e-9), key


@pytest.mark.parametrize("seed", range(6))
def test_rollups_are_what_the_readings_come_to_whatever_comes_when(
    store: ReadingStore, clock: Clock, pump: Device, space: object, seed: int
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
            work_through()
            check(watermark(ROLLED))
    clock.time += 2 * DAY
    work_through()
    assert watermark(ROLLED) == watermark(CLOSED) >= clock.time - 2 * MINUTE
    check(watermark(ROLLED))
    assert stored().keys() == computed(watermark(ROLLED)).keys()
    assert not LateHour.objects.exists()


def test_each_level_is_there_once_its_time_is_over(store: ReadingStore, clock: Clock, pump: Device) -> None:
    put(store, pump, {0: 1.0, 30 * SECOND: 4.0, MINUTE: 7.0, HOUR: 8.0})
    sizes = {}
    for after in (MINUTE, 2 * MINUTE, 3 * MINUTE, HOUR + MINUTE, HOUR + 2 * MINUTE, 2 * HOUR + MINUTE):
        clock.time = T0 + after
        work_through()
        sizes[after // MINUTE] = tuple(len(stored(seconds)) for seconds in (60, 3600, 86400))
    assert sizes == {1: (0, 0, 0), 2: (1, 0, 0), 3: (2, 0, 0), 61: (2, 1, 0), 62: (3, 1, 0), 121: (3, 2, 1)}
    [day] = stored(86400).values()
    assert day == (4, 1.0, 8.0, 5.0, 8.0)


def test_a_late_reading_mends_its_minute_its_hour_and_its_day(store: ReadingStore, clock: Clock, pump: Device) -> None:
    put(store, pump, {0: 1.0, HOUR: 2.0})
    clock.time = T0 + 3 * HOUR
    work_through()
    late = stats.readings_late._value.get()
    put(store, pump, {30 * SECOND: 5.0, 2 * HOUR + 59 * MINUTE + 30 * SECOND: 1.0})
    assert stats.readings_late._value.get() == late + 1  # the other one is of a time that is not closed
    assert [mark.start for mark in LateHour.objects.all()] == [T0]
    assert settled_until() == T0
    work_through()
    metric = Metric.objects.get()
    assert stored()[metric.id, 60, T0] == (2, 1, 5, 3, 5)
    assert stored()[metric.id, 3600, T0] == (2, 1, 5, 3, 5)
    assert stored()[metric.id, 86400, T0 - 22 * HOUR] == (3, 1, 5, pytest.approx(8 / 3), 2)
    assert settled_until() == T0 + 3 * HOUR - MINUTE


def test_late_readings_of_a_batch_mark_each_hour_once(store: ReadingStore, clock: Clock, pump: Device) -> None:
    put(store, pump, {0: 0.0})
    clock.time = T0 + 3 * HOUR
    work_through()
    put(store, pump, {second * SECOND: 1.0 for second in range(1, 3700)})
    assert sorted(LateHour.objects.values_list("start", "version")) == [(T0, 1), (T0 + HOUR, 1)]
    put(store, pump, {second * SECOND + 1: 1.0 for second in range(10)})
    assert sorted(LateHour.objects.values_list("start", "version")) == [(T0, 2), (T0 + HOUR, 1)]


def test_late_text_marks_nothing(store: ReadingStore, clock: Clock, pump: Device) -> None:
    clock.time = T0 + HOUR
    work_through()
    put(store, pump, {0: "open"})
    assert not LateHour.objects.exists()


def test_what_comes_while_an_hour_is_mended_keeps_its_mark(
    store: ReadingStore, clock: Clock, pump: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.time = T0 + 3 * HOUR
    work_through()
    put(store, pump, {0: 1.0})
    mend = rollups._mend_hour

    def mend_and_be_overtaken(*args: int) -> None:
        mend(*args)
        monkeypatch.setattr(rollups, "_mend_hour", mend)
        put(store, pump, {1: 3.0})

    monkeypatch.setattr(rollups, "_mend_hour", mend_and_be_overtaken)
    rollups.work()
    assert [mark.version for mark in LateHour.objects.all()] == [2]
    work_through()
    assert {bucket[:4] for bucket in stored().values()} == {(2, 1, 3, 2)}
    assert not LateHour.objects.exists()


class Killed(Exception):
    pass


@pytest.mark.parametrize("statement", range(12))
def test_a_worker_that_ends_between_two_statements_leaves_nothing_out(
    store: ReadingStore, clock: Clock, pump: Device, statement: int
) -> None:
    put(store, pump, {second * SECOND: float(second) for second in range(0, 3 * 3600, 40)})
    clock.time = T0 + 2 * HOUR + 10 * MINUTE
    work_through()
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
            work_through()
    except Killed:
        pass
    work_through()
    check(watermark(ROLLED))
    assert watermark(ROLLED) == T0 + 3 * HOUR + 9 * MINUTE
    assert not LateHour.objects.exists()


def test_a_worker_that_is_overtaken_writes_nothing_older(store: ReadingStore, clock: Clock, pump: Device) -> None:
    """It has read the readings, another one rolls up late ones too, and it writes what it had."""
    put(store, pump, {0: 1.0})
    clock.time = T0 + 3 * HOUR
    work_through()
    old = [(metric_id, start, *bucket) for (metric_id, seconds, start), bucket in stored(60).items()]
    put(store, pump, {1: 9.0})
    work_through()
    before = stored()
    with connection.cursor() as cursor:
        cursor.executemany(rollups._REPLACE.format("VALUES (%s, 60, %s, %s, %s, %s, %s, %s)"), old)
    assert stored() == before


def test_retention_takes_readings_and_leaves_their_rollups(store: ReadingStore, clock: Clock, pump: Device) -> None:
    """A late reading of an hour whose readings are gone in part: the buckets that had more stay."""
    put(store, pump, {second * SECOND: 1.0 for second in range(3600)})
    clock.time = T0 + 5 * HOUR
    work_through()
    before = stored()
    Reading.objects.filter(time__lt=T0 + 30 * MINUTE + 20 * SECOND).delete()
    put(store, pump, {40 * MINUTE + 1: 2.0})
    work_through()
    after, metric = stored(), Metric.objects.get()
    assert after.keys() == before.keys()
    changed = {key for key in before if before[key] != after[key]}
    assert changed == {
        (metric.id, 60, T0 + 40 * MINUTE),
        (metric.id, 3600, T0),
        (metric.id, 86400, T0 - 22 * HOUR),
    }
    assert after[metric.id, 3600, T0][:3] == (3601, 1.0, 2.0)


def test_an_hour_without_readings_any_more_keeps_its_rollups(store: ReadingStore, clock: Clock, pump: Device) -> None:
    put(store, pump, {0: 1.0})
    clock.time = T0 + 5 * HOUR
    work_through()
    put(store, pump, {1: 2.0})
    before = stored()
    Reading.objects.all().delete()
    work_through()
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
    store: ReadingStore, clock: Clock, pump: Device, numbers: list[float]
) -> None:
    put(store, pump, {i * SECOND: number for i, number in enumerate(numbers)})
    clock.time = T0 + 3 * HOUR
    work_through()
    assert [key[1] for key in sorted(stored())] == [60, 3600, 86400]
    for bucket in stored().values():
        assert all(map(math.isfinite, bucket))
        largest = max(map(abs, numbers))
        assert bucket == pytest.approx(
            (len(numbers), min(numbers), max(numbers), mean(numbers), numbers[-1]), abs=largest * 1e-12
        )


def test_a_long_gap_is_passed_in_one_step(store: ReadingStore, clock: Clock, pump: Device) -> None:
    put(store, pump, {-3000 * DAY: 1.0, 0: 2.0})
    clock.time = T0 + 3 * HOUR
    steps = 1
    while rollups.work():
        steps += 1
    assert steps <= 5
    check(watermark(ROLLED))
    assert len(stored()) == 6


def test_steps_that_take_long_become_shorter_and_lose_nothing(
    store: ReadingStore, clock: Clock, pump: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollups, "STEP_S", 0)
    put(store, pump, {second * SECOND: float(second) for second in range(0, 2400, 7)})
    clock.time = T0 + 3 * HOUR
    steps = 1
    while rollups.work():
        steps += 1
    assert steps >= 30
    check(watermark(ROLLED))
    assert watermark(ROLLED) == T0 + 3 * HOUR - MINUTE


def test_the_watermarks_never_go_back(store: ReadingStore, clock: Clock, pump: Device) -> None:
    clock.time = T0 + HOUR
    work_through()
    clock.time = T0
    work_through()
    assert (watermark(CLOSED), watermark(ROLLED)) == (T0 + HOUR - MINUTE, T0 + HOUR - MINUTE)


def test_rollups_and_marks_go_with_their_device(store: ReadingStore, clock: Clock, pump: Device, space: object) -> None:
    put(store, pump, {0: 1.0})
    clock.time = T0 + 3 * HOUR
    work_through()
    put(store, pump, {1: 1.0})
    pump.delete()
    work_through()
    assert not Rollup.objects.exists()
    assert not LateHour.objects.exists()


def test_one_hour_that_is_late_all_the_time_does_not_hold_up_others(
    store: ReadingStore, clock: Clock, pump: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollups, "LATE_AT_ONCE", 2)
    clock.time = T0 + 9 * HOUR
    work_through()
    put(store, pump, {hour * HOUR: 1.0 for hour in range(6)})
    mend, more = rollups._mend_hour, iter(range(1, 1000))

    def mend_and_be_overtaken(metric_id: int, start: int, closed: int) -> None:
        mend(metric_id, start, closed)
        if start in (T0, T0 + HOUR):
            put(store, pump, {start - T0 + next(more): 1.0})

    monkeypatch.setattr(rollups, "_mend_hour", mend_and_be_overtaken)
    for _turn in range(3):
        work_through()
    assert {mark.start for mark in LateHour.objects.all()} == {T0, T0 + HOUR}
