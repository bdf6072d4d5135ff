"""Readings, the clock of the rollup job, and what its rollups must hold."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction

import pytest
from django.db import transaction

from devices.models import Device, Reading, Rollup
from devices.telemetry.rollups import RollupJob
from devices.telemetry.store import ReadingStore
from devices.values import Sample, Telemetry, Value

SECOND, MINUTE, HOUR, DAY = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000
T0 = 19_676 * DAY + 22 * HOUR
"""Microseconds; two hours before a midnight."""

Bucket = tuple[int, float, float, float, float]
"""Count, min, max, mean, last."""


class RollupClock:
    """The time that the rollup job reads."""

    def __init__(self) -> None:
        self.time = T0

    def __call__(self) -> int:
        return self.time


def put(store: ReadingStore, device: Device, values: dict[int, Value], metric: str = "speed") -> None:
    """Stores readings: microseconds after T0 -> value."""
    samples = tuple(Sample(metric, value, T0 + after) for after, value in values.items())
    with transaction.atomic():
        store.store([(device, Telemetry(samples, T0))])


def roll_up() -> int:
    """Runs the job as the worker does, until there is nothing more to do at once; returns how many steps it took."""
    job = RollupJob()
    for step in range(1, 1000):
        if not job.step():
            return step
    raise AssertionError("the job does not come to an end")


def stored(seconds: int | None = None) -> dict[tuple[int, int, int], Bucket]:
    """(metric id, seconds, start) -> rollup."""
    found = Rollup.objects.all() if seconds is None else Rollup.objects.filter(seconds=seconds)
    return {(r.metric_id, r.seconds, r.start): (r.count, r.min, r.max, r.mean, r.last) for r in found}


def computed(until: int) -> dict[tuple[int, int, int], Bucket]:
    """The rollups of all buckets that end by `until`, computed from the readings."""
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
    """The exact mean."""
    return float(sum(map(Fraction, numbers)) / len(numbers))


def check(until: int) -> None:
    """Asserts that the rollups up to `until` are right. A worker may have computed later ones ahead."""
    found = {key: bucket for key, bucket in stored().items() if key[2] + key[1] * SECOND <= until}
    expected = computed(until)
    assert found.keys() == expected.keys()
    for key, bucket in expected.items():
        assert found[key] == pytest.approx(bucket, abs=1e-9), key
