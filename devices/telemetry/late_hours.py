"""Readings that arrive after their time was closed: ingest marks their hours, and the rollup job computes them again.

The watermark `CLOSED` divides the two. The job moves it, ingest holds it for the length of a transaction: so every
reading before it is either committed or will be marked.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable

import psycopg
from django.db import OperationalError, connection, transaction

from devices.runtime import stats
from devices.telemetry.buckets import DAYS, HOURS, MINUTES
from devices.telemetry.models import LateHour
from devices.telemetry.watermarks import CLOSED, advance, watermark

logger = logging.getLogger("hubbub.rollups")

LOCK_WAIT_MS = 200
"""How long `close` waits for transactions of ingest that are under way: further ingest waits behind it."""
_INGEST_LOCK = 0x48756262
"""Key of an advisory lock: shared by transactions that store readings, exclusive for the one that closes a time."""

# DO UPDATE locks a mark that exists already. So a job that has computed the hour without these readings and wants to
# delete the mark waits until they are committed, and then finds another version.
_MARK = (
    "INSERT INTO devices_latehour AS mark (metric_id, start, version) {}"
    " ON CONFLICT (metric_id, start) DO UPDATE SET version = mark.version + 1"
)


# A bucket is only replaced by one that counts at least as many readings.
_UNCOUNT = "UPDATE devices_rollup SET count = count - %s WHERE metric_id = %s AND seconds = %s AND start = %s"
_REMOVE = "DELETE FROM devices_rollup WHERE count < %s AND metric_id = %s AND seconds = %s AND start = %s"


def mark_late(rows: Iterable[tuple[int, int, float | None, str | None]], lost: Iterable[tuple[int, int]] = ()) -> None:
    """Marks the hours of those rows (metric id, time, number, text) that arrive after their time was closed.

    `lost`: metric id and time of the numbers that such a row has replaced by a text. Call it in the transaction that
    stores the rows.
    """
    closed = _hold_closed()
    late = [(metric_id, at) for metric_id, at, number, _ in rows if at < closed and number is not None]
    uncounted = [(metric_id, at) for metric_id, at in lost if at < closed]
    if not late and not uncounted:
        return
    stats.readings_late.inc(len(late))
    _uncount(uncounted)
    late += uncounted
    # Sorted, so that two transactions cannot deadlock.
    hours = sorted({(metric_id, at // HOURS.us * HOURS.us) for metric_id, at in late})
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            statement = _MARK.format("SELECT *, 1 FROM unnest(%s::bigint[], %s::bigint[])")
            cursor.execute(statement, [list(column) for column in zip(*hours, strict=True)])
        else:
            cursor.executemany(_MARK.format("VALUES (%s, %s, 1)"), hours)


def _uncount(numbers: Iterable[tuple[int, int]]) -> None:
    """Takes numbers that are no longer there out of the counts of their buckets."""
    buckets = Counter(
        (metric_id, source.seconds, at // source.us * source.us)
        for metric_id, at in numbers
        for source in (MINUTES, HOURS, DAYS)
    )
    if buckets:
        ordered = sorted(buckets.items())
        with connection.cursor() as cursor:
            cursor.executemany(_UNCOUNT, [(count, *bucket) for bucket, count in ordered])
            cursor.executemany(_REMOVE, [(1, *bucket) for bucket, _ in ordered])


def _hold_closed() -> int:
    """The time that is closed. It does not move until this transaction ends."""
    with connection.cursor() as cursor:
        read = f"SELECT time FROM devices_watermark WHERE name = '{CLOSED}'"  # noqa: S608 - a constant
        if connection.vendor == "postgresql":
            # One round trip, but two statements: a single one would read the row as it was before the lock was granted.
            cursor.execute(f"SELECT pg_advisory_xact_lock_shared({_INGEST_LOCK}); {read}")
            cursor.nextset()
        else:
            cursor.execute(read)  # the transaction is the only one that writes
        row = cursor.fetchone()
    return row[0] if row else 0


def close(until: int) -> None:
    """Readings before `until` that are stored from now on are late. Does nothing if ingest keeps it waiting too long.

    Once it is committed, every reading before `until` is committed as well, or will be marked as late.
    """
    if until <= watermark(CLOSED):
        return
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(f"SET LOCAL lock_timeout = {LOCK_WAIT_MS}; SELECT pg_advisory_xact_lock({_INGEST_LOCK})")
            advance(CLOSED, until)
    except OperationalError as error:
        if not isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
            raise
        logger.warning("ingest has been storing for longer than %s ms: closing waits for the next turn", LOCK_WAIT_MS)


def unmark(metric_id: int, start: int, version: int) -> bool:
    """Deletes the mark of an hour unless it has changed since `version`; whether it was deleted."""
    mark = LateHour.objects.filter(metric_id=metric_id, start=start, version=version)
    with transaction.atomic():
        # A locked mark is about to get another version. It stays, and the job does not wait for a bridge that hangs.
        if not mark.select_for_update(skip_locked=True).values_list("start"):
            return False
        mark.delete()
        return True
