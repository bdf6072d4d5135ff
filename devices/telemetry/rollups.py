"""Rolls readings up into minutes, hours and days.

Two watermarks record the progress. Readings before `CLOSED` that are stored now are late: their transaction marks the
hour, and a marked hour is computed again. Everything before `ROLLED` has been rolled up. `CLOSED` runs ahead, so a
worker that ends in between finds what it left behind.

A bucket is only ever replaced by one that counts at least as many readings. Only retention removes readings, so of two
results the one with more readings is the newer: workers may overtake each other, and a bucket outlives its readings. A
reading that gets another value marks its hour like a late one.
"""

from __future__ import annotations

import time
from itertools import islice

from django.db import connection, transaction
from django.db.models import Min, OuterRef, Subquery

from devices.registry.models import Metric
from devices.telemetry.buckets import DAYS, HOURS, MINUTES, RAW, BucketSource, select_buckets
from devices.telemetry.late_hours import close, unmark
from devices.telemetry.models import LateHour, Reading
from devices.telemetry.watermarks import CLOSED, ROLLED, advance, watermark
from devices.values import now_us

GRACE_US = 60_000_000
"""Age at which a reading counts as late: most readings that are on their way are stored by then."""
STEP_S = 1.0
"""How long a step may take: a longer one is followed by a shorter one, which bounds the memory too."""
LATE_AT_ONCE = 50
"""Late hours of one step."""
WRITE_AT_ONCE = 1_000
"""Rows of one transaction on SQLite, which has a single writer: ingest must not wait for long."""


class RollupJob:
    """Rolls up in steps of about `STEP_S`: it remembers how many readings' time one step can cover."""

    def __init__(self) -> None:
        self._span_us = 8 * MINUTES.us

    def step(self) -> bool:
        """Rolls up the next readings, an hour's at most, or some late hours. Returns whether there is more to do."""
        close((now_us() - GRACE_US) // MINUTES.us * MINUTES.us)
        return self._roll_up_next() or _recompute_late_hours()

    def _roll_up_next(self) -> bool:
        """Rolls up from `ROLLED` on, within the next hour that has readings, at most to `CLOSED`."""
        start, closed = watermark(ROLLED), watermark(CLOSED)
        if start >= closed:
            return False
        begin = time.monotonic()
        reading = _next_reading(start, closed)
        hour = reading // HOURS.us * HOURS.us
        end = min(closed, hour + HOURS.us, reading // MINUTES.us * MINUTES.us + self._span_us)
        _write_buckets(RAW, MINUTES, start, end)
        self._adjust_span(time.monotonic() - begin)
        _write_buckets(MINUTES, HOURS, start // HOURS.us * HOURS.us, end // HOURS.us * HOURS.us)
        _write_buckets(HOURS, DAYS, start // DAYS.us * DAYS.us, end // DAYS.us * DAYS.us)
        advance(ROLLED, end)
        return end < closed

    def _adjust_span(self, seconds: float) -> None:
        """Sets what the next step covers by how long this one took."""
        if seconds > STEP_S:
            self._span_us = max(MINUTES.us, self._span_us // 2 // MINUTES.us * MINUTES.us)
        elif seconds < STEP_S / 4:
            self._span_us = min(HOURS.us, self._span_us * 2)


def _recompute_late_hours() -> bool:
    """Computes late hours again, the least often marked first: one that is marked all the time must not keep the
    others waiting. Returns whether there is more to do."""
    marks = list(LateHour.objects.order_by("version").values_list("metric_id", "start", "version")[:LATE_AT_ONCE])
    closed = watermark(CLOSED)
    finished = 0
    for metric_id, start, version in marks:
        _recompute_hour(metric_id, start, closed)
        finished += unmark(metric_id, start, version)
    return finished > 0 and len(marks) == LATE_AT_ONCE


def _recompute_hour(metric_id: int, start: int, closed: int) -> None:
    day = start // DAYS.us * DAYS.us
    _write_buckets(RAW, MINUTES, start, min(start + HOURS.us, closed), metric_id)
    if start + HOURS.us <= closed:
        _write_buckets(MINUTES, HOURS, start, start + HOURS.us, metric_id)
    if day + DAYS.us <= closed:
        _write_buckets(HOURS, DAYS, day, day + DAYS.us, metric_id)


def _next_reading(start: int, end: int) -> int:
    """Time of the first reading from `start` to before `end`; `end` if there is none. One index seek per metric."""
    first = Reading.objects.filter(metric=OuterRef("pk"), time__gte=start, time__lt=end).order_by("time")
    found = Metric.objects.annotate(first=Subquery(first.values("time")[:1])).aggregate(time=Min("first"))["time"]
    return end if found is None else found


def _write_buckets(
    source: BucketSource, target: BucketSource, start: int, end: int, metric_id: int | None = None
) -> None:
    """Writes the buckets of `target` from `start` to before `end`, of one metric or of all."""
    if start >= end:
        return
    rows = select_buckets(source, target.us, start, end, metric_id)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            columns = f"metric_id, {target.seconds}, start, count, low, high, mean, last"
            with transaction.atomic():
                cursor.execute("SET LOCAL jit = off")  # compiling takes as long as running it
                cursor.execute(_REPLACE.format(f"SELECT {columns} FROM ({rows}) buckets"))  # noqa: S608 - see `select_buckets`
            return
        # An INSERT … SELECT would occupy SQLite's single writer for as long as it reads.
        found = iter(cursor.execute(rows).fetchall())
        values = _REPLACE.format(f"VALUES (%s, {target.seconds}, %s, %s, %s, %s, %s, %s)")
        while some := list(islice(found, WRITE_AT_ONCE)):
            with transaction.atomic():
                cursor.executemany(values, some)


_REPLACE = (
    "INSERT INTO devices_rollup AS old (metric_id, seconds, start, count, min, max, mean, last) {}"
    " ON CONFLICT (metric_id, seconds, start) DO UPDATE SET count = excluded.count, min = excluded.min,"
    " max = excluded.max, mean = excluded.mean, last = excluded.last WHERE excluded.count >= old.count"
)
