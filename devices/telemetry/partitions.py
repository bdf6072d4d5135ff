"""On PostgreSQL the readings lie in a partition a week, so that old ones go by dropping a table and not row by row.

SQLite has none, and nothing here does anything there. Where the TimescaleDB extension is installed, it keeps the weeks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from django.db import OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper

from devices.registry.models import Metric
from devices.telemetry.models import Reading
from devices.values import now_us

WEEK_US = 7 * 86_400_000_000
"""A partition, in microseconds; weeks are counted from 1970-01-01, a Thursday."""
AHEAD = 2
"""Weeks that are made before they begin."""
LOCK_WAIT_MS = 200
"""How long emptying a week waits for those who read or write: more of them queue up behind it meanwhile."""

_TABLE = Reading._meta.db_table
_METRICS = Metric._meta.db_table
_NAME = re.compile(rf"{_TABLE}_(\d{{8}})")
_KEY = 0x4875627742  # of an advisory lock: who makes partitions or empties them
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_there: set[int] = set()


@dataclass(frozen=True, slots=True)
class Week:
    """A partition: its table, and its times from `start` to before `end` in microseconds."""

    number: int

    @property
    def start(self) -> int:
        return self.number * WEEK_US

    @property
    def end(self) -> int:
        return self.start + WEEK_US

    @property
    def table(self) -> str:
        return f"{_TABLE}_{_EPOCH + timedelta(weeks=self.number):%Y%m%d}"


def ensure(times: Iterable[int]) -> None:
    """Makes the partitions for readings of these times, in the transaction that stores them.

    Two transactions that make metrics and partitions at the same moment may find each other in the way; the database
    ends one of them then, and it is tried again like any that fails.
    """
    if connection.vendor != "postgresql":
        return
    missing = {time // WEEK_US for time in times} - _there
    if not missing:
        return
    with connection.cursor() as cursor:
        if not has_timescale(cursor):
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_KEY])
            for number in sorted(missing):
                create(cursor, Week(number))
    # Not before the commit: what is rolled back is not there.
    transaction.on_commit(lambda: _there.update(missing))


def prepare() -> bool:
    """Makes this week's partition and those to come. Nothing is left to do then."""
    now = now_us()
    with transaction.atomic():
        ensure(now + ahead * WEEK_US for ahead in range(AHEAD + 1))
    return False


def forget() -> None:
    """Looks at the database again: a partition that was there may have been dropped by another process."""
    _there.clear()


def create(cursor: CursorWrapper, week: Week) -> None:
    """Makes the partition unless it is there. `CREATE TABLE … PARTITION OF` would keep ingest out meanwhile."""
    cursor.execute("SELECT to_regclass(%s)", [week.table])
    if cursor.fetchone()[0] is None:
        cursor.execute(f"CREATE TABLE {week.table} (LIKE {_TABLE} INCLUDING ALL)")
        cursor.execute(
            f"ALTER TABLE {_TABLE} ATTACH PARTITION {week.table} FOR VALUES FROM ({week.start}) TO ({week.end})"
        )


def weeks_until(time: int) -> list[Week]:
    """The partitions that end at `time` (microseconds) or before it, oldest first; none without partitions."""
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        if has_timescale(cursor):
            cursor.execute(
                "SELECT DISTINCT range_start_integer FROM timescaledb_information.chunks WHERE hypertable_name = %s",
                [_TABLE],
            )
            found = [Week(start // WEEK_US) for (start,) in cursor]
        else:
            cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass", [_TABLE])
            found = [_week_of(name[1]) for (text,) in cursor if (name := _NAME.search(text))]
    return sorted((week for week in found if week.end <= time), key=lambda week: week.number)


def clear(week: Week) -> int | None:
    """Removes the week's readings but for those that are the newest of their metric; the partition too if none is.

    About how many went, as the database estimates them; None where somebody reads or writes the readings for so long
    that this has to wait for another time. Raises what the database raises.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = {LOCK_WAIT_MS}")
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_KEY])
            return _clear(cursor, week)
    except OperationalError as error:
        if isinstance(error.__cause__, (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)):
            return None
        raise
    finally:
        forget()


def _clear(cursor: CursorWrapper, week: Week) -> int:
    kept = _newest(cursor, week)
    if kept and _holds_no_more_than(cursor, week, len(kept)):
        return 0
    size = _size(cursor, week)
    if has_timescale(cursor):
        cursor.execute(
            "SELECT drop_chunks(%s::regclass, older_than => %s, newer_than => %s)", [_TABLE, week.end, week.start]
        )
    else:
        # TRUNCATE locks the partition alone, DROP all of them.
        cursor.execute(f"TRUNCATE {week.table}" if kept else f"DROP TABLE {week.table}")
    cursor.executemany(
        f"INSERT INTO {_TABLE} (metric_id, time, number, text) VALUES (%s, %s, %s, %s)",  # noqa: S608 - a constant
        kept,
    )
    return max(0, size - len(kept))


def _newest(cursor: CursorWrapper, week: Week) -> list[tuple[Any, ...]]:
    """The readings of the week that are the newest of their metric. Two index seeks a metric."""
    cursor.execute(f"""
        SELECT metric.id, time, number, text FROM {_METRICS} metric CROSS JOIN LATERAL (
            SELECT time, number, text FROM {_TABLE}
            WHERE metric_id = metric.id AND time >= {week.start} AND time < {week.end} ORDER BY time DESC LIMIT 1
        ) last
        WHERE NOT EXISTS (SELECT 1 FROM {_TABLE} WHERE metric_id = metric.id AND time >= {week.end})
    """)  # noqa: S608 - names of the code and whole numbers
    return cursor.fetchall()


def _holds_no_more_than(cursor: CursorWrapper, week: Week, count: int) -> bool:
    within = f"{_TABLE} WHERE time >= {week.start} AND time < {week.end}"
    cursor.execute(f"SELECT count(*) FROM (SELECT 1 FROM {within} LIMIT {count + 1}) found")  # noqa: S608 - as above
    return cursor.fetchone()[0] <= count


def _size(cursor: CursorWrapper, week: Week) -> int:
    cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass(%s)", [week.table])
    row = cursor.fetchone()
    return row[0] if row else 0


def has_timescale(cursor: CursorWrapper) -> bool:
    """Whether TimescaleDB keeps the partitions."""
    cursor.execute("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'")
    return cursor.fetchone() is not None


def _week_of(day: str) -> Week:
    return Week((datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC) - _EPOCH) // timedelta(weeks=1))
