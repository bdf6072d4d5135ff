"""Rolls readings up into minutes, hours and days.

Two watermarks tell how far it is. Readings before `CLOSED` that are stored now are late: their transaction marks the
hour, and a marked hour is computed again. Everything before `ROLLED` has been rolled up. `CLOSED` runs ahead, so a
worker that ends in between finds what it left.

A bucket is only ever replaced by one that counts as many readings or more. Readings don't change and are removed by
retention alone, so of two results the one with more readings is the newer: workers may overtake each other, and a
bucket outlives its readings.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from itertools import islice

import psycopg
from django.db import OperationalError, connection, transaction
from django.db.models import Min, OuterRef, Subquery

from devices.registry.models import Metric
from devices.runtime import stats
from devices.telemetry.buckets import DAYS, HOURS, MINUTES, RAW, Source, gathered
from devices.telemetry.models import LateHour, Reading
from devices.telemetry.watermarks import CLOSED, ROLLED, watermark
from devices.values import now_us

logger = logging.getLogger("hubbub.rollups")

GRACE_US = 60_000_000
"""How old a reading is before it counts as late: most that are on their way are stored by then."""
STEP_S = 1.0
"""How long a step may take: one that took longer is followed by a shorter one, so that memory is bounded too."""
LATE_AT_ONCE = 50
"""Late hours of one step."""
WRITE_AT_ONCE = 1_000
"""Rows of one transaction on SQLite, which has one writer: ingest must not wait for long."""
LOCK_WAIT_MS = 200
"""How long closing waits for ingest that is under way: further ingest waits behind it."""
_INGEST_LOCK = 0x48756262
"""Key of an advisory lock: shared by transactions that store readings, alone for who closes a time."""


def work() -> bool:
    """Rolls up what comes next, an hour at most, or mends some late hours. Whether there is more to do."""
    _close((now_us() - GRACE_US) // MINUTES.us * MINUTES.us)
    return _advance() or _mend()


def mark_late(rows: Iterable[tuple[int, int, float | None, str | None]]) -> None:
    """Marks the hours of those rows (metric id, time, number, text) that come after their time was closed.

    Call it in the transaction that stores the rows.
    """
    closed = _hold_open()
    late = [(metric_id, at) for metric_id, at, number, _ in rows if at < closed and number is not None]
    if not late:
        return
    stats.readings_late.inc(len(late))
    # In order, so that two transactions don't wait for each other.
    hours = sorted({(metric_id, at // HOURS.us * HOURS.us) for metric_id, at in late})
    # DO UPDATE, since that locks a mark that is there already: who has computed the hour without these readings and
    # takes the mark away waits until they are committed, and then finds another version.
    mark = (
        "INSERT INTO devices_latehour AS mark (metric_id, start, version) {}"
        " ON CONFLICT (metric_id, start) DO UPDATE SET version = mark.version + 1"
    )
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            rows_of = mark.format("SELECT *, 1 FROM unnest(%s::bigint[], %s::bigint[])")
            cursor.execute(rows_of, [list(column) for column in zip(*hours, strict=True)])
        else:
            cursor.executemany(mark.format("VALUES (%s, %s, 1)"), hours)


def _hold_open() -> int:
    """What time is closed. No more is closed until this transaction ends."""
    with connection.cursor() as cursor:
        read = f"SELECT time FROM devices_watermark WHERE name = '{CLOSED}'"  # noqa: S608 - a constant
        if connection.vendor == "postgresql":
            # In one go, but two statements: one alone would read what stood there before it waited for the lock.
            cursor.execute(f"SELECT pg_advisory_xact_lock_shared({_INGEST_LOCK}); {read}")
            cursor.nextset()
        else:
            cursor.execute(read)  # the transaction is the only one that writes
        row = cursor.fetchone()
    return row[0] if row else 0


def _close(until: int) -> None:
    """Makes `until` the time before which new readings are late, unless ingest is in the way for too long.

    Once it is committed, every reading before it is committed too, or will be marked as late.
    """
    if until <= watermark(CLOSED):
        return
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(f"SET LOCAL lock_timeout = {LOCK_WAIT_MS}; SELECT pg_advisory_xact_lock({_INGEST_LOCK})")
            _raise(CLOSED, until)
    except OperationalError as error:
        if not isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
            raise
        logger.warning("ingest has been storing for longer than %s ms: closing waits for the next turn", LOCK_WAIT_MS)


class _Pace:
    """How much time (microseconds) the next step rolls up, by how long the one before took."""

    def __init__(self) -> None:
        self.us = 8 * MINUTES.us

    def took(self, seconds: float) -> None:
        if seconds > STEP_S:
            self.us = max(MINUTES.us, self.us // 2 // MINUTES.us * MINUTES.us)
        elif seconds < STEP_S / 4:
            self.us = min(HOURS.us, self.us * 2)


_pace = _Pace()


def _advance() -> bool:
    """Rolls up from `ROLLED` on, in the next hour that holds readings, at most to `CLOSED`."""
    start, closed = watermark(ROLLED), watermark(CLOSED)
    if start >= closed:
        return False
    begin = time.monotonic()
    reading = _next_reading(start, closed)
    hour = reading // HOURS.us * HOURS.us
    end = min(closed, hour + HOURS.us, reading // MINUTES.us * MINUTES.us + _pace.us)
    _roll(RAW, MINUTES, start, end)
    _pace.took(time.monotonic() - begin)
    _roll(MINUTES, HOURS, start // HOURS.us * HOURS.us, end // HOURS.us * HOURS.us)
    _roll(HOURS, DAYS, start // DAYS.us * DAYS.us, end // DAYS.us * DAYS.us)
    _raise(ROLLED, end)
    return end < closed


def _mend() -> bool:
    """Computes late hours again, those first that have been marked least often: one that is marked all the time must
    not keep the others from their turn."""
    marks = list(LateHour.objects.order_by("version").values_list("metric_id", "start", "version")[:LATE_AT_ONCE])
    closed = watermark(CLOSED)
    mended = 0
    for metric_id, start, version in marks:
        _mend_hour(metric_id, start, closed)
        mended += _unmark(metric_id, start, version)
    return mended > 0 and len(marks) == LATE_AT_ONCE


def _mend_hour(metric_id: int, start: int, closed: int) -> None:
    day = start // DAYS.us * DAYS.us
    _roll(RAW, MINUTES, start, min(start + HOURS.us, closed), metric_id)
    if start + HOURS.us <= closed:
        _roll(MINUTES, HOURS, start, start + HOURS.us, metric_id)
    if day + DAYS.us <= closed:
        _roll(HOURS, DAYS, day, day + DAYS.us, metric_id)


def _unmark(metric_id: int, start: int, version: int) -> bool:
    """Whether the mark was still what it was, and is gone now."""
    mark = LateHour.objects.filter(metric_id=metric_id, start=start, version=version)
    with transaction.atomic():
        # A mark that somebody holds is being raised: it stays, and a bridge that hangs there is not waited for.
        if not mark.select_for_update(skip_locked=True).values_list("start"):
            return False
        mark.delete()
        return True


def _next_reading(start: int, end: int) -> int:
    """Time of the first reading from `start` to before `end`; without one `end`. One index seek a metric."""
    first = Reading.objects.filter(metric=OuterRef("pk"), time__gte=start, time__lt=end).order_by("time")
    found = Metric.objects.annotate(first=Subquery(first.values("time")[:1])).aggregate(time=Min("first"))["time"]
    return end if found is None else found


def _roll(source: Source, target: Source, start: int, end: int, metric_id: int | None = None) -> None:
    """Writes the buckets of `target` from `start` to before `end`, of one metric or of all."""
    if start >= end:
        return
    rows = gathered(source, target.us, start, end, metric_id)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            columns = f"metric_id, {target.seconds}, start, count, low, high, mean, last"
            with transaction.atomic():
                cursor.execute("SET LOCAL jit = off")  # compiling takes as long as running it
                cursor.execute(_REPLACE.format(f"SELECT {columns} FROM ({rows}) gathered"))  # noqa: S608 - see `gathered`
            return
        # An INSERT … SELECT would keep SQLite's one writer for as long as it reads.
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


def _raise(name: str, until: int) -> None:
    """Moves a watermark, never back."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO devices_watermark AS old (name, time) VALUES (%s, %s)"
            " ON CONFLICT (name) DO UPDATE SET time = excluded.time WHERE excluded.time > old.time",
            [name, until],
        )
