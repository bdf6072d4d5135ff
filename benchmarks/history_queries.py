"""The hub's side of `benchmarks.history`: one step a process, on the database of DATABASE_URL."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import django

django.setup()

from django.db import connection, transaction  # noqa: E402 - needs the settings

from devices.models import Device, Metric, Reading, Space  # noqa: E402
from devices.rooms import provisioning  # noqa: E402
from devices.telemetry import snapshots  # noqa: E402
from devices.telemetry.history import history  # noqa: E402
from devices.telemetry.partitions import Partitions  # noqa: E402
from devices.telemetry.rollups import RollupJob  # noqa: E402
from devices.values import now_us  # noqa: E402

DEVICES, METRICS, READINGS = 10, 10, 100_000
"""Devices, metrics of each, readings of each metric: ten million."""
ROWS = 2_000
"""Readings of each metric that one statement makes."""
STEP_US = 26_000_000
"""Between two readings of a metric: 30 days and an hour in all."""
DAY_US = 86_400_000_000


def fill() -> None:
    """Readings in the order in which they would have come, so that those of a metric lie as far apart as they would."""
    space = Space.objects.create(slug="bench", name="Bench")
    for i in range(DEVICES):
        device, _ = provisioning.create_device(f"bench-{i}", space)
        Metric.objects.bulk_create(Metric(device=device, name=f"metric-{n}") for n in range(METRICS))
    begin = now_us() - READINGS * STEP_US
    with transaction.atomic():
        Partitions().ensure(begin + i * STEP_US for i in range(READINGS))
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = replica")  # ten million checks of a foreign key take minutes
        for first in range(0, READINGS, ROWS):
            cursor.execute(
                f"INSERT INTO {Reading._meta.db_table} (metric_id, time, number)"
                f" SELECT id, {begin} + i * {STEP_US} + id * 1000, 20 + (i * 7 + id * 13) % 101 * 0.25"
                f" FROM {_numbers(first, min(READINGS, first + ROWS))} CROSS JOIN {Metric._meta.db_table} ORDER BY i"
            )
        cursor.execute("ANALYZE")


def _numbers(start: int, end: int) -> str:
    """A table `series` of the whole numbers `i`, as 64 bits."""
    if connection.vendor == "postgresql":
        return f"generate_series({start}::bigint, {end - 1}) AS series(i)"
    series = f"SELECT {start} UNION ALL SELECT i + 1 FROM series WHERE i < {end - 1}"
    return f"(WITH RECURSIVE series(i) AS ({series}) SELECT i FROM series) series"


def roll_up() -> None:
    job, begin, steps, longest = RollupJob(), time.perf_counter(), 0, 0.0
    more = True
    while more:
        step = time.perf_counter()
        more = job.step()
        steps, longest = steps + 1, max(longest, time.perf_counter() - step)
    took = time.perf_counter() - begin
    print(
        f"  rolled up in {took:.1f} s, {steps} steps, {1000 * took / steps:.0f} ms each, {1000 * longest:.0f} at most"
    )


def month(device: Device, metric: str) -> None:
    found = history(device, metric, now_us() - 30 * DAY_US, now_us(), 1_000)
    assert found["resolution"] == "3600s", found["resolution"]


def raw_day(device: Device, metric: str) -> None:
    found = history(device, metric, now_us() - 15 * DAY_US, now_us() - 14 * DAY_US, 5_000)
    assert found["resolution"] == "raw"
    assert len(found["t"]) - DAY_US // STEP_US in (0, 1), len(found["t"])


def latest(device: Device, metric: str) -> None:
    assert len(snapshots.of_devices([device])[device.uid]["latest"]) == METRICS


KINDS: dict[str, Callable[[Device, str], None]] = {"month": month, "raw_day": raw_day, "latest": latest}


def timed(kind: str, device: Device, metric: str) -> float:
    """Milliseconds."""
    begin = time.perf_counter()
    KINDS[kind](device, metric)
    return 1000 * (time.perf_counter() - begin)


def warm(kind: str) -> None:
    """The median and the longest time over all metrics, once each has been asked for."""
    asked = [(device, f"metric-{n}") for device in Device.objects.filter(space__slug="bench") for n in range(METRICS)]
    for device, metric in asked:
        timed(kind, device, metric)
    took = [timed(kind, device, metric) for device, metric in asked]
    print(statistics.median(took), max(took))


def cold(kind: str, i: str) -> None:
    """The time of the first question, of one metric, once Django has compiled its queries for a device without any."""
    empty = Device(uid="none", space=Space(slug="none"))
    empty.id = 0
    snapshots.of_devices([empty])
    Metric.objects.filter(device=empty, name="none").first()
    device = Device.objects.select_related("space").get(uid=f"bench-{i}")
    print(timed(kind, device, f"metric-{i}"))


if __name__ == "__main__":
    {"fill": fill, "roll_up": roll_up, "warm": warm, "cold": cold}[sys.argv[1]](*sys.argv[2:])
