"""History of a metric whose readings have been rolled up in part, and removed in part."""

from __future__ import annotations

import json
import math
import random
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from devices.models import Device, LateHour, Reading, Rollup
from devices.telemetry import history as telemetry_history
from devices.telemetry import rollups
from devices.telemetry.history import WIDTHS, history
from devices.telemetry.rollups import RollupJob
from devices.telemetry.store import ReadingStore
from devices.values import Sample, Telemetry, Value

pytestmark = pytest.mark.django_db

SECOND, MINUTE, HOUR, DAY = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000
T0 = 19_676 * DAY
"""Microseconds; a midnight."""


def store(device: Device, values: dict[int, Value], metric: str = "speed") -> None:
    """Microseconds after T0 -> value."""
    samples = tuple(Sample(metric, value, T0 + after) for after, value in values.items())
    ReadingStore().store([(device, Telemetry(samples, T0))])


@pytest.fixture
def roll_up_until(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the rollup job as it is done at so many microseconds after T0."""

    def roll_up(after: int) -> None:
        monkeypatch.setattr(rollups, "now_us", lambda: T0 + after + rollups.GRACE_US)
        job = RollupJob()
        while job.step():
            pass

    return roll_up


def width_of(found: Any) -> int:
    return round(float(found["resolution"].removesuffix("s")) * SECOND)


def check(found: Any, readings: dict[int, float], start: int, end: int, points: int) -> None:
    """Asserts that the columns match these readings (microseconds after T0 -> number)."""
    if found["resolution"] == "raw":
        inside = {(T0 + after) // 1000: number for after, number in readings.items() if start <= after < end}
        assert dict(zip(found["t"], found["v"], strict=True)) == inside
        return
    width = width_of(found)
    assert width in WIDTHS
    assert len(found["t"]) <= max(points, 2)
    expected: dict[int, list[float]] = {}
    for after in sorted(readings):
        expected.setdefault((T0 + after) // width * width // 1000, []).append(readings[after])
    assert found["t"] == sorted(set(found["t"]))
    for row in zip(*(found[column] for column in ("t", "count", "min", "max", "mean", "last")), strict=True):
        of = expected[row[0]]
        assert row[1:] == pytest.approx((len(of), min(of), max(of), math.fsum(of) / len(of), of[-1]))
        assert (T0 + start) // 1000 - width // 1000 < row[0] < (T0 + end) / 1000
    inside = {(T0 + after) // width * width // 1000 for after in readings if start <= after < end}
    assert inside <= set(found["t"])


@pytest.mark.parametrize("seed", range(4))
def test_buckets_are_right_wherever_the_rollups_end(pump: Device, roll_up_until: Any, seed: int) -> None:
    dice = random.Random(seed)
    readings: dict[int, float] = {}
    for burst in range(60):
        begin = dice.randrange(4 * DAY)
        for _ in range(dice.randint(1, 40)):
            readings[begin + dice.randrange(20 * MINUTE) // 1000 * 1000] = float(burst)
    store(pump, dict(readings))
    for rolled in (0, 7 * HOUR + 13 * MINUTE, DAY, 3 * DAY + 50 * MINUTE, 5 * DAY):
        roll_up_until(rolled)
        for _ in range(25):
            start = dice.randrange(4 * DAY)
            end = start + 1 + dice.randrange(dice.choice([MINUTE, HOUR, DAY, 4 * DAY]))
            points = dice.choice([1, 2, 5, 30, 200])
            check(history(pump, "speed", T0 + start, T0 + end, points), readings, start, end, points)


@pytest.mark.parametrize(
    ("span", "points", "resolution"),
    [
        (10 * SECOND, 1000, "0.01s"),
        (10 * SECOND, 100, "0.1s"),
        (10 * SECOND, 60, "0.2s"),
        (10 * SECOND, 20, "0.5s"),
        (10 * SECOND, 10, "1s"),
    ],
)
def test_fast_metrics_have_buckets_below_a_second(pump: Device, span: int, points: int, resolution: str) -> None:
    readings = {i * 2000: math.sin(i) for i in range(5000)}
    store(pump, dict(readings))
    found = history(pump, "speed", T0, T0 + span, points)
    assert found["resolution"] == resolution
    check(found, readings, 0, span, points)


def test_too_many_readings_to_aggregate_are_returned_by_the_minute(
    pump: Device, roll_up_until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings = {i * SECOND // 10: math.sin(i) for i in range(6000)}
    store(pump, dict(readings))
    roll_up_until(HOUR)
    assert history(pump, "speed", T0, T0 + 600 * SECOND, 1000)["resolution"] == "1s"
    monkeypatch.setattr(telemetry_history, "MAX_AGGREGATED", 5999)
    found = history(pump, "speed", T0, T0 + 600 * SECOND, 1000)
    assert found["resolution"] == "60s"
    check(found, readings, 0, 600 * SECOND, 1000)


def test_widths_go_from_rollup_to_rollup(pump: Device, roll_up_until: Any) -> None:
    store(pump, {hour * HOUR: float(hour) for hour in range(24 * 30)})
    roll_up_until(30 * DAY)
    resolutions = [
        history(pump, "speed", T0, T0 + 30 * DAY, points)["resolution"] for points in (1000, 719, 300, 30, 6)
    ]
    assert resolutions == ["raw", "7200s", "10800s", "86400s", "604800s"]


def test_rollups_are_returned_where_readings_have_been_removed(pump: Device, roll_up_until: Any) -> None:
    readings = {minute * MINUTE + 7 * SECOND: float(minute) for minute in range(0, 3 * 24 * 60, 7)}
    store(pump, dict(readings))
    roll_up_until(3 * DAY)
    Reading.objects.filter(time__lt=T0 + 2 * DAY).delete()
    found = history(pump, "speed", T0, T0 + 3 * DAY, 5000)
    assert found["resolution"] == "60s"
    check(found, readings, 0, 3 * DAY, 5000)
    assert history(pump, "speed", T0 + 2 * DAY, T0 + 3 * DAY, 5000)["resolution"] == "raw"
    Rollup.objects.filter(seconds=60, start__lt=T0 + DAY).delete()
    found = history(pump, "speed", T0, T0 + 3 * DAY, 5000)
    assert found["resolution"] == "3600s"
    check(found, readings, 0, 3 * DAY, 5000)
    assert history(pump, "speed", T0 + DAY, T0 + 3 * DAY, 5000)["resolution"] == "60s"
    Rollup.objects.filter(seconds__lt=86400).delete()
    Reading.objects.all().delete()
    assert history(pump, "speed", T0 + 5 * HOUR, T0 + 6 * HOUR, 5000)["t"] == [T0 // 1000]


def test_a_window_that_begins_within_a_rolled_up_minute_is_raw(pump: Device, roll_up_until: Any) -> None:
    store(pump, {second * SECOND: 1.0 for second in range(600)})
    roll_up_until(HOUR)
    assert history(pump, "speed", T0 + 90 * SECOND, T0 + HOUR, 1000)["resolution"] == "raw"
    assert len(history(pump, "speed", T0 + 90 * SECOND, T0 + HOUR, 1000)["t"]) == 510


def test_late_readings_are_counted_after_the_next_step_of_the_job(pump: Device, roll_up_until: Any) -> None:
    readings = {second * SECOND: 1.0 for second in range(0, 7200, 10)}
    store(pump, dict(readings))
    roll_up_until(3 * HOUR)
    late = {second * SECOND + 1000: 5.0 for second in range(0, 7200, 600)}
    store(pump, dict(late))
    assert sum(history(pump, "speed", T0, T0 + 2 * HOUR, 100)["count"]) == 720
    assert LateHour.objects.exists()
    roll_up_until(3 * HOUR)
    check(history(pump, "speed", T0, T0 + 2 * HOUR, 100), readings | late, 0, 2 * HOUR, 100)


@pytest.mark.parametrize("rolled", [0, 5 * HOUR])
def test_no_mean_is_infinite(pump: Device, roll_up_until: Any, rolled: int) -> None:
    store(pump, {second * SECOND: 1.7e308 for second in range(0, 7200, 100)})
    roll_up_until(rolled)
    found = history(pump, "speed", T0, T0 + 3 * HOUR, 3)
    assert set(found["mean"]) == {1.7e308}
    json.dumps(found, allow_nan=False)


def test_text_stays_raw_beside_rollups_of_other_metrics(pump: Device, roll_up_until: Any) -> None:
    store(pump, {second * SECOND: "open" for second in range(100)}, "mode")
    store(pump, {0: 1.0})
    roll_up_until(HOUR)
    found = history(pump, "mode", T0, T0 + HOUR, 10)
    assert (found["resolution"], found["v"]) == ("raw", ["open"] * 10)


def test_an_answer_takes_at_most_eleven_queries(
    pump: Device, roll_up_until: Any, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    store(pump, {minute * MINUTE: 1.0 for minute in range(5000)})
    roll_up_until(3 * DAY + 10 * MINUTE)
    with django_assert_max_num_queries(11):
        history(pump, "speed", T0, T0 + 4 * DAY, 5)
